//! A file that is written whole or not at all, and over another only where that is wanted.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// The place of a file, and its content under a temporary name.
pub(crate) struct OutputFile {
    path: PathBuf,
    content: NamedTempFile,
    /// Whether a file that is there gives way.
    over: bool,
}

impl OutputFile {
    /// Begins a file, which must not be there yet.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        if path.exists() {
            return Err(Failure::usage(format!("{} exists", path.display()))
                .help("name another file, or remove this one"));
        }
        Self::begin(path, false)
    }

    /// Begins a file that takes the place of one that may be there.
    pub(crate) fn replacing(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, true)
    }

    fn begin(path: &Path, over: bool) -> Result<Self, Failure> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let content = NamedTempFile::new_in(folder).map_err(|error| unwritable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            content,
            over,
        })
    }

    /// Gives the file its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let named = match self.over {
            true => self.content.persist(&self.path),
            false => self.content.persist_noclobber(&self.path),
        };
        named.map_err(|error| unwritable(&self.path, &error.error))?;
        Ok(())
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
}

/// Writes to the temporary name.
impl io::Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.flush()
    }
}
