//! Revisions as edits: a piece of the text, verified to stand there once, and what takes its place.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most edits of one revision.
const EDITS: usize = 4;

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Edit {
    pub(super) find: String,
    #[serde(default)]
    pub(super) replace: String,
}

/// What a model answers.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Edits {
    #[serde(default)]
    pub(super) edits: Vec<Edit>,
}

pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "edits": {
                "type": "array",
                "minItems": 1,
                "maxItems": EDITS,
                "items": {
                    "type": "object",
                    "properties": {
                        "find": {"type": "string", "maxLength": 400},
                        "replace": {"type": "string", "maxLength": 600},
                    },
                    "required": ["find", "replace"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["edits"],
        "additionalProperties": false,
    })
}

/// What came of edits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) text: String,
    pub(super) applied: usize,
    /// Why the others were not.
    pub(super) refused: Vec<String>,
}

/// Applies each edit whose anchor stands in the text exactly once, white space and kinds of quotes aside.
/// One that would leave nothing, or changes nothing, is refused.
pub(super) fn apply(text: &str, edits: &[Edit]) -> Edited {
    let mut edited = Edited {
        text: text.to_owned(),
        applied: 0,
        refused: Vec::new(),
    };
    for edit in edits.iter().take(EDITS) {
        let mut refuse = |why: &str| {
            edited
                .refused
                .push(format!("{why}: '{}'", short(&edit.find)))
        };
        let places = find(&edited.text, &edit.find);
        let [place] = places.as_slice() else {
            refuse(match places.len() {
                0 => "it does not stand in the text",
                _ => "it stands there several times",
            });
            continue;
        };
        let old = edited.text.get(place.clone()).unwrap_or_default();
        let new = edit.replace.trim();
        if old == new {
            refuse("it changes nothing");
            continue;
        }
        let mut changed = edited.text.clone();
        changed.replace_range(place.clone(), new);
        let changed = tidy(&changed);
        // A revision improves a text; it does not take it away.
        if changed.split_whitespace().count() * 2 < edited.text.split_whitespace().count() {
            refuse("it leaves less than half");
            continue;
        }
        edited.text = changed;
        edited.applied += 1;
    }
    edited
}

/// Where `wanted` stands, compared word for word.
fn find(text: &str, wanted: &str) -> Vec<std::ops::Range<usize>> {
    let wanted: Vec<String> = wanted.split_whitespace().map(plain).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut words: Vec<(usize, usize, String)> = Vec::new();
    for word in text.split_whitespace() {
        // Pieces of one text lie in its memory.
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        words.push((start, start + word.len(), plain(word)));
    }
    words
        .windows(wanted.len())
        .filter(|window| {
            window
                .iter()
                .zip(&wanted)
                .all(|((.., word), wanted)| word == wanted)
        })
        .filter_map(|window| Some(window.first()?.0..window.last()?.1))
        .collect()
}

fn plain(word: &str) -> String {
    word.replace(['“', '”'], "\"").replace(['‘', '’'], "'")
}

/// Without double blanks and blanks before punctuation; blank lines stay.
fn tidy(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| {
            let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
            line.replace(" .", ".")
                .replace(" ,", ",")
                .replace(" ;", ";")
        })
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("\n\n")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(find: &str, replace: &str) -> Edit {
        Edit {
            find: find.into(),
            replace: replace.into(),
        }
    }

    const TEXT: &str = "The foot is wide. The rim is thin.\n\nThe lid is “red”. The lid is round.";

    #[test]
    fn what_stands_once_is_replaced() {
        let edited = apply(
            TEXT,
            &[
                edit("The rim is\nthin.", "The rim is 2 mm thick."),
                edit("is \"red\".", "is brown."),
            ],
        );
        assert_eq!(
            edited.text,
            "The foot is wide. The rim is 2 mm thick.\n\nThe lid is brown. The lid is round."
        );
        assert_eq!((edited.applied, edited.refused.len()), (2, 0));
    }

    #[test]
    fn everything_else_is_refused() {
        for (edit, why) in [
            (edit("The handle is long.", "x"), "does not stand"),
            (edit("The lid is", "x"), "several times"),
            (edit(" ", "x"), "does not stand"),
            (
                edit("The rim is thin.", "The rim is thin."),
                "changes nothing",
            ),
            (edit(TEXT, ""), "less than half"),
        ] {
            let edited = apply(TEXT, std::slice::from_ref(&edit));
            assert_eq!(edited.applied, 0);
            assert_eq!(edited.text, TEXT);
            assert!(edited.refused[0].contains(why), "{:?}", edited.refused);
        }
    }

    #[test]
    fn a_sentence_can_be_taken_out() {
        let edited = apply(TEXT, &[edit("The rim is thin.", "")]);
        assert_eq!(
            edited.text,
            "The foot is wide.\n\nThe lid is “red”. The lid is round."
        );
    }
}
