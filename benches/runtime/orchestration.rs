//! The same calls to a model in a loop, in a fold and in a chain of agents.

use std::{sync::Arc, time::Duration};

use catena::{
    ChatMessage, ChatModel, ChatRequest, Context, Fold, Graph, ModelProfile, RunOptions, Step,
    agent,
    agents::{ChainInput, ChainOfAgents},
    models::ScriptedModel,
    tools::Document,
};

use crate::rounds::{Samples, run, timed};

/// A round takes two seconds.
const ROUNDS: usize = 7;

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

pub(crate) async fn orchestration() {
    let options = || RunOptions::new("bench");
    let model = slow_model();
    let text = "The ship sails at noon and nobody waits for it. ".repeat(2400);
    let size = text.len() / 1000;
    let input = ChainInput::question(vec![Document::new("ship.txt", text)], "When does it sail?");
    let chain = ChainOfAgents::new(model.clone()).build().unwrap();
    let calls = run(chain.clone(), input.clone(), options()).await;

    let fold = asking_fold(model.clone());
    let items = Fold {
        state: 0,
        items: vec![1; usize::try_from(calls).unwrap()],
    };
    assert_eq!(run(fold.clone(), items.clone(), options()).await, calls);

    // In turns, so that what else the machine does meets all three.
    let (mut bare, mut folded, mut chained) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(timed(ask_in_a_loop(&*model, calls)).await);
        folded.push(timed(run(fold.clone(), items.clone(), options())).await);
        chained.push(timed(run(chain.clone(), input.clone(), options())).await);
    }
    let [bare, folded, chained] = [bare, folded, chained]
        .map(|times| Samples::new(times.iter().map(Duration::as_secs_f64).collect()).median());
    let added = |time: f64| 100.0 * (time / bare - 1.0);
    println!(
        "{calls} calls of 5 ms in a loop                     {:>7.1} ms",
        bare * 1e3
    );
    println!(
        "the same in a fold                            {:>7.1} ms, {:+.2} %",
        folded * 1e3,
        added(folded)
    );
    println!(
        "the same in a chain of agents                 {:>7.1} ms, {:+.2} %, with its work on {size} kB",
        chained * 1e3,
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
