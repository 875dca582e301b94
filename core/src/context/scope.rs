//! What the nodes of a run share, and what a node has of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use tokio_util::sync::CancellationToken;

use super::failures::Failures;
use crate::{
    Entry, Event, Gap, Journal, NodePath, Numbered, Result, RunId, Usage, budget::Ledger,
    event::EventSink,
};

/// What all nodes of a run share. Held by every [`Context`](super::Context) of it.
#[derive(Debug)]
pub(crate) struct RunScope {
    pub(crate) id: RunId,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    /// Effects of an earlier attempt, by node and call index.
    pub(crate) replay: HashMap<(NodePath, u32), Entry>,
    /// A person's answers that are not in the journal yet, by the ids of the questions.
    pub(crate) answers: HashMap<String, serde_json::Value>,
    pub(crate) events: EventSink,
    /// What the entries of the journal say was spent.
    pub(crate) written: Mutex<Usage>,
    /// The entry that is in the journal and makes way for another: what ended the run before.
    pub(crate) reopened: Option<Entry>,
    pub(crate) failures: Failures,
    pub(crate) gaps: Mutex<Vec<Gap>>,
}

impl RunScope {
    /// Appends to the journal, if there is one.
    pub(super) async fn append(&self, entries: Vec<Entry>, events: Vec<Event>) -> Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let more: Usage = entries.iter().map(|entry| entry.usage).sum();
        let replaced = self.reopened.as_ref().filter(|old| {
            let same = |new: &Entry| new.call == old.call && new.path == old.path;
            entries.iter().any(same)
        });
        let replaced = replaced.map_or_else(Usage::default, |old| old.usage);
        // Before, for what was handed over is written even if nobody waits for it any more.
        self.write(more, replaced);
        let appended = journal.append(&self.id, entries, events).await;
        if appended.is_err() {
            self.write(replaced, more);
        }
        appended
    }

    fn write(&self, more: Usage, less: Usage) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        *written = (*written + more).without(less);
    }

    /// What was spent on calls that have no entry.
    pub(crate) fn lost(&self) -> Usage {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        self.ledger.settled().without(*written)
    }

    pub(super) fn keep_gap(&self, gap: Gap) {
        self.gaps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(gap);
    }

    pub(super) fn forget_gaps(&self, path: &NodePath) {
        self.gaps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|gap| !gap.path.is_within(path));
    }

    /// The results that are missing, in the order of their paths.
    pub(crate) fn take_gaps(&self) -> Vec<Gap> {
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gaps = std::mem::take(&mut *gaps);
        gaps.sort_by(|a, b| a.path.cmp(&b.path));
        gaps
    }
}

/// What is a node's own.
#[derive(Debug)]
pub(super) struct NodeScope {
    pub(super) path: NodePath,
    pub(super) calls: AtomicU32,
    /// How many attempts and graphs were run in it; see [`Context::again`](super::Context::again).
    pub(super) runs: AtomicU32,
    /// Whether a graph was run under its own path.
    pub(super) entered: AtomicBool,
    pub(super) cancel: CancellationToken,
    /// The names of the questions that it asked.
    asked: Mutex<Vec<String>>,
}

impl NodeScope {
    pub(super) fn new(path: NodePath, cancel: CancellationToken) -> Self {
        Self {
            path,
            calls: AtomicU32::new(0),
            runs: AtomicU32::new(0),
            entered: AtomicBool::new(false),
            cancel,
            asked: Mutex::default(),
        }
    }

    pub(super) fn asked(&self) -> MutexGuard<'_, Vec<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far its calls, attempts and questions are numbered.
    pub(super) fn numbered(&self) -> Numbered {
        Numbered {
            calls: self.calls.load(Relaxed),
            runs: self.runs.load(Relaxed),
            entered: self.entered.load(Relaxed),
            asked: self.asked().clone(),
        }
    }

    /// Goes on behind what was numbered when the run was not yet resumed.
    pub(super) fn take_over(&self, numbered: &Numbered) {
        self.calls.fetch_max(numbered.calls, Relaxed);
        self.runs.fetch_max(numbered.runs, Relaxed);
        self.entered.fetch_or(numbered.entered, Relaxed);
        let mut asked = self.asked();
        for name in &numbered.asked {
            if !asked.contains(name) {
                asked.push(name.clone());
            }
        }
    }
}
