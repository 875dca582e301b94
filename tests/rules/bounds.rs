//! Rule 1: what waits is bounded, and so is memory.

use std::sync::{
    Arc,
    atomic::{AtomicIsize, AtomicUsize, Ordering},
};

use catena::{Context, EventKind, Graph, Run, RunOptions, agent, branch};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::support::{Disk, asking, echo, mapped, memory, texts};

static ALIVE: AtomicIsize = AtomicIsize::new(0);
static MOST_ALIVE: AtomicIsize = AtomicIsize::new(0);

/// A message that is counted as long as it exists.
#[derive(Serialize, Deserialize)]
struct Counted(u32, Alive);

#[derive(Serialize, Deserialize)]
#[serde(from = "()", into = "()")]
struct Alive;

impl Alive {
    fn new() -> Self {
        let alive = ALIVE.fetch_add(1, Ordering::SeqCst) + 1;
        MOST_ALIVE.fetch_max(alive, Ordering::SeqCst);
        Self
    }
}

impl From<()> for Alive {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl From<Alive> for () {
    fn from(_: Alive) {}
}

impl Clone for Alive {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Adds one until it is `until`, by way of a second node.
fn counter(until: u32) -> Graph<u32, u32> {
    let mut graph = Graph::builder("counter");
    let begin = graph.node(
        "begin",
        agent(|x: u32, _cx| async move { Ok(Counted(x, Alive::new())) }),
    );
    let add = graph.node(
        "add",
        agent(|Counted(x, _): Counted, _cx| async move { Ok(Counted(x + 1, Alive::new())) }),
    );
    let pass = graph.node("pass", agent(|x: Counted, _cx| async move { Ok(x) }));
    let end = graph.node("end", agent(|x: Counted, _cx| async move { Ok(x.0) }));
    let enough = branch!(graph, "enough", |x: Counted| match x {
        Counted(n, _) if n >= until => end(x),
        _ => pass(x),
    });
    graph
        .edge(begin, add)
        .edge(add, enough)
        .edge(pass, add)
        .step_limit(until as usize + 1);
    graph.build(begin, end).unwrap()
}

#[tokio::test]
async fn a_long_cycle_holds_one_message_at_a_time_and_lets_go_of_all() {
    let run = Run::start(counter(20_000), 0, RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output, 20_000);
    // The one that a node makes of the one that it got.
    let most = MOST_ALIVE.load(Ordering::SeqCst);
    assert!(most <= 2, "{most} messages at a time");
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_run_without_effects_hands_its_events_to_the_journal_as_it_goes() {
    let inner = memory();
    let journal = Arc::new(Disk::new(&inner));
    let options = RunOptions::new("run").journal(journal.clone());
    let adds = mapped("add", 1, agent(|x: u32, _cx| async move { Ok(x + 1) }));
    let run = Run::start(adds, (0..5_000).collect(), options);
    let id = run.id().clone();
    run.outcome().await.unwrap();
    let largest = journal.largest.load(Ordering::SeqCst);
    assert!((1..=300).contains(&largest), "{largest} events waited");
    let kept = inner.events(&id).await.unwrap();
    assert_eq!(kept.len(), 2 + 2 + 2 * 5_000);
    assert!(kept.iter().zip(0..).all(|(event, seq)| event.seq == seq));
}

#[tokio::test]
async fn a_run_whose_events_nobody_reads_ends_all_the_same() {
    let run = Run::start(asking(&echo(), 4), texts(3000), RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().usage.calls, 3000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_comes_late_sees_a_gap_and_costs_the_run_nothing() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let work = agent(move |x: u32, _cx: Context| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { Ok(x) }
    });
    let run = Run::start(
        mapped("work", 2, work),
        (0..5_000).collect(),
        RunOptions::new("run"),
    );
    while done.load(Ordering::SeqCst) < 5_000 {
        tokio::task::yield_now().await;
    }
    let read: Vec<_> = run.collect().await;
    assert!(read.len() >= 4_096 && read.len() < 10_000, "{}", read.len());
    let first = read.iter().take(4_096).map(|event| event.seq);
    assert!(first.eq(0..4_096), "what was kept is the beginning");
    assert!(matches!(read[0].kind, EventKind::RunStarted { .. }));
    assert!(read.is_sorted_by_key(|event| event.seq));
}
