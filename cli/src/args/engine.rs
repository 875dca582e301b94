//! Which model works, and how: for the commands that have one model.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::With;

#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Engine {
    /// A name of `catena models list`, a path to a GGUF file, hf:owner/repo/file.gguf, or a server's: openai:NAME, openrouter:, anthropic:, ollama:, vllm:, llamacpp:, mistralrs: [env: CATENA_MODEL]
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,

    /// The most tokens of a prompt and its answer together [env: CATENA_WINDOW] [default: the model's, and at most 8192; to read into memory at most 4096]
    #[arg(short, long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window: Option<u32>,

    /// Where a local model runs: cpu, cuda, cuda:N, metal, or auto for the fastest there is [env: CATENA_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,

    /// A folder of templates that replace the built-in ones [env: CATENA_PROMPTS]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) prompts: Option<PathBuf>,
}

impl Engine {
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
