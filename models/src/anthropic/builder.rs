//! The configuration of an [`Anthropic`] model.

use std::{sync::Arc, time::Duration};

use catena_core::{ApproximateCounter, Cost, Error, ModelProfile, Price, Result, TokenCounter};

use super::{
    Anthropic, Inner,
    request::{Effort, Habits},
};
use crate::http::{Connection, Settings};

/// What traces call it.
const PROVIDER: &str = "anthropic";

/// The form of requests and answers that is spoken here.
const VERSION: &str = "2023-06-01";

/// Configures an [`Anthropic`] model; made by [`Anthropic::builder`] and [`Anthropic::from_env`].
#[derive(Clone, Debug)]
pub struct AnthropicBuilder {
    settings: Settings,
    profile: ModelProfile,
    counter: Arc<dyn TokenCounter>,
    habits: Habits,
}

impl AnthropicBuilder {
    pub(super) fn new(model: String) -> Self {
        let mut profile = ModelProfile::new(&model, 200_000);
        profile.parallel = 8;
        profile.json_schema = true;
        profile.tools = true;
        profile.provider = PROVIDER.into();
        let habits = Habits {
            prompt_caching: false,
            sampling: accepts_sampling(&model),
            output_format: accepts_output_format(&model),
            effort: None,
        };
        Self {
            settings: Settings::new("https://api.anthropic.com/v1".into(), model),
            profile,
            counter: Arc::new(ApproximateCounter),
            habits,
        }
    }

    pub(super) fn from_vars(model: String, var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let key = var("ANTHROPIC_API_KEY").filter(|key| !key.trim().is_empty());
        let key = key.ok_or_else(|| {
            Error::invalid(format!("there is no key for the model '{model}'"))
                .with_help("set ANTHROPIC_API_KEY")
        })?;
        Ok(Self::new(model).api_key(key))
    }

    /// Sends this key. Default: none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// The root of the API, to which `/messages` is added. Default: Anthropic's own.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.settings.base_url = url.into();
        self
    }

    /// Sends this header with each request. Its value is treated as a secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.headers.push((name.into(), value.into()));
        self
    }

    /// What the model can do; its name and provider are replaced by the model's. Default: a window of 200,000
    /// tokens, 8 requests at a time, JSON schemas and tools.
    #[must_use]
    pub fn profile(mut self, profile: ModelProfile) -> Self {
        let name = std::mem::replace(&mut self.profile, profile).name;
        self.profile.name = name;
        self.profile.provider = PROVIDER.into();
        self
    }

    /// The model's context window in tokens. Default: the profile's.
    #[must_use]
    pub fn context_window(mut self, tokens: u32) -> Self {
        self.profile.context_window = tokens;
        self.profile.worker_window = self.profile.worker_window.min(tokens);
        self.profile.max_output_tokens = self.profile.max_output_tokens.min(tokens);
        self
    }

    /// How many requests at a time are worth while, as measured. Default: the profile's.
    #[must_use]
    pub fn parallel(mut self, requests: usize) -> Self {
        self.profile.parallel = requests.max(1);
        self
    }

    /// What the model's tokens cost. Default: nothing.
    #[must_use]
    pub fn price(mut self, price: Price) -> Self {
        self.profile.price = price;
        self
    }

    /// Whether the part of a prompt that stays the same is marked for the provider's cache. Worth
    /// it where several requests within five minutes begin alike.
    ///
    /// Tokens that are written to the cache cost a quarter more, and usage does not tell them from
    /// others: the model's price for tokens read is raised by a quarter, so that a budget holds.
    /// Give the price of cached ones in [`Price::cached`]. Default: no.
    #[must_use]
    pub fn prompt_caching(mut self, caching: bool) -> Self {
        self.habits.prompt_caching = caching;
        self
    }

    /// Whether a request's temperature and `top_p` are sent. The API's newer models refuse every
    /// request that has one, and answer at a temperature of their own. Default: by the model's name,
    /// up to version 4.6.
    #[must_use]
    pub fn sampling(mut self, sampling: bool) -> Self {
        self.habits.sampling = sampling;
        self
    }

    /// Whether the form of an answer is asked for as such (`output_config.format`), to which the API holds
    /// it. Otherwise JSON comes by way of a tool that the model has to call, which older models can and
    /// the newest (Opus 5.5, Fable 5.1) refuse. Default: by the model's name, from version 4.5 on.
    #[must_use]
    pub fn output_format(mut self, asked: bool) -> Self {
        self.habits.output_format = asked;
        self
    }

    /// How much the model thinks. The newest always do, and what they think counts towards
    /// [`max_tokens`](catena_core::ChatRequest::max_tokens): with a small one, set a low effort. Older
    /// models, up to version 4.1 and some of 4.5, refuse to be told. Default: the API's.
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.habits.effort = Some(effort);
        self
    }

    /// How long to wait for a connection, for the beginning of an answer, and then between any
    /// two pieces of it. Default: 120 seconds.
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

    /// Makes the model. No connection is made yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the base URL is not an http or https URL, or if the key
    /// or a header cannot be sent.
    pub fn build(self) -> Result<Anthropic> {
        let mut settings = self.settings;
        let mut headers = vec![("anthropic-version".to_owned(), VERSION.to_owned())];
        settings.key = settings.key.map(|key| key.trim().to_owned());
        if let Some(key) = &settings.key {
            headers.push(("x-api-key".to_owned(), key.clone()));
        }
        headers.append(&mut settings.headers);
        settings.headers = headers;

        let mut profile = self.profile;
        profile.prefix_cache |= self.habits.prompt_caching;
        if self.habits.prompt_caching {
            let Cost(read) = profile.price.input;
            profile.price.input = Cost(read.saturating_add(read.div_ceil(4)));
        }
        Ok(Anthropic {
            inner: Arc::new(Inner {
                connection: Connection::new(settings)?,
                profile,
                counter: self.counter,
                habits: self.habits,
            }),
        })
    }
}

/// Whether the model with this name takes a temperature: those up to version 4.6 do. A name without a
/// version belongs to a newer one, or to a gateway, which knows best.
fn accepts_sampling(model: &str) -> bool {
    version(model).is_some_and(|version| version <= (4, 6))
}

/// Whether the API holds an answer of the model with this name to a schema.
fn accepts_output_format(model: &str) -> bool {
    version(model).is_none_or(|version| version >= (4, 5))
}

/// The version in a name such as `claude-3-5-haiku-…`, `claude-sonnet-4-5` and
/// `claude-opus-4-20250514`.
fn version(model: &str) -> Option<(u32, u32)> {
    let mut numbers = model
        .split(['-', '.', '@', ':'])
        .skip_while(|part| part.parse::<u32>().is_err())
        .map_while(|part| part.parse::<u32>().ok());
    let major = numbers.next()?;
    // A date is no version.
    let minor = numbers.next().filter(|minor| *minor < 100);
    Some((major, minor.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_from_the_environment_and_is_not_shown() {
        let key = |_: &str| Some("hidden\n".to_owned());
        let builder = AnthropicBuilder::from_vars("m".into(), key).unwrap();
        assert!(!format!("{builder:?}").contains("hidden"));
        let model = builder.header("x-other", "hidden").build().unwrap();
        assert!(!format!("{model:?}").contains("hidden"));
        let error = AnthropicBuilder::from_vars("m".into(), |_| None).unwrap_err();
        assert!(error.is_invalid() && error.help().unwrap().contains("ANTHROPIC_API_KEY"));
    }

    #[test]
    fn models_that_refuse_a_temperature_are_known_by_their_version() {
        for takes in [
            "claude-2.1",
            "claude-3-5-haiku-20241022",
            "claude-opus-4-20250514",
            "claude-opus-4-1",
            "claude-sonnet-4-5-20250929",
            "claude-sonnet-4-6",
        ] {
            assert!(accepts_sampling(takes), "{takes}");
        }
        for refuses in [
            "claude-opus-4-7",
            "claude-opus-4-8-20260101",
            "claude-sonnet-5",
            "claude-opus-5-5",
            "claude-next",
        ] {
            assert!(!accepts_sampling(refuses), "{refuses}");
        }
    }

    #[test]
    fn models_that_are_held_to_a_schema_are_known_by_their_version() {
        for held in [
            "claude-haiku-4-5-20251001",
            "claude-sonnet-4-6",
            "claude-sonnet-5",
            "claude-next",
        ] {
            assert!(accepts_output_format(held), "{held}");
        }
        for not in [
            "claude-3-7-sonnet-20250219",
            "claude-sonnet-4-20250514",
            "claude-opus-4-1",
        ] {
            assert!(!accepts_output_format(not), "{not}");
        }
    }

    #[test]
    fn a_budget_holds_with_the_price_of_cached_prompts() {
        let price = Price::per_million(3.0, 15.0);
        let builder = Anthropic::builder("m").price(price);
        let input = |builder: AnthropicBuilder| builder.build().unwrap().inner.profile.price.input;
        assert_eq!(input(builder.clone()), Cost(3000));
        assert_eq!(input(builder.prompt_caching(true)), Cost(3750));
    }
}
