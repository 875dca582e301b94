//! What a failed exchange means.

use std::{
    error::Error as StdError,
    io,
    time::{Duration, SystemTime},
};

use catena_core::Error;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::connection::Endpoint;

/// How much of a server's message is repeated, in characters.
const MAX_MESSAGE: usize = 400;

/// A failure in the words of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    /// Its `code` and `type`, in lower case.
    labels: String,
    /// A status named by the failure itself, for those reported in the middle of a stream.
    status: Option<u16>,
}

impl Failure {
    /// The failure that `json` reports: an `error` field that is not null, or an object that calls
    /// itself an error. Gemini wraps it in a list.
    pub(crate) fn read(json: &Value) -> Option<Self> {
        let json = json.get(0).unwrap_or(json);
        let error = match json.get("error") {
            Some(Value::Null) | None => json
                .get("object")
                .is_some_and(|object| object == "error")
                .then_some(json)?,
            Some(error) => error,
        };
        if let Value::String(message) = error {
            return Some(Self::text(message));
        }
        let field = |name| error.get(name).unwrap_or(&Value::Null);
        let label = |name| field(name).as_str().unwrap_or_default().to_lowercase();
        let status = field("code")
            .as_u64()
            .or_else(|| label("code").parse().ok());
        Some(Self {
            message: match field("message") {
                Value::String(message) => message.clone(),
                _ => error.to_string(),
            },
            labels: format!("{} {}", label("code"), label("type")),
            status: status
                .and_then(|status| u16::try_from(status).ok())
                .filter(|status| (400..600).contains(status)),
        })
    }

    /// The failure that the body of an answer with an error status reports.
    pub(super) fn from_body(body: &[u8]) -> Self {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        json.as_ref()
            .and_then(Self::read)
            .unwrap_or_else(|| Self::text(&String::from_utf8_lossy(body)))
    }

    /// The server stopped in the middle of an answer, and gives a word for it.
    pub(crate) fn interrupted(reason: &str) -> Self {
        Self::text(&format!("the answer was interrupted: {reason}"))
    }

    fn text(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// The status to treat a failure as that came without one.
    pub(crate) fn implied_status(&self) -> u16 {
        let labelled = |words: &[&str]| words.iter().any(|word| self.labels.contains(word));
        match self.status {
            Some(status) => status,
            None if labelled(&["rate_limit", "insufficient_quota"]) => 429,
            None if labelled(&["api_key", "authentication", "permission"]) => 401,
            None if labelled(&["invalid_request"]) => 400,
            None if labelled(&["billing"]) => 402,
            None if labelled(&["not_found"]) => 404,
            None if labelled(&["too_large"]) => 413,
            None => 500,
        }
    }

    fn is_context_overflow(&self) -> bool {
        const LABELS: [&str; 2] = ["context_length_exceeded", "exceed_context_size"];
        const WORDINGS: [&str; 8] = [
            "context length",
            "context window",
            "context size",
            "context limit",
            "maximum number of tokens",
            "maximum context",
            "prompt is too long",
            "too many tokens",
        ];
        let message = self.message.to_lowercase();
        LABELS.iter().any(|label| self.labels.contains(label))
            || WORDINGS.iter().any(|wording| message.contains(wording))
    }

    fn is_content_filter(&self) -> bool {
        self.labels.contains("content_filter") || self.labels.contains("content_policy")
    }

    /// How many tokens too long the prompt was, from wordings such as 'maximum context length is
    /// 4097 tokens. However, you requested 5000 tokens', 'request (5000 tokens) exceeds the available
    /// context size (4096 tokens)', 'prompt is too long: 210000 tokens > 200000 maximum' and
    /// 'exceed context limit: 190000 + 20000 > 200000'.
    fn missing_tokens(&self) -> Option<u64> {
        let words: Vec<&str> = self.message.split_whitespace().collect();
        let number = |word: &str| -> Option<u64> {
            word.replace(',', "").trim_start_matches('(').parse().ok()
        };
        let compared = words.windows(5).find_map(|words| match words {
            [asked, unit, ">", limit, _] if unit.starts_with("token") => {
                number(asked)?.checked_sub(number(limit)?)
            }
            [prompt, "+", answer, ">", limit] => number(prompt)?
                .saturating_add(number(answer)?)
                .checked_sub(number(limit)?),
            _ => None,
        });
        if compared.is_some() {
            return compared.filter(|&missing| missing > 0);
        }
        let counts: Vec<u64> = words
            .windows(2)
            .filter_map(|pair| match pair {
                [count, unit] if unit.starts_with("token") => number(count),
                _ => None,
            })
            .collect();
        // Some name the limit first, others what was asked for, which is more.
        let asked = counts.iter().max()?;
        let limit = counts.iter().find(|count| *count != asked)?;
        Some(asked - limit)
    }
}

impl Endpoint {
    /// What an answer with an error status means. `missing` estimates by how many tokens the
    /// prompt was too long, if it was and the server does not say.
    pub(crate) fn refusal(
        &self,
        status: u16,
        failure: &Failure,
        retry_after: Option<Duration>,
        missing: impl FnOnce() -> u64,
    ) -> Error {
        let said = self.quote(&failure.message);
        let message = format!("{}: the server answered {status}{said}", self.asking());
        match status {
            401 | 403 => Error::refused(message).with_help(match self.key {
                Some(_) => "check the API key, and that it may use this model",
                None => {
                    "the server wants an API key, and none is set (CATENA_API_KEY, or the vendor's own, such \
                     as VLLM_API_KEY)"
                },
            }),
            404 => Error::refused(message).with_help(format!(
                "check that the server has a model '{}', and that the base URL is the root of its \
                 API, which mostly ends in /v1",
                self.model
            )),
            402 => Error::refused(message).with_help("the account at the provider is empty"),
            429 if failure.labels.contains("insufficient_quota") => {
                Error::refused(message).with_help("the account at the provider is empty")
            }
            429 => Error::rate_limited(retry_after, message),
            _ if failure.is_context_overflow() => {
                let missing = failure.missing_tokens().unwrap_or_else(missing);
                Error::context_overflow(missing, message)
                    .with_help("set the model's context window as the server has it")
            }
            _ if failure.is_content_filter() => Error::refused(message)
                .with_help("the provider's content filter withheld the answer"),
            300..=399 => Error::refused(message)
                .with_help("the server redirects; use the address of its API as the base URL"),
            408 | 409 | 425 | 500.. => match retry_after {
                Some(wait) => Error::unavailable(message).with_retry_after(wait),
                None => Error::unavailable(message),
            },
            _ => Error::refused(message),
        }
    }

    /// What a failure of the connection means.
    pub(super) fn broken(&self, error: reqwest::Error) -> Error {
        let asking = self.asking();
        let error = error.without_url();
        if error.is_timeout() {
            return self.silent(self.timeout).with_source(error);
        }
        if let Some(tls) = tls(&error) {
            // Neither a wrong certificate nor a server without TLS gets better by itself.
            return Error::refused(format!(
                "{asking}: no secure connection could be made: {tls}"
            ))
            .with_help(format!(
                "check that the server at {} speaks https, and that this machine trusts its \
                     certificate",
                self.url
            ))
            .with_source(error);
        }
        if error.is_connect() {
            return Error::unavailable(format!("{asking}: the server could not be reached"))
                .with_help(format!(
                    "check that a server runs at {}, that the address is right and, for https, \
                     that this machine has certificates",
                    self.url
                ))
                .with_source(error);
        }
        if error.is_builder() {
            return Error::invalid(format!("{asking}: the request could not be made"))
                .with_source(error);
        }
        Error::unavailable(format!("{asking}: the connection broke")).with_source(error)
    }

    /// The server said nothing for too long.
    pub(super) fn silent(&self, waited: Duration) -> Error {
        Error::unavailable(format!("{}: nothing came for {waited:?}", self.asking())).with_help(
            format!(
                "check the server at {}, or set a longer timeout if it is only slow",
                self.url
            ),
        )
    }

    /// The answer is not over, and should be.
    pub(super) fn endless(&self) -> Error {
        let (asking, deadline) = (self.asking(), self.deadline);
        Error::unavailable(format!(
            "{asking}: the answer took longer than {deadline:?}"
        ))
        .with_help("set a longer deadline if the server is only slow")
    }

    /// What was being done, as messages begin.
    pub(crate) fn asking(&self) -> String {
        format!("asking '{}' at {}", self.model, self.url)
    }

    /// `: message`, in one line, shortened, and without the key that some servers repeat.
    fn quote(&self, message: &str) -> String {
        let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(key) = &self.key {
            message = message.replace(key.as_str(), "[key]");
        }
        if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        match message.as_str() {
            "" => String::new(),
            message => format!(": {message}"),
        }
    }
}

/// What went wrong with TLS, if that is the cause.
fn tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        // The source of an `io::Error` is not what it wraps, but the source of that.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// How long a server asks to wait. `Retry-After-Ms`, of OpenAI and Azure, is the finer one.
pub(super) fn delay(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let fine = header("retry-after-ms").and_then(|milliseconds| milliseconds.trim().parse().ok());
    fine.map(Duration::from_millis)
        .or_else(|| retry_after(header("retry-after")?, now))
}

/// A `Retry-After` header: seconds, or a date.
fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let date = httpdate::parse_http_date(header).ok()?;
    // A date that has passed means now.
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            url: "http://localhost/v1".into(),
            model: "m".into(),
            key: Some("sk-secret".into()),
            timeout: Duration::from_secs(1),
            deadline: Duration::from_secs(9),
        }
    }

    fn refusal(status: u16, body: &Value) -> Error {
        let failure = Failure::from_body(body.to_string().as_bytes());
        endpoint().refusal(status, &failure, None, || 17)
    }

    #[test]
    fn a_delay_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let delay = |header| retry_after(header, now);
        assert_eq!(delay("3"), Some(Duration::from_secs(3)));
        assert_eq!(delay(" 0.5 "), Some(Duration::from_millis(500)));
        assert_eq!(delay("-1"), Some(Duration::ZERO));
        assert_eq!(delay("1e300"), None);
        assert_eq!(delay("soon"), None);
        let date = "Sun, 06 Nov 1994 08:49:47 GMT";
        assert_eq!(delay(date), Some(Duration::from_secs(10)));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:07 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn the_finer_delay_counts_more() {
        let delay = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            super::delay(&headers.collect::<HeaderMap>(), SystemTime::now())
        };
        let both = [("retry-after", "2"), ("retry-after-ms", "1250")];
        assert_eq!(delay(&both), Some(Duration::from_millis(1250)));
        assert_eq!(delay(&both[..1]), Some(Duration::from_secs(2)));
        let odd = [("retry-after", "2"), ("retry-after-ms", "soon")];
        assert_eq!(delay(&odd), Some(Duration::from_secs(2)));
        assert_eq!(delay(&[]), None);
    }

    #[test]
    fn the_words_of_each_server_are_understood() {
        for (message, missing) in [
            ("prompt is too long: 200,123 tokens > 200000 maximum", 123),
            (
                "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, \
                 decrease input length or `max_tokens` and try again",
                9573,
            ),
            (
                "request (5000 tokens) exceeds the available context size (4096 tokens), try \
                 increasing it",
                904,
            ),
            (
                "The input token count (1000001) exceeds the maximum number of tokens allowed \
                 (1000000).",
                17,
            ),
        ] {
            let error = refusal(400, &json!([{"error": {"code": 400, "message": message}}]));
            assert_eq!(error.missing_tokens(), Some(missing), "{message}");
        }
    }

    #[test]
    fn an_overflow_is_told_by_label_or_wording() {
        let openai = json!({"error": {
            "message": "This model's maximum context length is 4,097 tokens. However, you \
                        requested 5000 tokens (4000 in the messages, 1000 in the completion).",
            "code": "context_length_exceeded",
        }});
        let error = refusal(400, &openai);
        assert_eq!(error.missing_tokens(), Some(903));

        let anthropic = json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 200,123 tokens > 200000 maximum"}});
        assert_eq!(refusal(400, &anthropic).missing_tokens(), Some(123));

        let unsaid = json!({"error": {"message": "too long", "type": "exceed_context_size_error"}});
        assert_eq!(refusal(400, &unsaid).missing_tokens(), Some(17));
        let wording = json!({"object": "error", "message": "Prompt exceeds the context window"});
        assert!(refusal(413, &wording).is_context_overflow());
    }

    #[test]
    fn an_empty_account_is_no_rate_limit() {
        let quota = json!({"error": {"message": "pay first", "code": "insufficient_quota"}});
        assert!(refusal(429, &quota).is_refused());
        assert!(refusal(429, &json!({"error": "slow"})).is_rate_limited());
    }

    #[test]
    fn what_the_server_says_is_shortened_and_the_key_struck_out() {
        let echo = json!({"error": {"message": format!("bad key sk-secret{}", " x".repeat(999))}});
        let message = refusal(401, &echo).to_string();
        assert!(message.contains("bad key [key] x"), "{message}");
        assert!(message.len() < 600, "{message}");
    }

    #[test]
    fn a_failure_without_a_status_is_classed_by_its_labels() {
        let implied = |json: Value| Failure::read(&json).unwrap().implied_status();
        assert_eq!(implied(json!({"error": {"code": 503}})), 503);
        assert_eq!(implied(json!({"error": {"code": "429"}})), 429);
        assert_eq!(implied(json!({"error": {"type": "rate_limit_error"}})), 429);
        assert_eq!(
            implied(json!({"error": {"type": "invalid_request_error"}})),
            400
        );
        assert_eq!(implied(json!({"error": "overloaded"})), 500);
        assert_eq!(implied(json!({"error": {"code": 7}})), 500);
    }
}
