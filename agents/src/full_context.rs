//! The baseline of every long-document method: the whole text in one prompt, cut where the window
//! ends.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{Agent, ChatModel, ChatRequest, Context, Error, Prompt, Result, Segmenter};
use serde::Serialize;

use crate::{ChainInput, Prompts, Task};

/// Asks one question with as much of the documents, from the start, as the window holds
/// ("Vanilla" in §4.1 of the Chain-of-Agents paper). Returns the answer.
#[derive(Clone, Debug)]
pub struct FullContext {
    model: Arc<dyn ChatModel>,
    prompt: Prompt,
    window: u32,
    answer_tokens: u32,
    requirement: String,
}

/// The variables of the template.
#[derive(Serialize)]
struct Variables<'a> {
    requirement: &'a str,
    text: &'a str,
    question: &'a str,
}

impl FullContext {
    /// Over `model`, in a window of `window` tokens, with answers of up to `answer_tokens`;
    /// `requirement` tells what form the answer has.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when the window is larger than the model's.
    pub fn new(
        model: Arc<dyn ChatModel>,
        window: u32,
        answer_tokens: u32,
        requirement: impl Into<String>,
        prompts: &Prompts,
    ) -> Result<Self> {
        let limit = model.profile().context_window;
        if window > limit {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is larger than the model's {limit}"
            )));
        }
        Ok(Self {
            model,
            prompt: prompts.load("full_context/query")?,
            window,
            answer_tokens,
            requirement: requirement.into(),
        })
    }

    fn request(&self, text: &str, question: &str) -> Result<ChatRequest> {
        let requirement = &self.requirement;
        let messages = self.prompt.render(&Variables {
            requirement,
            text,
            question,
        })?;
        Ok(ChatRequest::new(messages).max_tokens(self.answer_tokens))
    }
}

#[async_trait]
impl Agent for FullContext {
    type Input = ChainInput;
    type Output = String;

    async fn run(&self, input: ChainInput, cx: &Context) -> Result<String> {
        let Task::Question(question) = &input.task else {
            return Err(Error::invalid(
                "the full-context baseline answers questions only",
            ));
        };
        let text: Vec<&str> = input
            .documents
            .iter()
            .map(|document| &*document.text)
            .collect();
        let text = text.join("\n\n");
        let fixed = self.model.prompt_tokens(&self.request("", question)?);
        let reserved = fixed + u64::from(self.answer_tokens) + 8;
        let room = u64::from(self.window).saturating_sub(reserved);
        if room == 0 {
            return Err(Error::context_overflow(
                reserved + 1 - u64::from(self.window),
                format!(
                    "a window of {} tokens leaves no room for the text",
                    self.window
                ),
            ));
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let counter = self.model.counter();
        let start = Segmenter::prose(room).split(&text, counter)?;
        let start = start.first().map_or("", |chunk| &chunk.text);
        let answer = cx
            .chat(&*self.model, self.request(start, question)?)
            .await?;
        Ok(answer.text.trim().to_owned())
    }
}
