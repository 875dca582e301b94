//! Graphs where agents go.

use catena_core::{Context, Error, Fold, Graph, Result, Retry, Step, agent, branch, on_failure};

use crate::{double, run, show};

/// Doubles numbers below ten, and shows them.
fn inner() -> Graph<u32, String> {
    let mut graph = Graph::builder("inner");
    let double = graph.node("double", agent(double));
    let show = graph.node("show", agent(show));
    let size = branch!(graph, "size", |x: u32| match x {
        0..10 => double(x),
        _ => show(x),
    });
    graph.edge(double, show);
    graph.build(size, show).unwrap()
}

#[tokio::test]
async fn a_graph_is_a_node_twice_and_the_agent_of_a_map() {
    let mut graph = Graph::builder("outer");
    let read = agent(|text: String, _cx: Context| async move {
        text.parse()
            .map_err(|error| Error::invalid("no number").with_source(error))
    });
    let first = graph.node("first", inner());
    let read = graph.node("read", read);
    let second = graph.node("second", inner());
    graph.edge(first, read).edge(read, second);
    let twice = graph.build(first, second).unwrap();

    let mut graph = Graph::builder("all");
    let all = graph.map("all", 2, twice);
    let graph = graph.build(all, all).unwrap();
    assert_eq!(run(graph, vec![1, 7, 70]).await, ["4", "14", "70"]);
}

#[tokio::test]
async fn a_graph_is_the_agent_of_a_fold() {
    let mut graph = Graph::builder("step");
    let add = graph.node(
        "add",
        agent(|step: Step<u32, u32>, _cx| async move { Ok(step.state + step.item) }),
    );
    let double = graph.node("double", agent(double));
    graph.edge(add, double);
    let step = graph.build(add, double).unwrap();

    let mut graph = Graph::builder("outer");
    let fold = graph.fold("fold", step);
    let graph = graph.build(fold, fold).unwrap();
    let input = Fold {
        state: 0,
        items: vec![1, 2, 3],
    };
    assert_eq!(run(graph, input).await, 22);
}

async fn fail(_: u32, _cx: Context) -> Result<String> {
    Err(Error::unavailable("down"))
}

#[tokio::test]
async fn a_graph_has_a_policy_and_is_a_fallback() {
    let mut graph = Graph::builder("failing");
    let fail = graph.node("fail", agent(fail));
    let failing = graph.build(fail, fail).unwrap();
    let retry = Retry::times(1).backoff(std::time::Duration::ZERO);

    let mut graph = Graph::builder("outer");
    let asked = graph.node(
        "asked",
        on_failure(failing.clone()).retry(retry).fallback(inner()),
    );
    let known = graph.map(
        "known",
        2,
        on_failure(agent(|text: String, _cx| async move { Ok(text) })),
    );
    let listed = graph.node(
        "listed",
        agent(|text: String, _cx| async move { Ok(vec![text]) }),
    );
    graph.edge(asked, listed).edge(listed, known);
    let graph = graph.build(asked, known).unwrap();
    assert_eq!(run(graph, 4).await, ["8"]);

    let skipped = on_failure(failing).skip(|gap| gap.error.to_string());
    assert_eq!(run(skipped, 4).await, "legal/fail: down");
}
