//! How likely a model finds a text.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{ChatRequest, ModelProfile, Result, Usage};

/// Compares continuations of a prompt by their probability, which is cheaper and steadier than
/// asking a small model for a verdict in words.
///
/// Inside an agent, pass it to [`Context::score`](crate::Context::score).
#[async_trait]
pub trait Scorer: Send + Sync + fmt::Debug {
    /// The model behind it.
    fn profile(&self) -> &ModelProfile;

    /// The tokens that `request`'s prompt will take, chat template included.
    fn prompt_tokens(&self, request: &ChatRequest) -> u64;

    /// For each of `choices` the natural logarithm of the probability that the answer to
    /// `request` begins with it, relative to the other choices: exponentiated they add up to 1.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](crate::Error::is_invalid) with fewer than two choices or when two of them
    /// begin with the same token; otherwise any kind that says something about a provider.
    async fn score(&self, request: ChatRequest, choices: &[String]) -> Result<Score>;
}

/// The outcome of a [`Scorer`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// A natural logarithm for each choice, in the order of the choices.
    pub logprobs: Vec<f32>,
    /// What the call used.
    pub usage: Usage,
}

impl Score {
    /// The index of the likeliest choice; the first of equals.
    pub fn best(&self) -> usize {
        self.logprobs
            .iter()
            .enumerate()
            .rev()
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map_or(0, |(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_best() {
        let score = |logprobs: &[f32]| Score {
            logprobs: logprobs.to_vec(),
            usage: Usage::default(),
        };
        assert_eq!(score(&[-2.0, -0.1, -3.0]).best(), 1);
        assert_eq!(score(&[-0.7, -0.7]).best(), 0);
    }
}
