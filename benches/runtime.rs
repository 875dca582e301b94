//! What the runtime costs: `make bench`.
//!
//! Prints medians; each figure is over several rounds, after one that is not counted.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use catena::{
    Agent, ChatMessage, ChatModel, ChatRequest, Context, Fold, Graph, ModelProfile, Run,
    RunOptions, Step, agent,
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

/// A model that takes 5 ms a call.
fn slow_model() -> Arc<dyn ChatModel> {
    let mut profile = ModelProfile::new("scripted", 4096);
    profile.worker_window = 512;
    Arc::new(
        ScriptedModel::new()
            .with_profile(profile)
            .recording(false)
            .latency(Duration::from_millis(5))
            .otherwise("The ship sails at noon."),
    )
}

/// The same calls in a loop, in a fold and in a chain of agents.
async fn orchestration() {
    let model = slow_model();
    let text = "The ship sails at noon and nobody waits for it. ".repeat(2400);
    let size = text.len() / 1000;
    let input = ChainInput::question(vec![Document::new("ship.txt", text)], "When does it sail?");
    let chain = ChainOfAgents::new(model.clone()).build().unwrap();
    let calls = run(chain.clone(), input.clone()).await;

    let fold = asking_fold(model.clone());
    let items = Fold {
        state: 0,
        items: vec![1; usize::try_from(calls).unwrap()],
    };
    assert_eq!(run(fold.clone(), items.clone()).await, calls);

    // In turns, so that what else the machine does meets all three.
    let (mut bare, mut folded, mut chained) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(timed(ask_in_a_loop(&*model, calls)).await);
        folded.push(timed(run(fold.clone(), items.clone())).await);
        chained.push(timed(run(chain.clone(), input.clone())).await);
    }
    let [bare, folded, chained] = [bare, folded, chained].map(middle);
    let added = |time: Duration| 100.0 * (time.as_secs_f64() / bare.as_secs_f64() - 1.0);
    println!("{calls} calls of 5 ms in a loop       {bare:>12.1?}");
    println!("the same in a fold               {folded:>12.1?}");
    println!("the same in a chain of agents    {chained:>12.1?}");
    println!("the fold adds                    {:>11.2} %", added(folded));
    println!(
        "the chain adds, with its work on {size} kB of text {:>6.2} %",
        added(chained)
    );
}

/// A fold that asks the model once for each item.
fn asking_fold(model: Arc<dyn ChatModel>) -> Graph<Fold<u64, u64>, u64> {
    let mut graph = Graph::builder("fold");
    let fold = graph.fold(
        "fold",
        agent(move |step: Step<u64, u64>, cx: Context| {
            let model = model.clone();
            async move {
                cx.chat(&*model, question()).await?;
                Ok(step.state + step.item)
            }
        }),
    );
    graph.build(fold, fold).unwrap()
}

async fn ask_in_a_loop(model: &dyn ChatModel, calls: u64) {
    for _ in 0..calls {
        model.chat(question()).await.unwrap();
    }
}

fn question() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("When?")]).max_tokens(64)
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
    middle(times)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
