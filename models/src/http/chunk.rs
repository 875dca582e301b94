//! What one event of an answer says, whichever provider it is from.

use catena_core::{FinishReason, TokenLogprob, Usage};

/// What one chunk, or the body of an answer that is not streamed, says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chunk {
    /// Text to append.
    pub(crate) text: String,
    /// The model's reason not to answer, to append.
    pub(crate) refusal: String,
    pub(crate) logprobs: Vec<TokenLogprob>,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) usage: Reported,
    /// Pieces of tool calls.
    pub(crate) calls: Vec<CallPart>,
    /// Whether there is anything of an answer in it.
    pub(crate) has_answer: bool,
    /// Whether nothing follows.
    pub(crate) done: bool,
}

/// Usage as a server reports it, possibly in part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) input: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) output: Option<u64>,
}

impl Reported {
    /// Takes what was said later, where anything was.
    pub(super) fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.cached = later.cached.or(self.cached);
        self.output = later.output.or(self.output);
    }

    /// The usage of the call; `input` and `output` estimate what the server did not say.
    pub(crate) fn usage(self, input: impl FnOnce() -> u64, output: impl FnOnce() -> u64) -> Usage {
        let input = self.input.unwrap_or_else(input);
        let mut usage = Usage::call(input, self.output.unwrap_or_else(output));
        usage.cached_tokens = self.cached.unwrap_or(0).min(input);
        usage
    }
}

/// A piece of a tool call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallPart {
    /// Which call of the answer it belongs to, where the server says so.
    pub(crate) index: Option<u64>,
    /// Mostly on the first piece alone.
    pub(crate) id: String,
    /// Mostly on the first piece alone.
    pub(crate) name: String,
    /// To append.
    pub(crate) arguments: String,
}
