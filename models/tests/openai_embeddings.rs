//! The embeddings endpoint.

use std::time::Duration;

use catena_core::{Embedder, Error};
use catena_models::OpenAiEmbedder;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{method, path},
};

/// Answers each text with a vector made of its length, the last text first.
struct Lengths;

impl Respond for Lengths {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let texts = body["input"].as_array().unwrap().iter().enumerate();
        let data: Vec<Value> = texts
            .rev()
            .map(|(index, text)| {
                let length = text.as_str().unwrap().len();
                json!({"index": index, "embedding": [3 * length, 4 * length]})
            })
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({"data": data}))
    }
}

async fn server(response: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn embedder(server: &MockServer) -> OpenAiEmbedder {
    OpenAiEmbedder::builder(format!("{}/v1", server.uri()), "mini", 2)
        .api_key("sk-secret")
        .batch(2)
        .build()
        .unwrap()
}

fn texts(count: usize) -> Vec<String> {
    (1..=count).map(|length| "x".repeat(length)).collect()
}

async fn error(body: Value) -> Error {
    let server = server(ResponseTemplate::new(200).set_body_json(body)).await;
    embedder(&server).embed(&texts(2)).await.unwrap_err()
}

#[tokio::test]
async fn texts_go_in_batches_and_vectors_come_in_their_order_with_length_one() {
    let server = server(Lengths).await;
    let embedder = embedder(&server);
    let vectors = embedder.embed(&texts(5)).await.unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in &vectors {
        assert!(
            (vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6,
            "{vector:?}"
        );
    }
    let requests = server.received_requests().await.unwrap();
    let sent: Vec<Value> = requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    let expected = json!({"model": "mini", "input": ["x", "xx"], "encoding_format": "float"});
    assert_eq!((sent.len(), &sent[0]), (3, &expected));
    assert_eq!(requests[0].headers["authorization"], "Bearer sk-secret");
    assert!(embedder.embed(&[]).await.unwrap().is_empty());
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_order_is_that_of_the_numbers() {
    let body = json!({"data": [
        {"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [1, 0]},
    ]});
    let server = server(ResponseTemplate::new(200).set_body_json(body)).await;
    let vectors = embedder(&server).embed(&texts(2)).await.unwrap();
    assert_eq!(vectors, [[1.0, 0.0], [0.0, 1.0]]);
}

#[tokio::test]
async fn other_forms_are_understood() {
    for body in [
        json!({"data": [{"embedding": [1, 0]}, {"embedding": [0, 1]}]}),
        json!([{"index": 0, "embedding": [[1, 0]]}, {"index": 1, "embedding": [[0, 1]]}]),
    ] {
        let server = server(ResponseTemplate::new(200).set_body_json(body)).await;
        let vectors = embedder(&server).embed(&texts(2)).await.unwrap();
        assert_eq!(vectors, [[1.0, 0.0], [0.0, 1.0]]);
    }
}

#[tokio::test]
async fn what_does_not_fit_the_texts_is_malformed() {
    let vector = |index: u64, numbers: &[u64]| json!({"index": index, "embedding": numbers});
    for data in [
        json!([]),
        json!([vector(0, &[1, 0])]),
        json!([vector(0, &[1, 0]), vector(0, &[0, 1])]),
        json!([vector(0, &[1, 0]), vector(2, &[0, 1])]),
        json!([vector(0, &[1, 0]), vector(1, &[0, 1, 0])]),
        json!([vector(0, &[1, 0]), vector(1, &[])]),
        json!("odd"),
    ] {
        let error = error(json!({"data": data})).await;
        assert!(error.is_malformed_output(), "{data}: {error:?}");
    }
}

#[tokio::test]
async fn errors_are_those_of_a_model() {
    assert!(
        error(json!({"error": {"message": "busy", "code": 503}}))
            .await
            .is_retryable()
    );
    let slow = ResponseTemplate::new(429).insert_header("retry-after", "3");
    let server = server(slow).await;
    let error = embedder(&server).embed(&texts(1)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    let refused = OpenAiEmbedder::builder("ftp://x", "m", 2).build();
    assert!(refused.unwrap_err().is_invalid());
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let server = server(Lengths).await;
    let late = server_delayed().await;
    let build = |uri: String| {
        OpenAiEmbedder::builder(format!("{uri}/v1"), "mini", 2)
            .timeout(Duration::from_secs(60))
            .deadline(Duration::from_millis(200))
            .build()
            .unwrap()
    };
    assert!(build(server.uri()).embed(&texts(1)).await.is_ok());
    let error = build(late.uri()).embed(&texts(1)).await.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().contains("200ms"),
        "{error:?}"
    );
}

async fn server_delayed() -> MockServer {
    server(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await
}
