//! What a model can do and what it costs.

use serde::{Deserialize, Serialize};

use crate::{Cost, Usage};

/// What a program has to know of a chat model before it calls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelProfile {
    /// The model's name, as in requests, journals and bills.
    pub name: String,
    /// Who answers, for traces: OpenTelemetry's `gen_ai.provider.name`, which has a list of well-known
    /// values (`openai`, `anthropic`, …). Default: `unknown`.
    #[serde(default = "unknown")]
    pub provider: String,
    /// The context window: prompt and answer together, in tokens.
    pub context_window: u32,
    /// The most tokens of one answer. Default: 1024.
    pub max_output_tokens: u32,
    /// The window in which one worker of a chain does best with this model, in tokens: where a
    /// prompt's time grows faster than its length, a small one. Default: `min(context_window,
    /// 8192)`; 8k is the Chain-of-Agents paper's default (§4.1).
    pub worker_window: u32,
    /// Tokens that the chat template adds to each message, when no exact count is at hand.
    /// Default: 8.
    pub message_overhead: u32,
    /// What tokens cost. Default: nothing.
    pub price: Price,
    /// How many requests at a time are worth while. Default: 1.
    pub parallel: usize,
    /// Whether answers can be held to a JSON Schema. Default: no.
    pub json_schema: bool,
    /// Whether log-probabilities can be had. Default: no.
    pub logprobs: bool,
    /// Whether a prompt that begins like an earlier one is read faster. Default: no.
    pub prefix_cache: bool,
    /// Whether it can call tools. Default: no.
    #[serde(default)]
    pub tools: bool,
}

impl ModelProfile {
    /// A profile with the defaults named at each field.
    pub fn new(name: impl Into<String>, context_window: u32) -> Self {
        Self {
            name: name.into(),
            provider: unknown(),
            context_window,
            max_output_tokens: 1024.min(context_window),
            worker_window: 8192.min(context_window),
            message_overhead: 8,
            price: Price::default(),
            parallel: 1,
            json_schema: false,
            logprobs: false,
            prefix_cache: false,
            tools: false,
        }
    }
}

fn unknown() -> String {
    "unknown".into()
}

/// Prices of a model's tokens, each in nano-dollars a token (which is dollars for a billion).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// A token read.
    pub input: Cost,
    /// A token read from the provider's cache.
    pub cached: Cost,
    /// A token generated.
    pub output: Cost,
}

impl Price {
    /// From US dollars for a million tokens, as price lists give them; cached tokens at the
    /// price of others.
    pub fn per_million(input: f64, output: f64) -> Self {
        let input = Cost::from_dollars(input / 1e6);
        Self {
            input,
            cached: input,
            output: Cost::from_dollars(output / 1e6),
        }
    }

    /// What `usage` costs.
    pub fn of(&self, usage: &Usage) -> Cost {
        let fresh = usage.input_tokens.saturating_sub(usage.cached_tokens);
        let part = |tokens: u64, price: Cost| Cost(tokens.saturating_mul(price.0));
        part(fresh, self.input)
            + part(usage.cached_tokens, self.cached)
            + part(usage.output_tokens, self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_list_is_applied() {
        let price = Price::per_million(0.15, 0.60);
        let usage = Usage::call(1_000_000, 500_000);
        assert_eq!(price.of(&usage), Cost::from_dollars(0.45));
    }
}
