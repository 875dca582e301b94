//! Rule 14: a graph prints itself, and a run colours it.

use std::{sync::Arc, time::Duration};

use catena::{
    Context, Error, Event, Fold, Graph, Retry, Run, RunOptions, Step, agent, branch,
    models::ScriptedModel, on_failure,
};

use crate::support::{alone, asker, echo, events, memory};

/// A graph with every kind of node, a nested one and a policy; what is asked is "sure" of a person.
fn gallery(model: &ScriptedModel) -> Graph<Vec<String>, String> {
    let mut inner = Graph::builder("inner");
    let first = inner.node("first", asker(model));
    let second = inner.node("second \"quoted\"", asker(model));
    inner.edge(first, second);
    let inner = inner.build(first, second).unwrap();

    let patient = on_failure(asker(model))
        .retry(Retry::times(2).backoff(Duration::ZERO))
        .skip(|_| "nothing".to_owned());
    let mut graph = Graph::builder("gallery");
    let read = graph.map("read", 1, patient);
    let pack = graph.node(
        "pack",
        agent(|items: Vec<String>, _cx| async move {
            let state = String::new();
            Ok(Fold { state, items })
        }),
    );
    let chain = graph.fold(
        "chain",
        agent(|step: Step<String, String>, _cx| async move { Ok(step.state + &step.item) }),
    );
    let review = graph.node("review", inner);
    let person = graph.node(
        "person",
        agent(|text: String, cx: Context| async move {
            let sure: bool = cx.interrupt("sure", &text).await?;
            Ok((text, sure))
        }),
    );
    let end = graph.node("end", agent(|text: String, _cx| async move { Ok(text) }));
    let choose = branch!(graph, "choose", |answer: (String, bool)| match answer {
        (text, true) if text.len() < 1000 => end(text),
        (text, _) => review(text),
    });
    graph
        .edge(read, pack)
        .edge(pack, chain)
        .edge(chain, review)
        .edge(review, person)
        .edge(person, choose)
        .step_limit(3);
    graph.build(read, end).unwrap()
}

/// As if everything had taken no time: a picture with times is another one each time.
fn at_once(mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        event.at_us = 0;
    }
    events
}

#[test]
fn a_graph_prints_itself() {
    let shape = gallery(&echo()).shape().clone();
    insta::assert_snapshot!("graph_mermaid", shape.mermaid());
    insta::assert_snapshot!("graph_dot", shape.dot());
}

/// The events of the gallery: how it waits, how it ends when the person is sure at the second time,
/// and how it fails.
async fn runs() -> [(&'static str, Vec<Event>); 3] {
    let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
        "bad" => Err(Error::unavailable("down")),
        text => Ok(text.to_owned()),
    });
    let journal = memory();
    let options = || RunOptions::new("run").journal(journal.clone());
    let input = || vec!["good".to_owned(), "bad".to_owned()];
    let run = Run::start(gallery(&model), input(), options());
    let id = run.id().clone();
    let (waiting, outcome) = events(run).await;
    outcome.unwrap_err();
    let again = options().resume(id.clone()).answer("sure", false);
    let (_, outcome) = events(Run::start(gallery(&model), input(), again)).await;
    outcome.unwrap_err();
    let sure = options().resume(id).answer("run/person#2:sure", true);
    let (finished, outcome) = events(Run::start(gallery(&model), input(), sure)).await;
    outcome.unwrap();

    let broken = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
        "good" => Ok("good".to_owned()),
        _ => Err(Error::refused("no")),
    });
    let run = Run::start(gallery(&broken), input(), options());
    let (failed, outcome) = events(run).await;
    outcome.unwrap_err();
    [
        ("waiting", at_once(waiting)),
        ("finished", at_once(finished)),
        ("failed", at_once(failed)),
    ]
}

#[tokio::test]
async fn a_run_colours_its_graph() {
    for (name, events) in runs().await {
        let shape = gallery(&echo()).shape().clone();
        insta::assert_snapshot!(format!("{name}_mermaid"), shape.mermaid_of(&events));
        insta::assert_snapshot!(format!("{name}_dot"), shape.dot_of(&events));
    }
}

/// The state of each node, as Mermaid classes it: `name: state`.
fn states(picture: &str, shape: &catena::Shape) -> Vec<String> {
    let names: Vec<_> = shape.nodes.iter().map(|node| &*node.name).collect();
    let classes = picture
        .lines()
        .filter_map(|line| line.trim().strip_prefix("class "));
    let mut states: Vec<_> = classes
        .flat_map(|class| {
            let (nodes, state) = class.split_once(' ').unwrap();
            nodes
                .split(',')
                .filter_map(|node| node.strip_prefix('n')?.parse::<usize>().ok())
                .map(|node| format!("{}: {state}", names[node]))
                .collect::<Vec<_>>()
        })
        .collect();
    states.sort();
    states
}

#[tokio::test]
async fn the_colours_say_how_each_node_fared() {
    let shape = gallery(&echo()).shape().clone();
    let [(_, waiting), (_, finished), (_, failed)] = runs().await;
    assert_eq!(
        states(&shape.mermaid_of(&waiting), &shape),
        [
            "chain: done",
            "choose: pending",
            "end: pending",
            "pack: done",
            "person: waits",
            "read: recovered",
            "review: done",
        ]
    );
    assert_eq!(
        states(&shape.mermaid_of(&finished), &shape),
        [
            "chain: done",
            "choose: done",
            "end: done",
            "pack: done",
            "person: done",
            "read: recovered",
            "review: done",
        ]
    );
    assert_eq!(
        states(&shape.mermaid_of(&failed), &shape),
        [
            "chain: done",
            "choose: pending",
            "end: pending",
            "pack: done",
            "person: pending",
            "read: recovered",
            "review: failed",
        ]
    );
}

#[tokio::test]
async fn a_nested_node_has_the_state_of_its_own_path() {
    let inner = alone("same", alone("same", asker(&echo())));
    let mut graph = Graph::builder("outer");
    let first = graph.node("same", inner);
    let last = graph.node(
        "last",
        agent(|_: String, _cx: Context| async { Err::<String, _>(Error::other("no")) }),
    );
    graph.edge(first, last);
    let graph = graph.build(first, last).unwrap();
    let shape = graph.shape().clone();
    let run = Run::start(graph, "x".to_owned(), RunOptions::new("run"));
    let (events, _) = events(run).await;
    let picture = shape.mermaid_of(&events);
    let line = |state: &str| {
        let of = |line: &&str| line.trim().starts_with("class ") && line.ends_with(state);
        picture.lines().find(of).map(|line| line.trim().to_owned())
    };
    assert_eq!(line("done").as_deref(), Some("class n0,n0_0,n0_0_0 done"));
    assert_eq!(line("failed").as_deref(), Some("class n1 failed"));
}

#[tokio::test]
async fn times_and_tokens_stand_beside_the_nodes() {
    let model = Arc::new(echo());
    let ask = alone("ask", asker(&model));
    let shape = ask.shape().clone();
    let run = Run::start(ask, "one two".to_owned(), RunOptions::new("run"));
    let (mut events, _) = events(run).await;
    for event in &mut events {
        event.at_us = 1_500 * event.seq;
    }
    // From the second event to the one before the last.
    let milliseconds = 1.5 * (events.len() - 3) as f64;
    let picture = shape.mermaid_of(&events);
    assert!(picture.contains("1 call, 5 tokens"), "{picture}");
    assert!(
        picture.contains(&format!("{milliseconds:.1} ms"))
            || picture.contains(&format!("{:.2} s", milliseconds / 1e3)),
        "{picture}"
    );
}
