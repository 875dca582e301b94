//! An error that can be written down.

use std::time::Duration;

use catena_core::Error;
use serde::{Deserialize, Serialize};

/// A model's failure: enough to fail alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    ContextOverflow { missing: u64 },
    RateLimited,
    Unavailable,
    Refused,
    MalformedOutput,
    Invalid,
    Other,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let kind = match error.missing_tokens() {
            Some(missing) => Kind::ContextOverflow { missing },
            None if error.is_rate_limited() => Kind::RateLimited,
            None if error.is_retryable() => Kind::Unavailable,
            None if error.is_refused() => Kind::Refused,
            None if error.is_malformed_output() => Kind::MalformedOutput,
            None if error.is_invalid() => Kind::Invalid,
            None => Kind::Other,
        };
        Self {
            kind,
            message: error.to_string(),
            help: error.help().map(str::to_owned),
            retry_after_seconds: error.retry_after().map(|wait| wait.as_secs_f64()),
        }
    }
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        let message = failure.message.clone();
        let error = match failure.kind {
            Kind::ContextOverflow { missing } => Self::context_overflow(missing, message),
            Kind::RateLimited => Self::rate_limited(None, message),
            Kind::Unavailable => Self::unavailable(message),
            Kind::Refused => Self::refused(message),
            Kind::MalformedOutput => Self::malformed_output(message),
            Kind::Invalid => Self::invalid(message),
            Kind::Other => Self::other(message),
        };
        let wait = failure.retry_after_seconds.map(Duration::try_from_secs_f64);
        let error = match wait.and_then(Result::ok) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        match &failure.help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_same_after_it_was_written_down() {
        for error in [
            Error::context_overflow(7, "long"),
            Error::rate_limited(Some(Duration::from_millis(1500)), "slow"),
            Error::rate_limited(None, "slow").with_help("wait"),
            Error::unavailable("down"),
            Error::unavailable("down").with_retry_after(Duration::from_secs(2)),
            Error::refused("no"),
            Error::malformed_output("what?"),
            Error::invalid("never"),
            Error::other("odd"),
        ] {
            let json = serde_json::to_string(&Failure::from(&error)).unwrap();
            let read: Failure = serde_json::from_str(&json).unwrap();
            assert_eq!(format!("{:?}", Error::from(&read)), format!("{error:?}"));
        }
    }
}
