//! The requests that both clients make, as we make them; `client.py` has them as its users do.

use catena_core::{ChatMessage, ChatRequest, ChatResponse, ToolCall, ToolChoice, ToolSpec};
use serde_json::{Value, json};

pub(crate) fn all() -> Vec<ChatRequest> {
    let count = || {
        ChatRequest::new([
            ChatMessage::system("You answer in plain words."),
            ChatMessage::user("Count from one to six."),
        ])
    };
    let asked = ChatMessage::user("Which city is the capital of France?");
    let capital = || ChatRequest::new([asked.clone()]);
    let weather = || ToolSpec::new("weather", "Tells the weather of a city.", city());
    let call = ToolCall::new("call_1", "weather", r#"{"city":"Paris"}"#);
    let mut told = capital();
    told.messages
        .push(ChatMessage::assistant_calling("", [call]));
    told.messages.push(ChatMessage::tool("call_1", "Rain."));
    vec![
        count().max_tokens(16).seed(7).top_p(0.5).stop(["seven"]),
        count().max_tokens(8).logprobs(2),
        capital().max_tokens(32).json_schema(city()),
        capital()
            .max_tokens(64)
            .tools([weather()])
            .tool_choice(ToolChoice::Required),
        told.max_tokens(8)
            .tools([weather()])
            .tool_choice(ToolChoice::None),
    ]
}

fn city() -> Value {
    json!({
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": false,
    })
}

/// An answer as `client.py` prints it.
pub(crate) fn told(answer: &ChatResponse) -> Value {
    let logprobs = answer.logprobs.iter();
    let logprobs = logprobs.map(|token| json!([token.token, token.logprob, token.top.len()]));
    let calls = answer.tool_calls.iter();
    let calls = calls.map(|call| json!([call.name, call.arguments]));
    json!({
        "text": answer.text,
        "finish": answer.finish,
        "usage": [answer.usage.input_tokens, answer.usage.output_tokens],
        "logprobs": logprobs.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
    })
}

/// Equal, but for what a prompt that was read before changes in the last digits of numbers, and
/// the length of vectors, which OpenAI leaves to the server and we bring to 1.
pub(crate) fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() < 0.02
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len() && pairs.clone().all(|(ours, theirs)| alike(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let found = |(name, ours)| theirs.get(name).is_some_and(|theirs| alike(ours, theirs));
            ours.len() == theirs.len() && ours.iter().all(found)
        }
        (ours, theirs) => ours == theirs,
    }
}
