//! The configuration file.

use std::{
    collections::BTreeMap,
    env, fs,
    io::ErrorKind,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use catena_models::Vendor;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    failure::Failure,
    requests::{Requests, time},
};

/// What the configuration file may say; `catena --help` documents it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) model: Option<String>,
    pub(crate) window: Option<u32>,
    pub(crate) device: Option<String>,
    pub(crate) weights: Option<Kept>,
    pub(crate) paged_attention: Option<bool>,
    pub(crate) prompts: Option<PathBuf>,
    pub(crate) memory: Option<PathBuf>,
    pub(crate) index: Option<String>,
    pub(crate) embedder: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) bot: Option<String>,
    pub(crate) instructions: Option<String>,
    #[serde(default)]
    pub(crate) openai: Server,
    #[serde(default)]
    openrouter: Server,
    #[serde(default)]
    anthropic: Server,
    #[serde(default)]
    ollama: Server,
    #[serde(default)]
    vllm: Server,
    #[serde(default)]
    llamacpp: Server,
    #[serde(default)]
    mistralrs: Server,
    /// What the environment says of all servers.
    #[serde(skip)]
    pub(crate) requests: Requests,
}

/// How the weights of a local model are kept on a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kept {
    /// As reads fastest.
    Reading,
    /// As writes fastest, and in a third of the memory.
    Writing,
    /// As in the file.
    AsIs,
}

impl Kept {
    /// What a command should know that tells of them.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Reading => {
                "reading, as of all commands but `fix` and `patent`; CATENA_WEIGHTS=writing measures theirs"
            }
            Self::Writing => "writing, as `fix` and `patent` keep them",
            Self::AsIs => "as-is, as in the file",
        }
    }
}

/// A server, under the prefix of its models.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) base_url: Option<String>,
    pub(crate) context_window: Option<u32>,
    pub(crate) input_price: Option<f64>,
    pub(crate) output_price: Option<f64>,
    pub(crate) retries: Option<u32>,
    pub(crate) requests_per_minute: Option<NonZeroU32>,
    pub(crate) tokens_per_minute: Option<NonZeroU32>,
    pub(crate) parallel: Option<NonZeroU32>,
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) timeout: Option<Duration>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

impl Server {
    pub(crate) fn requests(&self) -> Requests {
        Requests {
            retries: self.retries,
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            parallel: self.parallel,
            timeout: self.timeout,
        }
    }
}

/// A time in the words of a person.
fn some_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    time(&text).map(Some).map_err(D::Error::custom)
}

impl Config {
    /// What is set of a vendor's server.
    pub(crate) fn server(&self, vendor: Vendor) -> &Server {
        match vendor {
            Vendor::OpenRouter => &self.openrouter,
            Vendor::Anthropic => &self.anthropic,
            Vendor::Ollama => &self.ollama,
            Vendor::Vllm => &self.vllm,
            Vendor::LlamaCpp => &self.llamacpp,
            Vendor::MistralRs => &self.mistralrs,
            _ => &self.openai,
        }
    }

    /// Reads `path`, or the file at the default place if there is one; what the environment says
    /// takes the place of what the file says.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let named = path
            .map(Path::to_owned)
            .or_else(|| variable("CATENA_CONFIG").map(PathBuf::from));
        let mut config = Self::read(named.as_deref())?;
        if let Some(model) = variable("CATENA_MODEL") {
            config.model = Some(model);
        }
        if let Some(window) = variable("CATENA_WINDOW") {
            let tokens = window.parse().ok().filter(|tokens| *tokens > 0);
            config.window = Some(tokens.ok_or_else(|| {
                Failure::usage(format!(
                    "CATENA_WINDOW is a number of tokens, not '{window}'"
                ))
            })?);
        }
        if let Some(device) = variable("CATENA_DEVICE") {
            config.device = Some(device);
        }
        if let Some(weights) = variable("CATENA_WEIGHTS") {
            config.weights = Some(match &*weights {
                "reading" => Kept::Reading,
                "writing" => Kept::Writing,
                "as-is" => Kept::AsIs,
                _ => {
                    return Err(Failure::usage(format!(
                        "CATENA_WEIGHTS is reading, writing or as-is, not '{weights}'"
                    )));
                }
            });
        }
        if let Some(paged) = variable("CATENA_PAGED_ATTENTION") {
            config.paged_attention = Some(paged.parse().map_err(|_| {
                Failure::usage(format!(
                    "CATENA_PAGED_ATTENTION is true or false, not '{paged}'"
                ))
            })?);
        }
        if let Some(prompts) = variable("CATENA_PROMPTS") {
            config.prompts = Some(prompts.into());
        }
        if let Some(memory) = variable("CATENA_MEMORY") {
            config.memory = Some(memory.into());
        }
        if let Some(index) = variable("CATENA_INDEX") {
            config.index = Some(index);
        }
        if let Some(embedder) = variable("CATENA_EMBEDDER") {
            config.embedder = Some(embedder);
        }
        config.requests = Requests::from_env()?;
        Ok(config)
    }

    fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let (path, asked_for) = match path {
            Some(path) => (path.to_owned(), true),
            None => match default_path() {
                Some(path) => (path, false),
                None => return Ok(Self::default()),
            },
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !asked_for => {
                return Ok(Self::default());
            }
            Err(error) => {
                let name = path.display();
                return Err(Failure::usage(format!(
                    "the configuration {name} cannot be read: {error}"
                )));
            }
        };
        let wrong = |what: String| {
            Failure::usage(format!(
                "the configuration {} is wrong: {what}",
                path.display()
            ))
            .help("`catena --help` shows what it may say")
        };
        let config: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let servers = Vendor::ALL.map(|vendor| config.server(vendor));
        let mut prices = servers.iter().flat_map(|server| {
            let prices = [server.input_price, server.output_price];
            prices.into_iter().flatten()
        });
        if prices.any(|price| !price.is_finite() || price < 0.0) {
            return Err(wrong(
                "a price is an amount of dollars, 0 or more".to_owned(),
            ));
        }
        Ok(config)
    }
}

/// A variable of the environment that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn default_path() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".config")))?;
    Some(folder.join("catena").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>("modell = 'x'").is_err());
        let config: Config =
            toml::from_str("model = 'x'\n[openai]\nheaders = { A = 'b' }").unwrap();
        assert_eq!(config.model.as_deref(), Some("x"));
        assert_eq!(config.openai.headers["A"], "b");
    }

    #[test]
    fn weights_are_kept_in_one_of_three_ways() {
        let weights = |text: &str| toml::from_str::<Config>(text).map(|config| config.weights);
        assert_eq!(weights("weights = 'as-is'").unwrap(), Some(Kept::AsIs));
        assert_eq!(weights("").unwrap(), None);
        assert!(weights("weights = 'dense'").is_err());
    }

    #[test]
    fn each_vendor_has_a_table_of_its_prefix() {
        for vendor in Vendor::ALL {
            let config: Config = toml::from_str(&format!("[{vendor}]\nretries = 7")).unwrap();
            assert_eq!(config.server(vendor).retries, Some(7), "{vendor}");
        }
    }

    #[test]
    fn only_a_file_that_was_asked_for_must_be_there() {
        let error = Config::load(Some(Path::new("no/such/file.toml"))).unwrap_err();
        assert!(error.to_string().contains("no/such/file.toml"));
    }
}
