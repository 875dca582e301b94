//! A model that a server has: where, by which key, and what is known of it.

use std::{sync::Arc, time::Duration};

use catena_core::{ChatModel, Price};
use catena_models::{Anthropic, OpenAiCompatible, Vendor, catalog::Store};
use serde_json::{Value, json};

use crate::{
    config::{Config, Server, variable},
    failure::Failure,
    measured::Place,
    reading::as_usage,
    requests::Requests,
};

/// Such a model, without the layers that a user sets.
pub(crate) struct Remote {
    pub(crate) model: Arc<dyn ChatModel>,
    /// Where figures of it are kept.
    pub(crate) place: Place,
    /// The root of the API, without what is secret in it.
    url: String,
    has_key: bool,
    /// What has to be set before it can be asked.
    lacking: Option<String>,
}

/// Where a server is, and the key that belongs to it.
pub(crate) struct Address {
    pub(crate) url: String,
    pub(crate) key: Option<String>,
    /// Whether somebody said where: it is not only where the vendor's own server is.
    named: bool,
}

impl Address {
    /// Where the server of a vendor is, as far as that is known here.
    ///
    /// A key goes only to the server that it belongs to: a vendor's to the address under the vendor's name.
    /// `openai:` stands for any server that speaks the protocol, and OpenAI's key is OpenAI's.
    fn of(vendor: Vendor, config: &Config) -> Self {
        let open = vendor == Vendor::OpenAi;
        let ours = || variable("CATENA_API_KEY").filter(|_| open);
        let theirs = || vendor.key_variable().and_then(variable);
        let named = |url, key| Self {
            url,
            key,
            named: true,
        };
        if let Some(url) = variable("CATENA_BASE_URL").filter(|_| open) {
            return named(url, ours());
        }
        if let Some(url) = variable(vendor.url_variable()) {
            return named(vendor.root(&url), ours().or_else(theirs));
        }
        if let Some(url) = &config.server(vendor).base_url {
            let key = if open { ours() } else { theirs() };
            return named(vendor.root(url), key);
        }
        Self {
            url: vendor.base_url().to_owned(),
            key: theirs(),
            named: false,
        }
    }

    /// As [`of`](Self::of), of a server that can be asked for `what`, a model or an embedder.
    pub(crate) fn complete(vendor: Vendor, what: &str, config: &Config) -> Result<Self, Failure> {
        let address = Self::of(vendor, config);
        match address.lacking(vendor) {
            None => Ok(address),
            Some(help) if vendor == Vendor::OpenAi => {
                let message = format!("no server is configured for {what}");
                Err(Failure::new(message).help(help))
            }
            Some(help) => Err(Failure::new(format!("there is no key for {what}")).help(help)),
        }
    }

    /// What has to be set before the server can be asked.
    fn lacking(&self, vendor: Vendor) -> Option<String> {
        if self.named || self.key.is_some() || !vendor.wants_key() {
            return None;
        }
        Some(match vendor.key_variable()? {
            key if vendor == Vendor::OpenAi => format!(
                "set CATENA_BASE_URL, for example to http://localhost:8080/v1, or {key} for a model of \
                 OpenAI's own"
            ),
            key => format!("set {key}; {} names another server", vendor.url_variable()),
        })
    }
}

/// The model of a builder, with what a user has set: the two kinds of builders have the same methods.
macro_rules! configured {
    ($builder:expr, $key:expr, $settings:expr, $timeout:expr, $name:expr, $store:expr) => {{
        let mut builder = $builder;
        if let Some(key) = $key {
            builder = builder.api_key(key);
        }
        if let Some(tokens) = $settings.context_window {
            builder = builder.context_window(tokens);
        }
        if let Some(price) = price($settings) {
            builder = builder.price(price);
        }
        for (name, value) in &$settings.headers {
            builder = builder.header(name, value);
        }
        if let Some(timeout) = $timeout {
            builder = builder.timeout(timeout).deadline(deadline(timeout));
        }
        let model = builder.clone().build().map_err(as_usage)?;
        let url = model.base_url().to_owned();
        let place = Place::server(&$store, $name, &url);
        let model: Arc<dyn ChatModel> = match place.read() {
            Some(kept) => Arc::new(builder.parallel(kept.parallel).build().map_err(as_usage)?),
            None => Arc::new(model),
        };
        (model, url, place)
    }};
}

impl Remote {
    /// The model `name` of a vendor, which can be asked. No connection is made yet.
    pub(crate) fn new(vendor: Vendor, name: &str, config: &Config) -> Result<Self, Failure> {
        let what = match vendor {
            Vendor::OpenAi => format!("the model '{name}'"),
            _ => format!("the model '{vendor}:{name}'"),
        };
        Self::at(
            Address::complete(vendor, &what, config)?,
            vendor,
            name,
            config,
        )
    }

    /// The model `name` of a vendor, as it is known here, though what is needed to ask it may be lacking.
    pub(crate) fn known(vendor: Vendor, name: &str, config: &Config) -> Result<Self, Failure> {
        Self::at(Address::of(vendor, config), vendor, name, config)
    }

    fn at(address: Address, vendor: Vendor, name: &str, config: &Config) -> Result<Self, Failure> {
        let settings = config.server(vendor);
        let timeout = config.requests.or(settings.requests()).timeout;
        let has_key = address.key.is_some();
        let lacking = address.lacking(vendor);
        let store = Store::default_location()?;
        let (model, url, place) = match vendor.preset() {
            Some(preset) => {
                let own = vendor != Vendor::OpenAi || address.url == preset.base_url();
                let builder = match own {
                    true => preset.at(address.url, name),
                    false => OpenAiCompatible::builder(address.url, name),
                };
                configured!(builder, address.key, settings, timeout, name, store)
            }
            None => {
                let builder = Anthropic::builder(name).base_url(address.url);
                configured!(builder, address.key, settings, timeout, name, store)
            }
        };
        Ok(Self {
            model,
            place,
            url,
            has_key,
            lacking,
        })
    }

    /// What `catena models info` tells: what is known here, without asking the server.
    pub(crate) fn describe(&self, vendor: Vendor, config: &Config) -> Value {
        let profile = self.model.profile();
        let settings = config.server(vendor);
        let Requests {
            retries,
            requests_per_minute,
            tokens_per_minute,
            parallel,
            timeout,
        } = config.requests.or(settings.requests());
        json!({
            "name": format!("{vendor}:{}", profile.name),
            "kind": "chat",
            "server": self.url,
            "key": self.has_key,
            "lacking": self.lacking,
            "context_window": profile.context_window,
            "max_output_tokens": profile.max_output_tokens,
            "input_price": settings.input_price,
            "output_price": settings.output_price,
            "json_schema": profile.json_schema,
            "tools": profile.tools,
            "logprobs": profile.logprobs,
            "parallel": parallel.map_or(profile.parallel, |most| {
                profile.parallel.min(usize::try_from(most.get()).unwrap_or(usize::MAX))
            }),
            "retries": retries.unwrap_or(crate::requests::RETRIES),
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "timeout_seconds": timeout.unwrap_or(crate::requests::TIMEOUT).as_secs_f64(),
            "measured": self.place.read().map(|kept| json!({
                "parallel": kept.parallel,
                "reads": kept.reads.round(),
                "writes": kept.writes.round(),
            })),
        })
    }
}

/// How long a whole answer may take, of a server that may be silent for so long.
pub(crate) fn deadline(timeout: Duration) -> Duration {
    const USUAL: Duration = Duration::from_secs(3600);
    USUAL.max(timeout)
}

fn price(settings: &Server) -> Option<Price> {
    let (input, output) = (settings.input_price, settings.output_price);
    (input.is_some() || output.is_some())
        .then(|| Price::per_million(input.unwrap_or(0.0), output.unwrap_or(0.0)))
}
