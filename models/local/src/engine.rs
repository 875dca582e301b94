//! The engine's thread, the gate before it, and its life after death.

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use catena_core::{Error, Result};
use mistralrs::{
    Constraint, CustomLogitsProcessor, MistralRs, NormalRequest, Request, RequestMessage, Response,
    SamplingParams, core::MistralRsBuilder,
};
use tokio::{
    runtime,
    sync::{Mutex, OwnedMutexGuard, mpsc},
    task,
};
use tracing::{debug, warn};

use crate::{
    ledger::{self, Ledger},
    load::SharedPipeline,
    paged,
    restarts::Restarts,
};

/// Loads the weights again.
pub(crate) type Reload = Box<dyn Fn() -> Result<SharedPipeline> + Send>;

/// A model in memory, and the thread that computes with it.
///
/// It answers one request at a time, in the order of their arrival: together they would take
/// longer on a CPU, and requests of different kinds at the same time crash it.
///
/// A thread that died is replaced when the next request comes, within the limits of [`Restarts`].
/// The first time the new thread takes over the weights; if it dies too before it has finished
/// anything, they are loaded again.
pub(crate) struct Engine {
    gate: Arc<Mutex<Runner>>,
}

/// Leave to use the engine. Dropping it lets the next request in.
pub(crate) type Permit = OwnedMutexGuard<Runner>;

/// What one request asks of the engine.
pub(crate) struct Job {
    pub(crate) prompt: Vec<u32>,
    pub(crate) max_tokens: u32,
    pub(crate) sampler: Arc<dyn CustomLogitsProcessor>,
    pub(crate) schema: Option<serde_json::Value>,
}

/// The thread, what its prefix cache holds, and what a new one is made from.
pub(crate) struct Runner {
    /// `None` between two threads.
    thread: Option<Thread>,
    /// `None` while the weights are loaded again, and if that failed.
    pipeline: Option<SharedPipeline>,
    reload: Reload,
    restarts: Restarts,
    /// Whether a thread died that was not replaced yet.
    died: bool,
    /// Whether these weights have served since a thread over them died.
    proved: bool,
    ledger: Ledger,
}

struct Thread {
    /// Ends the thread when it is dropped.
    _handle: Arc<MistralRs>,
    /// Taken once: asked for another, the handle replaces a dead thread behind our back.
    requests: mpsc::Sender<Request>,
}

impl Engine {
    /// Starts the thread; slow, so not on an async thread.
    pub(crate) fn start(pipeline: SharedPipeline, reload: Reload, ledger: Ledger) -> Result<Self> {
        let thread = start(&pipeline, ledger.is_on())?;
        Ok(Self {
            gate: Arc::new(Mutex::new(Runner {
                thread: Some(thread),
                pipeline: Some(pipeline),
                reload,
                restarts: Restarts::default(),
                died: false,
                proved: true,
                ledger,
            })),
        })
    }

    /// Waits for this request's turn, and for a thread that can take `tokens` of prompt and answer.
    ///
    /// # Errors
    ///
    /// Worth a retry if a thread cannot be started just now; not if too many of them died.
    ///
    /// # Cancel safety
    ///
    /// A dropped future gives up its place in the queue and nothing else.
    pub(crate) async fn admit(&self, tokens: u64) -> Result<Permit> {
        let mut permit = Arc::clone(&self.gate).lock_owned().await;
        if permit.is_ready(tokens) {
            return Ok(permit);
        }
        // In a task of its own, which a caller that gives up does not stop half way.
        let prepared = task::spawn_blocking(move || permit.prepare().map(|()| permit));
        prepared.await.map_err(|error| died().with_source(error))?
    }
}

impl Runner {
    /// Whether the thread lives and its cache has room.
    fn is_ready(&mut self, tokens: u64) -> bool {
        self.died |= self
            .thread
            .as_ref()
            .is_some_and(|thread| thread.requests.is_closed());
        self.thread.is_some() && !self.died && self.ledger.has_room(tokens)
    }

    /// Replaces the thread: because it died, or because its cache is full. The engine bounds its cache
    /// by a number of sequences on a GPU, and not at all on a CPU; a new thread over the same weights
    /// begins with an empty one, in milliseconds.
    fn prepare(&mut self) -> Result<()> {
        debug!(cache = ?self.ledger, died = self.died, "a new engine thread");
        self.thread = None;
        self.ledger.clear();
        // Weights that could not be loaded are loaded again: that counts as much as a death.
        if self.died || self.pipeline.is_none() {
            self.restarts.count(Instant::now())?;
            self.died = false;
            if !self.proved && self.pipeline.is_some() {
                warn!("the local engine died again: loading its weights anew");
                self.pipeline = None;
            }
            self.proved = false;
        }
        let pipeline = match &self.pipeline {
            Some(pipeline) => pipeline,
            None => self.pipeline.insert((self.reload)()?),
        };
        // The old thread holds the weights until it has noticed.
        while Arc::strong_count(pipeline) > 1 {
            thread::sleep(Duration::from_millis(1));
        }
        self.thread = Some(start(pipeline, self.ledger.is_on())?);
        Ok(())
    }

    /// Hands `job` to the engine, and returns where its progress arrives.
    ///
    /// Dropping the receiver makes the engine abandon the job at its next token; a prompt that is
    /// being read is read to its end.
    pub(crate) async fn run(&mut self, job: Job) -> Result<mpsc::Receiver<Response>> {
        // One message ahead is enough: the engine waits for a reader that is slow.
        let (sender, receiver) = mpsc::channel(1);
        let request = NormalRequest {
            messages: RequestMessage::CompletionTokens(job.prompt),
            sampling_params: SamplingParams {
                // The sampler leaves one candidate, and this takes it.
                temperature: Some(0.0),
                max_len: Some(job.max_tokens as usize),
                ..SamplingParams::neutral()
            },
            response: sender,
            return_logprobs: false,
            is_streaming: true,
            id: 0,
            constraint: job.schema.map_or(Constraint::None, Constraint::JsonSchema),
            suffix: None,
            tools: None,
            tool_choice: None,
            logits_processors: Some(vec![job.sampler]),
            return_raw_logits: false,
            web_search_options: None,
            model_id: None,
            truncate_sequence: false,
        };
        self.send(Request::Normal(Box::new(request))).await?;
        Ok(receiver)
    }

    pub(crate) async fn send(&mut self, request: Request) -> Result<()> {
        let thread = self.thread.as_ref().ok_or_else(died)?;
        if thread.requests.send(request).await.is_err() {
            return Err(self.dead());
        }
        Ok(())
    }

    /// Notes that the engine finished a job of `tokens` in all, and keeps what it read.
    pub(crate) fn finished(&mut self, tokens: u64) {
        self.proved = true;
        self.ledger.keep(tokens);
    }

    /// Notes that the engine died over a job; the error for whoever waits for it.
    pub(crate) fn dead(&mut self) -> Error {
        self.died = true;
        died()
    }

    /// Whether what a finished job read serves later ones.
    pub(crate) fn caches(&self) -> bool {
        self.ledger.is_on()
    }
}

/// Starts a thread over `pipeline`, with a prefix cache or without.
fn start(pipeline: &SharedPipeline, caches: bool) -> Result<Thread> {
    let starting =
        |error: std::io::Error| Error::unavailable("starting the local engine").with_source(error);
    // On a runtime with several threads the engine would answer a "hello" first.
    let runtime = runtime::Builder::new_current_thread()
        .build()
        .map_err(starting)?;
    let builder = MistralRsBuilder::new(pipeline.clone(), paged::scheduler(pipeline), false, None)
        .with_no_prefix_cache(!caches)
        .with_prefix_cache_n(ledger::ON_A_GPU);
    let handle = runtime.block_on(builder.build());
    let requests = handle
        .get_sender(None)
        .map_err(|error| died().with_source(error))?;
    Ok(Thread {
        _handle: handle,
        requests,
    })
}

/// The engine's thread is gone, with whatever it was doing.
fn died() -> Error {
    Error::unavailable("the local engine died while it was working")
        .with_help("ask again: it is started again, at most 3 times within 10 minutes")
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
