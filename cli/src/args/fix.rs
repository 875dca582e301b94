//! `catena fix`.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{Boxed, Engine, Journal, Limits, Output};

#[derive(Debug, ClapArgs)]
#[command(after_long_help = AFTER)]
pub(crate) struct Fix {
    /// The source file that is broken, or the folder of a Cargo or Python project; of a project those files may change that the diagnostics name
    #[arg(
        value_name = "PATH",
        required_unless_present = "stdin",
        conflicts_with = "stdin"
    )]
    pub(crate) path: Option<PathBuf>,

    /// The command that fails as long as the program is wrong. It runs in a sandbox, in a copy of the project, without a shell; for one, write sh -c '…'. Files that it names are tests and stay as they are [default: cargo test, pytest or unittest for a project and its files; pytest or unittest with test_FILE.py, FILE_test.py or tests/test_FILE.py beside a file of none, and the tests that FILE holds itself; without any, whether it compiles or runs]
    #[arg(short, long, value_name = "COMMAND")]
    pub(crate) test: Option<String>,

    /// Read a snippet from standard input and print the corrected one; an error may follow it behind a line ---, the last one where there are several
    #[arg(long)]
    pub(crate) stdin: bool,

    /// An error that was seen, where the test does not come to it
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Option<String>,

    /// What the program is to do
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) instruction: Option<String>,

    /// The language [default: by the file's ending, the project's files or the snippet]
    #[arg(short, long, value_enum, value_name = "LANGUAGE")]
    pub(crate) language: Option<Language>,

    #[command(flatten)]
    pub(crate) how: How,

    /// The most time that a test may take, such as 30s or 5m [default: 10s for a file, 2m for a project]
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    pub(crate) timeout: Option<Duration>,

    /// Write the best version also when it does not pass, if it is better than what there was
    #[arg(long)]
    pub(crate) keep_best: bool,

    /// Write nothing; only show what would be changed
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) limits: Limits,

    #[command(flatten)]
    pub(crate) journal: Journal,

    /// Keep no record of the run; it cannot be resumed
    #[arg(long, conflicts_with = "journal", help_heading = "Record")]
    pub(crate) no_journal: bool,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// A duration that is not 0: nothing ends in no time.
fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("nothing ends in no time".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

const AFTER: &str = "\
Examples:
  catena fix median.py --test 'python3 test_median.py'
  catena fix . --dry-run
  pbpaste | catena fix --stdin --language rust

Tests are never changed, nor is anything outside the project, in .git or ignored by git, nor what a repository in it
tracks, such as a submodule, unless PATH is in that. Programs see a copy of what
git does not ignore (and Cargo.lock); .venv and venv are used where they are. A version passes when the command
succeeds and as many tests ran as at first. Files are written at the end, under a temporary name first, and only if
nobody changed them meanwhile; there are no backups.
Exit codes: 0 it passes; 1 it does not; 2 wrong usage; 130 interrupted, by Ctrl-C or SIGTERM.";

/// Who repairs, and how.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct How {
    #[command(flatten)]
    pub(crate) engine: Engine,

    /// The most rounds of correcting [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) rounds: Option<u32>,

    /// How many corrections are written side by side in each round [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) candidates: Option<u32>,

    /// Have candidates take the place of rounds, so that no more corrections are written than without them: two rounds of two candidates become one
    #[arg(long, requires = "candidates")]
    pub(crate) equal_cost: bool,

    /// How corrections come about [default: explain]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) method: Option<Method>,

    #[command(flatten)]
    pub(crate) boxed: Boxed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Python,
    Rust,
}

impl From<Language> for catena_agents::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Python => Self::Python,
            Language::Rust => Self::Rust,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// What is wrong and the correction, in one answer
    #[default]
    Explain,
    /// Type of bug by rule or by the model, critique, correction
    Critique,
    /// The paper's plain loop: the model guesses the type
    Paper,
    /// What went wrong, and nothing else
    Feedback,
    /// Independent attempts
    Resample,
}

impl From<Method> for catena_agents::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Explain => Self::Explain,
            Method::Critique => Self::Critique,
            Method::Paper => Self::Paper,
            Method::Feedback => Self::Feedback,
            Method::Resample => Self::Resample,
        }
    }
}
