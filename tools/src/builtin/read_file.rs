//! Reading the files of one folder.

use std::{
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use cap_std::{
    ambient_authority,
    fs::{Dir, File, OpenOptions},
};
use catena_core::{Context, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, DocumentKind, Tool};

/// The tool `read_file`: reads text files of one folder, and lists its folders.
///
/// Nothing outside of the folder can be reached, by `..`, an absolute path or a symbolic link; that is
/// decided as the file is opened, so that a link that is put in its place meanwhile does not help. Only
/// regular files are read, as [`Document`]s are.
///
/// # Example
///
/// ```
/// use catena_tools::{ReadFile, Toolbox};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let tools = Toolbox::new().with(ReadFile::new(folder)?.max_bytes(100_000))?;
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadFile {
    folder: Arc<Dir>,
    max_bytes: u64,
}

/// What [`ReadFile`] is called with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReadFileArguments {
    /// The file, relative to the folder, such as "src/main.rs"; "." lists the folder.
    pub path: String,
    /// The first line to read, from 1. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_line: Option<usize>,
    /// The most lines to read. Default: 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<usize>,
}

/// The most lines that are read at once, if nothing else is asked for.
const LINES: usize = 400;

/// The most names of a folder that are listed.
const NAMES: usize = 200;

impl ReadFile {
    /// For the files in `folder`; blocks.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when there is no such folder.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let path = folder.as_ref();
        let folder = Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| {
            Error::invalid(format!("the folder {} cannot be opened", path.display()))
                .with_help("name a folder that exists and can be read")
                .with_source(error)
        })?;
        Ok(Self {
            folder: Arc::new(folder),
            max_bytes: 4 << 20,
        })
    }

    /// Refuses larger files, in bytes. Default: 4 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }
}

#[async_trait]
impl Tool for ReadFile {
    type Arguments = ReadFileArguments;
    type Output = String;

    fn name(&self) -> &str {
        "read_file"
    }

    fn description(&self) -> &str {
        "Reads a text file, or lists a folder. Long files are read in parts, by lines."
    }

    fn repeatable(&self) -> bool {
        true
    }

    async fn call(&self, arguments: ReadFileArguments, _cx: &Context) -> Result<String> {
        let folder = Arc::clone(&self.folder);
        let max_bytes = self.max_bytes;
        tokio::task::spawn_blocking(move || read(&folder, &arguments, max_bytes))
            .await
            .map_err(|error| Error::other("reading broke off").with_source(error))?
    }
}

fn read(folder: &Dir, arguments: &ReadFileArguments, max_bytes: u64) -> Result<String> {
    let name = match arguments.path.trim().trim_end_matches('/') {
        "" => ".",
        name => name,
    };
    let unreadable = |error: io::Error| unreadable(name, &error);
    let about = folder.metadata(name).map_err(unreadable)?;
    if about.is_dir() {
        return list(name, &folder.open_dir(name).map_err(unreadable)?);
    }
    if !about.is_file() {
        return Err(no_file(name));
    }
    let file = open(folder, name).map_err(unreadable)?;
    // Of what was opened: it may be another one by now.
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(no_file(name));
    }
    if about.len() > max_bytes {
        return Err(Error::invalid(format!(
            "{name} has {} bytes, and at most {max_bytes} are read",
            about.len()
        ))
        .with_help("read another file"));
    }
    let mut document = Document::from_reader(name, file.take(max_bytes))?;
    document.kind = DocumentKind::of(Path::new(name));
    part(&document, arguments)
}

/// Opens it without waiting: a pipe in its place would have us wait for who writes into it.
fn open(folder: &Dir, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt;
        use rustix::fs::OFlags;

        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    }
    folder.open_with(name, &options)
}

fn no_file(name: &str) -> Error {
    Error::invalid(format!("{name} is no regular file")).with_help("read another file")
}

/// The lines that were asked for, below one that says which they are.
fn part(document: &Document, arguments: &ReadFileArguments) -> Result<String> {
    let name = &document.name;
    let total = document.text.lines().count();
    let from = arguments.from_line.unwrap_or(1).max(1);
    if from > total {
        return Err(Error::invalid(format!("{name} has {total} lines"))
            .with_help(format!("give a from_line of at most {total}")));
    }
    let wanted = arguments.lines.unwrap_or(LINES).max(1);
    let to = total.min(from.saturating_add(wanted - 1));
    let lines = document.text.split_inclusive('\n');
    let text: String = lines.skip(from - 1).take(wanted).collect();
    let more = match to < total {
        true => format!("; go on with from_line {}", to + 1),
        false => String::new(),
    };
    Ok(format!(
        "{name}, lines {from} to {to} of {total}{more}:\n{text}"
    ))
}

fn list(name: &str, folder: &Dir) -> Result<String> {
    let unreadable = |error: io::Error| unreadable(name, &error);
    let mut names = Vec::new();
    for entry in folder.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let slash = match entry.file_type().map_err(unreadable)?.is_dir() {
            true => "/",
            false => "",
        };
        names.push(format!("{}{slash}", entry.file_name().to_string_lossy()));
    }
    names.sort();
    let total = names.len();
    names.truncate(NAMES);
    let more = match total.checked_sub(NAMES) {
        Some(more @ 1..) => format!("\n[{more} of {total} are left out here]"),
        _ => String::new(),
    };
    match total {
        0 => Ok(format!("{name} is an empty folder")),
        _ => Ok(format!(
            "{name} is a folder with:\n{}{more}",
            names.join("\n")
        )),
    }
}

fn unreadable(name: &str, error: &io::Error) -> Error {
    let (why, help) = match error.kind() {
        io::ErrorKind::NotFound => (
            "there is no such file".to_owned(),
            "list the folder with the path \".\" to see what there is",
        ),
        io::ErrorKind::PermissionDenied => (
            "it may not be read, or lies outside of the folder".to_owned(),
            "name a file in the folder, by its path from there",
        ),
        _ => (error.to_string(), "read another file"),
    };
    Error::invalid(format!("{name} cannot be read: {why}")).with_help(help)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn asked(path: &str) -> ReadFileArguments {
        ReadFileArguments {
            path: path.to_owned(),
            ..Default::default()
        }
    }

    struct Place {
        outer: tempfile::TempDir,
        tool: ReadFile,
    }

    impl Place {
        fn new() -> Self {
            let outer = tempfile::tempdir().unwrap();
            let inner = outer.path().join("inner");
            fs::create_dir_all(inner.join("src")).unwrap();
            fs::write(outer.path().join("secret.txt"), "secret").unwrap();
            fs::write(inner.join("a.txt"), "one\ntwo\nthree\nfour").unwrap();
            fs::write(inner.join("src/b.rs"), "fn b() {}\n").unwrap();
            Self {
                tool: ReadFile::new(inner).unwrap(),
                outer,
            }
        }

        fn read(&self, arguments: &ReadFileArguments) -> Result<String> {
            read(&self.tool.folder, arguments, 100)
        }
    }

    #[test]
    fn files_are_read_in_parts_and_folders_listed() {
        let place = Place::new();
        let whole = place.read(&asked("a.txt")).unwrap();
        assert_eq!(whole, "a.txt, lines 1 to 4 of 4:\none\ntwo\nthree\nfour");
        let part = place.read(&ReadFileArguments {
            from_line: Some(2),
            lines: Some(2),
            ..asked("./a.txt")
        });
        let said = "./a.txt, lines 2 to 3 of 4; go on with from_line 4:\ntwo\nthree\n";
        assert_eq!(part.unwrap(), said);
        let listed = place.read(&asked("")).unwrap();
        assert_eq!(listed, ". is a folder with:\na.txt\nsrc/");
        assert!(place.read(&asked("src/b.rs")).unwrap().contains("fn b()"));
        let late = place.read(&ReadFileArguments {
            from_line: Some(5),
            ..asked("a.txt")
        });
        assert_eq!(late.unwrap_err().to_string(), "a.txt has 4 lines");
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let place = Place::new();
        let outside = place.outer.path().join("secret.txt");
        let inner = place.outer.path().join("inner");
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink(&outside, inner.join("link")).unwrap();
            symlink("../secret.txt", inner.join("near")).unwrap();
            symlink("..", inner.join("up")).unwrap();
            symlink("/", inner.join("root")).unwrap();
            symlink("link", inner.join("again")).unwrap();
            symlink("a.txt", inner.join("fine")).unwrap();
            assert!(place.read(&asked("fine")).unwrap().ends_with("four"));
        }
        for path in [
            "../secret.txt",
            "src/../../secret.txt",
            outside.to_str().unwrap(),
            "/etc/passwd",
            "link",
            "near",
            "up/secret.txt",
            "up",
            "root/etc/passwd",
            "again",
            "..",
            "src/../..",
            "/proc/self/environ",
            "a.txt/../../secret.txt",
        ] {
            let error = place.read(&asked(path)).unwrap_err();
            assert!(error.is_invalid() && error.help().is_some(), "{path}");
            assert!(!error.to_string().contains("secret\n"), "{path}");
        }
    }

    #[test]
    fn what_is_too_large_or_no_text_is_refused() {
        let place = Place::new();
        let inner = place.outer.path().join("inner");
        fs::write(inner.join("large"), "x".repeat(101)).unwrap();
        fs::write(inner.join("binary"), b"\0\x01").unwrap();
        let error = place.read(&asked("large")).unwrap_err().to_string();
        assert_eq!(error, "large has 101 bytes, and at most 100 are read");
        assert!(
            place
                .read(&asked("binary"))
                .unwrap_err()
                .to_string()
                .contains("no text")
        );
        assert!(
            place
                .read(&asked("none"))
                .unwrap_err()
                .help()
                .unwrap()
                .contains("list")
        );
        assert!(place.read(&asked("a\0b")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_never_ends_is_not_waited_for() {
        let place = Place::new();
        let pipe = place.outer.path().join("inner/pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let error = place.read(&asked("pipe")).unwrap_err();
        assert_eq!(error.to_string(), "pipe is no regular file");
        drop(open(&place.tool.folder, "pipe").unwrap());
    }
}
