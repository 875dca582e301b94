//! Tools over the chat completions protocol, in the forms that servers give them.

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, FinishReason, ToolCall, ToolChoice, ToolSpec,
};
use catena_models::{OpenAiCompatible, Preset};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn events(events: &[Value]) -> ResponseTemplate {
    let events = events.iter().map(|event| format!("data: {event}\n\n"));
    let body = events.collect::<String>() + "data: [DONE]\n\n";
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

fn calls(calls: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": {"content": null, "tool_calls": calls}}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn ask() -> ChatRequest {
    let weather = ToolSpec::new(
        "weather",
        "The weather of a city.",
        json!({"type": "object"}),
    );
    ChatRequest::new([ChatMessage::user("A coat?")]).tools([weather])
}

async fn chat(response: ResponseTemplate) -> ChatResponse {
    let server = server(response).await;
    let model = OpenAiCompatible::builder(server.uri(), "tiny")
        .build()
        .unwrap();
    model.chat(ask()).await.unwrap()
}

fn oslo_and_rome() -> [ToolCall; 2] {
    [
        ToolCall::new("a", "weather", "{\"city\":\"Oslo\"}"),
        ToolCall::new("b", "weather", "{\"city\":\"Rome\"}"),
    ]
}

#[tokio::test]
async fn parallel_calls_are_streamed_in_pieces() {
    let answer = chat(events(&[
        calls(json!([{"index": 0, "id": "a", "type": "function",
            "function": {"name": "weather", "arguments": ""}}])),
        calls(json!([{"index": 0, "function": {"arguments": "{\"city\":"}}])),
        calls(json!([{"index": 1, "id": "b", "type": "function",
            "function": {"name": "weather", "arguments": ""}}])),
        calls(
            json!([{"index": 1, "function": {"arguments": "{\"city\":\"Rome\"}"}},
            {"index": 0, "function": {"arguments": "\"Oslo\"}"}}]),
        ),
        finish("tool_calls"),
    ]))
    .await;
    assert_eq!(answer.tool_calls, oslo_and_rome());
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("", FinishReason::ToolCalls)
    );
    assert!(answer.usage.output_tokens >= 10, "{:?}", answer.usage);
}

#[tokio::test]
async fn calls_in_one_piece_are_read_and_called_so_even_where_the_server_does_not() {
    let [oslo, rome] = oslo_and_rome().map(
        |call| json!({"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}),
    );
    let streamed = events(&[calls(json!([oslo, rome])), finish("stop")]);
    let message = json!({"role": "assistant", "content": "", "tool_calls": [oslo, rome]});
    let whole = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
    for response in [streamed, ResponseTemplate::new(200).set_body_json(whole)] {
        let answer = chat(response).await;
        assert_eq!(answer.tool_calls, oslo_and_rome());
        assert_eq!(answer.finish, FinishReason::ToolCalls);
    }
}

#[tokio::test]
async fn a_call_that_was_cut_off_says_so() {
    let piece =
        json!([{"index": 0, "id": "a", "function": {"name": "weather", "arguments": "{\"ci"}}]);
    let answer = chat(events(&[calls(piece), finish("length")])).await;
    assert_eq!(answer.finish, FinishReason::Length);
    assert_eq!(answer.tool_calls[0].arguments, "{\"ci");
}

#[tokio::test]
async fn a_conversation_with_tools_goes_there_and_back() {
    let server = server(events(&[
        json!({"choices": [{"delta": {"content": "Yes."}}]}),
        finish("stop"),
    ]))
    .await;
    let model = Preset::Vllm.at(server.uri(), "tiny").build().unwrap();
    assert!(model.profile().tools);
    let mut request = ask().tool_choice(ToolChoice::Required);
    let mut answer = ChatResponse::default();
    answer.tool_calls = oslo_and_rome().into();
    request.messages.push(answer.message());
    request.messages.push(ChatMessage::tool("a", "snow"));
    request.messages.push(ChatMessage::tool("b", "sun"));
    assert_eq!(model.chat(request).await.unwrap().text, "Yes.");

    let sent = server.received_requests().await.unwrap().pop().unwrap();
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["tool_choice"], "required");
    assert_eq!(body["tools"][0]["function"]["name"], "weather");
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[1]["tool_calls"][1]["id"], "b");
    assert_eq!(
        messages[3],
        json!({"role": "tool", "tool_call_id": "b", "content": "sun"})
    );
    // The last message is a tool's: no answer is begun.
    assert!(body.get("continue_final_message").is_none());
}

#[tokio::test]
async fn openai_gets_the_limit_by_its_new_name() {
    let server = server(events(&[finish("stop")])).await;
    let model = Preset::OpenAi.at(server.uri(), "tiny").build().unwrap();
    model.chat(ask().max_tokens(9)).await.unwrap();
    let sent = server.received_requests().await.unwrap().pop().unwrap();
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(
        (&body["max_completion_tokens"], body.get("max_tokens")),
        (&json!(9), None)
    );
}
