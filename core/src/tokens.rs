//! Counting tokens.

use std::{fmt, sync::Arc};

/// Counts the tokens of a text as a model would.
///
/// Every size in Catena is in tokens of the model that reads the text, so a model brings its own
/// counter: see [`ChatModel::counter`](crate::ChatModel::counter).
pub trait TokenCounter: Send + Sync + fmt::Debug {
    /// The number of tokens of `text` alone, without a chat template around it.
    ///
    /// A counter that does not have the model's tokenizer must count at least as many tokens as
    /// the model will, or a budget could be overrun.
    fn count(&self, text: &str) -> usize;

    /// Whether [`count`](Self::count) is the model's own figure and no estimate.
    fn is_exact(&self) -> bool {
        false
    }
}

impl<T: TokenCounter + ?Sized> TokenCounter for Arc<T> {
    fn count(&self, text: &str) -> usize {
        (**self).count(text)
    }

    fn is_exact(&self) -> bool {
        (**self).is_exact()
    }
}

/// An estimate for models whose tokenizer is not at hand: a token for every three bytes of each
/// word, and one for each run of other characters' three bytes, rounded up.
///
/// Byte-pair vocabularies of 30k entries and more need about four bytes a token for English; three
/// leaves room for names and code. Scripts without spaces take up to a token a character, which
/// three bytes of UTF-8 cover.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApproximateCounter;

impl TokenCounter for ApproximateCounter {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace()
            .map(|word| word.len().div_ceil(3))
            .sum::<usize>()
            + text.matches('\n').count()
    }
}

/// A counter for tests and examples: a token for each word.
#[derive(Clone, Copy, Debug, Default)]
pub struct WordCounter;

impl TokenCounter for WordCounter {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn is_exact(&self) -> bool {
        true
    }
}
