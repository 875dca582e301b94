//! Keeps a conversation with tools within the model's window.

use std::sync::Arc;

use catena_core::{ChatMessage, ChatModel, ChatRequest, Context};
use serde::Serialize;

use super::types::State;

#[derive(Clone, Debug)]
pub(super) struct Fitting {
    pub(super) model: Arc<dyn ChatModel>,
    /// The most tokens of a result.
    pub(super) result_tokens: usize,
}

/// What stands where an old result was.
const LEFT_OUT: &str = "[left out to make room; call the tool again if it is needed]";

/// A result is not cut below this, in tokens.
const LEAST: usize = 32;

/// The note about a result that made way.
#[derive(Serialize)]
struct LeftOut {
    message: usize,
    bytes: usize,
}

impl Fitting {
    /// A result as the model is shown it.
    pub(super) fn shown(&self, result: &str) -> String {
        self.cut(result, self.result_tokens)
    }

    /// Has results make way until the request fits the window: the oldest ones first, which are left
    /// out; then of the last calls the longest, which are cut. What still does not fit is refused by
    /// the context, with the number of tokens that are missing.
    pub(super) fn fit(
        &self,
        state: &mut State,
        request: impl Fn(&[ChatMessage]) -> ChatRequest,
        cx: &Context,
    ) {
        let window = u64::from(self.model.profile().context_window);
        let fits = |messages: &[ChatMessage]| {
            let request = request(messages);
            let answer = u64::from(request.max_tokens.unwrap_or_default());
            self.model.prompt_tokens(&request) + answer <= window
        };
        let old = state.results.len().saturating_sub(state.fresh);
        let mut old = state.results.iter().copied().take(old);
        while !fits(&state.messages) {
            let Some(index) = old.next() else {
                break;
            };
            if let Some(message) = state.messages.get_mut(index)
                && message.content != LEFT_OUT
            {
                let bytes = message.content.len();
                LEFT_OUT.clone_into(&mut message.content);
                cx.note(
                    "tool.left_out",
                    &LeftOut {
                        message: index,
                        bytes,
                    },
                );
            }
        }
        let fresh: Vec<usize> = state
            .results
            .iter()
            .rev()
            .take(state.fresh)
            .copied()
            .collect();
        while !fits(&state.messages) {
            let sizes = fresh.iter().filter_map(|index| {
                let content = &state.messages.get(*index)?.content;
                Some((self.count(content), *index))
            });
            let Some((tokens, index)) = sizes.max().filter(|(tokens, _)| *tokens > LEAST) else {
                return;
            };
            if let Some(message) = state.messages.get_mut(index) {
                let bytes = message.content.len();
                message.content = self.cut(&message.content, tokens / 2);
                cx.note(
                    "tool.left_out",
                    &LeftOut {
                        message: index,
                        bytes,
                    },
                );
            }
        }
    }

    fn count(&self, text: &str) -> usize {
        self.model.counter().count(text)
    }

    /// The first tokens of a text, and a word on what is left out; no more than so many together, if
    /// there are enough for that word.
    fn cut(&self, text: &str, tokens: usize) -> String {
        /// No token of any vocabulary in use has more bytes, spaces apart: what is longer is not counted.
        const BYTES: usize = 64;
        if text.len() <= tokens.saturating_mul(BYTES) && self.count(text) <= tokens {
            return text.to_owned();
        }
        let told =
            |kept: usize| format!("\n[{} of {} bytes left out]", text.len() - kept, text.len());
        let room = tokens.saturating_sub(self.count(&told(0))).max(1);
        let mut end = boundary(text, text.len().min(tokens.saturating_mul(BYTES)));
        loop {
            let kept = text.get(..end).unwrap_or_default();
            let count = self.count(kept);
            if count <= room || end == 0 {
                return format!("{kept}{}", told(end));
            }
            // In proportion, and a little less, since a text is not even.
            let next = (end as u128 * room as u128 / count as u128) as usize;
            end = boundary(text, next.min(end - 1));
        }
    }
}

/// The last boundary between two characters that is not behind byte `at`.
fn boundary(text: &str, at: usize) -> usize {
    let boundary = (0..=at).rev().find(|at| text.is_char_boundary(*at));
    boundary.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use catena_models::ScriptedModel;

    use super::*;

    fn fitting() -> Fitting {
        Fitting {
            model: Arc::new(ScriptedModel::new()),
            result_tokens: 20,
        }
    }

    #[test]
    fn a_result_is_cut_to_its_tokens_and_says_so() {
        let fitting = fitting();
        assert_eq!(fitting.shown("short"), "short");
        let text = "word ".repeat(1000);
        let shown = fitting.shown(&text);
        assert!(fitting.count(&shown) <= 20, "{shown}");
        assert!(shown.starts_with("word word") && shown.ends_with(" of 5000 bytes left out]"));
        // One word without an end.
        let shown = fitting.shown(&"é".repeat(100_000));
        assert!(shown.len() < 2000 && shown.contains("left out"), "{shown}");
    }
}
