//! A model that answers from a script.

mod answer;
mod model;
mod record;
mod script;

pub use script::{Matcher, Reply};

use std::{fmt, sync::Arc, time::Duration};

use catena_core::{ChatRequest, ModelProfile, Result, TokenCounter, WordCounter};

use record::Record;
use script::Script;

/// A deterministic model for tests and examples: it answers from rules, a queue or a closure,
/// and records what it was asked.
///
/// A reply is looked for in this order:
///
/// 1. the first rule that applies, in the order of the calls to [`reply_to`](Self::reply_to);
/// 2. the next of the queued [`replies`](Self::replies);
/// 3. the answer of [`otherwise`](Self::otherwise) or the closure of [`from_fn`](Self::from_fn);
/// 4. an error ([`is_invalid`](catena_core::Error::is_invalid)) that quotes the request.
///
/// It behaves as a real model does: it streams word by word, ends before a stop sequence, cuts an
/// answer at `max_tokens`, refuses a prompt longer than its window, and reports its usage, all in
/// the tokens of its counter, by default a [`WordCounter`]. Its profile is that of a model named
/// `scripted` with a window of 8192 tokens, with nothing added for a chat template.
///
/// It answers at once and touches no timer unless a latency is set; latencies are on tokio's
/// clock, so that paused time works.
///
/// Cloning is cheap. Clones share the record and the queue; rules and settings that are added to
/// a clone are its own.
///
/// # Example: rules, and what the model was asked
///
/// ```
/// use catena_core::{ChatMessage, ChatModel, ChatRequest};
/// use catena_models::ScriptedModel;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let model = ScriptedModel::new()
///     .reply_to("capital of France", "Paris")
///     .otherwise("I do not know.");
///
/// let question = ChatRequest::new([ChatMessage::user("What is the capital of France?")]);
/// let answer = model.chat(question).await?;
/// assert_eq!(answer.text, "Paris");
/// assert_eq!(answer.usage.input_tokens, 6);
/// assert_eq!(model.calls(), 1);
/// assert_eq!(model.requests()[0].messages[0].content, "What is the capital of France?");
/// # Ok(()) }
/// ```
///
/// # Example: a failure that passes
///
/// ```
/// use catena_core::{ChatMessage, ChatModel, ChatRequest, Error};
/// use catena_models::{Reply, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let model = ScriptedModel::new().replies([
///     Reply::from(Error::unavailable("the server is down")),
///     Reply::from("It is up again."),
/// ]);
/// let request = ChatRequest::new([ChatMessage::user("Are you there?")]);
/// assert!(model.chat(request.clone()).await.unwrap_err().is_retryable());
/// assert_eq!(model.chat(request).await?.text, "It is up again.");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ScriptedModel {
    settings: Arc<Settings>,
    record: Arc<Record>,
}

#[derive(Clone, Debug)]
struct Settings {
    profile: ModelProfile,
    counter: Arc<dyn TokenCounter>,
    script: Script,
    latency: Duration,
    token_latency: Duration,
    recording: bool,
}

/// What it answers.
impl ScriptedModel {
    /// A model without a single reply.
    pub fn new() -> Self {
        let mut profile = ModelProfile::new("scripted", 8192);
        profile.provider = "catena".into();
        profile.message_overhead = 0;
        Self {
            settings: Arc::new(Settings {
                profile,
                counter: Arc::new(WordCounter),
                script: Script::default(),
                latency: Duration::ZERO,
                token_latency: Duration::ZERO,
                recording: true,
            }),
            record: Arc::default(),
        }
    }

    /// A model that answers what `respond` returns, or fails with its error.
    pub fn from_fn(
        respond: impl Fn(&ChatRequest) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        Self::new().edit(|settings| settings.script.set_fallback(respond))
    }

    /// Answers requests that `matcher` applies to: those of which a message contains a text, or
    /// for which a closure `Fn(&ChatRequest) -> bool` returns true.
    #[must_use]
    pub fn reply_to(self, matcher: impl Matcher, reply: impl Into<Reply>) -> Self {
        self.edit(|settings| settings.script.add_rule(matcher, reply.into()))
    }

    /// Queues replies for requests that no rule applies to; each is given once.
    #[must_use]
    pub fn replies<R: Into<Reply>>(self, replies: impl IntoIterator<Item = R>) -> Self {
        self.record.enqueue(replies.into_iter().map(Into::into));
        self
    }

    /// Answers all requests that have no other reply.
    #[must_use]
    pub fn otherwise(self, answer: impl Into<String>) -> Self {
        let answer = answer.into();
        self.edit(|settings| settings.script.set_fallback(move |_| Ok(answer.clone())))
    }
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

/// How it behaves.
impl ScriptedModel {
    /// Waits before the first token, or before a failure. Default: zero.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        self.edit(|settings| settings.latency = latency)
    }

    /// Waits before each token of the answer. Default: zero.
    #[must_use]
    pub fn token_latency(self, latency: Duration) -> Self {
        self.edit(|settings| settings.token_latency = latency)
    }

    /// Counts tokens with `counter`. Default: [`WordCounter`].
    #[must_use]
    pub fn with_counter(self, counter: impl TokenCounter + 'static) -> Self {
        self.edit(|settings| settings.counter = Arc::new(counter))
    }

    /// Has this profile.
    #[must_use]
    pub fn with_profile(self, profile: ModelProfile) -> Self {
        self.edit(|settings| settings.profile = profile)
    }

    /// Changes its profile in place.
    ///
    /// # Example: a small window, four requests at a time
    ///
    /// ```
    /// use catena_models::ScriptedModel;
    ///
    /// let model = ScriptedModel::new().configure(|profile| {
    ///     profile.context_window = 512;
    ///     profile.parallel = 4;
    /// });
    /// assert_eq!(model.profile().parallel, 4);
    /// ```
    #[must_use]
    pub fn configure(self, change: impl FnOnce(&mut ModelProfile)) -> Self {
        self.edit(|settings| change(&mut settings.profile))
    }

    /// Whether requests are kept for [`requests`](Self::requests). Default: yes. Turn it off where
    /// memory is measured.
    #[must_use]
    pub fn recording(self, recording: bool) -> Self {
        self.edit(|settings| settings.recording = recording)
    }

    fn edit(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

/// What it was asked.
impl ScriptedModel {
    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.record.requests()
    }

    /// The number of requests so far, failed and scored ones included.
    pub fn calls(&self) -> usize {
        self.record.calls()
    }

    /// The calls now being answered. A call ends with its [`Delta::End`](catena_core::Delta::End),
    /// with an error, or when its stream is dropped.
    pub fn in_flight(&self) -> usize {
        self.record.in_flight()
    }

    /// The most calls that were ever answered at the same time.
    pub fn max_in_flight(&self) -> usize {
        self.record.max_in_flight()
    }

    // The two methods that `ChatModel` and `Scorer` both have are inherent as well, or a caller
    // with both traits in scope would have to name one.

    /// Its profile.
    pub fn profile(&self) -> &ModelProfile {
        &self.settings.profile
    }

    /// The tokens that `request`'s prompt takes.
    pub fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        catena_core::ChatModel::prompt_tokens(self, request)
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel")
            .field("name", &self.settings.profile.name)
            .field("script", &self.settings.script)
            .field("calls", &self.calls())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
