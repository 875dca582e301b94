//! Calls that failed, until it is known what comes of it.
//!
//! When a run fails, the call that failed is made again by the resumed run: it may succeed. When
//! something went on behind the failure (an agent that caught it, a failure policy), the failure
//! has become a part of what happened, and the resumed run must meet it again. So a failure is
//! written to the journal when its node goes on, and not before.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::Context;
use crate::{Entry, Error, NodePath, Result};

/// The failures of a run that are not in its journal.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    // Looked at before every call, and nearly always 0.
    count: AtomicUsize,
    open: Mutex<Vec<Entry>>,
}

impl Failures {
    pub(super) fn push(&self, entry: Entry) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(entry);
        self.count.store(open.len(), Ordering::Release);
    }

    /// Takes those of a node and of what is in it.
    fn take(&self, path: &NodePath) -> Vec<Entry> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = open
            .extract_if(.., |entry| entry.path.is_within(path))
            .collect();
        self.count.store(open.len(), Ordering::Release);
        taken
    }
}

impl Context {
    /// Writes down the failures in this node: it goes on behind them.
    pub(crate) async fn keep_failures(&self) -> Result<()> {
        let failures = self.run.failures.take(self.path());
        if failures.is_empty() {
            return Ok(());
        }
        if self.run.cancel.is_cancelled() {
            // Calls fail because the run is stopped. Written down, they would fail for ever.
            return Err(Error::cancelled());
        }
        let events = self.run.events.untold(1, None);
        self.run.append(failures, events).await
    }
}
