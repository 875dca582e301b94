//! How to run.

use std::sync::Arc;

use serde::Serialize;

use crate::{Budget, Journal, RunId};

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub(super) name: String,
    pub(super) budget: Budget,
    pub(super) journal: Option<Arc<dyn Journal>>,
    pub(super) from: From,
    pub(super) answers: Vec<(String, serde_json::Value)>,
    pub(super) meta: serde_json::Value,
}

/// Where a run begins.
#[derive(Clone, Debug)]
pub(super) enum From {
    Scratch,
    /// Where this run stopped.
    Stop(RunId),
    /// In a new run, behind so many entries of this one.
    Entry(RunId, usize),
}

impl RunOptions {
    /// Options of a run without limits and without a journal. `name` is the root of all paths in
    /// its events; a run is resumed under the name under which it began.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            budget: Budget::new(),
            journal: None,
            from: From::Scratch,
            answers: Vec::new(),
            meta: serde_json::Value::Null,
        }
    }

    /// Limits what the run may spend. What a resumed or forked run takes over from the journal
    /// counts as spent.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Records every effect in `journal`, so that the run can be resumed.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Goes on with the run `id` of the journal: calls that it finished are answered from there.
    /// Graph and input must be those with which the run began.
    #[must_use]
    pub fn resume(mut self, id: RunId) -> Self {
        self.from = From::Stop(id);
        self
    }

    /// Starts a new run that takes over the first `entries` effects of the run `id` of the journal,
    /// and goes its own way from there: with another model, another prompt, or another answer of a
    /// person. The input must be the one with which that run began. The run itself stays as it is. A
    /// call whose failure ended that run is not taken over: it is made again.
    #[must_use]
    pub fn fork(mut self, id: RunId, entries: usize) -> Self {
        self.from = From::Entry(id, entries);
        self
    }

    /// Answers a question that a resumed or forked run waits for; see
    /// [`Context::interrupt`](crate::Context::interrupt). `id` is the question's id, or its name
    /// where no other open question has it.
    #[must_use]
    pub fn answer(mut self, id: impl Into<String>, answer: impl Into<serde_json::Value>) -> Self {
        self.answers.push((id.into(), answer.into()));
        self
    }

    /// Keeps `meta` in the run's record: what the program needs to build the same graph again.
    /// What cannot be written as JSON is kept as `null`.
    #[must_use]
    pub fn meta(mut self, meta: &impl Serialize) -> Self {
        self.meta = serde_json::to_value(meta).unwrap_or_default();
        self
    }
}
