//! How the command fails: a message, what to do, and an exit code.

use std::{error::Error as StdError, fmt, process::ExitCode};

use catena_core::Error;
use miette::Diagnostic;

use crate::terminal::{harmless, print};

/// Something failed.
pub(crate) const FAILED: u8 = 1;
/// The command was not given as it must be.
pub(crate) const USAGE: u8 = 2;
/// Ctrl-C: 128 and the number of SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    help: Option<String>,
    code: u8,
    source: Option<Error>,
    told: bool,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            // It may quote a server, a file's name or what a file says.
            message: harmless(&message.into()),
            help: None,
            code: FAILED,
            source: None,
            told: false,
        }
    }

    /// The command was not given as it must be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(message).code(USAGE)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(harmless(&help.into()));
        self
    }

    /// Adds to the help that there is.
    pub(crate) fn also(self, help: String) -> Self {
        match self.help.clone() {
            Some(first) => self.help(format!("{first}; {help}")),
            None => self.help(help),
        }
    }

    /// Says in which file.
    pub(crate) fn in_file(mut self, name: &str) -> Self {
        self.message = harmless(&format!("{name}: {}", self.message));
        self
    }

    pub(crate) fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    pub(crate) fn is_usage(&self) -> bool {
        self.code == USAGE
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.code == INTERRUPTED
    }

    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The failure is in the output already, as JSON.
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Tells standard error, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let code = ExitCode::from(self.code);
        if !self.told {
            sayln!("{:?}", miette::Report::new(self));
        }
        code
    }

    /// Tells standard output, for a program, unless it knows already; and gives the exit code.
    pub(crate) fn report_json(self) -> ExitCode {
        if !self.told {
            let object = serde_json::json!({
                "status": if self.code == INTERRUPTED { "cancelled" } else { "failed" },
                "error": self.message,
                "help": self.help,
            });
            print(&format!("{object:#}\n"));
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Self {
            source: Some(error.clone()),
            ..Self::new(error.to_string())
        };
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The message is the error's own; its cause comes next, unless the message tells it.
        let cause = self.source.as_ref().and_then(StdError::source)?;
        let told = self.message.contains(&harmless(&cause.to_string()));
        (!told).then_some(cause)
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}
