//! Telling the index what it does not know yet.

use std::sync::Arc;

use catena_core::{Embedding, Error, Result};
use tokio::sync::watch;

use super::{Memory, Progress};
use crate::{
    ItemId, Point, VectorIndex,
    archive::{Change, Unindexed, Watermark},
};

/// The most items that are embedded and told at a time.
const BATCH: usize = 256;

/// After so many changes the index is flushed, so that there is never more to tell again.
const UNFLUSHED: u64 = 1024;

/// After so many changes the index is optimised: what was added since is compared one by one, and some indexes
/// hold it in memory.
const UNOPTIMISED: u64 = 16 * 1024;

/// And after so many while there is more to tell: each time takes as long as a part of the index is large.
const UNOPTIMISED_IN_BULK: u64 = 100_000;

/// How far the index was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Everything up to this change.
    pub(super) change: u64,
    /// Up to here it would still know after a `kill -9`.
    pub(super) flushed: u64,
    /// Everything up to here was there when it was last optimised.
    pub(super) optimised: u64,
}

/// The index is kept for long until this is dropped, and by so many.
struct Kept(Arc<watch::Sender<usize>>);

impl Kept {
    fn new(kept: &Arc<watch::Sender<usize>>) -> Self {
        kept.send_modify(|count| *count += 1);
        Self(Arc::clone(kept))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Memory {
    /// Tells the index everything that it does not know yet, and has it keep that for good.
    ///
    /// # Errors
    ///
    /// Those of the archive, the embedder and the index.
    ///
    /// # Cancel safety
    ///
    /// What was told by then stays told.
    pub async fn sync(&self, progress: &mut Progress<'_>) -> Result<()> {
        self.tell(progress).await?;
        let mut told = self.0.told.lock().await;
        let last = told.change;
        let optimised = self.flush(&mut told, last).await?;
        drop(told);
        if optimised {
            // Others did not wait.
            self.tell_or_warn().await;
        }
        Ok(())
    }

    /// Tells the index what it does not know. One at a time does: whoever comes second finds that it
    /// was done for him.
    pub(super) async fn tell(&self, progress: &mut Progress<'_>) -> Result<()> {
        let mut told = self.0.told.lock().await;
        self.tell_all(&mut told, progress).await
    }

    /// As [`tell`](Self::tell), but where somebody [keeps the index for long](Self::keep_for_long) that is left
    /// to him.
    pub(super) async fn tell_unless_kept(&self) -> Result<()> {
        let mut kept = self.0.kept.subscribe();
        let told = tokio::select! {
            biased;
            _ = kept.wait_for(|count| *count > 0) => None,
            told = self.0.told.lock() => Some(told),
        };
        match told {
            Some(mut told) => self.tell_all(&mut told, &mut |_, _| {}).await,
            None => Ok(()),
        }
    }

    /// Does with the index what may take a minute. Meanwhile others do not wait for `told`, which the caller has;
    /// he has to tell the index what came. It is done to its end, even where nobody waits for it any more.
    pub(super) async fn keep_for_long<W>(
        &self,
        work: impl FnOnce(Arc<dyn VectorIndex>) -> W,
    ) -> Result<()>
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.0.index));
        let kept = Kept::new(&self.0.kept);
        let done = tokio::spawn(async move {
            let done = work.await;
            drop(kept);
            done
        });
        done.await.unwrap_or_else(|_| Err(Error::cancelled()))
    }

    async fn tell_all(&self, told: &mut Told, progress: &mut Progress<'_>) -> Result<()> {
        let begun = told.change;
        let mut last = self.0.archive.last_change().await?;
        while told.change < last {
            let changes = self.0.archive.changes(told.change, BATCH).await?;
            // Numbers of changes whose item is gone again are not given out.
            let Some((reached, _)) = changes.last() else {
                told.change = last;
                break;
            };
            let reached = *reached;
            let mut added = Vec::new();
            let mut removed = Vec::new();
            for (_, change) in changes {
                match change {
                    Change::Added(item) => added.push(item),
                    Change::Removed(id) => removed.push(id),
                }
            }
            self.add(added).await?;
            self.remove(&removed).await?;
            told.change = reached;
            progress(reached.saturating_sub(begun), last.saturating_sub(begun));
            if told.change - told.flushed >= UNFLUSHED && self.flush(told, last).await? {
                // Others did not wait.
                last = self.0.archive.last_change().await?;
            }
        }
        Ok(())
    }

    /// Tells the index what a write before could not, unless somebody does so already.
    pub(super) async fn tell_before_search(&self) {
        let lags = match self.0.told.try_lock() {
            Ok(told) => match self.0.archive.last_change().await {
                Ok(last) => told.change < last,
                Err(_) => false,
            },
            Err(_) => false,
        };
        if lags {
            self.tell_or_warn().await;
        }
    }

    /// Embeds items and adds them to the index.
    pub(super) async fn add(&self, items: Vec<Unindexed>) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.0.index.upsert(self.points(items).await?).await
    }

    /// Embeds items.
    pub(super) async fn points(&self, items: Vec<Unindexed>) -> Result<Vec<Point>> {
        let texts: Vec<_> = items.iter().map(|item| item.text.clone()).collect();
        let vectors = self.embed(&texts).await?;
        let points = items.into_iter().zip(vectors);
        Ok(points
            .map(|(item, vector)| Point {
                id: item.id,
                namespace: item.namespace,
                kind: item.kind,
                vector,
            })
            .collect())
    }

    /// A vector for each text.
    pub(super) async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let vectors = self.0.embedder.embed(texts).await?;
        let name = &self.0.embedder.profile().name;
        if vectors.len() != texts.len() {
            return Err(Error::malformed_output(format!(
                "'{name}' gave {} vectors for {} texts",
                vectors.len(),
                texts.len()
            )));
        }
        if vectors.iter().flatten().any(|number| !number.is_finite()) {
            return Err(Error::malformed_output(format!(
                "'{name}' gave a vector with something that is no number"
            )));
        }
        Ok(vectors)
    }

    pub(super) async fn remove(&self, ids: &[ItemId]) -> Result<()> {
        match ids.is_empty() {
            true => Ok(()),
            false => self.0.index.remove(ids).await,
        }
    }

    /// Has the index keep what it was told, where there is more to tell up to the change `last`. Whether it was
    /// optimised.
    pub(super) async fn flush(&self, told: &mut Told, last: u64) -> Result<bool> {
        self.0.index.flush().await?;
        let due = match told.change < last {
            true => UNOPTIMISED_IN_BULK,
            false => UNOPTIMISED,
        };
        let optimise = told.change.saturating_sub(told.optimised) >= due;
        if optimise {
            let optimised = self.keep_for_long(|index| async move { index.optimize().await });
            // It finds as much without, only later; the next time is soon enough.
            if let Err(error) = optimised.await {
                tracing::warn!(%error, "the index is not optimised");
            }
            told.optimised = told.change;
        }
        let watermark = Watermark {
            index: self.0.index.describe(),
            change: told.change,
            optimised: told.optimised,
        };
        self.0.archive.set_watermark(watermark).await?;
        told.flushed = told.change;
        Ok(optimise)
    }
}
