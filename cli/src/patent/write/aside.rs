//! Where a patent did not come about as it should: answers that were of no use, material without room.

use std::collections::BTreeMap;

use catena_core::{Event, EventKind};
use serde::Serialize;
use serde_json::Value;

/// What a person should look at, whom the text itself does not tell of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Aside {
    /// Pieces in which rules took the place of a model's answer, and why.
    by_rule: BTreeMap<String, String>,
    /// Pieces whose prompts had no room for so many passages.
    left_out: BTreeMap<String, u64>,
}

impl Aside {
    /// Takes what an event tells; of most events, nothing.
    pub(super) fn see(&mut self, event: &Event) {
        let EventKind::Note { name, data } = &event.kind else {
            return;
        };
        let piece = match &data["piece"] {
            Value::String(piece) => piece.clone(),
            piece => piece.to_string(),
        };
        match name.as_str() {
            "patent.fallback" => {
                let why = data["why"].as_str().unwrap_or_default();
                self.by_rule.insert(piece, why.to_owned());
            }
            "patent.left_out" => {
                let passages = data["passages"].as_u64().unwrap_or_default();
                self.left_out.insert(piece, passages);
            }
            _ => {}
        }
    }

    /// For a person, a line for each kind.
    pub(super) fn lines(&self) -> Vec<String> {
        const SHOWN: usize = 8;
        let listed = |all: Vec<String>| match all.len() {
            count if count > SHOWN => {
                let shown: Vec<String> = all.into_iter().take(SHOWN).collect();
                format!("{} and {} more", shown.join(", "), count - SHOWN)
            }
            _ => all.join(", "),
        };
        let by_rule = self
            .by_rule
            .iter()
            .map(|(piece, why)| format!("{piece} ({why})"));
        let left_out = self
            .left_out
            .iter()
            .map(|(piece, passages)| format!("{piece} ({passages})"));
        let mut lines = Vec::new();
        if !self.by_rule.is_empty() {
            let listed = listed(by_rule.collect());
            lines.push(format!(
                "rules took the place of the model's answer in: {listed}"
            ));
        }
        if !self.left_out.is_empty() {
            let listed = listed(left_out.collect());
            lines.push(format!(
                "the window had no room for all passages of: {listed}; with a larger --window it has"
            ));
        }
        lines
    }
}
