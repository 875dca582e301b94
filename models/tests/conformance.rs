//! The contract of `ChatModel`, over every implementation that needs no weights.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use catena_core::{
    ChatMessage, ChatModel, ChatRequest, ChatStream, Delta, FinishReason, ModelProfile, Result,
    TokenCounter, WordCounter,
};
use catena_models::{OpenAiCompatible, ScriptedModel, testing::assert_chat_model_conforms};
use futures::{FutureExt, StreamExt, executor::block_on, stream};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

const COUNT: &str = "one two three four five six seven eight nine ten eleven twelve";

#[tokio::test]
async fn the_scripted_model_conforms() {
    assert_chat_model_conforms(Arc::new(ScriptedModel::new().otherwise(COUNT))).await;
}

#[tokio::test(start_paused = true)]
async fn the_scripted_model_conforms_with_every_setting() {
    let model = ScriptedModel::from_fn(|request| match request.format {
        catena_core::Format::JsonSchema(_) => Ok("{\"count\": 12}".into()),
        _ => Ok(format!("{COUNT}\n")),
    })
    .configure(|profile| {
        profile.logprobs = true;
        profile.json_schema = true;
        profile.message_overhead = 4;
    })
    .latency(Duration::from_millis(20))
    .token_latency(Duration::from_millis(5));
    assert_chat_model_conforms(Arc::new(model.clone())).await;
    assert_eq!(model.in_flight(), 0);
}

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
            let answer = if asked["response_format"].is_object() {
                "{\"count\": 12}"
            } else {
                COUNT
            };
            let model = ScriptedModel::new()
                .configure(|profile| profile.logprobs = true)
                .otherwise(answer);
            let stream = model.stream(self.request(&asked)).await.unwrap();
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
            .map(|message| ChatMessage::user(message["content"].as_str().unwrap()));
        let limit = asked["max_tokens"].as_u64().unwrap();
        let mut request = ChatRequest::new(messages).max_tokens(limit as u32);
        if let (true, Some(stops)) = (self.stop, asked["stop"].as_array()) {
            request = request.stop(stops.iter().map(|stop| stop.as_str().unwrap()));
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
        let (mut text, mut tokens, mut body) = (String::new(), Vec::new(), BTreeMap::new());
        for delta in &deltas {
            body = self.event(delta);
            match delta {
                Delta::Text(piece) => text.push_str(piece),
                Delta::Logprobs(_) => {
                    let new = body["choices"][0]["logprobs"]["content"].as_array();
                    tokens.extend(new.unwrap().clone());
                }
                _ => {}
            }
        }
        let choice = &mut body.get_mut("choices").unwrap()[0];
        choice["message"] = json!({"role": "assistant", "content": text});
        choice["logprobs"] = json!({"content": tokens});
        choice.as_object_mut().unwrap().remove("delta");
        ResponseTemplate::new(200).set_body_json(json!(body))
    }
}

/// A model that breaks the contract in one way.
#[derive(Debug)]
struct Broken {
    inner: ScriptedModel,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    NoEnd,
    TwoEnds,
    IgnoresStop,
    IgnoresLimit,
    CallsItStop,
    NoUsage,
}

#[async_trait]
impl ChatModel for Broken {
    fn profile(&self) -> &ModelProfile {
        self.inner.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    async fn stream(&self, mut request: ChatRequest) -> Result<ChatStream> {
        match self.how {
            How::IgnoresStop => request.stop.clear(),
            How::IgnoresLimit => request.max_tokens = None,
            _ => {}
        }
        let mut deltas: Vec<_> = self.inner.stream(request).await?.collect().await;
        match (self.how, deltas.last_mut()) {
            (How::NoEnd, _) => drop(deltas.pop()),
            (How::TwoEnds, Some(Ok(end))) => {
                let end = end.clone();
                deltas.push(Ok(end));
            }
            (How::CallsItStop, Some(Ok(Delta::End { finish, .. }))) => *finish = FinishReason::Stop,
            (How::NoUsage, Some(Ok(Delta::End { usage, .. }))) => *usage = Default::default(),
            _ => {}
        }
        Ok(stream::iter(deltas).boxed())
    }
}

#[tokio::test]
async fn a_broken_contract_is_noticed() {
    for (how, said) in [
        (How::NoEnd, "no end"),
        (How::TwoEnds, "after the end"),
        (How::IgnoresStop, "contains the stop sequence"),
        (How::IgnoresLimit, "3 allowed"),
        (How::CallsItStop, "a cut answer finished with Stop"),
        (How::NoUsage, "were counted for one"),
    ] {
        let inner = ScriptedModel::new().otherwise(COUNT);
        let model = Arc::new(Broken { inner, how });
        let check = std::panic::AssertUnwindSafe(assert_chat_model_conforms(model));
        let panic = check.catch_unwind().await.expect_err("the model passed");
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains(said), "{how:?}: {message}");
    }
}
