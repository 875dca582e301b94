//! The memory of a process during a long cycle.

use std::{
    process::Command,
    sync::{Arc, Mutex},
};

use catena::{Context, Graph, Journal, RunOptions, SqliteJournal, agent, branch};

use crate::{
    peer::{Answer, Peer},
    rounds::{Samples, run},
    table::{Row, Unit},
};

/// The first argument of a process that measures itself.
pub(crate) const CHILD: &str = "memory";

/// Its second: without a journal, or with one.
pub(crate) const PLAIN: &str = "plain";
pub(crate) const JOURNALED: &str = "journaled";

const STEPS: u64 = 100_000;

/// Memory is looked at so many times.
const LOOKS: u64 = 100;

/// How much the memory of a process of its own grows between a tenth of the cycle and its end.
pub(crate) fn constant(kind: &str) -> Row {
    let child = std::env::current_exe().unwrap();
    let child = Command::new(child).args([CHILD, kind]).output().unwrap();
    assert!(
        child.status.success(),
        "the process that is measured failed"
    );
    let grown: Answer = serde_json::from_slice(&child.stdout).unwrap();
    Row {
        what: match kind {
            PLAIN => format!("memory grown in {STEPS} steps"),
            _ => format!("memory grown in {STEPS} steps, SQLite"),
        },
        unit: Unit::Bytes,
        target: 1024.0 * 1024.0,
        ours: Samples::new(vec![grown.value]),
        peer: Peer::start().and_then(|mut peer| peer.measure(&format!("memory_{kind}"))),
    }
}

/// In a process of its own: a cycle in which every step has an effect.
pub(crate) async fn child(kind: &str) {
    let seen = Arc::new(Mutex::new(Vec::with_capacity(LOOKS as usize)));
    let looks = Arc::clone(&seen);
    let mut graph = Graph::builder("cycle");
    let step = graph.node(
        "step",
        agent(move |x: u64, cx: Context| {
            let looks = Arc::clone(&looks);
            async move {
                cx.random().await?;
                if x.is_multiple_of(STEPS / LOOKS) {
                    looks.lock().unwrap().push(resident());
                }
                Ok(x + 1)
            }
        }),
    );
    let done = graph.node("done", agent(|x: u64, _cx| async move { Ok(x) }));
    let more = branch!(graph, "more", |x: u64| match x {
        STEPS => done(x),
        _ => step(x),
    });
    graph.edge(step, more).step_limit(STEPS as usize);
    let graph = graph.build(step, done).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let mut options = RunOptions::new("cycle");
    if kind != PLAIN {
        let journal = SqliteJournal::open(folder.path().join("runs.db")).unwrap();
        options = options.journal(Arc::new(journal) as Arc<dyn Journal>);
    }
    run(graph, 0, options).await;
    let seen = seen.lock().unwrap();
    let (warm, rest) = seen.split_at(seen.len() / 10);
    let (warm, most) = (warm.last().unwrap(), rest.iter().max().unwrap());
    println!("{{\"value\": {}}}", most.saturating_sub(*warm));
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = status.lines().find_map(|line| {
        let kib = line.strip_prefix("VmRSS:")?.strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()
    });
    kib.unwrap() * 1024
}
