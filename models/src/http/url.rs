//! Addresses and headers, without giving away what is secret in them.

use catena_core::{Error, Result};
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// The root of an API.
pub(super) fn base_url(text: &str) -> Result<Url> {
    let invalid = |why: &str| {
        Error::invalid(format!("the base URL of a model {why}"))
            .with_help("give the root of the API, for example http://localhost:8080/v1")
    };
    // The URL is not repeated: it may hold a password.
    let url = Url::parse(text.trim())
        .map_err(|error| invalid("cannot be understood").with_source(error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("must begin with http:// or https://"));
    }
    Ok(url)
}

/// Headers that go with each request.
pub(super) fn headers(named: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        let invalid =
            |part| Error::invalid(format!("the {part} of the header '{name}' cannot be sent"));
        let parsed = HeaderName::try_from(name).map_err(|_| invalid("name"))?;
        let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| invalid("value"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// Whether the server is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// A path below the base, whose query (some gateways want one) is kept.
pub(super) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The URL without what is secret in it.
pub(super) fn shown(mut url: Url) -> String {
    // Neither can fail for http.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_with_one_slash() {
        for base in ["http://h/v1", "http://h/v1/"] {
            let url = join(&base_url(base).unwrap(), "models");
            assert_eq!(url.as_str(), "http://h/v1/models");
        }
        let url = join(&base_url("http://h?v=1").unwrap(), "models");
        assert_eq!(url.as_str(), "http://h/models?v=1");
    }
}
