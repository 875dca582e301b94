//! All that is measured of a patent, at once.

use std::collections::BTreeMap;

use catena_agents::{Finding, Rule};
use catena_core::TokenCounter;
use serde::{Deserialize, Serialize};

use super::{AutoPatentRouge, IRR_THRESHOLDS, autopatent_rouge, char_bleu, irr, word_bleu};
use crate::{rouge_l, rouge_n};

/// Above so many tokens AutoPatent's script does not compute ROUGE; such a text counts as 0. Estimated
/// tokens are no measure for that: they are half as many again as there are.
pub const SKIPPED_ABOVE: usize = 40_000;

/// What is measured of a patent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatentScores {
    /// [`irr`] at each of [`IRR_THRESHOLDS`], from 0 to 100.
    pub irr: [f64; 4],
    /// The tokens of the text, by the counter that was handed in.
    pub tokens: usize,
    /// How often each rule was broken; rules that were not are not in it.
    pub findings: BTreeMap<Rule, usize>,
    /// Beside a true text, if there is one.
    pub likeness: Option<Likeness>,
}

/// How like a true text is; from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// [`char_bleu`], the paper's.
    pub char_bleu: f64,
    /// [`word_bleu`].
    pub word_bleu: f64,
    /// [`rouge_n`] of single words.
    pub rouge_1: f64,
    /// [`rouge_n`] of pairs.
    pub rouge_2: f64,
    /// [`rouge_l`].
    pub rouge_l: f64,
    /// [`autopatent_rouge`], the paper's; 0 above [`SKIPPED_ABOVE`] tokens that were counted exactly.
    pub autopatent: AutoPatentRouge,
}

impl PatentScores {
    /// The paper's measures of likeness, from 0 to 1: character BLEU, ROUGE-1, -2 and -L. 0 without a
    /// true text.
    pub fn paper(&self) -> [f64; 4] {
        self.likeness.map_or([0.0; 4], |likeness| {
            let rouge = likeness.autopatent;
            [
                likeness.char_bleu,
                rouge.rouge_1,
                rouge.rouge_2,
                rouge.rouge_l,
            ]
        })
    }
}

/// Measures a patent's text, beside a true text if there is one.
///
/// Takes time proportional to the product of the two lengths and to the square of the number of
/// sentences. The paper counts tokens with the tokenizer of gpt-4o-mini; the figures are comparable to
/// its own only with that. By a counter that only estimates, no text is too long for ROUGE.
pub fn score_patent(
    output: &str,
    truth: Option<&str>,
    findings: &[Finding],
    counter: &dyn TokenCounter,
) -> PatentScores {
    let tokens = counter.count(output);
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.rule).or_insert(0) += 1;
    }
    PatentScores {
        irr: IRR_THRESHOLDS.map(|threshold| irr(&[output], threshold)),
        tokens,
        findings: counts,
        likeness: truth.map(|truth| Likeness {
            char_bleu: char_bleu(output, truth),
            word_bleu: word_bleu(output, truth),
            rouge_1: rouge_n(output, &[truth], 1),
            rouge_2: rouge_n(output, &[truth], 2),
            rouge_l: rouge_l(output, &[truth]),
            autopatent: if counter.is_exact() && tokens > SKIPPED_ABOVE {
                AutoPatentRouge::default()
            } else {
                autopatent_rouge(output, truth)
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use catena_agents::{Jurisdiction, Patent, check_patent};
    use catena_core::{ApproximateCounter, WordCounter};

    use super::*;

    #[test]
    fn a_text_is_like_itself() {
        let patent = Patent::new("Cup");
        let findings = check_patent(&patent, &Jurisdiction::Us.guide());
        let text = "A cup has a foot. The foot is wide.";
        let scores = score_patent(text, Some(text), &findings, &WordCounter);
        assert_eq!(scores.tokens, 9);
        assert_eq!(scores.findings[&Rule::Sections], 3);
        let likeness = scores.likeness.unwrap();
        for score in [
            likeness.char_bleu,
            likeness.word_bleu,
            likeness.rouge_1,
            likeness.rouge_2,
            likeness.rouge_l,
        ] {
            assert!((score - 1.0).abs() < 1e-9, "{likeness:?}");
        }
        assert!(likeness.autopatent.rouge_l > 0.999);
        let json = serde_json::to_string(&scores_without_truth(text)).unwrap();
        assert_eq!(
            serde_json::from_str::<PatentScores>(&json).unwrap(),
            scores_without_truth(text)
        );
    }

    fn scores_without_truth(text: &str) -> PatentScores {
        score_patent(text, None, &[], &WordCounter)
    }

    #[test]
    fn long_texts_have_no_rouge_of_the_paper() {
        let long = "cup ".repeat(SKIPPED_ABOVE + 1);
        let likeness = score_patent(&long, Some("cup"), &[], &WordCounter)
            .likeness
            .unwrap();
        assert_eq!(likeness.autopatent, AutoPatentRouge::default());
        assert!(likeness.rouge_1 > 0.0);
    }

    #[test]
    fn an_estimate_makes_no_text_too_long() {
        let long = "cup ".repeat(SKIPPED_ABOVE + 1);
        let scores = score_patent(&long, Some("cup"), &[], &ApproximateCounter);
        assert!(scores.tokens > SKIPPED_ABOVE);
        assert!(scores.likeness.unwrap().autopatent.rouge_1 > 0.0);
    }
}
