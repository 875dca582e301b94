//! Finding out whether an index is the archive's, and mending it.

use std::collections::VecDeque;

use catena_core::{Error, Result};

use super::{Memory, Progress, sync::Told};
use crate::{ItemId, Partition};

/// The most points that are compared at a time.
const BATCH: usize = 1000;

/// How many numbers are read at a time when an index is opened.
const NUMBERS: usize = 10_000;

/// What was wrong with an index, and is no longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Repaired {
    /// Items that it lacked, or had in the wrong namespace or as the wrong kind.
    pub added: u64,
    /// Points of items that are not there.
    pub removed: u64,
    /// Items whose vector was none: of another length, with something in it that is no number, or zero.
    pub damaged: u64,
    /// Whether vectors of what was forgotten might still have been in its files.
    pub purged: bool,
}

impl Memory {
    /// What was wrong with the index when it was opened, and was mended then; not what it merely had
    /// not been told yet, or not at all.
    pub fn repaired(&self) -> Repaired {
        self.0.repaired.get().copied().unwrap_or_default()
    }

    /// Called once, before anything else.
    pub(super) async fn catch_up(
        &self,
        reindex: bool,
        progress: &mut Progress<'_>,
    ) -> Result<Repaired> {
        let mut repaired = self.bring_up(reindex, progress).await?;
        repaired.purged = self.purge_or_warn(repaired.removed > 0).await;
        Ok(repaired)
    }

    async fn bring_up(&self, reindex: bool, progress: &mut Progress<'_>) -> Result<Repaired> {
        let stamp = self.stamp();
        let place = self.0.index.describe();
        let archive = &self.0.archive;
        let known = self.0.index.stamp().await?;
        if let Some(known) = &known
            && known.archive != stamp.archive
        {
            return Err(Error::invalid(format!(
                "the index {place} belongs to another archive than {}",
                archive.path().display()
            ))
            .with_help("name another index, or remove this one: it can be made again"));
        }
        let from = match known {
            Some(known) if known == stamp => {
                let watermark = archive.watermark().await?;
                watermark.filter(|watermark| watermark.index == place)
            }
            Some(known) if !reindex => {
                return Err(Error::invalid(format!(
                    "the index {place} holds vectors of '{}', and the embedder is '{}'",
                    known.embedder, stamp.embedder
                ))
                .with_help(
                    "use that embedder, or have the archive indexed again: `catena memory reindex`",
                ));
            }
            _ => {
                let last = archive.last_change().await?;
                self.0.index.reset(&stamp).await?;
                self.note_clean(last).await?;
                *self.0.told.lock().await = Told::default();
                let synced = self.sync(progress).await;
                self.may_lag(synced, reindex)?;
                return Ok(Repaired::default());
            }
        };
        match from {
            Some(watermark) if self.has_right_numbers(watermark.change).await? => {
                *self.0.told.lock().await = Told {
                    change: watermark.change,
                    flushed: watermark.change,
                    optimised: watermark.optimised,
                };
                let synced = self.sync(progress).await;
                self.may_lag(synced, reindex)?;
                Ok(Repaired::default())
            }
            _ => self.mend(progress).await,
        }
    }

    /// An index may lag behind its archive, which is told and made up for later; not where it was to be
    /// made anew, and not when the archive itself fails.
    fn may_lag(&self, synced: Result<()>, reindex: bool) -> Result<()> {
        match synced {
            Err(error) if !reindex && !error.is_memory() => {
                self.warn_of_lag(&error);
                Ok(())
            }
            synced => synced,
        }
    }

    /// Whether the index has the numbers that it must have: those of all items that it was told of up to a
    /// change, and beyond them only such as it may have been told since, or is still to be told that they are
    /// gone. Finds whatever lacks or is too many: an index that lost something, an older copy of it, and one
    /// that is newer than the archive. Takes 8 bytes an item for as long as it works.
    async fn has_right_numbers(&self, change: u64) -> Result<bool> {
        let must = self.0.archive.numbers_until(change).await?;
        let may = self.0.archive.numbers_since(change).await?;
        let mut missing = must.iter().peekable();
        let mut after = None;
        loop {
            let ids = self.0.index.ids(after, NUMBERS).await?;
            for id in &ids {
                match missing.peek() {
                    Some(next) if *next == id => {
                        missing.next();
                    }
                    _ if may.binary_search(id).is_ok() => {}
                    _ => return Ok(false),
                }
            }
            match ids.last() {
                Some(last) if ids.len() == NUMBERS => after = Some(*last),
                _ => return Ok(missing.peek().is_none()),
            }
        }
    }

    /// Compares the index with the archive, item by item, and mends what is wrong with it.
    ///
    /// # Errors
    ///
    /// Those of the archive, the embedder and the index.
    ///
    /// # Cancel safety
    ///
    /// What was mended by then stays mended.
    pub async fn verify(&self, progress: &mut Progress<'_>) -> Result<Repaired> {
        let mut repaired = self.mend(progress).await?;
        let told = self.0.told.lock().await;
        repaired.purged = self.purge_after(&told, repaired.removed > 0).await?;
        drop(told);
        // Others did not wait.
        self.tell_or_warn().await;
        Ok(repaired)
    }

    /// Mends the points; what they leave in files stays there.
    async fn mend(&self, progress: &mut Progress<'_>) -> Result<Repaired> {
        let mut told = self.0.told.lock().await;
        let last = self.0.archive.last_change().await?;
        let total = self.0.archive.count_until(last).await?;
        let mut repaired = Repaired::default();
        let mut points = Points::default();
        let mut after = None;
        let mut done = 0;
        loop {
            let items = self.0.archive.numbers(after, BATCH).await?;
            let upto = items.last().map(|(id, _)| *id);
            let (mut lacking, mut broken, mut zero) = (Vec::new(), Vec::new(), Vec::new());
            for (id, partition) in &items {
                repaired.removed += self.remove_before(&mut points, Some(*id)).await?;
                let Some(point) = points.next(self).await?.filter(|point| point.id == *id) else {
                    lacking.push(*id);
                    continue;
                };
                points.taken();
                match point.vector {
                    _ if point.of != *partition => lacking.push(*id),
                    Direction::None => broken.push(*id),
                    Direction::Zero => zero.push(*id),
                    Direction::Some => {}
                }
            }
            repaired.added += lacking.len() as u64;
            repaired.damaged += broken.len() as u64 + self.direct(&zero).await?;
            lacking.extend(broken);
            self.add(self.0.archive.unindexed(&lacking).await?).await?;
            done += items.len() as u64;
            progress(done, total.max(done));
            match upto {
                Some(id) => after = Some(id),
                None => break,
            }
        }
        repaired.removed += self.remove_before(&mut points, None).await?;
        told.change = last;
        self.flush(&mut told, last).await?;
        Ok(repaired)
    }

    /// Removes the points before `id`, or all that are left: nothing is there that they are of.
    async fn remove_before(&self, points: &mut Points, id: Option<ItemId>) -> Result<u64> {
        let mut removed = 0;
        while let Some(point) = points.next(self).await?
            && id.is_none_or(|id| point.id < id)
        {
            points.taken();
            self.remove(&[point.id]).await?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Gives items whose vector is zero another one, where their text has one: of a text without a word, an
    /// embedder may make none. How many it were.
    async fn direct(&self, ids: &[ItemId]) -> Result<u64> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut points = self.points(self.0.archive.unindexed(ids).await?).await?;
        points.retain(|point| point.vector.iter().any(|number| *number != 0.0));
        let count = points.len() as u64;
        match count {
            0 => {}
            _ => self.0.index.upsert(points).await?,
        }
        Ok(count)
    }
}

/// Whether a vector points anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Some,
    Zero,
    /// It is none: of another length than its index has, or with something in it that is no number.
    None,
}

impl Direction {
    fn of(vector: &[f32], dimensions: usize) -> Self {
        match () {
            () if vector.len() != dimensions => Self::None,
            () if vector.iter().any(|number| !number.is_finite()) => Self::None,
            () if vector.iter().all(|number| *number == 0.0) => Self::Zero,
            () => Self::Some,
        }
    }
}

/// A point without its numbers.
#[derive(Clone, Copy)]
struct Seen {
    id: ItemId,
    of: Partition,
    vector: Direction,
}

/// The points of an index in ascending order, a batch at a time.
#[derive(Default)]
struct Points {
    ahead: VecDeque<Seen>,
    after: Option<ItemId>,
    ended: bool,
}

impl Points {
    /// The next one, without taking it.
    async fn next(&mut self, memory: &Memory) -> Result<Option<Seen>> {
        if self.ahead.is_empty() && !self.ended {
            let points = memory.0.index.scan(self.after, BATCH).await?;
            self.ended = points.len() < BATCH;
            let dimensions = memory.0.embedder.profile().dimensions;
            let points = points.iter().map(|point| Seen {
                id: point.id,
                of: point.partition(),
                vector: Direction::of(&point.vector, dimensions),
            });
            self.ahead.extend(points);
            self.after = self.ahead.back().map(|point| point.id).or(self.after);
        }
        Ok(self.ahead.front().copied())
    }

    fn taken(&mut self) {
        self.ahead.pop_front();
    }
}
