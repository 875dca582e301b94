//! A repair as a person sees it.

use std::io::{self, IsTerminal, stderr, stdout};

use anstyle::{AnsiColor, Style};
use catena_agents::{ClassifiedBy, Critique, Round, Stopped};
use catena_core::{Event, EventKind};
use serde::Deserialize;

use crate::{
    requests::retried,
    terminal::{harmless, print, styled},
};

/// Where rounds are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// On standard output.
    Out,
    /// On standard error, since standard output is for the snippet.
    Err,
    /// Not at all.
    Nothing,
}

#[derive(Deserialize)]
struct Unapplied {
    reason: String,
}

impl Show {
    /// Shows what an event tells of.
    pub(super) fn event(self, event: &Event) {
        if let Some(line) = retried(event).filter(|_| self != Self::Nothing) {
            sayln!("{line}");
        }
        let EventKind::Note { name, data } = &event.kind else {
            return;
        };
        let read = || data.clone();
        match &**name {
            "repair.round" => {
                if let Ok(round) = serde_json::from_value::<Round>(read()) {
                    self.round(&round);
                }
            }
            "repair.bug_type" => {
                if let Ok(critique) = serde_json::from_value::<Critique>(read()) {
                    self.bug_type(&critique);
                }
            }
            "repair.critique" => {
                if let Ok(critique) = serde_json::from_value::<Critique>(read()) {
                    self.say(&format!("{}\n", harmless(critique.text.trim())));
                }
            }
            "repair.unapplied" => {
                if let Ok(told) = serde_json::from_value::<Unapplied>(read()) {
                    let text =
                        format!("a correction cannot be applied: {}", harmless(&told.reason));
                    self.say(&format!(
                        "{}\n",
                        self.in_style(&text, AnsiColor::Yellow.on_default())
                    ));
                }
            }
            _ => {}
        }
    }

    fn round(self, round: &Round) {
        let mut text = self.diff(&round.diff);
        let style = match round.report.passes {
            true => AnsiColor::Green.on_default().bold(),
            false => AnsiColor::Red.on_default().bold(),
        };
        let candidate = match round.candidate {
            0 => String::new(),
            other => format!(", candidate {}", other + 1),
        };
        let line = format!(
            "round {}{candidate}: {}",
            round.number,
            harmless(&round.report.headline())
        );
        text += &self.in_style(&line, style);
        self.say(&format!("{text}\n"));
    }

    fn bug_type(self, critique: &Critique) {
        let Some(bug) = critique.bug_type else {
            return;
        };
        let by = match &critique.by {
            Some(ClassifiedBy::Rule(rule)) => format!(" (by rule: {})", harmless(rule)),
            _ => " (by the model)".to_owned(),
        };
        let line = format!("{bug}{by}");
        self.say(&format!("{}\n", self.in_style(&line, Style::new().bold())));
    }

    /// A diff, coloured on a terminal.
    pub(super) fn diff(self, diff: &str) -> String {
        let line = |line: &str| {
            let line = harmless(line);
            let style = match line.chars().next() {
                Some('+') => AnsiColor::Green.on_default(),
                Some('-') => AnsiColor::Red.on_default(),
                Some('@') => AnsiColor::Cyan.on_default(),
                _ => return format!("{line}\n"),
            };
            format!("{}\n", self.in_style(&line, style))
        };
        diff.lines().map(line).collect()
    }

    fn in_style(self, text: &str, style: Style) -> String {
        match self {
            Self::Err => styled(text, style, &stderr()),
            _ => styled(text, style, &stdout()),
        }
    }

    pub(super) fn say(self, text: &str) {
        match self {
            Self::Out => print(text),
            Self::Err => say!("{text}"),
            Self::Nothing => {}
        }
    }

    /// A line for whoever waits at a terminal.
    pub(super) fn waiting(self, text: &str) {
        if self != Self::Nothing && io::stderr().is_terminal() {
            sayln!("{text}");
        }
    }
}

/// Why a repair ended without success, in words.
pub(super) fn why(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::Rounds => "no version passes after all rounds",
        Stopped::Tokens => "no version passes and all tokens are used up",
        Stopped::Unapplied => "no correction of the last round could be applied",
        Stopped::TooLong => "program and failure do not fit the model's window",
        _ => "it does not pass",
    }
}
