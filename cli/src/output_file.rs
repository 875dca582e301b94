//! A file that is written whole or not at all, and over another only where that is wanted.

use std::{
    io::{self, ErrorKind},
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
        Self::begin(path, false, 0o666)
    }

    /// The same for what nobody but its owner is to read.
    pub(crate) fn private(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, false, 0o600)
    }

    /// Begins a file that takes the place of one that may be there.
    pub(crate) fn replacing(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, true, 0o666)
    }

    /// `mode`: who may read and write it, where there are such modes, but for whom the process forbids it.
    #[cfg_attr(not(unix), allow(unused_variables))]
    fn begin(path: &Path, over: bool, mode: u32) -> Result<Self, Failure> {
        if !over && path.exists() {
            return Err(Failure::usage(format!("{} exists", path.display()))
                .help("name another file, or remove this one"));
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        let builder = {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(mode))
        };
        let content = builder.tempfile_in(folder);
        let content = content.map_err(|error| unwritable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            content,
            over,
        })
    }

    /// Gives the file its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if let Ok(there) = self.path.metadata() {
            // Whoever may read what is there may read what takes its place. Of another owner's file it cannot be had.
            let _ = self.content.as_file().set_permissions(there.permissions());
        }
        let named = match self.over {
            true => self.content.persist(&self.path),
            false => self.content.persist_noclobber(&self.path),
        };
        named.map_err(|error| unwritable(&self.path, &error.error))?;
        Ok(())
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let why = error.to_string();
    // Behind that the library has the temporary name.
    let why = why.split(" at path ").next().unwrap_or_default();
    let help = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "name a file in a folder that is there",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "name a file in a folder that may be written to"
        }
        _ => "make room, or name another file",
    };
    Failure::new(format!("{} cannot be written: {why}", path.display())).help(help)
}

/// Writes to the temporary name, which no error tells.
impl io::Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.content.as_file_mut().flush()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, io::Write, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_named_as_the_user_named_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/all.jsonl");
        let failure = OutputFile::private(&path).err().unwrap();
        let begin = format!("{} cannot be written: ", path.display());
        let told = failure.to_string();
        let why = told.strip_prefix(&begin);
        assert!(why.is_some_and(|why| !why.contains(".tmp")), "{told}");
        assert!(failure.help_text().is_some());
    }

    #[test]
    fn a_file_is_as_readable_as_another_that_is_made_there() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (other, path) = (folder.path().join("other"), folder.path().join("file"));
        fs::write(&other, "x").unwrap();
        let written = |file: Result<OutputFile, Failure>| {
            let mut file = file.unwrap();
            file.write_all(b"x").unwrap();
            file.finish().unwrap();
        };
        written(OutputFile::create(&path));
        assert_eq!(mode(&path), mode(&other));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        written(OutputFile::replacing(&path));
        assert_eq!(mode(&path), 0o600);
        let secret = folder.path().join("secret");
        written(OutputFile::private(&secret));
        assert_eq!(mode(&secret), 0o600);
    }
}
