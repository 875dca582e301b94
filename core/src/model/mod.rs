//! What a model is to the rest of Catena: three traits, and the types they speak.

mod chat;
mod embed;
mod profile;
mod score;
mod tool;
mod usage;

pub use chat::{
    ChatMessage, ChatRequest, ChatResponse, ChatStream, Delta, FinishReason, Format, Role,
    TokenLogprob,
};
pub use embed::{Embedder, EmbedderProfile, Embedding};
pub use profile::{ModelProfile, Price};
pub use score::{Score, Scorer};
pub use tool::{ToolCall, ToolChoice, ToolSpec};
pub use usage::{Cost, Usage, WorstCase};

use std::fmt;

use async_trait::async_trait;
use futures::StreamExt;

use crate::{Error, Result, TokenCounter};

/// `async fn(ChatRequest) -> Result<ChatResponse>`, as a stream of deltas.
///
/// Implementors write [`stream`](Self::stream) alone: there is one path to a model, and an answer
/// that is not streamed is the stream collected. Passed around as `Arc<dyn ChatModel>`.
///
/// Inside an agent, do not call a model: pass it to [`Context::chat`](crate::Context::chat), which
/// reserves budget, journals the answer and observes cancellation.
///
/// # Contract
///
/// - The stream ends with exactly one [`Delta::End`], or with an error.
/// - What was used before the answer is told by [`Delta::Spent`], and an attempt that is to come by
///   [`Delta::Retry`], before the answer's first piece.
/// - The concatenated [`Delta::Text`]s are the answer, without any stop sequence.
/// - Dropping the stream, or the future that makes it, stops the work and the spending.
/// - A failure that may pass is [`is_retryable`](Error::is_retryable); no implementor retries by
///   itself, that is a layer's work.
#[async_trait]
pub trait ChatModel: Send + Sync + fmt::Debug {
    /// What the model can do and what it costs. Constant over its life.
    fn profile(&self) -> &ModelProfile;

    /// The model's token counter.
    fn counter(&self) -> &dyn TokenCounter;

    /// The tokens that `request`'s prompt will take, chat template included.
    ///
    /// The default adds [`ModelProfile::message_overhead`] to each message's own tokens, and to
    /// those of each tool and tool call.
    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        let overhead = u64::from(self.profile().message_overhead);
        let count = |text: &str| self.counter().count(text) as u64;
        let messages = request.messages.iter().map(|message| {
            let calls = message.tool_calls.iter();
            let calls = calls.map(|call| overhead + count(&call.name) + count(&call.arguments));
            overhead + count(&message.content) + calls.sum::<u64>()
        });
        let tools = request.tools.iter().map(|tool| {
            let parameters = count(&tool.parameters.to_string());
            overhead + count(&tool.name) + count(&tool.description) + parameters
        });
        messages.sum::<u64>() + tools.sum::<u64>()
    }

    /// The most that a chat with `request` may use; what a budget sets aside before it is made.
    ///
    /// The default is one call with the whole prompt and the longest answer. A layer that only
    /// passes requests on passes this on too, and one that asks several times says so, or a
    /// budget is exceeded: here, or before each further attempt with [`Delta::Retry`].
    fn worst_case(&self, request: &ChatRequest) -> WorstCase {
        let max_tokens = request.max_tokens;
        let max_tokens = max_tokens.unwrap_or(self.profile().max_output_tokens);
        WorstCase::of_one_call(self.prompt_tokens(request), max_tokens)
    }

    /// Begins to answer.
    ///
    /// # Errors
    ///
    /// Any kind that says something about a provider; see the constructors of [`Error`].
    async fn stream(&self, request: ChatRequest) -> Result<ChatStream>;

    /// Answers: [`stream`](Self::stream), collected.
    ///
    /// # Errors
    ///
    /// Those of `stream`, and a malformed output if the stream ends without a [`Delta::End`].
    async fn chat(&self, request: ChatRequest) -> Result<ChatResponse> {
        let mut stream = self.stream(request).await?;
        let mut answer = ChatResponse::default();
        while let Some(delta) = stream.next().await {
            if answer.push(delta?) {
                return Ok(answer);
            }
        }
        Err(Error::malformed_output(format!(
            "the stream of '{}' broke off before its end",
            self.profile().name
        )))
    }
}
