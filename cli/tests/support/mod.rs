//! What the tests of the command share: a home of its own for each, a model that is a small HTTP
//! server on the loopback, and the command's outcome.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod patent;
pub(crate) mod repair;
mod server;
pub(crate) mod talk;
pub(crate) mod terminal;

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use self::server::{Reply, Request, Server};

/// How long a test waits before it calls something hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A window in which [`book`] takes several chunks.
pub(crate) const WINDOW: &str = "480";

/// What [`reader`] copies of [`book`] elsewhere: it stands in every chunk.
pub(crate) const NOTE: &str = "The barge carried rye to the lighthouse.";

/// The sentence of [`book`] that answers [`QUESTION`].
pub(crate) const FACT: &str = "The lighthouse on Gull Rock is kept by Oda Brandt.";
pub(crate) const QUESTION: &str = "Who keeps the lighthouse?";
pub(crate) const ANSWER: &str = "Oda Brandt keeps it.";

/// A text of several chunks, with [`FACT`] in the midst of it; its bytes are more than its
/// characters.
pub(crate) fn book() -> String {
    let mut text = String::new();
    for day in 1..=60 {
        text += &format!(
            "On day {day} the barge carried {day} sacks of rye to the lighthouse of Vélm. "
        );
        if day % 5 == 0 {
            text += NOTE;
            text += "\n\n";
        }
        if day == 30 {
            text += FACT;
            text.push(' ');
        }
    }
    text
}

/// A model that copies [`FACT`] where it stands or is known, [`NOTE`] elsewhere, and answers with
/// [`ANSWER`].
pub(crate) fn reader(request: &Request) -> Reply {
    if request.is_manager() {
        Reply::text(ANSWER)
    } else if request.user().contains(FACT) {
        Reply::text(FACT)
    } else {
        Reply::text(NOTE)
    }
}

/// The folder in which a test lives: home, configuration, cache and documents.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes the configuration file at its default place.
    pub(crate) fn configure(&self, toml: &str) -> PathBuf {
        self.write("config/catena/config.toml", toml)
    }

    /// The names in the home folder, in order, but for the journal's folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "data")
            .collect();
        names.sort();
        names
    }

    /// `catena`, in this folder, with nothing of the user's environment but `PATH`. It asks a server
    /// once: what a test counts and waits for does not depend on retries.
    pub(crate) fn catena<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.0.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("CATENA_CACHE_DIR", self.path("cache"))
            .env("CATENA_RETRIES", "0")
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .args(args);
        command
    }

    /// `catena` with the model of `server`.
    pub(crate) fn with<S: AsRef<OsStr>>(
        &self,
        server: &Server,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = self.catena(args);
        command
            .env("CATENA_BASE_URL", server.url())
            .env("CATENA_MODEL", "openai:test");
        command
    }

    /// `catena ask FILE -q QUESTION --window WINDOW` and more, with the model of `server`.
    pub(crate) fn ask(&self, server: &Server, file: &str, more: &[&str]) -> Command {
        let mut command = self.with(server, ["ask", file, "-q", QUESTION, "--window", WINDOW]);
        command.args(more);
        command
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Fails the test unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Fails the test unless standard error says `text`, however it is broken into lines; or, of a
    /// command whose output is JSON, the error or the help in it.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        let told = match serde_json::from_str::<Value>(&self.stdout) {
            Ok(json) if json["error"].is_string() => format!("{} {}", json["error"], json["help"]),
            _ => self.stderr.clone(),
        };
        assert!(
            compact(&told).contains(&compact(text)),
            "no {text:?} in {self:#?}"
        );
        self
    }

    /// Fails the test unless standard output is empty.
    #[track_caller]
    pub(crate) fn prints_nothing(&self) -> &Self {
        assert_eq!(self.stdout, "");
        self
    }

    /// Standard output, which has to be one JSON value and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }
}

/// `text` without blanks, line breaks and the frames of messages.
fn compact(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '│' | '×' | '╰' | '─' | '▶'))
        .collect()
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Finished {
    finish(command.spawn().unwrap())
}

/// Runs a command whose standard input is `text`.
#[track_caller]
pub(crate) fn run_with_input(command: &mut Command, text: &str) -> Finished {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    finish(child)
}

/// Waits for the end of a command; one that hangs is killed and fails the test.
#[track_caller]
pub(crate) fn finish(child: Child) -> Finished {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(PATIENCE) else {
        signal(id, "KILL");
        panic!("the command did not end within {PATIENCE:?}");
    };
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    Finished {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Sends a signal to a command that a test started.
pub(crate) fn signal(id: u32, name: &str) {
    let kill = Command::new("kill")
        .args([format!("-{name}"), id.to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
