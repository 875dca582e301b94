//! Calls that a person has to agree to.

use catena::{
    RunOptions,
    models::Reply,
    open_interrupts,
    tools::{Approval, ToolOutcome, Toolbox},
};
use serde_json::json;

use crate::support::{Done, agent, call, calls, finish, memory, native, noting, options, told};

fn tools(done: &Done) -> Toolbox {
    let tools = Toolbox::new().with(noting("read", done)).unwrap();
    let tools = tools.with(noting("write", done)).unwrap();
    tools.approve(["write"]).unwrap()
}

#[tokio::test]
async fn a_call_waits_until_it_is_approved() {
    let done = Done::default();
    let model = native([
        calls([call("1", "read", "a"), call("2", "write", "b")]),
        Reply::from("Done."),
    ]);
    let journal = memory();
    let graph = || agent(&model, &tools(&done)).build().unwrap();
    let (id, result) = finish(graph(), options(&journal)).await;
    let waits = result.unwrap_err();
    assert!(waits.is_interrupted());
    let question = &waits.interrupts()[0];
    assert_eq!(question.id, "run/act/call[1]:approve");
    assert_eq!(question.answer, "Approval");
    assert_eq!(
        question.question,
        json!({"tool": "write", "arguments": {"text": "b"}})
    );
    assert_eq!(done.all(), ["read a"]);
    assert_eq!(open_interrupts(&*journal, &id).await.unwrap().len(), 1);

    let approve = serde_json::to_value(Approval::Approve).unwrap();
    assert_eq!(approve, "approve");
    let answer = options(&journal).resume(id).answer(&*question.id, approve);
    let (_, result) = finish(graph(), answer).await;
    assert_eq!(result.unwrap().text, "Done.");
    assert_eq!(done.all(), ["read a", "write b"]);
    assert_eq!(model.calls(), 2);
}

#[tokio::test]
async fn a_denied_call_is_not_made_and_the_model_is_told_why() {
    let done = Done::default();
    let model = native([calls([call("1", "write", "b")]), Reply::from("A pity.")]);
    let journal = memory();
    let graph = || agent(&model, &tools(&done)).build().unwrap();
    let (id, _) = finish(graph(), options(&journal)).await;
    let deny = json!({"deny": "only on weekdays"});
    let answer = options(&journal)
        .resume(id)
        .answer("run/act/call[0]:approve", deny);
    let (_, result) = finish(graph(), answer).await;
    let answer = result.unwrap();
    assert_eq!(answer.used[0].outcome, ToolOutcome::Denied);
    let told = told(&model.requests()[1]);
    assert!(
        told[0].ends_with("The user says: only on weekdays"),
        "{told:?}"
    );
    assert!(done.all().is_empty());
}

#[tokio::test]
async fn several_are_asked_at_once_and_an_answer_of_another_form_leaves_the_question_open() {
    let done = Done::default();
    let model = native([
        calls([call("1", "write", "a"), call("2", "write", "b")]),
        Reply::from("Done."),
    ]);
    let journal = memory();
    let graph = || agent(&model, &tools(&done)).build().unwrap();
    let (id, result) = finish(graph(), options(&journal)).await;
    assert_eq!(result.unwrap_err().interrupts().len(), 2);
    let resume = || options(&journal).resume(id.clone());
    let first = "run/act/call[0]:approve";
    for wrong in [
        json!("yes"),
        json!(true),
        json!({"deny": 3}),
        json!({"approve": "x"}),
    ] {
        let (_, result) = finish(graph(), resume().answer(first, wrong)).await;
        assert!(result.unwrap_err().is_invalid());
        assert!(done.all().is_empty());
    }
    let (_, result) = finish(graph(), resume().answer(first, "approve")).await;
    assert_eq!(
        result.unwrap_err().interrupts()[0].id,
        "run/act/call[1]:approve"
    );
    let second = resume().answer("run/act/call[1]:approve", json!({"deny": ""}));
    let (_, result) = finish(graph(), second).await;
    assert_eq!(result.unwrap().used[1].outcome, ToolOutcome::Denied);
    assert_eq!(done.all(), ["write a"]);
    assert_eq!(model.calls(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_before_a_person_is_asked() {
    let done = Done::default();
    let wrong = catena::ToolCall::new("1", "write", "{}");
    let model = native([calls([wrong]), Reply::from("Done.")]);
    let graph = agent(&model, &tools(&done)).build().unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    assert_eq!(result.unwrap().used[0].outcome, ToolOutcome::Refused);
}
