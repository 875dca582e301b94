//! Answers kept on disk.

mod entry;
mod keeping;
mod stats;
mod store;

pub use stats::CacheStats;

use std::{fmt, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, ModelProfile, Result, TokenCounter, Usage, WorstCase,
};

use super::stream::ready;
use keeping::Keeping;
use stats::Counts;
use store::Store;

/// Answers a request that was answered before from a folder.
///
/// An entry is found by the [digest](ChatRequest::digest) of the model's name and the whole
/// request. Kept are whole answers that the model itself ended; asked for again, one comes in one
/// piece and reports no usage, because it costs nothing. A request with a temperature is passed by
/// unless it has a seed, or each of its answers would be the same one; see
/// [`sampled`](Self::sampled).
///
/// The folder stays below a size: those answers go first that were not asked for the longest.
/// Files are put in place whole, so that a crash leaves none in part; a file that is damaged
/// counts as absent and is removed. Several processes may share a folder; each holds it below the
/// size that it was given. A folder that cannot be written to costs the answers their place in
/// it, and nothing else: see [`stats`](Self::stats).
///
/// # Example: asked twice, paid once
///
/// ```
/// use std::sync::Arc;
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest, Usage};
/// use catena_models::{ScriptedModel, layer::Cache};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let scripted = ScriptedModel::new().otherwise("Paris");
/// let model = Cache::new(Arc::new(scripted.clone()), folder.path());
/// let question = ChatRequest::new([ChatMessage::user("The capital of France?")]);
/// model.chat(question.clone()).await?;
/// let again = model.chat(question).await?;
/// assert_eq!((again.text.as_str(), again.usage), ("Paris", Usage::default()));
/// assert_eq!(scripted.calls(), 1);
/// # Ok(()) }
/// ```
pub struct Cache {
    inner: Arc<dyn ChatModel>,
    store: Arc<Store>,
    sampled: bool,
    counts: Arc<Counts>,
}

impl Cache {
    /// Keeps answers of `model` in `folder`, which is made with the first of them.
    pub fn new(model: Arc<dyn ChatModel>, folder: impl Into<PathBuf>) -> Self {
        Self {
            inner: model,
            store: Arc::new(Store::new(folder.into())),
            sampled: false,
            counts: Arc::default(),
        }
    }

    /// The most bytes that the folder may hold. Default: 1 GiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.store = Arc::new(self.store.with_max_bytes(bytes));
        self
    }

    /// Whether answers to requests with a temperature and without a seed are kept too. Default: no.
    #[must_use]
    pub fn sampled(mut self, sampled: bool) -> Self {
        self.sampled = sampled;
        self
    }

    /// What it did so far.
    pub fn stats(&self) -> CacheStats {
        self.counts.stats()
    }

    fn keeps(&self, request: &ChatRequest) -> bool {
        self.sampled || request.temperature == 0.0 || request.seed.is_some()
    }
}

#[async_trait]
impl ChatModel for Cache {
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
        if !self.keeps(&request) {
            return self.inner.stream(request).await;
        }
        let key = request.digest(&self.profile().name);
        if let Some(mut answer) = self.store.read(&key).await {
            self.counts.hit();
            answer.usage = Usage::default();
            return Ok(ready(answer));
        }
        self.counts.missed();
        let answer = self.inner.stream(request).await?;
        let keeping = Keeping::new(self.store.clone(), self.counts.clone(), key);
        Ok(keeping.along(answer))
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("inner", &self.inner)
            .field("store", &self.store)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
