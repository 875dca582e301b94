//! An index that lags, misses points, has too many or the wrong ones is found out and mended, and
//! nothing is lost or there twice.

use std::sync::{Arc, atomic::Ordering};

use catena_core::Result;
use catena_memory::{
    Archive, Filter, Hit, ItemId, Memory, MemoryItem, NamespaceId, NewItem, Query, Search,
    VectorIndex,
};

use crate::{
    fakes::{Flaky, Moody},
    support::{Place, all, names},
};

struct World {
    /// Dropped last.
    _place: Place,
    archive: Archive,
    namespace: NamespaceId,
    index: Arc<Flaky>,
    embedder: Arc<Moody>,
}

impl World {
    async fn new() -> Self {
        let place = Place::new();
        let archive = place.open();
        let namespace = archive.namespace(&names("ada")).await.unwrap();
        Self {
            archive,
            namespace,
            index: Arc::new(Flaky::new("flaky")),
            embedder: Arc::new(Moody::new("moody")),
            _place: place,
        }
    }

    async fn try_open(&self, reindex: bool) -> Result<(Memory, Vec<(u64, u64)>)> {
        let mut told = Vec::new();
        let memory = Memory::open_with(
            self.archive.clone(),
            self.index.clone(),
            self.embedder.clone(),
            reindex,
            &mut |done, total| told.push((done, total)),
        )
        .await?;
        Ok((memory, told))
    }

    async fn open(&self) -> Memory {
        self.try_open(false).await.unwrap().0
    }

    /// The index has a point for each item and no other, in its namespace and found by its words.
    async fn check(&self, memory: &Memory) {
        let items = all(&self.archive, self.namespace).await;
        let points = self.index.points().await;
        let ids = |points: &[catena_memory::Point]| -> Vec<_> {
            points
                .iter()
                .map(|point| (point.id, point.namespace))
                .collect()
        };
        let expected: Vec<_> = items.iter().map(|item| (item.id, self.namespace)).collect();
        assert_eq!(ids(&points), expected);
        for item in items {
            let query = Query::new(item.text()).search(Search::Dense).limit(1);
            let found = memory.search(self.namespace, &query).await.unwrap();
            assert_eq!(found[0].item.text(), item.text());
        }
    }
}

fn turn(number: usize) -> NewItem {
    NewItem::turn(format!("This is the word number{number}."), "")
}

async fn remember(memory: &Memory, namespace: NamespaceId, numbers: std::ops::Range<usize>) {
    for number in numbers {
        memory.remember(namespace, turn(number)).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_told_since_the_last_flush_is_told_again_after_a_crash() {
    let world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..20).await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    remember(&memory, world.namespace, 20..30).await;
    let forgotten = [ItemId(3), ItemId(25)];
    world
        .archive
        .forget(world.namespace, &Filter::default(), Some(&forgotten))
        .await
        .unwrap();
    world.index.crash().await;
    drop(memory);
    let before = world.index.given.load(Ordering::Relaxed);
    let memory = world.open().await;
    world.check(&memory).await;
    // Told again is what was lost, and no more.
    assert_eq!(world.index.given.load(Ordering::Relaxed) - before, 9);
}

#[tokio::test]
async fn missing_and_surplus_points_are_found_out_and_progress_is_told() {
    let world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..2500).await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    drop(memory);
    let mut stray = world.index.points().await[0].clone();
    let lost: Vec<_> = [1, 2, 999, 1000, 1001, 2500].map(ItemId).to_vec();
    world.index.remove(&lost).await.unwrap();
    stray.id = ItemId(77_777);
    world.index.upsert(vec![stray]).await.unwrap();
    let (memory, told) = world.try_open(false).await.unwrap();
    let repaired = memory.repaired();
    assert_eq!((repaired.added, repaired.removed), (6, 1));
    assert_eq!(world.index.points().await.len(), 2500);
    assert!(
        told.contains(&(1000, 2500)) && told.contains(&(2500, 2500)),
        "{told:?}"
    );
    // The same when the numbers are right and the points are not: by hand.
    let mut points = world.index.points().await;
    points[4].namespace = NamespaceId(9);
    points[5].id = ItemId(88_888);
    world.index.remove(&[ItemId(6)]).await.unwrap();
    world.index.upsert(points[4..6].to_vec()).await.unwrap();
    let repaired = memory.verify(&mut |_, _| {}).await.unwrap();
    assert_eq!((repaired.added, repaired.removed), (2, 1));
    assert_eq!(
        memory.verify(&mut |_, _| {}).await.unwrap(),
        Default::default()
    );
    let points = world.index.points().await;
    assert!((1..).zip(&points).all(|(id, point)| point.id == ItemId(id)));
    assert!(
        points
            .iter()
            .all(|point| point.namespace == world.namespace)
    );
}

#[tokio::test]
async fn an_index_of_another_embedder_is_refused_and_filled_anew_when_asked() {
    let mut world = World::new().await;
    remember(&world.open().await, world.namespace, 0..300).await;
    world.embedder = Arc::new(Moody::new("other"));
    let error = world.try_open(false).await.unwrap_err();
    let text = format!("{error} {}", error.help().unwrap_or_default());
    assert!(error.is_invalid(), "{error}");
    for word in ["flaky", "moody", "other", "reindex"] {
        assert!(text.contains(word), "{text}");
    }
    let before = world.index.given.load(Ordering::Relaxed);
    let (memory, told) = world.try_open(true).await.unwrap();
    assert_eq!(world.index.given.load(Ordering::Relaxed) - before, 300);
    assert_eq!(told.last(), Some(&(300, 300)));
    assert_eq!(
        world.index.stamp().await.unwrap().unwrap().embedder,
        "other"
    );
    world.check(&memory).await;
    // From now on it is the archive's.
    drop(memory);
    world.open().await;
    assert_eq!(world.index.given.load(Ordering::Relaxed) - before, 300);
}

/// Killed in the middle of being filled anew: the archive still believes that it knows everything.
#[tokio::test]
async fn an_index_that_was_filled_anew_by_half_is_filled_to_the_end() {
    let mut world = World::new().await;
    remember(&world.open().await, world.namespace, 0..30).await;
    world.open().await.sync(&mut |_, _| {}).await.unwrap();
    let stamp = world.index.stamp().await.unwrap().unwrap();
    let points = world.index.points().await;
    world.index.reset(&stamp).await.unwrap();
    world.index.upsert(points[..11].to_vec()).await.unwrap();
    world.embedder = Arc::new(Moody::new("moody"));
    let memory = world.open().await;
    world.check(&memory).await;
}

#[tokio::test]
async fn an_index_of_another_archive_is_refused_whatever_is_asked() {
    let world = World::new().await;
    remember(&world.open().await, world.namespace, 0..3).await;
    let mut other = World::new().await;
    other.index = world.index.clone();
    for reindex in [false, true] {
        let error = other.try_open(reindex).await.unwrap_err();
        assert!(
            error.is_invalid() && error.to_string().contains("another archive"),
            "{error}"
        );
    }
    assert_eq!(world.index.points().await.len(), 3);
}

#[tokio::test]
async fn an_older_copy_of_an_index_is_brought_up_to_date() {
    let mut world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..10).await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    let stamp = world.index.stamp().await.unwrap().unwrap();
    let copy = Arc::new(Flaky::new("copy"));
    copy.reset(&stamp).await.unwrap();
    copy.upsert(world.index.points().await).await.unwrap();
    let everything_old = Filter {
        containing: Some("number4".to_owned()),
        ..Filter::default()
    };
    memory
        .forget(world.namespace, &everything_old, None)
        .await
        .unwrap();
    remember(&memory, world.namespace, 10..15).await;
    drop(memory);
    world.index = copy;
    let memory = world.open().await;
    world.check(&memory).await;
}

/// One point is missing and one too many: their number is right.
#[tokio::test]
async fn an_older_copy_with_as_many_points_is_found_out() {
    let world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..200).await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    let older = world.index.points().await;
    remember(&memory, world.namespace, 200..201).await;
    let forgotten = [ItemId(3)];
    memory
        .forget(world.namespace, &Filter::default(), Some(&forgotten))
        .await
        .unwrap();
    memory.sync(&mut |_, _| {}).await.unwrap();
    let stamp = world.index.stamp().await.unwrap().unwrap();
    drop(memory);
    world.index.reset(&stamp).await.unwrap();
    world.index.upsert(older).await.unwrap();
    let memory = world.open().await;
    let repaired = memory.repaired();
    assert_eq!((repaired.added, repaired.removed), (1, 1));
    world.check(&memory).await;
    // What is right is not compared once more.
    memory.sync(&mut |_, _| {}).await.unwrap();
    drop(memory);
    assert_eq!(world.open().await.repaired(), Default::default());
}

/// In the middle, where neither the number nor the newest tell.
#[tokio::test]
async fn one_that_lacks_a_point_and_has_another_too_many_is_found_out() {
    let world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..300).await;
    memory
        .forget(world.namespace, &Filter::default(), Some(&[ItemId(7)]))
        .await
        .unwrap();
    memory.sync(&mut |_, _| {}).await.unwrap();
    drop(memory);
    let mut wrong = world.index.points().await[40].clone();
    world.index.remove(&[wrong.id]).await.unwrap();
    wrong.id = ItemId(7);
    world.index.upsert(vec![wrong]).await.unwrap();
    let memory = world.open().await;
    let repaired = memory.repaired();
    assert_eq!((repaired.added, repaired.removed), (1, 1));
    world.check(&memory).await;
}

/// A backup of the archive is put back, and the index stays: it holds as many points as it has to, of which
/// some are of memories that the archive does not know.
#[tokio::test]
async fn an_index_that_is_newer_than_its_archive_is_found_out() {
    let World {
        _place: place,
        archive,
        namespace,
        index,
        embedder,
    } = World::new().await;
    let open = async |archive: Archive| {
        let memory = Memory::open(archive, index.clone(), embedder.clone()).await;
        memory.unwrap()
    };
    let memory = open(archive).await;
    remember(&memory, namespace, 0..200).await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    drop(memory);
    let backup = place.folder().join("backup");
    std::fs::copy(place.file(), &backup).unwrap();
    let memory = open(place.open()).await;
    remember(&memory, namespace, 200..210).await;
    let old: Vec<_> = (1..=10).map(ItemId).collect();
    memory
        .forget(namespace, &Filter::default(), Some(&old))
        .await
        .unwrap();
    memory.sync(&mut |_, _| {}).await.unwrap();
    drop(memory);
    std::fs::copy(&backup, place.file()).unwrap();
    let memory = open(place.open()).await;
    let repaired = memory.repaired();
    assert_eq!((repaired.added, repaired.removed), (10, 10));
    let ids: Vec<_> = index
        .points()
        .await
        .iter()
        .map(|point| point.id.0)
        .collect();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn while_an_embedder_or_an_index_fails_writes_are_kept_and_found_by_words() {
    for embedder in [true, false] {
        let world = World::new().await;
        let fail = |fails| match embedder {
            true => world.embedder.fail(fails),
            false => world.index.fail(fails),
        };
        let memory = world.open().await;
        remember(&memory, world.namespace, 0..5).await;
        fail(true);
        remember(&memory, world.namespace, 5..10).await;
        let question = Query::new("number7").limit(1);
        let found = memory.search(world.namespace, &question).await.unwrap();
        assert_eq!((found[0].item.turn(), found[0].cosine), (8, None));
        let dense = question.clone().search(Search::Dense);
        assert!(memory.search(world.namespace, &dense).await.is_err());
        assert!(memory.sync(&mut |_, _| {}).await.is_err());
        // Without the embedder it lags; without the index nothing can be said of it.
        assert_eq!(world.try_open(false).await.is_ok(), embedder);
        fail(false);
        // A search makes up for it.
        let found = memory.search(world.namespace, &dense).await.unwrap();
        assert_eq!(found[0].item.turn(), 8);
        world.check(&memory).await;
    }
}

/// What was forgotten leaves the index though the embedder fails at something else.
#[tokio::test]
async fn forgetting_waits_for_no_embedder() {
    let world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..5).await;
    world.embedder.fail(true);
    remember(&memory, world.namespace, 5..6).await;
    memory
        .forget(world.namespace, &Filter::default(), Some(&[ItemId(2)]))
        .await
        .unwrap();
    let ids: Vec<_> = world
        .index
        .points()
        .await
        .iter()
        .map(|point| point.id.0)
        .collect();
    assert_eq!(ids, [1, 3, 4, 5]);
    world.index.crash().await;
    assert_eq!(world.index.points().await.len(), 4, "for good");
}

#[tokio::test]
async fn a_query_with_a_vector_of_another_length_is_refused() {
    let world = World::new().await;
    let memory = world.open().await;
    remember(&memory, world.namespace, 0..1).await;
    let query = Query::new("word").vector(vec![1.0, 0.0]);
    let error = memory.search(world.namespace, &query).await.unwrap_err();
    assert!(
        error.is_invalid() && error.to_string().contains("256"),
        "{error}"
    );
}

/// Of damaged vectors, how near they are may be no number. That beat what the words found.
#[tokio::test]
async fn what_is_near_by_no_number_is_no_hit() {
    let world = World::new().await;
    let memory = world.open().await;
    for said in ["The roses are white.", "It rains."] {
        let item = NewItem::turn(said, "");
        memory.remember(world.namespace, item).await.unwrap();
    }
    let all = all(&world.archive, world.namespace).await;
    let hit = |item: &MemoryItem, score| Hit { id: item.id, score };
    let query = |search| Query::new("white roses").search(search);
    let search = async |by| memory.search(world.namespace, &query(by)).await;

    // One of them; the other hit is none the worse for it.
    let damaged = hit(&all[0], f32::NAN);
    world.index.lie(vec![damaged, hit(&all[1], 0.1)]);
    let found = search(Search::Hybrid).await.unwrap();
    assert_eq!(found[0].item.id, all[0].id, "by its words: {found:#?}");
    assert!(found.iter().all(|found| found.relevance.is_finite()));
    let found = search(Search::Dense).await.unwrap();
    assert_eq!(found.len(), 1);

    world.index.lie(vec![damaged, hit(&all[1], f32::NAN)]);
    let found = search(Search::Hybrid).await.unwrap();
    assert_eq!(found.len(), 1, "by its words: {found:#?}");
    let error = search(Search::Dense).await.unwrap_err();
    assert!(error.to_string().contains("are damaged"), "{error}");
    assert!(error.help().unwrap().contains("memory check"));
}

#[tokio::test]
async fn as_many_as_there_are_may_be_asked_for() {
    let world = World::new().await;
    let memory = world.open().await;
    let item = NewItem::turn("The roses are white.", "");
    memory.remember(world.namespace, item).await.unwrap();
    let query = Query::new("white roses").limit(usize::MAX);
    let found = memory.search(world.namespace, &query).await.unwrap();
    assert_eq!(found.len(), 1);
    let asked = world.index.asked.load(Ordering::Relaxed);
    assert_eq!(asked, 1, "an index makes room for so many");
}
