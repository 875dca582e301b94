//! The journals of a case, which survive the attempts.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use catena::{
    Claim, Durability, Entry, Event, Journal, MemoryJournal, Result, RunEnd, RunId, RunRecord,
    RunSummary, SqliteJournal,
};
use futures::executor::block_on;

use crate::{
    outside::Outside,
    rng::Rng,
    spec::{Case, Store},
};

/// Where runs are recorded, between the attempts too.
#[derive(Debug)]
pub(crate) enum Books {
    Memory {
        journal: Arc<MemoryJournal>,
        slow: bool,
    },
    Sqlite {
        path: PathBuf,
        durability: Durability,
        _folder: tempfile::TempDir,
    },
}

/// What stands in a journal about a run.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) head: RunRecord,
    pub(crate) entries: Vec<Entry>,
    pub(crate) events: Vec<Event>,
}

impl Books {
    pub(crate) fn new(case: &Case) -> Self {
        match case.store {
            Store::Memory { slow } => Self::Memory {
                journal: Arc::new(MemoryJournal::new()),
                slow,
            },
            Store::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let durability = Rng::new(case.seed).pick(&[
                    Durability::EveryEffect,
                    Durability::EveryEffect,
                    Durability::Batched(Duration::from_millis(1)),
                    Durability::AtExit,
                ]);
                Self::Sqlite {
                    path: folder.path().join("runs.db"),
                    durability,
                    _folder: folder,
                }
            }
        }
    }

    /// Opens the journal for an attempt.
    pub(crate) fn open(&self, outside: &Arc<Outside>) -> Arc<dyn Journal> {
        match self {
            Self::Memory {
                journal,
                slow: false,
            } => journal.clone(),
            Self::Memory {
                journal,
                slow: true,
            } => Arc::new(Slow {
                journal: journal.clone(),
                outside: outside.clone(),
            }),
            Self::Sqlite {
                path, durability, ..
            } => {
                let journal = SqliteJournal::builder(path).durability(*durability);
                Arc::new(journal.open().unwrap())
            }
        }
    }

    /// What is in it, between the attempts; `None` of a run that did not begin.
    pub(crate) fn read(&self, run: &RunId) -> Option<Record> {
        let journal: Arc<dyn Journal> = match self {
            Self::Memory { journal, .. } => journal.clone(),
            Self::Sqlite { path, .. } => Arc::new(SqliteJournal::open(path).unwrap()),
        };
        let (head, entries) = block_on(journal.load(run)).unwrap()?;
        let events = block_on(journal.events(run)).unwrap();
        Some(Record {
            head,
            entries,
            events,
        })
    }
}

/// A journal that does at once what it is told, and takes its time to say so.
#[derive(Debug)]
struct Slow {
    journal: Arc<MemoryJournal>,
    outside: Arc<Outside>,
}

#[async_trait]
impl Journal for Slow {
    async fn begin(&self, run: &RunRecord) -> Result<Claim> {
        self.journal.begin(run).await
    }

    async fn append(&self, run: &RunId, entries: Vec<Entry>, events: Vec<Event>) -> Result<()> {
        let place = match (entries.first(), events.first()) {
            (Some(entry), _) => entry.path.to_string(),
            (None, Some(event)) => event.path.to_string(),
            (None, None) => String::new(),
        };
        let result = self.journal.append(run, entries, events).await;
        self.outside.pause(&place, 300).await;
        result
    }

    async fn finish(&self, run: &RunId, end: RunEnd, events: Vec<Event>) -> Result<()> {
        self.journal.finish(run, end, events).await
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
        self.journal.load(run).await
    }

    async fn events(&self, run: &RunId) -> Result<Vec<Event>> {
        self.journal.events(run).await
    }

    async fn list(&self) -> Result<Vec<RunSummary>> {
        self.journal.list().await
    }

    async fn remove(&self, run: &RunId) -> Result<bool> {
        self.journal.remove(run).await
    }
}
