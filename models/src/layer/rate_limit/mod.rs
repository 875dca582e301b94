//! No more requests and tokens a minute than a provider allows.

mod bucket;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Error, ModelProfile, Result, TokenCounter, WorstCase,
};

use bucket::Bucket;

/// Delays requests so that a provider's limits hold: requests a minute, tokens a minute, or both.
///
/// Each limit is a bucket that holds a minute's worth and refills steadily, as providers' own do:
/// after a pause a minute's worth goes at once. Where a provider counts strictly, give a part of
/// its limit. Requests go in the order of their arrival.
///
/// A request takes its prompt's tokens and those that its answer may have, before it is made; what
/// the answer leaves unused is not given back, as providers do not either. If answers are much
/// shorter than their [`max_tokens`](ChatRequest::max_tokens), say so with
/// [`expected_output`](Self::expected_output).
///
/// # Errors of [`stream`](ChatModel::stream)
///
/// [`is_invalid`](Error::is_invalid) for a request that needs more tokens than a minute allows:
/// it could wait for ever.
///
/// # Cancel safety
///
/// Dropping the future gives up the place in the queue. What the buckets gave is not put back.
///
/// # Example: 60 requests a minute, after the first 60
///
/// ```
/// use std::{sync::Arc, time::Duration};
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest};
/// use catena_models::{ScriptedModel, layer::RateLimit};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> catena_core::Result<()> {
/// let scripted = ScriptedModel::new().otherwise("yes");
/// let model = RateLimit::new(Arc::new(scripted)).requests_per_minute(60);
/// let start = tokio::time::Instant::now();
/// for _ in 0..63 {
///     model.chat(ChatRequest::new([ChatMessage::user("?")])).await?;
/// }
/// assert_eq!(start.elapsed().as_secs(), 3);
/// # Ok(()) }
/// ```
pub struct RateLimit {
    inner: Arc<dyn ChatModel>,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    expected_output: Option<u32>,
    /// Held by the request whose turn it is: a small one must not overtake a large one for ever.
    turn: tokio::sync::Mutex<()>,
}

impl RateLimit {
    /// Limits nothing yet.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self {
            inner: model,
            requests: None,
            tokens: None,
            expected_output: None,
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Lets this many requests pass in a minute, at least one. Default: no limit.
    #[must_use]
    pub fn requests_per_minute(mut self, requests: u32) -> Self {
        self.requests = Some(Bucket::per_minute(requests));
        self
    }

    /// Lets this many tokens pass in a minute, prompts and answers together. Default: no limit.
    #[must_use]
    pub fn tokens_per_minute(mut self, tokens: u32) -> Self {
        self.tokens = Some(Bucket::per_minute(tokens));
        self
    }

    /// The tokens to take for an answer. Default: the most that it may have.
    #[must_use]
    pub fn expected_output(mut self, tokens: u32) -> Self {
        self.expected_output = Some(tokens);
        self
    }

    /// The tokens that `request` takes.
    fn cost(&self, request: &ChatRequest) -> u64 {
        let most = request.max_tokens;
        let most = most.unwrap_or(self.inner.profile().max_output_tokens);
        let output = self.expected_output.map_or(most, |tokens| tokens.min(most));
        self.inner.prompt_tokens(request) + u64::from(output)
    }
}

#[async_trait]
impl ChatModel for RateLimit {
    fn profile(&self) -> &ModelProfile {
        self.inner.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.inner.counter()
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        self.inner.prompt_tokens(request)
    }

    fn worst_case(&self, request: &ChatRequest) -> WorstCase {
        self.inner.worst_case(request)
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let turn = self.turn.lock().await;
        if let Some(tokens) = &self.tokens {
            let cost = self.cost(&request);
            tokens.take(cost).await.map_err(|most| {
                Error::invalid(format!(
                    "a request of {cost} tokens never fits the {most} tokens a minute that '{}' \
                     is allowed",
                    self.profile().name
                ))
                .with_help("allow a shorter answer (max_tokens), or raise the limit")
            })?;
        }
        if let Some(requests) = &self.requests {
            // One always fits.
            let _ = requests.take(1).await;
        }
        drop(turn);
        self.inner.stream(request).await
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("inner", &self.inner)
            .field(
                "requests_per_minute",
                &self.requests.as_ref().map(Bucket::size),
            )
            .field("tokens_per_minute", &self.tokens.as_ref().map(Bucket::size))
            .finish_non_exhaustive()
    }
}
