//! Calls that failed, until it is known what comes of it.
//!
//! When a run fails, the call that failed is made again by the resumed run: it may succeed. When
//! something went on behind the failure (an agent that caught it, a failure policy), the failure
//! has become a part of what happened, and the resumed run must meet it again. So a failure is
//! written to the journal when its node goes on, and not before.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::Context;
use crate::{Effect, Entry, Error, Fingerprint, NodePath, Result, Usage};

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

    /// Takes those of a node, of what is in it, and of the agents around it: those went on too.
    fn take(&self, path: &NodePath) -> Vec<Entry> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = open
            .extract_if(.., |entry| {
                entry.path.is_within(path) || path.is_within(&entry.path)
            })
            .collect();
        self.count.store(open.len(), Ordering::Release);
        taken
    }
}

/// The call index under which it is written down that attempt `number` was given up: counted down
/// from the last there can be, where no call comes.
fn given_up(number: u32) -> u32 {
    u32::MAX - number
}

impl Context {
    /// Why attempt `number` was given up, if that is known from the journal. It is not to be made
    /// again: which of its calls failed first, and what the others had done by then, was a matter
    /// of time. What it had numbered is numbered.
    pub(crate) fn gave_up(&self, number: u32) -> Option<Error> {
        if self.run.replay.is_empty() {
            return None;
        }
        let key = (self.path().clone(), given_up(number));
        let Effect::GaveUp { error, numbered } = &self.run.replay.get(&key)?.effect else {
            return None;
        };
        self.node.take_over(numbered);
        Some(error.clone())
    }

    /// Writes down that attempt `number` is given up, and what failed in it.
    pub(crate) async fn give_up(&self, number: u32, error: &Error) -> Result<()> {
        if self.run.journal.is_none() {
            return Ok(());
        }
        let mut entries = self.run.failures.take(self.path());
        entries.push(Entry {
            path: self.path().clone(),
            call: given_up(number),
            request: Fingerprint::new("an attempt", &[]),
            effect: Effect::GaveUp {
                error: error.clone(),
                numbered: self.node.numbered(),
            },
            usage: Usage::default(),
            elapsed: Duration::ZERO,
        });
        self.keep_all(entries).await
    }

    /// Writes down the failures in this node: it goes on behind them.
    pub(crate) async fn keep_failures(&self) -> Result<()> {
        let failures = self.run.failures.take(self.path());
        if failures.is_empty() {
            return Ok(());
        }
        self.keep_all(failures).await
    }

    async fn keep_all(&self, failures: Vec<Entry>) -> Result<()> {
        if self.node.cancel.is_cancelled() {
            // Calls fail because the node is stopped. Written down, they would fail for ever.
            return Err(Error::cancelled());
        }
        let events = self.run.events.untold(1, None);
        self.run.append(failures, events).await
    }
}
