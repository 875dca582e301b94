//! What is forgotten is in no byte of the archive's files nor in the index, and the rest is as it was.

use std::{path::Path, sync::Arc};

use catena_memory::{
    Archive, ExactIndex, Filter, HashingEmbedder, ItemId, Memory, Moment, NamespaceId, NewItem,
    Validity,
};

use crate::support::{Place, all, fresh, names};

/// A word that is nowhere else, and whose end no index shortens.
pub(crate) fn secret(seed: u64) -> String {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut letters = String::new();
    for _ in 0..24 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        letters.push(char::from(
            b"bcdfghjklmnpqrtvwxz"[(state >> 33) as usize % 19],
        ));
    }
    letters
}

/// The secrets of which anything is in a file of the folder.
pub(crate) fn left(folder: &Path, seeds: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let windows: std::collections::HashSet<&[u8]> = bytes.windows(12).collect();
    seeds
        .filter(|seed| {
            let word = secret(*seed);
            word.as_bytes()
                .windows(12)
                .any(|piece| windows.contains(piece))
        })
        .collect()
}

fn filler(seed: u64) -> String {
    (0..12)
        .map(|word| format!("w{} ", (seed * 31 + word * 17) % 997))
        .collect()
}

/// A third are facts; keys, words, summaries and answers have a secret each.
fn item(seed: u64) -> NewItem {
    let text = format!("{} {}", secret(seed), filler(seed));
    let item = match seed % 3 {
        0 => NewItem::fact(format!("key {}", secret(seed)), text),
        _ => NewItem::turn(text, format!("{} {}", filler(seed + 1), secret(seed))),
    };
    item.summary(format!("short {}", secret(seed)))
        .at(Moment(1_000_000 + seed))
        .by_run(format!("run {seed}"))
}

async fn open(place: &Place) -> Memory {
    let archive = place.open();
    Memory::open(
        archive,
        Arc::new(ExactIndex::new()),
        Arc::new(HashingEmbedder::new()),
    )
    .await
    .unwrap()
}

const ITEMS: u64 = 3000;

#[tokio::test]
async fn nothing_of_what_is_forgotten_is_left_in_any_file() {
    let place = Place::new();
    let memory = open(&place).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    // In small writes, as conversations do: pages split and merge on the way.
    for seeds in (0..ITEMS).collect::<Vec<_>>().chunks(50) {
        let items = seeds.iter().map(|seed| item(*seed)).collect();
        memory.remember_all(namespace, items).await.unwrap();
    }
    assert_eq!(
        left(place.folder(), 0..ITEMS).len() as u64,
        ITEMS,
        "it is there to be found"
    );

    // By number: those whose number divides by 2; the item's number is its seed and 1.
    let ids: Vec<_> = (1..=ITEMS).filter(|id| id % 2 == 0).map(ItemId).collect();
    let forgotten = memory
        .forget(namespace, &Filter::default(), Some(&ids))
        .await
        .unwrap();
    assert_eq!(forgotten.items, ids);
    assert_eq!(forgotten.runs.len(), ids.len());
    assert!(forgotten.runs.contains(&"run 1".to_owned()));
    let gone = |seed: &u64| seed % 2 == 1;
    assert_eq!(
        left(place.folder(), (0..ITEMS).filter(gone)),
        Vec::<u64>::new()
    );

    // By age, and by a word of it.
    let before = Filter {
        before: Some(Moment(1_000_000 + 500)),
        ..Filter::default()
    };
    let forgotten = memory.forget(namespace, &before, None).await.unwrap();
    assert_eq!(forgotten.items.len(), 250);
    let containing = Filter {
        containing: Some(secret(2000).to_uppercase()),
        ..Filter::default()
    };
    let forgotten = memory.forget(namespace, &containing, None).await.unwrap();
    assert_eq!(forgotten.items, [ItemId(2001)]);
    let gone = |seed: &u64| seed % 2 == 1 || *seed < 500 || *seed == 2000;
    assert_eq!(
        left(place.folder(), (0..ITEMS).filter(gone)),
        Vec::<u64>::new()
    );

    let kept: Vec<_> = (0..ITEMS).filter(|seed| !gone(seed)).collect();
    assert_eq!(memory.index().count().await.unwrap(), kept.len() as u64);
    // The rest is untouched, and after opening again all is the same.
    let archive = memory.archive().clone();
    let items = all(&archive, namespace).await;
    assert_eq!(
        items.iter().map(|item| item.id.0 - 1).collect::<Vec<_>>(),
        kept
    );
    for there in &items {
        let new = item(there.id.0 - 1);
        assert_eq!(
            (&there.observation, &there.summary),
            (&new.observation, &new.summary)
        );
        let found = archive
            .by_words(namespace, None, &secret(there.id.0 - 1), 5)
            .await
            .unwrap();
        assert_eq!(found[0].id, there.id);
    }
    drop((archive, memory));
    assert_eq!(
        left(place.folder(), (0..ITEMS).filter(gone)),
        Vec::<u64>::new()
    );
    let memory = open(&place).await;
    assert_eq!(memory.index().count().await.unwrap(), kept.len() as u64);
    assert_eq!(all(memory.archive(), namespace).await, items);
    assert_eq!(
        left(place.folder(), (0..ITEMS).filter(gone)),
        Vec::<u64>::new()
    );
}

/// An export reads for minutes; the log is cut off when it is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_still_sees_is_gone_when_it_is_done() {
    let place = Place::new();
    let memory = open(&place).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    for seed in 0..300 {
        memory.remember(namespace, item(seed)).await.unwrap();
    }
    let (go, wait) = std::sync::mpsc::channel();
    let slow = Slow { wait, written: 0 };
    let archive = memory.archive().clone();
    let export = tokio::spawn(async move { archive.export(Some(namespace), slow).await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    memory
        .forget(namespace, &Filter::default(), None)
        .await
        .unwrap();
    go.send(()).unwrap();
    let (exported, _) = export.await.unwrap().unwrap();
    assert_eq!(exported, 300, "it sees what was there when it began");
    let begun = std::time::Instant::now();
    while !left(place.folder(), 0..300).is_empty() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Waits to be told after the first piece.
struct Slow {
    wait: std::sync::mpsc::Receiver<()>,
    written: usize,
}

impl std::io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.written == 0 {
            self.wait.recv().unwrap();
        }
        self.written += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_forgotten_namespace_leaves_not_even_its_name() {
    let place = Place::new();
    let memory = open(&place).await;
    let archive = memory.archive();
    let (gone, stays) = (names(&secret(1)), names("ada"));
    let id = memory.namespace(&gone).await.unwrap();
    let other = memory.namespace(&stays).await.unwrap();
    for seed in 2..12 {
        memory.remember(id, item(seed)).await.unwrap();
        memory.remember(other, item(seed + 100)).await.unwrap();
    }
    let forgotten = memory.forget_namespace(id).await.unwrap();
    assert_eq!((forgotten.items.len(), forgotten.runs.len()), (10, 10));
    assert_eq!(left(place.folder(), 1..12), Vec::<u64>::new());
    assert_eq!(archive.find_namespace(&gone).await.unwrap(), None);
    assert_eq!(memory.index().count().await.unwrap(), 10);
    assert_eq!(all(archive, other).await.len(), 10);

    // Its number is nobody's: neither what still holds it nor who begins anew gets what is another's.
    let refused = memory.remember(id, item(12)).await.unwrap_err();
    assert!(refused.is_invalid(), "{refused}");
    assert_eq!(archive.forget_namespace(id).await.unwrap().items, []);
    let anew = memory.namespace(&gone).await.unwrap();
    assert_ne!(anew, id);
    assert_eq!(memory.remember(anew, item(13)).await.unwrap().turn, 1);
}

#[tokio::test]
async fn a_namespace_is_unused_until_something_is_said() {
    let place = Place::new();
    let memory = open(&place).await;
    let archive = memory.archive();
    let id = memory.namespace(&names("ada")).await.unwrap();
    memory.remember(id, item(1)).await.unwrap();
    let used = archive.forget_unused(id).await.unwrap();
    // Turns that are forgotten have been there all the same.
    memory.forget(id, &Filter::default(), None).await.unwrap();
    assert!(!used && !archive.forget_unused(id).await.unwrap());
    let unused = memory.namespace(&names("eve")).await.unwrap();
    assert!(archive.forget_unused(unused).await.unwrap());
    assert_eq!(archive.namespaces().await.unwrap().len(), 1);
}

/// Facts say again what was said in the turn that they were learned from.
#[tokio::test]
async fn with_a_turn_go_the_facts_that_were_learned_from_it_alone() {
    let (place, archive, namespace) = fresh().await;
    let said = |text: &str, facts: &[(&str, &str)], run: &str| {
        let turn = NewItem::turn(text, "Noted.").by_run(run);
        let facts = facts
            .iter()
            .map(|(about, is)| NewItem::fact(*about, *is).by_run(run));
        std::iter::once(turn).chain(facts).collect::<Vec<_>>()
    };
    let told = [
        said(
            "My dog is Rex and I live in Rome.",
            &[("dog", "Rex"), ("city", "Rome")],
            "a",
        ),
        said("I live in Rome, as I said.", &[("city", "Rome")], "b"),
        said("It rains.", &[], "c"),
    ];
    for items in told {
        archive.remember_all(namespace, items).await.unwrap();
    }
    // Of a run that had no turn: nobody said it in one.
    let fact = NewItem::fact("job", "nurse").in_turn(1).by_run("other");
    archive.remember(namespace, fact).await.unwrap();
    let left = async || -> Vec<String> {
        let items = all(&archive, namespace).await;
        items.iter().map(|item| item.text()).collect()
    };
    assert_eq!(left().await.len(), 6);
    let turn = all(&archive, namespace).await[0].id;
    let (everything, turn) = (Filter::default(), [turn]);
    let would = archive.would_forget(namespace, &everything, Some(&turn));
    assert_eq!(would.await.unwrap().len(), 2);
    let gone = archive.forget(namespace, &everything, Some(&turn));
    assert_eq!(gone.await.unwrap().items.len(), 2);
    let texts = left().await.join("\n");
    assert!(!texts.contains("Rex"), "{texts}");
    for stays in ["city\nRome", "job\nnurse", "It rains."] {
        assert!(texts.contains(stays), "{texts}");
    }
    // By a text too, and the last turn that told it takes it along.
    let rome = Filter {
        containing: Some("as I said".to_owned()),
        ..Filter::default()
    };
    archive.forget(namespace, &rome, None).await.unwrap();
    let texts = left().await.join("\n");
    assert_eq!(left().await.len(), 2, "{texts}");
    drop((archive, place));
}

/// Of a fact that was told twice nothing is left of the telling that is forgotten, not even when it was.
#[tokio::test]
async fn a_fact_holds_from_the_first_telling_that_is_left() {
    let (_place, archive, namespace) = fresh().await;
    for (city, at, run) in [("Oslo", 10, "a"), ("Rome", 20, "b"), ("Rome", 30, "c")] {
        let turn = NewItem::turn(format!("At {at} in {city}."), "");
        let items = [turn, NewItem::fact("city", city)];
        let items = items.map(|item| item.at(Moment(at)).by_run(run));
        archive.remember_all(namespace, items.into()).await.unwrap();
    }
    let rome = Filter {
        containing: Some("At 20".to_owned()),
        ..Filter::default()
    };
    let forgotten = archive.forget(namespace, &rome, None).await.unwrap();
    assert_eq!(forgotten.items.len(), 1);
    let history = archive.history(namespace, "city", 5).await.unwrap();
    let held: Vec<_> = history
        .iter()
        .map(|fact| (&*fact.observation, fact.validity, fact.sources.len()))
        .collect();
    let validity = |from, until: Option<u64>| Validity {
        from: Moment(from),
        until: until.map(Moment),
    };
    assert_eq!(
        held,
        [
            ("Rome", validity(30, None), 1),
            ("Oslo", validity(10, Some(30)), 1)
        ]
    );
    assert_eq!(history[1].replaced_by, Some(history[0].id));
}

/// A name of the dog, when it held, and what took its place.
type Dog = (String, Validity, Option<ItemId>);

fn dog(name: &str, from: u64, until: Option<u64>, by: Option<ItemId>) -> Dog {
    let (from, until) = (Moment(from), until.map(Moment));
    (name.to_owned(), Validity { from, until }, by)
}

/// The earliest first.
async fn dogs(archive: &Archive, namespace: NamespaceId) -> Vec<Dog> {
    let mut history = archive.history(namespace, "dog", 10).await.unwrap();
    history.reverse();
    let dogs = history
        .into_iter()
        .map(|fact| (fact.observation, fact.validity, fact.replaced_by));
    dogs.collect()
}

/// Tells a name of the dog in a turn of its own: the turn and the fact.
async fn tell(archive: &Archive, namespace: NamespaceId, name: &str, at: u64) -> [ItemId; 2] {
    let run = format!("run {name} {at}");
    let turn = NewItem::turn(format!("At {at} it is {name}."), "");
    let items = [turn, NewItem::fact("dog", name)].map(|item| item.at(Moment(at)).by_run(&run));
    let written = archive.remember_all(namespace, items.into()).await.unwrap();
    [written[0].id, written[1].id]
}

async fn forget(archive: &Archive, namespace: NamespaceId, ids: &[ItemId]) {
    let everything = Filter::default();
    let forgotten = archive.forget(namespace, &everything, Some(ids)).await;
    assert!(forgotten.unwrap().items.len() >= ids.len());
}

/// That a dog had another name is a trace of who said it.
#[tokio::test]
async fn what_a_forgotten_correction_ended_holds_again() {
    const NAMES: [&str; 4] = ["Rex", "Max", "Bo", "Kim"];
    let some: [&[usize]; 7] = [&[3], &[1], &[1, 2], &[1, 2, 3], &[2, 3], &[0], &[0, 2]];
    // In order and not, by their turns and by their own numbers.
    for told in [[0_usize, 1, 2, 3], [3, 1, 0, 2]] {
        for (gone, which) in some.iter().flat_map(|gone| [(gone, 0), (gone, 1)]) {
            let (_place, archive, namespace) = fresh().await;
            let mut ids = [[ItemId(0); 2]; 4];
            for number in told {
                ids[number] = tell(&archive, namespace, NAMES[number], number as u64).await;
            }
            let ids_gone: Vec<_> = gone.iter().map(|number| ids[*number][which]).collect();
            forget(&archive, namespace, &ids_gone).await;
            let left: Vec<_> = (0..4).filter(|number| !gone.contains(number)).collect();
            let nexts = left.iter().skip(1).map(Some).chain([None]);
            let expected: Vec<_> = left
                .iter()
                .zip(nexts)
                .map(|(number, next)| {
                    let until = next.map(|next| *next as u64);
                    let by = next.map(|next| ids[*next][1]);
                    dog(NAMES[*number], *number as u64, until, by)
                })
                .collect();
            let dogs = dogs(&archive, namespace).await;
            assert_eq!(dogs, expected, "{gone:?} of {told:?}");
        }
    }
}

/// Of two that were told at one moment, the first never held; until the other is forgotten.
#[tokio::test]
async fn what_never_held_does_when_what_was_told_with_it_is_forgotten() {
    for (gone, stays) in [(1, 2), (2, 1)] {
        let (_place, archive, namespace) = fresh().await;
        let names = [("Rex", 10), ("Max", 20), ("Bo", 20), ("Kim", 30)];
        let mut ids = Vec::new();
        for (name, at) in names {
            ids.push(tell(&archive, namespace, name, at).await[1]);
        }
        forget(&archive, namespace, &[ids[gone]]).await;
        assert_eq!(
            dogs(&archive, namespace).await,
            [
                dog("Rex", 10, Some(20), Some(ids[stays])),
                dog(names[stays].0, 20, Some(30), Some(ids[3])),
                dog("Kim", 30, None, None),
            ]
        );
    }
}

/// Rex was told over Max at 20, and later on that he was called so since 10. Without the first, it is Max at 20.
#[tokio::test]
async fn what_a_forgotten_telling_of_an_older_fact_ended_holds_again() {
    let (_place, archive, namespace) = fresh().await;
    let max = tell(&archive, namespace, "Max", 20).await[1];
    let [turn, rex] = tell(&archive, namespace, "Rex", 20).await;
    assert_eq!(tell(&archive, namespace, "Rex", 10).await[1], rex);
    forget(&archive, namespace, &[turn]).await;
    assert_eq!(
        dogs(&archive, namespace).await,
        [
            dog("Rex", 10, Some(20), Some(max)),
            dog("Max", 20, None, None)
        ]
    );
}

/// What took its place was retired by hand: nothing is known after that, as before.
#[tokio::test]
async fn what_was_before_a_retired_fact_holds_until_that_was_retired() {
    let (_place, archive, namespace) = fresh().await;
    tell(&archive, namespace, "Rex", 10).await;
    let max = tell(&archive, namespace, "Max", 20).await[1];
    archive.retire(namespace, max, Moment(30)).await.unwrap();
    forget(&archive, namespace, &[max]).await;
    let rex = dog("Rex", 10, Some(30), None);
    assert_eq!(dogs(&archive, namespace).await, [rex]);
}

/// A journal knows whole runs.
#[tokio::test]
async fn the_runs_of_what_is_forgotten_are_named_once_and_without_their_parts() {
    let (_place, archive, namespace) = fresh().await;
    let runs = ["01JB/3", "01JA", "01JB/4", "01JB/40", "01JC"];
    for (seed, run) in (0..).zip(runs) {
        let item = item(seed).by_run(run);
        archive.remember(namespace, item).await.unwrap();
    }
    let ids: Vec<_> = (1..5).map(ItemId).collect();
    let everything = Filter::default();
    let forgotten = archive.forget(namespace, &everything, Some(&ids)).await;
    assert_eq!(forgotten.unwrap().runs, ["01JA", "01JB"]);
}

/// Two turns of one run and one number: what goes with the one is not the other's.
#[tokio::test]
async fn a_turn_that_stays_keeps_its_source_and_its_facts() {
    let (_place, archive, namespace) = fresh().await;
    let of_it = |item: NewItem| item.in_turn(1).by_run("r");
    let items = vec![
        of_it(NewItem::turn("One thing is said.", "")),
        of_it(NewItem::turn("Another is said.", "")),
        of_it(NewItem::fact("thing", "another")),
    ];
    archive.remember_all(namespace, items).await.unwrap();
    let first = [all(&archive, namespace).await[0].id];
    let everything = Filter::default();
    let gone = archive.forget(namespace, &everything, Some(&first));
    assert_eq!(gone.await.unwrap().items, first);
    let left = all(&archive, namespace).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|item| item.sources.len() == 1), "{left:#?}");
}
