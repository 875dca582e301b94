//! What the environment says about where models come from.

use std::{env, ffi::OsString, path::PathBuf};

/// The hub that is asked when `HF_ENDPOINT` names no other.
const HUB: &str = "https://huggingface.co";

/// Where to look for models, and what not to ask.
///
/// [`from_env`](Self::from_env) is what the `catena` command uses;
/// [`default`](Self::default) ignores the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(super) search_path: Vec<PathBuf>,
    pub(super) hub_endpoint: String,
    pub(super) offline: bool,
    pub(super) python: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            search_path: Vec::new(),
            hub_endpoint: HUB.to_owned(),
            offline: false,
            python: None,
        }
    }
}

impl Settings {
    /// Reads the environment:
    ///
    /// | variable | meaning | default |
    /// | --- | --- | --- |
    /// | `CATENA_MODEL_PATH` | folders searched for a model's file, separated as in `PATH` | none |
    /// | `HF_ENDPOINT` | the hub, or a mirror of it | the public hub |
    /// | `HF_HUB_OFFLINE` | `1`, `true`, `yes` or `on`: do not ask the hub | off |
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        let mut settings = Self::default();
        if let Some(folders) = variable("CATENA_MODEL_PATH") {
            // An empty piece would mean the current folder, which nobody asked for.
            let folders =
                env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty());
            settings = settings.with_search_path(folders);
        }
        if let Some(endpoint) = text("HF_ENDPOINT").filter(|endpoint| !endpoint.trim().is_empty()) {
            settings = settings.with_hub_endpoint(endpoint.trim());
        }
        let offline = text("HF_HUB_OFFLINE")
            .unwrap_or_default()
            .to_ascii_lowercase();
        settings.with_hub_offline(["1", "true", "yes", "on"].contains(&offline.as_str()))
    }

    /// Folders searched for a model's file before anything is fetched. Default: none.
    #[must_use]
    pub fn with_search_path(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.search_path = folders.into_iter().collect();
        self
    }

    /// The base address of the hub. Default: the public Hugging Face hub.
    #[must_use]
    pub fn with_hub_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.hub_endpoint = endpoint.into().trim_end_matches('/').to_owned();
        self
    }

    /// Whether to leave the hub alone. Default: false.
    #[must_use]
    pub fn with_hub_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// The Python whose pip fetches packages. Default: `python3`, then `python`, from `PATH`.
    #[must_use]
    pub fn with_python(mut self, python: impl Into<PathBuf>) -> Self {
        self.python = Some(python.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_variables(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn an_empty_environment_is_the_default() {
        assert_eq!(from(&[]), Settings::default());
        assert_eq!(
            from(&[("HF_ENDPOINT", " "), ("HF_HUB_OFFLINE", "0")]),
            Settings::default()
        );
    }

    #[cfg(unix)]
    #[test]
    fn each_variable_is_read() {
        let settings = from(&[
            ("CATENA_MODEL_PATH", "/a::/b c"),
            ("HF_ENDPOINT", "http://mirror/"),
            ("HF_HUB_OFFLINE", "TRUE"),
        ]);
        assert_eq!(
            settings.search_path,
            [PathBuf::from("/a"), PathBuf::from("/b c")]
        );
        assert_eq!(settings.hub_endpoint, "http://mirror");
        assert!(settings.offline);
    }
}
