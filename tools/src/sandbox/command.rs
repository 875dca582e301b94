//! What to run.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A program with its arguments, for [`Sandbox::run`](crate::Sandbox::run).
///
/// No shell is involved, and nothing is inherited: the environment holds what the sandbox sets
/// (`PATH`, `HOME`, `TMPDIR`, `LANG`, `CARGO_HOME`, …) and what [`env`](Command::env) adds.
///
/// # Example: run a test file that the program under test cannot write over
///
/// ```
/// use catena_tools::Command;
///
/// let command = Command::new("python3")
///     .args(["-m", "unittest", "tests.py"])
///     .env("PYTHONHASHSEED", "0")
///     .protect("tests.py");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) stdin: Vec<u8>,
    pub(super) protected: Vec<PathBuf>,
}

impl Command {
    /// The program `program`: a name that is looked up in the sandbox's `PATH`, or a path as it is
    /// seen in the sandbox, relative ones from the working folder.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            protected: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, over one that the sandbox sets.
    #[must_use]
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// What the program reads from its standard input; nothing by default.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Makes a file or a folder, at `path` within the working folder, one that the program cannot
    /// change, remove, rename or replace, nor any folder above it. It has to exist and may not be
    /// reached over a symbolic link, or the run is refused. Needs
    /// [`Layer::Namespaces`](crate::Layer::Namespaces).
    ///
    /// It keeps the file, not what is made of it: code that is tested in the process of its tests
    /// can still end that process or print what it likes.
    #[must_use]
    pub fn protect(mut self, path: impl Into<PathBuf>) -> Self {
        self.protected.push(path.into());
        self
    }
}

/// `path` without `.`, if it names something beneath the folder it is relative to.
pub(super) fn beneath(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!clean.as_os_str().is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_not_beneath() {
        assert_eq!(
            beneath(Path::new("./a/./b.rs")),
            Some(PathBuf::from("a/b.rs"))
        );
        for path in ["", ".", "..", "a/../../b", "/etc/passwd"] {
            assert_eq!(beneath(Path::new(path)), None, "{path}");
        }
    }
}
