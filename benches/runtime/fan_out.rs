//! A map over a list, and its results in order.

use catena::{Graph, RunOptions, agent};

use crate::{
    peer::Peer,
    rounds::{in_turns, run, timed},
    table::{Row, Unit},
};

const WIDTH: usize = 16;

/// Runs in a round.
const REPEATS: u32 = 200;

/// The whole run, with its beginning and its end.
pub(crate) async fn fan_out(peer: Option<&mut Peer>) -> Row {
    let mut graph = Graph::builder("fan-out");
    let map = graph.map("map", WIDTH, agent(|x: u64, _cx| async move { Ok(x + 1) }));
    let graph = graph.build(map, map).unwrap();
    let (ours, peer) = in_turns(peer, "fan_out", async || {
        let many = async {
            for _ in 0..REPEATS {
                run(graph.clone(), vec![0; WIDTH], RunOptions::new("fan-out")).await;
            }
        };
        timed(many).await.as_secs_f64() / f64::from(REPEATS)
    })
    .await;
    Row {
        what: format!("run that fans out to {WIDTH} and joins"),
        unit: Unit::Time,
        target: 60e-6,
        ours,
        peer,
    }
}
