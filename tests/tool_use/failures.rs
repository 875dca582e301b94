//! Tools that fail, panic, hang, or are stopped.

use std::time::Duration;

use catena::{
    Context, Error, EventKind, Run, RunOptions,
    models::Reply,
    tools::{ToolOutcome, Toolbox, tool},
};
use futures::StreamExt;

use crate::support::{Gate, Text, agent, answer, call, calls, native, told};

fn failing() -> Toolbox {
    let fail = tool("fail", "?", |said: Text, _: Context| async move {
        match &*said.text {
            "panic" => panic!("out of its depth"),
            "hang" => std::future::pending().await,
            text => Err::<String, _>(Error::unavailable(text.to_owned()).with_help("wait")),
        }
    });
    let tools = Toolbox::new().with(fail).unwrap();
    tools.timeout(Duration::from_secs(5))
}

#[tokio::test(start_paused = true)]
async fn errors_panics_and_delays_are_told_to_the_model() {
    let model = native([
        calls([
            call("1", "fail", "the disk is full"),
            call("2", "fail", "panic"),
            call("3", "fail", "hang"),
        ]),
        Reply::from("Nothing works."),
    ]);
    let answer = answer(agent(&model, &failing())).await;
    assert_eq!(answer.text, "Nothing works.");
    let told = told(&model.requests()[1]);
    assert_eq!(told[0], "Error: the disk is full: wait");
    assert!(
        told[1].contains("the tool 'fail' panicked: out of its depth"),
        "{told:?}"
    );
    assert!(told[2].contains("did not answer within 5s"), "{told:?}");
    let failed = |used: &catena::agents::ToolUse| used.outcome == ToolOutcome::Failed;
    assert!(answer.used.iter().all(failed));
}

#[tokio::test]
async fn a_cancelled_run_stops_its_tools() {
    let gate = Gate::new();
    let pass = {
        let gate = gate.clone();
        tool("pass", "Passes.", move |_: Text, _: Context| {
            let gate = gate.clone();
            async move { gate.pass().await }
        })
    };
    let tools = Toolbox::new().with(pass).unwrap();
    let model = native([calls([call("1", "pass", "x")]), Reply::from("?")]);
    let graph = agent(&model, &tools).build().unwrap();
    let run = Run::start(graph, "the task".to_owned(), RunOptions::new("run"));
    gate.until_begun(1).await;
    run.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), run.outcome()).await;
    assert!(ended.unwrap().unwrap_err().is_cancelled());
    assert_eq!(model.calls(), 1);
}

#[tokio::test]
async fn a_model_that_fails_fails_the_run() {
    let model = native([calls([call("1", "fail", "x")]), Error::refused("no").into()]);
    let graph = agent(&model, &failing()).build().unwrap();
    let run = Run::start(graph, "the task".to_owned(), RunOptions::new("run"));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_refused());
    assert_eq!(error.path().unwrap().as_str(), "run/ask#2");
}

#[tokio::test]
async fn every_call_is_told() {
    let model = native([
        calls([call("1", "fail", "x"), call("2", "none", "y")]),
        Reply::from("?"),
    ]);
    let graph = agent(&model, &failing()).build().unwrap();
    let run = Run::start(graph, "the task".to_owned(), RunOptions::new("run"));
    let events: Vec<_> = run.collect().await;
    let notes: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Note { name, data } if name == "tool.called" => Some((
                event.path.as_str(),
                data["tool"].clone(),
                data["outcome"].clone(),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(notes.len(), 2);
    assert!(
        notes.contains(&("run/act/call[0]", "fail".into(), "failed".into())),
        "{notes:?}"
    );
    assert!(
        notes.contains(&("run/act/call[1]", "none".into(), "refused".into())),
        "{notes:?}"
    );
}
