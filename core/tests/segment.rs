//! Properties of the segmenter, over any text and any counter.

use catena_core::{ApproximateCounter, Chunk, Segmenter, TokenCounter, WordCounter, sentences};
use proptest::prelude::*;
use unicode_segmentation::GraphemeCursor;

/// Four bytes a token, rounded up.
#[derive(Debug)]
struct Quarter;

impl TokenCounter for Quarter {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

/// Adds up to nothing sensible: the count of a text says little about those of its parts, and a
/// longer text may have fewer tokens. Small texts have few, so that a cut exists.
#[derive(Debug)]
struct Adversary;

impl TokenCounter for Adversary {
    fn count(&self, text: &str) -> usize {
        let noise = text.bytes().fold(text.len(), |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        });
        match text.len() {
            0..=24 => 1,
            length if noise % 7 == 0 => length / 40,
            length => length / 5 + noise % (length * 2),
        }
    }
}

/// A constant for each call, as of a begin-of-text token.
#[derive(Debug)]
struct Overhead;

impl TokenCounter for Overhead {
    fn count(&self, text: &str) -> usize {
        8 + text.chars().count() / 3
    }
}

fn counters() -> [&'static dyn TokenCounter; 5] {
    [
        &WordCounter,
        &ApproximateCounter,
        &Quarter,
        &Adversary,
        &Overhead,
    ]
}

/// Texts in which the rules meet: words, marks, line ends, scripts, clusters and raw noise.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z]{1,12}",
        4 => Just(" ".to_owned()),
        3 => prop::sample::select(vec![
            ". ", "! ", "?", "...", "…", "\n", "\n\n", "\r\n", "\r\n\r\n", ", ", "Mr. ", "e.g. ", "3.14",
            "“", "”", "- ", "# ", "| ", "1. ", "\t", "\u{2029}", "。", "、", "漢字", "」", "\u{301}", "🇩🇪",
            "👨\u{200d}👩\u{200d}👧", "e\u{301}", "\u{200d}", "\r", "\u{85}",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => any::<String>(),
        1 => "[a-z]{60,200}",
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

fn check(text: &str, chunks: &[Chunk], max_tokens: usize, counter: &dyn TokenCounter) {
    let mut end = 0;
    for (index, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.index, index);
        assert_eq!(chunk.range.start, end, "ranges are contiguous");
        end = chunk.range.end;
        assert_eq!(text.get(chunk.range.clone()), Some(chunk.text.as_str()));
        assert!(!chunk.text.is_empty());
        assert_eq!(chunk.tokens, counter.count(&chunk.text));
        assert!(
            chunk.tokens <= max_tokens,
            "{} > {max_tokens}",
            chunk.tokens
        );
    }
    assert_eq!(end, text.len(), "the chunks cover the text");
}

fn is_grapheme_boundary(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true)
        .is_boundary(text, 0)
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn chunks_keep_their_promises(text in text(), max_tokens in 1_usize..120) {
        for counter in counters() {
            for segmenter in [Segmenter::prose(max_tokens), Segmenter::code(max_tokens)] {
                match segmenter.split(&text, counter) {
                    Ok(chunks) => {
                        check(&text, &chunks, max_tokens, counter);
                        for chunk in &chunks {
                            prop_assert!(is_grapheme_boundary(&text, chunk.range.end));
                        }
                    }
                    Err(error) => {
                        prop_assert!(error.is_context_overflow(), "{error:?}");
                        prop_assert!(error.missing_tokens().unwrap() > 0);
                        // Nothing but a single large cluster may be refused.
                        prop_assert!(counter.count("x") > max_tokens || !text.is_ascii());
                    }
                }
            }
        }
    }

    #[test]
    fn sentences_cover_the_text(text in text()) {
        let mut end = 0;
        for range in sentences(&text) {
            prop_assert_eq!(range.start, end);
            prop_assert!(range.end > range.start);
            prop_assert!(is_grapheme_boundary(&text, range.end));
            end = range.end;
        }
        prop_assert_eq!(end, text.len());
    }

    #[test]
    fn whole_words_stay_whole(words in prop::collection::vec("[a-z]{1,9}[.,]?", 1..200), max_tokens in 1_usize..40) {
        let text = words.join(" ");
        let chunks = Segmenter::prose(max_tokens).split(&text, &WordCounter).unwrap();
        for chunk in &chunks {
            prop_assert!(chunk.range.end == text.len() || chunk.text.ends_with(' '));
        }
    }

    /// With counts that add up, greedy means: the next sentence would not have fitted.
    #[test]
    fn filling_is_greedy(lengths in prop::collection::vec(1_usize..9, 1..60), max_tokens in 8_usize..40) {
        let text: String = lengths.iter().map(|n| format!("{}End. ", "Word ".repeat(n - 1))).collect();
        let chunks = Segmenter::prose(max_tokens).split(&text, &WordCounter).unwrap();
        for pair in chunks.windows(2) {
            let next = sentences(&pair[1].text).next().unwrap();
            prop_assert!(pair[0].tokens + WordCounter.count(&pair[1].text[next]) > max_tokens);
        }
    }
}
