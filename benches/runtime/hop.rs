//! A message goes from one node to the next.

use std::{sync::Arc, time::Duration};

use catena::{Agent, Context, Graph, Journal, RunOptions, SqliteJournal, agent};

use crate::{
    peer::Peer,
    rounds::{in_turns, run, timed},
    table::{Row, Unit},
};

/// A chain of so many edges, against a graph of a single node: what is left is the hops, with the
/// start and the end of a node for each.
const HOPS: usize = 100;

/// Runs in a round, and journaled ones.
const REPEATS: u32 = 100;
const JOURNALED: u32 = 5;

/// Runs of a single node in a round.
const BASE: usize = 5;

/// Between nodes that do nothing.
pub(crate) async fn in_memory(peer: Option<&mut Peer>) -> Row {
    let node = || agent(|x: u64, _cx| async move { Ok(x + 1) });
    let (short, long) = (chain(1, node), chain(HOPS + 1, node));
    let options = || RunOptions::new("hops");
    let (ours, peer) = in_turns(peer, "hop", async || {
        per_hop(&short, &long, REPEATS, options).await
    })
    .await;
    Row {
        what: "hop between two nodes".to_owned(),
        unit: Unit::Time,
        target: 2e-6,
        ours,
        peer,
    }
}

/// Between nodes of which each has one effect, in the database before the next node begins.
pub(crate) async fn journaled(peer: Option<&mut Peer>) -> Row {
    let node =
        || agent(|x: u64, cx: Context| async move { Ok(x.wrapping_add(cx.random().await?)) });
    let (short, long) = (chain(1, node), chain(HOPS + 1, node));
    let folder = tempfile::tempdir().unwrap();
    let journal: Arc<dyn Journal> =
        Arc::new(SqliteJournal::open(folder.path().join("runs.db")).unwrap());
    let options = || RunOptions::new("hops").journal(Arc::clone(&journal));
    let (ours, peer) = in_turns(peer, "journaled_hop", async || {
        per_hop(&short, &long, JOURNALED, options).await
    })
    .await;
    Row {
        what: "journaled hop (SQLite, every effect)".to_owned(),
        unit: Unit::Time,
        target: 50e-6,
        ours,
        peer,
    }
}

fn chain<A: Agent<Input = u64, Output = u64>>(
    length: usize,
    node: impl Fn() -> A,
) -> Graph<u64, u64> {
    let mut graph = Graph::builder("hops");
    let nodes: Vec<_> = (0..length)
        .map(|index| graph.node(format!("n{index}"), node()))
        .collect();
    for pair in nodes.windows(2) {
        graph.edge(pair[0], pair[1]);
    }
    graph.build(nodes[0], nodes[length - 1]).unwrap()
}

async fn per_hop(
    short: &Graph<u64, u64>,
    long: &Graph<u64, u64>,
    repeats: u32,
    options: impl Fn() -> RunOptions,
) -> f64 {
    // The least, because a base that was disturbed would be taken from hops that were not.
    let mut base = Duration::MAX;
    for _ in 0..BASE {
        base = base.min(timed(run(short.clone(), 0, options())).await);
    }
    let all = timed(async {
        for _ in 0..repeats {
            run(long.clone(), 0, options()).await;
        }
    });
    let all = all.await / repeats;
    all.saturating_sub(base).as_secs_f64() / HOPS as f64
}
