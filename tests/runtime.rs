//! The rules of the runtime, from outside.

#![allow(missing_docs)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{
    Budget, ChatMessage, ChatModel, ChatRequest, Context, Error, Event, EventKind, Fold, Graph,
    Journal, MemoryJournal, Result, Run, RunOptions, RunStatus, Step, agent, models::ScriptedModel,
};
use futures::StreamExt;

fn say(text: impl Into<String>) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(10)
}

fn model() -> ScriptedModel {
    ScriptedModel::from_fn(|request| Ok(format!("re: {}", request.messages[0].content)))
}

/// A graph that asks the model once for each of a list of texts, all at a time, and joins the answers.
fn asking(model: &ScriptedModel, width: usize) -> Graph<Vec<String>, Vec<String>> {
    let model = model.clone();
    let mut graph = Graph::builder("asking");
    let ask = graph.map(
        "ask",
        width,
        agent(move |text: String, cx: Context| {
            let model = model.clone();
            async move { Ok(cx.chat(&model, say(text)).await?.text) }
        }),
    );
    graph.build(ask, ask).unwrap()
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|index| index.to_string()).collect()
}

async fn events<O: Send + 'static>(mut run: Run<O>) -> (Vec<Event>, Result<catena::Outcome<O>>) {
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    (events, run.outcome().await)
}

#[tokio::test(start_paused = true)]
async fn a_map_gives_its_results_in_the_order_of_its_items() {
    // The first item takes longest.
    let mut graph = Graph::builder("g");
    let slow = graph.map(
        "slow",
        8,
        agent(|x: u64, _cx| async move {
            tokio::time::sleep(Duration::from_secs(100 - x)).await;
            Ok(x)
        }),
    );
    let graph = graph.build(slow, slow).unwrap();
    let run = Run::start(graph, (0..20).collect(), RunOptions::new("g"));
    let output = run.outcome().await.unwrap().output;
    assert_eq!(output, (0..20).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_map_is_never_wider_than_it_may_be() {
    let model = model().latency(Duration::from_millis(10));
    let run = Run::start(asking(&model, 3), texts(10), RunOptions::new("g"));
    assert_eq!(run.outcome().await.unwrap().output.len(), 10);
    assert_eq!(model.max_in_flight(), 3);
}

#[tokio::test]
async fn an_empty_map_and_an_empty_fold_end_at_once() {
    let run = Run::start(asking(&model(), 3), Vec::new(), RunOptions::new("g"));
    assert!(run.outcome().await.unwrap().output.is_empty());

    let mut graph = Graph::builder("g");
    let sum = graph.fold(
        "sum",
        agent(|s: Step<u8, u8>, _cx| async move { Ok(s.state + s.item) }),
    );
    let graph = graph.build(sum, sum).unwrap();
    let empty = Fold {
        state: 7,
        items: Vec::new(),
    };
    let run = Run::start(graph, empty, RunOptions::new("g"));
    assert_eq!(run.outcome().await.unwrap().output, 7);
}

#[tokio::test]
async fn graphs_nest_and_paths_tell_where() {
    let inner = asking(&model(), 1);
    let mut graph = Graph::builder("outer");
    let first = graph.node("first", inner.clone());
    let second = graph.node("second", inner);
    graph.edge(first, second);
    let graph = graph.build(first, second).unwrap();
    let (events, outcome) = events(Run::start(graph, texts(1), RunOptions::new("run"))).await;
    assert_eq!(outcome.unwrap().output, ["re: re: 0"]);
    let calls: Vec<_> = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::CallStarted { .. }))
        .map(|event| event.path.to_string())
        .collect();
    assert_eq!(calls, ["run/first/ask[0]", "run/second/ask[0]"]);
}

#[tokio::test]
async fn events_are_numbered_and_tell_the_whole_story() {
    let (events, outcome) = events(Run::start(
        asking(&model(), 1),
        texts(2),
        RunOptions::new("run"),
    ))
    .await;
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    assert!(matches!(events[0].kind, EventKind::RunStarted { .. }));
    let usage = outcome.unwrap().usage;
    let unspent = Budget::new();
    assert_eq!(
        events.last().unwrap().kind,
        EventKind::RunFinished { usage, unspent }
    );
    assert_eq!(usage.calls, 2);
    // The pieces of an answer add up to it.
    let streamed: String = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Text { text, .. } if event.path.as_str() == "run/ask[1]" => Some(&**text),
            _ => None,
        })
        .collect();
    assert_eq!(streamed, "re: 1");
}

#[tokio::test]
async fn a_run_whose_events_nobody_reads_ends_all_the_same() {
    let run = Run::start(asking(&model(), 4), texts(3000), RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().usage.calls, 3000);
}

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_its_siblings_and_says_where_and_what_was_spent() {
    let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
        "1" => Err(Error::refused("not that one")),
        text => Ok(text.to_owned()),
    });
    let slow = model.clone();
    let mut graph = Graph::builder("g");
    let ask = graph.map(
        "ask",
        4,
        agent(move |text: String, cx: Context| {
            let model = slow.clone();
            async move {
                if text == "3" {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
                Ok(cx.chat(&model, say(text)).await?.text)
            }
        }),
    );
    let graph = graph.build(ask, ask).unwrap();
    let started = tokio::time::Instant::now();
    let error = Run::start(graph, texts(4), RunOptions::new("run"))
        .outcome()
        .await
        .unwrap_err();
    assert!(error.is_refused(), "{error:?}");
    assert_eq!(error.path().unwrap().as_str(), "run/ask[1]");
    assert!(error.spent().unwrap().calls >= 1);
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "the sleeping sibling was waited for"
    );
    assert_eq!(model.in_flight(), 0);
}

#[tokio::test]
async fn a_panic_is_an_error_with_the_nodes_path() {
    let mut graph = Graph::builder("g");
    let node = graph.node(
        "bad",
        agent(|x: u8, _cx| async move {
            assert!(x > 200, "x is {x}");
            Ok(x)
        }),
    );
    let graph = graph.build(node, node).unwrap();
    let error = Run::start(graph, 3, RunOptions::new("run"))
        .outcome()
        .await
        .unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.to_string(), "run/bad: a node panicked: x is 3");
}

#[tokio::test]
async fn no_width_exceeds_the_budget() {
    for width in [1, 4, 16] {
        let model = model();
        let options = RunOptions::new("run").budget(Budget::new().calls(5));
        let error = Run::start(asking(&model, width), texts(16), options)
            .outcome()
            .await
            .unwrap_err();
        assert!(error.is_budget_exceeded(), "{error}");
        assert!(model.calls() <= 5 && error.spent().unwrap().calls <= 5);
    }
}

#[tokio::test]
async fn a_prompt_too_long_is_refused_before_it_is_sent() {
    let model = model().configure(|profile| profile.context_window = 20);
    let run = Run::start(
        asking(&model, 1),
        vec!["word ".repeat(15)],
        RunOptions::new("run"),
    );
    let error = run.outcome().await.unwrap_err();
    assert_eq!(error.missing_tokens(), Some(5));
    assert_eq!(model.calls(), 0);
    assert_eq!(error.spent().unwrap().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_ends_a_call_under_way() {
    let model = model().latency(Duration::from_secs(1 << 20));
    let options = RunOptions::new("run").budget(Budget::new().time(Duration::from_secs(20)));
    let error = Run::start(asking(&model, 1), texts(1), options)
        .outcome()
        .await
        .unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn cancelling_and_dropping_stop_the_calls() {
    let model = model().latency(Duration::from_secs(3600));
    let mut run = Run::start(asking(&model, 4), texts(8), RunOptions::new("run"));
    while model.in_flight() < 4 {
        run.next().await.unwrap();
    }
    run.cancel();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    assert_eq!(model.in_flight(), 0);

    let mut run = Run::start(asking(&model, 4), texts(8), RunOptions::new("run"));
    while model.in_flight() < 4 {
        run.next().await.unwrap();
    }
    drop(run);
    tokio::time::timeout(Duration::from_secs(5), async {
        while model.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_resumed_run_repeats_no_finished_call() {
    let failures = Arc::new(AtomicUsize::new(1));
    let fragile = {
        let failures = Arc::clone(&failures);
        ScriptedModel::from_fn(move |request| {
            let text = &request.messages[0].content;
            if text == "3" && failures.swap(0, Ordering::SeqCst) > 0 {
                return Err(Error::unavailable("down"));
            }
            Ok(format!("re: {text}"))
        })
    };
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = || RunOptions::new("run").journal(Arc::clone(&journal));

    let run = Run::start(asking(&fragile, 1), texts(6), options());
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_retryable());
    assert_eq!(
        journal.load(&id).await.unwrap().unwrap().0.status,
        RunStatus::Failed
    );
    assert_eq!(fragile.calls(), 4);

    let (events, outcome) = events(Run::start(
        asking(&fragile, 1),
        texts(6),
        options().resume(id.clone()),
    ))
    .await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.output[5], "re: 5");
    assert_eq!(fragile.calls(), 4 + 3);
    // What the first attempt paid counts against the budget of the second.
    assert_eq!(outcome.usage.calls, 6);
    let replayed = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::CallFinished { replayed: true, .. }))
        .count();
    assert_eq!(replayed, 3);
    assert_eq!(
        journal.load(&id).await.unwrap().unwrap().0.status,
        RunStatus::Finished
    );
}

#[tokio::test]
async fn a_run_is_not_resumed_by_another_program_or_with_another_input() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = || RunOptions::new("run").journal(Arc::clone(&journal));
    let run = Run::start(asking(&model(), 1), texts(2), options());
    let id = run.id().clone();
    run.outcome().await.unwrap();

    let resumed = Run::start(asking(&model(), 1), texts(3), options().resume(id.clone()));
    assert!(resumed.outcome().await.unwrap_err().is_divergence());

    let louder = model();
    let mut graph = Graph::builder("asking");
    let ask = graph.map(
        "ask",
        1,
        agent(move |text: String, cx: Context| {
            let model = louder.clone();
            async move { Ok(cx.chat(&model, say(text + "!")).await?.text) }
        }),
    );
    let graph = graph.build(ask, ask).unwrap();
    let error = Run::start(graph, texts(2), options().resume(id))
        .outcome()
        .await
        .unwrap_err();
    assert!(error.is_divergence());
    assert_eq!(error.path().unwrap().as_str(), "run/ask[0]");
}

#[tokio::test]
async fn a_model_is_reached_through_a_trait_object() {
    let model: Arc<dyn ChatModel> = Arc::new(model());
    let node = agent(move |text: String, cx: Context| {
        let model = Arc::clone(&model);
        async move { Ok(cx.chat(&*model, say(text)).await?.text) }
    });
    let run = Run::start(node, "hi".to_owned(), RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output, "re: hi");
}
