//! Steps, budgets and windows.

use catena::{
    Budget, ChatModel, Context, Error, EventKind, RunOptions, ToolChoice,
    agents::OnLimit,
    models::{Reply, ScriptedModel},
    tools::{Toolbox, tool},
};

use crate::support::{
    Done, Text, agent, answer, call, calls, finish, memory, native, noting, options, told,
};

fn endless(done: &Done) -> (ScriptedModel, Toolbox) {
    let replies = (0..20).map(|n| calls([call("x", "say", &n.to_string())]));
    let tools = Toolbox::new().with(noting("say", done)).unwrap();
    (native(replies), tools)
}

#[tokio::test]
async fn an_agent_that_calls_for_ever_is_stopped_with_an_error_that_says_so() {
    let done = Done::default();
    let (model, tools) = endless(&done);
    let graph = agent(&model, &tools)
        .steps(3, OnLimit::Fail)
        .build()
        .unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    let error = result.unwrap_err();
    assert!(error.is_step_limit() && error.help().is_some());
    assert!(
        error
            .to_string()
            .contains("called tools 3 times, as often as it may"),
        "{error}"
    );
    assert_eq!(done.all().len(), 3);
    assert_eq!(model.calls(), 4);
}

#[tokio::test]
async fn or_it_has_to_answer_from_what_it_knows() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let model = native([
        calls([call("1", "say", "one")]),
        calls([call("2", "say", "two")]),
        Reply::from("That is all I know."),
    ]);
    let answer = answer(agent(&model, &tools).steps(2, OnLimit::Answer)).await;
    assert_eq!(answer.text, "That is all I know.");
    assert!(answer.out_of_steps);
    let last = &model.requests()[2];
    assert_eq!(last.tool_choice, ToolChoice::None);
    // What was called is explained to the provider all the same.
    assert_eq!(last.tools.len(), 1);
    let said = &last.messages.last().unwrap().content;
    assert!(said.starts_with("No more tools can be used."), "{said}");
}

#[tokio::test]
async fn one_that_calls_even_then_has_failed() {
    let done = Done::default();
    let (model, tools) = endless(&done);
    let graph = agent(&model, &tools)
        .steps(1, OnLimit::Answer)
        .build()
        .unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    assert!(result.unwrap_err().is_step_limit());
    assert_eq!(done.all().len(), 1);
}

#[tokio::test]
async fn a_budget_spent_in_the_middle_is_raised_and_no_call_repeated() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let model = native([
        calls([call("1", "say", "one"), call("2", "say", "two")]),
        calls([call("3", "say", "three")]),
        Reply::from("Done."),
    ]);
    let journal = memory();
    let graph = || agent(&model, &tools).build().unwrap();
    let small = options(&journal).budget(Budget::new().calls(2));
    let (id, result) = finish(graph(), small).await;
    let error = result.unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    assert_eq!(error.spent().unwrap().calls, 2);
    assert_eq!(done.all().len(), 3);
    let more = options(&journal).budget(Budget::new().calls(3));
    let (_, result) = finish(graph(), more.resume(id)).await;
    assert_eq!(result.unwrap().text, "Done.");
    assert_eq!((model.calls(), done.all().len()), (3, 3));
}

#[tokio::test]
async fn a_result_is_cut_and_old_ones_make_way_for_new_ones() {
    let long = tool("long", "?", |said: Text, _: Context| async move {
        Ok(format!("{} ", said.text).repeat(400))
    });
    let tools = Toolbox::new().with(long).unwrap();
    let mut replies: Vec<Reply> = Vec::new();
    for word in ["one", "two", "three", "four"] {
        replies.push(calls([call(word, "long", word)]));
    }
    replies.push(calls([call("a", "long", "five"), call("b", "long", "six")]));
    replies.push(Reply::from("Done."));
    let model = native(replies).configure(|profile| profile.context_window = 400);
    let graph = agent(&model, &tools).answer_tokens(20).build().unwrap();
    let run = catena::Run::start(graph, "the task".to_owned(), RunOptions::new("run"));
    let events: Vec<_> = futures::StreamExt::collect(run).await;
    assert_eq!(model.calls(), 6, "{:?}", events.last());
    for request in model.requests() {
        let prompt = ChatModel::prompt_tokens(&model, &request);
        assert!(prompt + 20 <= 400, "{prompt}");
    }
    let told = told(&model.requests()[5]);
    assert!(told[0].starts_with("[left out to make room"), "{told:?}");
    for (result, word) in told[4..].iter().zip(["five", "six"]) {
        assert!(
            result.starts_with(word) && result.contains("bytes left out]"),
            "{result}"
        );
    }
    let notes = events.iter().filter(
        |event| matches!(&event.kind, EventKind::Note { name, .. } if name == "tool.left_out"),
    );
    assert!(notes.count() >= 2);
}

#[tokio::test]
async fn a_task_that_does_not_fit_is_an_error_that_says_by_how_much() {
    let done = Done::default();
    let (model, tools) = endless(&done);
    let model = model.configure(|profile| profile.context_window = 60);
    let graph = agent(&model, &tools).build().unwrap();
    let (_, result) = finish(graph, RunOptions::new("run")).await;
    let error: Error = result.unwrap_err();
    assert!(
        error.missing_tokens().is_some_and(|missing| missing > 0),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_was_cut_off_says_so() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let model = native([Reply::from("one two three four five six")]);
    let answer = answer(agent(&model, &tools).answer_tokens(3)).await;
    assert_eq!((&*answer.text, answer.cut), ("one two three", true));
}

#[test]
fn an_agent_without_tools_is_refused() {
    let model = native([]);
    let error = agent(&model, &Toolbox::new()).build().unwrap_err();
    assert!(error.is_invalid() && error.help().is_some());
}
