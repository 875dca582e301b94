//! What an examination of a draft finds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{super::Severity, Question};

/// What is wrong with a draft, in which answer, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftFinding {
    /// Which rule it breaks.
    pub rule: DraftRule,
    /// How bad it is: with an [`Error`](Severity::Error) no useful patent comes of it.
    pub severity: Severity,
    /// Whose answer.
    pub question: Question,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for DraftFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            severity,
            question,
            message,
            advice,
        } = self;
        write!(f, "{question}: {severity} ({rule}): {message}; {advice}")
    }
}

/// A rule of [`examine_draft`](crate::examine_draft).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DraftRule {
    /// There is an answer.
    Unanswered,
    /// The answer is long enough to write from.
    TooShort,
    /// Nothing is left to be filled in.
    Placeholder,
    /// No answer is the copy of another.
    Repeated,
    /// The problem is one: the answer says what is lacking.
    NoProblem,
    /// The background names what exists and what it lacks.
    NoComparison,
    /// The solution names its parts or steps.
    NoParts,
    /// The solution says how the parts belong together, or in which order the steps come.
    NoRelations,
    /// What is to be protected is named, and described in the solution.
    Undescribed,
    /// Figures are described or there are none, they are numbered from 1 without gaps, and each that is mentioned is
    /// described.
    Figures,
    /// A reference numeral has one name.
    Numerals,
    /// Text that gives orders to a model: it is not shown to any.
    Order,
}

impl DraftRule {
    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::TooShort => "too-short",
            Self::Placeholder => "placeholder",
            Self::Repeated => "repeated",
            Self::NoProblem => "no-problem",
            Self::NoComparison => "no-comparison",
            Self::NoParts => "no-parts",
            Self::NoRelations => "no-relations",
            Self::Undescribed => "undescribed",
            Self::Figures => "figures",
            Self::Numerals => "numerals",
            Self::Order => "order",
        }
    }
}

impl fmt::Display for DraftRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
