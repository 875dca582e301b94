//! What a server says, and what it does not say, as errors.

use std::time::Duration;

use catena_core::Error;
use qdrant_client::QdrantError;
use tonic::{Code, Status};

/// What went wrong while `doing` something at the server of `url`. The error has no source: the client's
/// says the same in other words.
pub(crate) fn failed(url: &str, doing: &str, error: &QdrantError) -> Error {
    let failed = |why: &str| {
        let why = plain(why);
        format!("the Qdrant server at {url} could not {doing}: {why}")
    };
    match error {
        QdrantError::ResponseError { status } => by_code(url, status, &failed(status.message())),
        QdrantError::ResourceExhaustedError {
            status,
            retry_after_seconds,
        } => Error::rate_limited(
            Some(Duration::from_secs(*retry_after_seconds)),
            failed(status.message()),
        ),
        QdrantError::InvalidUri(why) => {
            Error::invalid(format!("`{url}` is no address of a server: {why}"))
                .with_help("give one such as http://localhost:6334")
        }
        other => Error::other(failed(&other.to_string())),
    }
}

/// What a person understands of a message to which the client added how its parts failed, as in
/// `Failed to connect to http://…: tonic::transport::Error(Transport, …message: "Connection refused" …)`.
fn plain(message: &str) -> String {
    let Some((told, parts)) = message.split_once(": tonic::transport::Error(") else {
        return message.to_owned();
    };
    let system = parts.split_once("message: \"").map(|(_, system)| system);
    match system.and_then(|system| system.split_once('"')) {
        Some((system, _)) => format!("{told}: {system}"),
        None => told.to_owned(),
    }
}

fn by_code(url: &str, status: &Status, message: &str) -> Error {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => {
            Error::refused(message).with_help("give the API key that the server was started with")
        }
        Code::InvalidArgument => Error::invalid(message),
        Code::ResourceExhausted => Error::rate_limited(None, message),
        Code::Internal
        | Code::Unavailable
        | Code::Unknown
        | Code::Aborted
        | Code::Cancelled
        | Code::DeadlineExceeded => Error::unavailable(message).with_help(format!(
            "see whether a Qdrant server runs at {url}, whether this is its gRPC port (usually 6334; \
             6333 speaks another protocol), and how busy it is"
        )),
        _ => Error::other(message),
    }
}
