//! What the journal holds of a conversation: its turns, and the documents that were read into it.

use std::sync::Arc;

use catena_agents::Reply;
use catena_core::{Journal, RunId, RunRecord, RunStatus, SqliteJournal};
use catena_memory::{Archive, Namespace};
use serde::{Deserialize, Serialize};

use super::READ;
use crate::failure::Failure;

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
            let Some((record, _)) = journal.load(&run.id).await? else {
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

    /// Forgets all of them.
    pub(crate) async fn clear(&mut self) -> Result<(), Failure> {
        for runs in [&mut self.turns, &mut self.readings] {
            while let Some(run) = runs.last() {
                self.journal.remove(run).await?;
                runs.pop();
            }
        }
        Ok(())
    }

    /// The last turn, if it came to no answer and can go on.
    pub(crate) async fn unfinished(&self) -> Result<Option<RunRecord>, Failure> {
        let Some(last) = self.turns.last() else {
            return Ok(None);
        };
        let record = self.journal.load(last).await?.map(|(record, _)| record);
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
            let loaded = self.journal.load(run).await?;
            let output = loaded.and_then(|(record, _)| record.output);
            if let Some(Ok(reply)) = output.map(serde_json::from_value) {
                return Ok(Some((run.clone(), reply)));
            }
        }
        Ok(None)
    }
}
