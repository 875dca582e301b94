//! Servers that are started here and spoken to over their standard input and output.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use catena_core::{Error, Result};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

use crate::client::BEGIN;

/// A server that is a program to be started.
///
/// Of this process's environment it gets only what a program needs to run (`PATH`, `HOME`, the language,
/// the folder for temporary files), so none of its keys; add what it shall have with
/// [`env`](Self::env). It can otherwise do what the user can: start none that you do not trust with that.
///
/// # Example
///
/// ```
/// use catena_mcp::StdioServer;
///
/// let token = "…";
/// let server = StdioServer::new("npx")
///     .args(["-y", "@modelcontextprotocol/server-github@2025.4.8"])
///     .env("GITHUB_PERSONAL_ACCESS_TOKEN", token);
/// ```
#[derive(Clone)]
pub struct StdioServer {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    pub(crate) begin: Duration,
}

/// What a server gets of the environment.
const PASSED_ON: &[&str] = &[
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER", // and on Windows:
    "APPDATA",
    "LOCALAPPDATA",
    "PATHEXT",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERPROFILE",
];

/// The last bytes of its standard error that are kept.
const KEPT: usize = 2000;

/// How long its last words are waited for, once it has closed its output.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl StdioServer {
    /// A program: a path, or a name that is looked for in `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: None,
            begin: BEGIN,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it in this folder. Default: that of this process.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Gives it up if it has not begun within this time. Default: 60 seconds.
    #[must_use]
    pub fn begin_within(mut self, time: Duration) -> Self {
        self.begin = time;
        self
    }

    /// Starts it; needs a runtime.
    pub(crate) fn start(self) -> Result<(Process, (ChildStdout, ChildStdin))> {
        let name = Path::new(&self.program).file_name();
        let name = name.unwrap_or(&self.program).to_string_lossy().into_owned();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = self.folder {
            command.current_dir(folder);
        }
        // So that what it starts itself can be killed with it, and a Ctrl-C at the terminal is ours.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| {
            Error::invalid(format!(
                "the MCP server '{name}' cannot be started: {error}"
            ))
            .with_help("check that it is installed, and the path to it")
            .with_source(error)
        })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(Error::other(format!(
                "the MCP server '{name}' has no pipes"
            )));
        };
        let said = Said::default();
        tokio::spawn(said.clone().listen(errors));
        Ok((Process { name, child, said }, (output, input)))
    }
}

impl fmt::Debug for StdioServer {
    /// Leaves out arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdioServer")
            .field("program", &self.program)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// A server's process. Dropped, it is killed, with all of its group.
pub(crate) struct Process {
    /// The program's name.
    pub(crate) name: String,
    child: Child,
    said: Said,
}

impl Process {
    /// The end of what it wrote to its standard error.
    pub(crate) async fn last_words(&self) -> String {
        tokio::time::sleep(LAST_WORDS).await;
        self.said.text()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody has waited for the child, so that its number is still its own, even if it has ended.
        #[cfg(unix)]
        if let Some(group) = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw)
        {
            // It fails when nothing is left of the group.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("id", &self.child.id())
            .finish_non_exhaustive()
    }
}

/// The end of what a server wrote to its standard error: read all the time, or it would wait for us.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<VecDeque<u8>>>);

impl Said {
    async fn listen(self, mut errors: ChildStderr) {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = errors.read(&mut bytes).await {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            said.extend(bytes.iter().take(count));
            let over = said.len().saturating_sub(KEPT);
            said.drain(..over);
        }
    }

    fn text(&self) -> String {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(said.make_contiguous()).into_owned()
    }
}
