//! The only door from an agent to the outside world.

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    Budget, ChatModel, ChatRequest, ChatResponse, Delta, Effect, Embedder, Embedding, Entry, Error,
    EventKind, Journal, ModelProfile, NodePath, Result, RunId, Score, Scorer, Usage,
    budget::{Ledger, Reservation},
    event::EventSink,
};

/// What an agent gets to reach models with, and everything else outside of itself.
///
/// Each call through it
///
/// 1. gets the next call index of its node, at the moment the method is called and first polled;
/// 2. is answered from the journal if the run is a resumed one and got this far before;
/// 3. is counted with the model's own tokenizer and refused if it does not fit the window;
/// 4. reserves budget, or is refused;
/// 5. is raced against cancellation and the run's time limit;
/// 6. settles what it really used, is written to the journal, and only then returns.
///
/// Cloning is cheap; clones are the same node.
///
/// # Cancel safety
///
/// Dropping the future of a call stops it. What it had cost by then is booked.
#[derive(Clone, Debug)]
pub struct Context {
    run: Arc<RunScope>,
    node: Arc<NodeScope>,
}

/// What all nodes of a run share.
#[derive(Debug)]
pub(crate) struct RunScope {
    pub(crate) id: RunId,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    /// Effects of an earlier attempt, by node and call index.
    pub(crate) replay: HashMap<(NodePath, u32), Entry>,
    pub(crate) events: EventSink,
}

#[derive(Debug)]
struct NodeScope {
    path: NodePath,
    calls: AtomicU32,
    cancel: CancellationToken,
}

impl Context {
    pub(crate) fn root(run: Arc<RunScope>, name: &str, cancel: CancellationToken) -> Self {
        Self::at(run, NodePath::root(name), cancel)
    }

    fn at(run: Arc<RunScope>, path: NodePath, cancel: CancellationToken) -> Self {
        Self {
            run,
            node: Arc::new(NodeScope {
                path,
                calls: AtomicU32::new(0),
                cancel,
            }),
        }
    }

    /// The context of another node of this run, cancelled with this one.
    pub(crate) fn below(&self, path: NodePath, cancel: CancellationToken) -> Self {
        Self::at(Arc::clone(&self.run), path, cancel)
    }

    pub(crate) fn cancel_token(&self) -> &CancellationToken {
        &self.node.cancel
    }

    pub(crate) fn emit(&self, kind: EventKind) {
        self.run.events.emit(&self.node.path, kind);
    }

    /// The node's place in the run.
    pub fn path(&self) -> &NodePath {
        &self.node.path
    }

    /// The run.
    pub fn run_id(&self) -> &RunId {
        &self.run.id
    }

    /// The run's limits.
    pub fn budget(&self) -> &Budget {
        self.run.ledger.budget()
    }

    /// What the run has spent so far, over all its nodes. Calls under way are not in it.
    pub fn spent(&self) -> Usage {
        self.run.ledger.settled()
    }

    /// Tells the run's consumer something, as an [`EventKind::Note`]. Data that cannot be
    /// expressed in JSON is told as `null`.
    pub fn note(&self, name: &str, data: &impl Serialize) {
        self.emit(EventKind::Note {
            name: name.to_owned(),
            data: serde_json::to_value(data).unwrap_or_default(),
        });
    }

    /// Asks a chat model.
    ///
    /// # Errors
    ///
    /// - [`is_context_overflow`](Error::is_context_overflow): prompt and answer do not fit the
    ///   model's window; nothing was asked.
    /// - [`is_budget_exceeded`](Error::is_budget_exceeded): the budget does not allow the call, or
    ///   its time passed during it.
    /// - [`is_cancelled`](Error::is_cancelled): the run was cancelled.
    /// - [`is_divergence`](Error::is_divergence): the resumed run asked something else here.
    /// - whatever the model answers.
    pub async fn chat(
        &self,
        model: &dyn ChatModel,
        mut request: ChatRequest,
    ) -> Result<ChatResponse> {
        let profile = model.profile();
        let max_tokens = request.max_tokens.unwrap_or(profile.max_output_tokens);
        request.max_tokens = Some(max_tokens);
        let call = self.next_call();
        let digest = request.digest(&profile.name);
        if let Some(entry) = self.replayed(call, &digest)? {
            let Effect::Chat(answer) = &entry.effect else {
                return Err(self.diverged(call));
            };
            let prompt_tokens = answer.usage.input_tokens;
            self.emit(EventKind::CallStarted {
                call,
                model: profile.name.clone(),
                prompt_tokens,
                max_tokens,
            });
            self.emit(EventKind::Text {
                call,
                text: answer.text.clone(),
            });
            self.replay_finished(call, answer.usage, entry.elapsed);
            return Ok(answer.clone());
        }

        let prompt_tokens = model.prompt_tokens(&request);
        fits(profile, prompt_tokens, max_tokens)?;
        let mut reservation = self.reserve(profile, prompt_tokens, max_tokens)?;
        self.emit(EventKind::CallStarted {
            call,
            model: profile.name.clone(),
            prompt_tokens,
            max_tokens,
        });
        let started = Instant::now();
        let mut answer = self
            .guarded(self.converse(model, request, call, &mut reservation))
            .await?;
        answer.usage = priced(profile, answer.usage);
        reservation.settle(answer.usage);
        let usage = answer.usage;
        self.record(
            call,
            digest,
            Effect::Chat(answer.clone()),
            usage,
            started.elapsed(),
        )
        .await?;
        Ok(answer)
    }

    /// Compares continuations of a prompt; see [`Scorer::score`].
    ///
    /// # Errors
    ///
    /// Those of [`chat`](Self::chat).
    pub async fn score(
        &self,
        scorer: &dyn Scorer,
        request: ChatRequest,
        choices: &[String],
    ) -> Result<Score> {
        let profile = scorer.profile();
        let call = self.next_call();
        let digest = request.digest(&format!("{}\0{}", profile.name, choices.join("\0")));
        if let Some(entry) = self.replayed(call, &digest)? {
            let Effect::Score(score) = &entry.effect else {
                return Err(self.diverged(call));
            };
            self.replay_finished(call, score.usage, entry.elapsed);
            return Ok(score.clone());
        }

        let prompt_tokens = scorer.prompt_tokens(&request);
        fits(profile, prompt_tokens, 1)?;
        let reservation = self.reserve(profile, prompt_tokens, choices.len() as u32)?;
        self.emit(EventKind::CallStarted {
            call,
            model: profile.name.clone(),
            prompt_tokens,
            max_tokens: 1,
        });
        let started = Instant::now();
        let mut score = self.guarded(scorer.score(request, choices)).await?;
        score.usage = priced(profile, score.usage);
        reservation.settle(score.usage);
        let usage = score.usage;
        self.record(
            call,
            digest,
            Effect::Score(score.clone()),
            usage,
            started.elapsed(),
        )
        .await?;
        Ok(score)
    }

    /// Embeds texts, in order. Embedding counts as one call and no tokens.
    ///
    /// # Errors
    ///
    /// Those of [`chat`](Self::chat), except an overflow.
    pub async fn embed(&self, embedder: &dyn Embedder, texts: &[String]) -> Result<Vec<Embedding>> {
        let name = &embedder.profile().name;
        let call = self.next_call();
        let digest = ChatRequest::new([])
            .stop(texts.iter().cloned())
            .digest(name);
        if let Some(entry) = self.replayed(call, &digest)? {
            let Effect::Embed(vectors) = &entry.effect else {
                return Err(self.diverged(call));
            };
            self.replay_finished(call, Usage::call(0, 0), entry.elapsed);
            return Ok(vectors.clone());
        }

        let reservation = self.run.ledger.reserve(Usage::call(0, 0))?;
        self.emit(EventKind::CallStarted {
            call,
            model: name.clone(),
            prompt_tokens: 0,
            max_tokens: 0,
        });
        let started = Instant::now();
        let vectors = self.guarded(embedder.embed(texts)).await?;
        let usage = Usage::call(0, 0);
        reservation.settle(usage);
        self.record(
            call,
            digest,
            Effect::Embed(vectors.clone()),
            usage,
            started.elapsed(),
        )
        .await?;
        Ok(vectors)
    }

    /// Streams an answer, telling each piece as it comes.
    async fn converse(
        &self,
        model: &dyn ChatModel,
        request: ChatRequest,
        call: u32,
        reservation: &mut Reservation,
    ) -> Result<ChatResponse> {
        let mut stream = model.stream(request).await?;
        let mut answer = ChatResponse::default();
        let mut pieces = 0;
        while let Some(delta) = stream.next().await {
            let delta = delta?;
            if let Delta::Text(text) = &delta {
                pieces += 1; // A piece has at least a token: what a cut-off answer is charged.
                reservation.begun(pieces);
                self.emit(EventKind::Text {
                    call,
                    text: text.clone(),
                });
            }
            if answer.push(delta) {
                return Ok(answer);
            }
        }
        Err(Error::unavailable(format!(
            "the answer of '{}' broke off before its end",
            model.profile().name
        )))
    }

    fn next_call(&self) -> u32 {
        self.node.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// The entry of this call from an earlier attempt, if it asked the same.
    fn replayed(&self, call: u32, digest: &str) -> Result<Option<&Entry>> {
        // No allocation for the key of a run that is not resumed, which is nearly every run.
        if self.run.replay.is_empty() {
            return Ok(None);
        }
        let entry = self.run.replay.get(&(self.node.path.clone(), call));
        match entry {
            Some(entry) if entry.request != digest => Err(self.diverged(call)),
            entry => Ok(entry),
        }
    }

    fn diverged(&self, call: u32) -> Error {
        Error::divergence(format!(
            "call {call} now asks something else than when the run began: the program, a prompt or \
             the input has changed"
        ))
        .with_help("start a new run, or resume with the program that began this one")
        .at(&self.node.path)
    }

    fn replay_finished(&self, call: u32, usage: Usage, elapsed: Duration) {
        self.run.ledger.book(usage);
        self.emit(EventKind::CallFinished {
            call,
            usage,
            elapsed,
            replayed: true,
        });
    }

    fn reserve(
        &self,
        profile: &ModelProfile,
        prompt_tokens: u64,
        max_tokens: u32,
    ) -> Result<Reservation> {
        let estimate = Usage::call(prompt_tokens, u64::from(max_tokens));
        self.run
            .ledger
            .reserve(priced(profile, estimate))
            .map_err(|error| error.at(&self.node.path))
    }

    /// Runs `work` until it is done, the run is cancelled, or its time has passed.
    async fn guarded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let work = pin!(work);
        let limited = async {
            match self.run.ledger.time_left() {
                None => work.await,
                Some(left) => tokio::time::timeout(left, work)
                    .await
                    .unwrap_or_else(|_| Err(self.run.ledger.out_of_time())),
            }
        };
        let result = tokio::select! {
            biased;
            () = self.node.cancel.cancelled() => Err(Error::cancelled()),
            result = limited => result,
        };
        result.map_err(|error| error.at(&self.node.path))
    }

    async fn record(
        &self,
        call: u32,
        request: String,
        effect: Effect,
        usage: Usage,
        elapsed: Duration,
    ) -> Result<()> {
        if let Some(journal) = &self.run.journal {
            let path = self.node.path.clone();
            journal
                .append(
                    &self.run.id,
                    Entry {
                        path,
                        call,
                        request,
                        effect,
                        elapsed,
                    },
                )
                .await
                .map_err(|error| error.at(&self.node.path))?;
        }
        self.emit(EventKind::CallFinished {
            call,
            usage,
            elapsed,
            replayed: false,
        });
        Ok(())
    }
}

fn priced(profile: &ModelProfile, usage: Usage) -> Usage {
    Usage {
        calls: 1,
        cost: profile.price.of(&usage),
        ..usage
    }
}

fn fits(profile: &ModelProfile, prompt_tokens: u64, max_tokens: u32) -> Result<()> {
    let needed = prompt_tokens + u64::from(max_tokens);
    let window = u64::from(profile.context_window);
    if needed <= window {
        return Ok(());
    }
    let missing = needed - window;
    Err(Error::context_overflow(
        missing,
        format!(
            "a prompt of {prompt_tokens} tokens and an answer of up to {max_tokens} do not fit \
             the {window} tokens of '{}': {missing} too many",
            profile.name
        ),
    )
    .with_help("shorten the prompt, allow a shorter answer, or use a model with a larger window"))
}
