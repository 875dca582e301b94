//! How a server is asked: how often again after a failure, and how fast.

use std::{fmt::Display, num::NonZeroU32, str::FromStr, sync::Arc, time::Duration};

use catena_core::{ChatModel, Event, EventKind};
use catena_models::layer::{ConcurrencyLimit, RateLimit, Retry};

use crate::{config::variable, failure::Failure, terminal::headline};

/// Attempts after the first.
pub(crate) const RETRIES: u32 = 3;
/// No attempt begins later than this after the first: a server that hangs fails each after [`TIMEOUT`].
const WITHIN: Duration = Duration::from_secs(120);

/// How long a server may be silent.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);

/// What a user sets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) retries: Option<u32>,
    pub(crate) requests_per_minute: Option<NonZeroU32>,
    pub(crate) tokens_per_minute: Option<NonZeroU32>,
    pub(crate) parallel: Option<NonZeroU32>,
    pub(crate) timeout: Option<Duration>,
}

impl Requests {
    pub(crate) fn from_env() -> Result<Self, Failure> {
        Ok(Self {
            retries: number("CATENA_RETRIES")?,
            requests_per_minute: number("CATENA_REQUESTS_PER_MINUTE")?,
            tokens_per_minute: number("CATENA_TOKENS_PER_MINUTE")?,
            parallel: number("CATENA_PARALLEL")?,
            timeout: match variable("CATENA_TIMEOUT") {
                Some(text) => Some(time(&text).map_err(|why| {
                    Failure::usage(format!("CATENA_TIMEOUT is no time, '{text}': {why}"))
                })?),
                None => None,
            },
        })
    }

    /// These, and what they leave open as `others` have it.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            retries: self.retries.or(others.retries),
            requests_per_minute: self.requests_per_minute.or(others.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(others.tokens_per_minute),
            parallel: self.parallel.or(others.parallel),
            timeout: self.timeout.or(others.timeout),
        }
    }

    /// `model` with the layers that keep to this.
    pub(crate) fn layered(self, mut model: Arc<dyn ChatModel>) -> Arc<dyn ChatModel> {
        if let Some(limit) = self.parallel {
            let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
            model = Arc::new(ConcurrencyLimit::new(model, limit));
        }
        if self.requests_per_minute.is_some() || self.tokens_per_minute.is_some() {
            let mut limit = RateLimit::new(model);
            if let Some(requests) = self.requests_per_minute {
                limit = limit.requests_per_minute(requests.get());
            }
            if let Some(tokens) = self.tokens_per_minute {
                limit = limit.tokens_per_minute(tokens.get());
            }
            model = Arc::new(limit);
        }
        self.retried(model)
    }

    /// `model`, asked again where that may help: a server after it was away, an engine of this machine
    /// after it was started anew.
    pub(crate) fn retried(self, model: Arc<dyn ChatModel>) -> Arc<dyn ChatModel> {
        match self.retries.unwrap_or(RETRIES) {
            0 => model,
            retries => {
                let attempts = retries.saturating_add(1);
                Arc::new(Retry::new(model).max_attempts(attempts).within(WITHIN))
            }
        }
    }
}

/// A time as a person writes it, such as 90s or 10m, and not none at all.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it is no time at all".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write 90s or 10m")),
    }
}

/// What an event tells of a request that is made again, for whoever waits.
pub(crate) fn retried(event: &Event) -> Option<String> {
    let EventKind::CallRetried { error, wait, .. } = &event.kind else {
        return None;
    };
    let why = match error.is_rate_limited() {
        true => "rate limited".to_owned(),
        false => headline(&error.to_string(), 120),
    };
    let seconds = wait.as_secs_f64().ceil();
    Some(format!("{why}, trying again in {seconds} s"))
}

fn number<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, Failure> {
    let Some(text) = variable(name) else {
        return Ok(None);
    };
    let number = text.parse().map(Some);
    number.map_err(|error| Failure::usage(format!("{name} is no number, '{text}': {error}")))
}
