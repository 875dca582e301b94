//! One execution of an agent.

use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use futures::{FutureExt, Stream};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Agent, Budget, Context, Entry, Error, Event, EventKind, Journal, NodePath, Result, RunId,
    RunRecord, RunStatus, Usage, budget::Ledger, context::RunScope, event::EventSink,
    graph::panic_message,
};

/// An execution of an agent that is under way: a stream of [`Event`]s, and then an outcome.
///
/// The work goes on whether or not events are read. Dropping the handle cancels the run; so does
/// [`cancel`](Self::cancel), which leaves time to see how it ends.
///
/// # Example: events, then the outcome
///
/// ```
/// use catena_core::{Budget, Run, RunOptions, agent};
/// use futures::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let double = agent(|x: u32, _cx| async move { Ok(x * 2) });
/// let options = RunOptions::new("double").budget(Budget::new().calls(10));
///
/// let mut run = Run::start(double, 21, options);
/// while let Some(event) = run.next().await {
///     println!("{}", serde_json::to_string(&event)?);
/// }
/// assert_eq!(run.outcome().await?.output, 42);
/// # Ok(())
/// # }
/// ```
pub struct Run<O> {
    id: RunId,
    events: mpsc::Receiver<Event>,
    cancel: CancellationToken,
    task: JoinHandle<Result<Outcome<O>>>,
}

/// What a finished run leaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome<O> {
    /// The run.
    pub run: RunId,
    /// What the agent returned.
    pub output: O,
    /// What the run used.
    pub usage: Usage,
    /// How long it took.
    pub elapsed: Duration,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    name: String,
    budget: Budget,
    journal: Option<Arc<dyn Journal>>,
    resume: Option<RunId>,
}

impl RunOptions {
    /// Options of a run without limits and without a journal. `name` is the root of all paths in
    /// its events; a run is resumed under the name under which it began.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            budget: Budget::new(),
            journal: None,
            resume: None,
        }
    }

    /// Limits what the run may spend.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Records every effect in `journal`, so that the run can be resumed.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Goes on with the run `id` of the journal: calls that it finished are answered from there.
    /// The input must be the one with which the run began.
    #[must_use]
    pub fn resume(mut self, id: RunId) -> Self {
        self.resume = Some(id);
        self
    }
}

impl<O: Send + 'static> Run<O> {
    /// Starts `agent` on `input`, in a task of its own.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start<A>(agent: A, input: A::Input, options: RunOptions) -> Self
    where
        A: Agent<Output = O>,
    {
        let id = options.resume.clone().unwrap_or_else(RunId::generate);
        let cancel = CancellationToken::new();
        let (sink, events) = EventSink::channel();
        let work = execute(agent, input, options, id.clone(), sink, cancel.clone());
        Self {
            id,
            events,
            cancel,
            task: tokio::spawn(work),
        }
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Stops the run at its next `await`. Its outcome is then an error that
    /// [`is_cancelled`](Error::is_cancelled), unless it was done before.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits for the end; events that were not read are thrown away.
    ///
    /// # Errors
    ///
    /// That of the node which failed, with its path and what the run had
    /// [`spent`](Error::spent).
    ///
    /// # Cancel safety
    ///
    /// Dropping this future cancels the run.
    pub async fn outcome(mut self) -> Result<Outcome<O>> {
        match (&mut self.task).await {
            Ok(result) => result,
            // The task catches panics itself; what is left is a runtime that shuts down.
            Err(error) => Err(Error::cancelled().with_source(error)),
        }
    }
}

impl<O> Stream for Run<O> {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(cx)
    }
}

impl<O> Drop for Run<O> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl<O> fmt::Debug for Run<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How long an agent has to stop after a cancellation before its future is dropped: enough for the
/// calls under way to be booked, too short for a person to wait for.
const GRACE: Duration = Duration::from_millis(250);

async fn execute<A: Agent>(
    agent: A,
    input: A::Input,
    options: RunOptions,
    id: RunId,
    events: EventSink,
    cancel: CancellationToken,
) -> Result<Outcome<A::Output>> {
    let path = NodePath::root(&options.name);
    events.emit(&path, EventKind::RunStarted { run: id.clone() });
    let ledger = Ledger::new(options.budget);
    // Written down before the first await: an input need not be shareable between threads.
    let written = serde_json::to_value(&input);
    let replay = match begin(&id, written, &options).await {
        Ok(replay) => replay,
        Err(error) => {
            let usage = Usage::default();
            events.emit(
                &path,
                EventKind::RunFailed {
                    error: error.to_string(),
                    usage,
                },
            );
            return Err(error.with_spent(usage));
        }
    };
    let scope = Arc::new(RunScope {
        id: id.clone(),
        ledger: Arc::clone(&ledger),
        journal: options.journal.clone(),
        replay,
        events,
    });
    let cx = Context::root(Arc::clone(&scope), &options.name, cancel.clone());

    let mut result = cancellable(&agent, input, &cx, &cancel).await;
    let status = match &result {
        Ok(_) => RunStatus::Finished,
        Err(error) if error.is_cancelled() => RunStatus::Cancelled,
        Err(_) => RunStatus::Failed,
    };
    if let Some(journal) = &options.journal
        && let Err(error) = journal.finish(&id, status).await
        && result.is_ok()
    {
        result = Err(error);
    }

    let usage = ledger.settled();
    match result {
        Ok(output) => {
            cx.emit(EventKind::RunFinished { usage });
            let elapsed = ledger.elapsed();
            Ok(Outcome {
                run: id,
                output,
                usage,
                elapsed,
            })
        }
        Err(error) => {
            let error = error.at(&path).with_spent(usage);
            cx.emit(EventKind::RunFailed {
                error: error.to_string(),
                usage,
            });
            Err(error)
        }
    }
}

/// Runs the agent until it is done, or until it is cancelled and has had [`GRACE`] to stop by itself.
async fn cancellable<A: Agent>(
    agent: &A,
    input: A::Input,
    cx: &Context,
    cancel: &CancellationToken,
) -> Result<A::Output> {
    let mut work = pin!(AssertUnwindSafe(agent.run(input, cx)).catch_unwind());
    let result = tokio::select! {
        biased;
        result = &mut work => result,
        () = cancel.cancelled() => match tokio::time::timeout(GRACE, work).await {
            Ok(result) => result,
            Err(_) => return Err(Error::cancelled()),
        },
    };
    result.unwrap_or_else(|panic| Err(Error::panicked(panic_message(&*panic))))
}

/// Opens the run's record; the effects of an earlier attempt by node and call index.
async fn begin(
    id: &RunId,
    input: serde_json::Result<serde_json::Value>,
    options: &RunOptions,
) -> Result<HashMap<(NodePath, u32), Entry>> {
    let Some(journal) = &options.journal else {
        return match &options.resume {
            None => Ok(HashMap::new()),
            Some(id) => Err(Error::journal(format!(
                "run {id} cannot be resumed without a journal"
            ))),
        };
    };
    let input = input.map_err(|error| {
        Error::invalid("the run's input cannot be written down").with_source(error)
    })?;
    let mut replay = HashMap::new();
    if options.resume.is_some() {
        let (record, entries) = journal
            .load(id)
            .await?
            .ok_or_else(|| Error::journal(format!("the journal has no run {id}")))?;
        if record.graph != options.name {
            return Err(Error::divergence(format!(
                "run {id} is one of '{}', not of '{}'",
                record.graph, options.name
            )));
        }
        if record.input != input {
            return Err(
                Error::divergence(format!("run {id} began with another input"))
                    .with_help("resume it with the input that it began with, or start a new run"),
            );
        }
        replay = entries
            .into_iter()
            .map(|entry| ((entry.path.clone(), entry.call), entry))
            .collect();
    }
    let record = RunRecord {
        id: id.clone(),
        graph: options.name.clone(),
        input,
        status: RunStatus::Running,
    };
    journal.begin(&record).await?;
    Ok(replay)
}
