//! An engine that dies, and what goes on behind it.

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use candle_core::Tensor;
use catena_core::{
    ChatMessage, ChatModel, ChatRequest, Context, Delta, EventKind, Graph, MemoryJournal, Outcome,
    Result, Retry, Run, RunOptions, agent, on_failure,
};
use futures::{StreamExt, future::join_all};
use mistralrs::{CustomLogitsProcessor, RequestMessage, Response};
use tokio::sync::mpsc;

use super::{model, send};
use crate::{
    LocalModel, Weights,
    engine::Job,
    reply::{Order, Reply},
    sampling::{Sampler, Sampling},
    support::{SMALL, options, weights},
};

fn ask(question: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(question)])
}

/// Has the engine's thread panic as soon as it has read a prompt, with what waits behind it.
async fn kill(model: &LocalModel) -> mpsc::Receiver<Response> {
    let tokens = model.prepare(&ask("Hi").max_tokens(1)).unwrap().prompt;
    let deadly = |_: &Tensor, _: &[u32]| -> candle_core::Result<Tensor> {
        panic!("this panic is part of the test")
    };
    send(model, RequestMessage::CompletionTokens(tokens), deadly).await
}

/// Answers with `sampler`, and panics at the fourth token.
struct Deadly {
    sampler: Arc<Sampler>,
    left: AtomicU32,
}

impl CustomLogitsProcessor for Deadly {
    fn apply(&self, logits: &Tensor, context: &[u32]) -> candle_core::Result<Tensor> {
        assert!(
            self.left.fetch_sub(1, Ordering::Relaxed) > 0,
            "this panic is part of the test"
        );
        self.sampler.apply(logits, context)
    }
}

/// An answer in the middle of which the engine dies.
async fn deadly(model: &LocalModel) -> Result<Vec<Delta>> {
    let prompt = model.prepare(&ask("Count to 20.")).unwrap().prompt;
    let sampler = Arc::new(Sampler::new(Sampling::default()));
    let order = Order {
        sampler: Arc::clone(&sampler),
        prompt_tokens: prompt.len() as u64,
        max_tokens: 20,
        stop: Vec::new(),
        json: false,
        ends: Arc::new([]),
    };
    let job = Job {
        prompt,
        max_tokens: 20,
        sampler: Arc::new(Deadly {
            sampler,
            left: AtomicU32::new(3),
        }),
        schema: None,
    };
    let mut permit = model.engine().admit(100).await?;
    let responses = permit.run(job).await?;
    let reply = Reply::new(order, model.shared_tokens(), responses, permit);
    let mut deltas = Vec::new();
    let mut stream = reply.into_stream();
    while let Some(delta) = stream.next().await {
        match delta {
            Ok(delta) => deltas.push(delta),
            Err(error) if error.is_retryable() => return Ok(deltas),
            Err(error) => return Err(error),
        }
    }
    panic!("the engine should have died")
}

#[tokio::test]
async fn an_engine_that_dies_is_replaced_three_times() {
    let model = model().await;
    let first = model.chat(ask("Hi").max_tokens(4)).await.unwrap();
    // Over the same weights, and then over weights that are loaded again.
    for _ in 0..3 {
        assert!(!deadly(&model).await.unwrap().is_empty(), "it had begun");
    }
    let answer = model.chat(ask("Hi").max_tokens(4)).await.unwrap();
    assert_eq!(answer.text, first.text);

    deadly(&model).await.unwrap();
    for _ in 0..2 {
        let error = model.chat(ask("Hi").max_tokens(4)).await.unwrap_err();
        assert!(!error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("3 restarts"), "{error}");
    }
}

/// Weights that are gone cannot be loaded again; each time that it is tried counts as a restart.
#[tokio::test]
async fn an_engine_whose_weights_are_gone_is_left_alone_too() {
    let path = env::temp_dir().join(format!("catena-gone-{}.gguf", std::process::id()));
    std::os::unix::fs::symlink(weights(SMALL), &path).unwrap();
    let options = options().prefix_cache(0).weights(Weights::AsIs);
    let model = LocalModel::load(&path, options).await.unwrap();
    deadly(&model).await.unwrap();
    deadly(&model).await.unwrap();
    fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        let error = model.chat(ask("Hi").max_tokens(4)).await.unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
    }
    let error = model.chat(ask("Hi").max_tokens(4)).await.unwrap_err();
    assert!(error.to_string().contains("3 restarts"), "{error}");
}

#[tokio::test]
async fn requests_that_wait_are_answered_by_the_next_engine() {
    let model = model().await;
    let (lost, waiting) = tokio::join!(
        deadly(&model),
        join_all((0..4).map(|_| model.chat(ask("Hi").max_tokens(2))))
    );
    lost.unwrap();
    for answer in waiting {
        assert_eq!(answer.unwrap().usage.output_tokens, 2);
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_during_a_restart_harms_nobody() {
    let model = model().await;
    deadly(&model).await.unwrap();
    let impatient = model.chat(ask("Hi").max_tokens(2));
    let given_up = tokio::time::timeout(Duration::ZERO, impatient).await;
    assert!(given_up.is_err());
    model.chat(ask("Hi").max_tokens(2)).await.unwrap();
}

/// Two calls, one after the other. The first time, the engine dies while the second waits in it.
fn two_calls(model: &LocalModel, retries: u32) -> Graph<(), String> {
    let call = |kills: bool| {
        let (model, kills) = (model.clone(), Arc::new(AtomicBool::new(kills)));
        let call = agent(move |(): (), cx: Context| {
            let (model, kills) = (model.clone(), Arc::clone(&kills));
            async move {
                let _lost = match kills.swap(false, Ordering::Relaxed) {
                    true => Some(kill(&model).await),
                    false => None,
                };
                let answer = cx.chat(&model, ask("Name a colour.").max_tokens(4)).await?;
                Ok(answer.text)
            }
        });
        on_failure(call).retry(Retry::times(retries).backoff(Duration::from_millis(1)))
    };
    let mut graph = Graph::builder("calls");
    let first = graph.node("first", call(false));
    let forget = graph.node("forget", agent(|_: String, _| async { Ok(()) }));
    let second = graph.node("second", call(true));
    graph.edge(first, forget).edge(forget, second);
    graph.build(first, second).unwrap()
}

/// The outcome of a run, and how many of its calls the journal answered.
async fn follow(mut run: Run<String>) -> (Result<Outcome<String>>, usize) {
    let mut replays = 0;
    while let Some(event) = run.next().await {
        replays += usize::from(matches!(
            event.kind,
            EventKind::CallFinished { replayed: true, .. }
        ));
    }
    (run.outcome().await, replays)
}

#[tokio::test]
async fn a_run_with_a_failure_policy_goes_on_past_a_death() {
    let model = model().await;
    let run = Run::start(two_calls(&model, 1), (), RunOptions::new("calls"));
    let outcome = run.outcome().await.unwrap();
    assert!(!outcome.output.is_empty());
    assert_eq!(outcome.usage.calls, 3, "the second was made twice");
}

#[tokio::test]
async fn a_run_that_failed_of_a_death_goes_on_from_its_journal() {
    let model = model().await;
    let graph = two_calls(&model, 0);
    let options = RunOptions::new("calls").journal(Arc::new(MemoryJournal::new()));
    let run = Run::start(graph.clone(), (), options.clone());
    let id = run.id().clone();
    let (failed, _) = follow(run).await;
    let error = failed.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");

    let (outcome, replays) = follow(Run::start(graph, (), options.resume(id))).await;
    assert!(!outcome.unwrap().output.is_empty());
    assert_eq!(replays, 1, "the first call was paid for");
}
