//! The record from which a run is resumed.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{ChatResponse, Embedding, Error, NodePath, Result, Score};

/// The name of a run: 26 characters that sort by time of creation (a ULID).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// A new one.
    pub fn generate() -> Self {
        Self(ulid::Ulid::generate().to_string())
    }

    /// From text.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when it has not the form of a run's id.
    pub fn parse(text: &str) -> Result<Self> {
        ulid::Ulid::from_string(text)
            .map(|id| Self(id.to_string()))
            .map_err(|error| {
                Error::invalid(format!("'{text}' is no run id"))
                    .with_help("a run's id has 26 letters and digits")
                    .with_source(error)
            })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({})", self.0)
    }
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// It goes on, or its process died.
    Running,
    /// It gave its result.
    Finished,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// The head of a run's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub id: RunId,
    /// The name of its graph.
    pub graph: String,
    /// Its input.
    pub input: serde_json::Value,
    /// How far it came.
    pub status: RunStatus,
}

/// One effect: something that came from outside and must not be asked for twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The node.
    pub path: NodePath,
    /// The call's index in its node, from 0.
    pub call: u32,
    /// The digest of what was asked.
    pub request: String,
    /// What came.
    pub effect: Effect,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// A chat model's answer.
    Chat(ChatResponse),
    /// An embedder's vectors.
    Embed(Vec<Embedding>),
    /// A scorer's log-probabilities.
    Score(Score),
}

/// Keeps the effects of runs, in the order in which they happened.
///
/// # Contract
///
/// - [`append`](Self::append) returns when the entry is as durable as the implementation promises.
/// - Entries of a run come back in the order in which they were appended, each exactly once.
/// - Appending to a run that was never begun, or a second entry with the same node and call
///   index, is an error: it would make the record ambiguous.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// Begins a run's record, or marks one that exists as running again.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) when it cannot be written.
    async fn begin(&self, run: &RunRecord) -> Result<()>;

    /// Adds an effect.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) when it cannot be written, or contradicts the record.
    async fn append(&self, run: &RunId, entry: Entry) -> Result<()>;

    /// Sets how far the run came.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) when it cannot be written.
    async fn finish(&self, run: &RunId, status: RunStatus) -> Result<()>;

    /// A run's record and its effects; `None` for a run that it does not know.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) when it cannot be read.
    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>>;

    /// The runs that it knows, oldest first.
    ///
    /// # Errors
    ///
    /// [`is_journal`](Error::is_journal) when it cannot be read.
    async fn list(&self) -> Result<Vec<RunRecord>>;
}

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
}

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Recorded>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, run: &RunId, edit: impl FnOnce(&mut Recorded) -> Result<()>) -> Result<()> {
        match self.runs().get_mut(run) {
            Some(recorded) => edit(recorded),
            None => Err(Error::journal(format!("the journal has no run {run}"))),
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn begin(&self, run: &RunRecord) -> Result<()> {
        self.runs()
            .entry(run.id.clone())
            .or_insert_with(|| Recorded {
                head: run.clone(),
                entries: Vec::new(),
                keys: HashSet::new(),
            })
            .head
            .status = RunStatus::Running;
        Ok(())
    }

    async fn append(&self, run: &RunId, entry: Entry) -> Result<()> {
        self.edit(run, |recorded| {
            if !recorded.keys.insert((entry.path.clone(), entry.call)) {
                return Err(Error::journal(format!(
                    "call {} of {} is in the journal already",
                    entry.call, entry.path
                )));
            }
            recorded.entries.push(entry);
            Ok(())
        })
    }

    async fn finish(&self, run: &RunId, status: RunStatus) -> Result<()> {
        self.edit(run, |recorded| {
            recorded.head.status = status;
            Ok(())
        })
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
        let runs = self.runs();
        Ok(runs
            .get(run)
            .map(|recorded| (recorded.head.clone(), recorded.entries.clone())))
    }

    async fn list(&self) -> Result<Vec<RunRecord>> {
        Ok(self
            .runs()
            .values()
            .map(|recorded| recorded.head.clone())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Usage;

    fn record() -> RunRecord {
        RunRecord {
            id: RunId::generate(),
            graph: "g".into(),
            input: serde_json::json!({"a": 1}),
            status: RunStatus::Running,
        }
    }

    fn entry(call: u32) -> Entry {
        Entry {
            path: NodePath::root("g").child("n"),
            call,
            request: "digest".into(),
            effect: Effect::Chat(ChatResponse::new("hi", Usage::call(1, 1))),
            elapsed: Duration::from_millis(5),
        }
    }

    #[tokio::test]
    async fn entries_come_back_in_order() {
        let journal = MemoryJournal::new();
        let run = record();
        journal.begin(&run).await.unwrap();
        for call in [1, 0, 2] {
            journal.append(&run.id, entry(call)).await.unwrap();
        }
        journal.finish(&run.id, RunStatus::Finished).await.unwrap();
        let (found, entries) = journal.load(&run.id).await.unwrap().unwrap();
        assert_eq!(found.status, RunStatus::Finished);
        assert_eq!(entries, [entry(1), entry(0), entry(2)]);
        assert_eq!(journal.list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_would_make_the_record_ambiguous_is_refused() {
        let journal = MemoryJournal::new();
        let run = record();
        assert!(
            journal
                .append(&run.id, entry(0))
                .await
                .unwrap_err()
                .is_journal()
        );
        journal.begin(&run).await.unwrap();
        journal.append(&run.id, entry(0)).await.unwrap();
        assert!(
            journal
                .append(&run.id, entry(0))
                .await
                .unwrap_err()
                .is_journal()
        );
        assert!(journal.load(&RunId::generate()).await.unwrap().is_none());
    }

    #[test]
    fn ids_sort_by_time_and_are_checked() {
        let (first, second) = (RunId::generate(), RunId::generate());
        assert_eq!(RunId::parse(first.as_str()).unwrap(), first);
        assert!(first.as_str().len() == 26 && first != second);
        assert!(RunId::parse("../etc/passwd").unwrap_err().is_invalid());
    }
}
