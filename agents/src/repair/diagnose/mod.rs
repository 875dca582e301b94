//! What compilers, interpreters and test runners say, as data.

mod classify;
mod codes;
mod doctest;
mod harness;
mod outside;
mod python;
mod rust;
mod said;
mod summary;

pub use codes::RUST_CODES;
pub use said::{PYTHON_EXCEPTIONS, RUST_MESSAGES, RUST_PANICS};

pub(super) use classify::{by_rule, choices};
pub(super) use outside::missing;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Stage;

/// What kind of thing a [`Diagnostic`] tells of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// An error of a compiler, with its code (`E0308`) if it has one.
    Compiler(Option<String>),
    /// An exception of Python, by its name.
    Exception(String),
    /// A panic of Rust that is no failed assertion.
    Panic,
    /// An assertion that does not hold.
    Assertion,
    /// The time was up.
    Timeout,
    /// An error that was reported in words.
    Reported,
    /// Nothing was tested: the command ran no test, or fewer than it has to.
    Untested,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What it is.
    pub fault: Fault,
    /// What was said, in a line or a few.
    pub message: String,
    /// The file that it names, as it names it.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The text of the line, or the assertion.
    pub source: Option<String>,
    /// What came out and what was expected, of an assertion that compares.
    pub values: Option<(String, String)>,
    /// Other files and lines that it names: the frames of a traceback above the last, what a compiler points
    /// at besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<(String, u32)>,
}

impl Diagnostic {
    /// One that names no place.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            file: None,
            line: None,
            source: None,
            values: None,
            others: Vec::new(),
        }
    }

    pub(super) fn at(mut self, file: impl Into<String>, line: u32) -> Self {
        self.file = Some(file.into());
        self.line = Some(line);
        self
    }
}

/// How a program fared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether every command succeeded.
    pub passes: bool,
    /// Where it failed; `None` when it passes.
    pub stage: Option<Stage>,
    /// Tests that passed, as far as they are told apart.
    pub passed: u32,
    /// Tests that failed.
    pub failed: u32,
    /// Tests that ran to their end, whatever came of them; skipped ones did not. `None` where the output
    /// does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<u32>,
    /// Files that no program may change and that it changed while it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What is wrong, each once.
    pub diagnostics: Vec<Diagnostic>,
    /// The output, without what is in the diagnostics of a compiler; its end when it is long.
    pub text: String,
}

/// What a command left.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// What it means when the command fails and its output does not say.
    pub stage: Stage,
    /// Whether it ended with exit code 0.
    pub succeeded: bool,
    /// Whether its time was up.
    pub timed_out: bool,
    /// Standard output.
    pub stdout: &'a str,
    /// Standard error.
    pub stderr: &'a str,
}

const NO_TEST: &str = "no test ran";
pub(super) const BROKEN_OFF: &str = "the program ended before its tests did";

/// The most bytes of output that are kept.
const KEPT: usize = 4_000;

/// The most diagnostics that are kept.
const MOST: usize = 12;

impl Report {
    /// A program that passes.
    pub fn passing(tests: u32) -> Self {
        Self {
            passes: true,
            passed: tests,
            ran: (tests > 0).then_some(tests),
            ..Self::default()
        }
    }

    /// Reads what a command left. Whatever it printed, this does not fail: what is not understood is kept
    /// as text.
    pub fn read(raw: &Raw<'_>) -> Self {
        let mut text = String::new();
        let mut diagnostics = Vec::new();
        let mut counts = summary::Counts::default();
        for (stream, is_out) in [(raw.stdout, true), (raw.stderr, false)] {
            let mut plain = String::new();
            for line in stream.lines() {
                if let Some(told) = rust::json_line(line) {
                    diagnostics.extend(told);
                } else if let Some(told) = harness::line(line).filter(|_| is_out) {
                    told.add_to(&mut counts, &mut diagnostics);
                } else {
                    plain.push_str(line);
                    plain.push('\n');
                }
            }
            diagnostics.extend(rust::in_text(&plain));
            diagnostics.extend(python::in_text(&plain));
            diagnostics.extend(doctest::in_text(&plain));
            counts.read(&plain);
            text.push_str(&plain);
        }
        // Who ends the process of its tests with status 0 has not passed them.
        let passes = raw.succeeded && !raw.timed_out && !counts.is_broken_off();
        if passes {
            return Self {
                passes,
                passed: counts.passed,
                failed: 0,
                ran: counts.ran,
                text: tail(text.trim_end()).to_owned(),
                ..Self::default()
            };
        }
        if raw.timed_out {
            let message = "it did not end in its time: a loop or recursion may have no end";
            diagnostics.insert(0, Diagnostic::new(Fault::Timeout, message));
        }
        if counts.is_broken_off() && raw.succeeded && diagnostics.is_empty() {
            diagnostics.push(Diagnostic::new(Fault::Untested, BROKEN_OFF));
        }
        if counts.ran == Some(0) && counts.failed == 0 && diagnostics.is_empty() && !raw.succeeded {
            diagnostics.push(Diagnostic::new(Fault::Untested, NO_TEST));
        }
        let mut seen = HashSet::new();
        diagnostics.retain(|diagnostic| seen.insert(diagnostic.clone()));
        diagnostics.truncate(MOST);
        let stage = match raw.timed_out {
            true => Stage::Timeout,
            false => diagnostics
                .iter()
                .map(|diagnostic| stage_of(&diagnostic.fault, raw.stage))
                .min()
                .unwrap_or(raw.stage),
        };
        Self {
            passes,
            stage: Some(stage),
            passed: counts.passed,
            failed: counts.failed.max(1),
            ran: counts.ran,
            changed: Vec::new(),
            diagnostics,
            text: tail(text.trim_end()).to_owned(),
        }
    }

    /// The report of a step behind others, whose tests count too.
    #[must_use]
    pub(super) fn behind(mut self, before: &Self) -> Self {
        self.passed = self.passed.saturating_add(before.passed);
        self.ran = match (self.ran, before.ran) {
            (Some(own), Some(before)) => Some(own.saturating_add(before)),
            (own, before) => own.or(before),
        };
        self
    }

    /// What passes, unless fewer tests ran than have to: then nothing tells that it does.
    #[must_use]
    pub(super) fn tested(self, least: u32) -> Self {
        let ran = self.ran.unwrap_or(0);
        if !self.passes || ran >= least {
            return self;
        }
        self.untested(match ran {
            0 => NO_TEST.to_owned(),
            _ => {
                format!("{ran} tests ran where {least} have to: none may be taken away or skipped")
            }
        })
    }

    /// The same, not passing: what it was to be tested by did not test it, for this reason.
    #[must_use]
    pub(super) fn untested(mut self, reason: impl Into<String>) -> Self {
        self.passes = false;
        self.failed = self.failed.max(1);
        self.stage = Some(self.stage.unwrap_or(Stage::Test));
        self.diagnostics = vec![Diagnostic::new(Fault::Untested, reason)];
        self
    }

    /// Whether it fails for no reason but that no test ran at all.
    pub(super) fn is_without_tests(&self) -> bool {
        !self.passes && self.diagnostics == [Diagnostic::new(Fault::Untested, NO_TEST)]
    }

    /// A report of an error that was seen elsewhere.
    pub fn reported(text: &str) -> Self {
        let raw = Raw {
            stage: Stage::Run,
            succeeded: false,
            timed_out: false,
            stdout: "",
            stderr: text,
        };
        let mut report = Self::read(&raw);
        if report.diagnostics.is_empty() {
            let told = Diagnostic::new(Fault::Reported, tail(text.trim()));
            report.diagnostics.push(told);
        }
        report
    }

    /// How good it is: passing, then the stage, then most tests passed, then fewest failed and fewest errors.
    pub fn rank(&self) -> impl Ord + use<> {
        let errors = u32::try_from(self.diagnostics.len()).unwrap_or(u32::MAX);
        let stage = match self.stage {
            None => 4,
            Some(Stage::Compile) => 0,
            Some(_) => 1,
        };
        (
            self.passes,
            stage,
            self.passed,
            self.stage,
            std::cmp::Reverse((self.failed, errors)),
        )
    }

    /// The first thing that is wrong, in a line, for a person.
    pub fn headline(&self) -> String {
        if self.passes {
            return match self.passed {
                0 => "passes".to_owned(),
                tests => format!("passes ({tests} tests)"),
            };
        }
        let first = self.diagnostics.first();
        let what = match first {
            Some(diagnostic) => diagnostic.message.lines().next().unwrap_or_default(),
            None => self.text.lines().next_back().unwrap_or_default(),
        };
        let stage = match self.stage {
            Some(Stage::Compile) => "does not compile",
            Some(Stage::Timeout) => "does not end",
            Some(Stage::Run) => "fails while it runs",
            _ => "fails its tests",
        };
        let counts = match (self.passed, self.failed) {
            (0, _) => String::new(),
            (passed, failed) => format!(" ({passed} passed, {failed} failed)"),
        };
        format!("{stage}{counts}: {what}")
    }
}

fn stage_of(fault: &Fault, otherwise: Stage) -> Stage {
    match fault {
        Fault::Compiler(_) => Stage::Compile,
        Fault::Exception(name) => match &**name {
            "SyntaxError" | "IndentationError" | "TabError" => Stage::Compile,
            _ => Stage::Run,
        },
        Fault::Panic => Stage::Run,
        Fault::Assertion => Stage::Test,
        Fault::Timeout => Stage::Timeout,
        Fault::Reported | Fault::Untested => otherwise,
    }
}

/// The last bytes of a text, from the beginning of a line.
fn tail(text: &str) -> &str {
    let Some(from) = text.len().checked_sub(KEPT) else {
        return text;
    };
    let from = (from..text.len()).find(|&at| text.is_char_boundary(at));
    let end = from.and_then(|from| text.get(from..)).unwrap_or_default();
    end.split_once('\n').map_or(end, |(_, whole)| whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(stage: Stage, stdout: &str, stderr: &str) -> Report {
        Report::read(&Raw {
            stage,
            succeeded: false,
            timed_out: false,
            stdout,
            stderr,
        })
    }

    #[test]
    fn a_passing_program_has_no_diagnostics() {
        let raw = Raw {
            stage: Stage::Test,
            succeeded: true,
            timed_out: false,
            stdout: "test result: ok. 3 passed; 0 failed; 0 ignored",
            stderr: "warning: unused variable: `x`\n --> src/lib.rs:1:1\n",
        };
        let report = Report::read(&raw);
        assert!(report.passes && report.diagnostics.is_empty() && report.passed == 3);
        assert_eq!(report.headline(), "passes (3 tests)");
    }

    #[test]
    fn who_ends_its_tests_has_not_passed_them() {
        let read = |stdout: &str| {
            Report::read(&Raw {
                stage: Stage::Test,
                succeeded: true,
                timed_out: false,
                stdout,
                stderr: "",
            })
        };
        let first = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored;\n";
        let ended = read(&format!("{first}running 3 tests\n"));
        assert!(
            !ended.passes && ended.stage == Some(Stage::Test),
            "{ended:?}"
        );
        assert_eq!(ended.diagnostics[0].message, BROKEN_OFF);
        let whole = read(&format!(
            "{first}running 0 tests\ntest result: ok. 0 passed;\n"
        ));
        assert_eq!((whole.passes, whole.ran), (true, Some(2)));
        assert!(whole.clone().tested(2).passes && !whole.tested(3).passes);
        let none = read("all is well\n");
        assert!(none.clone().tested(0).passes && none.tested(1).is_without_tests());
    }

    #[test]
    fn what_is_not_understood_is_kept_as_text() {
        let report = failed(Stage::Test, "FAIL: 2 of 3\n", "");
        assert_eq!(report.stage, Some(Stage::Test));
        assert_eq!(report.text, "FAIL: 2 of 3");
        assert_eq!(report.failed, 1);
    }

    #[test]
    fn time_that_is_up_comes_first() {
        let report = Report::read(&Raw {
            stage: Stage::Test,
            succeeded: false,
            timed_out: true,
            stdout: "test t::a ... ok\n",
            stderr: "",
        });
        assert_eq!((report.stage, report.passed), (Some(Stage::Timeout), 1));
    }

    #[test]
    fn more_passed_tests_are_better_and_compiling_is_better_than_not() {
        let not = failed(Stage::Compile, "", "error: x\n --> a.rs:1:1\n");
        let one = failed(Stage::Test, "test result: FAILED. 1 passed; 2 failed;", "");
        let two = failed(Stage::Test, "test result: FAILED. 2 passed; 1 failed;", "");
        assert!(not.rank() < one.rank());
        assert!(one.rank() < two.rank());
        assert!(two.rank() < Report::passing(0).rank());
    }

    proptest! {
        #[test]
        fn any_output_is_read(stdout in "(\\PC|\n){0,300}", stderr in any::<String>(), timed_out: bool) {
            for stage in [Stage::Compile, Stage::Run, Stage::Test] {
                let report = Report::read(&Raw { stage, succeeded: false, timed_out, stdout: &stdout, stderr: &stderr });
                prop_assert!(!report.passes && report.stage.is_some());
                let _ = (by_rule(&report), report.headline());
            }
        }

        #[test]
        fn any_order_of_the_words_that_are_looked_for_is_read(words in prop::collection::vec(prop::sample::select(vec![
            "Traceback (most recent call last):\n", "  File \"a.py\", line 3, in f\n", "    x\n", "IndexError: y\n",
            "E   assert 1 == 2\n", "a.py:3: AssertionError\n", "thread 'a' panicked at a.rs:1:2:\n", "  left: 1\n", " right: 2\n",
            "error[E0308]: mismatched\n", " --> a.rs:1:2\n", "{\"message\":", "{\"$message_type\":\"diagnostic\"}\n",
            "test a ... ok\n", "test result: FAILED. 1 passed; 99999999999 failed;\n", "=== 1 failed, 2 passed in 3s ===\n",
            "Ran 3 tests\n", "FAILED (failures=2, errors=", "@catena {", "}\n", "\u{feff}", "é", ":", "\n",
        ]), 0..24)) {
            let text = words.concat();
            let report = failed(Stage::Test, &text, &text);
            let _ = (by_rule(&report), report.headline());
        }
    }
}
