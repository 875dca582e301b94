//! What goes into a repair and what comes out of it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use catena_core::{Error, Result, Usage};
use serde::{Deserialize, Serialize};

use super::{BugType, Report};

/// A programming language that diagnostics are known of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// Any other: its output is shown to the model as it is, and the model classifies.
    #[default]
    Other,
}

impl Language {
    /// By a file name's ending.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("py") => Self::Python,
            Some("rs") => Self::Rust,
            _ => Self::Other,
        }
    }

    /// The word behind the fence of a code block; empty for [`Other`](Self::Other).
    pub fn fence(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::Other => "",
        }
    }
}

/// A text file: its path, relative and with slashes, and its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// The path from the folder in which commands run.
    pub path: String,
    /// The content.
    pub text: String,
}

impl SourceFile {
    /// A file.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }
}

/// Files by their paths.
pub(super) type Files = BTreeMap<String, String>;

/// How far a program came before it failed, from the earliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It does not compile, or does not parse.
    Compile,
    /// It fails while it runs.
    Run,
    /// It does not end in its time.
    Timeout,
    /// It runs and a test fails.
    Test,
}

/// A command of a [`Check`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStep {
    /// What it means when the command fails and its output does not say.
    pub stage: Stage,
    /// The program and its arguments; no shell is involved.
    pub command: Vec<String>,
    /// How long it may take. Default: 10 seconds for tests, 60 for compiling.
    pub limit: Duration,
    /// What standard output has to hold besides, for a success: the program under test runs in the
    /// process of its tests and may end it with exit code 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// How many tests its output has to tell of, for a success. Default: 0, none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tests: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl CheckStep {
    /// A command whose failure means `stage`.
    pub fn new<S: Into<String>>(stage: Stage, command: impl IntoIterator<Item = S>) -> Self {
        Self {
            stage,
            command: command.into_iter().map(Into::into).collect(),
            limit: match stage {
                Stage::Compile => Duration::from_secs(60),
                _ => Duration::from_secs(10),
            },
            proof: None,
            tests: 0,
        }
    }

    /// Wants this text on standard output as well.
    #[must_use]
    pub fn proof(mut self, proof: impl Into<String>) -> Self {
        self.proof = Some(proof.into());
        self
    }

    /// Wants its output to tell of so many tests that ran, or more: those of libtest, pytest, unittest and
    /// [`Check::python`] are counted.
    #[must_use]
    pub fn tests(mut self, least: u32) -> Self {
        self.tests = least;
        self
    }

    /// Limits its time.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// What says whether a program is right: commands that all have to succeed, and files that they need.
///
/// The files are written last, over whatever a correction wrote: no correction changes a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Files besides those of the task, such as tests.
    pub files: Vec<SourceFile>,
    /// The commands, in their order; the first that fails ends the check.
    pub steps: Vec<CheckStep>,
}

impl Check {
    /// A check of these commands.
    pub fn new(steps: impl IntoIterator<Item = CheckStep>) -> Self {
        Self {
            files: Vec::new(),
            steps: steps.into_iter().collect(),
        }
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.push(SourceFile::new(path, text));
        self
    }
}

/// A program that does not pass its tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepairTask {
    /// What the program is to do; may be empty.
    pub instruction: String,
    /// Its language.
    pub language: Language,
    /// The files that may be changed.
    pub files: Vec<SourceFile>,
    /// Files that belong to it and are never changed, such as tests.
    pub fixed: Vec<SourceFile>,
    /// What the model is told the outcome of. A task whose check has no command is refused: nothing would
    /// say whether a correction is one.
    pub visible: Check,
    /// What the model never sees and what scores the result, if anything does.
    pub hidden: Option<Check>,
    /// An error that was seen elsewhere. It stands for the first outcome if the check finds none.
    pub reported: Option<String>,
}

impl RepairTask {
    /// A task of one file.
    pub fn new(path: impl Into<String>, text: impl Into<String>, visible: Check) -> Self {
        let file = SourceFile::new(path, text);
        Self {
            language: Language::of(Path::new(&file.path)),
            files: vec![file],
            visible,
            ..Self::default()
        }
    }

    /// Says what the program is to do.
    #[must_use]
    pub fn instruction(mut self, instruction: impl Into<String>) -> Self {
        self.instruction = instruction.into();
        self
    }

    /// Adds tests that the model never sees.
    #[must_use]
    pub fn hidden(mut self, hidden: Check) -> Self {
        self.hidden = Some(hidden);
        self
    }

    /// Checks what types cannot.
    pub(super) fn validate(&self) -> Result<()> {
        let signals = self
            .visible
            .steps
            .iter()
            .filter(|step| !step.command.is_empty());
        if signals.count() == 0 {
            return Err(Error::invalid(
                "there is no test and no compiler that could say whether a correction is one",
            )
            .with_help("name a command that fails as long as the program is wrong"));
        }
        if self.files.is_empty() {
            return Err(Error::invalid("there is no file that may be changed"));
        }
        let all = self.files.iter().chain(&self.fixed);
        for SourceFile { path, .. } in all.chain(&self.visible.files) {
            if !is_inside(path) {
                return Err(Error::invalid(format!(
                    "'{path}' is no relative path inside the folder"
                )));
            }
        }
        Ok(())
    }
}

/// Whether a path stays inside the folder that it is relative to.
pub(super) fn is_inside(path: &str) -> bool {
    use std::path::Component;
    !path.is_empty()
        && !path.contains('\0')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// How a bug type was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassifiedBy {
    /// By a rule, which is named: an error code, an exception.
    Rule(String),
    /// By the model.
    Model,
}

/// What the model thinks is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Critique {
    /// The type of bug; `None` when neither a rule nor the model told.
    pub bug_type: Option<BugType>,
    /// How it was found.
    pub by: Option<ClassifiedBy>,
    /// Where the mistake is and what its root cause is, in the model's words.
    pub text: String,
}

/// A version of the program, how it came about and how it fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// 0 is what there was at first, or the first attempt at it.
    pub number: u32,
    /// Which candidate of the round it is, from 0.
    pub candidate: u32,
    /// The critique that it follows; `None` in round 0, and where none is asked for.
    pub critique: Option<Critique>,
    /// Why corrections could not be applied, each of which the model was told; with the first version of a round
    /// also those of candidates that came to none.
    pub unapplied: Vec<String>,
    /// What was changed in comparison with the version that was corrected, as a unified diff; empty when
    /// nothing was.
    pub diff: String,
    /// How it fared.
    pub report: Report,
    /// Whether it passes the hidden tests; `None` without any.
    pub hidden: Option<bool>,
    /// What was spent from the beginning up to it.
    pub usage: Usage,
    /// The files, as they were then.
    pub files: Vec<SourceFile>,
}

/// Why a repair ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stopped {
    /// There was nothing to repair.
    NothingWrong,
    /// A version passes.
    Passed,
    /// All rounds were used up.
    Rounds,
    /// All tokens were used up.
    Tokens,
    /// No correction of a round could be applied, after all retries.
    Unapplied,
    /// The program and the outcome do not fit the model's window.
    TooLong,
}

/// What came of a repair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repaired {
    /// Whether the best version passes the visible check.
    pub passes: bool,
    /// Whether it passes the hidden one; `None` without any.
    pub hidden: Option<bool>,
    /// The files of the best version: those that may be changed.
    pub files: Vec<SourceFile>,
    /// What is different from the beginning, as a unified diff.
    pub diff: String,
    /// Which of `rounds` the best version is.
    pub best: usize,
    /// All versions, in the order in which they were made.
    pub rounds: Vec<Round>,
    /// Corrections that the model wrote and that could not be applied, in the round that ended for that.
    pub unapplied: Vec<String>,
    /// Why it ended.
    pub stopped: Stopped,
    /// What the model's calls took.
    pub usage: Usage,
}
