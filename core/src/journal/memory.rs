//! The journal that lives as long as its process.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;

use super::{
    Claim, Effect, Entry, Journal, RunEnd, RunId, RunRecord, RunStatus, RunSummary, now_ms,
};
use crate::{Error, Event, NodePath, Result};

/// A journal in memory, for tests and for runs that need to survive an error but not the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    runs: Mutex<BTreeMap<RunId, Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    head: RunRecord,
    entries: Vec<Entry>,
    keys: HashSet<(NodePath, u32)>,
    events: Vec<Event>,
    /// Alive while somebody holds the claim.
    claim: Weak<()>,
}

impl Recorded {
    /// Whether the entry with this key is one of a failed call.
    fn makes_way(&self, key: &(NodePath, u32)) -> bool {
        self.entries.iter().any(|entry| {
            entry.call == key.1 && entry.path == key.0 && matches!(entry.effect, Effect::Failed(_))
        })
    }
}

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Recorded>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit<T>(&self, run: &RunId, change: impl FnOnce(&mut Recorded) -> Result<T>) -> Result<T> {
        match self.runs().get_mut(run) {
            Some(recorded) => {
                let changed = change(recorded)?;
                recorded.head.updated_ms = now_ms();
                Ok(changed)
            }
            None => Err(unknown(run)),
        }
    }
}

/// The error for a run that was never begun.
pub(super) fn unknown(run: &RunId) -> Error {
    Error::journal(format!("run {run} was never begun"))
}

/// The error for a run that somebody executes.
pub(super) fn live(run: &RunId) -> Error {
    Error::journal(format!("run {run} is being executed already"))
        .with_help("wait for it to end, or stop the program that executes it")
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn begin(&self, run: &RunRecord) -> Result<Claim> {
        let mut runs = self.runs();
        let recorded = runs.entry(run.id.clone()).or_insert_with(|| Recorded {
            head: run.clone(),
            entries: Vec::new(),
            keys: HashSet::new(),
            events: Vec::new(),
            claim: Weak::new(),
        });
        if recorded.claim.strong_count() > 0 {
            return Err(live(&run.id));
        }
        let claim = Arc::new(());
        recorded.claim = Arc::downgrade(&claim);
        recorded.events.clear();
        recorded.head.status = RunStatus::Running;
        recorded.head.output = None;
        recorded.head.error = None;
        recorded.head.updated_ms = now_ms();
        Ok(Claim::new(claim))
    }

    async fn append(&self, run: &RunId, entries: Vec<Entry>, events: Vec<Event>) -> Result<()> {
        self.edit(run, |recorded| {
            let mut new = HashSet::new();
            for entry in &entries {
                let key = (entry.path.clone(), entry.call);
                let taken = recorded.keys.contains(&key) && !recorded.makes_way(&key);
                if taken || !new.insert(key) {
                    return Err(twice(entry));
                }
            }
            if new.iter().any(|key| recorded.keys.contains(key)) {
                recorded
                    .entries
                    .retain(|old| !new.contains(&(old.path.clone(), old.call)));
            }
            recorded.keys.extend(new);
            recorded.entries.extend(entries);
            recorded.events.extend(events);
            Ok(())
        })
    }

    async fn finish(&self, run: &RunId, end: RunEnd, events: Vec<Event>) -> Result<()> {
        self.edit(run, |recorded| {
            recorded.head.status = end.status;
            recorded.head.output = end.output;
            recorded.head.error = end.error;
            recorded.head.lost = end.lost;
            recorded.events.extend(events);
            Ok(())
        })
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
        let runs = self.runs();
        Ok(runs
            .get(run)
            .map(|recorded| (recorded.head.clone(), recorded.entries.clone())))
    }

    async fn events(&self, run: &RunId) -> Result<Vec<Event>> {
        let runs = self.runs();
        let mut events = runs
            .get(run)
            .map(|recorded| recorded.events.clone())
            .unwrap_or_default();
        events.sort_by_key(|event| event.seq);
        Ok(events)
    }

    async fn list(&self) -> Result<Vec<RunSummary>> {
        let runs = self.runs();
        Ok(runs
            .values()
            .map(|recorded| RunSummary {
                id: recorded.head.id.clone(),
                name: recorded.head.name.clone(),
                status: recorded.head.status,
                live: recorded.claim.strong_count() > 0,
                entries: recorded.entries.len(),
                created_ms: recorded.head.created_ms,
                updated_ms: recorded.head.updated_ms,
            })
            .collect())
    }

    async fn remove(&self, run: &RunId) -> Result<bool> {
        let mut runs = self.runs();
        match runs.get(run) {
            None => Ok(false),
            Some(recorded) if recorded.claim.strong_count() > 0 => Err(live(run)),
            Some(_) => Ok(runs.remove(run).is_some()),
        }
    }
}

/// The error for a second entry with the same key.
pub(super) fn twice(entry: &Entry) -> Error {
    Error::journal(format!(
        "call {} of {} is in the journal already",
        entry.call, entry.path
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_keeps_the_contract() {
        super::super::check_journal(|| async { Ok(MemoryJournal::new()) })
            .await
            .unwrap();
    }
}
