//! The lines of our own harness for Python: `@catena {…}`.

use serde::Deserialize;

use super::{Diagnostic, Fault, summary::Counts};

/// One line of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// An assertion held.
    Passed,
    /// All were come to.
    Done,
    /// An assertion did not hold, or failed.
    Failed {
        /// The assertion.
        test: String,
        #[serde(default)]
        got: Option<String>,
        #[serde(default)]
        expected: Option<String>,
        /// An exception in place of a value.
        #[serde(default)]
        error: Option<String>,
        #[serde(default)]
        line: Option<u32>,
        #[serde(default)]
        file: Option<String>,
        #[serde(default)]
        source: Option<String>,
        /// Whether it was an assertion, and not what stands between them.
        #[serde(default)]
        counts: bool,
    },
}

/// The most characters of a value.
const VALUE: usize = 300;

pub(super) fn line(line: &str) -> Option<Told> {
    serde_json::from_str(line.strip_prefix("@catena ")?).ok()
}

impl Told {
    pub(super) fn add_to(self, counts: &mut Counts, diagnostics: &mut Vec<Diagnostic>) {
        match self {
            Self::Passed => counts.one(true),
            Self::Done => {}
            Self::Failed {
                test,
                got,
                expected,
                error,
                line,
                file,
                source,
                counts: is_test,
            } => {
                match is_test {
                    true => counts.one(false),
                    false => counts.other_failure(),
                }
                let test = short(&test);
                let diagnostic = match (error, got, expected) {
                    (Some(error), ..) => {
                        let (name, message) = error.split_once(": ").unwrap_or((&error, ""));
                        let mut diagnostic = Diagnostic::new(
                            Fault::Exception(name.to_owned()),
                            format!("{name}: {} in `{test}`", short(message)),
                        );
                        diagnostic.line = line;
                        diagnostic.file = file;
                        diagnostic.source = source;
                        diagnostic
                    }
                    (None, Some(got), Some(expected)) => {
                        let (got, expected) = (short(&got), short(&expected));
                        let message = format!("`{test}` failed: got {got}, expected {expected}");
                        Diagnostic {
                            source: Some(test),
                            values: Some((got, expected)),
                            ..Diagnostic::new(Fault::Assertion, message)
                        }
                    }
                    _ => Diagnostic {
                        source: Some(test.clone()),
                        ..Diagnostic::new(Fault::Assertion, format!("`{test}` failed"))
                    },
                };
                diagnostics.push(diagnostic);
            }
        }
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= VALUE {
        return text.to_owned();
    }
    text.chars().take(VALUE).chain(['…']).collect()
}
