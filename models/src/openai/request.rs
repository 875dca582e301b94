//! A chat request as it goes over the wire.

use catena_core::{ChatMessage, ChatRequest, Format, Role};
use serde::Serialize;
use serde_json::Value;

/// How many stop sequences a server is sure to take. Those beyond are enforced on our side alone.
const MAX_STOPS: usize = 4;

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    max_tokens: u32,
    temperature: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(flatten)]
    logprobs: Option<Logprobs>,
    #[serde(flatten)]
    continuation: Option<Continuation>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonSchema { json_schema: JsonSchema<'a> },
}

#[derive(Debug, Serialize)]
struct JsonSchema<'a> {
    name: &'static str,
    strict: bool,
    schema: &'a Value,
}

#[derive(Debug, Serialize)]
struct Logprobs {
    logprobs: bool,
    top_logprobs: u8,
}

/// vLLM's way to say that the last message is the beginning of the answer; llama.cpp assumes it.
#[derive(Debug, Serialize)]
struct Continuation {
    continue_final_message: bool,
    add_generation_prompt: bool,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(model: &'a str, max_tokens: u32, request: &'a ChatRequest) -> Self {
        let stops = request.stop.iter().filter(|stop| !stop.is_empty());
        Self {
            model,
            messages: request.messages.iter().map(Message::from).collect(),
            max_tokens,
            temperature: request.temperature,
            top_p: (request.top_p < 1.0).then_some(request.top_p),
            seed: request.seed,
            stop: stops.take(MAX_STOPS).map(String::as_str).collect(),
            response_format: match &request.format {
                Format::JsonSchema(schema) => Some(ResponseFormat::JsonSchema {
                    json_schema: JsonSchema {
                        name: "answer",
                        strict: true,
                        schema,
                    },
                }),
                _ => None,
            },
            logprobs: request.logprobs.map(|alternatives| Logprobs {
                logprobs: true,
                top_logprobs: alternatives,
            }),
            continuation: continues_answer(request).then_some(Continuation {
                continue_final_message: true,
                add_generation_prompt: false,
            }),
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
        }
    }
}

/// Whether the last message is the beginning of the answer.
pub(super) fn continues_answer(request: &ChatRequest) -> bool {
    let last = request.messages.last();
    last.is_some_and(|last| last.role == Role::Assistant)
}

impl<'a> From<&'a ChatMessage> for Message<'a> {
    fn from(message: &'a ChatMessage) -> Self {
        Self {
            role: match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: &message.content,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wire(request: &ChatRequest) -> Value {
        // By way of text: a number must be written as it was given, 0.7 and not 0.699999988.
        let text = serde_json::to_string(&Body::new("m", 64, request)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_plain_request_says_no_more_than_it_must() {
        let request = ChatRequest::new([ChatMessage::system("s"), ChatMessage::user("u")]);
        let expected = json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "u"},
            ],
            "max_tokens": 64,
            "temperature": 0.0,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        assert_eq!(wire(&request), expected);
    }

    #[test]
    fn everything_that_is_asked_for_is_sent() {
        let request = ChatRequest::new([ChatMessage::user("u")])
            .temperature(0.7)
            .top_p(0.9)
            .seed(7)
            .stop(["a", "", "b", "c", "d", "e"])
            .json_schema(json!({"type": "object"}))
            .logprobs(3);
        let wire = wire(&request);
        assert_eq!(wire["temperature"], json!(0.7));
        assert_eq!(wire["top_p"], json!(0.9));
        assert_eq!(wire["seed"], 7);
        assert_eq!(wire["stop"], json!(["a", "b", "c", "d"]));
        assert_eq!(wire["logprobs"], true);
        assert_eq!(wire["top_logprobs"], 3);
        let format = json!({
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": true, "schema": {"type": "object"}},
        });
        assert_eq!(wire["response_format"], format);
    }

    #[test]
    fn a_begun_answer_is_continued() {
        let request = ChatRequest::new([ChatMessage::user("u"), ChatMessage::assistant("It")]);
        let wire = wire(&request);
        assert_eq!(wire["continue_final_message"], true);
        assert_eq!(wire["add_generation_prompt"], false);
    }
}
