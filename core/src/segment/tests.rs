//! Rules of the segmenter on tricky texts; `tests/segment.rs` has the properties.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{ApproximateCounter, WordCounter};

fn split(text: &str) -> Vec<&str> {
    sentences(text).map(|range| &text[range]).collect()
}

/// Four bytes a token, rounded up, and a record of how many bytes it was given.
#[derive(Debug, Default)]
struct Metered {
    bytes: AtomicUsize,
}

impl TokenCounter for Metered {
    fn count(&self, text: &str) -> usize {
        self.bytes.fetch_add(text.len(), Ordering::Relaxed);
        text.len().div_ceil(4)
    }
}

fn novel(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 200);
    let mut n = 0_u64;
    while text.len() < bytes {
        n = n
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let words = 3 + (n >> 33) % 30;
        text.push_str("The");
        for i in 0..words {
            text.push(if i % 11 == 10 { '\n' } else { ' ' });
            text.push_str(
                ["quiet", "of", "a", "remarkable", "house", "and"][((n >> (i % 40)) % 6) as usize],
            );
        }
        text.push_str(if n >> 60 == 0 { ".\n\n" } else { ". " });
    }
    text
}

#[test]
fn sentences_of_hard_wrapped_prose() {
    assert_eq!(
        split("It was a\r\nlong line. And\r\nanother.\r\n\r\nCHAPTER II.\r\n\r\n   Indented."),
        [
            "It was a\r\nlong line. ",
            "And\r\nanother.\r\n\r\n",
            "CHAPTER II.\r\n\r\n",
            "   Indented."
        ],
    );
    assert_eq!(
        split("\n\n  A title\n\n\nText"),
        ["\n\n  A title\n\n\n", "Text"]
    );
    assert_eq!(split("A line.\n  \t\nNext"), ["A line.\n  \t\n", "Next"]);
    assert_eq!(split(" \n\n "), [" \n\n "]);
    assert_eq!(split(""), Vec::<&str>::new());
}

#[test]
fn sentences_of_dialogue() {
    assert_eq!(
        split("“Stop!” he said. “Who are you?” Nobody knew. 'Well?' asked she."),
        [
            "“Stop!” he said. ",
            "“Who are you?” ",
            "Nobody knew. ",
            "'Well?' asked she."
        ],
    );
    assert_eq!(
        split("(He left.) Then she left."),
        ["(He left.) ", "Then she left."]
    );
    assert_eq!(
        split("‘Oh dear! Oh dear! I am late!’"),
        ["‘Oh dear! ", "Oh dear! ", "I am late!’"]
    );
    assert_eq!(
        split("Yes!—and no. Yahoo!, they cried."),
        ["Yes!—and no. ", "Yahoo!, they cried."]
    );
}

#[test]
fn an_abbreviation_or_initial_ends_nothing() {
    for whole in [
        "Mr. Bingley and Mrs. Long met Dr. Watson.",
        "Fruit, e.g. Apples, i.e. The red ones.",
        "J. R. R. Tolkien met George W. Bush and J. A. Smith.",
        "See Fig. 3, pp. 10 and Vol. II of no. 7.",
        "The U.S. Army and Acme Inc. Holdings agreed.",
        "It was 3.14 or .5 at 10 a.m. on version 1.2.3 then.",
        "Smith et al. (2019) disagree.",
        "IV. Of Cannibals",
        "MR.\nBENNET was there",
        "She lives on St.\nJames Street",
    ] {
        assert_eq!(split(whole), [whole]);
    }
}

#[test]
fn an_abbreviation_may_be_the_last_word() {
    assert_eq!(
        split("Made in the U.S. The end."),
        ["Made in the U.S. ", "The end."]
    );
    assert_eq!(
        split("Pens, etc. Bring them."),
        ["Pens, etc. ", "Bring them."]
    );
    assert_eq!(split("By Acme Inc.\n\nNew"), ["By Acme Inc.\n\n", "New"]);
    assert_eq!(split("In 1914. War came."), ["In 1914. ", "War came."]);
    assert_eq!(split("Say no. Never."), ["Say no. ", "Never."]);
}

#[test]
fn ellipses() {
    assert_eq!(
        split("Wait ... what? I… see. Well... No."),
        ["Wait ... what? ", "I… see. ", "Well... ", "No."]
    );
    assert_eq!(
        split("And . . . then. . . . He left."),
        ["And . . . then. . . . ", "He left."]
    );
}

#[test]
fn scripts_without_spaces() {
    assert_eq!(
        split("今日は晴れ。明日は雨！「行く。」と言った。終"),
        ["今日は晴れ。", "明日は雨！", "「行く。」と言った。", "終"]
    );
    assert_eq!(split("“你好。”他说。"), ["“你好。”", "他说。"]);
    assert_eq!(split("वह गया। वह आया।"), ["वह गया। ", "वह आया।"]);
}

#[test]
fn markdown() {
    assert_eq!(
        split(
            "# Title\nSome text\nwrapped.\n- one\n- two\n  more\n1. first. Step\n2) second\n| a | b |\n| c | d |\nend"
        ),
        [
            "# Title\n",
            "Some text\nwrapped.\n",
            "- one\n",
            "- two\n  more\n",
            "1. first. ",
            "Step\n",
            "2) second\n",
            "| a | b |\n",
            "| c | d |\n",
            "end",
        ],
    );
    assert_eq!(
        split("See #5 and\n#hashtag here"),
        ["See #5 and\n#hashtag here"]
    );
    assert_eq!(
        split("**Bold.** Next. _It._ ends"),
        ["**Bold.** ", "Next. ", "_It._ ends"]
    );
}

#[test]
fn a_combining_mark_stays_with_its_base() {
    assert_eq!(split("One. \u{301}Two."), ["One. \u{301}Two."]);
}

fn texts(segmenter: Segmenter, text: &str) -> Vec<String> {
    let chunks = segmenter.split(text, &WordCounter).unwrap();
    chunks.into_iter().map(|chunk| chunk.text).collect()
}

#[test]
fn chunks_are_filled_greedily() {
    let text = "One two three. Four five. Six seven eight nine. Ten.";
    assert_eq!(
        texts(Segmenter::prose(5), text),
        ["One two three. Four five. ", "Six seven eight nine. Ten."],
    );
    assert_eq!(texts(Segmenter::prose(100), text), [text]);
    assert_eq!(
        texts(Segmenter::code(3), "a b\nc\nd e f\n\ng"),
        ["a b\nc\n", "d e f\n\n", "g"]
    );
}

#[test]
fn a_long_sentence_is_cut_at_a_clause_then_at_whitespace() {
    assert_eq!(
        texts(
            Segmenter::prose(6),
            "one two three four, five six seven eight nine ten eleven twelve"
        ),
        [
            "one two three four, ",
            "five six seven eight nine ten ",
            "eleven twelve"
        ],
    );
    // It begins in a chunk that is at least half free, and not in one that is fuller.
    assert_eq!(
        texts(Segmenter::prose(4), "Head.\n\na b c d e f"),
        ["Head.\n\na b c ", "d e f"]
    );
    assert_eq!(
        texts(Segmenter::prose(4), "A b c.\n\na b c d e"),
        ["A b c.\n\n", "a b c d ", "e"]
    );
}

#[test]
fn a_long_word_is_cut_between_graphemes() {
    let text = "e\u{301}".repeat(50);
    let chunks = Segmenter::prose(2)
        .split(&text, &Metered::default())
        .unwrap();
    assert!(
        chunks.iter().all(|chunk| chunk.text.len() == 6),
        "{chunks:?}"
    );
    assert_eq!(chunks.len(), 25);
}

#[test]
fn what_cannot_be_cut_is_an_error() {
    let family = "👨\u{200d}👩\u{200d}👧";
    let error = Segmenter::prose(2)
        .split(&format!("Hi. {family}"), &Metered::default())
        .unwrap_err();
    assert!(error.is_context_overflow());
    assert_eq!(error.missing_tokens(), Some(3), "{error}");
    assert!(
        error
            .to_string()
            .contains("at byte 4 is 5 tokens, 3 too many"),
        "{error}"
    );

    let error = Segmenter::code(0).split("x", &WordCounter).unwrap_err();
    assert!(error.is_invalid());
}

#[test]
fn an_empty_text_has_no_chunks() {
    assert_eq!(Segmenter::prose(1).split("", &WordCounter).unwrap(), []);
    assert_eq!(Segmenter::code(1).split("", &WordCounter).unwrap(), []);
}

#[test]
fn prose_is_read_at_most_four_times() {
    let text = novel(3_000_000);
    for (max_tokens, least_fill) in [(60, 0.7), (500, 0.95), (4_000, 0.98)] {
        for segmenter in [Segmenter::prose(max_tokens), Segmenter::code(max_tokens)] {
            let counter = Metered::default();
            let chunks = segmenter.split(&text, &counter).unwrap();
            let times = counter.bytes.into_inner() as f64 / text.len() as f64;
            assert!(
                times <= 4.0,
                "{segmenter:?}: counted the text {times:.2} times"
            );
            let fill = text.len() as f64 / 4.0 / (chunks.len() * max_tokens) as f64;
            assert!(
                fill > least_fill,
                "{segmenter:?}: chunks are {fill:.2} full"
            );
        }
    }
}

#[test]
fn texts_without_structure_stay_linear() {
    let spaces = format!("a.{}b", " ".repeat(300_000));
    for text in [
        "x".repeat(300_000),
        "word ".repeat(60_000),
        ". ".repeat(150_000),
        spaces,
    ] {
        let counter = Metered::default();
        Segmenter::prose(300).split(&text, &counter).unwrap();
        let times = counter.bytes.into_inner() as f64 / text.len() as f64;
        assert!(times <= 6.0, "{:?}…: counted {times:.2} times", &text[..8]);
    }
}

#[test]
fn a_chunk_is_stored_as_json() {
    let chunks = Segmenter::prose(9)
        .split("Hello there.", &ApproximateCounter)
        .unwrap();
    let json = serde_json::to_string(&chunks).unwrap();
    assert_eq!(
        json,
        r#"[{"index":0,"range":{"start":0,"end":12},"text":"Hello there.","tokens":4}]"#
    );
    assert_eq!(serde_json::from_str::<Vec<Chunk>>(&json).unwrap(), chunks);
}
