//! What goes around the cycle.

use catena_core::Usage;
use serde::{Deserialize, Serialize};

use super::{Critique, RepairTask, Report, Round, SourceFile, Stopped, types::Files};

/// A repair that is under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) task: RepairTask,
    /// All versions that were run.
    pub(super) rounds: Vec<Round>,
    /// The best of them.
    pub(super) best: usize,
    /// The one that is corrected.
    pub(super) base: usize,
    /// The round under way.
    pub(super) number: u32,
    /// Versions that are to be run.
    pub(super) drafts: Vec<Draft>,
    /// What is wrong with the one that is corrected.
    pub(super) critique: Option<Critique>,
    pub(super) usage: Usage,
    /// Of a round without a version: why none could be made.
    pub(super) unapplied: Vec<String>,
    pub(super) stopped: Option<Stopped>,
}

/// A version that was not run yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Draft {
    pub(super) candidate: u32,
    pub(super) files: Vec<SourceFile>,
    pub(super) diff: String,
    /// What the model said of it, in the same answer.
    pub(super) explanation: String,
    pub(super) unapplied: Vec<String>,
}

impl State {
    /// The version that is corrected, and how it fared.
    pub(super) fn failing(&self) -> (&[SourceFile], Option<&Report>) {
        match self.rounds.get(self.base) {
            Some(round) => (&round.files, Some(&round.report)),
            None => (&self.task.files, None),
        }
    }
}

/// By path.
pub(super) fn by_path(files: &[SourceFile]) -> Files {
    let pairs = files
        .iter()
        .map(|file| (file.path.clone(), file.text.clone()));
    pairs.collect()
}

/// As a list, by path.
pub(super) fn listed(files: Files) -> Vec<SourceFile> {
    let file = |(path, text)| SourceFile { path, text };
    files.into_iter().map(file).collect()
}
