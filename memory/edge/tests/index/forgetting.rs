//! What was removed is in no file of the index.

use super::*;

/// Whether a file below `folder` has these bytes in it. Most of what is read are holes, which are passed by.
fn is_in(folder: &Path, bytes: &[u8]) -> bool {
    files(folder).iter().any(|file| {
        let content = fs::read(file).unwrap();
        let mut rest = content.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == bytes[0]) {
            if rest[at..].starts_with(bytes) {
                return true;
            }
            rest = &rest[at + 1..];
        }
        false
    })
}

/// Four numbers of a vector as the store writes them, with 16 or with 32 bits.
fn stored(vector: &Embedding, half: bool) -> Vec<u8> {
    // Those that 16 bits have with an exponent: sign, exponent and mantissa are only shortened.
    let run = vector
        .windows(4)
        .find(|four| four.iter().all(|number| number.abs() > 1e-3))
        .unwrap();
    let short = |number: &f32| {
        let bits = number.to_bits();
        let exponent = (bits >> 23 & 0xff) - 112;
        (bits >> 16 & 0x8000 | exponent << 10 | bits >> 13 & 0x3ff) as u16
    };
    match half {
        true => run.iter().flat_map(|x| short(x).to_le_bytes()).collect(),
        false => run.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

/// As the log has them: CBOR.
fn logged(vector: &Embedding) -> Vec<u8> {
    let number = |x: &f32| [vec![0xfa], x.to_be_bytes().to_vec()].concat();
    vector[..4].iter().flat_map(number).collect()
}

#[tokio::test]
async fn nothing_of_a_removed_point_stays_in_its_files() {
    for (count, half) in [(30, true), (30, false), (5_000, true)] {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("index");
        let options = EdgeOptions::new().half_precision(half);
        let index = EdgeIndex::open(&folder, options).await.unwrap();
        index.reset(&stamp()).await.unwrap();
        index.upsert(points(1..count + 1)).await.unwrap();
        index.flush().await.unwrap();
        let kept = index.scan(Some(ItemId(6)), 2).await.unwrap();
        let numbers = |at: usize| stored(&kept[at].vector, half);
        assert!(is_in(&folder, &numbers(0)) && is_in(&folder, &numbers(1)));

        index.remove(&[ItemId(7)]).await.unwrap();
        index.flush().await.unwrap();
        assert!(is_in(&folder, &numbers(0)), "it is only marked");
        index.purge().await.unwrap();
        assert!(!is_in(&folder, &numbers(0)), "{count} points");
        assert!(!is_in(&folder, &logged(&vector(7))), "{count} points");
        assert!(is_in(&folder, &numbers(1)));
        assert_eq!(index.count().await.unwrap(), count - 1);
        assert_eq!(nearest(&index, 8).await, 8);

        // And it goes on: with the next point, the next that is removed, and the next process.
        index.upsert(points(7..8)).await.unwrap();
        assert_eq!(nearest(&index, 7).await, 7);
        index.remove(&[ItemId(7), ItemId(8)]).await.unwrap();
        index.purge().await.unwrap();
        assert!(!is_in(&folder, &numbers(0)) && !is_in(&folder, &numbers(1)));
        assert!(!is_in(&folder, &logged(&vector(7))));
        drop(index);
        let index = open(&folder).await.unwrap();
        assert_eq!(index.count().await.unwrap(), count - 2);
        index.upsert(points(8..9)).await.unwrap();
        assert_eq!(nearest(&index, 8).await, 8);
    }
}

/// Gives the text `n` the vector of the number n.
#[derive(Debug)]
struct Numbered(EmbedderProfile);

#[async_trait::async_trait]
impl Embedder for Numbered {
    fn profile(&self) -> &EmbedderProfile {
        &self.0
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        Ok(texts
            .iter()
            .map(|text| vector(text.trim().parse().unwrap()))
            .collect())
    }
}

/// Killed between the archive and the index, or done with another index: whoever opens it is rid of it.
#[tokio::test]
async fn nothing_of_what_an_archive_forgot_stays_in_its_files_when_it_is_opened() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("index");
    let numbered = EmbedderProfile {
        name: "numbered".to_owned(),
        dimensions: DIMENSIONS,
        max_tokens: usize::MAX,
    };
    let numbered = Arc::new(Numbered(numbered));
    let memory = async || {
        let archive = Archive::open_without_fsync(root.path().join("memory.db")).unwrap();
        let index = Arc::new(open(&folder).await.unwrap());
        Memory::open(archive, index, numbered.clone())
            .await
            .unwrap()
    };
    let opened = memory().await;
    let ada = Namespace::new("ada", "bot", "talk");
    let ada = opened.namespace(&ada).await.unwrap();
    for number in 1..31 {
        let item = NewItem::turn(number.to_string(), "");
        opened.remember(ada, item).await.unwrap();
    }
    opened.sync(&mut |_, _| {}).await.unwrap();
    let numbers = stored(
        &opened.index().scan(Some(ItemId(6)), 1).await.unwrap()[0].vector,
        true,
    );
    assert!(is_in(&folder, &numbers));
    let forgotten = opened
        .archive()
        .forget(ada, &Filter::default(), Some(&[ItemId(7)]))
        .await
        .unwrap();
    assert_eq!(forgotten.items, [ItemId(7)]);
    drop(opened);
    assert!(is_in(&folder, &numbers), "nobody told the index");

    let opened = memory().await;
    assert!(opened.repaired().purged);
    assert!(!is_in(&folder, &numbers) && !is_in(&folder, &logged(&vector(7))));
    assert_eq!(opened.index().count().await.unwrap(), 29);
}

/// What it costs to be rid of a point, of as many as `POINTS` says.
#[tokio::test]
#[ignore = "a measurement of minutes: `make forgetting` runs it"]
async fn what_being_rid_of_a_point_costs() {
    let count = std::env::var("POINTS").map_or(10_000, |count| count.parse().unwrap());
    let stamp = IndexStamp {
        dimensions: 384,
        ..stamp()
    };
    let point = |id: u64| {
        let mut random = fastrand::Rng::with_seed(id);
        let vector: Embedding = (0..384).map(|_| random.f32() - 0.5).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        Point {
            id: ItemId(id),
            namespace: ONE,
            kind: Kind::Turn,
            vector: vector.into_iter().map(|x| x / length).collect(),
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).await.unwrap();
    index.reset(&stamp).await.unwrap();
    index
        .upsert((1..=count).map(point).collect())
        .await
        .unwrap();
    index.flush().await.unwrap();
    let took = |what: &str, begun: std::time::Instant| {
        println!("{count} points, {what}: {:?}", begun.elapsed());
    };
    let begun = std::time::Instant::now();
    index.remove(&[ItemId(7)]).await.unwrap();
    index.purge().await.unwrap();
    took("the first point, not optimised yet", begun);
    let begun = std::time::Instant::now();
    index.optimize().await.unwrap();
    took("to optimise", begun);
    for id in [8, 9] {
        let begun = std::time::Instant::now();
        index.remove(&[ItemId(id)]).await.unwrap();
        index.purge().await.unwrap();
        took("one more point", begun);
    }
}
