//! One attempt at a run, in a runtime of its own, undisturbed or cut off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use catena::{Error, Event, Gap, Journal, Run, RunId, RunOptions, Usage};
use futures::StreamExt;
use tokio::time::Instant;

use crate::{
    build,
    outside::Outside,
    spec::{Case, Pace},
};

/// Whether the events of each attempt are printed.
pub(crate) static TELL: AtomicBool = AtomicBool::new(false);

/// What disturbs an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The run is cancelled.
    Cancel(At),
    /// The handle is dropped.
    Drop(At),
    /// The runtime is dropped, with all tasks in it, as if the process were killed.
    Kill(At),
}

/// When it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Time(Duration),
    /// So many events have been read.
    Events(usize),
}

impl Cut {
    fn at(self) -> At {
        let (Self::Cancel(at) | Self::Drop(at) | Self::Kill(at)) = self;
        at
    }
}

/// How an attempt went.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) run: RunId,
    pub(crate) events: Vec<Event>,
    /// `None` when the handle or the runtime was dropped.
    pub(crate) result: Option<Result<Done, Error>>,
    /// Whether it was disturbed before its end.
    pub(crate) cut: bool,
    pub(crate) elapsed: Duration,
}

/// What an outcome says.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) output: Vec<u64>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) usage: Usage,
}

/// How long an attempt may take. On the paused clock that is no time at all: it jumps there when
/// nothing else can happen any more.
fn longest(pace: Pace) -> Duration {
    match pace {
        Pace::Paused => Duration::from_secs(3600),
        Pace::Threads => Duration::from_secs(60),
    }
}

/// Makes an attempt. Without `reading`, the events are left alone.
pub(crate) fn attempt(
    case: &Case,
    outside: &Arc<Outside>,
    options: RunOptions,
    journal: Arc<dyn Journal>,
    cut: Option<Cut>,
    reading: bool,
) -> Ended {
    outside.next_attempt();
    let mut builder = match case.pace {
        Pace::Paused => {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.start_paused(true);
            builder
        }
        Pace::Threads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(2);
            builder
        }
    };
    let runtime = builder.enable_time().build().unwrap();
    let (ended, left) = runtime.block_on(async {
        let agent = build::job::<u64, Vec<u64>>(&case.job, outside);
        let options = options.journal(journal.clone());
        let run = Run::start(agent, case.input, options);
        drive(run, outside, &journal, cut, reading).await
    });
    // In this order: what is killed hears nothing of it before.
    drop(runtime);
    drop(left);
    if TELL.load(Ordering::Relaxed) {
        println!("\nattempt, {cut:?}:");
        for event in &ended.events {
            let kind = serde_json::to_string(&event.kind).unwrap_or_default();
            println!("{:>9} {} {kind}", event.at_us, event.path);
        }
    }
    if let (Some(_), 1..) = (&ended.result, outside.under_way()) {
        outside.wrong("something is under way behind the outcome".to_owned());
    }
    ended
}

/// Follows a run to its end or to the cut; gives back what is left of one that is to be killed.
async fn drive(
    run: Run<Vec<u64>>,
    outside: &Outside,
    journal: &Arc<dyn Journal>,
    cut: Option<Cut>,
    reading: bool,
) -> (Ended, Option<Run<Vec<u64>>>) {
    let started = Instant::now();
    let mut ended = Ended {
        run: run.id().clone(),
        events: Vec::new(),
        result: None,
        cut: false,
        elapsed: Duration::ZERO,
    };
    let mut run = Some(run);
    let longest = longest(outside.pace());
    let followed = follow(&mut run, &mut ended, outside, journal, cut, reading);
    if tokio::time::timeout(longest, followed).await.is_err() {
        outside.wrong(format!("it hangs: no end in {longest:?}"));
    }
    ended.elapsed = started.elapsed();
    (ended, run)
}

async fn follow(
    handle: &mut Option<Run<Vec<u64>>>,
    ended: &mut Ended,
    outside: &Outside,
    journal: &Arc<dyn Journal>,
    cut: Option<Cut>,
    reading: bool,
) {
    let due = match cut.map(Cut::at) {
        Some(At::Time(time)) => Some(Instant::now() + time),
        _ => None,
    };
    while let Some(run) = handle.as_mut().filter(|_| reading) {
        let now = match cut {
            Some(cut) if !ended.cut => cut.at() == At::Events(ended.events.len()),
            _ => false,
        };
        let event = tokio::select! {
            biased;
            () = std::future::ready(()), if now => None,
            event = run.next() => match event {
                Some(event) => Some(event),
                None => break,
            },
            () = async { tokio::time::sleep_until(due.unwrap()).await }, if due.is_some() && !ended.cut => None,
        };
        match event {
            Some(event) => ended.events.push(event),
            None => {
                ended.cut = true;
                match cut {
                    Some(Cut::Cancel(_)) => run.cancel(),
                    Some(Cut::Drop(_)) => {
                        *handle = None;
                        let wait = stopped(outside, journal, &ended.run);
                        return wait.await;
                    }
                    _ => return,
                }
            }
        }
    }
    if let Some(run) = handle.take() {
        let outcome = run.outcome().await;
        ended.result = Some(outcome.map(|outcome| {
            if let Some(error) = outcome.unrecorded {
                outside.wrong(format!("the journal was not told the end: {error}"));
            }
            Done {
                output: outcome.output,
                gaps: outcome.gaps,
                usage: outcome.usage,
            }
        }));
        // A task that was aborted may be dropped a moment later.
        settled(outside).await;
    }
}

/// Waits until a run of which the handle was dropped has stopped.
async fn stopped(outside: &Outside, journal: &Arc<dyn Journal>, run: &RunId) {
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let runs = journal.list().await.unwrap();
        let live = runs.iter().any(|known| known.id == *run && known.live);
        if !live && outside.under_way() == 0 {
            return;
        }
    }
}

async fn settled(outside: &Outside) {
    for _ in 0..100 {
        if outside.under_way() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
