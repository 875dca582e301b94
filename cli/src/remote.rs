//! A model that a server has: where, by which key, and what is known of it.

use std::sync::Arc;

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
}

/// Where a server is, and the key that belongs to it.
struct Address {
    url: String,
    key: Option<String>,
}

impl Address {
    /// A key goes only to the server that it belongs to: a vendor's to the address under the vendor's name.
    /// `openai:` stands for any server that speaks the protocol, and OpenAI's key is OpenAI's.
    fn of(vendor: Vendor, model: &str, config: &Config) -> Result<Self, Failure> {
        let open = vendor == Vendor::OpenAi;
        let ours = || variable("CATENA_API_KEY").filter(|_| open);
        let theirs = || vendor.key_variable().and_then(variable);
        if let Some(url) = variable("CATENA_BASE_URL").filter(|_| open) {
            return Ok(Self { url, key: ours() });
        }
        if let Some(url) = variable(vendor.url_variable()) {
            return Ok(Self {
                url: vendor.root(&url),
                key: ours().or_else(theirs),
            });
        }
        if let Some(url) = &config.server(vendor).base_url {
            return Ok(Self {
                url: vendor.root(url),
                key: match open {
                    true => ours(),
                    false => theirs(),
                },
            });
        }
        let key = theirs();
        match (vendor.wants_key(), &key, vendor.key_variable()) {
            (true, None, Some(_)) if open => Err(Failure::new(format!(
                "no server is configured for the model '{model}'"
            ))
            .help(
                "set CATENA_BASE_URL, for example to http://localhost:8080/v1, or OPENAI_API_KEY for a \
                 model of OpenAI's own",
            )),
            (true, None, Some(name)) => Err(Failure::new(format!(
                "there is no key for the model '{vendor}:{model}'"
            ))
            .help(format!(
                "set {name}; {} names another server",
                vendor.url_variable()
            ))),
            _ => Ok(Self {
                url: vendor.base_url().to_owned(),
                key,
            }),
        }
    }
}

/// The model of a builder, with what a user has set: the two kinds of builders have the same methods.
macro_rules! configured {
    ($builder:expr, $key:expr, $settings:expr, $name:expr, $store:expr) => {{
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
    /// The model `name` of a vendor. No connection is made yet.
    pub(crate) fn new(vendor: Vendor, name: &str, config: &Config) -> Result<Self, Failure> {
        let address = Address::of(vendor, name, config)?;
        let settings = config.server(vendor);
        let has_key = address.key.is_some();
        let store = Store::default_location()?;
        let (model, url, place) = match vendor.preset() {
            Some(preset) => {
                let own = vendor != Vendor::OpenAi || address.url == preset.base_url();
                let builder = match own {
                    true => preset.at(address.url, name),
                    false => OpenAiCompatible::builder(address.url, name),
                };
                configured!(builder, address.key, settings, name, store)
            }
            None => {
                let builder = Anthropic::builder(name).base_url(address.url);
                configured!(builder, address.key, settings, name, store)
            }
        };
        Ok(Self {
            model,
            place,
            url,
            has_key,
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
        } = config.requests.or(settings.requests());
        json!({
            "name": format!("{vendor}:{}", profile.name),
            "kind": "chat",
            "server": self.url,
            "key": self.has_key,
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
            "measured": self.place.read().map(|kept| json!({
                "parallel": kept.parallel,
                "reads": kept.reads.round(),
                "writes": kept.writes.round(),
            })),
        })
    }
}

fn price(settings: &Server) -> Option<Price> {
    let (input, output) = (settings.input_price, settings.output_price);
    (input.is_some() || output.is_some())
        .then(|| Price::per_million(input.unwrap_or(0.0), output.unwrap_or(0.0)))
}
