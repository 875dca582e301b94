//! What the runtime costs: `make bench`.
//!
//! Prints medians; each figure is over several rounds, after one that is not counted.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use catena::{
    Agent, ChatMessage, ChatModel, ChatRequest, Graph, ModelProfile, Run, RunOptions, agent,
    agents::{ChainInput, ChainOfAgents},
    models::ScriptedModel,
    tools::Document,
};

const ROUNDS: usize = 7;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    hop().await;
    fan_out().await;
    orchestration().await;
}

/// A graph of many nodes that do nothing, against one of a single node.
async fn hop() {
    let chain_of = |length: usize| {
        let mut graph = Graph::builder("hops");
        let nodes: Vec<_> = (0..length)
            .map(|index| {
                graph.node(
                    format!("n{index}"),
                    agent(|x: u64, _cx| async move { Ok(x + 1) }),
                )
            })
            .collect();
        for pair in nodes.windows(2) {
            graph.edge(pair[0], pair[1]);
        }
        graph.build(nodes[0], nodes[length - 1]).unwrap()
    };
    let (short, long) = (chain_of(1), chain_of(1001));
    let base = median(|| timed(run(short.clone(), 0))).await;
    let all = median(|| timed(run(long.clone(), 0))).await;
    println!("run of one node                  {base:>12.1?}");
    println!(
        "hop between two nodes            {:>12.2?}",
        all.saturating_sub(base) / 1000
    );
}

async fn fan_out() {
    let mut graph = Graph::builder("fan-out");
    let map = graph.map("map", 16, agent(|x: u64, _cx| async move { Ok(x + 1) }));
    let graph = graph.build(map, map).unwrap();
    let time = median(|| timed(run(graph.clone(), vec![0; 16]))).await;
    println!("run that fans out to 16 and joins{time:>12.1?}");
}

/// A chain over a model that takes 5 ms a call, against the same calls in a loop.
async fn orchestration() {
    let mut profile = ModelProfile::new("scripted", 4096);
    profile.worker_window = 512;
    let model: Arc<dyn ChatModel> = Arc::new(
        ScriptedModel::new()
            .with_profile(profile)
            .recording(false)
            .latency(Duration::from_millis(5))
            .otherwise("The ship sails at noon."),
    );
    let text = "The ship sails at noon and nobody waits for it. ".repeat(2400);
    let input = ChainInput::question(vec![Document::new("ship.txt", text)], "When does it sail?");
    let graph = ChainOfAgents::new(model.clone()).build().unwrap();
    let calls = run(graph.clone(), input.clone()).await;

    let chain = median(|| timed(run(graph.clone(), input.clone()))).await;
    let bare = median(|| {
        timed(async {
            for _ in 0..calls {
                let request = ChatRequest::new([ChatMessage::user("When?")]).max_tokens(64);
                model.chat(request).await.unwrap();
            }
        })
    })
    .await;
    let share = (chain.as_secs_f64() - bare.as_secs_f64()) / chain.as_secs_f64();
    println!("chain of {calls} calls of 5 ms        {chain:>12.1?}");
    println!("the same calls in a loop         {bare:>12.1?}");
    println!("orchestration's share            {:>11.2} %", 100.0 * share);
}

/// Runs to the end; how many calls it made.
async fn run<A: Agent>(agent: A, input: A::Input) -> u64
where
    A::Output: Send,
{
    let run = Run::start(agent, input, RunOptions::new("bench"));
    run.outcome().await.unwrap().usage.calls
}

async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

async fn median<F: Future<Output = Duration>>(mut round: impl FnMut() -> F) -> Duration {
    round().await;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(round().await);
    }
    times.sort();
    times[ROUNDS / 2]
}
