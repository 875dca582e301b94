//! A changed graph does not resume an old run: every kind of change is refused, by its name.

use std::{sync::Arc, time::Duration};

use catena::{
    Agent, Context, Graph, GraphBuilder, Node, Retry, RunOptions, RunStatus, agent, branch,
    models::ScriptedModel, on_failure,
};

use crate::support::{asker, echo, entries, finish, on_every_journal, record};

type Text = Node<String, String>;

/// The nodes of a graph: `first`, a branch `which` to `left` or `right`, and `last`.
struct Parts<'a> {
    graph: &'a mut GraphBuilder,
    model: &'a ScriptedModel,
}

impl Parts<'_> {
    fn node(&mut self, name: &str) -> Text {
        self.graph.node(name, asker(self.model))
    }

    /// Wires all as it was.
    fn wire(self, first: Text, left: Text, right: Text, last: Text) {
        let which = branch!(self.graph, "which", |text: String| match text {
            text if text.len() < 5 => left(text),
            text => right(text),
        });
        self.graph
            .edge(first, which)
            .edge(left, last)
            .edge(right, last)
            .step_limit(3);
    }
}

fn graph(
    model: &ScriptedModel,
    build: impl FnOnce(Parts<'_>) -> (Text, Text),
) -> Graph<String, String> {
    named("program", model, build)
}

fn named(
    name: &str,
    model: &ScriptedModel,
    build: impl FnOnce(Parts<'_>) -> (Text, Text),
) -> Graph<String, String> {
    let mut graph = Graph::builder(name);
    let (entry, exit) = build(Parts {
        graph: &mut graph,
        model,
    });
    graph.build(entry, exit).unwrap()
}

fn original(mut parts: Parts<'_>) -> (Text, Text) {
    let [first, left, right, last] =
        ["first", "left", "right", "last"].map(|name| parts.node(name));
    parts.wire(first, left, right, last);
    (first, last)
}

/// A graph inside of a node.
fn nested(model: &ScriptedModel, names: &[&str]) -> Graph<String, String> {
    let mut graph = Graph::builder("inner");
    let nodes: Vec<Text> = names
        .iter()
        .map(|name| graph.node(*name, asker(model)))
        .collect();
    for two in nodes.windows(2) {
        graph.edge(two[0], two[1]);
    }
    graph.build(nodes[0], *nodes.last().unwrap()).unwrap()
}

/// Runs `old`, resumes it with `new`, and wants that refused with `difference`.
async fn refused(
    old: impl Fn(&ScriptedModel) -> Graph<String, String>,
    new: impl Fn(&ScriptedModel) -> Graph<String, String>,
    difference: &str,
) {
    on_every_journal(async |journal| {
        let model = echo();
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let (id, output) = finish(old(&model), "x".to_owned(), options()).await;
        let output = output.unwrap();
        let (calls, kept) = (model.calls(), entries(&*journal, &id).await);
        let told = journal.events(&id).await.unwrap();

        let resume = options().resume(id.clone());
        let (_, refused) = finish(new(&model), "x".to_owned(), resume).await;
        let error = refused.unwrap_err();
        assert!(error.is_divergence(), "{error:?}");
        let expected = format!("run {id} began with another graph: {difference}");
        assert_eq!(error.to_string(), expected);
        assert!(error.help().is_some());

        // Nothing was asked and nothing is changed: the old program can still resume it.
        assert_eq!(model.calls(), calls);
        assert_eq!(entries(&*journal, &id).await, kept);
        assert_eq!(journal.events(&id).await.unwrap(), told);
        assert_eq!(record(&*journal, &id).await.status, RunStatus::Finished);
        let resume = options().resume(id);
        let (_, same) = finish(old(&model), "x".to_owned(), resume).await;
        assert_eq!(same.unwrap(), output);
        assert_eq!(model.calls(), calls);
    })
    .await;
}

/// The same, beginning with the original.
async fn changed(new: impl Fn(Parts<'_>) -> (Text, Text), difference: &str) {
    refused(
        |model| graph(model, original),
        |model| graph(model, &new),
        difference,
    )
    .await;
}

#[tokio::test]
async fn another_name_of_the_graph_is_named() {
    refused(
        |model| graph(model, original),
        |model| named("other", model, original),
        "the graph was 'program' and is 'other'",
    )
    .await;
}

#[tokio::test]
async fn a_node_that_is_new_at_the_end_is_named() {
    let with_more = |mut parts: Parts<'_>| {
        let [first, left, right, last] =
            ["first", "left", "right", "last"].map(|name| parts.node(name));
        let more = branch!(parts.graph, "which", |text: String| match text {
            text if text.len() < 5 => left(text),
            text => right(text),
        });
        let extra = parts.node("extra");
        parts
            .graph
            .edge(first, more)
            .edge(left, last)
            .edge(right, last);
        parts.graph.edge(last, extra).step_limit(3);
        (first, extra)
    };
    changed(with_more, "the node 'extra' is new").await;
}

#[tokio::test]
async fn a_node_that_is_new_in_the_middle_is_named() {
    let with_more = |mut parts: Parts<'_>| {
        let [first, extra, left, right, last] =
            ["first", "extra", "left", "right", "last"].map(|name| parts.node(name));
        parts.graph.edge(first, extra);
        parts.wire(extra, left, right, last);
        (first, last)
    };
    changed(with_more, "the node 'extra' is new").await;
}

#[tokio::test]
async fn a_node_that_is_gone_is_named() {
    let chain = |names: &'static [&'static str]| move |model: &ScriptedModel| nested(model, names);
    for (less, gone) in [
        (&["b", "c"][..], "a"),
        (&["a", "c"], "b"),
        (&["a", "b"], "c"),
    ] {
        let difference = format!("the node '{gone}' is gone");
        refused(chain(&["a", "b", "c"]), chain(less), &difference).await;
    }
}

#[tokio::test]
async fn a_node_with_another_name_is_named() {
    let renamed = |mut parts: Parts<'_>| {
        let [first, left, right, last] =
            ["first", "links", "right", "last"].map(|name| parts.node(name));
        parts.wire(first, left, right, last);
        (first, last)
    };
    changed(renamed, "the node 'left' has become 'links'").await;
}

#[tokio::test]
async fn a_node_of_another_kind_is_named() {
    let plain = agent(|texts: Vec<String>, _cx: Context| async move { Ok(texts) });
    let plain = crate::support::alone("ask", plain);
    let (journal, model) = (crate::support::memory(), echo());
    let options = || RunOptions::new("run").journal(journal.clone());
    let texts = || vec!["x".to_owned()];
    let mut map = Graph::builder("alone");
    let ask = map.map("ask", 2, asker(&model));
    let map = map.build(ask, ask).unwrap();
    for (old, new, difference) in [
        (
            map.clone(),
            plain.clone(),
            "the node 'ask' was a map and is an agent",
        ),
        (plain, map, "the node 'ask' was an agent and is a map"),
    ] {
        let (id, _) = finish(old, texts(), options()).await;
        let (_, refused) = finish(new, texts(), options().resume(id)).await;
        let error = refused.unwrap_err();
        assert!(
            error.is_divergence() && error.to_string().ends_with(difference),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_edge_that_leads_elsewhere_is_named() {
    let moved = |mut parts: Parts<'_>| {
        let [first, left, right, last] =
            ["first", "left", "right", "last"].map(|name| parts.node(name));
        let which = branch!(parts.graph, "which", |text: String| match text {
            text if text.len() < 5 => left(text),
            text => right(text),
        });
        parts
            .graph
            .edge(first, which)
            .edge(left, right)
            .edge(right, last)
            .step_limit(3);
        (first, last)
    };
    changed(moved, "the edge from 'left' to 'last' is gone").await;
}

#[tokio::test]
async fn an_arm_with_another_pattern_guard_or_order_is_named() {
    let with_guard = |mut parts: Parts<'_>| {
        let [first, left, right, last] =
            ["first", "left", "right", "last"].map(|name| parts.node(name));
        let which = branch!(parts.graph, "which", |text: String| match text {
            text if text.len() < 6 => left(text),
            text => right(text),
        });
        parts
            .graph
            .edge(first, which)
            .edge(left, last)
            .edge(right, last)
            .step_limit(3);
        (first, last)
    };
    changed(
        with_guard,
        "the edge from 'which' to 'left' (text if text.len() < 5) is gone",
    )
    .await;
    let swapped = |mut parts: Parts<'_>| {
        let [first, left, right, last] =
            ["first", "left", "right", "last"].map(|name| parts.node(name));
        parts.wire(first, right, left, last);
        (first, last)
    };
    changed(
        swapped,
        "the edge from 'which' to 'left' (text if text.len() < 5) is gone",
    )
    .await;
}

#[tokio::test]
async fn another_entry_or_exit_is_told() {
    // Two nodes in a circle can be entered at either.
    let circle = |at_a: bool| {
        move |model: &ScriptedModel| {
            let mut graph = Graph::builder("circle");
            let [a, b, end] = ["a", "b", "end"].map(|name| graph.node(name, asker(model)));
            let more = branch!(graph, "more", |text: String| match text {
                text if text.len() > 12 => end(text),
                text => a(text),
            });
            graph.edge(a, b).edge(b, more).step_limit(9);
            graph.build(if at_a { a } else { b }, end).unwrap()
        }
    };
    let difference = "entry, exit or the order of edges differ";
    refused(circle(true), circle(false), difference).await;
}

#[tokio::test]
async fn another_step_limit_is_named() {
    for (limit, difference) in [
        (4, "the step limit was 3 and is 4"),
        (2, "the step limit was 3 and is 2"),
    ] {
        let limited = move |parts: Parts<'_>| {
            let Parts { graph, model } = parts;
            let ends = original(Parts {
                graph: &mut *graph,
                model,
            });
            graph.step_limit(limit);
            ends
        };
        changed(limited, difference).await;
    }
}

#[tokio::test]
async fn another_failure_policy_is_named() {
    fn with<A: Agent<Input = String, Output = String>>(
        policy: A,
        parts: Parts<'_>,
    ) -> (Text, Text) {
        let mut parts = parts;
        let first = parts.graph.node("first", policy);
        let [left, right, last] = ["left", "right", "last"].map(|name| parts.node(name));
        parts.wire(first, left, right, last);
        (first, last)
    }
    let difference = "what happens when the node 'first' fails has changed";
    let retry = |times| Retry::times(times).backoff(Duration::ZERO);
    let patient = |times| {
        move |model: &ScriptedModel| {
            graph(model, |parts| {
                with(on_failure(asker(model)).retry(retry(times)), parts)
            })
        }
    };
    let skipping = |model: &ScriptedModel| {
        graph(model, |parts| {
            with(on_failure(asker(model)).skip(|_| "none".to_owned()), parts)
        })
    };
    let falling_back = |model: &ScriptedModel| {
        graph(model, |parts| {
            with(on_failure(asker(model)).fallback(asker(model)), parts)
        })
    };
    let plain = |model: &ScriptedModel| graph(model, original);
    refused(plain, patient(1), difference).await;
    refused(patient(1), patient(2), difference).await;
    refused(patient(1), plain, difference).await;
    refused(plain, skipping, difference).await;
    refused(skipping, falling_back, difference).await;
}

#[tokio::test]
async fn a_change_in_a_nested_graph_is_named_with_the_way_to_it() {
    let around = |names: &'static [&'static str]| {
        move |model: &ScriptedModel| {
            let inner = crate::support::alone("middle", nested(model, names));
            let mut graph = Graph::builder("outer");
            let first = graph.node("first", asker(model));
            let inner = graph.node("inner", inner);
            graph.edge(first, inner);
            graph.build(first, inner).unwrap()
        }
    };
    refused(
        around(&["a", "b"]),
        around(&["a", "c"]),
        "in the node 'inner', in the node 'middle', the node 'b' has become 'c'",
    )
    .await;
    let flat = |model: &ScriptedModel| {
        let mut graph = Graph::builder("outer");
        let [first, inner] = ["first", "inner"].map(|name| graph.node(name, asker(model)));
        graph.edge(first, inner);
        graph.build(first, inner).unwrap()
    };
    let difference = "the node 'inner' is no longer what it was: a graph or an agent";
    refused(around(&["a"]), flat, difference).await;
    refused(flat, around(&["a"]), difference).await;
}

#[tokio::test]
async fn a_graph_does_not_resume_the_run_of_an_agent_nor_the_other_way_round() {
    on_every_journal(async |journal| {
        let model = echo();
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let (id, _) = finish(graph(&model, original), "x".to_owned(), options()).await;
        let calls = model.calls();
        let resume = options().resume(id);
        let (_, refused) = finish(asker(&model), "x".to_owned(), resume).await;
        let error = refused.unwrap_err();
        assert!(error.is_divergence(), "{error:?}");
        assert_eq!(model.calls(), calls);

        let (id, _) = finish(asker(&model), "x".to_owned(), options()).await;
        let resume = options().resume(id);
        let (_, refused) = finish(graph(&model, original), "x".to_owned(), resume).await;
        assert!(refused.unwrap_err().is_divergence());
        assert_eq!(model.calls(), calls + 1);
    })
    .await;
}
