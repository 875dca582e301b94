//! An event of an answer as it comes over the wire; what is absent or odd counts as not said.

use std::collections::HashSet;

use catena_core::FinishReason;
use serde_json::Value;

use super::request::ANSWER;
use crate::http::{CallPart, Chunk, Failure, Reported};

/// Reads one event after the other.
#[derive(Debug)]
pub(super) struct Events {
    /// Whether the arguments of the tool [`ANSWER`] are the answer.
    json: bool,
    /// The numbers of the blocks that are calls of that tool.
    answers: HashSet<u64>,
    read: Read,
}

/// Tokens read, as far as they were reported: not every event repeats them all.
#[derive(Debug, Default)]
struct Read {
    fresh: Option<u64>,
    /// To the cache.
    written: Option<u64>,
    cached: Option<u64>,
}

impl Events {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            answers: HashSet::new(),
            read: Read::default(),
        }
    }

    /// What `event` says, or the failure that it reports.
    pub(super) fn read(&mut self, event: &Value) -> Result<Chunk, Failure> {
        if let Some(failure) = Failure::read(event) {
            return Err(failure);
        }
        let field = |path| event.pointer(path).unwrap_or(&Value::Null);
        let index = field("/index").as_u64().unwrap_or(0);
        let mut chunk = Chunk::default();
        match field("/type").as_str().unwrap_or_default() {
            "message_start" => {
                chunk.usage = Reported {
                    // No more than a beginning.
                    output: None,
                    ..self.read.usage(field("/message/usage"))
                };
            }
            "content_block_start" => self.begin(index, field("/content_block"), &mut chunk),
            "content_block_delta" => self.go_on(index, field("/delta"), &mut chunk),
            "message_delta" => {
                chunk.finish = self.finish(field("/delta/stop_reason"));
                chunk.usage = self.read.usage(field("/usage"));
            }
            "message_stop" => chunk.done = true,
            "message" => self.whole(event, &mut chunk),
            // Pings, ends of blocks, and what is still to be invented.
            _ => {}
        }
        Ok(chunk)
    }

    fn begin(&mut self, index: u64, block: &Value, chunk: &mut Chunk) {
        let text = |name| string(block.get(name));
        match block.get("type").and_then(Value::as_str) {
            Some("text") if !self.json => chunk.text = text("text"),
            Some("tool_use") if self.json && text("name") == ANSWER => {
                self.answers.insert(index);
                chunk.text = arguments(block);
            }
            Some("tool_use") => chunk.calls.push(CallPart {
                index: Some(index),
                id: text("id"),
                name: text("name"),
                arguments: arguments(block),
            }),
            // Thinking, which is no part of the answer.
            _ => {}
        }
    }

    fn go_on(&mut self, index: u64, delta: &Value, chunk: &mut Chunk) {
        let text = |name| string(delta.get(name));
        match delta.get("type").and_then(Value::as_str) {
            Some("text_delta") if !self.json => chunk.text = text("text"),
            Some("input_json_delta") if self.answers.contains(&index) => {
                chunk.text = text("partial_json");
            }
            Some("input_json_delta") => chunk.calls.push(CallPart {
                index: Some(index),
                arguments: text("partial_json"),
                ..CallPart::default()
            }),
            _ => {}
        }
    }

    /// An answer in one piece.
    fn whole(&mut self, message: &Value, chunk: &mut Chunk) {
        let blocks = message.get("content").and_then(Value::as_array);
        for (index, block) in blocks.into_iter().flatten().enumerate() {
            let mut part = Chunk::default();
            self.begin(index as u64, block, &mut part);
            chunk.text.push_str(&part.text);
            chunk.calls.append(&mut part.calls);
        }
        chunk.has_answer = blocks.is_some();
        chunk.finish = message
            .get("stop_reason")
            .and_then(|reason| self.finish(reason));
        let usage = message.get("usage").unwrap_or(&Value::Null);
        chunk.usage = self.read.usage(usage);
    }

    fn finish(&self, reason: &Value) -> Option<FinishReason> {
        Some(match reason.as_str()? {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "refusal" => FinishReason::ContentFilter,
            "tool_use" if !self.json => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        })
    }
}

/// The arguments that a block begins with: in a stream an empty object, which the deltas replace.
fn arguments(block: &Value) -> String {
    match block.get("input") {
        Some(Value::Object(input)) if !input.is_empty() => Value::Object(input.clone()).to_string(),
        _ => String::new(),
    }
}

fn string(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Read {
    /// Takes what `usage` says. Tokens read count as input wherever they came from.
    fn usage(&mut self, usage: &Value) -> Reported {
        let count = |name| usage.get(name).and_then(Value::as_u64);
        self.fresh = count("input_tokens").or(self.fresh);
        self.written = count("cache_creation_input_tokens").or(self.written);
        self.cached = count("cache_read_input_tokens").or(self.cached);
        let (written, cached) = (self.written.unwrap_or(0), self.cached.unwrap_or(0));
        Reported {
            input: self
                .fresh
                .map(|fresh| fresh.saturating_add(written).saturating_add(cached)),
            cached: self.cached,
            output: count("output_tokens"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_null_or_odd_counts_as_not_said() {
        let mut events = Events::new(false);
        for odd in [
            json!({}),
            json!([]),
            json!({"type": "ping"}),
            json!({"type": "message_start", "message": {"usage": null}}),
            json!({"type": "content_block_start"}),
            json!({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "x"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": null}}),
        ] {
            assert_eq!(events.read(&odd).unwrap(), Chunk::default(), "{odd}");
        }
    }

    #[test]
    fn cached_tokens_are_tokens_read() {
        let usage = json!({"input_tokens": 5, "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 100, "output_tokens": 1});
        let start = json!({"type": "message_start", "message": {"usage": usage}});
        let mut events = Events::new(false);
        let reported = events.read(&start).unwrap().usage;
        let usage = reported.usage(|| unreachable!(), || 7);
        assert_eq!((usage.input_tokens, usage.cached_tokens), (125, 100));
        // What the start says of the output is only its beginning.
        assert_eq!(usage.output_tokens, 7);
        // The end repeats all of it, a part, or nothing.
        for end in [
            json!({"input_tokens": 5, "cache_creation_input_tokens": 20,
                "cache_read_input_tokens": 100, "output_tokens": 9}),
            json!({"input_tokens": 5, "output_tokens": 9}),
            json!({"output_tokens": 9}),
        ] {
            let end = json!({"type": "message_delta", "delta": {}, "usage": end});
            let usage = events.read(&end).unwrap().usage;
            let usage = usage.usage(|| unreachable!(), || unreachable!());
            assert_eq!((usage.input_tokens, usage.output_tokens), (125, 9));
        }
    }

    #[test]
    fn reasons_are_mapped() {
        let finish = |json, reason: &str| Events::new(json).finish(&json!(reason));
        for (reason, expected) in [
            ("end_turn", FinishReason::Stop),
            ("stop_sequence", FinishReason::Stop),
            ("max_tokens", FinishReason::Length),
            ("refusal", FinishReason::ContentFilter),
            ("tool_use", FinishReason::ToolCalls),
        ] {
            assert_eq!(finish(false, reason), Some(expected));
        }
        assert_eq!(finish(true, "tool_use"), Some(FinishReason::Stop));
    }

    #[test]
    fn an_error_in_the_stream_is_a_failure() {
        let error =
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}});
        let failure = Events::new(false).read(&error).unwrap_err();
        assert_eq!(failure.implied_status(), 500);
    }
}
