//! A chat request as it goes over the wire.

use catena_core::{ChatMessage, ChatRequest, Format, Role, ToolCall, ToolChoice, ToolSpec};
use serde::Serialize;
use serde_json::Value;

use super::schema::is_strict;

/// How many stop sequences a server is sure to take. Those beyond are enforced on our side alone.
const MAX_STOPS: usize = 4;

/// What servers that speak the protocol do differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// An assistant's last message is the beginning of the answer.
    pub(super) continues_answers: bool,
    /// The limit goes by the name that OpenAI's newer models insist on, and others do not know.
    pub(super) max_completion_tokens: bool,
    /// No temperature, `top_p` and stop sequences: OpenAI's models that reason refuse them. Stop sequences
    /// are enforced on our side.
    pub(super) fixed_sampling: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
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
    /// Null beside tool calls, where some servers refuse an empty text.
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Debug, Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    r#type: &'static str,
    function: &'a ToolSpec,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Word(&'static str),
    One {
        r#type: &'static str,
        function: Name<'a>,
    },
}

#[derive(Debug, Serialize)]
struct Name<'a> {
    name: &'a str,
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
    pub(super) fn new(
        model: &'a str,
        dialect: Dialect,
        max_tokens: u32,
        request: &'a ChatRequest,
    ) -> Self {
        let newer = dialect.max_completion_tokens;
        let stops = request.stop.iter();
        let stops = stops.filter(|stop| !stop.is_empty() && !dialect.fixed_sampling);
        Self {
            model,
            messages: request.messages.iter().map(Message::from).collect(),
            max_tokens: (!newer).then_some(max_tokens),
            max_completion_tokens: newer.then_some(max_tokens),
            temperature: (!dialect.fixed_sampling).then_some(request.temperature),
            top_p: (!dialect.fixed_sampling && request.top_p < 1.0).then_some(request.top_p),
            seed: request.seed,
            stop: stops.take(MAX_STOPS).map(String::as_str).collect(),
            response_format: match &request.format {
                Format::JsonSchema(schema) => Some(ResponseFormat::JsonSchema {
                    json_schema: JsonSchema {
                        name: "answer",
                        strict: is_strict(schema),
                        schema,
                    },
                }),
                _ => None,
            },
            tools: request.tools.iter().map(Function::from).collect(),
            tool_choice: choice(request),
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

fn choice(request: &ChatRequest) -> Option<Choice<'_>> {
    match &request.tool_choice {
        // The API refuses to be told anything of tools where there are none.
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(Choice::Word("none")),
        ToolChoice::Required => Some(Choice::Word("required")),
        ToolChoice::Tool(name) => Some(Choice::One {
            r#type: "function",
            function: Name { name },
        }),
        _ => None,
    }
}

impl<'a> From<&'a ToolSpec> for Function<'a> {
    fn from(function: &'a ToolSpec) -> Self {
        Self {
            r#type: "function",
            function,
        }
    }
}

impl<'a> From<&'a ToolCall> for Call<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self {
            id: &call.id,
            r#type: "function",
            function: Called {
                name: &call.name,
                arguments: &call.arguments,
            },
        }
    }
}

impl<'a> From<&'a ChatMessage> for Message<'a> {
    fn from(message: &'a ChatMessage) -> Self {
        Self {
            role: match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            },
            content: (!message.content.is_empty() || message.tool_calls.is_empty())
                .then_some(&message.content),
            tool_calls: message.tool_calls.iter().map(Call::from).collect(),
            tool_call_id: message.tool_call_id.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wire(request: &ChatRequest) -> Value {
        // By way of text: a number must be written as it was given, 0.7 and not 0.699999988.
        let text = serde_json::to_string(&Body::new("m", Dialect::default(), 64, request)).unwrap();
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
            .json_schema(json!({"type": "object", "additionalProperties": false}))
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
            "json_schema": {"name": "answer", "strict": true,
                "schema": {"type": "object", "additionalProperties": false}},
        });
        assert_eq!(wire["response_format"], format);
        let loose = self::wire(&request.json_schema(json!({"type": "object"})));
        assert_eq!(loose["response_format"]["json_schema"]["strict"], false);
    }

    #[test]
    fn tools_their_calls_and_results_are_sent() {
        let parameters = json!({"type": "object"});
        let request = ChatRequest::new([
            ChatMessage::user("u"),
            ChatMessage::assistant_calling("", [ToolCall::new("1", "t", "{\"a\": 1}")]),
            ChatMessage::tool("1", ""),
        ])
        .tools([ToolSpec::new("t", "d", parameters.clone())]);
        let body = wire(&request);
        let function = json!({"name": "t", "description": "d", "parameters": parameters});
        assert_eq!(
            body["tools"],
            json!([{"type": "function", "function": function}])
        );
        assert_eq!(body.get("tool_choice"), None);
        let call = json!({"id": "1", "type": "function",
            "function": {"name": "t", "arguments": "{\"a\": 1}"}});
        let messages = json!([
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "content": "", "tool_call_id": "1"},
        ]);
        assert_eq!(body["messages"], messages);

        for (choice, sent) in [
            (ToolChoice::None, json!("none")),
            (ToolChoice::Required, json!("required")),
            (
                ToolChoice::Tool("t".into()),
                json!({"type": "function", "function": {"name": "t"}}),
            ),
        ] {
            assert_eq!(
                wire(&request.clone().tool_choice(choice))["tool_choice"],
                sent
            );
        }
    }

    #[test]
    fn what_a_model_refuses_is_not_sent() {
        let request = ChatRequest::new([ChatMessage::user("u")]).tool_choice(ToolChoice::None);
        assert_eq!(wire(&request).get("tool_choice"), None);
        let dialect = Dialect {
            fixed_sampling: true,
            ..Dialect::default()
        };
        let request = request.temperature(0.5).top_p(0.5).stop(["\n"]);
        let body = serde_json::to_value(Body::new("m", dialect, 64, &request)).unwrap();
        for absent in ["temperature", "top_p", "stop"] {
            assert!(body.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn a_begun_answer_is_continued() {
        let request = ChatRequest::new([ChatMessage::user("u"), ChatMessage::assistant("It")]);
        let wire = wire(&request);
        assert_eq!(wire["continue_final_message"], true);
        assert_eq!(wire["add_generation_prompt"], false);
    }
}
