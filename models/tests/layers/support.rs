//! Requests, and a model that plays given deltas.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatStream, Delta, Error, FinishReason, ModelProfile,
    Result, TokenCounter, Usage, WordCounter,
};
use futures::{StreamExt, stream};

pub(crate) fn ask(content: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(content)])
}

pub(crate) fn text(text: &str) -> Result<Delta> {
    Ok(Delta::Text(text.to_owned()))
}

pub(crate) fn end() -> Result<Delta> {
    Ok(Delta::End {
        finish: FinishReason::Stop,
        usage: Usage::call(5, 2),
    })
}

pub(crate) fn down() -> Error {
    Error::unavailable("the server is down")
}

/// Plays each of its streams once, in order; a scripted model cannot fail in the middle.
#[derive(Debug)]
pub(crate) struct Player {
    profile: ModelProfile,
    streams: Mutex<VecDeque<Vec<Result<Delta>>>>,
}

impl Player {
    pub(crate) fn of(streams: impl IntoIterator<Item = Vec<Result<Delta>>>) -> Arc<Self> {
        Arc::new(Self {
            profile: ModelProfile::new("player", 100),
            streams: Mutex::new(streams.into_iter().collect()),
        })
    }

    pub(crate) fn left(&self) -> usize {
        self.streams.lock().unwrap().len()
    }
}

#[async_trait]
impl ChatModel for Player {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    /// Not what the default says: a layer has to ask.
    fn prompt_tokens(&self, _: &ChatRequest) -> u64 {
        77
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream> {
        let deltas = self.streams.lock().unwrap().pop_front();
        Ok(stream::iter(deltas.expect("asked too often")).boxed())
    }
}
