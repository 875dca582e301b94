//! Checks in the sandbox.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use catena_core::{Error, Result};
use catena_tools::{Command, Limits, Output, Sandbox, Status, Workspace};
use tokio::sync::Mutex;

use super::{Check, CheckStep, Diagnostic, Fault, Raw, Report, Runner, SourceFile, Stage};

/// Runs checks in a [`Sandbox`]: without a network, without the environment, in a folder of their own,
/// within limits of time, memory and disk. The files of a check are protected from the program.
///
/// # Example
///
/// ```
/// use catena_agents::{Check, Runner, SandboxRunner, SourceFile};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let runner = SandboxRunner::new()?;
/// let check = Check::python("add.py", "assert add(1, 2) == 3\nassert add(0, 0) == 0\n", None);
/// let files = [SourceFile::new("add.py", "def add(a, b):\n    return a - b\n")];
/// let report = runner.run(&files, &check).await?;
/// assert_eq!((report.passed, report.failed), (1, 1));
/// assert_eq!(report.diagnostics[0].message, "`add(1, 2) == 3` failed: got -1, expected 3");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SandboxRunner {
    sandbox: Sandbox,
    limits: Limits,
    protects: bool,
    /// The folder of the run before, where it is kept, with the files that were written into it.
    kept: Option<Arc<Mutex<Option<Kept>>>>,
}

#[derive(Debug)]
struct Kept {
    workspace: Workspace,
    files: BTreeMap<String, String>,
}

impl SandboxRunner {
    /// A runner with all layers of the sandbox. Blocks for some 100 ms.
    ///
    /// # Errors
    ///
    /// When a layer of the sandbox cannot be had; see [`Sandbox::new`].
    pub fn new() -> Result<Self> {
        Ok(Self::with(Sandbox::new()?))
    }

    /// A runner with a sandbox of the caller's. Its limits are set by the runner.
    pub fn with(sandbox: Sandbox) -> Self {
        Self {
            sandbox,
            limits: Limits {
                memory: 2 << 30,
                disk: 1 << 30,
                processes: 256,
                output: 256 << 10,
                ..Limits::default()
            },
            protects: true,
            kept: None,
        }
    }

    /// What a run may take, but for the time, which a check says. Default: 2 GiB of memory, 1 GiB of
    /// disk, 256 processes, 256 KiB of output kept.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether the files of a check are protected from the program, which needs the namespaces of the
    /// sandbox. Default: yes.
    #[must_use]
    pub fn protect(mut self, protect: bool) -> Self {
        self.protects = protect;
        self
    }

    /// Keeps what a build leaves from one run to the next, so that cargo builds what changed and no
    /// more. What a program itself leaves is kept too. Default: every run has a new folder.
    #[must_use]
    pub fn keeping_build_files(mut self, keep: bool) -> Self {
        self.kept = keep.then(|| Arc::new(Mutex::new(None)));
        self
    }

    async fn step(&self, step: &CheckStep, check: &Check, workspace: &Workspace) -> Result<Output> {
        let (program, args) = step
            .command
            .split_first()
            .ok_or_else(|| Error::invalid("a check has an empty command"))?;
        let mut command = Command::new(program)
            .args(args.iter().cloned())
            // Sets of the same values are told in the same order each time.
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("CARGO_TERM_COLOR", "never");
        if self.protects {
            for file in &check.files {
                command = command.protect(&file.path);
            }
        }
        let limits = Limits {
            wall: step.limit,
            // Several compilers at once.
            cpu: step.limit.saturating_mul(4).max(Duration::from_secs(10)),
            ..self.limits.clone()
        };
        self.sandbox
            .with_limits(limits)
            .run(&command, workspace.path())
            .await
    }

    async fn steps(&self, check: &Check, workspace: &Workspace) -> Result<Report> {
        let mut report = Report::passing(0);
        for step in &check.steps {
            let output = self.step(step, check, workspace).await?;
            report = read(step, &output);
            if !report.passes {
                break;
            }
        }
        Ok(report)
    }
}

/// What a step's output says.
fn read(step: &CheckStep, output: &Output) -> Report {
    let timed_out = matches!(output.status, Status::TimedOut | Status::OutOfCpu);
    let proven = step
        .proof
        .as_ref()
        .is_none_or(|proof| output.stdout.text.contains(proof));
    let mut report = Report::read(&Raw {
        stage: step.stage,
        succeeded: output.is_success() && proven,
        timed_out,
        stdout: &output.stdout.text,
        stderr: &output.stderr.text,
    });
    let exited = matches!(output.status, Status::Exited(_));
    let unproven = output.is_success() && !proven;
    if report.diagnostics.is_empty() && !timed_out && (unproven || !exited) {
        let said = match exited {
            true => "the program ended before its tests did".to_owned(),
            false => format!("the program {}", output.status),
        };
        report
            .diagnostics
            .push(Diagnostic::new(Fault::Reported, said));
        report.stage = Some(report.stage.unwrap_or(Stage::Run).min(Stage::Run));
    }
    report
}

#[async_trait]
impl Runner for SandboxRunner {
    async fn run(&self, files: &[SourceFile], check: &Check) -> Result<Report> {
        let mut all = BTreeMap::new();
        // A check's files come last: no correction writes over a test.
        for file in files.iter().chain(&check.files) {
            all.insert(file.path.clone(), file.text.clone());
        }
        let Some(kept) = &self.kept else {
            let workspace = filled(None, all).await?.workspace;
            return self.steps(check, &workspace).await;
        };
        let mut kept = kept.lock().await;
        let filled = filled(kept.take(), all).await?;
        let report = self.steps(check, &filled.workspace).await;
        *kept = Some(filled);
        report
    }
}

/// A folder with these files, and none that was written before and is not among them. In a folder that
/// is kept all are written that a program could have changed, which is any: but a file that is as it was
/// keeps its time, or cargo would build it again.
async fn filled(kept: Option<Kept>, files: BTreeMap<String, String>) -> Result<Kept> {
    let work = move || -> Result<Kept> {
        let (workspace, before) = match kept {
            Some(kept) => (kept.workspace, kept.files),
            None => (Workspace::new()?, BTreeMap::new()),
        };
        for path in before.keys().filter(|path| !files.contains_key(*path)) {
            workspace.write(path, "")?;
        }
        for (path, text) in &files {
            let is_there = before.get(path) == Some(text)
                && workspace.read(path).is_ok_and(|there| there == *text);
            if !is_there {
                workspace.write(path, text)?;
            }
        }
        Ok(Kept { workspace, files })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(filled) => filled,
        Err(error) => {
            Err(Error::other("the files of a check cannot be written").with_source(error))
        }
    }
}
