//! A server of the chat completions protocol, played with the scripted model.

use std::{collections::BTreeMap, sync::Arc};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Delta, ToolChoice, WordCounter};
use catena_models::{OpenAiCompatible, testing::assert_chat_model_conforms};
use futures::{StreamExt, executor::block_on};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::able;

#[tokio::test]
async fn the_openai_protocol_conforms() {
    for server in [
        Protocol::default(),
        Protocol {
            usage: false,
            ..Protocol::default()
        },
        Protocol {
            stop: false,
            ..Protocol::default()
        },
        Protocol {
            streams: false,
            ..Protocol::default()
        },
    ] {
        let mock = MockServer::start().await;
        Mock::given(any()).respond_with(server).mount(&mock).await;
        let model = OpenAiCompatible::builder(format!("{}/v1", mock.uri()), "tiny")
            .counter(Arc::new(WordCounter))
            .build()
            .unwrap();
        assert_chat_model_conforms(Arc::new(model)).await;
    }
}

/// A server that speaks the protocol as well as its fields say.
#[derive(Clone, Debug)]
struct Protocol {
    streams: bool,
    usage: bool,
    stop: bool,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            streams: true,
            usage: true,
            stop: true,
        }
    }
}

impl Respond for Protocol {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let deltas = block_on(async {
            let stream = able().stream(self.request(&asked)).await.unwrap();
            stream.map(Result::unwrap).collect::<Vec<Delta>>().await
        });
        if self.streams {
            self.streamed(deltas)
        } else {
            self.whole(deltas)
        }
    }
}

impl Protocol {
    fn request(&self, asked: &Value) -> ChatRequest {
        let messages = asked["messages"].as_array().unwrap();
        let messages = messages
            .iter()
            .map(|message| ChatMessage::user(message["content"].as_str().unwrap_or_default()));
        let limit = asked["max_tokens"].as_u64().unwrap();
        let mut request = ChatRequest::new(messages).max_tokens(limit as u32);
        if let (true, Some(stops)) = (self.stop, asked["stop"].as_array()) {
            request = request.stop(stops.iter().map(|stop| stop.as_str().unwrap()));
        }
        if asked["response_format"].is_object() {
            request = request.json_schema(json!({}));
        }
        if asked["tool_choice"] == "required" {
            assert_eq!(asked["tools"][0]["function"]["name"], "submit");
            request = request.tool_choice(ToolChoice::Required);
        }
        if asked["logprobs"] == true {
            request = request.logprobs(asked["top_logprobs"].as_u64().unwrap() as u8);
        }
        request
    }

    fn event(&self, delta: &Delta) -> BTreeMap<&'static str, Value> {
        let choice = match delta {
            Delta::Text(text) => json!({"index": 0, "delta": {"content": text}}),
            Delta::Logprobs(tokens) => {
                let tokens: Vec<Value> = tokens
                    .iter()
                    .map(|token| {
                        let top = json!({"token": token.token, "logprob": token.logprob});
                        json!({"token": token.token, "logprob": token.logprob, "top_logprobs": [top]})
                    })
                    .collect();
                json!({"index": 0, "delta": {}, "logprobs": {"content": tokens}})
            }
            Delta::ToolCall(call) => {
                let function = json!({"name": call.name, "arguments": call.arguments});
                let call = json!({"index": 0, "id": call.id, "function": function});
                json!({"index": 0, "delta": {"tool_calls": [call]}})
            }
            Delta::End { finish, .. } => json!({"index": 0, "delta": {}, "finish_reason": finish}),
            other => panic!("unknown delta {other:?}"),
        };
        let mut event = BTreeMap::from([("choices", json!([choice]))]);
        if let (Delta::End { usage, .. }, true) = (delta, self.usage) {
            let usage = json!({
                "prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens,
            });
            event.insert("usage", usage);
        }
        event
    }

    fn streamed(&self, deltas: Vec<Delta>) -> ResponseTemplate {
        let mut body = String::new();
        for delta in &deltas {
            let event = json!(self.event(delta));
            body.push_str(&format!("data: {event}\n\n"));
        }
        body.push_str("data: [DONE]\n\n");
        ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
    }

    fn whole(&self, deltas: Vec<Delta>) -> ResponseTemplate {
        let (mut text, mut body) = (String::new(), BTreeMap::new());
        let (mut tokens, mut calls) = (Vec::new(), json!([]));
        for delta in &deltas {
            body = self.event(delta);
            match delta {
                Delta::Text(piece) => text.push_str(piece),
                Delta::Logprobs(_) => {
                    let new = body["choices"][0]["logprobs"]["content"].as_array();
                    tokens.extend(new.unwrap().clone());
                }
                Delta::ToolCall(_) => {
                    calls = body["choices"][0]["delta"]["tool_calls"].clone();
                }
                _ => {}
            }
        }
        let choice = &mut body.get_mut("choices").unwrap()[0];
        choice["message"] = json!({"role": "assistant", "content": text, "tool_calls": calls});
        choice["logprobs"] = json!({"content": tokens});
        choice.as_object_mut().unwrap().remove("delta");
        ResponseTemplate::new(200).set_body_json(json!(body))
    }
}
