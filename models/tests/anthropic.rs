//! What goes over the wire to Anthropic's API, and what an answer becomes.

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, Delta, Error, FinishReason, Price, Result,
    ToolCall, ToolSpec, Usage,
};
use catena_models::{Anthropic, AnthropicBuilder, Effort};
use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/messages"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn builder(server: &MockServer) -> AnthropicBuilder {
    Anthropic::builder("tiny")
        .sampling(true)
        .base_url(format!("{}/v1", server.uri()))
        .api_key("sk-secret")
}

/// Events with their names, as the API sends them.
fn events(events: &[Value]) -> ResponseTemplate {
    let mut body = String::new();
    for event in events {
        let name = event["type"].as_str().unwrap();
        body.push_str(&format!("event: {name}\ndata: {event}\n\n"));
    }
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

fn start() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [],
        "usage": {"input_tokens": 5, "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 40, "output_tokens": 1}}})
}

fn block(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn text(text: &str) -> Value {
    delta(0, json!({"type": "text_delta", "text": text}))
}

fn arguments(index: u64, json: &str) -> Value {
    delta(
        index,
        json!({"type": "input_json_delta", "partial_json": json}),
    )
}

fn end(reason: &str) -> [Value; 2] {
    [
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ]
}

fn usage() -> Usage {
    let mut usage = Usage::call(48, 7);
    usage.cached_tokens = 40;
    usage
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Which colour?")])
}

async fn chat(response: ResponseTemplate, request: ChatRequest) -> Result<ChatResponse> {
    let server = server(response).await;
    builder(&server).build().unwrap().chat(request).await
}

async fn sent(server: &MockServer) -> Request {
    server.received_requests().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_request_is_sent_as_the_protocol_has_it() {
    let [delta, stop] = end("end_turn");
    let server = server(events(&[start(), text("blue"), delta, stop])).await;
    let request = ChatRequest::new([ChatMessage::system("Be brief."), ChatMessage::user("?")]);
    let model = builder(&server)
        .prompt_caching(true)
        .header("x-project", "catena");
    model.build().unwrap().chat(request).await.unwrap();

    let request = sent(&server).await;
    assert_eq!(request.headers["x-api-key"], "sk-secret");
    assert_eq!(request.headers["anthropic-version"], "2023-06-01");
    assert_eq!(request.headers["x-project"], "catena");
    assert!(request.headers.get("authorization").is_none());
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let system =
        json!({"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}});
    let expected = json!({
        "model": "tiny",
        "max_tokens": 1024,
        "system": [system],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}]}],
        "temperature": 0.0,
        "stream": true,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn text_and_usage_are_read_and_thoughts_left_out() {
    let [delta_, stop] = end("max_tokens");
    let server = server(events(&[
        start(),
        json!({"type": "ping"}),
        block(0, json!({"type": "thinking", "thinking": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "Hm."})),
        json!({"type": "content_block_stop", "index": 0}),
        block(1, json!({"type": "text", "text": ""})),
        text("light "),
        text("blue"),
        delta_,
        stop,
    ]))
    .await;
    let stream = builder(&server)
        .build()
        .unwrap()
        .stream(ask())
        .await
        .unwrap();
    let deltas: Vec<Delta> = stream.try_collect().await.unwrap();
    let end = Delta::End {
        finish: FinishReason::Length,
        usage: usage(),
    };
    assert_eq!(
        deltas,
        [
            Delta::Text("light ".into()),
            Delta::Text("blue".into()),
            end
        ]
    );
}

#[tokio::test]
async fn parallel_tool_calls_are_put_together() {
    let tool = |index, id: &str| {
        block(
            index,
            json!({"type": "tool_use", "id": id, "name": "weather", "input": {}}),
        )
    };
    let [delta, stop] = end("tool_use");
    let response = events(&[
        start(),
        text("Let me see."),
        tool(1, "toolu_1"),
        arguments(1, ""),
        arguments(1, "{\"city\":"),
        tool(2, "toolu_2"),
        arguments(2, "{\"city\": \"Rome\"}"),
        arguments(1, " \"Oslo\"}"),
        delta,
        stop,
    ]);
    let weather = ToolSpec::new("weather", "?", json!({"type": "object"}));
    let answer = chat(response, ask().tools([weather])).await.unwrap();
    let expected = [
        ToolCall::new("toolu_1", "weather", "{\"city\": \"Oslo\"}"),
        ToolCall::new("toolu_2", "weather", "{\"city\": \"Rome\"}"),
    ];
    assert_eq!(answer.tool_calls, expected);
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("Let me see.", FinishReason::ToolCalls)
    );
    assert_eq!(answer.usage, usage());
}

#[tokio::test]
async fn json_is_asked_for_and_comes_as_text() {
    let [delta_, stop] = end("end_turn");
    let server = server(events(&[
        start(),
        block(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(
            0,
            json!({"type": "signature_delta", "signature": "EqQBCgIYAhIM"}),
        ),
        json!({"type": "content_block_stop", "index": 0}),
        block(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "{\"n\""})),
        delta(1, json!({"type": "text_delta", "text": ": 1}"})),
        json!({"type": "content_block_stop", "index": 1}),
        delta_,
        stop,
    ]))
    .await;
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}},
        "required": ["n"], "additionalProperties": false});
    let model = builder(&server).effort(Effort::Low).build().unwrap();
    let answer = model.chat(ask().json_schema(schema.clone())).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("{\"n\": 1}", FinishReason::Stop)
    );

    let request = sent(&server).await;
    assert!(request.headers.get("anthropic-beta").is_none());
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let config = json!({"effort": "low", "format": {"type": "json_schema", "schema": schema}});
    assert_eq!(body["output_config"], config);
    assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
}

#[tokio::test]
async fn json_of_an_older_model_is_the_text_of_the_answer() {
    let [delta, stop] = end("tool_use");
    let response = events(&[
        start(),
        block(0, json!({"type": "text", "text": "Here it is:"})),
        block(
            1,
            json!({"type": "tool_use", "id": "1", "name": "answer", "input": {}}),
        ),
        arguments(1, "{\"n\""),
        arguments(1, ": 1}"),
        delta,
        stop,
    ]);
    let server = server(response).await;
    let model = builder(&server).output_format(false).build().unwrap();
    let request = ask().json_schema(json!({"type": "object"}));
    let answer = model.chat(request).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("{\"n\": 1}", FinishReason::Stop)
    );
    assert!(answer.tool_calls.is_empty());
}

#[tokio::test]
async fn an_answer_in_one_piece_is_understood() {
    let body = json!({"type": "message", "stop_reason": "tool_use",
        "content": [{"type": "text", "text": "Well."},
            {"type": "tool_use", "id": "1", "name": "t", "input": {"a": 1}}],
        "usage": {"input_tokens": 4, "output_tokens": 2}});
    let answer = chat(ResponseTemplate::new(200).set_body_json(body), ask())
        .await
        .unwrap();
    assert_eq!(answer.text, "Well.");
    assert_eq!(answer.tool_calls, [ToolCall::new("1", "t", "{\"a\":1}")]);
    assert_eq!(
        (answer.finish, answer.usage),
        (FinishReason::ToolCalls, Usage::call(4, 2))
    );
}

#[tokio::test]
async fn a_stop_sequence_that_the_api_does_not_take_is_cut_off() {
    let [delta, stop] = end("end_turn");
    let response = events(&[start(), text("blue.\n"), text("\nAnd red."), delta, stop]);
    let answer = chat(response, ask().stop(["\n\n"])).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("blue.", FinishReason::Stop)
    );
}

#[tokio::test]
async fn errors_are_mapped() {
    let failure = |status, kind: &str, message: &str| {
        let error = json!({"type": "error", "error": {"type": kind, "message": message}});
        ResponseTemplate::new(status).set_body_json(error)
    };
    let error = async |response| chat(response, ask()).await.unwrap_err();
    type Check = fn(&Error) -> bool;
    let cases: [(ResponseTemplate, Check); 8] = [
        (
            failure(401, "authentication_error", "bad key sk-secret"),
            Error::is_refused,
        ),
        (failure(403, "permission_error", "no"), Error::is_refused),
        (
            failure(404, "not_found_error", "model: tiny"),
            Error::is_refused,
        ),
        (
            failure(413, "request_too_large", "large"),
            Error::is_refused,
        ),
        (
            failure(429, "rate_limit_error", "slow"),
            Error::is_rate_limited,
        ),
        (
            failure(529, "overloaded_error", "busy"),
            Error::is_retryable,
        ),
        (
            failure(400, "invalid_request_error", "bad"),
            Error::is_refused,
        ),
        (
            failure(
                400,
                "invalid_request_error",
                "prompt is too long: 201 tokens > 200 maximum",
            ),
            |error| error.missing_tokens() == Some(1),
        ),
    ];
    for (response, is_right) in cases {
        let error = error(response).await;
        assert!(is_right(&error), "{error:?}");
        assert!(!format!("{error:?}").contains("sk-secret"), "{error:?}");
    }

    let busy = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    assert!(
        error(events(&[start(), text("bl"), busy]))
            .await
            .is_retryable()
    );
    let [delta, stop] = end("refusal");
    let filtered = chat(events(&[start(), text("bl"), delta, stop]), ask())
        .await
        .unwrap();
    assert_eq!(filtered.finish, FinishReason::ContentFilter);
}

#[tokio::test]
async fn what_the_api_cannot_do_is_not_sent() {
    let server = server(events(&[])).await;
    let model = builder(&server)
        .price(Price::per_million(3.0, 15.0))
        .build()
        .unwrap();
    for request in [
        ChatRequest::new([]),
        ask().json_schema(json!({"type": "object"})),
    ] {
        assert!(model.chat(request).await.unwrap_err().is_invalid());
    }
    assert!(server.received_requests().await.unwrap().is_empty());
    assert!(!model.profile().logprobs);
}

#[tokio::test]
async fn prompts_are_counted_with_all_that_is_read() {
    let server = server(events(&[])).await;
    let model = builder(&server).build().unwrap();
    let plain = model.prompt_tokens(&ask());
    let schema = json!({"type": "object", "description": "long ".repeat(50)});
    assert!(model.prompt_tokens(&ask().json_schema(schema.clone())) > plain + 50);
    let tool = ToolSpec::new("t", "d", schema);
    assert!(model.prompt_tokens(&ask().tools([tool])) > plain + 50);
}
