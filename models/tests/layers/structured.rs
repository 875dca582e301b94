use std::{sync::Arc, time::Duration};

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, Delta, Error, FinishReason, Format, Role, ToolCall, Usage,
};
use catena_models::{Reply, ScriptedModel, layer::StructuredOutput};
use serde_json::{Value, json};

use crate::support::{Player, ask, end, text};

fn schema() -> Value {
    json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
}

fn wanted(content: &str) -> ChatRequest {
    ask(content).json_schema(schema())
}

#[tokio::test]
async fn the_loop_never_goes_beyond_its_bound() {
    for bound in 0..4 {
        let scripted = ScriptedModel::new().otherwise("no JSON");
        let model = StructuredOutput::new(Arc::new(scripted.clone())).max_repairs(bound);
        let error = model.chat(wanted("?")).await.unwrap_err();
        assert!(error.is_malformed_output() && !error.is_retryable());
        assert!(error.to_string().contains("not JSON"), "{error}");
        assert_eq!(scripted.calls(), bound as usize + 1);
    }
}

#[tokio::test]
async fn each_repair_says_what_was_wrong_and_is_paid() {
    let scripted = ScriptedModel::new().replies(["{\"n\": \"one\"}", "{\"m\": 1}", "{\"n\": 1}"]);
    let model = StructuredOutput::new(Arc::new(scripted.clone()));
    let answer = model.chat(wanted("how many")).await.unwrap();
    assert_eq!(answer.text, "{\"n\": 1}");
    let requests = scripted.requests();
    let tokens = requests
        .iter()
        .map(|request| scripted.prompt_tokens(request))
        .sum();
    assert_eq!(
        answer.usage,
        Usage {
            calls: 3,
            ..Usage::call(tokens, 2 + 2 + 2)
        }
    );

    let roles = |request: &ChatRequest| request.messages.iter().map(|m| m.role).collect::<Vec<_>>();
    assert_eq!(roles(&requests[0]), [Role::System, Role::User]);
    for (request, answer, wrong) in [
        (
            &requests[1],
            "{\"n\": \"one\"}",
            "at /n: \"one\" is not of type \"integer\"",
        ),
        (&requests[2], "{\"m\": 1}", "\"n\" is a required property"),
    ] {
        // The conversation does not grow with each repair.
        assert_eq!(
            roles(request),
            [Role::System, Role::User, Role::Assistant, Role::User]
        );
        assert_eq!(request.messages[2].content, answer);
        assert!(
            request.messages[3].content.contains(wrong),
            "{:?}",
            request.messages[3]
        );
    }
}

#[tokio::test]
async fn a_model_that_cannot_is_told_the_schema_and_one_that_can_is_held_to_it() {
    let cannot = ScriptedModel::new().otherwise("{\"n\": 1}");
    let can = cannot
        .clone()
        .configure(|profile| profile.json_schema = true);
    let request = ChatRequest::new([ChatMessage::system("Be brief."), ChatMessage::user("?")]);
    let request = request.json_schema(schema());
    for inner in [cannot.clone(), can] {
        let model = StructuredOutput::new(Arc::new(inner.clone()));
        assert!(model.profile().json_schema);
        let answer = model.chat(request.clone()).await.unwrap();
        // What the budget is reserved by is what is read.
        assert_eq!(model.prompt_tokens(&request), answer.usage.input_tokens);
    }
    let requests = cannot.requests();
    assert_eq!(requests[0].format, Format::Text);
    let system = &requests[0].messages[0].content;
    assert!(
        system.starts_with("Be brief.\n\n") && system.contains("\"integer\""),
        "{system}"
    );
    assert_eq!(requests[1], request);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_not_sent_back() {
    let scripted = ScriptedModel::new().otherwise("{\"n\": [1, 2, 3, 4]}");
    let model = StructuredOutput::new(Arc::new(scripted.clone()));
    let error = model.chat(wanted("?").max_tokens(2)).await.unwrap_err();
    assert!(error.to_string().contains("token limit"), "{error}");
    let filtered = Delta::End {
        finish: FinishReason::ContentFilter,
        usage: Usage::call(1, 1),
    };
    let model = StructuredOutput::new(Player::of([vec![text("{"), Ok(filtered)]]));
    let error = model.chat(wanted("?")).await.unwrap_err();
    assert!(
        error.is_malformed_output() && error.to_string().contains("withheld"),
        "{error}"
    );
    assert_eq!(scripted.calls(), 1);
}

#[tokio::test]
async fn a_failure_of_a_repair_is_passed_on() {
    let scripted = ScriptedModel::new().replies([
        Reply::from("no JSON"),
        Reply::from(Error::rate_limited(None, "slow")),
    ]);
    let model = StructuredOutput::new(Arc::new(scripted.clone()));
    assert!(model.chat(wanted("?")).await.unwrap_err().is_rate_limited());
    assert_eq!(scripted.calls(), 2);
}

#[tokio::test]
async fn a_begun_answer_is_part_of_what_is_sent_back() {
    let scripted = ScriptedModel::new().replies(["oops", "{\"n\": 1}"]);
    let model = StructuredOutput::new(Arc::new(scripted.clone()));
    let begun = ChatRequest::new([ChatMessage::user("?"), ChatMessage::assistant("Well, ")]);
    model.chat(begun.json_schema(schema())).await.unwrap();
    let messages = &scripted.requests()[1].messages;
    assert_eq!(messages[2], ChatMessage::assistant("Well, oops"));
}

#[tokio::test]
async fn a_tool_call_is_no_answer_yet() {
    let call = Delta::ToolCall(ToolCall::new("1", "t", "{}"));
    let model = StructuredOutput::new(Player::of([vec![Ok(call), end()]]));
    assert_eq!(model.chat(wanted("?")).await.unwrap().tool_calls.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn free_text_passes_through() {
    use futures::StreamExt;

    let scripted = ScriptedModel::new()
        .otherwise("a b")
        .token_latency(Duration::from_secs(1));
    let model = StructuredOutput::new(Arc::new(scripted.clone()));
    let start = tokio::time::Instant::now();
    let mut stream = model.stream(ask("?")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!(scripted.requests(), [ask("?")]);
}

#[tokio::test]
async fn a_schema_that_is_none_costs_no_call() {
    let scripted = ScriptedModel::new().otherwise("{}");
    let model = StructuredOutput::new(Arc::new(scripted.clone()));
    let request = ask("?").json_schema(json!({"type": 7}));
    assert!(model.chat(request).await.unwrap_err().is_invalid());
    assert_eq!(scripted.calls(), 0);
}
