//! An index is moved without embedding anything again, and only when the copy is the same.

use std::sync::Arc;

use catena_memory::{IndexStamp, ItemId, Memory, NewItem, VectorIndex};

use crate::{
    fakes::{Flaky, Moody},
    support::{Place, names},
};

struct World {
    place: Place,
    memory: Memory,
    from: Arc<Flaky>,
    embedder: Arc<Moody>,
}

async fn world() -> World {
    let place = Place::new();
    let (from, embedder) = (Arc::new(Flaky::new("here")), Arc::new(Moody::new("moody")));
    let archive = place.open();
    let memory = Memory::open(archive, from.clone(), embedder.clone())
        .await
        .unwrap();
    for user in ["ada", "bob"] {
        let namespace = memory.namespace(&names(user)).await.unwrap();
        let items = (0..600).map(|number| NewItem::turn(format!("{user} said {number}"), ""));
        memory
            .remember_all(namespace, items.collect())
            .await
            .unwrap();
    }
    World {
        place,
        memory,
        from,
        embedder,
    }
}

#[tokio::test]
async fn a_move_copies_every_point_and_the_archive_goes_on_there() {
    let World {
        place,
        memory,
        from,
        embedder,
    } = world().await;
    embedder.fail(true);
    let to: Arc<dyn VectorIndex> = Arc::new(Flaky::new("there"));
    let mut told = Vec::new();
    let moved = memory
        .relocate(&to, &mut |done, total| told.push((done, total)))
        .await
        .unwrap();
    assert_eq!(moved.points, 1200);
    assert_eq!(told, [(500, 1200), (1000, 1200), (1200, 1200)]);
    assert_eq!(to.scan(None, 2000).await.unwrap(), from.points().await);
    // Opened there, nothing is embedded; and back again it goes.
    drop(memory);
    let memory = Memory::open(place.open(), to, embedder).await.unwrap();
    let back: Arc<dyn VectorIndex> = Arc::new(Flaky::new("back"));
    assert_eq!(memory.relocate(&back, &mut |_, _| {}).await.unwrap(), moved);
}

#[tokio::test]
async fn a_copy_that_differs_is_refused_and_the_old_index_stays_in_use() {
    let World {
        place,
        memory,
        from,
        embedder,
    } = world().await;
    memory.sync(&mut |_, _| {}).await.unwrap();
    let targets = [
        Flaky::spoiling("rounds to nothing", |mut point| {
            point
                .vector
                .iter_mut()
                .for_each(|number| *number = number.round());
            Some(point)
        }),
        Flaky::spoiling("is no number", |mut point| {
            point.vector.fill(f32::NAN);
            Some(point)
        }),
        Flaky::spoiling("mixes up", |mut point| {
            point.vector.rotate_left(1);
            Some(point)
        }),
        Flaky::spoiling("loses one", |point| {
            (point.id != ItemId(700)).then_some(point)
        }),
        Flaky::spoiling("loses the last", |point| {
            (point.id != ItemId(1200)).then_some(point)
        }),
        Flaky::spoiling("moves to another namespace", |mut point| {
            point.namespace = catena_memory::NamespaceId(1);
            Some(point)
        }),
    ];
    for target in targets {
        let to: Arc<dyn VectorIndex> = Arc::new(target);
        let error = memory.relocate(&to, &mut |_, _| {}).await.unwrap_err();
        assert!(error.is_memory(), "{}: {error}", to.describe());
    }
    assert_eq!(from.points().await.len(), 1200);
    // The archive still takes the old one to be up to date.
    drop(memory);
    embedder.fail(true);
    Memory::open(place.open(), from, embedder).await.unwrap();
}

#[tokio::test]
async fn the_index_in_use_and_that_of_another_archive_are_no_targets() {
    let World { memory, from, .. } = world().await;
    let same: Arc<dyn VectorIndex> = from.clone();
    let other: Arc<dyn VectorIndex> = Arc::new(Flaky::new("theirs"));
    let stamp = IndexStamp {
        archive: "another".to_owned(),
        ..from.stamp().await.unwrap().unwrap()
    };
    other.reset(&stamp).await.unwrap();
    other.upsert(from.points().await).await.unwrap();
    for to in [same, other] {
        let error = memory.relocate(&to, &mut |_, _| {}).await.unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert_eq!(to.count().await.unwrap(), 1200, "nothing is touched");
    }
}

#[tokio::test]
async fn the_index_in_use_under_another_name_is_filled_again() {
    let World { memory, from, .. } = world().await;
    let to: Arc<dyn VectorIndex> = Arc::new(from.alias("localhost"));
    let error = memory.relocate(&to, &mut |_, _| {}).await.unwrap_err();
    assert!(error.is_invalid(), "{error}");
    assert_eq!(from.points().await.len(), 1200);
}
