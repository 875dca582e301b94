//! An archive, an index and an embedder, kept in step.

mod check;
mod consolidate;
mod purge;
mod relocate;
mod search;
mod sync;

pub use check::Repaired;
pub use consolidate::{Action, Consolidated, Plan, Proposal};
pub use relocate::Moved;
pub use search::{Found, Query, Search};

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use catena_core::{Embedder, EmbedderProfile, Error, Result};
use tokio::sync::{Mutex, watch};

use self::sync::Told;
use crate::{
    Archive, Filter, Forgotten, IndexStamp, ItemId, Namespace, NamespaceId, NewItem, VectorIndex,
    Written,
};

/// What is told while an index is brought up to date: how many items it knows, and of how many.
pub type Progress<'a> = dyn FnMut(u64, u64) + Send + 'a;

/// An [`Archive`], with a [`VectorIndex`] that is derived from it, and the [`Embedder`] that makes
/// its vectors.
///
/// The archive is the truth. What the index lacks, because a process was killed, an embedder failed
/// or a server was away, it is told later: before the next write and the next search by vectors, when
/// memory is opened, and by [`sync`](Self::sync). Until then the items are found by their words. So are those
/// of a moment in which the index is optimised or purged, which may take a minute: nobody waits for it but whoever
/// began it, and he tells the index of them.
///
/// Cloning is cheap; clones are the same memory. Conversations may use it side by side.
///
/// # Example: remember and recall
///
/// ```
/// use std::sync::Arc;
/// use catena_memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace, NewItem, Query};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> catena_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("memory.db");
/// let archive = Archive::open(&path)?;
/// let memory = Memory::open(archive, Arc::new(ExactIndex::new()), Arc::new(HashingEmbedder::new()))
///     .await?;
/// let ada = memory.namespace(&Namespace::new("ada", "catena", "garden")).await?;
/// memory.remember(ada, NewItem::turn("The roses are white.", "Noted.")).await?;
/// memory.remember(ada, NewItem::turn("It rains.", "So it does.")).await?;
///
/// let found = memory.search(ada, &Query::new("Which colour have my roses?").limit(1)).await?;
/// assert_eq!(found[0].item.observation, "The roses are white.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    archive: Archive,
    index: Arc<dyn VectorIndex>,
    embedder: Arc<dyn Embedder>,
    told: Mutex<Told>,
    /// How many [keep the index for long](Memory::keep_for_long).
    kept: Arc<watch::Sender<usize>>,
    /// What was wrong with the index when it was opened.
    repaired: OnceLock<Repaired>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("archive", &self.0.archive.path())
            .field("index", &self.0.index.describe())
            .field("embedder", &self.0.embedder.profile().name)
            .finish()
    }
}

impl Memory {
    /// Brings them together, and the index up to date: see [`open_with`](Self::open_with).
    ///
    /// # Errors
    ///
    /// Those of [`open_with`](Self::open_with).
    pub async fn open(
        archive: Archive,
        index: Arc<dyn VectorIndex>,
        embedder: Arc<dyn Embedder>,
    ) -> Result<Self> {
        Self::open_with(archive, index, embedder, false, &mut |_, _| {}).await
    }

    /// Brings them together, and the index up to date: it is told what it lacks, now or, where the
    /// embedder or the index fails, later; where it is another
    /// than the last time or its number of points is wrong, it is compared with the archive item by
    /// item; and where it [owes a purge](Archive::owes_purge), it is rid of what was forgotten, now or, where
    /// it fails, the next time. `progress` is called after each batch; what was wrong is told by
    /// [`repaired`](Self::repaired).
    ///
    /// An index with vectors of another embedder is filled anew when `reindex` is set.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) when the index belongs to another archive, or
    /// to another embedder and `reindex` is not set; otherwise those of the archive, the index and
    /// the embedder.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves an index that is brought up to date the next time.
    pub async fn open_with(
        archive: Archive,
        index: Arc<dyn VectorIndex>,
        embedder: Arc<dyn Embedder>,
        reindex: bool,
        progress: &mut Progress<'_>,
    ) -> Result<Self> {
        let memory = Self(Arc::new(Inner {
            archive,
            index,
            embedder,
            told: Mutex::default(),
            kept: Arc::default(),
            repaired: OnceLock::new(),
        }));
        let repaired = memory.catch_up(reindex, progress).await?;
        memory.0.repaired.get_or_init(|| repaired);
        Ok(memory)
    }

    /// The records of truth.
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }

    /// What finds the nearest vectors.
    pub fn index(&self) -> &dyn VectorIndex {
        &*self.0.index
    }

    /// What makes vectors. Inside an agent pass it to
    /// [`Context::embed`](catena_core::Context::embed).
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.0.embedder
    }

    /// See [`Archive::namespace`].
    ///
    /// # Errors
    ///
    /// Those of the archive.
    pub async fn namespace(&self, namespace: &Namespace) -> Result<NamespaceId> {
        self.0.archive.namespace(namespace).await
    }

    /// Remembers an item: see [`Archive::remember`]. When this returns, it is on the disk, and a
    /// search finds it, by its vector too unless the index is optimised at the moment, or the embedder or the
    /// index failed: that is told to [`tracing`] and made up for later.
    ///
    /// One of some 16,000 waits for the index to be [optimised](VectorIndex::optimize); the others do not.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::remember`].
    ///
    /// # Cancel safety
    ///
    /// As [`Archive::remember`]; the index is told later.
    pub async fn remember(&self, namespace: NamespaceId, item: NewItem) -> Result<Written> {
        let written = self.0.archive.remember(namespace, item).await?;
        self.tell_or_warn().await;
        Ok(written)
    }

    /// Remembers items, all or none of them.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::remember`].
    pub async fn remember_all(
        &self,
        namespace: NamespaceId,
        items: Vec<NewItem>,
    ) -> Result<Vec<Written>> {
        let written = self.0.archive.remember_all(namespace, items).await?;
        self.tell_or_warn().await;
        Ok(written)
    }

    /// Forgets items in the archive (see [`Archive::forget`]) and in the index.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::forget`]; and those of the index, after which everything is forgotten in the archive,
    /// and the index is told and rid of it the next time.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, all is forgotten in the archive or nothing; the index is told and rid of
    /// it the next time.
    pub async fn forget(
        &self,
        namespace: NamespaceId,
        filter: &Filter,
        ids: Option<&[ItemId]>,
    ) -> Result<Forgotten> {
        let forgotten = self.0.archive.forget(namespace, filter, ids).await;
        self.rid(forgotten).await
    }

    /// Forgets a namespace with its names, in the archive (see [`Archive::forget_namespace`]) and in the
    /// index.
    ///
    /// # Errors
    ///
    /// Those of [`forget`](Self::forget).
    pub async fn forget_namespace(&self, namespace: NamespaceId) -> Result<Forgotten> {
        let forgotten = self.0.archive.forget_namespace(namespace).await;
        self.rid(forgotten).await
    }

    /// Rids the index too, even where traces are left in the archive's file.
    async fn rid(&self, forgotten: Result<Forgotten>) -> Result<Forgotten> {
        let purged = self.purge().await;
        let forgotten = forgotten?;
        purged.map(|_| forgotten)
    }

    /// Tells the index what it lacks, or that it cannot be told now.
    async fn tell_or_warn(&self) {
        if let Err(error) = self.tell_unless_kept().await {
            self.warn_of_lag(&error);
        }
    }

    fn warn_of_lag(&self, error: &Error) {
        let path = self.0.archive.path().display();
        tracing::warn!("the index of {path} lags, and is told later: {error}");
    }

    fn stamp(&self) -> IndexStamp {
        let EmbedderProfile {
            name, dimensions, ..
        } = self.0.embedder.profile();
        IndexStamp {
            archive: self.0.archive.id().to_owned(),
            embedder: name.clone(),
            dimensions: *dimensions,
        }
    }
}
