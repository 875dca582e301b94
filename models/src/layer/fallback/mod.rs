//! Another model where one fails.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Cost, Error, ModelProfile, Price, Result, TokenCounter,
    Usage, WorstCase,
};

use super::stream::{Failed, Sender, sent};

type Predicate = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// Asks models one after the other until one answers.
///
/// The next one is asked where another model may do better: the provider is down, asks for fewer
/// requests, says no, its answer has no form, or the prompt does not fit its window. An answer of
/// which anything has been passed on is not begun again. The last model's error is passed on.
///
/// Its profile promises what holds for each of the models: the smallest window, the highest price,
/// only what all of them can do; its name is theirs, joined with `|`. Tokens are counted by the
/// model that counts the most. So a budget that is reserved by the profile suffices, whoever answers.
///
/// # Example: a spare
///
/// ```
/// use std::sync::Arc;
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest, Error};
/// use catena_models::{ScriptedModel, layer::Fallback};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let first = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
/// let spare = ScriptedModel::new().otherwise("Here I am.");
/// let model = Fallback::new(Arc::new(first)).or(Arc::new(spare));
/// let answer = model.chat(ChatRequest::new([ChatMessage::user("Hello?")])).await?;
/// assert_eq!(answer.text, "Here I am.");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Fallback {
    first: Arc<dyn ChatModel>,
    others: Vec<Arc<dyn ChatModel>>,
    profile: ModelProfile,
    when: Predicate,
}

impl Fallback {
    /// Asks `model` first.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self {
            profile: model.profile().clone(),
            first: model,
            others: Vec::new(),
            when: Arc::new(another_may_do_better),
        }
    }

    /// Asks `model` if all before it fail.
    #[must_use]
    pub fn or(mut self, model: Arc<dyn ChatModel>) -> Self {
        self.profile = common(self.profile, model.profile());
        self.others.push(model);
        self
    }

    /// The errors after which the next model is asked. Default: those named above.
    #[must_use]
    pub fn when(mut self, fails_over: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.when = Arc::new(fails_over);
        self
    }

    fn models(&self) -> impl Iterator<Item = &Arc<dyn ChatModel>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// No model may take its own, larger limit.
    fn limited(&self, mut request: ChatRequest) -> ChatRequest {
        let most = self.profile.max_output_tokens;
        request.max_tokens.get_or_insert(most);
        request
    }

    async fn answer(&self, request: ChatRequest, mut deltas: Sender) -> Result<()> {
        let mut model = &self.first;
        let mut others = self.others.iter();
        loop {
            let answer = model.stream(request.clone()).await;
            let Err(Failed { error, begun }) = deltas.pass(answer).await else {
                return Ok(());
            };
            match others.next().filter(|_| !begun && (self.when)(&error)) {
                Some(next) => model = next,
                None => return Err(error),
            }
            deltas.spent(Usage::call(0, 0)).await;
        }
    }
}

fn another_may_do_better(error: &Error) -> bool {
    error.is_retryable()
        || error.is_refused()
        || error.is_malformed_output()
        || error.is_context_overflow()
}

/// What holds for both.
fn common(one: ModelProfile, other: &ModelProfile) -> ModelProfile {
    let dearer = |one: Cost, other: Cost| one.max(other);
    let mut profile = one.clone();
    profile.name = format!("{}|{}", one.name, other.name);
    profile.context_window = one.context_window.min(other.context_window);
    profile.max_output_tokens = one.max_output_tokens.min(other.max_output_tokens);
    profile.worker_window = one.worker_window.min(other.worker_window);
    profile.message_overhead = one.message_overhead.max(other.message_overhead);
    profile.price = Price {
        input: dearer(one.price.input, other.price.input),
        cached: dearer(one.price.cached, other.price.cached),
        output: dearer(one.price.output, other.price.output),
    };
    profile.parallel = one.parallel.min(other.parallel);
    profile.json_schema &= other.json_schema;
    profile.logprobs &= other.logprobs;
    profile.prefix_cache &= other.prefix_cache;
    profile.tools &= other.tools;
    profile
}

#[async_trait]
impl ChatModel for Fallback {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    /// That of the first model.
    fn counter(&self) -> &dyn TokenCounter {
        self.first.counter()
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        let counts = self.models().map(|model| model.prompt_tokens(request));
        counts.max().unwrap_or_default()
    }

    fn worst_case(&self, request: &ChatRequest) -> WorstCase {
        let request = self.limited(request.clone());
        let nothing = WorstCase {
            answered: Usage::default(),
            failed: Usage::default(),
        };
        // Each fails after those before it, and the last of them may answer.
        self.models().fold(nothing, |before, model| {
            let worst = model.worst_case(&request);
            WorstCase {
                answered: before.answered.max(before.failed + worst.answered),
                failed: before.failed + worst.failed,
            }
        })
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let fallback = self.clone();
        let request = self.limited(request);
        Ok(sent(async move |deltas| {
            fallback.answer(request, deltas).await
        }))
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("first", &self.first)
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}
