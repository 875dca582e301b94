//! The configuration of an [`OpenAiCompatible`] model.

use std::{fmt, sync::Arc, time::Duration};

use catena_core::{ApproximateCounter, Error, ModelProfile, Price, Result, TokenCounter};

use super::{Inner, OpenAiCompatible, request::Dialect};
use crate::http::{Connection, Settings};

/// Configures an [`OpenAiCompatible`] model; made by [`OpenAiCompatible::builder`] and
/// [`OpenAiCompatible::from_env`].
#[derive(Clone)]
pub struct OpenAiCompatibleBuilder {
    pub(super) settings: Settings,
    pub(super) dialect: Dialect,
    profile: Option<ModelProfile>,
    context_window: Option<u32>,
    price: Option<Price>,
    parallel: Option<usize>,
    pub(super) provider: String,
    counter: Arc<dyn TokenCounter>,
}

impl OpenAiCompatibleBuilder {
    pub(super) fn new(base_url: String, model: String) -> Self {
        Self {
            settings: Settings::new(base_url, model),
            dialect: Dialect::default(),
            profile: None,
            context_window: None,
            price: None,
            parallel: None,
            provider: "openai".into(),
            counter: Arc::new(ApproximateCounter),
        }
    }

    pub(super) fn from_vars(model: String, var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let var = |name| var(name).filter(|value| !value.trim().is_empty());
        // A key goes only to the server that it belongs to.
        let (url, key) = match var("CATENA_BASE_URL") {
            Some(url) => (Some(url), var("CATENA_API_KEY")),
            None => (
                var("OPENAI_BASE_URL"),
                var("CATENA_API_KEY").or_else(|| var("OPENAI_API_KEY")),
            ),
        };
        let url = url.ok_or_else(|| {
            Error::invalid(format!("no server is configured for the model '{model}'"))
                .with_help("set CATENA_BASE_URL, for example to http://localhost:8080/v1")
        })?;
        let mut builder = Self::new(url, model);
        builder.settings.key = key;
        Ok(builder)
    }

    /// Begins with the default profile, changed.
    pub(super) fn abilities(mut self, change: impl FnOnce(&mut ModelProfile)) -> Self {
        let mut profile = default_profile(&self.settings.model);
        change(&mut profile);
        self.profile = Some(profile);
        self
    }

    /// Sends this key as a bearer token. Default: none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// Sends this header with each request. Its value is treated as a secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.headers.push((name.into(), value.into()));
        self
    }

    /// What the model can do; its name is replaced by the model's, its provider by
    /// [`provider`](Self::provider). Default: a window of 8192
    /// tokens, 8 requests at a time, JSON schemas, log-probabilities and tools.
    #[must_use]
    pub fn profile(mut self, profile: ModelProfile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The model's context window in tokens. Default: the profile's.
    #[must_use]
    pub fn context_window(mut self, tokens: u32) -> Self {
        self.context_window = Some(tokens);
        self
    }

    /// What the model's tokens cost. Default: the profile's.
    #[must_use]
    pub fn price(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }

    /// How many requests at a time are worth while, as measured: `catena models bench` does. Default:
    /// the profile's.
    #[must_use]
    pub fn parallel(mut self, requests: usize) -> Self {
        self.parallel = Some(requests.max(1));
        self
    }

    /// Who answers, for traces: one of the [well-known] names where there is one (`azure.ai.openai`,
    /// `groq`, `mistral_ai`, …). Default: the [`Preset`](crate::Preset)'s, otherwise `openai`, whose
    /// protocol it is.
    ///
    /// [well-known]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = name.into();
        self
    }

    /// How long to wait for a connection, for the beginning of an answer, and then between any
    /// two pieces of it. Default: 120 seconds.
    ///
    /// A server that only keeps the connection alive is given up after ten times as long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a whole answer may take. Default: an hour.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Counts the model's tokens. Default: [`ApproximateCounter`].
    #[must_use]
    pub fn counter(mut self, counter: Arc<dyn TokenCounter>) -> Self {
        self.counter = counter;
        self
    }

    /// Whether the server continues an answer that a request begins, with an assistant's message
    /// as its last: vLLM and llama.cpp do, OpenAI does not. Default: no, and such a request is
    /// refused.
    #[must_use]
    pub fn continues_answers(mut self, continues: bool) -> Self {
        self.dialect.continues_answers = continues;
        self
    }

    /// Whether a request's temperature, `top_p` and stop sequences are sent. OpenAI's models that reason
    /// refuse every request that has one; answers are then cut at a stop sequence on this side. Default: yes, but to OpenAI's own server by the model's name (not to
    /// `o1`, `o3`, … and `gpt-5`, …).
    #[must_use]
    pub fn sampling(mut self, sampling: bool) -> Self {
        self.dialect.fixed_sampling = !sampling;
        self
    }

    /// Makes the model. No connection is made yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the base URL is not an http or https URL, or if the key
    /// or a header cannot be sent.
    pub fn build(self) -> Result<OpenAiCompatible> {
        let profile = self.profiled();
        Ok(OpenAiCompatible {
            inner: Arc::new(Inner {
                connection: connection(self.settings)?,
                profile,
                counter: self.counter,
                dialect: self.dialect,
            }),
        })
    }

    /// The profile, with what was set beside it.
    fn profiled(&self) -> ModelProfile {
        let model = &self.settings.model;
        let profile = self.profile.clone();
        let mut profile = profile.unwrap_or_else(|| default_profile(model));
        profile.name.clone_from(model);
        profile.provider.clone_from(&self.provider);
        if let Some(window) = self.context_window {
            profile.context_window = window;
            profile.worker_window = profile.worker_window.min(window);
            profile.max_output_tokens = profile.max_output_tokens.min(window);
        }
        profile.price = self.price.unwrap_or(profile.price);
        profile.parallel = self.parallel.unwrap_or(profile.parallel);
        profile
    }
}

/// A connection on which the key goes along as a bearer token.
pub(super) fn connection(mut settings: Settings) -> Result<Connection> {
    settings.key = settings.key.map(|key| key.trim().to_owned());
    if let Some(key) = &settings.key {
        let bearer = ("authorization".to_owned(), format!("Bearer {key}"));
        settings.headers.insert(0, bearer);
    }
    Connection::new(settings)
}

fn default_profile(model: &str) -> ModelProfile {
    let mut profile = ModelProfile::new(model, 8192);
    profile.parallel = 8;
    profile.json_schema = true;
    profile.logprobs = true;
    profile.tools = true;
    profile
}

impl fmt::Debug for OpenAiCompatibleBuilder {
    /// Leaves out the URL, the key and the headers, which may all hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiCompatibleBuilder")
            .field("settings", &self.settings)
            .field("profile", &self.profile)
            .field("context_window", &self.context_window)
            .field("price", &self.price)
            .field("parallel", &self.parallel)
            .field("provider", &self.provider)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn from(vars: &[(&str, &str)]) -> Result<OpenAiCompatibleBuilder> {
        let vars: HashMap<&str, &str> = vars.iter().copied().collect();
        let var = |name: &str| vars.get(name).map(|value| (*value).to_owned());
        OpenAiCompatibleBuilder::from_vars("m".into(), var)
    }

    #[test]
    fn a_key_goes_only_to_its_own_server() {
        let both = [
            ("CATENA_BASE_URL", "http://here/v1"),
            ("OPENAI_BASE_URL", "http://there/v1"),
            ("OPENAI_API_KEY", "theirs"),
        ];
        let builder = from(&both).unwrap();
        assert_eq!(
            (builder.settings.base_url.as_str(), builder.settings.key),
            ("http://here/v1", None)
        );
        let builder = from(&both[1..]).unwrap();
        assert_eq!(builder.settings.base_url, "http://there/v1");
        assert_eq!(builder.settings.key.as_deref(), Some("theirs"));
    }

    #[test]
    fn without_a_server_the_variable_is_named() {
        let error = from(&[("OPENAI_API_KEY", "k"), ("CATENA_BASE_URL", " ")]).unwrap_err();
        assert!(error.is_invalid());
        assert!(error.help().unwrap().contains("CATENA_BASE_URL"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_repeating_it() {
        let base = "http://localhost/v1";
        for builder in [
            OpenAiCompatible::builder("ftp://u:hidden@host/v1", "m"),
            OpenAiCompatible::builder("u:hidden@host", "m"),
            OpenAiCompatible::builder(base, "m").api_key("hidden\nkey"),
            OpenAiCompatible::builder(base, "m").header("x y", "hidden"),
            OpenAiCompatible::builder(base, "m").header("x", "hidden\n"),
        ] {
            let error = builder.build().unwrap_err();
            assert!(error.is_invalid());
            assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let builder = OpenAiCompatible::builder("http://u:hidden@localhost/v1?key=hidden", "m")
            .api_key("hidden")
            .header("x-key", "hidden");
        assert!(!format!("{builder:?}").contains("hidden"));
        let model = builder.build().unwrap();
        assert!(!format!("{model:?}").contains("hidden"), "{model:?}");
    }

    #[test]
    fn a_window_bounds_what_depends_on_it() {
        let model = OpenAiCompatible::builder("http://h/v1", "m")
            .profile(ModelProfile::new("other", 100_000))
            .context_window(512)
            .parallel(3)
            .build()
            .unwrap();
        let profile = &model.inner.profile;
        assert_eq!((profile.name.as_str(), profile.parallel), ("m", 3));
        assert_eq!((profile.context_window, profile.worker_window), (512, 512));
        assert_eq!(profile.max_output_tokens, 512);
    }
}
