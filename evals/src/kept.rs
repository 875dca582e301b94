//! Answers that are kept as they come.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::Answered;

/// A file of answers of one strategy in one setting, a line each.
pub(crate) struct Kept<T> {
    path: PathBuf,
    file: File,
    /// Those that were there, without failures.
    known: HashMap<String, T>,
}

impl<T: AsRef<Answered> + Serialize + DeserializeOwned> Kept<T> {
    /// Opens `folder/SUITE/STRATEGY.jsonl`.
    pub(crate) fn open(folder: &Path, suite: &str, strategy: &str, setting: &str) -> Result<Self> {
        let path = folder.join(suite).join(format!("{strategy}.jsonl"));
        let unusable = |error| unwritable(&path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(unusable)?;
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unusable(error)),
        };
        let mut known = HashMap::new();
        let mut whole = 0;
        for line in text.split_inclusive('\n') {
            // The process died in the middle of this line: its item is answered anew.
            let Ok(record) = serde_json::from_str::<T>(line) else {
                if !line.ends_with('\n') {
                    break;
                }
                return Err(Error::invalid(format!(
                    "{} holds a line that is no answer",
                    path.display()
                ))
                .with_help("name another folder, or remove the file"));
            };
            let answered = record.as_ref();
            if answered.setting != setting {
                return Err(Error::invalid(format!(
                    "{} holds answers with another setting: {} instead of {setting}",
                    path.display(),
                    answered.setting
                ))
                .with_help("name another folder, or remove the file"));
            }
            whole += line.len();
            if answered.error.is_none() {
                known.insert(answered.id.clone(), record);
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(unusable)?;
        file.set_len(whole as u64).map_err(unusable)?;
        Ok(Self { path, file, known })
    }

    /// The answer to an item, if it was there.
    pub(crate) fn take(&mut self, id: &str) -> Option<T> {
        self.known.remove(id)
    }

    /// Keeps an answer: it is on the disk when this returns.
    pub(crate) fn keep(&mut self, record: T) -> Result<T> {
        self.append(&record)
            .map_err(|error| unwritable(&self.path, error))?;
        Ok(record)
    }

    fn append(&mut self, record: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::other(format!(
        "{} cannot be kept up to date: {error}",
        path.display()
    ))
    .with_help("name a folder that can be written and has room")
    .with_source(error)
}
