//! What the inventor hands in: answers to five questions.

mod examine;
mod finding;
mod lacks;
mod markdown;
mod names;
mod order;
mod tagged;

pub use examine::examine_draft;
pub use finding::{DraftFinding, DraftRule};
pub(super) use order::is_order;

use std::fmt;

use catena_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// One of the five questions of a [`Draft`] (AutoPatent, specification §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Which technical problem is solved.
    Problem,
    /// What exists already, and what it lacks.
    Background,
    /// The solution in detail.
    Solution,
    /// What is to be protected.
    KeyPoints,
    /// What the drawings show.
    Drawings,
}

impl Question {
    /// All five, in their order.
    pub const ALL: [Self; 5] = [
        Self::Problem,
        Self::Background,
        Self::Solution,
        Self::KeyPoints,
        Self::Drawings,
    ];

    /// From 1 to 5.
    pub fn number(self) -> u32 {
        match self {
            Self::Problem => 1,
            Self::Background => 2,
            Self::Solution => 3,
            Self::KeyPoints => 4,
            Self::Drawings => 5,
        }
    }

    /// The question with this number.
    pub fn numbered(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|question| question.number() == number)
    }

    /// Its heading in Markdown, without the number.
    pub fn title(self) -> &'static str {
        match self {
            Self::Problem => "Technical problem",
            Self::Background => "Background",
            Self::Solution => "Technical solution",
            Self::KeyPoints => "Key points",
            Self::Drawings => "Drawings",
        }
    }

    /// What the inventor is asked.
    pub fn text(self) -> &'static str {
        match self {
            Self::Problem => "Which technical problem does the invention solve?",
            Self::Background => {
                "What is the background? Which existing solutions are closest, where do they fall \
                 short, and what does the invention do better?"
            }
            Self::Solution => "How does the invention solve the problem, in detail?",
            Self::KeyPoints => "Which points are new, and what is to be protected?",
            Self::Drawings => "What does each drawing show?",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "question {} ({})", self.number(), self.title())
    }
}

/// An inventor's answers to the five [`Question`]s.
///
/// Answers have no white space at their ends and lines end in `\n`. An answer may be empty;
/// [`unanswered`](Self::unanswered) names those. Every form that is written is read back the same.
///
/// # Example
///
/// ```
/// use catena_agents::{Draft, Question};
///
/// let draft = Draft::new(["Cups tip over.", "", "A wider foot.", "The foot.", ""])?;
/// assert_eq!(draft.answer(Question::Solution), "A wider foot.");
/// assert_eq!(draft.unanswered(), [Question::Background, Question::Drawings]);
/// assert_eq!(Draft::read(&draft.to_markdown())?, draft);
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Draft {
    problem: String,
    background: String,
    solution: String,
    key_points: String,
    drawings: String,
}

/// As it stands in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    problem: String,
    background: String,
    solution: String,
    key_points: String,
    drawings: String,
}

impl TryFrom<Raw> for Draft {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Self::new([
            raw.problem,
            raw.background,
            raw.solution,
            raw.key_points,
            raw.drawings,
        ])
    }
}

impl Draft {
    /// The most bytes that one answer may have.
    pub const ANSWER_LIMIT: usize = 400_000;

    /// The most bytes that a text which is read may have, in any form.
    pub const TEXT_LIMIT: usize = 4_000_000;

    /// Answers in the order of [`Question::ALL`].
    ///
    /// # Errors
    ///
    /// An answer longer than [`ANSWER_LIMIT`](Self::ANSWER_LIMIT).
    pub fn new<S: Into<String>>(answers: [S; 5]) -> Result<Self> {
        let mut draft = Self::default();
        for (question, answer) in Question::ALL.into_iter().zip(answers) {
            draft.set(question, answer)?;
        }
        Ok(draft)
    }

    /// The answer to a question; empty if there is none.
    pub fn answer(&self, question: Question) -> &str {
        match question {
            Question::Problem => &self.problem,
            Question::Background => &self.background,
            Question::Solution => &self.solution,
            Question::KeyPoints => &self.key_points,
            Question::Drawings => &self.drawings,
        }
    }

    /// Replaces an answer.
    ///
    /// # Errors
    ///
    /// An answer longer than [`ANSWER_LIMIT`](Self::ANSWER_LIMIT); the old one stays.
    pub fn set(&mut self, question: Question, answer: impl Into<String>) -> Result<()> {
        let answer = unix_lines(&answer.into()).trim().to_owned();
        if answer.len() > Self::ANSWER_LIMIT {
            return Err(Error::invalid(format!(
                "the answer to {question} has {} bytes, {} are allowed",
                answer.len(),
                Self::ANSWER_LIMIT
            )));
        }
        *match question {
            Question::Problem => &mut self.problem,
            Question::Background => &mut self.background,
            Question::Solution => &mut self.solution,
            Question::KeyPoints => &mut self.key_points,
            Question::Drawings => &mut self.drawings,
        } = answer;
        Ok(())
    }

    /// The questions whose answers are empty.
    pub fn unanswered(&self) -> Vec<Question> {
        Question::ALL
            .into_iter()
            .filter(|question| self.answer(*question).is_empty())
            .collect()
    }

    /// Reads any of the three forms: JSON begins with `{`, the tagged form with `<`, and everything
    /// else is Markdown.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json), [`from_tagged`](Self::from_tagged) and
    /// [`from_markdown`](Self::from_markdown).
    pub fn read(text: &str) -> Result<Self> {
        match text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .chars()
            .next()
        {
            Some('{') => Self::from_json(text),
            Some('<') => Self::from_tagged(text),
            _ => Self::from_markdown(text),
        }
    }

    /// Reads an object with the keys `problem`, `background`, `solution`, `key_points` and
    /// `drawings`.
    ///
    /// # Errors
    ///
    /// A text that is too long, is not JSON (with line and column), or lacks or adds a key.
    pub fn from_json(text: &str) -> Result<Self> {
        let text = readable(text)?;
        serde_json::from_str(text).map_err(|error| {
            Error::invalid(format!("the draft cannot be read as JSON: {error}")).with_help(
                "it is an object with the keys problem, background, solution, key_points and \
                 drawings, each a text",
            )
        })
    }

    /// JSON with the five keys, indented.
    pub fn to_json(&self) -> String {
        // Five strings always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// The text without a byte order mark.
///
/// # Errors
///
/// A text longer than [`Draft::TEXT_LIMIT`].
fn readable(text: &str) -> Result<&str> {
    if text.len() > Draft::TEXT_LIMIT {
        return Err(Error::invalid(format!(
            "the draft has {} bytes, {} are allowed",
            text.len(),
            Draft::TEXT_LIMIT
        )));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that resemble the syntax of all forms.
    fn answers() -> impl Strategy<Value = [String; 5]> {
        let piece = prop_oneof![
            "\\PC{0,12}",
            Just("\n".to_owned()),
            Just("\r\n".to_owned()),
            Just("\n\n## 2. Background\n".to_owned()),
            Just("\n\\## 2. Background\n".to_owned()),
            Just("\n# Draft\n> Which technical problem does the invention solve?\n".to_owned()),
            Just("> Which technical problem does the invention solve?".to_owned()),
            Just("</Answer3><Question4>".to_owned()),
            Just("<\\Answer3>".to_owned()),
            Just("<Draft>\\".to_owned()),
            Just("{\"problem\": 1}".to_owned()),
        ];
        let answer = prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
        prop::array::uniform5(answer)
    }

    proptest! {
        #[test]
        fn every_form_is_read_back(answers in answers()) {
            let draft = Draft::new(answers).unwrap();
            prop_assert_eq!(&Draft::from_markdown(&draft.to_markdown()).unwrap(), &draft);
            prop_assert_eq!(&Draft::from_tagged(&draft.to_tagged()).unwrap(), &draft);
            prop_assert_eq!(&Draft::from_json(&draft.to_json()).unwrap(), &draft);
            for text in [draft.to_markdown(), draft.to_tagged(), draft.to_json()] {
                prop_assert_eq!(&Draft::read(&text).unwrap(), &draft);
            }
        }

        #[test]
        fn no_text_panics(text in "(\\PC|\n|<Answer1>|</Answer1>|## 1. |<Draft>|\\\\){0,40}") {
            let _ = Draft::read(&text);
            let _ = Draft::from_markdown(&text);
            let _ = Draft::from_tagged(&text);
            let _ = Draft::from_json(&text);
        }
    }

    #[test]
    fn an_answer_that_is_too_long_is_named() {
        let long = "x".repeat(Draft::ANSWER_LIMIT + 1);
        let error = Draft::new(["", "", &long, "", ""]).unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(error.to_string().contains("question 3"), "{error}");
        let error = Draft::read(&"x".repeat(Draft::TEXT_LIMIT + 1)).unwrap_err();
        assert!(error.to_string().contains("4000000 are allowed"), "{error}");
    }

    #[test]
    fn json_errors_have_a_place() {
        let error = Draft::read("{\n  \"problem\": 1\n}").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        let error = Draft::read("{\"problem\": \"\"}").unwrap_err();
        assert!(error.to_string().contains("background"), "{error}");
    }
}
