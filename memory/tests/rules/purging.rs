//! Whatever ends a process that forgets, and whichever index it had: what was forgotten leaves the files of
//! the others when they are opened next.

use std::sync::Arc;

use catena_memory::{
    ExactIndex, Filter, HashingEmbedder, ItemId, Memory, NamespaceId, NewItem, VectorIndex,
};

use crate::{
    fakes::{Flaky, Moody},
    support::{Place, names},
};

const GONE: ItemId = ItemId(2);

async fn open(place: &Place, index: Arc<dyn VectorIndex>) -> Memory {
    Memory::open(place.open(), index, Arc::new(HashingEmbedder::new()))
        .await
        .unwrap()
}

/// An archive with three memories, of which an index knows.
async fn world() -> (Place, Arc<Flaky>, NamespaceId) {
    let (place, index) = (Place::new(), Arc::new(Flaky::new("here")));
    let memory = open(&place, index.clone()).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    for word in ["one", "two", "three"] {
        let item = NewItem::turn(word, "");
        memory.remember(namespace, item).await.unwrap();
    }
    memory.sync(&mut |_, _| {}).await.unwrap();
    (place, index, namespace)
}

async fn forget(memory: &Memory, namespace: NamespaceId) -> catena_core::Result<()> {
    let these = Some(&[GONE][..]);
    let forgotten = memory.forget(namespace, &Filter::default(), these).await;
    forgotten.map(drop)
}

/// Opens it again: it is rid of what was forgotten, and the next time there is nothing to be rid of.
async fn is_made_up_for(place: &Place, index: &Arc<Flaky>) {
    for owed in [true, false] {
        let archive = place.open();
        assert_eq!(archive.owes_purge(&**index).await.unwrap(), owed);
        drop(archive);
        let memory = open(place, index.clone()).await;
        assert_eq!(memory.repaired().purged, owed);
        assert_eq!(index.remains(), []);
        assert!(index.points().await.iter().all(|point| point.id != GONE));
    }
}

#[tokio::test]
async fn a_process_that_was_killed_behind_the_archive() {
    let (place, index, namespace) = world().await;
    let archive = place.open();
    archive
        .forget(namespace, &Filter::default(), Some(&[GONE]))
        .await
        .unwrap();
    drop(archive);
    assert_eq!(index.points().await.len(), 3);
    is_made_up_for(&place, &index).await;
}

#[tokio::test]
async fn a_process_that_was_killed_before_the_purge() {
    let (place, index, namespace) = world().await;
    let memory = open(&place, index.clone()).await;
    index.fail_to_purge(true);
    forget(&memory, namespace).await.unwrap_err();
    // Told, and lost from its memory in no way: only in its files.
    memory.sync(&mut |_, _| {}).await.unwrap();
    assert_eq!(index.remains(), [GONE]);
    drop(memory);
    index.fail_to_purge(false);
    is_made_up_for(&place, &index).await;
}

#[tokio::test]
async fn another_index_was_in_use() {
    let (place, index, namespace) = world().await;
    let memory = open(&place, Arc::new(ExactIndex::new())).await;
    forget(&memory, namespace).await.unwrap();
    drop(memory);
    is_made_up_for(&place, &index).await;
}

/// It is opened all the same, and owes it still.
#[tokio::test]
async fn an_index_that_cannot_be_purged_now_is_the_next_time() {
    let (place, index, namespace) = world().await;
    let memory = open(&place, Arc::new(ExactIndex::new())).await;
    forget(&memory, namespace).await.unwrap();
    drop(memory);
    index.fail_to_purge(true);
    let memory = open(&place, index.clone()).await;
    assert!(!memory.repaired().purged);
    assert!(memory.archive().owes_purge(&*index).await.unwrap());
    // Who asks whether all is right is told.
    assert!(memory.verify(&mut |_, _| {}).await.is_err());
    drop(memory);
    index.fail_to_purge(false);
    is_made_up_for(&place, &index).await;
}

/// What the archive cannot know: the copy was made before, and put back behind the purge.
#[tokio::test]
async fn an_older_copy_of_an_index_is_rid_of_it_too() {
    let (place, index, namespace) = world().await;
    let older = index.points().await;
    let memory = open(&place, index.clone()).await;
    forget(&memory, namespace).await.unwrap();
    memory.sync(&mut |_, _| {}).await.unwrap();
    drop(memory);
    index.upsert(older).await.unwrap();
    let memory = open(&place, index.clone()).await;
    assert!(memory.repaired().purged);
    assert_eq!((index.remains(), index.points().await.len()), (vec![], 2));
}

#[tokio::test]
async fn nothing_is_owed_where_nothing_can_be() {
    let (place, index, namespace) = world().await;
    let archive = place.open();
    assert!(!archive.owes_purge(&*index).await.unwrap());
    archive
        .forget(namespace, &Filter::default(), Some(&[ItemId(99)]))
        .await
        .unwrap();
    // Nothing was forgotten.
    assert!(!archive.owes_purge(&*index).await.unwrap());
    archive
        .forget(namespace, &Filter::default(), Some(&[GONE]))
        .await
        .unwrap();
    let (new, moved) = (Flaky::new("new"), Arc::new(Flaky::new("there")));
    assert!(!archive.owes_purge(&new).await.unwrap(), "it holds nothing");
    drop(archive);
    // A new one is filled with what is left, and so is one that memories are moved to.
    let memory = open(&place, Arc::new(new)).await;
    assert!(!memory.archive().owes_purge(memory.index()).await.unwrap());
    let to: Arc<dyn VectorIndex> = moved.clone();
    memory.relocate(&to, &mut |_, _| {}).await.unwrap();
    assert!(!memory.archive().owes_purge(&*moved).await.unwrap());
    assert!(memory.archive().owes_purge(&*index).await.unwrap());
}

/// A second forgetting whose deletion is in the archive before the first is rid of its own.
#[tokio::test]
async fn one_purge_is_for_all_that_was_forgotten_by_then() {
    let (place, index, namespace) = world().await;
    let memory = open(&place, index.clone()).await;
    memory
        .archive()
        .forget(namespace, &Filter::default(), Some(&[ItemId(1)]))
        .await
        .unwrap();
    forget(&memory, namespace).await.unwrap();
    let left: Vec<_> = index.points().await.iter().map(|point| point.id).collect();
    assert_eq!((left, index.remains()), (vec![ItemId(3)], vec![]));
    assert!(!memory.archive().owes_purge(&*index).await.unwrap());
}

#[tokio::test]
async fn damaged_vectors_are_made_anew() {
    let place = Place::new();
    let (index, embedder) = (Arc::new(Flaky::new("here")), Arc::new(Moody::new("moody")));
    let memory = Memory::open(place.open(), index.clone(), embedder);
    let memory = memory.await.unwrap();
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    for word in ["one", "two", "three"] {
        let item = NewItem::turn(word, "");
        memory.remember(namespace, item).await.unwrap();
    }
    let whole = index.points().await;
    let damages: [fn(&mut catena_memory::Point); 4] = [
        |point| point.vector[7] = f32::NAN,
        |point| point.vector[7] = f32::INFINITY,
        |point| point.vector.truncate(255),
        |point| point.vector.fill(0.0),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        index.damage(damage);
        let repaired = memory.verify(&mut |_, _| {}).await.unwrap();
        assert_eq!((repaired.damaged, repaired.added), (3, 0), "{number}");
        assert_eq!(index.points().await, whole);
        let repaired = memory.verify(&mut |_, _| {}).await.unwrap();
        assert_eq!(repaired, Default::default(), "{number}");
    }
}
