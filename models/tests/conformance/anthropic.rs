//! A server of Anthropic's protocol, played with the scripted model.

use std::sync::Arc;

use catena_core::{
    ChatMessage, ChatModel, ChatRequest, Delta, FinishReason, ToolChoice, WordCounter,
};
use catena_models::{Anthropic, testing::assert_chat_model_conforms};
use futures::{StreamExt, executor::block_on};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::able;

#[tokio::test]
async fn the_anthropic_protocol_conforms() {
    // Streaming, prompt caching, and the form of answers as such: the last model is of the older ones.
    for (streams, caching, format) in [
        (true, false, true),
        (true, true, true),
        (false, false, true),
        (true, false, false),
        (false, false, false),
    ] {
        let mock = MockServer::start().await;
        Mock::given(any())
            .respond_with(Messages { streams })
            .mount(&mock)
            .await;
        let model = Anthropic::builder("tiny")
            .base_url(format!("{}/v1", mock.uri()))
            .counter(Arc::new(WordCounter))
            .prompt_caching(caching)
            .output_format(format)
            .build()
            .unwrap();
        assert_chat_model_conforms(Arc::new(model)).await;
    }
}

struct Messages {
    streams: bool,
}

impl Respond for Messages {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let answer_is_json = asked["tool_choice"]["name"] == "answer";
        let deltas = block_on(async {
            let stream = able().stream(translated(&asked)).await.unwrap();
            stream.map(Result::unwrap).collect::<Vec<Delta>>().await
        });
        match self.streams {
            true => streamed(&deltas, answer_is_json),
            false => whole(&deltas, answer_is_json),
        }
    }
}

/// The request as the scripted model takes it.
fn translated(asked: &Value) -> ChatRequest {
    let mut messages = Vec::new();
    let system = asked["system"].as_array().into_iter().flatten();
    let turns = asked["messages"].as_array().unwrap().iter();
    for block in system.chain(turns.flat_map(|turn| turn["content"].as_array().unwrap())) {
        messages.push(ChatMessage::user(
            block["text"].as_str().unwrap_or_default(),
        ));
    }
    let limit = asked["max_tokens"].as_u64().unwrap();
    let mut request = ChatRequest::new(messages).max_tokens(limit as u32);
    if let Some(stops) = asked["stop_sequences"].as_array() {
        request = request.stop(stops.iter().map(|stop| stop.as_str().unwrap()));
    }
    let format = &asked["output_config"]["format"];
    if format["type"] == "json_schema" {
        request = request.json_schema(format["schema"].clone());
    }
    match asked["tool_choice"]["type"].as_str() {
        Some("any") => request.tool_choice(ToolChoice::Required),
        Some("tool") => request.json_schema(asked["tools"][0]["input_schema"].clone()),
        _ => request,
    }
}

fn reason(finish: FinishReason, answer_is_json: bool) -> &'static str {
    match finish {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        _ if answer_is_json => "tool_use",
        _ => "end_turn",
    }
}

fn streamed(deltas: &[Delta], answer_is_json: bool) -> ResponseTemplate {
    let Some(Delta::End { finish, usage }) = deltas.last() else {
        panic!("{deltas:?} has no end");
    };
    let usage_at_start = json!({"input_tokens": usage.input_tokens, "output_tokens": 1});
    let mut events = vec![
        json!({"type": "message_start", "message": {"usage": usage_at_start}}),
        json!({"type": "content_block_start", "index": 0, "content_block": match answer_is_json {
            true => json!({"type": "tool_use", "id": "1", "name": "answer", "input": {}}),
            false => json!({"type": "text", "text": ""}),
        }}),
    ];
    for delta in deltas {
        match delta {
            Delta::Text(text) => events.push(json!({"type": "content_block_delta", "index": 0,
                "delta": match answer_is_json {
                    true => json!({"type": "input_json_delta", "partial_json": text}),
                    false => json!({"type": "text_delta", "text": text}),
                },
            })),
            Delta::ToolCall(call) => {
                let block =
                    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
                events.push(
                    json!({"type": "content_block_start", "index": 1, "content_block": block}),
                );
                let delta = json!({"type": "input_json_delta", "partial_json": call.arguments});
                events.push(json!({"type": "content_block_delta", "index": 1, "delta": delta}));
            }
            _ => {}
        }
    }
    events.push(
        json!({"type": "message_delta", "usage": {"output_tokens": usage.output_tokens},
        "delta": {"stop_reason": reason(*finish, answer_is_json)}}),
    );
    events.push(json!({"type": "message_stop"}));
    let events = events.iter().map(|event| format!("data: {event}\n\n"));
    ResponseTemplate::new(200).set_body_raw(events.collect::<String>(), "text/event-stream")
}

fn whole(deltas: &[Delta], answer_is_json: bool) -> ResponseTemplate {
    let (mut text, mut content, mut body) = (String::new(), Vec::new(), json!({}));
    for delta in deltas {
        match delta {
            Delta::Text(piece) => text.push_str(piece),
            Delta::ToolCall(call) => {
                let input: Value = serde_json::from_str(&call.arguments).unwrap();
                content.push(json!({"type": "tool_use", "id": call.id, "name": call.name,
                    "input": input}));
            }
            Delta::End { finish, usage } => {
                content.insert(
                    0,
                    match answer_is_json {
                        true => json!({"type": "tool_use", "id": "1", "name": "answer",
                        "input": serde_json::from_str::<Value>(&text).unwrap()}),
                        false => json!({"type": "text", "text": text}),
                    },
                );
                body = json!({"type": "message", "content": content,
                    "stop_reason": reason(*finish, answer_is_json),
                    "usage": {"input_tokens": usage.input_tokens,
                        "output_tokens": usage.output_tokens}});
            }
            _ => {}
        }
    }
    ResponseTemplate::new(200).set_body_json(body)
}
