//! What the models behind HTTP share: the client, the connection to one server, and the way from the
//! bytes of a response to the deltas of an answer.

mod answer;
mod body;
mod calls;
mod chunk;
mod connection;
mod failure;
mod url;

pub(crate) use answer::Answer;
pub(crate) use chunk::{CallPart, Chunk, Reported};
pub(crate) use connection::{Connection, Settings, overflow};
pub(crate) use failure::Failure;

use std::{sync::Arc, time::Duration};

use catena_core::{Error, Result};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::Verifier;

/// How long a connection with TLS is kept that nobody uses. Some servers close theirs after five
/// seconds; a request on its way just then fails as "connection closed before message completed".
const IDLE: Duration = Duration::from_secs(4);

/// A client with the system's certificates and ring's cryptography.
///
/// reqwest's own choice, aws-lc, is a long C build; given a provider of its own the client is the
/// same whatever features another crate turns on.
pub(crate) fn client() -> Result<reqwest::ClientBuilder> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::other("setting up TLS failed").with_source(error))?;
    let config = match Verifier::new(provider) {
        Ok(verifier) => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier)),
        // A machine without certificates can still reach a server of its own over plain HTTP, and
        // trusts no other.
        Err(_) => config.with_root_certificates(RootCertStore::empty()),
    };
    Ok(reqwest::Client::builder()
        .pool_idle_timeout(IDLE)
        .tls_backend_preconfigured(config.with_no_client_auth())
        .user_agent(concat!("catena/", env!("CARGO_PKG_VERSION"))))
}
