//! Keeps out of a unit what would mislead the workers after it.
//!
//! The paper (appendix F.4) names refusals that spread along the chain and proposes to drop
//! irrelevant words from a unit afterwards. Small models also invent: asked for a date that is not
//! in their chunk, they give one, in a sentence made of the question's words. So what a worker
//! copied is traced to the sentence that it was copied from, and that sentence goes on.

use std::{cmp::Reverse, collections::HashSet};

use catena_core::sentences;

use super::{types::Part, words::words};

/// The share of a written sentence's words that the sentence it was copied from must have: models
/// say it shorter, change an ending or add the question's words. It can be as low as this because
/// what goes on is the sentence of the text, whatever was written.
const COPIED: f64 = 0.5;

/// A sentence that begins with one of these may speak of what the sentence before it names.
const POINTING: &[&str] = &[
    "he", "she", "it", "they", "his", "her", "its", "their", "this", "that", "these", "those",
];

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

struct Source<'a> {
    text: &'a str,
    words: HashSet<String>,
}

/// The sentences of `part`, or lines of code, that `written` is copied from, each once and in the
/// order of writing, if they have to do with `question` or with what was known `previously`; empty
/// if there are none. A sentence that tells only together with the one before it ("It is kept by
/// Ada") comes with that.
pub(super) fn evidence(written: &str, question: &str, previous: &str, part: &Part) -> Vec<String> {
    let wanted: HashSet<String> = words(previous).union(&words(question)).cloned().collect();
    let sources: Vec<Source> = part
        .kind
        .pieces(&part.text)
        .filter_map(|range| part.text.get(range))
        .map(|text| Source {
            text,
            words: words(text),
        })
        .collect();
    let mut found = Vec::new();
    for sentence in statements(written) {
        let copied = words(sentence);
        if is_refusal(sentence) || copied.is_empty() {
            continue;
        }
        // The one that shares the most words; of equal ones the shortest, which has least besides.
        let shared = |source: &Source| source.words.intersection(&copied).count();
        let best = sources
            .iter()
            .enumerate()
            .max_by_key(|(_, source)| (shared(source), Reverse(source.words.len())));
        let Some((at, source)) = best else {
            continue;
        };
        if (shared(source) as f64) < COPIED * copied.len() as f64 {
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| sources.get(before));
        let text = match before {
            _ if !source.words.is_disjoint(&wanted) => one_line(source.text),
            Some(before) if points_back(source.text) && !before.words.is_disjoint(&wanted) => {
                one_line(&format!("{} {}", before.text, source.text))
            }
            _ => continue,
        };
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn points_back(sentence: &str) -> bool {
    let first = sentence
        .split(|c: char| !c.is_alphanumeric())
        .find(|word| !word.is_empty());
    first.is_some_and(|word| POINTING.contains(&word.to_lowercase().as_str()))
}

/// The sentences of `written`; and, of one that announces a quotation (`The sentence is: "…"`), the
/// quotation alone.
fn statements(written: &str) -> impl Iterator<Item = &str> {
    sentences(written.trim())
        .filter_map(|range| written.trim().get(range))
        .flat_map(|sentence| {
            let quoted = [": \"", ":\n\"", ": \u{201c}", ": '"]
                .iter()
                .filter_map(|start| sentence.split_once(start))
                .map(|(_, quoted)| quoted);
            std::iter::once(sentence).chain(quoted)
        })
}

/// `written` without sentences that say only that nothing was found.
pub(super) fn without_refusals(written: &str) -> String {
    let kept: String = sentences(written)
        .filter_map(|range| written.get(range))
        .filter(|sentence| !is_refusal(sentence))
        .collect();
    kept.trim().to_owned()
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
    use catena_tools::DocumentKind;

    const CHUNK: &str = "The ferry to Skarholm leaves at\nnoon. Ann did not mention the key. \
        It was a fine day on Monday, and the ferry was late.";

    fn kept(written: &str) -> Vec<String> {
        from_prose(written, "When does the ferry to Skarholm leave?", "", CHUNK)
    }

    fn from_prose(written: &str, question: &str, previous: &str, text: &str) -> Vec<String> {
        evidence(
            written,
            question,
            previous,
            &part(text, DocumentKind::Prose),
        )
    }

    fn part(text: &str, kind: DocumentKind) -> Part {
        Part {
            document: 0,
            kind,
            range: 0..text.len(),
            text: text.to_owned(),
            next: None,
        }
    }

    #[test]
    fn refusals_go_and_evidence_stays() {
        assert!(kept("The text does not mention the ferry.").is_empty());
        assert!(kept("I don\u{2019}t know. None.").is_empty());
        assert!(kept("(none)").is_empty());
        assert_eq!(
            kept("The ferry to Skarholm leaves at noon. The text does not mention its price."),
            ["The ferry to Skarholm leaves at noon."]
        );
    }

    #[test]
    fn what_is_copied_loosely_goes_on_as_it_stands_in_the_text() {
        let expected = ["The ferry to Skarholm leaves at noon."];
        assert_eq!(
            kept("The sentence is:\n\n\"the ferry to Skarholm leaves at noon\""),
            expected
        );
        assert_eq!(
            kept("Ferry to Skarholm leaves noon. The ferry to Skarholm leaves at noon."),
            expected
        );
    }

    #[test]
    fn what_stands_in_no_sentence_goes() {
        assert!(kept("The ferry to Skarholm will sail on Tuesday at eight.").is_empty());
        assert!(
            kept("Ann left Skarholm on a fine Monday.").is_empty(),
            "its words stand in different sentences"
        );
    }

    #[test]
    fn what_has_nothing_to_do_with_the_question_goes() {
        assert!(kept("Ann did not mention the key.").is_empty());
        let related = from_prose(
            "Ann did not mention the key.",
            "What did Ann hide?",
            "",
            CHUNK,
        );
        assert_eq!(related, ["Ann did not mention the key."]);
        let known = "The key was Ann's.";
        let related = from_prose("Ann did not mention the key.", "Who came?", known, CHUNK);
        assert_eq!(related.len(), 1, "it has to do with what is known");
    }

    #[test]
    fn what_says_no_more_than_the_question_answers_it_with_yes() {
        let whale = "The sea is blue. The whale is white.";
        let found = from_prose("The whale is white.", "Is the whale white?", "", whale);
        assert_eq!(found, ["The whale is white."]);
        let dogs = "Ann has one dog.";
        let question = "How many dogs does Ann have?";
        assert_eq!(from_prose(dogs, question, "", dogs), [dogs]);
    }

    #[test]
    fn what_is_said_in_the_words_of_the_question_is_found() {
        let text = "Netherfield is taken by a young man of large fortune from the north.";
        let question = "Which estate has Mr. Bingley taken?";
        assert_eq!(
            from_prose("The estate is Netherfield.", question, "", text),
            [text]
        );
    }

    #[test]
    fn a_pronoun_comes_with_the_sentence_before_it() {
        let text = "The light of Skarholm is old. It is kept by Oda Brandt. She is ninety.";
        let question = "Who looks after the light of Skarholm?";
        assert_eq!(
            from_prose("It is kept by Oda Brandt.", question, "", text),
            ["The light of Skarholm is old. It is kept by Oda Brandt."]
        );
        assert!(from_prose("She is ninety.", question, "", text).is_empty());
    }

    #[test]
    fn code_is_traced_by_lines() {
        let code = part(
            "fn port() -> u16 {\n    8080 // the default port\n}\n",
            DocumentKind::Code,
        );
        let found = evidence(
            "8080 // the default port",
            "What is the default port?",
            "",
            &code,
        );
        assert_eq!(found, ["8080 // the default port"]);
    }

    #[test]
    fn languages_without_blanks_are_traced_too() {
        let text = "\u{674e}\u{660e}\u{4f4f}\u{5728}\u{5317}\u{4eac}\u{3002}";
        let question = "\u{674e}\u{660e}\u{4f4f}\u{5728}\u{54ea}\u{91cc}\u{ff1f}";
        assert_eq!(from_prose(text, question, "", text), [text]);
    }

    #[test]
    fn free_notes_lose_their_refusals_only() {
        let written = "He came late. The text does not mention why. I don't know.";
        assert_eq!(without_refusals(written), "He came late.");
    }
}
