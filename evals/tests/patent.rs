//! The metrics of patents against values of the packages that define them; see `golden/README.md`.

use std::{fs, path::Path};

use catena_agents::{Jurisdiction, Patent, check_patent};
use catena_core::ApproximateCounter;
use catena_evals::{
    IRR_THRESHOLDS, autopatent_rouge, char_bleu, irr, score_patent, treebank_words, word_bleu,
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    tokens: Vec<Tokens>,
    irr: Vec<Irr>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Tokens {
    sentence: String,
    tokens: Vec<String>,
}

#[derive(Deserialize)]
struct Irr {
    text: String,
    irr: [f64; 4],
}

#[derive(Deserialize)]
struct Pair {
    output: String,
    truth: String,
    char_bleu: f64,
    word_bleu: f64,
    rouge: [f64; 3],
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/patent.json")).unwrap()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, case: &str) {
    assert!(
        (found - expected).abs() < 1e-9,
        "{case}: {found}, not {expected}"
    );
}

#[test]
fn words() {
    let cases = golden().tokens;
    assert!(cases.len() >= 20);
    for case in cases {
        assert_eq!(treebank_words(&case.sentence), case.tokens);
    }
}

#[test]
fn repetition() {
    for case in golden().irr {
        for (threshold, expected) in IRR_THRESHOLDS.into_iter().zip(case.irr) {
            assert_close(irr(&[&case.text], threshold), expected, &case.text);
        }
    }
}

#[test]
fn likeness() {
    for case in golden().pairs {
        let (output, truth) = (&case.output, &case.truth);
        let what = format!("{output} / {truth}");
        assert_close(char_bleu(output, truth), case.char_bleu, &what);
        assert_close(word_bleu(output, truth), case.word_bleu, &what);
        let rouge = autopatent_rouge(output, truth);
        let found = [rouge.rouge_1, rouge.rouge_2, rouge.rouge_l];
        for (found, expected) in found.into_iter().zip(case.rouge) {
            assert_close(found, expected, &what);
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\PC|\n|'|\"|`|\\.|,|:|n't |--){0,40}", truth in "\\PC{0,20}") {
        for word in treebank_words(&text) {
            prop_assert!(!word.contains(char::is_whitespace) && !word.is_empty());
        }
        let scores = score_patent(&text, Some(&truth), &[], &ApproximateCounter);
        let likeness = scores.likeness.unwrap();
        for score in [likeness.char_bleu, likeness.word_bleu, likeness.autopatent.rouge_l] {
            prop_assert!((0.0..=1.0 + 1e-9).contains(&score), "{:?}", likeness);
        }
        for irr in scores.irr {
            prop_assert!((0.0..=100.0).contains(&irr));
        }
    }
}

/// Prints what real patents score; the paper calls an IRR below 80 (0.2) or 90 (0.4) severe repetition.
#[test]
fn real_patents_repeat_little() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/patents/full_text.jsonl");
    let Ok(records) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    for record in records.lines() {
        let patent = Patent::from_record(record).unwrap();
        let findings = check_patent(&patent, &Jurisdiction::Us.guide());
        let scores = score_patent(&patent.to_text(), None, &findings, &ApproximateCounter);
        println!("{}: {scores:?}", patent.title());
        assert!(scores.irr[0] > 50.0 && scores.irr.is_sorted());
    }
}
