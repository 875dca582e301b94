//! What can be told about a patent without understanding it: rules with a name, a place and advice.
//!
//! The rules read English by its surface. They are made to raise few false alarms on patents that
//! were granted (docs/patent-validators.md has what they find there), which is why a finding is
//! something to look at, and no finding is no proof.

mod antecedent;
mod claims;
mod contradiction;
mod form;
mod mentions;
mod number;
mod numerals;
mod references;
mod said;
mod support;
mod terms;
mod words;

pub(super) use antecedent::{ends_name, introduced, unintroduced};
pub(super) use contradiction::{Contradiction, Said, Statement, contradictions, statements};
pub(super) use mentions::{Mention, mentions};
pub(super) use terms::{Spelling, squashed};
pub(super) use words::{Word, singular, stem, words};

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Guide, Patent};

/// What is wrong with a patent, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule it breaks.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: PatentPlace,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            severity,
            place,
            message,
            advice,
        } = self;
        write!(f, "{place}: {severity} ({rule}): {message}; {advice}")
    }
}

/// How bad a [`Finding`] is, from the mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A matter of style or caution.
    Advice,
    /// Likely to be objected to.
    Warning,
    /// Against the rules of the patent office.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule of [`check_patent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// Claims are numbered from 1 without gaps.
    ClaimNumbers,
    /// A claim refers to earlier claims that exist, and to several only as is allowed.
    ClaimReferences,
    /// A claim is one sentence.
    ClaimSentence,
    /// What a claim calls `the` or `said` something was introduced before.
    AntecedentBasis,
    /// The words of the claims occur in the description.
    ClaimSupport,
    /// A reference numeral has one name, and a name one numeral.
    ReferenceNumerals,
    /// A term of the claims is spelled as they spell it.
    Terminology,
    /// What is said of a thing in two places can both hold.
    Contradiction,
    /// The abstract is there, short, and one paragraph.
    Abstract,
    /// The title is there and short.
    Title,
    /// The sections of the description are there and in order.
    Sections,
    /// The sections of the description are headed as usual.
    Headings,
    /// Words that harm.
    Wording,
    /// Nothing is left to be filled in.
    Placeholders,
    /// Independent claims have two parts.
    TwoPartForm,
    /// Claims have reference signs in parentheses.
    ReferenceSigns,
}

impl Rule {
    /// All rules, in the order in which they are declared.
    pub const ALL: [Self; 16] = [
        Self::ClaimNumbers,
        Self::ClaimReferences,
        Self::ClaimSentence,
        Self::AntecedentBasis,
        Self::ClaimSupport,
        Self::ReferenceNumerals,
        Self::Terminology,
        Self::Contradiction,
        Self::Abstract,
        Self::Title,
        Self::Sections,
        Self::Headings,
        Self::Wording,
        Self::Placeholders,
        Self::TwoPartForm,
        Self::ReferenceSigns,
    ];

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaimNumbers => "claim-numbers",
            Self::ClaimReferences => "claim-references",
            Self::ClaimSentence => "claim-sentence",
            Self::AntecedentBasis => "antecedent-basis",
            Self::ClaimSupport => "claim-support",
            Self::ReferenceNumerals => "reference-numerals",
            Self::Terminology => "terminology",
            Self::Contradiction => "contradiction",
            Self::Abstract => "abstract",
            Self::Title => "title",
            Self::Sections => "sections",
            Self::Headings => "headings",
            Self::Wording => "wording",
            Self::Placeholders => "placeholders",
            Self::TwoPartForm => "two-part-form",
            Self::ReferenceSigns => "reference-signs",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where in a patent something is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatentPlace {
    /// The document as a whole.
    Document,
    /// The title.
    Title,
    /// The section with this heading.
    Section(String),
    /// The paragraph with this number.
    Paragraph(u32),
    /// The claim with this number.
    Claim(u32),
    /// The abstract.
    Abstract,
}

impl fmt::Display for PatentPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => f.write_str("document"),
            Self::Title => f.write_str("title"),
            Self::Section(heading) => write!(f, "section '{heading}'"),
            Self::Paragraph(number) => write!(f, "paragraph [{number:04}]"),
            Self::Claim(number) => write!(f, "claim {number}"),
            Self::Abstract => f.write_str("abstract"),
        }
    }
}

/// Everything that the rules of `guide` find in `patent`, in the order of [`Rule::ALL`] and then of
/// the text.
///
/// # Example
///
/// ```
/// use catena_agents::{Jurisdiction, Patent, PatentClaim, Rule, check_patent};
///
/// let mut patent = Patent::new("Cup");
/// patent.claims.push(PatentClaim::new(1, "A cup having a foot, wherein the rim is round."));
/// let findings = check_patent(&patent, &Jurisdiction::Us.guide());
/// assert!(findings.iter().any(|finding| {
///     finding.rule == Rule::AntecedentBasis && finding.message.contains("'the rim'")
/// }));
/// ```
pub fn check_patent(patent: &Patent, guide: &Guide) -> Vec<Finding> {
    let mut findings = Vec::new();
    claims::check(patent, guide, &mut findings);
    antecedent::check(patent, &mut findings);
    support::check(patent, &mut findings);
    numerals::check(patent, guide, &mut findings);
    terms::check(patent, &mut findings);
    contradiction::check(patent, &mut findings);
    form::check(patent, guide, &mut findings);
    // Stable: what one rule finds stays in the order of the text.
    findings.sort_by_key(|finding| finding.rule);
    findings
}

fn finding(
    rule: Rule,
    severity: Severity,
    place: PatentPlace,
    message: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    Finding {
        rule,
        severity,
        place,
        message: message.into(),
        advice: advice.into(),
    }
}

#[cfg(test)]
mod tests;
