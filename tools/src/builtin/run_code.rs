//! Running code that the model wrote.

use std::time::Duration;

use async_trait::async_trait;
use catena_core::{Context, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Command, Limits, Output, Sandbox, Tool, Workspace};

/// The tool `run_code`: runs a program in Python or Rust in a [`Sandbox`] and gives what it printed.
///
/// Every call has a new, empty folder, no network and no file of yours, and nothing of it is left
/// when it ends; so it may be called again. A program that fails is no failure of the tool: the
/// model is told how it ended. Rust is compiled by `rustc` alone, without crates.
///
/// What it may take are the [`Limits`] of [`limits`](Self::limits); compiling has limits of its
/// own: 40 s of wall time, 60 s of processor time, 2 GiB.
///
/// # Example
///
/// ```
/// use catena_tools::{RunCode, Sandbox, Toolbox};
///
/// # fn main() -> catena_core::Result<()> {
/// let tools = Toolbox::new().with(RunCode::new(Sandbox::new()?))?;
/// // A person sees every program before it runs.
/// let careful = tools.approve(["run_code"])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RunCode {
    sandbox: Sandbox,
    limits: Limits,
}

/// What [`RunCode`] is called with.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunCodeArguments {
    /// The language of the program.
    pub language: CodeLanguage,
    /// The whole program; it has to print what you want to know.
    pub code: String,
    /// What the program reads from its standard input. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// A language that [`RunCode`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodeLanguage {
    /// Whatever `python3` is.
    Python,
    /// `rustc`, edition 2024.
    Rust,
}

const PYTHON: &str = "main.py";
const RUST: &str = "main.rs";

impl RunCode {
    /// Runs programs in this sandbox, with the default [`Limits`] and 16 KiB of each stream.
    pub fn new(sandbox: Sandbox) -> Self {
        Self {
            sandbox,
            limits: Limits {
                output: 16 << 10,
                ..Limits::default()
            },
        }
    }

    /// What a program may take. Keep them below the time that the toolbox gives a call
    /// ([`Toolbox::timeout`](crate::Toolbox::timeout)).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    async fn python(&self, code: String, input: Vec<u8>) -> Result<String> {
        let folder = folder(PYTHON, code).await?;
        let command = Command::new("python3").arg(PYTHON);
        let command = command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(input);
        let ran = self.run(&command, &folder, &self.limits).await?;
        Ok(told(&ran))
    }

    async fn rust(&self, code: String, input: Vec<u8>) -> Result<String> {
        let folder = folder(RUST, code).await?;
        let compile = Command::new("rustc").args(["--edition=2024", "-Awarnings", "-O", RUST]);
        let limits = Limits {
            wall: Duration::from_secs(40),
            cpu: Duration::from_secs(60),
            memory: 2 << 30,
            output: self.limits.output,
            ..Limits::default()
        };
        let compiled = self.run(&compile, &folder, &limits).await?;
        if !compiled.is_success() {
            return Ok(format!("It does not compile. rustc {}", told(&compiled)));
        }
        let program = Command::new("./main").stdin(input);
        let ran = self.run(&program, &folder, &self.limits).await?;
        Ok(told(&ran))
    }

    async fn run(&self, command: &Command, folder: &Workspace, limits: &Limits) -> Result<Output> {
        let sandbox = self.sandbox.with_limits(limits.clone());
        sandbox.run(command, folder.path()).await
    }
}

/// A new folder with the program in it.
async fn folder(name: &'static str, code: String) -> Result<Workspace> {
    let made = tokio::task::spawn_blocking(move || Workspace::new()?.with(name, code)).await;
    made.unwrap_or_else(|error| Err(Error::other("no folder can be made").with_source(error)))
}

/// What came of it, for the model.
fn told(output: &Output) -> String {
    let (out, err) = (output.stdout.text.trim_end(), output.stderr.text.trim_end());
    let mut text = match (output.is_success(), out.is_empty()) {
        (true, true) => "exited with status 0 and printed nothing".to_owned(),
        (true, false) => out.to_owned(),
        (false, _) => output.status.to_string(),
    };
    if !output.is_success() && !out.is_empty() {
        text += &format!("\nIt printed:\n{out}");
    }
    if !err.is_empty() {
        text += &format!("\nIts errors:\n{err}");
    }
    text
}

#[async_trait]
impl Tool for RunCode {
    type Arguments = RunCodeArguments;
    type Output = String;

    fn name(&self) -> &str {
        "run_code"
    }

    fn description(&self) -> &str {
        "Runs a program and gives what it prints. It has no network and no files, and is stopped \
         when it takes too long."
    }

    fn repeatable(&self) -> bool {
        true
    }

    async fn call(&self, arguments: RunCodeArguments, _cx: &Context) -> Result<String> {
        if arguments.code.trim().is_empty() {
            return Err(Error::invalid("there is no program").with_help("write one"));
        }
        let input = arguments.input.unwrap_or_default().into_bytes();
        match arguments.language {
            CodeLanguage::Python => self.python(arguments.code, input).await,
            CodeLanguage::Rust => self.rust(arguments.code, input).await,
        }
    }
}
