//! `catena chat`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Journal, Limits, Output, Store, Whose, With};

#[derive(Debug, ClapArgs)]
pub(crate) struct Chat {
    /// Which conversation; a new name begins a new one
    #[arg(value_name = "NAME", default_value = DEFAULT_CONVERSATION)]
    pub(crate) conversation: String,

    #[command(flatten)]
    pub(crate) whose: Whose,

    /// Say this one thing, print the answer, and leave
    #[arg(long, value_name = "TEXT")]
    pub(crate) once: Option<String>,

    #[command(flatten)]
    pub(crate) talk: Talk,

    #[command(flatten)]
    pub(crate) store: Store,

    #[command(flatten)]
    pub(crate) limits: Limits,

    #[command(flatten)]
    pub(crate) journal: Journal,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// The conversation that is meant unless one is named.
pub(crate) const DEFAULT_CONVERSATION: &str = "default";

/// Who answers, and how.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Talk {
    /// A name of `catena models list`, a path to a GGUF file, hf:owner/repo/file.gguf, or a server's: openai:NAME, openrouter:, anthropic:, ollama:, vllm:, llamacpp:, mistralrs: [env: CATENA_MODEL]
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// The most tokens of a prompt and its answer together [env: CATENA_WINDOW] [default: the model's, and at most 4096]
    #[arg(short, long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window: Option<u32>,

    /// Where a local model runs: cpu, cuda, cuda:N, metal, or auto for the fastest there is [env: CATENA_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    /// A folder of templates that replace the built-in ones [env: CATENA_PROMPTS]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) prompts: Option<PathBuf>,

    /// What the bot is told about itself [default: "You are a helpful assistant."]
    #[arg(long, value_name = "TEXT")]
    pub(crate) instructions: Option<String>,

    /// The most tokens of an answer [default: 512, and at most a quarter of the window]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) answer_tokens: Option<u32>,

    /// Do not learn facts from messages, which takes a call to the model for each that does more than ask
    #[arg(long)]
    pub(crate) no_facts: bool,

    /// Sample answers with this temperature [default: the likeliest token each time]
    #[arg(long, value_name = "NUMBER", value_parser = temperature)]
    pub(crate) temperature: Option<f32>,

    /// The seed of sampling; another one is made of it each turn
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl Talk {
    /// What there is to say about loading a model.
    pub(crate) fn with(&self) -> With {
        With {
            model: self.model.clone(),
            window: self.window,
            device: self.device.clone(),
            prompts: self.prompts.clone(),
            ..With::default()
        }
    }
}

fn temperature(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if (0.0..=2.0).contains(&number) => Ok(number),
        _ => Err("a number from 0 to 2".to_owned()),
    }
}
