//! The configuration of an [`OpenAiCompatible`] model.

use std::{fmt, sync::Arc, time::Duration};

use catena_core::{ApproximateCounter, Error, ModelProfile, Price, Result, TokenCounter};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
    redirect,
};

use super::{Endpoint, Inner, OpenAiCompatible};
use crate::http;

/// Configures an [`OpenAiCompatible`] model; made by [`OpenAiCompatible::builder`] and
/// [`OpenAiCompatible::from_env`].
#[derive(Clone)]
pub struct OpenAiCompatibleBuilder {
    base_url: String,
    model: String,
    key: Option<String>,
    headers: Vec<(String, String)>,
    profile: Option<ModelProfile>,
    context_window: Option<u32>,
    price: Option<Price>,
    timeout: Duration,
    counter: Arc<dyn TokenCounter>,
    continues_answers: bool,
}

impl OpenAiCompatibleBuilder {
    pub(super) fn new(base_url: String, model: String) -> Self {
        Self {
            base_url,
            model,
            key: None,
            headers: Vec::new(),
            profile: None,
            context_window: None,
            price: None,
            timeout: Duration::from_secs(120),
            counter: Arc::new(ApproximateCounter),
            continues_answers: false,
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
        builder.key = key;
        Ok(builder)
    }

    /// Sends this key as a bearer token. Default: none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sends this header with each request. Its value is treated as a secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// What the model can do; its name is replaced by the model's. Default: a window of 8192
    /// tokens, 8 requests at a time, JSON schemas and log-probabilities.
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

    /// How long to wait for a connection, for the beginning of an answer, and then between any
    /// two pieces of it. Default: 120 seconds.
    ///
    /// A server that only keeps the connection alive is given up after ten times as long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
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
        self.continues_answers = continues;
        self
    }

    /// Makes the model. No connection is made yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the base URL is not an http or https URL, or if the key
    /// or a header cannot be sent.
    pub fn build(self) -> Result<OpenAiCompatible> {
        let base = base_url(&self.base_url)?;
        let key = self.key.map(|key| key.trim().to_owned());
        let headers = headers(key.as_deref(), self.headers)?;
        let mut client = http::client()?
            .default_headers(headers)
            .connect_timeout(self.timeout)
            .read_timeout(self.timeout)
            .redirect(redirect::Policy::none());
        if is_loopback(&base) {
            // A proxy would look for the server on its own machine.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            Error::other("setting up the HTTP client failed").with_source(error)
        })?;
        Ok(OpenAiCompatible {
            inner: Arc::new(Inner {
                client,
                chat_url: join(&base, "chat/completions"),
                models_url: join(&base, "models"),
                profile: profile(&self.model, self.profile, self.context_window, self.price),
                counter: self.counter,
                continues_answers: self.continues_answers,
                endpoint: Arc::new(Endpoint {
                    url: shown(base),
                    model: self.model,
                    key,
                    timeout: self.timeout,
                }),
            }),
        })
    }
}

fn base_url(text: &str) -> Result<Url> {
    let invalid = |why: &str| {
        Error::invalid(format!("the base URL of a model {why}"))
            .with_help("give the root of the API, for example http://localhost:8080/v1")
    };
    // The URL is not repeated: it may hold a password.
    let url = Url::parse(text.trim())
        .map_err(|error| invalid("cannot be understood").with_source(error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("must begin with http:// or https://"));
    }
    Ok(url)
}

fn headers(key: Option<&str>, others: Vec<(String, String)>) -> Result<HeaderMap> {
    let key = key.map(|key| (AUTHORIZATION.to_string(), format!("Bearer {key}")));
    let mut headers = HeaderMap::new();
    for (name, value) in key.into_iter().chain(others) {
        let invalid =
            |part| Error::invalid(format!("the {part} of the header '{name}' cannot be sent"));
        let parsed = HeaderName::try_from(&name).map_err(|_| invalid("name"))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| invalid("value"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

fn profile(
    model: &str,
    profile: Option<ModelProfile>,
    context_window: Option<u32>,
    price: Option<Price>,
) -> ModelProfile {
    let mut profile = profile.unwrap_or_else(|| {
        let mut profile = ModelProfile::new(model, context_window.unwrap_or(8192));
        profile.parallel = 8;
        profile.json_schema = true;
        profile.logprobs = true;
        profile
    });
    model.clone_into(&mut profile.name);
    if let Some(window) = context_window {
        profile.context_window = window;
        profile.worker_window = profile.worker_window.min(window);
        profile.max_output_tokens = profile.max_output_tokens.min(window);
    }
    profile.price = price.unwrap_or(profile.price);
    profile
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// A path below the base, whose query (some gateways want one) is kept.
fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The URL without what is secret in it.
fn shown(mut url: Url) -> String {
    // Neither can fail for http.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

impl fmt::Debug for OpenAiCompatibleBuilder {
    /// Leaves out the URL, the key and the headers, which may all hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiCompatibleBuilder")
            .field("model", &self.model)
            .field("profile", &self.profile)
            .field("context_window", &self.context_window)
            .field("price", &self.price)
            .field("timeout", &self.timeout)
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
            (builder.base_url.as_str(), builder.key),
            ("http://here/v1", None)
        );
        let builder = from(&both[1..]).unwrap();
        assert_eq!(builder.base_url, "http://there/v1");
        assert_eq!(builder.key.as_deref(), Some("theirs"));
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
    fn paths_are_joined_with_one_slash() {
        for base in ["http://h/v1", "http://h/v1/"] {
            let url = join(&base_url(base).unwrap(), "models");
            assert_eq!(url.as_str(), "http://h/v1/models");
        }
        let url = join(&base_url("http://h?v=1").unwrap(), "models");
        assert_eq!(url.as_str(), "http://h/models?v=1");
    }

    #[test]
    fn a_window_bounds_what_depends_on_it() {
        let model = OpenAiCompatible::builder("http://h/v1", "m")
            .profile(ModelProfile::new("other", 100_000))
            .context_window(512)
            .build()
            .unwrap();
        let profile = &model.inner.profile;
        assert_eq!(profile.name, "m");
        assert_eq!((profile.context_window, profile.worker_window), (512, 512));
        assert_eq!(profile.max_output_tokens, 512);
    }
}
