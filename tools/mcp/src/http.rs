//! Servers that are reached over streamable HTTP.

use std::{collections::HashMap, fmt, net::IpAddr, sync::Arc, time::Duration};

use catena_core::{Error, Result};
use reqwest::{
    Client, Url,
    header::{HeaderName, HeaderValue},
    redirect,
};
use rmcp::transport::{
    StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::Verifier;

use crate::client::BEGIN;

/// A server with a URL, such as `http://localhost:3001/mcp`.
///
/// # Example
///
/// ```
/// use catena_mcp::HttpServer;
///
/// let server = HttpServer::new("https://example.org/mcp").bearer("…").header("x-team", "blue");
/// ```
#[derive(Clone)]
pub struct HttpServer {
    url: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    pub(crate) begin: Duration,
}

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

impl HttpServer {
    /// At this URL. Redirects are not followed: they would take the token elsewhere.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: None,
            headers: Vec::new(),
            begin: BEGIN,
        }
    }

    /// Sends a token with each request, without the word `Bearer`.
    #[must_use]
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sends a header with each request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Gives it up if it has not answered within this time. Default: 60 seconds.
    #[must_use]
    pub fn begin_within(mut self, time: Duration) -> Self {
        self.begin = time;
        self
    }

    /// Its host, for messages: the rest of the URL may hold secrets.
    pub(crate) fn name(&self) -> String {
        let url = Url::parse(&self.url).ok();
        let host = url.as_ref().and_then(|url| {
            let port = url
                .port()
                .map_or_else(String::new, |port| format!(":{port}"));
            Some(format!("{}{port}", url.host_str()?))
        });
        host.unwrap_or_else(|| "(no URL)".to_owned())
    }

    pub(crate) fn transport(&self) -> Result<StreamableHttpClientTransport<Client>> {
        let url = Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Error::invalid("the MCP server has no proper URL")
                    .with_help("give one such as https://example.org/mcp")
            })?;
        let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
        config.auth_header.clone_from(&self.token);
        config.custom_headers = self.headers()?;
        Ok(StreamableHttpClientTransport::with_client(
            client(&url)?,
            config,
        ))
    }

    fn headers(&self) -> Result<HashMap<HeaderName, HeaderValue>> {
        let read = |(name, value): &(String, String)| {
            let invalid = || {
                Error::invalid(format!("'{name}' is no HTTP header")).with_help(
                    "use letters, digits and '-' in its name, and no line break in its value",
                )
            };
            let mut header = HeaderValue::from_str(value).map_err(|_| invalid())?;
            header.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            Ok((name, header))
        };
        self.headers.iter().map(read).collect()
    }
}

impl fmt::Debug for HttpServer {
    /// Leaves out the URL's path, the token and the headers, which may all hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer")
            .field("host", &self.name())
            .finish_non_exhaustive()
    }
}

/// A client with the system's certificates and ring's cryptography, like that of the models: with a
/// provider of its own it is the same whatever features another crate turns on.
fn client(url: &Url) -> Result<Client> {
    let failed = |what: &str| Error::other(format!("setting up {what} failed"));
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("TLS").with_source(error))?;
    let config = match Verifier::new(provider) {
        Ok(verifier) => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier)),
        // A machine without certificates can still reach a server over plain HTTP, and trusts no other.
        Err(_) => config.with_root_certificates(RootCertStore::empty()),
    };
    // A pooled connection whose last answer was not read to its end stalls the next request.
    let client = Client::builder()
        .tls_backend_preconfigured(config.with_no_client_auth())
        .user_agent(concat!("catena/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none());
    let client = match is_loopback(url) {
        // A proxy would look for the server on its own machine.
        true => client.no_proxy(),
        false => client,
    };
    client
        .build()
        .map_err(|error| failed("the HTTP client").with_source(error))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_and_no_header_is_refused() {
        for url in ["", "localhost:3001", "ftp://h/mcp", "http://"] {
            assert!(
                HttpServer::new(url).transport().err().unwrap().is_invalid(),
                "{url}"
            );
        }
        for (name, value) in [("a b", "c"), ("a", "b\nc")] {
            let server = HttpServer::new("http://localhost/").header(name, value);
            assert!(server.headers().unwrap_err().is_invalid());
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let server = HttpServer::new("http://user:secret@h:1/secret?secret")
            .bearer("secret")
            .header("a", "secret");
        assert_eq!(format!("{server:?}"), "HttpServer { host: \"h:1\", .. }");
    }
}
