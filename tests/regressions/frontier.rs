//! Which node runs next, how often, and with what.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{
    Agent, Context, Error, EventKind, Graph, Node, Run, RunOptions, agent, branch,
    models::ScriptedModel,
};
use futures::StreamExt;

use crate::support::{
    ask, asker, calls_of_everything, echo, everything, finish, on_every_journal, oracle, say, texts,
};

/// Passes on what it gets, and counts.
fn counting<T: catena::Payload>(
    count: &Arc<AtomicUsize>,
) -> impl Agent<Input = T, Output = T> + use<T> {
    let count = Arc::clone(count);
    agent(move |input: T, _cx: Context| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { Ok(input) }
    })
}

#[tokio::test]
async fn streaming_executes_no_node_twice() {
    let model = oracle();
    let mut run = Run::start(
        everything(&ask(Arc::new(model.clone()))),
        texts(4),
        RunOptions::new("run"),
    );
    let mut started = Vec::new();
    while let Some(event) = run.next().await {
        if matches!(event.kind, EventKind::NodeStarted { .. }) {
            started.push(event.path);
        }
    }
    run.outcome().await.unwrap();
    assert_eq!(model.calls(), calls_of_everything(4));
    let count = started.len();
    started.sort();
    started.dedup();
    assert_eq!(started.len(), count, "a node of one path started twice");
}

/// Three arms, of which two lead through further nodes, into one `join`.
fn diamond(joined: &Arc<AtomicUsize>) -> Graph<u8, u8> {
    let mut graph = Graph::builder("diamond");
    let pass = || agent(|x: u8, _cx: Context| async move { Ok(x) });
    let [left, left2, middle, right, right2] =
        ["left", "left 2", "middle", "right", "right 2"].map(|name| graph.node(name, pass()));
    let join = graph.node("join", counting::<u8>(joined));
    let fork = branch!(graph, "fork", |x: u8| match x {
        0 => left(x),
        1 => middle(x),
        _ => right(x),
    });
    graph
        .edge(left, left2)
        .edge(left2, join)
        .edge(middle, join)
        .edge(right, right2)
        .edge(right2, join);
    graph.build(fork, join).unwrap()
}

#[tokio::test]
async fn a_fan_in_does_not_run_once_per_branch() {
    for input in 0..3 {
        let joined = Arc::new(AtomicUsize::new(0));
        let run = Run::start(diamond(&joined), input, RunOptions::new("run"));
        assert_eq!(run.outcome().await.unwrap().output, input);
        assert_eq!(joined.load(Ordering::SeqCst), 1);
    }
}

/// Asks about each of a list, and joins the answers in one node.
fn fan_in(model: &ScriptedModel, joined: &Arc<AtomicUsize>) -> Graph<Vec<String>, Vec<String>> {
    let mut graph = Graph::builder("fan in");
    let ask = graph.map("ask", 3, asker(model));
    let join = graph.node("join", counting::<Vec<String>>(joined));
    graph.edge(ask, join);
    graph.build(ask, join).unwrap()
}

#[tokio::test]
async fn a_fan_in_of_many_items_does_not_run_once_per_item() {
    let joined = Arc::new(AtomicUsize::new(0));
    let run = Run::start(fan_in(&echo(), &joined), texts(50), RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output.len(), 50);
    assert_eq!(joined.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_fan_in_fires_after_a_resume_whichever_item_had_failed() {
    on_every_journal(async |journal| {
        for fails in 0..6 {
            let (failing, joined) = (AtomicBool::new(true), Arc::new(AtomicUsize::new(0)));
            let model = ScriptedModel::from_fn(move |request| {
                let text = &request.messages[0].content;
                if *text == fails.to_string() && failing.swap(false, Ordering::SeqCst) {
                    return Err(Error::unavailable("down"));
                }
                Ok(format!("re: {text}"))
            });
            let options = || RunOptions::new("run").journal(Arc::clone(&journal));
            let (id, first) = finish(fan_in(&model, &joined), texts(6), options()).await;
            assert!(first.unwrap_err().is_retryable());
            assert_eq!(joined.load(Ordering::SeqCst), 0, "it does not fire early");
            let options = options().resume(id);
            let (_, output) = finish(fan_in(&model, &joined), texts(6), options).await;
            let expected: Vec<_> = texts(6).iter().map(|text| format!("re: {text}")).collect();
            assert_eq!(output.unwrap(), expected);
            assert_eq!(joined.load(Ordering::SeqCst), 1);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn results_are_not_merged_in_completion_order() {
    // In every order in which three items can finish, and after a resume in every other.
    let orders = [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ];
    for delays in orders {
        let journal = crate::support::memory();
        let slow = agent(move |x: usize, cx: Context| async move {
            cx.sleep(Duration::from_secs(delays[x])).await?;
            let mut text = cx.chat(&echo(), say(x.to_string())).await?.text;
            cx.sleep(Duration::from_secs(delays[2 - x])).await?;
            text += &cx.chat(&echo(), say("again")).await?.text;
            Ok(text)
        });
        let graph = crate::support::mapped("slow", 3, slow);
        let options = RunOptions::new("run").journal(journal.clone());
        let (id, output) = finish(graph.clone(), vec![0, 1, 2], options).await;
        let expected = ["re: 0re: again", "re: 1re: again", "re: 2re: again"];
        assert_eq!(output.unwrap(), expected);
        let options = RunOptions::new("run").journal(journal).resume(id);
        let (_, output) = finish(graph, vec![0, 1, 2], options).await;
        assert_eq!(output.unwrap(), expected);
    }
}

#[tokio::test]
async fn an_unknown_route_does_not_report_success() {
    // `branch!` cannot express it: the compiler checks its arms. Whoever goes past it is told.
    let mut graph = Graph::builder("g");
    let pass = || agent(|x: u8, _cx: Context| async move { Ok(x) });
    let known: Node<u8, u8> = graph.node("known", pass());
    let unknown = graph.node("unknown", pass());
    graph.edge(known, unknown);
    let lost = graph.branch("lost", [known.arm("_")], move |x: u8| unknown.route(x));
    let graph = graph.build(lost, unknown).unwrap();
    let run = Run::start(graph, 1, RunOptions::new("run"));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_graph(), "{error:?}");
    assert_eq!(error.path().unwrap().as_str(), "run/lost");
}

#[tokio::test]
async fn an_answer_that_names_no_route_does_not_report_success() {
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Route {
        Yes,
        No,
    }
    let model = ScriptedModel::new().otherwise("\"perhaps\"");
    let asked = model.clone();
    let mut graph = Graph::builder("g");
    let decide = graph.node(
        "decide",
        agent(move |text: String, cx: Context| {
            let model = asked.clone();
            async move { cx.chat_as::<Route>(&model, say(text), 1).await }
        }),
    );
    let [yes, no] = ["yes", "no"].map(|name| {
        graph.node(
            name,
            agent(move |(): (), _cx: Context| async move { Ok(name.to_owned()) }),
        )
    });
    let end = graph.node(
        "end",
        agent(|text: String, _cx: Context| async move { Ok(text) }),
    );
    let route = branch!(graph, "route", |route: Route| match route {
        Route::Yes => yes(()),
        Route::No => no(()),
    });
    graph.edge(decide, route).edge(yes, end).edge(no, end);
    let graph = graph.build(decide, end).unwrap();
    let run = Run::start(graph, "x".to_owned(), RunOptions::new("run"));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_malformed_output(), "{error:?}");
    assert_eq!(error.path().unwrap().as_str(), "run/decide");
    assert_eq!(model.calls(), 2);
}
