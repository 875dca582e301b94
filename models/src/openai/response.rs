//! A chunk of an answer as it comes over the wire.
//!
//! Servers that call themselves compatible differ in what they leave out, send as null or add, so
//! everything is looked up leniently: what is absent or of another type counts as not said.

use catena_core::{FinishReason, TokenLogprob, Usage};
use serde_json::Value;

use super::error::Failure;

/// What one chunk, or the body of an answer that is not streamed, says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    /// Text to append.
    pub(super) text: String,
    /// The model's reason not to answer, to append.
    pub(super) refusal: String,
    pub(super) logprobs: Vec<TokenLogprob>,
    pub(super) finish: Option<FinishReason>,
    pub(super) usage: Option<Reported>,
    /// Whether the chunk has the first choice at all.
    pub(super) has_choice: bool,
}

/// Usage as a server reports it, possibly in part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    input: Option<u64>,
    cached: Option<u64>,
    output: Option<u64>,
}

impl Reported {
    /// The usage of the call; `input` and `output` estimate what the server did not say.
    pub(super) fn usage(self, input: impl FnOnce() -> u64, output: impl FnOnce() -> u64) -> Usage {
        let input = self.input.unwrap_or_else(input);
        let mut usage = Usage::call(input, self.output.unwrap_or_else(output));
        usage.cached_tokens = self.cached.unwrap_or(0).min(input);
        usage
    }
}

impl Chunk {
    /// What `json` says, or the failure that it reports.
    pub(super) fn read(json: &Value) -> Result<Self, Failure> {
        if let Some(failure) = Failure::read(json) {
            return Err(failure);
        }
        let mut chunk = Self {
            usage: json.get("usage").and_then(usage),
            ..Self::default()
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
            chunk.has_choice = true;
            chunk.text = field("content").map(text).unwrap_or_default();
            chunk.refusal = field("refusal").map(text).unwrap_or_default();
            chunk.finish = choice.get("finish_reason").and_then(finish);
            chunk.logprobs = choice
                .pointer("/logprobs/content")
                .and_then(Value::as_array)
                .map(|tokens| tokens.iter().filter_map(token_logprob).collect())
                .unwrap_or_default();
        }
        Ok(chunk)
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

fn finish(reason: &Value) -> Option<FinishReason> {
    match reason.as_str()? {
        "" => None,
        "length" | "max_tokens" => Some(FinishReason::Length),
        "content_filter" => Some(FinishReason::ContentFilter),
        _ => Some(FinishReason::Stop),
    }
}

fn usage(usage: &Value) -> Option<Reported> {
    let count = |path| usage.pointer(path).and_then(Value::as_u64);
    usage.is_object().then(|| Reported {
        input: count("/prompt_tokens"),
        cached: count("/prompt_tokens_details/cached_tokens"),
        output: count("/completion_tokens"),
    })
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
        Chunk::read(json).unwrap()
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
            "finish_reason": "", "logprobs": {"content": null}, "extra": [1],
        }]});
        let chunk = Chunk {
            has_choice: true,
            ..Chunk::default()
        };
        assert_eq!(read(&odd), chunk);
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
    fn usage_may_be_reported_in_part() {
        let json = json!({"usage": {
            "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 90},
        }});
        let usage = read(&json).usage.unwrap().usage(|| 40, || unreachable!());
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
