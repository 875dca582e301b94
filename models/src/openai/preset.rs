//! Servers that are known by name.

use std::env;

use super::{OpenAiCompatible, OpenAiCompatibleBuilder};

/// A server whose address, key and habits are known.
///
/// # Example: a model of Ollama's, on this machine
///
/// ```
/// use catena_core::ChatModel;
/// use catena_models::Preset;
///
/// let model = Preset::Ollama.builder("qwen2.5:7b").context_window(32_768).build()?;
/// assert_eq!(model.profile().name, "qwen2.5:7b");
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// OpenAI itself; the key is `OPENAI_API_KEY`.
    OpenAi,
    /// OpenRouter, which passes requests on to many providers; the key is `OPENROUTER_API_KEY`.
    OpenRouter,
    /// Ollama on this machine, port 11434. It cuts a prompt that does not fit its window without a word:
    /// give it the window that you give here (`OLLAMA_CONTEXT_LENGTH`). Log-probabilities need 0.12.11.
    Ollama,
    /// vLLM on this machine, port 8000. It continues answers.
    Vllm,
    /// llama.cpp's `llama-server` on this machine, port 8080. It continues answers; tools need its
    /// option `--jinja`.
    LlamaCpp,
    /// `mistralrs serve` on this machine, port 1234.
    MistralRs,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OpenAi,
        Self::OpenRouter,
        Self::Ollama,
        Self::Vllm,
        Self::LlamaCpp,
        Self::MistralRs,
    ];

    /// The root of its API, where nothing else is configured.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::OpenRouter => "https://openrouter.ai/api/v1",
            Self::Ollama => "http://localhost:11434/v1",
            Self::Vllm => "http://localhost:8000/v1",
            Self::LlamaCpp => "http://localhost:8080/v1",
            Self::MistralRs => "http://localhost:1234/v1",
        }
    }

    /// What traces call it: [`ModelProfile::provider`](catena_core::ModelProfile::provider).
    fn provider(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llama.cpp",
            Self::MistralRs => "mistral.rs",
        }
    }

    /// The environment variable with its key, if it wants one.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::OpenRouter => Some("OPENROUTER_API_KEY"),
            _ => None,
        }
    }

    /// Configures the model that the server has under the name `model`, with the key from the
    /// environment.
    pub fn builder(self, model: impl Into<String>) -> OpenAiCompatibleBuilder {
        self.at(self.base_url(), model)
    }

    /// The same for a server of this kind at another address. The key from the environment belongs
    /// to the server's own address and is not sent there; set one with
    /// [`api_key`](OpenAiCompatibleBuilder::api_key).
    pub fn at(
        self,
        base_url: impl Into<String>,
        model: impl Into<String>,
    ) -> OpenAiCompatibleBuilder {
        self.with_vars(base_url.into(), model.into(), |name| env::var(name).ok())
    }

    fn with_vars(
        self,
        base_url: String,
        model: String,
        var: impl Fn(&str) -> Option<String>,
    ) -> OpenAiCompatibleBuilder {
        let is_its_own = base_url == self.base_url();
        let fixed_sampling = self == Self::OpenAi && reasons(&model);
        let mut builder = OpenAiCompatible::builder(base_url, model).sampling(!fixed_sampling);
        builder.provider = self.provider().into();
        let key = self.key_variable().filter(|_| is_its_own).and_then(var);
        builder.settings.key = key.filter(|key| !key.trim().is_empty());
        builder.dialect.max_completion_tokens = self == Self::OpenAi;
        builder.dialect.continues_answers = matches!(self, Self::Vllm | Self::LlamaCpp);
        builder.abilities(|profile| {
            profile.logprobs = !fixed_sampling;
            profile.prefix_cache = true;
            // An engine of one's own has as many places as it was started with; one by default.
            if matches!(self, Self::LlamaCpp | Self::MistralRs | Self::Ollama) {
                profile.parallel = 1;
            }
        })
    }
}

/// Whether a model of OpenAI's thinks before it answers: `o3-mini`, `gpt-5.1`.
fn reasons(model: &str) -> bool {
    let numbered = |name: &str| name.starts_with(|c: char| c.is_ascii_digit());
    model.strip_prefix('o').is_some_and(numbered) || model.starts_with("gpt-5")
}

#[cfg(test)]
mod tests {
    use catena_core::ChatModel;

    use super::*;

    fn key(_: &str) -> Option<String> {
        Some("sk-theirs".into())
    }

    #[test]
    fn every_preset_builds() {
        for preset in Preset::ALL {
            let model = preset.builder("m").build().unwrap();
            assert_eq!(model.profile().name, "m");
            assert!(model.profile().tools);
            assert_eq!(model.profile().provider, preset.provider());
            assert!(model.profile().logprobs);
        }
    }

    #[test]
    fn a_key_from_the_environment_goes_only_to_its_own_server() {
        for preset in Preset::ALL {
            let own = preset.with_vars(preset.base_url().into(), "m".into(), key);
            assert_eq!(own.settings.key.is_some(), preset.key_variable().is_some());
            let elsewhere = preset.with_vars("http://localhost:1/v1".into(), "m".into(), key);
            assert_eq!(elsewhere.settings.key, None);
        }
    }

    #[test]
    fn models_that_reason_are_sent_no_temperature() {
        let fixed = |preset: Preset, model: &str| preset.builder(model).dialect.fixed_sampling;
        for (model, reasons) in [
            ("o3-mini", true),
            ("gpt-5.1", true),
            ("gpt-4o", false),
            ("omni-moderation", false),
        ] {
            assert_eq!(fixed(Preset::OpenAi, model), reasons, "{model}");
            assert!(!fixed(Preset::Vllm, model));
            let model = Preset::OpenAi.builder(model).build().unwrap();
            assert_eq!(model.profile().logprobs, !reasons);
        }
    }

    #[test]
    fn a_profile_of_ones_own_counts_more() {
        let profile = catena_core::ModelProfile::new("?", 100);
        let model = Preset::Vllm.builder("m").profile(profile).build().unwrap();
        assert!(!model.profile().logprobs);
        assert_eq!(model.profile().provider, "vllm");
    }
}
