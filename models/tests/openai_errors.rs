//! What the errors of an OpenAI-compatible server become.

use std::time::Duration;

use catena_core::{ChatMessage, ChatModel, ChatRequest, Error};
use catena_models::OpenAiCompatible;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// The error that `response` becomes.
async fn error(response: ResponseTemplate) -> Error {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(response)
        .mount(&server)
        .await;
    let model = OpenAiCompatible::builder(format!("{}/v1", server.uri()), "tiny")
        .api_key("sk-secret")
        .context_window(64)
        .build()
        .unwrap();
    let request = ChatRequest::new([ChatMessage::user("word ".repeat(100))]);
    let error = model.chat(request).await.unwrap_err();
    // A model makes each request once; trying again is a layer's work.
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert!(!format!("{error:?}").contains("sk-secret"), "{error:?}");
    assert!(
        error.to_string().contains("asking 'tiny' at http://"),
        "{error}"
    );
    error
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn saying(message: &str) -> Value {
    json!({"error": {"message": message}})
}

#[tokio::test]
async fn credentials_are_refused_with_help_on_the_key() {
    for status in [401, 403] {
        let error = error(answer(status, &saying("Incorrect API key: sk-secret"))).await;
        assert!(error.is_refused() && !error.is_retryable());
        assert!(error.help().unwrap().contains("API key"));
        assert!(
            error.to_string().contains("Incorrect API key: [key]"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_unknown_model_is_named() {
    let error = error(answer(404, &saying("no such model"))).await;
    assert!(error.is_refused());
    assert!(error.help().unwrap().contains("'tiny'"));
}

#[tokio::test]
async fn a_rate_limit_keeps_its_delay() {
    let slow = answer(429, &saying("slow down"));
    let error_with_delay = error(slow.clone().insert_header("retry-after", "7")).await;
    assert!(error_with_delay.is_rate_limited());
    assert_eq!(error_with_delay.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error(slow).await.retry_after(), None);
}

#[tokio::test]
async fn a_failing_server_is_unavailable() {
    for status in [408, 500, 502, 503, 529] {
        let error = error(ResponseTemplate::new(status).set_body_string("<h1>oops</h1>")).await;
        assert!(error.is_retryable() && !error.is_rate_limited(), "{status}");
        assert!(error.to_string().contains("oops"), "{error}");
    }
}

#[tokio::test]
async fn a_failing_server_may_say_when_to_come_back() {
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "9");
    let error = error(busy).await;
    assert!(error.is_retryable() && !error.is_rate_limited());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn a_prompt_that_is_too_long_overflows() {
    let said = saying("maximum context length is 100 tokens, but 140 tokens were given");
    assert_eq!(error(answer(400, &said)).await.missing_tokens(), Some(40));
    // Without figures it is estimated: 100 words of 4 bytes are 200 tokens, 8 for the message,
    // and 64 for the answer, in a window of 64.
    let unsaid = json!({"error": {"message": "no", "code": "context_length_exceeded"}});
    assert_eq!(
        error(answer(400, &unsaid)).await.missing_tokens(),
        Some(208)
    );
}

#[tokio::test]
async fn a_content_filter_refuses() {
    let filtered = json!({"error": {"message": "filtered", "code": "content_filter"}});
    let error = error(answer(400, &filtered)).await;
    assert!(error.is_refused());
    assert!(error.help().unwrap().contains("content filter"));
}

#[tokio::test]
async fn any_other_objection_is_refused_in_the_servers_words() {
    let error = error(answer(422, &saying("seed must be\n positive"))).await;
    assert!(error.is_refused());
    assert!(
        error
            .to_string()
            .ends_with("answered 422: seed must be positive"),
        "{error}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
    let error = error(elsewhere).await;
    assert!(error.is_refused());
    assert!(error.help().unwrap().contains("base URL"));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_mapped_alike() {
    let in_stream = async |failure: Value| {
        let text = json!({"choices": [{"delta": {"content": "bl"}}]});
        let body = format!("data: {text}\n\ndata: {failure}\n\n");
        error(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")).await
    };
    let failure = |field: &str, value: Value| json!({"error": {"message": "m", field: value}});
    assert!(
        in_stream(failure("code", json!(429)))
            .await
            .is_rate_limited()
    );
    assert!(
        in_stream(failure("type", json!("server_error")))
            .await
            .is_retryable()
    );
    assert!(
        in_stream(failure("type", json!("invalid_request_error")))
            .await
            .is_refused()
    );
    let overflow = failure("code", json!("context_length_exceeded"));
    assert!(in_stream(overflow).await.is_context_overflow());
}

#[tokio::test]
async fn a_closed_port_is_named() {
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let model = OpenAiCompatible::builder(format!("http://{address}/v1"), "tiny")
        .build()
        .unwrap();
    let request = ChatRequest::new([ChatMessage::user("?")]);
    let error = model.chat(request).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(
        error.help().unwrap().contains(&address.to_string()),
        "{error:?}"
    );
}
