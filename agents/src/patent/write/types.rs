//! What goes into a patent's writing and what comes out of it.

use std::{collections::BTreeMap, fmt, ops::Range, str::FromStr};

use catena_core::{Error, Result, Usage};
use catena_tools::Document;
use serde::{Deserialize, Serialize};

use super::{
    super::{Draft, Finding, Patent, PatentClaim, Question},
    basis::ParagraphBasis,
    glossary::Glossary,
    tree::{PgSubsection, PgTree, SubsectionId},
};

/// What a patent is written from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatentTask {
    /// What the inventor answered.
    pub draft: Draft,
    /// Texts that sections may rest on besides. Together with the draft they are the reference book.
    #[serde(default)]
    pub references: Vec<Document>,
    /// What stands already. Nothing of it is asked for again, but what `again` names.
    #[serde(default)]
    pub earlier: PatentWork,
    /// What is written anew, although it stands.
    #[serde(default)]
    pub again: Vec<PatentPiece>,
}

impl PatentTask {
    /// A whole patent from a draft.
    pub fn new(draft: Draft) -> Self {
        Self {
            draft,
            ..Self::default()
        }
    }

    /// Adds texts that sections may rest on.
    #[must_use]
    pub fn references(mut self, references: impl IntoIterator<Item = Document>) -> Self {
        self.references.extend(references);
        self
    }

    /// Keeps `work` but for these pieces. What is missing in it is written, too. A plan that is made
    /// anew takes all sections with it.
    #[must_use]
    pub fn redo(mut self, work: PatentWork, pieces: impl IntoIterator<Item = PatentPiece>) -> Self {
        self.earlier = work;
        self.again = pieces.into_iter().collect();
        self
    }
}

/// A part of a [`PatentWork`] that can be written anew: `title`, `claims`, `plan`, or a subsection such
/// as `2.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum PatentPiece {
    /// The title.
    Title,
    /// The abstract.
    Abstract,
    /// The background.
    Background,
    /// The summary.
    Summary,
    /// The claims.
    Claims,
    /// The plan of the detailed description.
    Plan,
    /// A subsection of the detailed description.
    Subsection(SubsectionId),
}

impl PatentPiece {
    /// The five components, in the order in which they are asked for.
    pub const COMPONENTS: [Self; 5] = [
        Self::Title,
        Self::Abstract,
        Self::Background,
        Self::Summary,
        Self::Claims,
    ];
}

impl fmt::Display for PatentPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Title => "title",
            Self::Abstract => "abstract",
            Self::Background => "background",
            Self::Summary => "summary",
            Self::Claims => "claims",
            Self::Plan => "plan",
            Self::Subsection(id) => return id.fmt(f),
        })
    }
}

impl FromStr for PatentPiece {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [
            Self::Title,
            Self::Abstract,
            Self::Background,
            Self::Summary,
            Self::Claims,
            Self::Plan,
        ];
        let text = text.trim();
        if let Some(piece) = all.into_iter().find(|piece| piece.to_string() == text) {
            return Ok(piece);
        }
        let id = text.parse().map_err(|_| {
            Error::invalid(format!("'{text}' is no piece of a patent")).with_help(
                "pieces are title, abstract, background, summary, claims, plan, and subsections \
                 such as 2.3",
            )
        })?;
        Ok(Self::Subsection(id))
    }
}

impl TryFrom<String> for PatentPiece {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<PatentPiece> for String {
    fn from(piece: PatentPiece) -> Self {
        piece.to_string()
    }
}

/// Everything that was written so far, piece by piece; what is empty is missing.
///
/// It is what a [`PatentTask`] goes on from, and what
/// [`PatentWork::from_events`] puts together of a run that did not come to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatentWork {
    /// The title.
    #[serde(default)]
    pub title: String,
    /// The abstract.
    #[serde(rename = "abstract", default)]
    pub abstract_text: String,
    /// The background; blank lines divide paragraphs.
    #[serde(default)]
    pub background: String,
    /// The summary; blank lines divide paragraphs.
    #[serde(default)]
    pub summary: String,
    /// The claims.
    #[serde(default)]
    pub claims: Vec<PatentClaim>,
    /// The plan.
    #[serde(default)]
    pub plan: PgTree,
    /// Terms of the claims and their reference numerals.
    #[serde(default)]
    pub glossary: Glossary,
    /// Subsections of which there is a text that was not examined yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unexamined: BTreeMap<SubsectionId, String>,
    /// The subsections that are written.
    #[serde(default)]
    pub subsections: BTreeMap<SubsectionId, Subsection>,
}

/// A subsection of the detailed description, and how it came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subsection {
    /// The text; blank lines divide paragraphs.
    pub text: String,
    /// What it was written from.
    #[serde(default)]
    pub rests_on: Vec<Source>,
    /// The verdict on the text as it stands; none if there was no examination, or none that could be read.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// How many revisions were tried.
    #[serde(default)]
    pub rounds: u32,
}

/// What a text rests on: a place that exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Bytes of an answer of the draft.
    Answer {
        /// Whose answer.
        question: Question,
        /// Its bytes.
        bytes: Range<usize>,
    },
    /// A claim.
    Claim(u32),
    /// Bytes of a reference.
    Reference {
        /// The document's name.
        document: String,
        /// Its bytes.
        bytes: Range<usize>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { question, bytes } => write!(
                f,
                "answer {} ({}), bytes {} to {}",
                question.number(),
                question.title(),
                bytes.start,
                bytes.end
            ),
            Self::Claim(number) => write!(f, "claim {number}"),
            Self::Reference { document, bytes } => {
                write!(f, "{document}, bytes {} to {}", bytes.start, bytes.end)
            }
        }
    }
}

/// A criterion of an examination, the paper's six.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// What it says agrees with the draft.
    Accuracy,
    /// What it says follows.
    Logic,
    /// It says all that its plan wants.
    Comprehensiveness,
    /// It can be understood in one way.
    Clarity,
    /// Its sentences belong together.
    Coherence,
    /// It agrees with itself and with the claims.
    Consistency,
}

impl Criterion {
    /// All six, in the paper's order.
    pub const ALL: [Self; 6] = [
        Self::Accuracy,
        Self::Logic,
        Self::Comprehensiveness,
        Self::Clarity,
        Self::Coherence,
        Self::Consistency,
    ];

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Logic => "logic",
            Self::Comprehensiveness => "comprehensiveness",
            Self::Clarity => "clarity",
            Self::Coherence => "coherence",
            Self::Consistency => "consistency",
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an examiner says of a subsection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The criteria that it does not meet; none of them: it passes.
    pub fails: Vec<Criterion>,
    /// What to do about it.
    #[serde(default)]
    pub advice: String,
}

impl Verdict {
    /// Whether all criteria are met.
    pub fn passes(&self) -> bool {
        self.fails.is_empty()
    }
}

/// What a planner gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planning {
    /// The draft.
    pub draft: Draft,
    /// The title.
    pub title: String,
    /// The claims.
    pub claims: Vec<PatentClaim>,
    /// The terms of the claims.
    pub glossary: Glossary,
    /// The most sections.
    pub sections: usize,
    /// The most subsections of each.
    pub subsections: usize,
}

/// What an examiner gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// The title of the patent.
    pub title: String,
    /// The heading of the section.
    pub section: String,
    /// What the subsection has to say.
    pub plan: PgSubsection,
    /// The text under examination.
    pub text: String,
    /// What it was written from: claims and passages of the reference book, word for word.
    pub references: Vec<String>,
}

/// A patent that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenPatent {
    /// The document.
    pub patent: Patent,
    /// Its pieces, to go on from.
    pub work: PatentWork,
    /// What the validators say of it.
    pub findings: Vec<Finding>,
    /// What each paragraph rests on.
    pub basis: Vec<ParagraphBasis>,
    /// What the model's calls took.
    pub usage: Usage,
}
