//! What goes over the wire to an OpenAI-compatible server, and what an answer becomes.

use std::time::Duration;

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, Delta, Error, FinishReason, Result,
    TokenLogprob, Usage,
};
use catena_models::OpenAiCompatible;
use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

/// A server that answers every chat request with `response`.
async fn server(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn model(server: &MockServer) -> OpenAiCompatible {
    OpenAiCompatible::builder(format!("{}/v1", server.uri()), "tiny")
        .api_key("sk-secret")
        .build()
        .unwrap()
}

fn events(events: &[Value]) -> ResponseTemplate {
    let mut body: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    body.push_str("data: [DONE]\n\n");
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

fn text(text: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("Which colour?")])
}

async fn chat(response: ResponseTemplate) -> Result<ChatResponse> {
    model(&server(response).await).chat(ask()).await
}

async fn sent(server: &MockServer) -> Request {
    server.received_requests().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_request_is_sent_as_the_protocol_has_it() {
    let server = server(events(&[text("blue"), finish("stop")])).await;
    let model = OpenAiCompatible::builder(format!("{}/v1/", server.uri()), "tiny")
        .api_key(" sk-secret\n")
        .header("x-project", "catena")
        .build()
        .unwrap();
    model.chat(ask().seed(7).stop(["\n"])).await.unwrap();

    let request = sent(&server).await;
    assert_eq!(request.headers["authorization"], "Bearer sk-secret");
    assert_eq!(request.headers["x-project"], "catena");
    assert_eq!(request.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "model": "tiny",
        "messages": [{"role": "user", "content": "Which colour?"}],
        "max_tokens": 1024,
        "temperature": 0.0,
        "seed": 7,
        "stop": ["\n"],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn deltas_usage_and_logprobs_are_read() {
    let logprobs = json!({"choices": [{"index": 0, "delta": {"content": "sky "}, "logprobs":
        {"content": [{"token": "sky ", "logprob": -0.25, "top_logprobs": []}]}}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 8}}});
    let server = server(events(&[
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        logprobs,
        text("blue"),
        finish("length"),
        usage,
    ]))
    .await;
    let stream = model(&server).stream(ask().logprobs(0)).await.unwrap();
    let deltas: Vec<Delta> = stream.try_collect().await.unwrap();

    let mut usage = Usage::call(11, 3);
    usage.cached_tokens = 8;
    let expected = [
        Delta::Text("sky ".into()),
        Delta::Logprobs(vec![TokenLogprob {
            token: "sky ".into(),
            logprob: -0.25,
            top: Vec::new(),
        }]),
        Delta::Text("blue".into()),
        Delta::End {
            finish: FinishReason::Length,
            usage,
        },
    ];
    assert_eq!(deltas, expected);
}

#[tokio::test]
async fn usage_that_is_not_reported_is_estimated() {
    let server = server(events(&[text("light "), text("blue"), finish("stop")])).await;
    let model = model(&server);
    let answer = model.chat(ask()).await.unwrap();
    assert_eq!(answer.text, "light blue");
    let counted = model.counter().count("light blue") as u64;
    assert_eq!(
        answer.usage,
        Usage::call(model.prompt_tokens(&ask()), counted)
    );
    assert!(counted > 0 && answer.usage.input_tokens > 0);
}

#[tokio::test]
async fn an_answer_in_one_piece_is_understood() {
    let body = json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "blue"},
            "finish_reason": "length"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 1},
    });
    let answer = chat(ResponseTemplate::new(200).set_body_json(body))
        .await
        .unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("blue", FinishReason::Length)
    );
    assert_eq!(answer.usage, Usage::call(4, 1));

    let bare = json!({"choices": [{"message": {"content": "blue"}}]});
    let answer = chat(ResponseTemplate::new(200).set_body_json(bare))
        .await
        .unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("blue", FinishReason::Stop)
    );
}

#[tokio::test]
async fn a_stop_sequence_that_the_server_lets_through_is_cut_off() {
    let server = server(events(&[
        text("blue."),
        text(" EN"),
        text("D more"),
        finish("length"),
    ]))
    .await;
    let answer = model(&server).chat(ask().stop([" END"])).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("blue.", FinishReason::Stop)
    );

    // The beginning of one is part of the answer if nothing follows.
    let answer = model(&server).chat(ask().stop(["more."])).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("blue. END more", FinishReason::Length)
    );
}

#[tokio::test]
async fn a_filtered_answer_says_so_and_a_refusal_is_an_error() {
    let answer = chat(events(&[text("bl"), finish("content_filter")]))
        .await
        .unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("bl", FinishReason::ContentFilter)
    );

    let refusal = json!({"choices": [{"delta": {"content": null, "refusal": "I must not."}}]});
    let error = chat(events(&[refusal, finish("stop")])).await.unwrap_err();
    assert!(error.is_refused());
    assert!(error.to_string().contains("I must not."), "{error}");
}

#[tokio::test]
async fn what_is_not_the_protocol_is_malformed() {
    for body in [
        "data: {not json}\n\n",
        "{}",
        "{\"choices\": []}",
        "<html></html>",
        "{\"a\"",
    ] {
        let response = ResponseTemplate::new(200).set_body_string(body);
        let error = chat(response).await.unwrap_err();
        let expected = if body == "{\"a\"" {
            Error::is_retryable
        } else {
            Error::is_malformed_output
        };
        assert!(expected(&error), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_may_be_begun_where_the_server_continues_it() {
    let server = server(events(&[text(" blue"), finish("stop")])).await;
    let begun = ChatRequest::new([ChatMessage::user("?"), ChatMessage::assistant("It is")]);
    let error = model(&server).chat(begun.clone()).await.unwrap_err();
    assert!(error.is_refused());
    assert!(server.received_requests().await.unwrap().is_empty());

    let model = OpenAiCompatible::builder(format!("{}/v1", server.uri()), "tiny")
        .continues_answers(true)
        .build()
        .unwrap();
    assert_eq!(model.chat(begun).await.unwrap().text, " blue");
    let body: Value = serde_json::from_slice(&sent(&server).await.body).unwrap();
    assert_eq!(body["continue_final_message"], true);
}

#[tokio::test]
async fn one_may_wait_for_ever() {
    let server = server(events(&[text("blue"), finish("stop")])).await;
    let model = OpenAiCompatible::builder(format!("{}/v1", server.uri()), "tiny")
        .deadline(Duration::MAX)
        .timeout(Duration::from_secs(u64::MAX / 100));
    assert_eq!(
        model.build().unwrap().chat(ask()).await.unwrap().text,
        "blue"
    );
}

#[tokio::test]
async fn an_empty_request_is_not_sent() {
    let server = server(events(&[])).await;
    let error = model(&server).chat(ChatRequest::new([])).await.unwrap_err();
    assert!(error.is_invalid());
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn models_are_listed() {
    let server = MockServer::start().await;
    let list = json!({"object": "list", "data": [{"id": "tiny"}, {"id": "large"}, {"name": "?"}]});
    Mock::given(method("GET"))
        .and(path("/v1/models"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .mount(&server)
        .await;
    assert_eq!(model(&server).models().await.unwrap(), ["tiny", "large"]);
    let elsewhere = OpenAiCompatible::builder(server.uri(), "tiny")
        .build()
        .unwrap();
    assert!(elsewhere.models().await.unwrap_err().is_refused());
}
