//! What a model may write as a call, and what it is told.

use std::time::Duration;

use catena::{
    Context, ToolCall,
    models::Reply,
    tools::{ToolOutcome, Toolbox, tool},
};
use serde_json::Value;

use crate::support::{Done, Gate, Text, agent, answer, call, calls, native, noting, told};

#[tokio::test]
async fn calls_are_made_and_their_results_told_until_there_is_an_answer() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let model = native([
        Reply::calling("Let me see.", [call("a", "say", "one")]),
        calls([call("b", "say", "two")]),
        Reply::from(" Both are said.\n"),
    ]);
    let answer = answer(agent(&model, &tools)).await;
    assert_eq!(answer.text, "Both are said.");
    assert!(!answer.out_of_steps && !answer.cut);
    assert_eq!(done.all(), ["say one", "say two"]);
    assert_eq!(answer.used[1].result, "it says two");
    let requests = model.requests();
    assert_eq!(requests[0].tools, tools.specs());
    assert_eq!(told(&requests[2]), ["it says one", "it says two"]);
    let said = &requests[2].messages[2];
    assert_eq!((&*said.content, said.tool_calls.len()), ("Let me see.", 1));
}

#[tokio::test]
async fn results_come_in_the_order_of_the_calls_whatever_is_done_first() {
    tokio::time::pause();
    let wait = tool("wait", "Waits.", |said: Text, _: Context| async move {
        let seconds: u64 = said.text.parse().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok(said.text)
    });
    let tools = Toolbox::new().with(wait).unwrap();
    let model = native([
        calls([
            call("a", "wait", "9"),
            call("b", "wait", "1"),
            call("c", "wait", "5"),
        ]),
        Reply::from("Done."),
    ]);
    let answer = answer(agent(&model, &tools)).await;
    let results: Vec<_> = answer.used.iter().map(|used| &*used.result).collect();
    assert_eq!(results, ["9", "1", "5"]);
    let last = &model.requests()[1];
    assert_eq!(told(last), ["9", "1", "5"]);
}

#[tokio::test]
async fn no_more_calls_are_made_at_once_than_the_width() {
    let gate = Gate::new();
    let pass = {
        let gate = gate.clone();
        tool("pass", "Passes.", move |_: Text, _: Context| {
            let gate = gate.clone();
            async move { gate.pass().await }
        })
    };
    let tools = Toolbox::new().with(pass).unwrap();
    let many: Vec<ToolCall> = (0..9).map(|n| call(&n.to_string(), "pass", "x")).collect();
    let model = native([Reply::calling("", many), Reply::from("Done.")]);
    let agent = agent(&model, &tools).width(3);
    let running = tokio::spawn(answer(agent));
    gate.until_begun(3).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gate.begun(), 3);
    gate.open();
    assert_eq!(running.await.unwrap().used.len(), 9);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_and_nothing_is_called() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let wrong = [
        (ToolCall::new("1", "say", "{\"text\": \"a"), "no JSON"),
        (
            ToolCall::new("2", "say", "{}"),
            "\"text\" is a required property",
        ),
        (
            ToolCall::new("3", "say", "{\"text\": 3}"),
            "at /text: 3 is not of type",
        ),
        (
            ToolCall::new("4", "say", "[1]"),
            "is not of type \"object\"",
        ),
        (
            call("5", "Say", "a"),
            "there is no tool 'Say'; there are: say",
        ),
        (call("6", "", "a"), "there is no tool ''"),
        (call("7", &"x".repeat(10_000), "a"), "there is no tool 'xxx"),
    ];
    let model = native([
        Reply::calling("", wrong.iter().map(|(call, _)| call.clone())),
        Reply::from("I give up."),
    ]);
    let answer = answer(agent(&model, &tools)).await;
    assert_eq!(answer.text, "I give up.");
    assert!(done.all().is_empty());
    let told = told(&model.requests()[1]);
    for ((call, said), told) in wrong.iter().zip(&told) {
        assert!(
            told.starts_with("Error: ") && told.contains(said),
            "{call:?}: {told}"
        );
        assert!(told.len() < 3000);
    }
    let refused = |used: &catena::agents::ToolUse| used.outcome == ToolOutcome::Refused;
    assert!(answer.used.iter().all(refused));
}

#[tokio::test]
async fn calls_with_the_same_id_are_told_apart() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let model = native([
        calls([call("x", "say", "one"), call("x", "say", "two")]),
        calls([call("x", "say", "three"), call("", "say", "four")]),
        Reply::from("Done."),
    ]);
    answer(agent(&model, &tools)).await;
    let last = &model.requests()[2];
    let asked: Vec<&str> = last
        .messages
        .iter()
        .flat_map(|message| &message.tool_calls)
        .map(|call| &*call.id)
        .collect();
    let told: Vec<&str> = last
        .messages
        .iter()
        .filter_map(|message| message.tool_call_id.as_deref())
        .collect();
    assert_eq!(asked, ["x", "x-2", "x-3", "call-2"]);
    assert_eq!(asked, told);
}

#[tokio::test]
async fn a_crowd_of_calls_is_bounded() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let many = (0..100).map(|n| call(&n.to_string(), "say", &n.to_string()));
    let model = native([Reply::calling("", many), Reply::from("Done.")]);
    let answer = answer(agent(&model, &tools)).await;
    assert_eq!(done.all().len(), 32);
    assert_eq!(answer.used.len(), 100);
    assert!(answer.used[99].result.contains("at most 32 calls"));
}

#[tokio::test]
async fn what_a_tool_gives_is_shown_as_text_or_as_json() {
    #[derive(serde::Serialize)]
    struct Weather {
        degrees: i32,
    }
    let weather = tool("weather", "?", |_: (), _: Context| async {
        Ok(Weather { degrees: -3 })
    });
    let tools = Toolbox::new().with(weather).unwrap();
    let model = native([
        calls([
            ToolCall::new("1", "weather", ""),
            ToolCall::new("2", "weather", "{}"),
        ]),
        Reply::from("Cold."),
    ]);
    let answer = answer(agent(&model, &tools)).await;
    for used in answer.used {
        let value: Value = serde_json::from_str(&used.result).unwrap();
        assert_eq!(value["degrees"], -3);
    }
}

#[tokio::test]
async fn a_call_that_is_written_as_text_is_made_and_told_as_a_call() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let written = "```json\n{\"name\": \"say\", \"arguments\": {\"text\": \"one\"}}\n```";
    let model = native([Reply::from(written), Reply::from("It is said.")]);
    let said = answer(agent(&model, &tools)).await;
    assert_eq!(said.text, "It is said.");
    assert_eq!(done.all(), ["say one"]);
    let turn = &model.requests()[1].messages[2];
    assert_eq!((&*turn.content, turn.tool_calls.len()), ("", 1));

    // What only quotes one is an answer.
    let model = native([Reply::from(format!("It would be:\n{written}"))]);
    let said = answer(agent(&model, &tools)).await;
    assert!(said.text.starts_with("It would be:") && said.used.is_empty());
    assert_eq!(done.all(), ["say one"]);
}

#[tokio::test]
async fn who_writes_the_same_call_again_has_to_answer() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let written = r#"{"name": "say", "arguments": {"text": "one"}}"#;
    let model = native([
        Reply::from(written),
        Reply::from(written),
        Reply::from("It is said."),
    ]);
    let said = answer(agent(&model, &tools)).await;
    assert_eq!(
        (said.text.as_str(), said.out_of_steps),
        ("It is said.", false)
    );
    assert_eq!(done.all(), ["say one"]);
    assert!(model.requests()[2].tools.is_empty());
}
