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
        let by_rule = self.by_rule.iter();
        let by_rule: Vec<String> = by_rule
            .map(|(piece, why)| format!("{piece} ({why})"))
            .collect();
        let left_out = self.left_out.iter();
        let left_out: Vec<String> = left_out
            .map(|(piece, passages)| format!("{piece} ({passages})"))
            .collect();
        let mut lines = Vec::new();
        if !by_rule.is_empty() {
            let first = first_of(&by_rule);
            lines.push(format!(
                "rules took the place of the model's answer in: {first}"
            ));
        }
        if !left_out.is_empty() {
            let first = first_of(&left_out);
            lines.push(format!(
                "the window had no room for all passages of: {first}; with a larger --window it has"
            ));
        }
        lines
    }
}

/// The first of what may be many, and how many more there are.
pub(super) fn first_of(all: &[impl ToString]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    let shown = shown.join(", ");
    match all.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
