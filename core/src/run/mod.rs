//! One execution of an agent.

mod begin;
mod options;

pub use options::RunOptions;

use std::{
    fmt,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{self, Poll},
    time::Duration,
};

use futures::Stream;
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{begin::begin, options::From};
use crate::{
    Agent, Budget, Context, Error, Event, EventKind, Gap, Interrupt, Journal, NodePath, Result,
    RunEnd, RunId, Usage, budget::Ledger, context::RunScope, event::EventSink, graph::caught,
    telemetry,
};

/// An execution of an agent that is under way: a stream of [`Event`]s, and then an outcome.
///
/// The work goes on whether or not events are read. Dropping the handle cancels the run; so does
/// [`cancel`](Self::cancel), which leaves time to see how it ends.
///
/// # Example: events, then the outcome
///
/// ```
/// use catena_core::{Run, RunOptions, agent};
/// use futures::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let double = agent(|x: u32, _cx| async move { Ok(x * 2) });
///
/// let mut run = Run::start(double, 21, RunOptions::new("double"));
/// while let Some(event) = run.next().await {
///     println!("{}", serde_json::to_string(&event)?);
/// }
/// assert_eq!(run.outcome().await?.output, 42);
/// # Ok(())
/// # }
/// ```
///
/// # Example: a budget, and what is left of it
///
/// ```
/// use std::time::Duration;
/// use catena_core::{Budget, Run, RunOptions, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let slow = agent(|_: (), cx: catena_core::Context| async move {
///     cx.sleep(Duration::from_secs(3600)).await
/// });
/// let options = RunOptions::new("slow").budget(Budget::new().calls(10).time(Duration::from_millis(5)));
/// let error = Run::start(slow, (), options).outcome().await.unwrap_err();
/// assert!(error.is_budget_exceeded());
/// assert_eq!(error.unspent().unwrap().calls, Some(10));
/// assert_eq!(error.unspent().unwrap().time, Some(Duration::ZERO));
/// # Ok(())
/// # }
/// ```
///
/// # Example: resume a run that failed
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering::SeqCst}};
/// use catena_core::{Context, Error, Journal, MemoryJournal, Result, Run, RunOptions, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// // The first step costs; the second fails the first time.
/// let (paid, tried) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
/// let work = || {
///     let (paid, tried) = (paid.clone(), tried.clone());
///     agent(move |_: (), cx: Context| {
///         let (paid, tried) = (paid.clone(), tried.clone());
///         async move {
///             let bill = cx.tool("pay", &(), async { Ok(paid.fetch_add(1, SeqCst) + 1) }).await?;
///             match tried.fetch_add(1, SeqCst) {
///                 0 => Err(Error::unavailable("down")),
///                 _ => Ok(bill),
///             }
///         }
///     })
/// };
/// let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
/// let options = || RunOptions::new("work").journal(journal.clone());
///
/// let run = Run::start(work(), (), options());
/// let id = run.id().clone();
/// assert!(run.outcome().await.unwrap_err().is_retryable());
///
/// let run = Run::start(work(), (), options().resume(id));
/// assert_eq!(run.outcome().await?.output, 1);
/// assert_eq!(paid.load(SeqCst), 1, "nothing is paid twice");
/// # Ok(())
/// # }
/// ```
///
/// # Example: fork a run behind its first effect
///
/// ```
/// use std::sync::Arc;
/// use catena_core::{Context, Journal, MemoryJournal, Result, Run, RunOptions, agent};
///
/// async fn throw_twice(_: (), cx: Context) -> Result<(u64, u64)> {
///     Ok((cx.random().await?, cx.random().await?))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
/// let options = || RunOptions::new("throw").journal(journal.clone());
/// let first = Run::start(agent(throw_twice), (), options()).outcome().await?;
///
/// let options = options().fork(first.run.clone(), 1);
/// let second = Run::start(agent(throw_twice), (), options).outcome().await?;
/// assert_ne!(second.run, first.run);
/// assert_eq!(second.output.0, first.output.0, "taken over");
/// assert_ne!(second.output.1, first.output.1, "thrown anew");
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
    /// Results that are missing in it: see [`OnFailure::skip`](crate::OnFailure::skip).
    pub gaps: Vec<Gap>,
    /// What the run used.
    pub usage: Usage,
    /// What its budget has left.
    pub unspent: Budget,
    /// How long it took, since it began or was resumed.
    pub elapsed: Duration,
    /// Why the journal could not be told that the run is finished, if so. The result is as good,
    /// and a resumed run comes to it again.
    pub unrecorded: Option<Error>,
}

/// The questions that a run of a journal waits for; empty for a run that waits for none.
///
/// # Errors
///
/// [`is_journal`](Error::is_journal) when the journal cannot be read or does not know the run.
pub async fn open_interrupts(journal: &dyn Journal, run: &RunId) -> Result<Vec<Interrupt>> {
    let Some((_, entries)) = journal.load(run).await? else {
        return Err(Error::journal(format!("the journal has no run {run}")));
    };
    let open = begin::open_questions(&entries);
    Ok(open.into_iter().cloned().collect())
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
        let id = match &options.from {
            From::Stop(id) => id.clone(),
            From::Scratch | From::Entry(..) => RunId::generate(),
        };
        let cancel = CancellationToken::new();
        let (sink, events) = EventSink::channel(options.journal.is_some());
        let work = execute(agent, input, options, id.clone(), sink, cancel.clone());
        Self {
            id,
            events,
            cancel,
            task: tokio::spawn(caught(work)),
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
        // From here on nobody reads them, and what nobody reads need not be made.
        self.events.close();
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
    let span = telemetry::run(&options.name, &id);
    let resumed = !matches!(options.from, From::Scratch);
    events.emit(
        &path,
        EventKind::RunStarted {
            run: id.clone(),
            resumed,
        },
    );
    let ledger = Ledger::new(options.budget);
    // Written down before the first await: an input need not be shareable between threads.
    let written = serde_json::to_value(&input);
    let shape = options.journal.as_ref().and_then(|_| agent.inside().graph);
    let beginning = match begin(&id, written, shape, &options).await {
        Ok(beginning) => beginning,
        Err(error) => {
            let error = error.with_spent(Usage::default());
            events.emit(&path, failed(&error, Usage::default(), options.budget));
            return Err(error);
        }
    };
    // Paid already, so it counts before anything else may be paid, and not when the run comes to it.
    ledger.book(beginning.written + beginning.lost);
    let scope = Arc::new(RunScope {
        id: id.clone(),
        ledger: Arc::clone(&ledger),
        journal: options.journal.clone(),
        replay: beginning.replay,
        answers: beginning.answers,
        written: Mutex::new(beginning.written),
        reopened: beginning.reopened,
        events,
        failures: crate::context::Failures::default(),
        gaps: Mutex::default(),
    });
    let cx = Context::root(Arc::clone(&scope), path.clone(), cancel.clone());
    let work = cancellable(&agent, input, &cx, &cancel);
    let result = telemetry::within(&span, work).await;
    // What was aborted may still be at work on another thread, up to its next await.
    cx.tasks_ended().await;

    let (usage, unspent, elapsed) = (ledger.settled(), ledger.unspent(), ledger.elapsed());
    let result = match result {
        Ok(output) => caught(written_down(&scope, output)).await,
        Err(error) => Err(error),
    };
    let result = result.map_err(|error| error.at(&path).with_spent(usage).with_unspent(unspent));
    let outcome = match result {
        Ok((output, value)) => {
            let finished = EventKind::RunFinished { usage, unspent };
            scope.events.emit(&path, finished);
            Ok(Outcome {
                run: id,
                output,
                gaps: scope.take_gaps(),
                usage,
                unspent,
                elapsed,
                // What is paid for is not withheld because of this.
                unrecorded: end(&scope, RunEnd::finished(value)).await.err(),
            })
        }
        Err(error) => {
            telemetry::failed(&span, &error);
            scope.events.emit(&path, failed(&error, usage, unspent));
            // The failure itself is the better thing to tell.
            let ended = match beginning.resumed {
                // Another program came by; what the run had come to stands.
                Some(before) if error.is_divergence() => before,
                _ => RunEnd::failed(error.clone()),
            };
            let _ = end(&scope, ended).await;
            Err(error)
        }
    };
    drop(beginning.claim);
    outcome
}

/// The output, and as it is written down if there is a journal.
async fn written_down<O: serde::Serialize>(scope: &RunScope, output: O) -> Result<(O, Value)> {
    if scope.journal.is_none() {
        return Ok((output, Value::Null));
    }
    let value = serde_json::to_value(&output).map_err(|error| {
        Error::invalid("the run's output cannot be written down").with_source(error)
    })?;
    Ok((output, value))
}

async fn end(scope: &RunScope, end: RunEnd) -> Result<()> {
    let events = scope.events.last();
    match &scope.journal {
        Some(journal) => {
            let end = end.with_lost(scope.lost());
            journal.finish(&scope.id, end, events).await
        }
        None => Ok(()),
    }
}

fn failed(error: &Error, usage: Usage, unspent: Budget) -> EventKind {
    EventKind::RunFailed {
        error: error.clone(),
        usage,
        unspent,
    }
}

/// Runs the agent until it is done, or until it is cancelled and has had [`GRACE`] to stop by itself.
async fn cancellable<A: Agent>(
    agent: &A,
    input: A::Input,
    cx: &Context,
    cancel: &CancellationToken,
) -> Result<A::Output> {
    let mut work = pin!(cx.whole(agent, input));
    tokio::select! {
        biased;
        result = &mut work => result,
        () = cancel.cancelled() => tokio::time::timeout(GRACE, work)
            .await
            .unwrap_or_else(|_| Err(Error::cancelled())),
    }
}

impl Context {
    /// Runs the agent of a run.
    async fn whole<A: Agent>(&self, agent: &A, input: A::Input) -> Result<A::Output> {
        let output = caught(agent.run(input, self)).await?;
        self.keep_failures().await?;
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{Claim, Entry, MemoryJournal, RunRecord, RunSummary, agent};

    /// A journal on a disk that is full when the run ends.
    #[derive(Debug)]
    struct FullAtTheEnd(MemoryJournal);

    #[async_trait]
    impl Journal for FullAtTheEnd {
        async fn begin(&self, run: &RunRecord) -> Result<Claim> {
            self.0.begin(run).await
        }
        async fn append(&self, run: &RunId, new: Vec<Entry>, told: Vec<Event>) -> Result<()> {
            self.0.append(run, new, told).await
        }
        async fn finish(&self, _: &RunId, _: RunEnd, _: Vec<Event>) -> Result<()> {
            Err(Error::journal("the disk is full"))
        }
        async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
            self.0.load(run).await
        }
        async fn events(&self, run: &RunId) -> Result<Vec<Event>> {
            self.0.events(run).await
        }
        async fn list(&self) -> Result<Vec<RunSummary>> {
            self.0.list().await
        }
        async fn remove(&self, run: &RunId) -> Result<bool> {
            self.0.remove(run).await
        }
    }

    #[tokio::test]
    async fn a_result_is_not_withheld_because_its_record_cannot_be_ended() {
        let journal = Arc::new(FullAtTheEnd(MemoryJournal::new()));
        let double = agent(|x: u32, _cx| async move { Ok(x * 2) });
        let run = Run::start(double, 21, RunOptions::new("r").journal(journal));
        let outcome = run.outcome().await.unwrap();
        assert_eq!(outcome.output, 42);
        assert_eq!(outcome.unrecorded.unwrap().to_string(), "the disk is full");
    }

    #[tokio::test]
    async fn a_failure_is_told_rather_than_that_its_record_cannot_be_ended() {
        let journal = Arc::new(FullAtTheEnd(MemoryJournal::new()));
        let fails = agent(|_: u32, _cx| async move { Err::<u32, _>(Error::refused("no")) });
        let run = Run::start(fails, 21, RunOptions::new("r").journal(journal));
        assert!(run.outcome().await.unwrap_err().is_refused());
    }
}
