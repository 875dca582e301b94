//! The last node: finds the sentences, or lines of code, that support the answer.
//!
//! It asks no model, so it can neither invent a passage nor cost anything: a quote is a piece of a
//! document, found by the words that it shares with the answer, the question and the units.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};
use serde::{Deserialize, Serialize};

use super::{ChainAnswer, types::State, words::words};

/// The most passages that an answer cites.
const PASSAGES: usize = 3;

/// A passage has to score at least this share of the best one.
const SHARE_OF_BEST: f64 = 0.6;

/// What a word counts that a sentence shares with the answer, the question and the units.
const ANSWER: f64 = 2.0;
const QUESTION: f64 = 1.0;
const UNIT: f64 = 0.5;

/// A piece of a document that supports an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Where it stands.
    pub place: Place,
    /// The text there, blanks and line breaks folded to single blanks.
    pub quote: String,
    /// How strongly it supports the answer, comparable within one answer.
    pub score: f64,
}

/// A place in the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The document's name.
    pub document: String,
    /// Its bytes in the document.
    pub bytes: Range<usize>,
    /// The line of its first byte, from 1.
    pub line: usize,
    /// The index of the [`Unit`](super::Unit) whose worker read it.
    pub unit: usize,
}

pub(super) struct Cite;

#[async_trait]
impl Agent for Cite {
    type Input = (State, ChainAnswer);
    type Output = ChainAnswer;

    async fn run(&self, (state, mut answer): Self::Input, _cx: &Context) -> Result<ChainAnswer> {
        answer.passages = passages(&state, &answer.text);
        Ok(answer)
    }
}

struct Candidate {
    document: usize,
    bytes: Range<usize>,
    words: HashSet<String>,
}

fn passages(state: &State, answer: &str) -> Vec<Passage> {
    let question = words(state.input.task.question().unwrap_or_default());
    // What an answer only repeats of the question does not tell where it comes from.
    let new: HashSet<String> = words(answer).difference(&question).cloned().collect();
    // Of all units: what an early one held may have made way for something else since.
    let units = state.units.iter().flat_map(|unit| words(&unit.text));
    let unit: HashSet<String> = units.collect();

    let candidates = candidates(state);
    let mut sentences_with: HashMap<&str, usize> = HashMap::new();
    for word in candidates.iter().flat_map(|candidate| &candidate.words) {
        *sentences_with.entry(word).or_default() += 1;
    }
    let total = candidates.len() as f64;
    let rarity = |word: &String| {
        let known = sentences_with.get(word.as_str()).copied().unwrap_or(0);
        (1.0 + total / (1.0 + known as f64)).ln()
    };
    let weight = |shared: &HashSet<String>, candidate: &Candidate| -> f64 {
        // Summed in one order, so that the same answer has the same passages.
        let mut common: Vec<&String> = shared.intersection(&candidate.words).collect();
        common.sort_unstable();
        common.into_iter().map(rarity).sum()
    };

    let mut scored: Vec<(f64, &Candidate)> = candidates
        .iter()
        .filter_map(|candidate| {
            let from_answer = weight(&new, candidate);
            let supported =
                from_answer > 0.0 || (new.is_empty() && !unit.is_disjoint(&candidate.words));
            let score = ANSWER * from_answer
                + QUESTION * weight(&question, candidate)
                + UNIT * weight(&unit, candidate);
            // A long sentence shares more words by chance.
            let length = (candidate.words.len() as f64).max(6.0);
            supported.then(|| (score / length.sqrt(), candidate))
        })
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let best = scored.first().map_or(0.0, |(score, _)| *score);
    scored
        .into_iter()
        .take(PASSAGES)
        .take_while(|(score, _)| *score >= SHARE_OF_BEST * best)
        .filter_map(|(score, candidate)| passage(state, candidate, score))
        .collect()
}

fn candidates(state: &State) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (document, source) in state.input.documents.iter().enumerate() {
        for range in source.kind.pieces(&source.text) {
            let text = source.text.get(range.clone()).unwrap_or_default();
            let words = words(text);
            if words.is_empty() {
                continue;
            }
            let start = range.start + (text.len() - text.trim_start().len());
            let bytes = start..start + text.trim().len();
            candidates.push(Candidate {
                document,
                bytes,
                words,
            });
        }
    }
    candidates
}

fn passage(state: &State, candidate: &Candidate, score: f64) -> Option<Passage> {
    let source = state.input.documents.get(candidate.document)?;
    let quote = source.text.get(candidate.bytes.clone())?;
    let unit = state.units.iter().position(|unit| {
        unit.document == candidate.document && unit.range.contains(&candidate.bytes.start)
    })?;
    Some(Passage {
        place: Place {
            document: source.name.clone(),
            line: source.line_of(candidate.bytes.start),
            bytes: candidate.bytes.clone(),
            unit,
        },
        quote: quote.split_whitespace().collect::<Vec<_>>().join(" "),
        score,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChainInput, Unit};
    use catena_tools::Document;

    const TEXT: &str = "The harbour was quiet.\nOld Tom kept the\nlighthouse key in a blue teapot. \
        Nobody asked him why. The teapot stood on the shelf.";

    fn state(question: &str, unit: &str) -> State {
        State {
            input: ChainInput::question(vec![Document::new("tom.txt", TEXT)], question),
            units: vec![Unit {
                text: unit.into(),
                tokens: 0,
                document: 0,
                range: 0..TEXT.len(),
                refused: false,
                cut: false,
            }],
        }
    }

    #[test]
    fn the_sentence_that_holds_the_answer_is_quoted_with_its_place() {
        let state = state(
            "Where did Tom keep the key?",
            "Tom kept the key in a blue teapot.",
        );
        let found = passages(&state, "In a blue teapot.");
        let first = &found[0];
        assert_eq!(
            first.quote,
            "Old Tom kept the lighthouse key in a blue teapot."
        );
        assert_eq!(first.place.line, 2);
        assert_eq!(
            &TEXT[first.place.bytes.clone()],
            "Old Tom kept the\nlighthouse key in a blue teapot."
        );
    }

    #[test]
    fn what_only_an_early_unit_held_counts_too() {
        let mut state = state(
            "Where did Tom keep the key?",
            "Old Tom kept the lighthouse key in a blue teapot.",
        );
        let mut last = state.units[0].clone();
        last.text = "The teapot stood on the shelf.".into();
        state.units.push(last);
        let found = passages(&state, "In a teapot.");
        assert!(found[0].quote.starts_with("Old Tom kept"), "{found:?}");
    }

    #[test]
    fn an_answer_that_no_sentence_supports_has_no_passages() {
        let state = state("Where did Tom keep the key?", "");
        assert_eq!(passages(&state, "Zanzibar"), []);
    }

    #[test]
    fn a_yes_is_supported_by_what_the_unit_says() {
        let state = state("Did Tom have a key?", "Old Tom kept the lighthouse key.");
        assert!(passages(&state, "Yes")[0].quote.contains("Old Tom kept"));
    }
}
