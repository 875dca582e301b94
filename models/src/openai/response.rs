//! A chunk of an answer as it comes over the wire.
//!
//! Servers that call themselves compatible differ in what they leave out, send as null or add, so
//! everything is looked up leniently: what is absent or of another type counts as not said.

use catena_core::{FinishReason, TokenLogprob};
use serde_json::Value;

use crate::http::{CallPart, Chunk, Failure, Reported};

/// Words for an answer that the server did not bring to its end: OpenRouter's and Mistral's, vLLM's,
/// DeepSeek's.
const INTERRUPTED: [&str; 3] = ["error", "abort", "insufficient_system_resource"];

/// What `json` says, or the failure that it reports.
pub(super) fn read(json: &Value) -> Result<Chunk, Failure> {
    if let Some(failure) = Failure::read(json) {
        return Err(failure);
    }
    let mut chunk = Chunk {
        usage: json.get("usage").map(usage).unwrap_or_default(),
        ..Chunk::default()
    };
    let choices = json.get("choices").and_then(Value::as_array);
    let first = choices.into_iter().flatten().find(|choice| {
        // We ask for one choice; a server that sends more numbers them.
        choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0
    });
    if let Some(choice) = first {
        let message = ["delta", "message"]
            .iter()
            .find_map(|name| choice.get(name).filter(|message| message.is_object()));
        let field = |name| message.and_then(|message| message.get(name));
        let reason = choice.get("finish_reason").and_then(Value::as_str);
        if let Some(reason) = reason.filter(|reason| INTERRUPTED.contains(reason)) {
            return Err(Failure::interrupted(reason));
        }
        chunk.has_answer = true;
        chunk.text = field("content").map(text).unwrap_or_default();
        chunk.refusal = field("refusal").map(text).unwrap_or_default();
        chunk.finish = reason.and_then(finish);
        let calls = field("tool_calls").and_then(Value::as_array);
        chunk.calls = calls.into_iter().flatten().map(call).collect();
        // What it was called before there could be several.
        let single = field("function_call").filter(|call| call.is_object());
        chunk.calls.extend(single.map(called));
        chunk.logprobs = choice
            .pointer("/logprobs/content")
            .and_then(Value::as_array)
            .map(|tokens| tokens.iter().filter_map(token_logprob).collect())
            .unwrap_or_default();
    }
    Ok(chunk)
}

fn call(call: &Value) -> CallPart {
    CallPart {
        index: call.get("index").and_then(Value::as_u64),
        id: call.get("id").map(text).unwrap_or_default(),
        ..called(call.get("function").unwrap_or(call))
    }
}

fn called(function: &Value) -> CallPart {
    CallPart {
        name: function.get("name").map(text).unwrap_or_default(),
        arguments: match function.get("arguments") {
            // Ollama's own form, which some gateways let through.
            Some(arguments @ Value::Object(_)) => arguments.to_string(),
            Some(arguments) => text(arguments),
            None => String::new(),
        },
        ..CallPart::default()
    }
}

/// A string, or the texts of a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        _ => String::new(),
    }
}

fn finish(reason: &str) -> Option<FinishReason> {
    match reason {
        "" => None,
        "length" | "max_tokens" | "model_length" => Some(FinishReason::Length),
        // Gemini says why, after a colon.
        filter if filter.starts_with("content_filter") => Some(FinishReason::ContentFilter),
        "tool_calls" | "function_call" => Some(FinishReason::ToolCalls),
        _ => Some(FinishReason::Stop),
    }
}

fn usage(usage: &Value) -> Reported {
    let count = |path| usage.pointer(path).and_then(Value::as_u64);
    Reported {
        input: count("/prompt_tokens"),
        cached: count("/prompt_tokens_details/cached_tokens"),
        output: count("/completion_tokens"),
    }
}

fn token_logprob(entry: &Value) -> Option<TokenLogprob> {
    let (token, logprob) = pair(entry)?;
    let top = entry.get("top_logprobs").and_then(Value::as_array);
    let mut top: Vec<_> = top.into_iter().flatten().filter_map(pair).collect();
    top.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Some(TokenLogprob {
        token,
        logprob,
        top,
    })
}

fn pair(entry: &Value) -> Option<(String, f32)> {
    let token = entry.get("token")?.as_str()?;
    let logprob = entry.get("logprob")?.as_f64()?;
    Some((token.to_owned(), logprob as f32))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value) -> Chunk {
        super::read(json).unwrap()
    }

    #[test]
    fn what_is_missing_null_or_odd_counts_as_not_said() {
        for empty in [
            json!({}),
            json!([]),
            json!({"choices": null, "usage": null, "error": null}),
            json!({"choices": [], "usage": "none"}),
            json!({"choices": [{"index": 1, "delta": {"content": "other"}}]}),
        ] {
            assert_eq!(read(&empty), Chunk::default(), "{empty}");
        }
        let odd = json!({"choices": [{
            "delta": {"content": null, "role": "assistant", "refusal": null},
            "tool_calls": null, "finish_reason": "", "logprobs": {"content": null}, "extra": [1],
        }]});
        let chunk = Chunk {
            has_answer: true,
            ..Chunk::default()
        };
        assert_eq!(read(&odd), chunk);
    }

    #[test]
    fn an_answer_that_the_server_broke_off_is_no_answer() {
        let ended = |reason: &str| {
            super::read(&json!({"choices": [{"delta": {"content": "a"}, "finish_reason": reason}]}))
        };
        for reason in INTERRUPTED {
            assert_eq!(ended(reason).unwrap_err().implied_status(), 500, "{reason}");
        }
        for (reason, finish) in [
            ("eos", FinishReason::Stop),
            ("model_length", FinishReason::Length),
            ("content_filter: SAFETY", FinishReason::ContentFilter),
        ] {
            assert_eq!(ended(reason).unwrap().finish, Some(finish), "{reason}");
        }
    }

    #[test]
    fn text_comes_as_delta_message_or_parts() {
        let parts = json!([{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}]);
        for (json, text) in [
            (json!({"choices": [{"delta": {"content": "a"}}]}), "a"),
            (
                json!({"choices": [{"delta": null, "message": {"content": "b"}}]}),
                "b",
            ),
            (json!({"choices": [{"message": {"content": parts}}]}), "ab"),
        ] {
            assert_eq!(read(&json).text, text);
        }
    }

    #[test]
    fn tool_calls_are_read_in_every_form() {
        let whole = json!({"id": "1", "function": {"name": "f", "arguments": "{}"}});
        let object = json!({"id": "1", "function": {"name": "f", "arguments": {}}});
        let old = json!({"name": "f", "arguments": "{}"});
        let expected = |id: &str| CallPart {
            index: None,
            id: id.into(),
            name: "f".into(),
            arguments: "{}".into(),
        };
        for (message, id) in [
            (json!({"tool_calls": [whole]}), "1"),
            (json!({"tool_calls": [object]}), "1"),
            (json!({"tool_calls": [old]}), ""),
            (json!({"function_call": old}), ""),
        ] {
            let json = json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]});
            assert_eq!(read(&json).calls, [expected(id)], "{json}");
            assert_eq!(read(&json).finish, Some(FinishReason::ToolCalls));
        }
        let piece =
            json!({"index": 2, "id": null, "function": {"name": null, "arguments": "{\"a"}});
        let json = json!({"choices": [{"delta": {"tool_calls": [piece]}}]});
        let expected = CallPart {
            index: Some(2),
            arguments: "{\"a".into(),
            ..CallPart::default()
        };
        assert_eq!(read(&json).calls, [expected]);
    }

    #[test]
    fn usage_may_be_reported_in_part() {
        let json = json!({"usage": {
            "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 90},
        }});
        let usage = read(&json).usage.usage(|| 40, || unreachable!());
        assert_eq!(
            (usage.calls, usage.input_tokens, usage.output_tokens),
            (1, 40, 5)
        );
        // No more can come from the cache than was read.
        assert_eq!(usage.cached_tokens, 40);
    }

    #[test]
    fn log_probabilities_are_sorted() {
        let json = json!({"choices": [{"logprobs": {"content": [{
            "token": "a", "logprob": -0.5, "bytes": [97],
            "top_logprobs": [{"token": "b", "logprob": -2}, {"token": "a", "logprob": -0.5}],
        }, {"token": 1}]}}]});
        let expected = TokenLogprob {
            token: "a".into(),
            logprob: -0.5,
            top: vec![("a".into(), -0.5), ("b".into(), -2.0)],
        };
        assert_eq!(read(&json).logprobs, [expected]);
    }
}
