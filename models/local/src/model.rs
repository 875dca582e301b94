//! A model in this process.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Error, Format, ModelProfile, Result, TokenCounter,
};
use tokio::task;

use crate::{
    counter::Tokens,
    engine::{Engine, Job},
    gguf::GgufFile,
    ledger::Ledger,
    load::{self, Loaded},
    memory::Need,
    options::{Device, LocalOptions},
    prompt::Template,
    reply::{Order, Reply},
    requantise,
    sampling::{Sampler, Sampling},
};

/// On a CPU the time of a prompt grows faster than its length: a text is read fastest in windows
/// of about this many tokens (see the example `speed`).
const CPU_WORKER_WINDOW: u32 = 1024;

/// A language model that runs in this process.
///
/// It answers one request at a time, in the order of their arrival; the others wait. Cloning is
/// cheap, and clones share the model. The memory is freed with the last of them, or, if a request
/// is being answered, when the engine has noticed that nobody waits for it.
///
/// An engine that dies over a request gives an error that is worth a [retry](Error::is_retryable),
/// and is started again when the next request comes: at most three times within ten minutes, then
/// every request gets an error that is not worth one until the first of the three is ten minutes old.
/// A run goes on with a failure policy ([`on_failure`](catena_core::on_failure)) or by being resumed.
///
/// What a request can ask is done exactly: prompts are counted with the model's own tokenizer and
/// chat template; with a temperature the same seed gives the same text on the same machine; a JSON
/// Schema holds for every token. Text in messages is text, even where it looks like one of the
/// model's control tokens.
#[derive(Clone)]
pub struct LocalModel {
    profile: Arc<ModelProfile>,
    tokens: Arc<Tokens>,
    template: Arc<Template>,
    engine: Arc<Engine>,
    ends: Arc<[u32]>,
}

/// A request that can be run.
pub(crate) struct Prepared {
    pub(crate) prompt: Vec<u32>,
    pub(crate) max_tokens: u32,
}

impl LocalModel {
    /// Loads a GGUF file. Nothing is fetched from anywhere; the catalogue of `catena-models` fetches.
    ///
    /// The first time, weights may be converted for speed, into a file beside the original; see
    /// [`Weights`](crate::Weights).
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if there is no such file, if it is a directory, empty, cut
    /// short or no GGUF, if the engine does not know the architecture, if the window is larger than
    /// the model's, or if it needs more memory than is available ([`Need::fits`]).
    ///
    /// # Cancel safety
    ///
    /// A load that was begun runs to its end in the background, and is then freed.
    pub async fn load(path: impl Into<PathBuf>, options: LocalOptions) -> Result<Self> {
        let path = path.into();
        let doing = format!("loading the model '{}'", path.display());
        let started = task::spawn_blocking(move || Self::start(path, options));
        // The engine panics at some files that it does not like.
        started.await.unwrap_or_else(|error| {
            Err(Error::invalid(format!("{doing}: the engine gave up")).with_source(error))
        })
    }

    /// What [`load`](Self::load) would need of memory for the file at `path`; reads no more than
    /// its header. The memory meant is that of the device in `options`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the file is no sound GGUF.
    pub fn need(path: impl AsRef<Path>, options: &LocalOptions) -> Result<Need> {
        let source = GgufFile::open(path.as_ref())?;
        Ok(load::need(&source, options).1)
    }

    /// The files with converted [`Weights`](crate::Weights) that loads of the file at `path` left
    /// beside it. They can be deleted; the next load makes them anew.
    pub fn conversions(path: impl AsRef<Path>) -> Vec<PathBuf> {
        requantise::conversions(path.as_ref())
    }

    fn start(path: PathBuf, options: LocalOptions) -> Result<Self> {
        let loaded = load::file(&path, &options)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let profile = profile(&name, &options, &loaded)?;
        let ledger = Ledger::new(loaded.bytes_per_token, loaded.prefix_cache, options.device);
        let reload = Box::new(move || load::file(&path, &options).map(|loaded| loaded.pipeline));
        let engine = Engine::start(loaded.pipeline, reload, ledger)?;
        Ok(Self {
            profile: Arc::new(profile),
            tokens: Arc::new(loaded.tokens),
            template: Arc::new(loaded.template),
            engine: Arc::new(engine),
            ends: loaded.ends.into(),
        })
    }

    /// Checks `request` and makes tokens of it.
    pub(crate) fn prepare(&self, request: &ChatRequest) -> Result<Prepared> {
        let max_tokens = request.max_tokens.unwrap_or(self.profile.max_output_tokens);
        if max_tokens == 0 {
            return Err(Error::invalid("the request allows the answer no tokens"));
        }
        if !request.temperature.is_finite() || request.temperature < 0.0 {
            return Err(Error::invalid(format!(
                "a temperature is 0 or more, not {}",
                request.temperature
            )));
        }
        if !(request.top_p > 0.0 && request.top_p <= 1.0) {
            return Err(Error::invalid(format!(
                "top_p is above 0 and at most 1, not {}",
                request.top_p
            )));
        }
        if request.stop.iter().any(String::is_empty) {
            return Err(Error::invalid("a stop sequence is empty"));
        }
        let prompt = self.template.encode(request, &self.tokens)?;
        let window = u64::from(self.profile.context_window);
        let needed = prompt.len() as u64 + u64::from(max_tokens);
        if needed > window {
            return Err(Error::context_overflow(
                needed - window,
                format!(
                    "a prompt of {} tokens and an answer of up to {max_tokens} do not fit '{}', \
                     whose window has {window}",
                    prompt.len(),
                    self.profile.name
                ),
            ));
        }
        Ok(Prepared { prompt, max_tokens })
    }

    /// Waits for its turn and hands a prepared request to the engine.
    pub(crate) async fn run(
        &self,
        prepared: Prepared,
        sampling: Sampling,
        stop: Vec<String>,
        schema: Option<serde_json::Value>,
    ) -> Result<(Reply, Arc<Sampler>)> {
        let sampler = Arc::new(Sampler::new(Sampling {
            constrained: schema.is_some(),
            end: self.ends.first().copied(),
            ..sampling
        }));
        let order = Order {
            sampler: Arc::clone(&sampler),
            prompt_tokens: prepared.prompt.len() as u64,
            max_tokens: prepared.max_tokens,
            stop,
            json: schema.is_some(),
            ends: Arc::clone(&self.ends),
        };
        let job = Job {
            prompt: prepared.prompt,
            max_tokens: prepared.max_tokens,
            sampler: Arc::clone(&sampler) as _,
            schema,
        };
        let tokens = job.prompt.len() as u64 + u64::from(job.max_tokens);
        let mut permit = self.engine.admit(tokens).await?;
        let responses = permit.run(job).await?;
        let reply = Reply::new(order, Arc::clone(&self.tokens), responses, permit);
        Ok((reply, sampler))
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    #[cfg(test)]
    pub(crate) fn shared_tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens)
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }
}

#[async_trait]
impl ChatModel for LocalModel {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &*self.tokens
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        match self.template.encode(request, &self.tokens) {
            Ok(prompt) => prompt.len() as u64,
            // Such a request is refused when it is made; until then, what it would have taken.
            Err(_) => request
                .messages
                .iter()
                .map(|message| self.tokens.count(&message.content) as u64)
                .sum(),
        }
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let prepared = self.prepare(&request)?;
        let schema = match request.format {
            Format::Text => None,
            Format::JsonSchema(schema) => Some(schema),
            _ => {
                return Err(Error::invalid(
                    "a local model does not know this answer format",
                ));
            }
        };
        let sampling = Sampling {
            temperature: request.temperature,
            top_p: request.top_p,
            seed: request.seed.unwrap_or_else(random_seed),
            logprobs: request.logprobs.map(usize::from),
            ..Sampling::default()
        };
        let (reply, _) = self.run(prepared, sampling, request.stop, schema).await?;
        Ok(reply.into_stream())
    }
}

fn profile(default_name: &str, options: &LocalOptions, loaded: &Loaded) -> Result<ModelProfile> {
    let name = options.name.as_deref().unwrap_or(default_name);
    let own = u32::try_from(loaded.window).unwrap_or(u32::MAX);
    let window = options.window.unwrap_or(own);
    if window == 0 || window > own {
        return Err(Error::invalid(format!(
            "a window of {window} tokens was asked for, '{name}' has 1 to {own}"
        )));
    }
    let mut profile = ModelProfile::new(name, window);
    profile.provider = "mistral.rs".into();
    if options.device == Device::Cpu {
        profile.worker_window = CPU_WORKER_WINDOW.min(window);
    }
    profile.parallel = options.parallel;
    profile.json_schema = true;
    profile.logprobs = true;
    profile.prefix_cache = loaded.prefix_cache > 0;
    Ok(profile)
}

/// A seed for a request that names none.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

impl fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalModel")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
