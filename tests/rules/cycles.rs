//! Rule 5: a cycle stops at its step limit, with an error that says so.

use catena::{Context, EventKind, Graph, Node, Run, RunOptions, agent, branch};

use crate::support::events;

/// Counts down to 0; the node `down` runs once more than that.
fn countdown(limit: usize) -> Graph<u32, u32> {
    let mut graph = Graph::builder("countdown");
    let down = graph.node("down", agent(|x: u32, _cx| async move { Ok(x) }));
    let end: Node<u32, u32> = graph.node("end", agent(|x: u32, _cx| async move { Ok(x) }));
    let more = branch!(graph, "more", |x: u32| match x {
        0 => end(x),
        x => down(x - 1),
    });
    graph.edge(down, more).step_limit(limit);
    graph.build(down, end).unwrap()
}

#[tokio::test]
async fn the_error_of_a_step_limit_names_the_node_and_the_limit() {
    let run = Run::start(countdown(4), 100, RunOptions::new("run"));
    let (events, outcome) = events(run).await;
    let error = outcome.unwrap_err();
    assert!(error.is_step_limit());
    assert_eq!(
        error.to_string(),
        "run/down#5: the step limit of 4 is reached"
    );
    assert!(error.help().unwrap().contains("raise"), "{error:?}");
    let visits = events
        .iter()
        .filter(|event| event.path.as_str().starts_with("run/down"))
        .filter(|event| matches!(event.kind, EventKind::NodeStarted { .. }));
    assert_eq!(visits.count(), 4, "the fifth visit does not begin");
}

#[tokio::test]
async fn the_visits_of_a_nested_graph_begin_anew_each_time_it_runs() {
    // Three runs of a graph whose limit is just enough for one.
    let mut graph = Graph::builder("outer");
    let inner = graph.node("inner", countdown(4));
    let again = graph.node("again", agent(|x: u32, _cx| async move { Ok(x + 3) }));
    let end = graph.node("end", agent(|x: u32, _cx| async move { Ok(x) }));
    let rounds = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let which = graph.node(
        "which",
        agent(move |_: u32, _cx: Context| {
            let round = rounds.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { Ok(round < 2) }
        }),
    );
    let more = branch!(graph, "more", |more: bool| match more {
        true => again(0),
        false => end(7),
    });
    graph
        .edge(inner, which)
        .edge(which, more)
        .edge(again, inner)
        .step_limit(3);
    let graph = graph.build(inner, end).unwrap();
    let run = Run::start(graph, 3, RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output, 7);
}

#[tokio::test]
async fn a_step_limit_holds_where_there_is_no_cycle_too() {
    let mut graph = Graph::builder("g");
    let one = graph.node("one", agent(|x: u32, _cx| async move { Ok(x + 1) }));
    graph.step_limit(1);
    let graph = graph.build(one, one).unwrap();
    let run = Run::start(graph, 1, RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output, 2);
}
