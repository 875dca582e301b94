//! Comparing choices by their probability.

use async_trait::async_trait;
use catena_core::{ChatModel, ChatRequest, Error, ModelProfile, Result, Score, Scorer};

use crate::{model::LocalModel, sampling::Sampling};

#[async_trait]
impl Scorer for LocalModel {
    fn profile(&self) -> &ModelProfile {
        ChatModel::profile(self)
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        ChatModel::prompt_tokens(self, request)
    }

    /// One pass over the prompt, whatever the number of choices: they are told apart by their
    /// first tokens.
    async fn score(&self, mut request: ChatRequest, choices: &[String]) -> Result<Score> {
        let probes = self.first_tokens(choices)?;
        request.max_tokens = Some(1);
        let prepared = self.prepare(&request)?;
        let sampling = Sampling {
            probes,
            ..Sampling::default()
        };
        let (reply, sampler) = self.run(prepared, sampling, Vec::new(), None).await?;
        let usage = reply.run().await?;
        Ok(Score {
            logprobs: relative(&sampler.probed()),
            usage,
        })
    }
}

impl LocalModel {
    fn first_tokens(&self, choices: &[String]) -> Result<Vec<u32>> {
        if choices.len() < 2 {
            return Err(Error::invalid(format!(
                "comparing takes at least two choices, there are {}",
                choices.len()
            )));
        }
        let mut tokens = Vec::with_capacity(choices.len());
        for choice in choices {
            let encoded = self.tokens().encode_text(choice)?;
            let &token = encoded
                .first()
                .ok_or_else(|| Error::invalid("an empty choice cannot be compared"))?;
            if let Some(same) = tokens.iter().position(|&other| other == token) {
                let other = choices.get(same).map(String::as_str).unwrap_or_default();
                return Err(Error::invalid(format!(
                    "the choices '{other}' and '{choice}' begin with the same token"
                ))
                .with_help("give each choice a letter or a number to begin with"));
            }
            tokens.push(token);
        }
        Ok(tokens)
    }
}

/// `logprobs`, shifted so that exponentiated they add up to 1.
fn relative(logprobs: &[f32]) -> Vec<f32> {
    let most = logprobs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logprobs.iter().map(|logprob| (logprob - most).exp()).sum();
    logprobs
        .iter()
        .map(|logprob| logprob - most - sum.ln())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_one() {
        let shares = relative(&[-9.0, -10.0, -300.0]);
        let sum: f32 = shares.iter().map(|logprob| logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert!((shares[0] - shares[1] - 1.0).abs() < 1e-6);
    }
}
