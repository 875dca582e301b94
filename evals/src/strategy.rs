//! Ways to answer an item.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use catena_agents::{ChainAnswer, ChainInput};
use catena_core::{Agent, Entry, Journal, MemoryJournal, Payload, Result, Run, RunOptions, Usage};
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

/// An answer to an item or a question, and how it came about.
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

impl Answered {
    /// A question that has no answer yet.
    pub(crate) fn unanswered(setting: &str, id: &str, question: &str, gold: &[String]) -> Self {
        Self {
            id: id.to_owned(),
            setting: setting.to_owned(),
            question: question.to_owned(),
            gold: gold.to_vec(),
            answer: String::new(),
            error: None,
            usage: Usage::default(),
            elapsed: Duration::ZERO,
            transcript: Vec::new(),
        }
    }

    /// Adds what the run that answered it took.
    pub(crate) fn ran(&mut self, ran: Ran) {
        self.usage = ran.usage;
        self.elapsed = ran.elapsed;
        self.transcript = ran.transcript;
    }
}

impl AsRef<Self> for Answered {
    fn as_ref(&self) -> &Self {
        self
    }
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
        let (output, ran) = run(&self.agent, input, &self.name).await;
        let mut answered =
            Answered::unanswered(&self.setting, &item.id, &item.question, &item.answers);
        match output {
            Ok(output) => answered.answer = output.into_text(),
            Err(error) => answered.error = Some(error.to_string()),
        }
        answered.ran(ran);
        answered
    }
}

/// What a run took, and every call of it.
pub(crate) struct Ran {
    pub(crate) usage: Usage,
    pub(crate) elapsed: Duration,
    pub(crate) transcript: Vec<Entry>,
}

/// Runs an agent with a journal of its own.
pub(crate) async fn run<A: Agent>(
    agent: &Arc<A>,
    input: A::Input,
    name: &str,
) -> (Result<A::Output>, Ran) {
    let journal = Arc::new(MemoryJournal::new());
    let options = RunOptions::new(name).journal(journal.clone());
    let run = Run::start(Arc::clone(agent), input, options);
    let id = run.id().clone();
    let result = run.outcome().await;
    let transcript = match journal.load(&id).await {
        Ok(Some((_, entries))) => entries,
        _ => Vec::new(),
    };
    let usage = match &result {
        Ok(outcome) => outcome.usage,
        Err(error) => error.spent().copied().unwrap_or_default(),
    };
    let ran = Ran {
        usage,
        elapsed: transcript.iter().map(|entry| entry.elapsed).sum(),
        transcript,
    };
    (result.map(|outcome| outcome.output), ran)
}
