//! Checks in the sandbox.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use catena_core::{Error, Result};
use catena_tools::{Command, Limits, Output, Sandbox, Status, Workspace};
use tokio::sync::Mutex;

use super::{
    Check, CheckStep, Diagnostic, Fault, Raw, Report, Runner, SourceFile, Stage,
    diagnose::BROKEN_OFF,
    folder::{Built, Folder},
};

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
/// let report = runner.run(&files, &[], &check).await?;
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
    /// What every folder begins with a copy of.
    beside: Option<PathBuf>,
    /// What a build left, where that is kept.
    built: Option<Arc<Mutex<Built>>>,
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
            beside: None,
            built: None,
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

    /// Begins every folder with a copy of `root`, as [`Workspace::copy_of`](catena_tools::Workspace::copy_of)
    /// makes it: what a program needs beside the files of its task, such as data that are no text. Default:
    /// the files of the task alone.
    #[must_use]
    pub fn beside(mut self, root: impl Into<PathBuf>) -> Self {
        self.beside = Some(root.into());
        self
    }

    /// Keeps what steps of [`Stage::Compile`] leave in the folder `target` from one run to the next, so that
    /// cargo builds what changed and no more. What the program that was built leaves is not kept, there or
    /// elsewhere. Default: every run has an empty folder.
    #[must_use]
    pub fn keeping_build_files(mut self, keep: bool) -> Self {
        self.built = keep.then(Arc::default);
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
            .env("CARGO_TERM_COLOR", "never")
            // It takes room and saves little where each version is built once.
            .env("CARGO_INCREMENTAL", "0");
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

    async fn steps(
        &self,
        check: &Check,
        folder: &Folder,
        built: &mut Option<&mut Built>,
    ) -> Result<Report> {
        let mut report = Report::passing(0);
        for step in &check.steps {
            // An earlier step was a program that nobody has read.
            if let Err(changed) = folder.restore().await? {
                report.changed = changed;
                return Ok(report);
            }
            let output = self.step(step, check, &folder.workspace).await?;
            report = read(step, &output).behind(&report);
            if step.stage == Stage::Compile
                && let Some(built) = built
            {
                built.keep(&folder.workspace).await?;
            }
            if !report.passes {
                break;
            }
        }
        let (Ok(changed) | Err(changed)) = folder.restore().await?;
        report.changed = changed;
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
            true => BROKEN_OFF.to_owned(),
            false => format!("the program {}", output.status),
        };
        report
            .diagnostics
            .push(Diagnostic::new(Fault::Reported, said));
        report.stage = Some(report.stage.unwrap_or(Stage::Run).min(Stage::Run));
    }
    report.tested(step.tests)
}

#[async_trait]
impl Runner for SandboxRunner {
    async fn run(
        &self,
        files: &[SourceFile],
        fixed: &[SourceFile],
        check: &Check,
    ) -> Result<Report> {
        let folder = Folder::filled(self.beside.as_deref(), files, fixed, check).await?;
        let Some(built) = &self.built else {
            return self.steps(check, &folder, &mut None).await;
        };
        let mut built = built.lock().await;
        built.give(&folder.workspace)?;
        self.steps(check, &folder, &mut Some(&mut *built)).await
    }
}
