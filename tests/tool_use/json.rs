//! Models that cannot call tools by themselves.

use catena::{
    ChatRequest, Format, RunOptions,
    agents::{Calling, OnLimit},
    models::{Reply, ScriptedModel},
    tools::{ToolOutcome, Toolbox},
};

use crate::support::{Done, agent, answer, call, calls, finish, native, noting};

fn tools(done: &Done) -> Toolbox {
    Toolbox::new().with(noting("say", done)).unwrap()
}

fn last(request: &ChatRequest) -> &str {
    &request.messages.last().unwrap().content
}

#[tokio::test]
async fn they_are_asked_for_json_and_held_to_it_where_that_is_possible() {
    let done = Done::default();
    for constrained in [true, false] {
        let model = ScriptedModel::new()
            .configure(|profile| profile.json_schema = constrained)
            .replies([
                r#"{"tool":"say","with":{"text":"one"}}"#,
                "```json\n{\"answer\": \"It says one.\"}\n```",
            ]);
        let answer = answer(agent(&model, &tools(&done))).await;
        assert_eq!(answer.text, "It says one.");
        assert_eq!(answer.used[0].arguments, r#"{"text":"one"}"#);
        let requests = model.requests();
        assert!(requests.iter().all(|request| request.tools.is_empty()));
        assert_eq!(last(&requests[1]), "Result of say:\nit says one");
        match &requests[0].format {
            Format::JsonSchema(schema) => {
                assert!(constrained);
                assert_eq!(schema["anyOf"][0]["properties"]["tool"]["enum"][0], "say");
            }
            _ => assert!(!constrained),
        }
    }
    assert_eq!(done.all(), ["say one", "say one"]);
}

#[tokio::test]
async fn what_is_no_json_is_sent_back_twice_and_not_more() {
    let done = Done::default();
    let model = ScriptedModel::new().replies(["Hm.", "{}", r#"{"answer":"yes"}"#]);
    let answer = answer(agent(&model, &tools(&done))).await;
    assert_eq!((&*answer.text, model.calls()), ("yes", 3));
    let model = ScriptedModel::new().otherwise("Hm.");
    let graph = agent(&model, &tools(&done)).build().unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    assert!(result.unwrap_err().is_malformed_output());
    assert_eq!(model.calls(), 3);
}

#[tokio::test]
async fn a_model_that_repeats_its_call_has_to_answer() {
    let done = Done::default();
    let again = r#"{"tool":"say","with":{"text":"one"}}"#;
    let model = ScriptedModel::new().replies([again, again, r#"{"answer":"one"}"#]);
    let model = model.configure(|profile| profile.json_schema = true);
    let answer = answer(agent(&model, &tools(&done))).await;
    assert!(answer.out_of_steps && answer.text == "one");
    assert_eq!(done.all(), ["say one"]);
    let request = &model.requests()[2];
    assert!(last(request).ends_with(r#"what you know by now: {"answer":"the answer"}."#));
    let Format::JsonSchema(schema) = &request.format else {
        panic!("no schema")
    };
    assert_eq!(schema["required"][0], "answer");
}

#[tokio::test]
async fn the_steps_are_counted_as_well() {
    let done = Done::default();
    let replies = |n: usize| format!(r#"{{"tool":"say","with":{{"text":"{n}"}}}}"#);
    let model = ScriptedModel::new().replies((0..9).map(replies));
    let graph = agent(&model, &tools(&done))
        .steps(2, OnLimit::Fail)
        .build()
        .unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    assert!(result.unwrap_err().is_step_limit());
    assert_eq!(done.all().len(), 2);
}

#[tokio::test]
async fn unknown_tools_and_wrong_arguments_are_told_as_well() {
    let done = Done::default();
    let model = ScriptedModel::new().replies([
        r#"{"tool":"shout","with":{"text":"one"}}"#,
        r#"{"tool":"say","with":{"words":"one"}}"#,
        r#"{"tool":"say"}"#,
        r#"{"answer":"no"}"#,
    ]);
    let answer = answer(agent(&model, &tools(&done))).await;
    let refused = |used: &catena::agents::ToolUse| used.outcome == ToolOutcome::Refused;
    assert!(answer.used.len() == 3 && answer.used.iter().all(refused));
    assert!(
        answer.used[0]
            .result
            .contains("there is no tool 'shout'; there are: say")
    );
    assert!(done.all().is_empty());
}

#[tokio::test]
async fn either_way_can_be_chosen() {
    let done = Done::default();
    let model = native([Reply::from(r#"{"answer":"yes"}"#)]);
    let json = agent(&model, &tools(&done)).calling(Calling::Json);
    assert_eq!(answer(json).await.text, "yes");
    let model = ScriptedModel::new().replies([calls([call("1", "say", "x")]), "yes".into()]);
    let native = agent(&model, &tools(&done)).calling(Calling::Native);
    assert_eq!(answer(native).await.used.len(), 1);
}
