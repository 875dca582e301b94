//! Asks again after a failure that may pass.

mod backoff;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Delta, Error, ModelProfile, Result, TokenCounter, Usage,
    WorstCase,
};
use tokio::time::Instant;

use super::stream::{Failed, Sender, ready, sent};
use backoff::Backoff;

/// Asks a model again when it fails with an error that [is retryable](Error::is_retryable).
///
/// Between two attempts it waits a random time between zero and a bound that doubles with each
/// attempt (exponential backoff with full jitter), so that many callers do not come back at once.
/// Where the provider says how long to wait ([`Error::retry_after`]) it waits at least that long.
///
/// An answer of which anything has been passed on is not asked for again, or the caller would
/// get its beginning twice; see [`resend_started`](Self::resend_started). The usage of an answer
/// counts every attempt as a call. The last error is passed on as it is, with the number of
/// attempts in its [help](Error::help).
///
/// Before it waits it tells so ([`Delta::Retry`]), and a run's budget sets the attempt aside then, not
/// before the first: a budget that suffices without failures suffices with this layer.
///
/// # Example: a server that is up again at the second attempt
///
/// ```
/// use std::sync::Arc;
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest, Error};
/// use catena_models::{Reply, ScriptedModel, layer::Retry};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> catena_core::Result<()> {
/// let scripted = ScriptedModel::new()
///     .replies([Reply::from(Error::unavailable("down")), Reply::from("Up again.")]);
/// let model = Retry::new(Arc::new(scripted)).max_attempts(3);
/// let answer = model.chat(ChatRequest::new([ChatMessage::user("Hello?")])).await?;
/// assert_eq!((answer.text.as_str(), answer.usage.calls), ("Up again.", 2));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Retry {
    inner: Arc<dyn ChatModel>,
    max_attempts: u32,
    backoff: Backoff,
    within: Option<Duration>,
    resend_started: bool,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl Retry {
    /// Asks `model` up to four times.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self {
            inner: model,
            max_attempts: 4,
            backoff: Backoff::default(),
            within: None,
            resend_started: false,
            random: Arc::new(Mutex::new(fastrand::Rng::new())),
        }
    }

    /// How often to ask in all, the first time included; at least once. Default: 4.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The longest wait after the first attempt; it doubles with each further one up to `most`.
    /// Default: half a second, up to 30 seconds.
    #[must_use]
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff.first = first;
        self.backoff.most = most;
        self
    }

    /// The longest wait that a provider may ask for; where it asks for more, its error is passed
    /// on at once. Default: 60 seconds.
    #[must_use]
    pub fn max_retry_after(mut self, wait: Duration) -> Self {
        self.backoff.max_retry_after = wait;
        self
    }

    /// How long after the first attempt another may begin; with a server that hangs, each attempt takes
    /// as long as its timeout. Default: no limit.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Whether an answer that breaks off in the middle is asked for again. If so, each answer is
    /// held back until it is whole and comes in one piece; what the broken one used is estimated
    /// and counted. Default: no.
    #[must_use]
    pub fn resend_started(mut self, resend: bool) -> Self {
        self.resend_started = resend;
        self
    }

    /// Makes the random waits the same each time. Default: they differ.
    #[must_use]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        self
    }

    async fn answer(&self, request: &ChatRequest, mut deltas: Sender) -> Result<()> {
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let Err(Failed { error, begun }) = self.attempt(request, &mut deltas).await else {
                return Ok(());
            };
            if begun || !error.is_retryable() {
                return Err(error);
            }
            let wait = (attempt < self.max_attempts).then(|| self.wait(attempt, &error));
            let in_time = |wait: &Duration| {
                let begins = started.elapsed().saturating_add(*wait);
                self.within.is_none_or(|within| begins <= within)
            };
            let Some(wait) = wait.flatten().filter(in_time) else {
                return Err(counted(error, attempt));
            };
            let usage = self.failed(self.inner.worst_case(request));
            deltas.send(Delta::Retry { error, wait, usage }).await;
            tokio::time::sleep(wait).await;
            // Not before: while it waits, the failed attempt is the one that is under way.
            deltas.spent(Usage::call(0, 0)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &ChatRequest, deltas: &mut Sender) -> Result<(), Failed> {
        if !self.resend_started {
            return deltas.pass(self.inner.stream(request.clone()).await).await;
        }
        let answer = deltas.whole(&*self.inner, request.clone()).await;
        deltas.pass(answer.map(ready)).await
    }

    /// The most that an attempt uses after which another may follow.
    fn failed(&self, once: WorstCase) -> Usage {
        match self.resend_started {
            // An answer that is held back until it is whole may have to be paid and be of no use.
            true => once.most(),
            false => once.failed,
        }
    }

    fn wait(&self, attempt: u32, error: &Error) -> Option<Duration> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        self.backoff.wait(attempt, error.retry_after(), &mut random)
    }
}

#[async_trait]
impl ChatModel for Retry {
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
        // Of the last attempt: those before it are set aside one by one.
        let once = self.inner.worst_case(request);
        WorstCase {
            answered: once.answered,
            failed: self.failed(once),
        }
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let retry = self.clone();
        Ok(sent(async move |deltas| {
            retry.answer(&request, deltas).await
        }))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("inner", &self.inner)
            .field("max_attempts", &self.max_attempts)
            .field("backoff", &self.backoff)
            .field("within", &self.within)
            .field("resend_started", &self.resend_started)
            .finish_non_exhaustive()
    }
}

/// `error` with the number of attempts in its help.
fn counted(error: Error, attempts: u32) -> Error {
    if attempts == 1 {
        return error;
    }
    let help = error.help().map(|help| format!("{help}; "));
    let help = help.unwrap_or_default();
    error.with_help(format!("{help}{attempts} attempts were made"))
}
