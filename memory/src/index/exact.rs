//! All points in memory, each compared with each query.

use std::{
    collections::{BTreeMap, btree_map::Range},
    ops::Bound::{Excluded, Unbounded},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use catena_core::{Embedding, Error, Result};

use super::{Hit, IndexStamp, Point, VectorIndex};
use crate::{ItemId, Kind, NamespaceId};

/// An index that compares every point of a namespace with every query, in memory: for tests, and
/// for archives of a few thousand items. Nothing of it outlives the process; it is filled again
/// when the archive is opened.
///
/// # Example
///
/// ```
/// use catena_memory::{ExactIndex, IndexStamp, ItemId, Kind, NamespaceId, Point, VectorIndex};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> catena_core::Result<()> {
/// let index = ExactIndex::new();
/// let stamp = IndexStamp { archive: "a".into(), embedder: "e".into(), dimensions: 2 };
/// index.reset(&stamp).await?;
/// let (namespace, kind) = (NamespaceId(1), Kind::Turn);
/// let point = |id, vector| Point { id: ItemId(id), namespace, kind, vector };
/// index.upsert(vec![point(1, vec![1.0, 0.0]), point(2, vec![0.0, 1.0])]).await?;
/// let hits = index.search(namespace, None, &vec![0.6, 0.8], 1).await?;
/// assert_eq!(hits[0].id, ItemId(2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ExactIndex {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stamp: Option<IndexStamp>,
    points: BTreeMap<ItemId, Point>,
}

impl State {
    /// The points whose id is greater than `after`, by ascending id.
    fn behind(&self, after: Option<ItemId>) -> Range<'_, ItemId, Point> {
        let from = after.map_or(Unbounded, Excluded);
        self.points.range((from, Unbounded))
    }
}

impl ExactIndex {
    /// An empty index without a stamp.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl VectorIndex for ExactIndex {
    fn describe(&self) -> String {
        "exact, in memory".to_owned()
    }

    async fn stamp(&self) -> Result<Option<IndexStamp>> {
        Ok(self.state().stamp.clone())
    }

    async fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        let mut state = self.state();
        state.points.clear();
        state.stamp = Some(stamp.clone());
        Ok(())
    }

    async fn upsert(&self, points: Vec<Point>) -> Result<()> {
        let mut state = self.state();
        let Some(stamp) = &state.stamp else {
            return Err(Error::invalid("the index was never reset")
                .with_help("reset it with the stamp of an archive first"));
        };
        stamp.check(&points)?;
        let points = points.into_iter().map(|point| (point.id, point));
        state.points.extend(points);
        Ok(())
    }

    async fn remove(&self, ids: &[ItemId]) -> Result<()> {
        let mut state = self.state();
        for id in ids {
            state.points.remove(id);
        }
        Ok(())
    }

    async fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: &Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        let state = self.state();
        let mut hits: Vec<_> = state
            .points
            .values()
            .filter(|point| point.namespace == namespace)
            .filter(|point| kind.is_none_or(|kind| kind == point.kind))
            .map(|point| Hit {
                id: point.id,
                score: cosine(&point.vector, vector),
            })
            .collect();
        // Stable, and ids ascend: of equals the older comes first.
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(limit);
        Ok(hits)
    }

    async fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>> {
        let state = self.state();
        let points = state.behind(after).take(limit);
        Ok(points.map(|(_, point)| point.clone()).collect())
    }

    async fn ids(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        let state = self.state();
        let points = state.behind(after).take(limit);
        Ok(points.map(|(id, _)| *id).collect())
    }

    async fn count(&self) -> Result<u64> {
        Ok(self.state().points.len() as u64)
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// The cosine of the angle between two vectors; 0 where one of them has no direction.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    match lengths > 0.0 {
        true => dot(a, b) / lengths,
        false => 0.0,
    }
}
