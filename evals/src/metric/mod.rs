//! Scores of one answer against its gold answers, each from 0 to 1.

mod choice;
mod rouge;
mod squad;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use choice::{chosen, multiple_choice};
pub use rouge::{rouge_l, rouge_mean, rouge_n};
pub use squad::{exact_match, normalize_answer, token_f1};

use crate::Item;

/// How an answer to an [`Item`] is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// [`exact_match`].
    ExactMatch,
    /// [`token_f1`].
    TokenF1,
    /// [`rouge_n`] of single words.
    Rouge1,
    /// [`rouge_n`] of pairs of words.
    Rouge2,
    /// [`rouge_l`].
    RougeL,
    /// [`multiple_choice`].
    Accuracy,
}

impl Metric {
    /// The score of `prediction` as the answer to `item`.
    pub fn score(self, prediction: &str, item: &Item) -> f64 {
        let golds = &item.answers;
        match self {
            Self::ExactMatch => exact_match(prediction, golds),
            Self::TokenF1 => token_f1(prediction, golds),
            Self::Rouge1 => rouge_n(prediction, golds, 1),
            Self::Rouge2 => rouge_n(prediction, golds, 2),
            Self::RougeL => rouge_l(prediction, golds),
            Self::Accuracy => multiple_choice(prediction, &item.choices, golds),
        }
    }
}

impl fmt::Display for Metric {
    /// The heading of its column in a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactMatch => "EM",
            Self::TokenF1 => "F1",
            Self::Rouge1 => "ROUGE-1",
            Self::Rouge2 => "ROUGE-2",
            Self::RougeL => "ROUGE-L",
            Self::Accuracy => "accuracy",
        })
    }
}

/// The best score over the gold answers; 0 without any.
fn best<S: AsRef<str>>(golds: &[S], score: impl Fn(&str) -> f64) -> f64 {
    golds
        .iter()
        .map(|gold| score(gold.as_ref()))
        .fold(0.0, f64::max)
}

/// The harmonic mean of `overlap / predicted` and `overlap / gold`.
fn f1(overlap: usize, predicted: usize, gold: usize) -> f64 {
    if overlap == 0 {
        return 0.0;
    }
    2.0 * overlap as f64 / (predicted + gold) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_gold_answers_every_score_is_zero() {
        let item = Item::default();
        for metric in [
            Metric::ExactMatch,
            Metric::TokenF1,
            Metric::RougeL,
            Metric::Accuracy,
        ] {
            assert_eq!(metric.score("anything", &item), 0.0, "{metric}");
        }
    }

    #[test]
    fn each_metric_scores_by_its_own_rule() {
        let item = Item {
            answers: vec!["red house".into()],
            choices: vec!["blue barn".into(), "red house".into()],
            ..Item::default()
        };
        let scores = |prediction| {
            [
                Metric::ExactMatch,
                Metric::TokenF1,
                Metric::Rouge1,
                Metric::Rouge2,
                Metric::Accuracy,
            ]
            .map(|metric| metric.score(prediction, &item))
        };
        assert_eq!(scores("The red house."), [1.0, 1.0, 0.8, 2.0 / 3.0, 1.0]);
        assert_eq!(scores("(A)"), [0.0; 5]);
    }
}
