//! What went wrong with a server, as errors of Catena.

use std::{error::Error as StdError, time::Duration};

use catena_core::Error;
use rmcp::{ServiceError, service::ClientInitializeError};

/// The most characters of what a server says about a failure.
const LONGEST: usize = 500;

/// It did not begin.
pub(crate) fn of_start(name: &str, error: ClientInitializeError, last: &str) -> Error {
    if error.is_authorization_required() {
        return unauthorized(name);
    }
    match &error {
        ClientInitializeError::ConnectionClosed(_) => ended(name, last),
        ClientInitializeError::TransportError { error, .. } => unreachable(name, error, last),
        other => Error::malformed_output(format!(
            "the MCP server '{name}' does not begin as one should: {}",
            cut(&other.to_string())
        ))
        .with_help("check that it is an MCP server and speaks this transport"),
    }
}

/// A request failed.
pub(crate) fn of_service(name: &str, doing: &str, error: ServiceError, last: &str) -> Error {
    if error.is_authorization_required() {
        return unauthorized(name);
    }
    match error {
        ServiceError::McpError(error) => Error::refused(format!(
            "the MCP server '{name}' says, {doing}: {}",
            cut(&error.message)
        )),
        ServiceError::TransportClosed => ended(name, last),
        ServiceError::TransportSend(error) => unreachable(name, &error, last),
        ServiceError::Timeout { timeout } => slow(name, timeout),
        ServiceError::Cancelled { .. } => {
            Error::unavailable(format!("the MCP server '{name}' gave it up, {doing}"))
        }
        other => Error::malformed_output(format!(
            "the MCP server '{name}' answers what was not asked, {doing}: {}",
            cut(&other.to_string())
        )),
    }
}

/// Whether the connection is gone, and with it perhaps the server.
pub(crate) fn is_death(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::TransportClosed | ServiceError::TransportSend(_)
    )
}

/// It takes too long.
pub(crate) fn slow(name: &str, timeout: Duration) -> Error {
    Error::unavailable(format!(
        "the MCP server '{name}' did not answer within {timeout:?}"
    ))
    .with_help("ask for less, or go on without its tools")
}

fn ended(name: &str, last: &str) -> Error {
    let last = match last.trim() {
        "" => String::new(),
        last => format!("; its last words: {}", cut(last)),
    };
    Error::unavailable(format!("the MCP server '{name}' has ended{last}"))
        .with_help("go on without its tools, or start it again")
}

fn unreachable(name: &str, error: &(dyn StdError + 'static), last: &str) -> Error {
    if !last.trim().is_empty() {
        return ended(name, last);
    }
    // The innermost cause says the most: "connection refused".
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Error::unavailable(format!(
        "the MCP server '{name}' cannot be reached: {}",
        cut(&cause.to_string())
    ))
    .with_help("check that it is running, or go on without its tools")
}

fn unauthorized(name: &str) -> Error {
    Error::refused(format!("the MCP server '{name}' wants other credentials"))
        .with_help("give it a token with HttpServer::bearer")
}

fn cut(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).collect();
    match cut.len() < text.len() {
        true => format!("{cut}…"),
        false => cut,
    }
}
