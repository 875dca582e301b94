//! From one index to another.

use std::sync::Arc;

use catena_core::{Error, Result};
use sha2::{Digest, Sha256};

use super::{Memory, Progress};
use crate::{ItemId, Point, VectorIndex, archive::Watermark, index::cosine};

/// The most points that travel at a time.
const BATCH: usize = 500;

/// How alike a vector has to be to the one that it was made from, as a cosine: indexes round.
const ALIKE: f32 = 0.98;

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    /// How many points.
    pub points: u64,
    /// A digest of their numbers, namespaces and kinds, found the same on both sides.
    pub digest: String,
}

impl Memory {
    /// Copies all points to another index, without embedding anything again, and compares both
    /// sides: numbers, namespaces, kinds, digests, and each vector with its copy. From then on the archive
    /// takes `to` to be up to date; the index that it came from is left as it is.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when `to` belongs to another archive or is the index in use, and then
    /// nothing is touched, or, where that shows only when it is emptied, it is filled again; [`is_memory`](Error::is_memory) when the two sides differ
    /// afterwards; otherwise those of the indexes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the index that it came from in use; the copy begins anew the next
    /// time.
    pub async fn relocate(
        &self,
        to: &Arc<dyn VectorIndex>,
        progress: &mut Progress<'_>,
    ) -> Result<Moved> {
        self.sync(&mut |_, _| {}).await?;
        // Nothing is written meanwhile.
        let told = self.0.told.lock().await;
        let from = &*self.0.index;
        let total = from.count().await?;
        self.check_target(&**to, total).await?;
        to.reset(&self.stamp()).await?;
        if total > 0 && from.count().await? == 0 {
            // One server has many names. What is gone is made anew.
            let place = to.describe();
            drop(told);
            self.verify(progress).await?;
            return Err(Error::invalid(format!(
                "the index {place} is the one in use, under another name"
            ))
            .with_help("nothing is lost, it was filled again; name another place to move it to"));
        }
        let mut sent = Side::default();
        loop {
            let points = from.scan(sent.after, BATCH).await?;
            if points.is_empty() {
                break;
            }
            sent.see(&points);
            to.upsert(points).await?;
            progress(sent.count, total);
        }
        to.flush().await?;
        let arrived = self.compare(from, &**to).await?;
        let moved = sent.moved();
        if arrived != moved || moved.points != total || to.count().await? != total {
            return Err(differ(&format!(
                "{} points were sent and {} arrived, or others",
                moved.points, arrived.points
            )));
        }
        let watermark = Watermark {
            index: to.describe(),
            change: told.change,
            optimised: 0,
        };
        let place = watermark.index.clone();
        self.0.archive.set_watermark(watermark).await?;
        if self.0.archive.purge_due(&place).await?.is_some() {
            // It was emptied, and of what is forgotten nothing was in the one that it was copied from.
            self.0.archive.set_purged(place, told.change).await?;
        }
        Ok(moved)
    }

    /// Refuses a target whose points must not be removed.
    async fn check_target(&self, to: &dyn VectorIndex, total: u64) -> Result<()> {
        let from = &*self.0.index;
        let place = to.describe();
        let known = to.stamp().await?;
        let same_place = place == from.describe() && known == from.stamp().await?;
        if std::ptr::addr_eq(from, to) || same_place && to.count().await? == total {
            return Err(
                Error::invalid(format!("the index {place} is in use already"))
                    .with_help("name another place to move it to"),
            );
        }
        match known {
            Some(known) if known.archive != self.0.archive.id() => Err(Error::invalid(format!(
                "the index {place} belongs to another archive than {}",
                self.0.archive.path().display()
            ))
            .with_help("name another place, or remove what is there")),
            _ => Ok(()),
        }
    }

    /// What is on the other side, each vector compared with the one that it was made from.
    async fn compare(&self, from: &dyn VectorIndex, to: &dyn VectorIndex) -> Result<Moved> {
        let mut side = Side::default();
        loop {
            let originals = from.scan(side.after, BATCH).await?;
            let copies = to.scan(side.after, BATCH).await?;
            if copies.is_empty() {
                return Ok(side.moved());
            }
            let unlike = originals
                .iter()
                .zip(&copies)
                .find(|(a, b)| a.id == b.id && cosine(&a.vector, &b.vector) < ALIKE);
            if let Some((original, _)) = unlike {
                return Err(differ(&format!(
                    "the vector of item {} is another one",
                    original.id
                )));
            }
            side.see(&copies);
        }
    }
}

fn differ(how: &str) -> Error {
    Error::memory(format!("the indexes differ after the move: {how}"))
        .with_help("the one that it came from is still in use; try again")
}

/// What was seen of an index.
#[derive(Default)]
struct Side {
    after: Option<ItemId>,
    count: u64,
    digest: Sha256,
}

impl Side {
    fn see(&mut self, points: &[Point]) {
        for point in points {
            self.digest.update(point.id.0.to_le_bytes());
            self.digest.update(point.partition().to_string());
            self.digest.update("\n");
        }
        self.count += points.len() as u64;
        self.after = points.last().map(|point| point.id).or(self.after);
    }

    fn moved(&self) -> Moved {
        let digest = self.digest.clone().finalize();
        Moved {
            points: self.count,
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
