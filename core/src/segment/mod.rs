//! Cutting a text that is longer than a window into chunks that fit.
//!
//! Algorithm 2 of Chain-of-Agents, with the defects of its printed form mended: chunks keep
//! every byte, none is empty or over its limit, and a limit of nothing is an error. How much of
//! a window a chunk may fill (the prompt, the communication unit and the completion want room
//! too) is the caller's sum; a [`Segmenter`] is given the result.

mod cut;
mod pack;
mod sentences;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use sentences::sentences;

use crate::{Error, Result, TokenCounter};

/// A part of a text, small enough for one model call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its place among the chunks of the text, from 0.
    pub index: usize,
    /// Where it lies in the text, in bytes; both ends are on character boundaries.
    pub range: Range<usize>,
    /// The text of that range, byte for byte.
    pub text: String,
    /// The tokens of `text`, counted as a whole by the counter that [`Segmenter::split`] was given.
    pub tokens: usize,
}

/// Cuts a text into [`Chunk`]s of at most so many tokens.
///
/// Chunks are filled greedily with whole sentences ([`prose`](Self::prose)) or whole lines
/// ([`code`](Self::code)). A sentence or line that does not fit into a chunk by itself is cut at
/// the end of a clause, else at whitespace, else between characters as a reader sees them
/// (grapheme clusters); it begins in the current chunk if half of that is still free.
///
/// # Example: a text cut into chunks of at most eight words
///
/// ```
/// use catena_core::{Segmenter, WordCounter};
///
/// let text = "Mr. Brown came in. He sat down.\n\nNobody spoke for a while.";
/// let chunks = Segmenter::prose(8).split(text, &WordCounter)?;
///
/// let texts: Vec<_> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
/// assert_eq!(texts, ["Mr. Brown came in. He sat down.\n\n", "Nobody spoke for a while."]);
/// assert_eq!(texts.concat(), text);
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmenter {
    max_tokens: usize,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Prose,
    Code,
}

impl Segmenter {
    /// A segmenter for prose, which keeps sentences whole (see [`sentences`]).
    pub fn prose(max_tokens: usize) -> Self {
        Self {
            max_tokens,
            mode: Mode::Prose,
        }
    }

    /// A segmenter for program text and other text whose lines matter, which keeps lines whole.
    pub fn code(max_tokens: usize) -> Self {
        Self {
            max_tokens,
            mode: Mode::Code,
        }
    }

    /// The most tokens a chunk may have.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Cuts `text` into chunks, in order; an empty text has none.
    ///
    /// Whatever the counter, the chunks concatenate to the text exactly (a separator stays with
    /// the sentence or line before it), none is empty, and each was counted as a whole and has at
    /// most [`max_tokens`](Self::max_tokens). The time taken grows linearly with the text: a
    /// counter whose counts nearly add up, as a tokenizer's do, reads prose two to three times.
    ///
    /// # Errors
    ///
    /// - [`is_invalid`](Error::is_invalid) if `max_tokens` is 0.
    /// - [`is_context_overflow`](Error::is_context_overflow) if a single character is more than
    ///   `max_tokens`; [`missing_tokens`](Error::missing_tokens) says by how many.
    pub fn split(&self, text: &str, counter: &dyn TokenCounter) -> Result<Vec<Chunk>> {
        if self.max_tokens == 0 {
            return Err(Error::invalid(
                "cutting a text into chunks: a chunk of 0 tokens holds nothing",
            )
            .with_help(
                "allow at least 1 token a chunk; the window has to exceed the prompt, the \
                     communication unit and the completion together",
            ));
        }
        match self.mode {
            Mode::Prose => pack::pack(text, sentences(text), self.max_tokens, counter),
            Mode::Code => pack::pack(text, lines(text), self.max_tokens, counter),
        }
    }
}

/// The byte ranges of a text's lines, each with the line ending after it; they concatenate to the
/// text.
///
/// # Example: two lines
///
/// ```
/// let ranges: Vec<_> = catena_core::lines("fn main() {\n}").collect();
/// assert_eq!(ranges, [0..12, 12..13]);
/// ```
pub fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some(start..*end)
    })
}

#[cfg(test)]
mod tests;
