//! The index, for async callers.

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use catena_core::{Embedding, Error, Result};
use catena_memory::{Hit, IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex};
use tokio::{sync::Mutex, task};

use crate::{
    EdgeOptions,
    failure::{self, caught},
    store::Store,
};

/// An index in a folder, embedded: Qdrant in this process, without a server.
///
/// Up to some 10,000 points every search compares all points of its namespace and kind, and is exact; beyond,
/// [`optimize`](VectorIndex::optimize) builds a graph of those that are there, and only the newer
/// ones are compared one by one. While it works, searches go on and changes wait.
///
/// What was not [flushed](VectorIndex::flush) is lost with the process. Dropping the index flushes,
/// and blocks for it: some tenths of a second for a million points.
///
/// # Example
///
/// ```
/// use catena_edge::{EdgeIndex, EdgeOptions};
/// use catena_memory::{IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> catena_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("index");
/// let index = EdgeIndex::open(&folder, EdgeOptions::new()).await?;
/// let stamp = IndexStamp { archive: "a".into(), embedder: "e".into(), dimensions: 2 };
/// index.reset(&stamp).await?;
/// let (namespace, kind) = (NamespaceId(1), Kind::Turn);
/// let point = |id, vector| Point { id: ItemId(id), namespace, kind, vector };
/// index.upsert(vec![point(1, vec![1.0, 0.0]), point(2, vec![0.0, 1.0])]).await?;
/// index.flush().await?;
///
/// drop(index);
/// let index = EdgeIndex::open(&folder, EdgeOptions::new()).await?;
/// let hits = index.search(namespace, None, &vec![0.6, 0.8], 1).await?;
/// assert_eq!(hits[0].id, ItemId(2));
/// # Ok(())
/// # }
/// ```
pub struct EdgeIndex {
    store: Arc<Store>,
    /// Held by whoever changes something: the library's flush panics if it meets a change.
    changing: Arc<Mutex<()>>,
}

impl fmt::Debug for EdgeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeIndex")
            .field("folder", &self.store.folder())
            .finish_non_exhaustive()
    }
}

impl EdgeIndex {
    /// Opens the index in `folder`, which is made if there is none. A new one has no stamp, and
    /// takes points after its first [`reset`](VectorIndex::reset).
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the folder holds something else;
    /// [`is_retryable`](Error::is_retryable) if another process has it open; others if it cannot be
    /// written, or [is damaged](Self::is_damage): then it can be [discarded](Self::discard).
    pub async fn open(folder: impl AsRef<Path>, options: EdgeOptions) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        let store = task::spawn_blocking(move || Store::open(&folder, options)).await;
        Ok(Self {
            store: Arc::new(store.map_err(|_| Error::cancelled())??),
            changing: Arc::default(),
        })
    }

    /// Removes what is in the folder of an index, whatever state it is in, so that it can be opened as a new
    /// one and filled from its archive.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), but for damage.
    pub async fn discard(folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref().to_owned();
        let done = task::spawn_blocking(move || Store::discard(&folder)).await;
        done.map_err(|_| Error::cancelled())?
    }

    /// Whether damage of the folder may explain an error, of this index or of whoever uses it. Some damage
    /// shows only when points are read.
    pub fn is_damage(error: &Error) -> bool {
        failure::is_damage(error)
    }

    /// Whether the index that was there had been made with other [options](EdgeOptions) than it was opened
    /// with now, graph or quantised copies: its next [`optimize`](VectorIndex::optimize) makes it anew with
    /// these. Told once, by the first that opens it with them.
    pub fn was_otherwise(&self) -> bool {
        self.store.was_otherwise()
    }

    /// Reads on a thread where that may block.
    async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        let work = move || caught(store.folder(), what, || work(&store));
        let done = task::spawn_blocking(work).await;
        done.map_err(|_| Error::cancelled())?
    }

    /// As [`read`](Self::read), for changes: one after the other.
    async fn change(
        &self,
        what: &'static str,
        work: impl FnOnce(&Store) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let turn = Arc::clone(&self.changing).lock_owned().await;
        self.read(what, move |store| {
            // Until the work is done, even if nobody waits for it any more.
            let _turn = turn;
            work(store)
        })
        .await
    }
}

#[async_trait]
impl VectorIndex for EdgeIndex {
    fn describe(&self) -> String {
        format!("embedded Qdrant in {}", self.store.folder().display())
    }

    async fn stamp(&self) -> Result<Option<IndexStamp>> {
        self.read("tell its stamp", |store| Ok(store.stamp())).await
    }

    async fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        let stamp = stamp.clone();
        self.change("be emptied", move |store| store.reset(&stamp))
            .await
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<()> {
        self.change("take points", move |store| store.upsert(points))
            .await
    }

    async fn remove(&self, ids: &[ItemId]) -> Result<()> {
        let ids = ids.to_vec();
        self.change("remove points", move |store| store.remove(&ids))
            .await
    }

    async fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: &Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        let vector = vector.clone();
        self.read("be searched", move |store| {
            store.search(namespace, kind, vector, limit)
        })
        .await
    }

    async fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>> {
        self.read("be read", move |store| store.scan(after, limit))
            .await
    }

    async fn ids(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        self.read("be read", move |store| store.ids(after, limit))
            .await
    }

    async fn count(&self) -> Result<u64> {
        self.read("be counted", Store::count).await
    }

    async fn flush(&self) -> Result<()> {
        self.change("be written to the disk", Store::flush).await
    }

    /// Makes anew the parts of the store that held them, and empties the log.
    async fn purge(&self) -> Result<()> {
        self.change("be rid of what was removed", Store::purge)
            .await
    }

    async fn optimize(&self) -> Result<()> {
        self.change("be optimised", Store::optimize).await
    }
}
