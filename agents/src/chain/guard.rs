//! Keeps out of a unit what would mislead the workers after it.
//!
//! The paper (appendix F.4) names refusals that spread along the chain and proposes to drop
//! irrelevant words from a unit afterwards. Small models also invent: asked for a date that is not
//! in their chunk, they give one. So of each sentence it is asked whether it says only that nothing
//! was found, whether what it adds to the question stands in what the worker read, and whether it
//! has anything to do with the question or the notes.

use std::collections::HashSet;

use catena_core::sentences;

use super::words::words;

/// The share of a sentence's words that must stand in what the worker read; and the same of those
/// that the question does not have. Below 1, because notes may use words of their own. The words of
/// the question count in the first, because a worker that invents an answer repeats the question
/// whether or not its chunk has anything of it.
const GROUNDED: f64 = 0.6;

/// Whatever they are said of, these tell that nothing was found. In lower case; appendix F.4 of
/// the paper gives two, the others are from transcripts of small models.
const PLAIN: &[&str] = &[
    "i don't know",
    "i do not know",
    "i cannot answer",
    "i can't answer",
    "i'm sorry",
    "i am sorry",
    "cannot be determined",
    "no relevant",
    "no specific information",
    "no additional information",
    "no new information",
    "no new facts",
    "nothing useful",
    "nothing was found",
    "(none)",
    "(nothing",
];

/// These tell it when they are said of the text: "The passage does not mention the key", but not
/// "Ann did not mention the key".
const OF_THE_TEXT: &[&str] = &[
    " not mention",
    "n't mention",
    "no mention of",
    " not specif",
    "n't specif",
    " not state",
    " not provide",
    "n't provide",
    " not contain",
    "n't contain",
    " not include",
    " not answer",
    " not give",
    " not explicitly",
    "no information",
];

/// Words for the text.
const TEXT: &[&str] = &[
    "text",
    "passage",
    "part",
    "notes",
    "excerpt",
    "section",
    "document",
    "article",
    "information",
    "context",
    "story",
];

/// The sentences of `written` that are evidence for `question`, as they stand; empty if none is.
///
/// `previous` and `chunk` are what the worker read.
pub(super) fn evidence(written: &str, question: &str, previous: &str, chunk: &str) -> String {
    let question = words(question);
    let previous = words(previous);
    let known: HashSet<String> = words(chunk).union(&previous).cloned().collect();
    let wanted: HashSet<String> = question.union(&previous).cloned().collect();
    let written = written.trim();
    let kept: String = sentences(written)
        .filter_map(|range| written.get(range))
        .filter(|sentence| {
            let all = words(sentence);
            let added: HashSet<String> = all.difference(&question).cloned().collect();
            !is_refusal(sentence)
                && !added.is_empty()
                && is_grounded(&added, &known)
                && is_grounded(&all, &known)
                && !all.is_disjoint(&wanted)
        })
        .collect();
    kept.trim().to_owned()
}

fn is_grounded(words: &HashSet<String>, known: &HashSet<String>) -> bool {
    let grounded = words.intersection(known).count();
    grounded as f64 >= GROUNDED * words.len() as f64
}

fn is_refusal(sentence: &str) -> bool {
    let lower = sentence.to_lowercase().replace('\u{2019}', "'");
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let has = |list: &[&str]| list.iter().any(|phrase| lower.contains(phrase));
    let of_the_text = || {
        lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| TEXT.contains(&word))
    };
    bare == "none" || has(PLAIN) || (has(OF_THE_TEXT) && of_the_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: &str = "The ferry to Skarholm leaves at noon. Ann did not mention the key.";

    fn kept(written: &str) -> String {
        evidence(written, "When does the ferry to Skarholm leave?", "", CHUNK)
    }

    #[test]
    fn refusals_go_and_evidence_stays() {
        assert_eq!(kept("The text does not mention the ferry."), "");
        assert_eq!(kept("I don\u{2019}t know. None."), "");
        assert_eq!(kept("(none)"), "");
        assert_eq!(
            kept("The ferry to Skarholm leaves at noon. The text does not mention its price."),
            "The ferry to Skarholm leaves at noon."
        );
    }

    #[test]
    fn what_the_worker_did_not_read_goes() {
        assert_eq!(kept("The ferry to Skarholm leaves on Monday."), "");
        assert_eq!(
            kept("The ferry leaves Skarholm."),
            "",
            "says no more than the question"
        );
    }

    #[test]
    fn what_has_nothing_to_do_with_the_question_goes() {
        assert_eq!(kept("Ann did not mention the key."), "");
        let related = evidence(
            "Ann did not mention the key.",
            "What did Ann hide?",
            "",
            CHUNK,
        );
        assert_eq!(related, "Ann did not mention the key.");
    }

    #[test]
    fn what_was_handed_on_may_be_repeated() {
        let previous = "The ferry leaves on Monday.";
        assert_eq!(
            evidence(
                previous,
                "When does the ferry leave?",
                previous,
                "The sea is blue."
            ),
            previous
        );
    }
}
