//! Rule 6: a failure cancels its siblings, and its error says where, why, and what was done.

use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use catena::{Context, Error, EventKind, Graph, Run, RunOptions, agent, models::ScriptedModel};

use crate::support::{alone, asker, echo, events, mapped, say, texts};

/// Set when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_its_siblings_and_says_where_and_what_was_spent() {
    let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
        "1" => Err(Error::refused("not that one")),
        text => Ok(text.to_owned()),
    });
    let stopped = Arc::new(AtomicBool::new(false));
    let (asked, stops) = (model.clone(), Arc::clone(&stopped));
    let ask = agent(move |text: String, cx: Context| {
        let (model, stops) = (asked.clone(), Arc::clone(&stops));
        async move {
            if text == "3" {
                let _stops = Dropped(stops);
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            Ok(cx.chat(&model, say(text)).await?.text)
        }
    });
    let started = tokio::time::Instant::now();
    let run = Run::start(mapped("ask", 4, ask), texts(4), RunOptions::new("run"));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_refused(), "{error:?}");
    assert_eq!(error.path().unwrap().as_str(), "run/ask[1]");
    assert!(error.spent().unwrap().calls >= 1);
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "the sleeping sibling was waited for"
    );
    assert!(stopped.load(Ordering::SeqCst) && model.in_flight() == 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_holds_what_the_other_items_had_done() {
    let work = agent(|x: u64, _cx: Context| async move {
        tokio::time::sleep(Duration::from_secs(x)).await;
        match x {
            5 => Err(Error::unavailable("down")),
            x => Ok(format!("{x} done")),
        }
    });
    let run = Run::start(
        mapped("work", 8, work),
        vec![9, 1, 5, 3, 7],
        RunOptions::new("run"),
    );
    let error = run.outcome().await.unwrap_err();
    let partial: Vec<_> = error
        .partial()
        .iter()
        .map(|partial| (partial.path.as_str(), partial.output.as_str().unwrap()))
        .collect();
    assert_eq!(
        partial,
        [("run/work[1]", "1 done"), ("run/work[3]", "3 done")]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_not_lost_in_nested_graphs() {
    let work = agent(|x: u64, _cx: Context| async move {
        tokio::time::sleep(Duration::from_secs(x)).await;
        match x {
            5 => Err(Error::unavailable("down")),
            x => Ok(x),
        }
    });
    let graph = mapped("outer", 2, alone("middle", mapped("inner", 2, work)));
    let run = Run::start(graph, vec![vec![1, 5], vec![2]], RunOptions::new("run"));
    let error = run.outcome().await.unwrap_err();
    assert_eq!(
        error.path().unwrap().as_str(),
        "run/outer[0]/middle/inner[1]"
    );
    let partial: Vec<_> = error
        .partial()
        .iter()
        .map(|partial| (partial.path.as_str(), partial.output.to_string()))
        .collect();
    assert_eq!(
        partial,
        [
            ("run/outer[0]/middle/inner[0]", "1".to_owned()),
            ("run/outer[1]", "[2]".to_owned()),
        ]
    );
}

#[tokio::test]
async fn a_failure_is_told_once_for_each_node_that_it_ends() {
    let model = ScriptedModel::from_fn(|_| {
        Err(Error::unavailable("asking").with_source(std::io::Error::other("connection reset")))
    });
    let mut graph = Graph::builder("outer");
    let before = graph.node("before", asker(&echo()));
    let inner = graph.node("inner", alone("ask", asker(&model)));
    let after = graph.node("after", asker(&echo()));
    graph.edge(before, inner).edge(inner, after);
    let graph = graph.build(before, after).unwrap();
    let run = Run::start(graph, "x".to_owned(), RunOptions::new("run"));
    let (events, outcome) = events(run).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.path().unwrap().as_str(), "run/inner/ask");
    assert_eq!(error.source().unwrap().to_string(), "connection reset");
    let failed: Vec<_> = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::NodeFailed { .. }))
        .map(|event| event.path.as_str())
        .collect();
    assert_eq!(failed, ["run/inner/ask", "run/inner"]);
    assert!(matches!(
        &events.last().unwrap().kind,
        EventKind::RunFailed { error: told, usage, .. } if *told == error && usage.calls == 2
    ));
    let after = events
        .iter()
        .any(|event| event.path.as_str() == "run/after");
    assert!(!after, "what comes after a failed node does not begin");
}

#[tokio::test]
async fn whatever_ends_a_run_its_error_says_what_was_spent() {
    /// What cannot be written as JSON.
    #[derive(serde::Deserialize)]
    struct Secret;
    impl serde::Serialize for Secret {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("secret"))
        }
    }
    let model = echo();
    let keep = agent(move |text: String, cx: Context| {
        let model = model.clone();
        async move {
            cx.chat(&model, say(text)).await?;
            Ok(Secret)
        }
    });
    let options = RunOptions::new("run").journal(crate::support::memory());
    let run = Run::start(keep, "x".to_owned(), options);
    let Err(error) = run.outcome().await else {
        panic!("it was written down");
    };
    assert!(error.is_invalid(), "{error:?}");
    assert_eq!(error.spent().map(|spent| spent.calls), Some(1));
}
