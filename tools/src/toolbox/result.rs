//! What came of a call.

use catena_core::Error;
use serde::{Deserialize, Serialize};

/// What came of a call, as the model is told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// What the tool gave, or what went wrong and what to do about it.
    pub text: String,
    /// Which of the two.
    pub outcome: ToolOutcome,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolOutcome {
    /// It was done.
    Done,
    /// The tool failed, panicked or took too long.
    Failed,
    /// It was not made: there is no such tool, or its arguments were wrong.
    Refused,
    /// It was not made: a person did not agree.
    Denied,
    /// The run broke off in the middle of it, and it was not made again: it may have had its effect.
    Uncertain,
}

/// The most bytes of a result that are kept.
const MOST_BYTES: usize = 256 << 10;

/// The most bytes of an error.
const MOST_OF_AN_ERROR: usize = 2000;

impl ToolResult {
    pub(super) fn done(text: String) -> Self {
        Self::new(ToolOutcome::Done, cut(text, MOST_BYTES))
    }

    pub(super) fn failed(error: &Error) -> Self {
        let text = match error.help() {
            Some(help) => format!("{error}: {help}"),
            None => error.to_string(),
        };
        let text = cut(text, MOST_OF_AN_ERROR);
        Self::new(ToolOutcome::Failed, format!("Error: {text}"))
    }

    pub(super) fn refused(why: &str) -> Self {
        let why = cut(why.to_owned(), MOST_OF_AN_ERROR);
        Self::new(ToolOutcome::Refused, format!("Error: {why}"))
    }

    pub(super) fn denied(reason: &str) -> Self {
        let text = match reason.trim() {
            "" => "The call was not made: the user does not allow it. Do not try it again; go on \
                   without it, or say what is missing."
                .to_owned(),
            reason => format!(
                "The call was not made: the user does not allow it. The user says: {reason}"
            ),
        };
        Self::new(ToolOutcome::Denied, text)
    }

    pub(super) fn uncertain() -> Self {
        let text = "Error: the program was stopped in the middle of this call. It may have been \
                    done or not. Find out before you try it again.";
        Self::new(ToolOutcome::Uncertain, text.to_owned())
    }

    fn new(outcome: ToolOutcome, text: String) -> Self {
        Self { text, outcome }
    }
}

/// The first bytes of a text, and a word on what is left out.
fn cut(mut text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let whole = text.len();
    let boundary = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(boundary.unwrap_or_default());
    let left = whole - text.len();
    text.push_str(&format!("\n[{left} of {whole} bytes are left out here]"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_says_what_is_left_out() {
        assert_eq!(cut("short".to_owned(), 5), "short");
        let text = cut("é".repeat(10), 5);
        assert_eq!(text, "éé\n[16 of 20 bytes are left out here]");
        let kept = ToolResult::done("x".repeat(1 << 20)).text;
        assert!(kept.len() < MOST_BYTES + 100 && kept.ends_with("left out here]"));
    }

    #[test]
    fn an_error_says_what_to_do() {
        let error = Error::invalid("the divisor is zero").with_help("give another one");
        let told = ToolResult::failed(&error).text;
        assert_eq!(told, "Error: the divisor is zero: give another one");
    }
}
