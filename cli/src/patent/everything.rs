//! The JSON file beside a patent: all that there is to go on from.

use catena_agents::{Draft, Finding, ParagraphBasis, Patent, PatentPiece, PatentWork};
use catena_core::{RunId, Usage};
use catena_tools::Document;
use serde::{Deserialize, Serialize};

use crate::args::{Length, Office};

/// A patent with what it came from and how it came about.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Everything {
    pub(super) run: RunId,
    /// Whether the run came to its end.
    pub(super) complete: bool,
    /// The pieces that are not written.
    pub(super) missing: Vec<PatentPiece>,
    pub(super) model: String,
    pub(super) jurisdiction: Office,
    /// How long it was to become.
    #[serde(default)]
    pub(super) length: Length,
    pub(super) patent: Patent,
    /// Its pieces.
    pub(super) work: PatentWork,
    pub(super) findings: Vec<Finding>,
    /// What each paragraph rests on.
    pub(super) basis: Vec<ParagraphBasis>,
    pub(super) draft: Draft,
    pub(super) references: Vec<Document>,
    pub(super) usage: Usage,
}

impl Everything {
    pub(super) fn to_json(&self) -> String {
        // Strings, numbers and lists of them: serialising cannot fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }
}
