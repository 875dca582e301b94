//! Ways to answer an item.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use catena_agents::{ChainAnswer, ChainInput};
use catena_core::{Agent, Entry, Journal, MemoryJournal, Payload, Run, RunOptions, Usage};
use catena_tools::Document;
use serde::{Deserialize, Serialize};

use crate::Item;

/// Answers items of a [`Suite`](crate::Suite).
#[async_trait]
pub trait Strategy: Send + Sync {
    /// Its name, in tables and file names.
    fn name(&self) -> &str;

    /// All that its answers depend on, such as the model, the window and the digests of prompts:
    /// answers of different settings are never mixed.
    fn setting(&self) -> String;

    /// Answers one item; a failure is part of what is returned.
    async fn answer(&self, item: &Item) -> Answered;
}

/// An answer to an item, and how it came about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answered {
    /// The item.
    pub id: String,
    /// The strategy's [`setting`](Strategy::setting).
    pub setting: String,
    /// The question.
    pub question: String,
    /// The gold answers.
    pub gold: Vec<String>,
    /// The answer; empty after a failure.
    pub answer: String,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it took.
    pub usage: Usage,
    /// How long it took.
    pub elapsed: Duration,
    /// Every call of the run, in their order.
    pub transcript: Vec<Entry>,
}

/// A strategy that runs an agent over the item's context as one document, a run for each item.
pub struct AgentStrategy<A> {
    name: String,
    setting: String,
    agent: Arc<A>,
}

impl<A> AgentStrategy<A> {
    /// Runs `agent`; `setting` has to tell it from others of the same name.
    pub fn new(name: impl Into<String>, setting: impl Into<String>, agent: A) -> Self {
        Self {
            name: name.into(),
            setting: setting.into(),
            agent: Arc::new(agent),
        }
    }
}

impl<A> fmt::Debug for AgentStrategy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentStrategy")
            .field("name", &self.name)
            .field("setting", &self.setting)
            .finish_non_exhaustive()
    }
}

/// What an agent returns that can be scored.
pub trait Scorable: Payload {
    /// The text that is scored.
    fn into_text(self) -> String;
}

impl Scorable for String {
    fn into_text(self) -> String {
        self
    }
}

impl Scorable for ChainAnswer {
    fn into_text(self) -> String {
        self.text
    }
}

#[async_trait]
impl<A> Strategy for AgentStrategy<A>
where
    A: Agent<Input = ChainInput>,
    A::Output: Scorable,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn setting(&self) -> String {
        self.setting.clone()
    }

    async fn answer(&self, item: &Item) -> Answered {
        let mut question = item.question.clone();
        if !item.choices.is_empty() {
            question += "\nOptions:";
            for choice in &item.choices {
                question += "\n- ";
                question += choice;
            }
        }
        let document = Document::new(item.id.clone(), item.document());
        let input = ChainInput::question(vec![document], question);
        let journal = Arc::new(MemoryJournal::new());
        let options = RunOptions::new(&self.name).journal(journal.clone());
        let run = Run::start(Arc::clone(&self.agent), input, options);
        let id = run.id().clone();
        let result = run.outcome().await;
        let transcript = match journal.load(&id).await {
            Ok(Some((_, entries))) => entries,
            _ => Vec::new(),
        };
        let elapsed = transcript.iter().map(|entry| entry.elapsed).sum();
        let (answer, error, usage) = match result {
            Ok(outcome) => (outcome.output.into_text(), None, outcome.usage),
            Err(error) => {
                let usage = error.spent().copied().unwrap_or_default();
                (String::new(), Some(error.to_string()), usage)
            }
        };
        Answered {
            id: item.id.clone(),
            setting: self.setting.clone(),
            question: item.question.clone(),
            gold: item.answers.clone(),
            answer,
            error,
            usage,
            elapsed,
            transcript,
        }
    }
}
