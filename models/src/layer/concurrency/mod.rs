//! No more requests at the same time than an engine can take.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Error, ModelProfile, Result, TokenCounter, WorstCase,
};
use tokio::sync::Semaphore;

use super::stream::holding;

/// Lets a number of requests through at a time; the others wait, in the order of their arrival.
///
/// A request counts until its answer has ended or failed, or its stream is dropped: a stream that
/// is held without being read keeps its place.
///
/// # Cancel safety
///
/// Dropping the future or the stream makes room for the next.
///
/// # Example: two at a time
///
/// ```
/// use std::{sync::Arc, time::Duration};
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest};
/// use catena_models::{ScriptedModel, layer::ConcurrencyLimit};
/// use futures::future::join_all;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let scripted = ScriptedModel::new().otherwise("yes").latency(Duration::from_secs(1));
/// let model = ConcurrencyLimit::new(Arc::new(scripted.clone()), 2);
/// let ask = || model.chat(ChatRequest::new([ChatMessage::user("?")]));
/// join_all((0..6).map(|_| ask())).await;
/// assert_eq!(scripted.max_in_flight(), 2);
/// # }
/// ```
#[derive(Debug)]
pub struct ConcurrencyLimit {
    inner: Arc<dyn ChatModel>,
    profile: ModelProfile,
    places: Arc<Semaphore>,
}

impl ConcurrencyLimit {
    /// Lets `limit` requests through at a time, at least one. The profile's
    /// [`parallel`](ModelProfile::parallel) is lowered to it.
    pub fn new(model: Arc<dyn ChatModel>, limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        let mut profile = model.profile().clone();
        profile.parallel = profile.parallel.min(limit);
        Self {
            inner: model,
            profile,
            places: Arc::new(Semaphore::new(limit)),
        }
    }
}

#[async_trait]
impl ChatModel for ConcurrencyLimit {
    fn profile(&self) -> &ModelProfile {
        &self.profile
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
        let place = self.places.clone().acquire_owned().await;
        // Nothing here closes the semaphore.
        let place = place.map_err(|error| Error::other("no place is left").with_source(error))?;
        Ok(holding(self.inner.stream(request).await?, place))
    }
}
