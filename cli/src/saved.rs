//! `--save`: a run in one file, kept up to date while it goes on.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use catena_core::{Entry, Error, Journal, MemoryJournal, RunId, RunRecord, RunStatus};
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

/// A journal that keeps its run in a file: an entry is in the file before the next call is made.
#[derive(Debug)]
pub(crate) struct Saved {
    path: Option<PathBuf>,
    setting: String,
    runs: MemoryJournal,
    /// The run to go on with.
    pub(crate) resume: Option<RunId>,
    /// Why the end of the run could not be written: its answer is there all the same.
    unfinished: Mutex<Option<Error>>,
}

impl Saved {
    /// Opens `path` for a run on `input`. An unfinished run of the same input is gone on with;
    /// any other file is refused, never overwritten. Without a path nothing is kept.
    pub(crate) async fn open(
        path: Option<&Path>,
        setting: String,
        input: &impl Serialize,
    ) -> Result<Self, Failure> {
        let mut saved = Self {
            // A link stays one: what it leads to is replaced.
            path: path.map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned())),
            setting,
            runs: MemoryJournal::new(),
            resume: None,
            unfinished: Mutex::new(None),
        };
        let Some(path) = path else {
            return Ok(saved);
        };
        let name = path.display();
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            // Found out now, before the first call is paid.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match tempfile::NamedTempFile::new_in(folder(path)) {
                    Ok(_) => Ok(saved),
                    Err(error) => Err(unwritable(path, error).into()),
                };
            }
            Err(error) => {
                return Err(Failure::new(format!("{name} cannot be read: {error}"))
                    .help("--save names a file, of its own for each run"));
            }
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
        saved.runs.begin(&contents.run).await?;
        let id = contents.run.id;
        for entry in contents.entries {
            saved.runs.append(&id, entry).await?;
        }
        saved.resume = Some(id);
        Ok(saved)
    }

    /// Why the end of the run could not be written, if so.
    pub(crate) fn unfinished(&self) -> Option<Error> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Writes the run as it is now; the file is replaced at once or not at all.
    async fn write(&self, id: &RunId) -> catena_core::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let Some((run, entries)) = self.runs.load(id).await? else {
            return Ok(());
        };
        let contents = Contents {
            version: VERSION,
            setting: self.setting.clone(),
            run,
            entries,
        };
        replace(path, &contents).map_err(|error| unwritable(path, error))
    }
}

#[async_trait]
impl Journal for Saved {
    async fn begin(&self, run: &RunRecord) -> catena_core::Result<()> {
        self.runs.begin(run).await?;
        self.write(&run.id).await
    }

    async fn append(&self, run: &RunId, entry: Entry) -> catena_core::Result<()> {
        self.runs.append(run, entry).await?;
        self.write(run).await
    }

    async fn finish(&self, run: &RunId, status: RunStatus) -> catena_core::Result<()> {
        self.runs.finish(run, status).await?;
        if let Err(error) = self.write(run).await {
            // The answer is paid for: it is told first, and this after it.
            *self
                .unfinished
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        Ok(())
    }

    async fn load(&self, run: &RunId) -> catena_core::Result<Option<(RunRecord, Vec<Entry>)>> {
        self.runs.load(run).await
    }

    async fn list(&self) -> catena_core::Result<Vec<RunRecord>> {
        self.runs.list().await
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::journal(format!(
        "the run cannot be saved to {}: {error}",
        path.display()
    ))
    .with_help("--save names a file, in a folder that is there, can be written and has room")
    .with_source(error)
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
