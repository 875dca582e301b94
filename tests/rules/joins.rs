//! The five ways to join. Rule 3: a fan-in fires once, and results come in the order of the items.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{
    ChatModel, Context, Fold, Graph, Run, RunOptions, Step, agent, branch, models::ScriptedModel,
};

use crate::support::{asking, calls_started, echo, events, everything, mapped, oracle, say, texts};

#[tokio::test(start_paused = true)]
async fn a_map_gives_its_results_in_the_order_of_its_items() {
    // The first item takes longest.
    let slow = agent(|x: u64, _cx| async move {
        tokio::time::sleep(Duration::from_secs(100 - x)).await;
        Ok(x)
    });
    let run = Run::start(
        mapped("slow", 8, slow),
        (0..20).collect(),
        RunOptions::new("g"),
    );
    let output = run.outcome().await.unwrap().output;
    assert_eq!(output, (0..20).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_map_is_never_wider_than_it_may_be() {
    for (width, most) in [(0, 1), (1, 1), (3, 3), (99, 10)] {
        let model = echo().latency(Duration::from_millis(10));
        let run = Run::start(asking(&model, width), texts(10), RunOptions::new("g"));
        assert_eq!(run.outcome().await.unwrap().output.len(), 10);
        assert_eq!(model.max_in_flight(), most, "a width of {width}");
    }
}

#[tokio::test]
async fn an_empty_map_and_an_empty_fold_end_at_once() {
    let run = Run::start(asking(&echo(), 3), Vec::new(), RunOptions::new("g"));
    assert!(run.outcome().await.unwrap().output.is_empty());

    let empty = Fold {
        state: 7,
        items: Vec::new(),
    };
    let run = Run::start(sum(), empty, RunOptions::new("g"));
    assert_eq!(run.outcome().await.unwrap().output, 7);
}

fn sum() -> Graph<Fold<u32, u32>, u32> {
    let mut graph = Graph::builder("g");
    let sum = graph.fold(
        "sum",
        agent(|step: Step<u32, u32>, _cx| async move {
            assert_eq!((step.index + 1, step.total), (step.item as usize, 4));
            Ok(10 * step.state + step.item)
        }),
    );
    graph.build(sum, sum).unwrap()
}

#[tokio::test]
async fn a_fold_takes_its_items_one_after_the_other() {
    let input = Fold {
        state: 0,
        items: vec![1, 2, 3, 4],
    };
    let run = Run::start(sum(), input, RunOptions::new("g"));
    assert_eq!(run.outcome().await.unwrap().output, 1234);
}

#[tokio::test]
async fn a_branch_takes_one_arm_and_what_follows_runs_once() {
    let fired = Arc::new(AtomicUsize::new(0));
    let mut graph = Graph::builder("g");
    let [low, middle, high] = ["low", "middle", "high"].map(|name| {
        graph.node(
            name,
            agent(move |_: u32, _cx| async move { Ok(name.to_owned()) }),
        )
    });
    let count = Arc::clone(&fired);
    let join = graph.node(
        "join",
        agent(move |name: String, _cx| {
            let nth = count.fetch_add(1, Ordering::SeqCst) + 1;
            async move { Ok(format!("{name} {nth}")) }
        }),
    );
    let which = branch!(graph, "which", |x: u32| match x {
        0..10 => low(x),
        x if x > 100 => high(x),
        _ => middle(x),
    });
    graph.edge(low, join).edge(middle, join).edge(high, join);
    let graph = graph.build(which, join).unwrap();
    for (input, expected) in [(3, "low 1"), (50, "middle 2"), (101, "high 3")] {
        let run = Run::start(graph.clone(), input, RunOptions::new("g"));
        assert_eq!(run.outcome().await.unwrap().output, expected);
    }
}

#[tokio::test]
async fn graphs_nest_and_paths_tell_where() {
    let inner = asking(&echo(), 1);
    let mut graph = Graph::builder("outer");
    let first = graph.node("first", inner.clone());
    let second = graph.node("second", inner);
    graph.edge(first, second);
    let graph = graph.build(first, second).unwrap();
    let (events, outcome) = events(Run::start(graph, texts(1), RunOptions::new("run"))).await;
    assert_eq!(outcome.unwrap().output, ["re: re: 0"]);
    assert_eq!(
        calls_started(&events),
        ["run/first/ask[0]", "run/second/ask[0]"]
    );
}

#[tokio::test]
async fn items_and_visits_have_paths_of_their_own() {
    let model: Arc<dyn ChatModel> = Arc::new(oracle());
    let graph = everything(&crate::support::ask(model));
    let (events, outcome) = events(Run::start(graph, texts(2), RunOptions::new("run"))).await;
    outcome.unwrap();
    assert_eq!(
        calls_started(&events),
        [
            "run/read[0]",
            "run/read[1]",
            "run/chain[0]",
            "run/chain[1]",
            "run/judge",
            "run/revise/think",
            "run/revise/write",
            "run/judge#2",
            "run/revise#2/think",
            "run/revise#2/write",
            "run/judge#3",
        ]
    );
}

#[tokio::test]
async fn a_model_is_reached_through_a_trait_object() {
    let model: Arc<dyn ChatModel> = Arc::new(ScriptedModel::new().otherwise("hello"));
    let node = agent(move |text: String, cx: Context| {
        let model = Arc::clone(&model);
        async move { Ok(cx.chat(&*model, say(text)).await?.text) }
    });
    let run = Run::start(node, "hi".to_owned(), RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output, "hello");
}
