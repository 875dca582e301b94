//! Measuring in rounds.

use std::time::{Duration, Instant};

use catena::{Agent, Run, RunOptions};

use crate::peer::{Answer, Peer};

pub(crate) const ROUNDS: usize = 15;

/// What the rounds of one figure gave.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    pub(crate) fn min(&self) -> f64 {
        self.0[0]
    }
}

/// Ours and LangGraph's, in turns, after a round of each that is not counted.
pub(crate) async fn in_turns(
    peer: Option<&mut Peer>,
    measure: &str,
    mut round: impl AsyncFnMut() -> f64,
) -> (Samples, Option<Answer>) {
    let mut peer = peer;
    let (mut ours, mut theirs, mut note) = (Vec::new(), Vec::new(), None);
    for counted in 0..=ROUNDS {
        let value = round().await;
        let answer = peer.as_mut().and_then(|peer| peer.measure(measure));
        if counted > 0 {
            ours.push(value);
            if let Some(answer) = answer {
                theirs.push(answer.value);
                note = answer.note;
            }
        }
    }
    let theirs = (!theirs.is_empty()).then(|| Answer {
        value: Samples::new(theirs).median(),
        note,
    });
    (Samples::new(ours), theirs)
}

/// Runs to the end; how many calls it made.
pub(crate) async fn run<A: Agent>(agent: A, input: A::Input, options: RunOptions) -> u64 {
    let run = Run::start(agent, input, options);
    run.outcome().await.unwrap().usage.calls
}

pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}
