//! What a patent office wants, as data: one [`Guide`] a [`Jurisdiction`].

use serde::{Deserialize, Serialize};

use super::{SectionKind, Severity};

/// Whose rules a patent is checked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Jurisdiction {
    /// The United States: 37 CFR 1.71 to 1.77, MPEP 608.
    #[default]
    Us,
    /// The European Patent Convention: rules 41 to 50 of its implementing regulations.
    Ep,
}

impl Jurisdiction {
    /// Its rules, to be used or changed.
    pub fn guide(self) -> Guide {
        match self {
            Self::Us => us(),
            Self::Ep => ep(),
        }
    }
}

/// The rules of a patent office or of a house, as far as they are data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// The most characters of a title.
    pub title_characters: usize,
    /// The most words that a title should have.
    pub title_words: usize,
    /// The most words of an abstract.
    pub abstract_words: usize,
    /// Whether a claim that refers to several claims may refer to one that does too.
    pub multiple_on_multiple: bool,
    /// Whether a claim may refer to several claims other than in the alternative.
    pub cumulative_references: bool,
    /// Whether independent claims should have two parts, divided by `characterised in that`.
    pub two_part_claims: bool,
    /// What stands between the subject of a claim and its features: `comprising`.
    pub claim_transition: String,
    /// What stands between the two parts, where there are two: `characterised in that it comprises`.
    pub claim_division: String,
    /// How a dependent claim refers, before the number: `of claim`.
    pub claim_reference: String,
    /// The most independent claims that are written, each of another category: a thing, a method.
    pub independent_claims: usize,
    /// Whether features in claims should be followed by their reference signs in parentheses.
    pub signs_in_claims: bool,
    /// The sections of a description, in their order.
    pub sections: Vec<SectionRule>,
    /// What should not be written.
    pub wording: Vec<WordingRule>,
}

/// A section that a [`Guide`] knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionRule {
    /// Which one.
    pub kind: SectionKind,
    /// Whether a description without it is incomplete. Drawings are wanted where the text mentions
    /// one, whatever this says.
    pub required: bool,
    /// How it is headed; the first is what is advised. Compared without case; none: anything goes.
    pub headings: Vec<String>,
}

/// Words that should not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordingRule {
    /// The words, compared without case, as whole words.
    pub phrase: String,
    /// Where they should not be.
    pub parts: Vec<PatentPart>,
    /// How bad it is.
    pub severity: Severity,
    /// What to write instead, and why.
    pub advice: String,
}

/// A part of a patent, as wording is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatentPart {
    /// The title.
    Title,
    /// The abstract.
    Abstract,
    /// The description.
    Description,
    /// The claims.
    Claims,
}

fn us() -> Guide {
    use SectionKind::{Background, CrossReference, Description, Drawings, Field, Signs, Summary};
    Guide {
        title_characters: 500,
        title_words: 15,
        abstract_words: 150,
        multiple_on_multiple: false,
        cumulative_references: false,
        two_part_claims: false,
        claim_transition: "comprising".into(),
        claim_division: "wherein the improvement comprises".into(),
        claim_reference: "of claim".into(),
        independent_claims: 2,
        signs_in_claims: false,
        sections: vec![
            section(
                CrossReference,
                false,
                &[
                    "Cross-reference to related applications",
                    "Cross-reference to related application",
                    "Cross-reference to related application(s)",
                    "Related applications",
                    "Priority",
                ],
            ),
            section(
                Field,
                false,
                &["Technical field", "Field", "Field of the invention"],
            ),
            section(
                Background,
                true,
                &[
                    "Background",
                    "Background of the invention",
                    "Background art",
                ],
            ),
            section(
                Summary,
                true,
                &[
                    "Summary",
                    "Brief summary",
                    "Summary of the invention",
                    "Brief summary of the invention",
                ],
            ),
            section(
                Drawings,
                false,
                &[
                    "Brief description of the drawings",
                    "Brief description of the drawing",
                    "Brief description of the several views of the drawings",
                ],
            ),
            section(Signs, false, &[]),
            section(
                Description,
                true,
                &[
                    "Detailed description",
                    "Detailed description of the invention",
                    "Detailed description of the embodiments",
                    "Detailed description of embodiments",
                    "Detailed description of the preferred embodiments",
                    "Description of embodiments",
                    "Description of the preferred embodiments",
                ],
            ),
        ],
        wording: wording(),
    }
}

fn ep() -> Guide {
    use SectionKind::{Background, CrossReference, Description, Drawings, Field, Signs, Summary};
    let mut wording = wording();
    wording.extend([
        rule(
            "spirit of the invention",
            &[PatentPart::Description],
            Severity::Warning,
            "delete it: it makes the scope of the claims unclear (Guidelines F-IV, 4.4)",
        ),
        rule(
            "incorporated herein by reference",
            &[PatentPart::Description],
            Severity::Advice,
            "state what matters: a document is not part of the disclosure by this (Guidelines \
             F-III, 8)",
        ),
        rule(
            "as described in the description",
            &[PatentPart::Claims],
            Severity::Error,
            "write the feature out (rule 43(6) EPC)",
        ),
    ]);
    Guide {
        title_characters: 500,
        title_words: 15,
        abstract_words: 150,
        multiple_on_multiple: true,
        cumulative_references: true,
        two_part_claims: true,
        claim_transition: "comprising".into(),
        claim_division: "characterised in that it comprises".into(),
        claim_reference: "according to claim".into(),
        // Rule 43(2) EPC: one a category.
        independent_claims: 2,
        signs_in_claims: true,
        // Rule 42 EPC orders contents and demands no headings.
        sections: vec![
            section(CrossReference, false, &[]),
            section(Field, true, &[]),
            section(Background, true, &[]),
            section(Summary, true, &[]),
            section(Drawings, false, &[]),
            section(Description, true, &[]),
            section(Signs, false, &[]),
        ],
        wording,
    }
}

/// What neither office likes to read.
fn wording() -> Vec<WordingRule> {
    use PatentPart::{Abstract, Claims, Description};
    let all = [Abstract, Description, Claims];
    let mut rules: Vec<WordingRule> = [
        "the invention is a",
        "the invention is an",
        "the invention is the",
        "the invention is characterized",
        "the present invention is a",
        "the present invention is an",
        "the present invention is the",
        "the present invention is characterized",
    ]
    .iter()
    .map(|phrase| {
        rule(
            phrase,
            &[Description],
            Severity::Advice,
            "write 'in an embodiment': what 'the invention is' may limit every claim",
        )
    })
    .collect();
    for (phrase, parts, severity, advice) in [
        (
            "obviously",
            &all[..],
            Severity::Warning,
            "leave it out: it can be read as an admission that something is obvious",
        ),
        (
            "it is obvious",
            &all,
            Severity::Warning,
            "leave it out: it can be read as an admission that something is obvious",
        ),
        (
            "best mode only",
            &all,
            Severity::Warning,
            "leave it out: the claims cover more than the best mode",
        ),
        (
            "absolutely necessary",
            &all,
            Severity::Warning,
            "leave it out: what is called necessary may be read into every claim",
        ),
        (
            "the only way",
            &all,
            Severity::Warning,
            "leave it out: it gives other ways away",
        ),
        (
            "impossible",
            &[Claims],
            Severity::Warning,
            "claim what is, not what cannot be",
        ),
        (
            "etc",
            &[Claims],
            Severity::Error,
            "list what is meant: 'etc.' makes a claim indefinite",
        ),
        (
            "and the like",
            &[Claims],
            Severity::Error,
            "list what is meant: 'and the like' makes a claim indefinite",
        ),
        (
            "or the like",
            &[Claims],
            Severity::Error,
            "list what is meant: 'or the like' makes a claim indefinite",
        ),
        (
            "such as",
            &[Claims],
            Severity::Warning,
            "put the example in a dependent claim: 'such as' makes a claim indefinite",
        ),
        (
            "for example",
            &[Claims],
            Severity::Warning,
            "put the example in a dependent claim: it makes a claim indefinite",
        ),
        (
            "preferably",
            &[Claims],
            Severity::Warning,
            "put the preference in a dependent claim",
        ),
        (
            "optionally",
            &[Claims],
            Severity::Advice,
            "put the option in a dependent claim",
        ),
        (
            "substantially all",
            &[Claims],
            Severity::Advice,
            "give the share, and where the description says how it is measured",
        ),
        (
            "the present invention",
            &[Abstract],
            Severity::Advice,
            "say what is disclosed: phrases that can be implied are to be avoided",
        ),
        (
            "this disclosure relates to",
            &[Abstract],
            Severity::Advice,
            "say what is disclosed: phrases that can be implied are to be avoided",
        ),
        (
            "the claimed invention",
            &[Abstract, Claims],
            Severity::Advice,
            "say what is disclosed: phrases that can be implied are to be avoided",
        ),
    ] {
        rules.push(rule(phrase, parts, severity, advice));
    }
    rules
}

fn rule(phrase: &str, parts: &[PatentPart], severity: Severity, advice: &str) -> WordingRule {
    WordingRule {
        phrase: phrase.into(),
        parts: parts.to_vec(),
        severity,
        advice: advice.into(),
    }
}

fn section(kind: SectionKind, required: bool, headings: &[&str]) -> SectionRule {
    SectionRule {
        kind,
        required,
        headings: headings.iter().map(|&heading| heading.into()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_is_data() {
        for jurisdiction in [Jurisdiction::Us, Jurisdiction::Ep] {
            let guide = jurisdiction.guide();
            let json = serde_json::to_string(&guide).unwrap();
            assert_eq!(serde_json::from_str::<Guide>(&json).unwrap(), guide);
        }
        assert_ne!(Jurisdiction::Us.guide(), Jurisdiction::Ep.guide());
    }
}
