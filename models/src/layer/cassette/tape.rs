//! The file of a cassette.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use catena_core::{ChatRequest, ChatResponse, Error, ModelProfile, Result};
use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// The form of the file. One that a later version wrote is refused.
const VERSION: u32 = 1;

/// What is on a cassette.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tape {
    version: u32,
    pub(super) profile: ModelProfile,
    pub(super) exchanges: Vec<Exchange>,
}

/// A request and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Exchange {
    pub(super) request: ChatRequest,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Answer(ChatResponse),
    Error(Failure),
}

impl Tape {
    pub(super) fn new(profile: ModelProfile) -> Self {
        Self {
            version: VERSION,
            profile,
            exchanges: Vec::new(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Error::invalid(format!("the cassette {shown} cannot be read"))
                .with_help("record it first: wrap a real model in Record")
                .with_source(error)
        })?;
        let tape: Self = serde_json::from_str(&text).map_err(|error| {
            Error::invalid(format!("{shown} is not a cassette: {error}")).with_source(error)
        })?;
        if tape.version != VERSION {
            return Err(Error::invalid(format!(
                "the cassette {shown} has the form {}, and this program reads {VERSION}",
                tape.version
            ))
            .with_help("record it again"));
        }
        Ok(tape)
    }

    /// Writes the whole file and puts it in place at once.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let failed = |error: io::Error| {
            Error::other(format!("the cassette {} cannot be written", path.display()))
                .with_source(error)
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        text.push('\n');
        let new = new_name(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(&new, text).map_err(failed)?;
        fs::rename(&new, path).map_err(failed)
    }
}

fn new_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}
