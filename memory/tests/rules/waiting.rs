//! Who waits while the index is optimised or purged, which may take a minute: whoever began it, and nobody else.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{Embedding, Result};
use catena_memory::{
    ExactIndex, Filter, HashingEmbedder, Hit, IndexStamp, ItemId, Kind, Memory, NamespaceId,
    NewItem, Point, Query, Search, VectorIndex,
};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::support::{Place, names};

/// After so many changes the index is optimised.
const DUE: usize = 16 * 1024;

/// An index whose long work begins and ends when the test says so.
#[derive(Debug)]
struct Slow {
    index: ExactIndex,
    begun: Semaphore,
    may_end: Semaphore,
}

impl Slow {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            index: ExactIndex::new(),
            begun: Semaphore::new(0),
            may_end: Semaphore::new(0),
        })
    }

    async fn work(&self) {
        self.begun.add_permits(1);
        self.may_end.acquire().await.unwrap().forget();
    }

    async fn has_begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl VectorIndex for Slow {
    fn describe(&self) -> String {
        "slow".to_owned()
    }

    async fn stamp(&self) -> Result<Option<IndexStamp>> {
        self.index.stamp().await
    }

    async fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        self.index.reset(stamp).await
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<()> {
        self.index.upsert(points).await
    }

    async fn remove(&self, ids: &[ItemId]) -> Result<()> {
        self.index.remove(ids).await
    }

    async fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: &Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        self.index.search(namespace, kind, vector, limit).await
    }

    async fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>> {
        self.index.scan(after, limit).await
    }

    async fn ids(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        self.index.ids(after, limit).await
    }

    async fn count(&self) -> Result<u64> {
        self.index.count().await
    }

    async fn flush(&self) -> Result<()> {
        self.index.flush().await
    }

    async fn purge(&self) -> Result<()> {
        self.work().await;
        self.index.purge().await
    }

    async fn optimize(&self) -> Result<()> {
        self.work().await;
        self.index.optimize().await
    }
}

async fn open(place: &Place, index: &Arc<Slow>) -> Memory {
    let embedder = Arc::new(HashingEmbedder::with_dimensions(8));
    let index: Arc<dyn VectorIndex> = Arc::clone(index) as _;
    Memory::open(place.open(), index, embedder).await.unwrap()
}

/// Whether a search by words and one by vectors find an item.
async fn is_found(memory: &Memory, namespace: NamespaceId, id: ItemId, said: &str) -> (bool, bool) {
    let found = async |search| {
        let query = Query::new(said).search(search).limit(3);
        let found = memory.search(namespace, &query).await.unwrap();
        found.iter().any(|found| found.item.id == id)
    };
    (found(Search::Words).await, found(Search::Dense).await)
}

/// Forgets an item on a task of its own.
fn forget(memory: &Memory, namespace: NamespaceId, id: ItemId) -> JoinHandle<Vec<ItemId>> {
    let memory = memory.clone();
    tokio::spawn(async move {
        let everything = Filter::default();
        let forgotten = memory.forget(namespace, &everything, Some(&[id])).await;
        forgotten.unwrap().items
    })
}

#[tokio::test]
async fn while_the_index_is_optimised_others_do_not_wait() {
    let (place, index) = (Place::new(), Slow::new());
    let memory = open(&place, &index).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    let other = memory.namespace(&names("bob")).await.unwrap();
    let many = (0..DUE).map(|number| NewItem::turn(format!("word{number}"), ""));
    let first = tokio::spawn({
        let (memory, many) = (memory.clone(), many.collect());
        async move { memory.remember_all(namespace, many).await.map(drop) }
    });
    index.has_begun().await;

    let item = NewItem::turn("The roses are white.", "");
    let id = memory.remember(other, item).await.unwrap().id;
    let found = is_found(&memory, other, id, "white roses").await;
    assert_eq!(found, (true, false), "by its words alone, as yet");
    assert!(!first.is_finished());

    index.may_end.add_permits(1);
    first.await.unwrap().unwrap();
    let told = index.index.ids(None, usize::MAX).await.unwrap();
    assert_eq!(told.len(), DUE + 1, "who had it optimised told the rest");
    assert!(told.contains(&id));
}

#[tokio::test]
async fn while_the_index_is_rid_of_what_was_forgotten_others_do_not_wait() {
    let (place, index) = (Place::new(), Slow::new());
    let memory = open(&place, &index).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    let roses = NewItem::turn("The roses are white.", "");
    let roses = memory.remember(namespace, roses).await.unwrap().id;
    let forgetting = forget(&memory, namespace, roses);
    index.has_begun().await;

    let tulips = NewItem::turn("The tulips are red.", "");
    let tulips = memory.remember(namespace, tulips).await.unwrap().id;
    assert!(!forgetting.is_finished());

    index.may_end.add_permits(1);
    assert_eq!(forgetting.await.unwrap(), [roses]);
    let found = is_found(&memory, namespace, tulips, "red tulips").await;
    assert_eq!(found, (true, true));
}

/// An import is told by one who waits for all of it.
#[tokio::test]
async fn who_fills_the_index_tells_it_what_came_meanwhile() {
    let (place, index) = (Place::new(), Slow::new());
    let memory = open(&place, &index).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    let other = memory.namespace(&names("bob")).await.unwrap();
    let many = (0..DUE + 100).map(|number| NewItem::turn(format!("word{number}"), ""));
    let archive = memory.archive();
    archive
        .remember_all(namespace, many.collect())
        .await
        .unwrap();
    let filling = tokio::spawn({
        let memory = memory.clone();
        async move { memory.sync(&mut |_, _| {}).await }
    });
    index.has_begun().await;
    let item = NewItem::turn("The roses are white.", "");
    let id = memory.remember(other, item).await.unwrap().id;
    index.may_end.add_permits(1);
    filling.await.unwrap().unwrap();
    let told = index.index.ids(None, usize::MAX).await.unwrap();
    assert_eq!(told.len(), DUE + 101);
    assert!(told.contains(&id));
}

/// An index does to its end what was begun: whoever gives up on that leaves nobody waiting for it.
#[tokio::test]
async fn who_gives_up_on_it_leaves_nobody_waiting() {
    let (place, index) = (Place::new(), Slow::new());
    let memory = open(&place, &index).await;
    let namespace = memory.namespace(&names("ada")).await.unwrap();
    let roses = NewItem::turn("The roses are white.", "");
    let roses = memory.remember(namespace, roses).await.unwrap().id;
    let forgetting = forget(&memory, namespace, roses);
    index.has_begun().await;
    forgetting.abort();
    forgetting.await.unwrap_err();

    let tulips = NewItem::turn("The tulips are red.", "");
    let tulips = memory.remember(namespace, tulips).await.unwrap().id;
    let found = || is_found(&memory, namespace, tulips, "red tulips");
    assert_eq!(found().await, (true, false), "by its words alone, as yet");
    index.may_end.add_permits(1);
    // Done by the next search behind its end.
    while found().await != (true, true) {
        tokio::task::yield_now().await;
    }
}
