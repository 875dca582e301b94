//! What a cache did.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`Cache`](super::Cache) did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Requests answered from the folder.
    pub hits: u64,
    /// Requests that the model was asked.
    pub misses: u64,
    /// Answers that could not be written.
    pub failed_writes: u64,
}

/// The same, being counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    failed_writes: AtomicU64,
}

impl Counts {
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn missed(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed_to_write(&self) {
        self.failed_writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> CacheStats {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheStats {
            hits: count(&self.hits),
            misses: count(&self.misses),
            failed_writes: count(&self.failed_writes),
        }
    }
}
