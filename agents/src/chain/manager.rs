//! The manager: answers from the last unit, and from nothing else.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{Agent, ChatModel, ChatRequest, Context, Error, Prompt, Result};
use serde::Serialize;

use super::{ChainAnswer, ChainOfAgents, Task, types::State};
use crate::whole::{tell_cut, worded};

/// What is wanted unless the user says otherwise.
const ANSWER: &str = "Answer from the notes alone, in one short sentence.";
const SUMMARY: &str = "Write a clear summary of the text in one or two paragraphs.";

#[derive(Clone)]
pub(super) struct Manager {
    model: Arc<dyn ChatModel>,
    query: Prompt,
    summary: Prompt,
    requirement: Option<String>,
    answer_tokens: u32,
    unit_tokens: u32,
    may_be_empty: bool,
}

/// The variables of the templates.
#[derive(Serialize)]
struct Variables<'a> {
    requirement: &'a str,
    unit: &'a str,
    question: Option<&'a str>,
}

impl Manager {
    pub(super) fn new(chain: &ChainOfAgents, unit_tokens: u32) -> Result<Self> {
        Ok(Self {
            model: Arc::clone(&chain.manager),
            query: chain.prompts.load("chain/manager_query")?,
            summary: chain.prompts.load("chain/manager_summary")?,
            requirement: chain.requirement.clone(),
            answer_tokens: chain.answer_tokens,
            unit_tokens,
            may_be_empty: chain.may_be_empty,
        })
    }

    /// Whether instructions, question and answer fit the manager's model: said before any worker
    /// is paid.
    pub(super) fn check(&self, task: &Task) -> Result<()> {
        // A unit as long as units may be, because the form without one is another and shorter.
        let prompt =
            self.model.prompt_tokens(&self.request(task, "-")?) + u64::from(self.unit_tokens);
        let window = u64::from(self.model.profile().context_window);
        let needed = prompt + u64::from(self.answer_tokens);
        if needed <= window {
            return Ok(());
        }
        Err(Error::context_overflow(
            needed - window,
            format!("question and notes take {prompt} tokens, which leaves no room for an answer of {} in {window}", self.answer_tokens),
        )
        .with_help("ask a shorter question, or use a model with a larger window"))
    }

    fn request(&self, task: &Task, unit: &str) -> Result<ChatRequest> {
        let (prompt, default) = match task {
            Task::Question(_) => (&self.query, ANSWER),
            Task::Summary => (&self.summary, SUMMARY),
        };
        let messages = prompt.render(&Variables {
            requirement: self.requirement.as_deref().unwrap_or(default),
            unit,
            question: task.question(),
        })?;
        Ok(ChatRequest::new(messages).max_tokens(self.answer_tokens))
    }
}

#[async_trait]
impl Agent for Manager {
    type Input = State;
    type Output = (State, ChainAnswer);

    async fn run(&self, state: State, cx: &Context) -> Result<Self::Output> {
        let request = self.request(&state.input.task, state.unit())?;
        let answer = cx.chat(&*self.model, request).await?;
        tell_cut(cx, "the answer", answer.finish);
        let text = match self.may_be_empty {
            true => answer.text.trim().to_owned(),
            false => worded(&answer.text, answer.finish)?,
        };
        let answer = ChainAnswer {
            text,
            finish: answer.finish,
            passages: Vec::new(),
            units: state.units.clone(),
        };
        Ok((state, answer))
    }
}
