//! What the journal holds of a conversation: its turns, and the documents that were read into it.

use std::sync::Arc;

use catena_agents::Reply;
use catena_core::{Journal, RunId, RunRecord, RunStatus, SqliteJournal};
use catena_memory::{Archive, Namespace};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::READ;
use crate::{failure::Failure, journal};

/// The name of a turn's run.
pub(crate) const RUN: &str = "chat";

/// How many turns of a conversation are kept. What was said is in the archive; a run says how it was
/// answered.
const KEPT: usize = 20;

/// Which conversation a recorded run belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    /// The archive's id.
    pub(crate) archive: String,
    #[serde(flatten)]
    pub(crate) namespace: Namespace,
}

impl Conversation {
    pub(crate) fn new(archive: &Archive, namespace: &Namespace) -> Self {
        Self {
            archive: archive.id().to_owned(),
            namespace: namespace.clone(),
        }
    }
}

/// The recorded runs of a conversation.
pub(crate) struct Recorded {
    journal: Arc<SqliteJournal>,
    /// Its turns, the oldest first.
    turns: Vec<RunId>,
    /// Those that read a document into it.
    readings: Vec<RunId>,
}

impl Recorded {
    /// Looks for them in the journal.
    pub(crate) async fn of(
        journal: Arc<SqliteJournal>,
        conversation: &Conversation,
    ) -> Result<Self, Failure> {
        let (mut turns, mut readings) = (Vec::new(), Vec::new());
        for run in journal.list().await? {
            let those = match run.name.as_str() {
                RUN => &mut turns,
                READ => &mut readings,
                _ => continue,
            };
            let Some(record) = journal.head(&run.id).await? else {
                continue;
            };
            if serde_json::from_value(record.meta).is_ok_and(|of: Conversation| of == *conversation)
            {
                those.push(run.id);
            }
        }
        Ok(Self {
            journal,
            turns,
            readings,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.readings.is_empty()
    }

    /// Adds a turn, and forgets the oldest ones beyond those that are kept.
    pub(crate) async fn add(&mut self, run: &RunId) -> Result<(), Failure> {
        if !self.turns.contains(run) {
            self.turns.push(run.clone());
        }
        while self.turns.len() > KEPT {
            let oldest = self.turns.remove(0);
            self.journal.remove(&oldest).await?;
        }
        Ok(())
    }

    /// Forgets all of them, so that nothing of them is in the journal's files.
    pub(crate) async fn clear(&mut self) -> Result<(), Failure> {
        for runs in [&mut self.turns, &mut self.readings] {
            while let Some(run) = runs.last() {
                self.journal.remove(run).await?;
                runs.pop();
            }
        }
        journal::purge(&self.journal).await
    }

    /// Those in which a text stands, in either case: in what was said, in what came of it, or in between.
    pub(crate) async fn containing(&self, text: &str) -> Result<usize, Failure> {
        let text = text.to_lowercase();
        let mut count = 0;
        for run in self.turns.iter().chain(&self.readings) {
            let Some((record, entries)) = self.journal.load(run).await? else {
                continue;
            };
            let record = [Some(record.input), record.output].into_iter().flatten();
            let effects = entries.iter().map(|entry| json!(entry.effect));
            let stands = record.chain(effects).any(|part| stands_in(&part, &text));
            count += usize::from(stands);
        }
        Ok(count)
    }

    /// The last turn, if it came to no answer and can go on.
    pub(crate) async fn unfinished(&self) -> Result<Option<RunRecord>, Failure> {
        let Some(last) = self.turns.last() else {
            return Ok(None);
        };
        let record = self.journal.head(last).await?;
        Ok(record.filter(|record| match record.status {
            RunStatus::Running | RunStatus::Cancelled => true,
            RunStatus::Failed => record.error.as_ref().is_some_and(|error| {
                error.is_retryable() || error.is_budget_exceeded() || error.is_memory()
            }),
            _ => false,
        }))
    }

    /// The last answer that was given.
    pub(crate) async fn last_reply(&self) -> Result<Option<(RunId, Reply)>, Failure> {
        for run in self.turns.iter().rev() {
            let output = self
                .journal
                .head(run)
                .await?
                .and_then(|record| record.output);
            if let Some(Ok(reply)) = output.map(serde_json::from_value) {
                return Ok(Some((run.clone(), reply)));
            }
        }
        Ok(None)
    }
}

/// Whether a text, in lower case, stands in one of the texts of some JSON.
fn stands_in(json: &Value, text: &str) -> bool {
    match json {
        Value::String(part) => part.to_lowercase().contains(text),
        Value::Array(parts) => parts.iter().any(|part| stands_in(part, text)),
        Value::Object(parts) => parts.values().any(|part| stands_in(part, text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use catena_core::{
        ChatResponse, Durability, Effect, Entry, Fingerprint, NodePath, RunEnd, Usage,
    };

    use super::*;

    /// Five hundred runs, each with ten answers of 20 kB.
    #[tokio::test]
    async fn runs_of_others_are_looked_through_without_their_effects() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::builder(folder.path().join("runs.db"));
        let journal = Arc::new(journal.durability(Durability::AtExit).open().unwrap());
        let conversation = |name: &str| Conversation {
            archive: "archive".to_owned(),
            namespace: Namespace::new("me", "catena", name),
        };
        let answer = ChatResponse::new("word ".repeat(4_000), Usage::call(3, 4_000));
        for number in 0..500 {
            let mut record = RunRecord::new(RunId::generate(), RUN, serde_json::Value::Null);
            let name = if number % 100 == 0 { "mine" } else { "other" };
            record.meta = serde_json::to_value(conversation(name)).unwrap();
            let claim = journal.begin(&record).await.unwrap();
            let entry = |call| Entry {
                path: NodePath::root("chat"),
                call,
                request: Fingerprint::new("m", &[]),
                effect: Effect::Chat(answer.clone()),
                usage: answer.usage,
                elapsed: Duration::ZERO,
            };
            let entries = (0..10).map(entry).collect();
            journal
                .append(&record.id, entries, Vec::new())
                .await
                .unwrap();
            let end = RunEnd::finished(serde_json::Value::Null);
            journal.finish(&record.id, end, Vec::new()).await.unwrap();
            drop(claim);
        }
        let begun = Instant::now();
        for run in journal.list().await.unwrap() {
            journal.load(&run.id).await.unwrap();
        }
        let whole = begun.elapsed();
        let mine = conversation("mine");
        let mut took = Duration::MAX;
        // The best of three: other work on the machine is not what is measured.
        for _ in 0..3 {
            let begun = Instant::now();
            let recorded = Recorded::of(journal.clone(), &mine).await.unwrap();
            took = took.min(begun.elapsed());
            assert_eq!(recorded.turns.len(), 5);
        }
        println!("500 runs: {took:?}; with their effects {whole:?}");
        assert!(took * 3 < whole, "{took:?} against {whole:?}");
    }
}
