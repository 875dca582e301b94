//! One server, as its requests need it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use catena_core::{ChatModel, ChatRequest, Error, Result};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    body, client,
    failure::{Failure, delay},
    url::{base_url, headers, is_loopback, join, shown},
};

/// How a server is reached.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    /// The model's name, for messages.
    pub(crate) model: String,
    pub(crate) key: Option<String>,
    /// Go with each request, the one with the key included.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timeout: Duration,
    pub(crate) deadline: Duration,
}

impl Settings {
    pub(crate) fn new(base_url: String, model: String) -> Self {
        Self {
            base_url,
            model,
            key: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(120),
            deadline: Duration::from_secs(3600),
        }
    }
}

impl fmt::Debug for Settings {
    /// Leaves out the URL, the key and the headers, which may all hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("model", &self.model)
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A client for one server.
pub(crate) struct Connection {
    client: Client,
    base: Url,
    /// Shared with the responses, to name the server in errors.
    pub(crate) endpoint: Arc<Endpoint>,
}

/// Who is asked, for messages; and for how long.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// The base URL without credentials.
    pub(crate) url: String,
    pub(crate) model: String,
    /// Never shown; it is struck out of what a server says.
    pub(crate) key: Option<String>,
    /// Between any two pieces of an answer.
    pub(crate) timeout: Duration,
    /// For the whole of it.
    pub(crate) deadline: Duration,
}

/// A response that the server means, and when it has to be over.
pub(crate) struct Accepted {
    pub(crate) response: Response,
    pub(crate) until: Instant,
}

impl Connection {
    /// No connection is made yet.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let base = base_url(&settings.base_url)?;
        let mut client = client()?
            .default_headers(headers(&settings.headers)?)
            .connect_timeout(settings.timeout)
            .read_timeout(settings.timeout)
            .redirect(redirect::Policy::none());
        if base.scheme() == "http" {
            // llama.cpp's server promises to keep a connection and closes it after a streamed answer; a
            // request on its way just then is lost. Without TLS a new one costs next to nothing.
            client = client.pool_max_idle_per_host(0);
        }
        if is_loopback(&base) {
            // A proxy would look for the server on its own machine.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            Error::other("setting up the HTTP client failed").with_source(error)
        })?;
        Ok(Self {
            client,
            endpoint: Arc::new(Endpoint {
                url: shown(base.clone()),
                model: settings.model,
                key: settings.key,
                timeout: settings.timeout,
                deadline: settings.deadline,
            }),
            base,
        })
    }

    /// Sends `body` to `path`. `missing` estimates by how many tokens a prompt is too long.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        missing: impl FnOnce() -> u64,
    ) -> Result<Accepted> {
        let request = self.client.post(join(&self.base, path)).json(body);
        self.send(request, missing).await
    }

    /// Gets the whole of `path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Vec<u8>> {
        let request = self.client.get(join(&self.base, path));
        let accepted = self.send(request, || 0).await?;
        self.whole(accepted).await
    }

    /// The whole body of a response.
    pub(crate) async fn whole(&self, accepted: Accepted) -> Result<Vec<u8>> {
        let body = body::whole(accepted.response, self.endpoint.clone());
        let body = tokio::time::timeout_at(accepted.until, body).await;
        body.unwrap_or_else(|_| Err(self.endpoint.endless()))
    }

    async fn send(
        &self,
        request: RequestBuilder,
        missing: impl FnOnce() -> u64,
    ) -> Result<Accepted> {
        let until = after(self.endpoint.deadline);
        let response = tokio::time::timeout_at(until, request.send()).await;
        let response = response.map_err(|_| self.endpoint.endless())?;
        let response = response.map_err(|error| self.endpoint.broken(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Accepted { response, until });
        }
        let delay = delay(response.headers(), SystemTime::now());
        let body = body::error_body(response, self.endpoint.clone()).await;
        let failure = Failure::from_body(&body);
        let status = status.as_u16();
        Err(self.endpoint.refusal(status, &failure, delay, missing))
    }
}

/// The moment after `wait`, or one that nobody lives to see.
pub(super) fn after(wait: Duration) -> Instant {
    const AGES: Duration = Duration::from_secs(86_400 * 365 * 30);
    Instant::now() + wait.min(AGES)
}

/// An estimate of how many tokens `request` is too long for `model`, at least 1.
pub(crate) fn overflow(model: &dyn ChatModel, request: &ChatRequest) -> u64 {
    let profile = model.profile();
    let output = request.max_tokens.unwrap_or(profile.max_output_tokens);
    let wanted = model.prompt_tokens(request) + u64::from(output);
    wanted
        .saturating_sub(u64::from(profile.context_window))
        .max(1)
}
