//! Who has a model that is not on this machine.

use std::fmt;

use crate::Preset;

/// A server, or a kind of server, by the prefix that a user writes before a model's name:
/// `ollama:qwen2.5:7b`.
///
/// # Example
///
/// ```
/// use catena_models::Vendor;
///
/// let vendor = Vendor::from_prefix("openrouter").unwrap();
/// assert_eq!(vendor.key_variable(), Some("OPENROUTER_API_KEY"));
/// assert_eq!(vendor.base_url(), "https://openrouter.ai/api/v1");
/// assert_eq!(Vendor::from_prefix("nobody"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vendor {
    /// OpenAI, or whatever else speaks its protocol at an address of one's own.
    OpenAi,
    /// OpenRouter.
    OpenRouter,
    /// Anthropic, by its own protocol.
    Anthropic,
    /// Ollama.
    Ollama,
    /// vLLM.
    Vllm,
    /// llama.cpp's `llama-server`.
    LlamaCpp,
    /// `mistralrs serve`.
    MistralRs,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OpenAi,
        Self::OpenRouter,
        Self::Anthropic,
        Self::Ollama,
        Self::Vllm,
        Self::LlamaCpp,
        Self::MistralRs,
    ];

    /// The one with this prefix.
    pub fn from_prefix(prefix: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|vendor| vendor.prefix() == prefix)
    }

    /// What is written before the colon.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llamacpp",
            Self::MistralRs => "mistralrs",
        }
    }

    /// The root of its API, where nothing else is configured.
    pub fn base_url(self) -> &'static str {
        match self.preset() {
            Some(preset) => preset.base_url(),
            None => "https://api.anthropic.com/v1",
        }
    }

    /// The environment variable with another root of its API: `ANTHROPIC_BASE_URL`. Anthropic's own programs
    /// take it without the `/v1` at its end; both are understood where it is read with
    /// [`root`](Self::root).
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::OpenAi => "OPENAI_BASE_URL",
            Self::OpenRouter => "OPENROUTER_BASE_URL",
            Self::Anthropic => "ANTHROPIC_BASE_URL",
            Self::Ollama => "OLLAMA_BASE_URL",
            Self::Vllm => "VLLM_BASE_URL",
            Self::LlamaCpp => "LLAMACPP_BASE_URL",
            Self::MistralRs => "MISTRALRS_BASE_URL",
        }
    }

    /// The root of the API as [`url_variable`](Self::url_variable) has it, completed.
    pub fn root(self, url: &str) -> String {
        let url = url.trim().trim_end_matches('/');
        match self == Self::Anthropic && !url.ends_with("/v1") {
            true => format!("{url}/v1"),
            false => url.to_owned(),
        }
    }

    /// The environment variable with its key, if it may want one.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::OpenRouter => Some("OPENROUTER_API_KEY"),
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Ollama => Some("OLLAMA_API_KEY"),
            Self::Vllm => Some("VLLM_API_KEY"),
            // The name that the server itself reads it from.
            Self::LlamaCpp => Some("LLAMA_API_KEY"),
            Self::MistralRs => None,
        }
    }

    /// Whether nobody is answered there without a key.
    pub fn wants_key(self) -> bool {
        matches!(self, Self::OpenAi | Self::OpenRouter | Self::Anthropic)
    }

    /// How its models are built; `None` for [`Anthropic`](crate::Anthropic), which has a protocol of its own.
    pub fn preset(self) -> Option<Preset> {
        match self {
            Self::OpenAi => Some(Preset::OpenAi),
            Self::OpenRouter => Some(Preset::OpenRouter),
            Self::Anthropic => None,
            Self::Ollama => Some(Preset::Ollama),
            Self::Vllm => Some(Preset::Vllm),
            Self::LlamaCpp => Some(Preset::LlamaCpp),
            Self::MistralRs => Some(Preset::MistralRs),
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_prefix_and_has_variables_of_its_own() {
        let mut variables = Vec::new();
        for vendor in Vendor::ALL {
            assert_eq!(Vendor::from_prefix(vendor.prefix()), Some(vendor));
            assert!(vendor.base_url().ends_with("/v1"), "{vendor}");
            assert!(!vendor.wants_key() || vendor.key_variable().is_some());
            variables.push(Some(vendor.url_variable()));
            variables.push(vendor.key_variable());
        }
        variables.retain(Option::is_some);
        let all = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), all);
    }

    #[test]
    fn a_root_is_completed() {
        let root = |vendor: Vendor, url| vendor.root(url);
        assert_eq!(root(Vendor::Anthropic, "http://a/"), "http://a/v1");
        assert_eq!(root(Vendor::Anthropic, "http://a/v1"), "http://a/v1");
        assert_eq!(root(Vendor::Ollama, "http://a/x"), "http://a/x");
    }
}
