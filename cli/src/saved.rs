//! `--save`: a run in one file, kept up to date while it goes on.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use catena_core::{Entry, Journal, MemoryJournal, RunId, RunRecord, RunStatus};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The form of the file; another number is refused.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// The model's name and the window: a run goes on with those with which it began.
    setting: String,
    run: RunRecord,
    entries: Vec<Entry>,
}

/// A journal with a file to keep it in.
pub(crate) struct Saved {
    path: Option<PathBuf>,
    setting: String,
    pub(crate) journal: Arc<MemoryJournal>,
    /// The run to go on with.
    pub(crate) resume: Option<RunId>,
}

impl Saved {
    /// Opens `path` for a run on `input`. An unfinished run of the same input is gone on with;
    /// any other file is refused, never overwritten.
    pub(crate) async fn open(
        path: Option<&Path>,
        setting: String,
        input: &impl Serialize,
    ) -> Result<Self, Failure> {
        let mut saved = Self {
            path: path.map(Path::to_owned),
            setting,
            journal: Arc::new(MemoryJournal::new()),
            resume: None,
        };
        let Some(path) = path else {
            return Ok(saved);
        };
        let name = path.display();
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                saved.check_writable(path)?;
                return Ok(saved);
            }
            Err(error) => return Err(Failure::new(format!("{name} cannot be read: {error}"))),
        };
        let other = |what: &str| {
            Failure::usage(format!("{name} {what}"))
                .help("save to another file, or remove this one")
        };
        let contents: Contents =
            serde_json::from_slice(&bytes).map_err(|_| other("exists and is no saved run"))?;
        if contents.version != VERSION {
            return Err(other("was saved by another version of catena"));
        }
        if contents.run.status == RunStatus::Finished {
            return Err(other("holds a finished run"));
        }
        let input = serde_json::to_value(input).map_err(|error| Failure::new(error.to_string()))?;
        if contents.run.input != input {
            return Err(other("holds a run with another question or other texts"));
        }
        if contents.setting != saved.setting {
            return Err(other(&format!(
                "holds a run with other settings ({})",
                contents.setting
            )));
        }
        saved.journal.begin(&contents.run).await?;
        let id = contents.run.id;
        for entry in contents.entries {
            saved.journal.append(&id, entry).await?;
        }
        saved.resume = Some(id);
        Ok(saved)
    }

    /// Writes the run as it is now; the file is replaced at once or not at all.
    pub(crate) async fn write(&self, id: &RunId) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let Some((run, entries)) = self.journal.load(id).await? else {
            return Ok(());
        };
        let contents = Contents {
            version: VERSION,
            setting: self.setting.clone(),
            run,
            entries,
        };
        replace(path, &contents).map_err(|error| unwritable(path, &error))
    }

    /// Finds out before the first call is paid whether the run can be kept.
    fn check_writable(&self, path: &Path) -> Result<(), Failure> {
        tempfile::NamedTempFile::new_in(folder(path))
            .map(drop)
            .map_err(|error| unwritable(path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!(
        "the run cannot be saved to {}: {error}",
        path.display()
    ))
    .help("name a file in a folder that can be written and has room")
}

fn replace(path: &Path, contents: &Contents) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    serde_json::to_writer(io::BufWriter::new(&mut file), contents)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
