//! What finds the nearest vectors: derived from the [`Archive`](crate::Archive), and replaceable.

mod conformance;
mod exact;
mod partition;

pub use conformance::check_index;
pub use exact::ExactIndex;
pub use partition::Partition;

pub(crate) use exact::cosine;

use std::fmt;

use async_trait::async_trait;
use catena_core::{Embedding, Error, Result};
use serde::{Deserialize, Serialize};

use crate::{ItemId, Kind, NamespaceId};

/// A vector of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The item. An index holds one point for each.
    pub id: ItemId,
    /// The namespace that the item belongs to.
    pub namespace: NamespaceId,
    /// What the item is.
    pub kind: Kind,
    /// A vector of length 1.
    pub vector: Embedding,
}

impl Point {
    /// The part of the index that it is in.
    pub fn partition(&self) -> Partition {
        Partition {
            namespace: self.namespace,
            kind: self.kind,
        }
    }
}

/// A point that was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The item.
    pub id: ItemId,
    /// The cosine of the angle between its vector and the one asked for: 1 for the same direction.
    pub score: f32,
}

/// What an index says of itself, written beside its points so that it outlives the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexStamp {
    /// The archive that its points come from: see [`Archive::id`](crate::Archive::id).
    pub archive: String,
    /// The embedder of its vectors: see [`EmbedderProfile::name`](catena_core::EmbedderProfile).
    pub embedder: String,
    /// Numbers in a vector.
    pub dimensions: usize,
}

impl IndexStamp {
    /// Checks that `points` belong into an index with this stamp. For implementors of
    /// [`VectorIndex::upsert`].
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a vector of another length.
    pub fn check(&self, points: &[Point]) -> Result<()> {
        let wrong = |point: &&Point| point.vector.len() != self.dimensions;
        match points.iter().find(wrong) {
            None => Ok(()),
            Some(point) => Err(Error::invalid(format!(
                "a vector of {} numbers does not belong into an index for vectors of {}",
                point.vector.len(),
                self.dimensions
            ))
            .with_help("reset the index for this embedder, and fill it again")),
        }
    }
}

/// Points by nearness.
///
/// An index holds nothing that could not be made again from the archive. It need not keep what it
/// was told before [`flush`](Self::flush) returns: the archive knows from where on to tell it again.
/// One conformance suite, [`check_index`], runs over every implementation.
///
/// # Cancel safety
///
/// A dropped future may have done its work, a part of it, or nothing.
#[async_trait]
pub trait VectorIndex: Send + Sync + fmt::Debug {
    /// What it is and where, for a person: `exact, in memory`, `qdrant at http://…`.
    fn describe(&self) -> String;

    /// What it was stamped with; `None` for one that was never, whose points are not to be used.
    async fn stamp(&self) -> Result<Option<IndexStamp>>;

    /// Removes all points, and takes vectors of [`IndexStamp::dimensions`] numbers from now on.
    async fn reset(&self, stamp: &IndexStamp) -> Result<()>;

    /// Adds points; those whose id is there already are replaced.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) for a vector of another length than stamped.
    async fn upsert(&self, points: Vec<Point>) -> Result<()>;

    /// Removes points; unknown ids are no error.
    async fn remove(&self, ids: &[ItemId]) -> Result<()>;

    /// The `limit` nearest points of `namespace`, of one kind or of all, the nearest first; of equals
    /// the older first.
    async fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: &Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>>;

    /// Up to `limit` points whose id is greater than `after`, by ascending id. For checking an
    /// index and for moving one. Vectors may come back rounded by the index's quantisation.
    async fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>>;

    /// The ids of what [`scan`](Self::scan) gives. For an index to be compared with its archive whenever it is
    /// opened: one that can tell them without reading vectors does.
    async fn ids(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        let points = self.scan(after, limit).await?;
        Ok(points.into_iter().map(|point| point.id).collect())
    }

    /// How many points there are.
    async fn count(&self) -> Result<u64>;

    /// Returns when everything before it survives a `kill -9`.
    async fn flush(&self) -> Result<()>;

    /// As [`flush`](Self::flush), and nothing of a point that was removed is left where the index keeps its
    /// points; where it can see to that, and as soon as it can. May take as long as
    /// [`optimize`](Self::optimize).
    async fn purge(&self) -> Result<()> {
        self.flush().await
    }

    /// Makes searching faster, where that takes work of its own (building a graph, merging parts);
    /// may take minutes.
    async fn optimize(&self) -> Result<()> {
        Ok(())
    }
}
