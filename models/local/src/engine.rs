//! The engine's thread, and the gate before it.

use std::{fmt, num::NonZeroUsize, sync::Arc};

use catena_core::{Error, Result};
use mistralrs::{
    Constraint, DefaultSchedulerMethod, MistralRs, NormalRequest, Request, RequestMessage,
    Response, SamplingParams, SchedulerConfig, core::MistralRsBuilder,
};
use tokio::{
    runtime,
    sync::{Mutex, OwnedMutexGuard, mpsc},
    task,
};
use tracing::debug;

use crate::{load::SharedPipeline, sampling::Sampler};

/// The engine keeps the state of a sequence in steps of this many tokens.
const CACHE_STEP: u64 = 512;

/// A model in memory, and the thread that computes with it.
///
/// It answers one request at a time, in the order of their arrival: together they would take
/// longer on a CPU, and requests of different kinds at the same time crash it.
pub(crate) struct Engine {
    gate: Arc<Mutex<Runner>>,
}

/// Leave to use the engine. Dropping it lets the next request in.
pub(crate) type Permit = OwnedMutexGuard<Runner>;

/// What one request asks of the engine.
pub(crate) struct Job {
    pub(crate) prompt: Vec<u32>,
    pub(crate) max_tokens: u32,
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) schema: Option<serde_json::Value>,
}

/// The thread, and what its prefix cache holds.
pub(crate) struct Runner {
    /// `None` if the thread could not be started again.
    thread: Option<Arc<MistralRs>>,
    pipeline: SharedPipeline,
    bytes_per_token: u64,
    /// The most bytes in the prefix cache; 0 turns it off.
    limit: u64,
    cached: u64,
}

impl Engine {
    /// Starts the thread; slow, so not on an async thread.
    pub(crate) fn start(
        pipeline: SharedPipeline,
        bytes_per_token: u64,
        limit: u64,
    ) -> Result<Self> {
        let thread = start(&pipeline, limit)?;
        Ok(Self {
            gate: Arc::new(Mutex::new(Runner {
                thread: Some(thread),
                pipeline,
                bytes_per_token,
                limit,
                cached: 0,
            })),
        })
    }

    /// Waits for this request's turn.
    ///
    /// # Cancel safety
    ///
    /// A dropped future gives up its place in the queue and nothing else.
    pub(crate) async fn admit(&self) -> Permit {
        Arc::clone(&self.gate).lock_owned().await
    }
}

impl Runner {
    /// Hands `job` to the engine, and returns where its progress arrives.
    ///
    /// Dropping the receiver makes the engine abandon the job at its next token; a prompt that is
    /// being read is read to its end.
    pub(crate) async fn run(&mut self, job: Job) -> Result<mpsc::Receiver<Response>> {
        let tokens = job.prompt.len() as u64 + u64::from(job.max_tokens);
        let bytes = self.cache_bytes(tokens);
        if self.limit > 0 && self.cached > 0 && self.cached.saturating_add(bytes) > self.limit {
            self.empty_cache().await?;
        }
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
        let request = Request::Normal(Box::new(request));
        self.sender()?.send(request).await.map_err(|_| died())?;
        Ok(receiver)
    }

    /// Where the engine takes requests. A thread that died is replaced.
    pub(crate) fn sender(&self) -> Result<mpsc::Sender<Request>> {
        let thread = self.thread.as_ref().ok_or_else(died)?;
        thread
            .get_sender(None)
            .map_err(|error| died().with_source(error))
    }

    /// Notes that the engine finished a job of `tokens` in all, and keeps what it read.
    pub(crate) fn finished(&mut self, tokens: u64) {
        if self.limit > 0 {
            self.cached = self.cached.saturating_add(self.cache_bytes(tokens));
        }
    }

    /// Whether what a finished job read serves later ones.
    pub(crate) fn caches(&self) -> bool {
        self.limit > 0
    }

    fn cache_bytes(&self, tokens: u64) -> u64 {
        tokens
            .div_ceil(CACHE_STEP)
            .saturating_mul(CACHE_STEP * self.bytes_per_token)
    }

    /// On a CPU the engine never evicts from its cache, so it grows without end. A new thread over
    /// the same weights begins with an empty one, in milliseconds.
    async fn empty_cache(&mut self) -> Result<()> {
        debug!(bytes = self.cached, "emptying the prefix cache");
        self.thread = None;
        let pipeline = Arc::clone(&self.pipeline);
        let limit = self.limit;
        let started = task::spawn_blocking(move || {
            // The old thread holds the weights until it has noticed.
            while Arc::strong_count(&pipeline) > 2 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            start(&pipeline, limit)
        });
        self.thread = Some(started.await.map_err(|error| died().with_source(error))??);
        self.cached = 0;
        Ok(())
    }
}

/// Starts a thread over `pipeline`.
fn start(pipeline: &SharedPipeline, limit: u64) -> Result<Arc<MistralRs>> {
    let starting =
        |error: std::io::Error| Error::unavailable("starting the local engine").with_source(error);
    // On a runtime with several threads the engine would answer a "hello" first.
    let runtime = runtime::Builder::new_current_thread()
        .build()
        .map_err(starting)?;
    let one = NonZeroUsize::MIN;
    let builder = MistralRsBuilder::new(
        pipeline.clone(),
        SchedulerConfig::DefaultScheduler {
            method: DefaultSchedulerMethod::Fixed(one),
        },
        false,
        None,
    )
    .with_no_prefix_cache(limit == 0);
    Ok(runtime.block_on(builder.build()))
}

/// The engine's thread is gone, with whatever it was doing.
pub(crate) fn died() -> Error {
    Error::unavailable("the local engine stopped while it was working")
        .with_help("load the model again; if it happens again, try a smaller window")
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
