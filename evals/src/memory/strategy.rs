//! Ways to answer a question from a memory.

use async_trait::async_trait;
use catena_core::Error;
use serde::{Deserialize, Serialize};

use super::Filled;
use crate::{Answered, Question};

/// Answers questions of a [`MemorySuite`](crate::MemorySuite) after the last turn of a conversation.
/// A question is not remembered: each meets the same memory.
#[async_trait]
pub trait MemoryStrategy: Send + Sync {
    /// Its name, in tables and file names.
    fn name(&self) -> &str;

    /// All that its answers depend on, such as the embedder, the model and the digests of prompts:
    /// answers of different settings are never mixed.
    fn setting(&self) -> String;

    /// Answers one question; a failure is part of what is returned.
    async fn answer(&self, filled: &Filled, question: &Question) -> FromMemory;
}

/// An answer to a question, and what of the conversation it was made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FromMemory {
    /// The turns that were activated, in any form, the highest rank first; the flash memory last.
    pub activated: Vec<u64>,
    /// How many turns were chosen and did not fit, or were dropped by a controller.
    pub dropped: usize,
    /// The answer; empty where only turns were looked for.
    #[serde(flatten)]
    pub answered: Answered,
}

impl FromMemory {
    /// A question that has no answer yet.
    pub(super) fn unanswered(setting: &str, question: &Question) -> Self {
        let Question {
            id, text, answers, ..
        } = question;
        Self {
            activated: Vec::new(),
            dropped: 0,
            answered: Answered::unanswered(setting, id, text, answers),
        }
    }

    pub(super) fn failed(mut self, error: &Error) -> Self {
        self.activated.clear();
        self.answered.error = Some(error.to_string());
        self
    }
}

impl AsRef<Answered> for FromMemory {
    fn as_ref(&self) -> &Answered {
        &self.answered
    }
}
