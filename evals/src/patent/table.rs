//! What is told of written patents: each of them, means, and what they stand beside.

use catena_agents::{Jurisdiction, check_patent};
use catena_core::TokenCounter;
use serde::{Deserialize, Serialize};

use super::{PatentEvaluation, PatentSuite, WrittenItem, irr};

/// A patent, or several on average; `None` where nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PatentRow {
    /// Which, and by which strategy.
    pub name: String,
    /// Pieces that are missing.
    pub missing: Option<f64>,
    /// Findings of the validators.
    pub findings: Option<f64>,
    /// Tokens of the text.
    pub tokens: Option<f64>,
    /// [`irr`] at 0.2, from 0 to 100.
    pub irr_02: Option<f64>,
    /// [`irr`] at 0.4, from 0 to 100.
    pub irr_04: Option<f64>,
    /// [`char_bleu`](super::char_bleu), in per cent.
    pub char_bleu: Option<f64>,
    /// The paper's ROUGE-1, in per cent.
    pub rouge_1: Option<f64>,
    /// The paper's ROUGE-2, in per cent.
    pub rouge_2: Option<f64>,
    /// The paper's ROUGE-L, in per cent.
    pub rouge_l: Option<f64>,
    /// Calls of the model.
    pub calls: Option<f64>,
    /// Tokens that it read.
    pub read: Option<f64>,
    /// Tokens that it wrote.
    pub written: Option<f64>,
    /// Seconds from the beginning to the end.
    pub seconds: Option<f64>,
}

/// A figure of a row.
type Figure = fn(&mut PatentRow) -> &mut Option<f64>;

const FIGURES: [Figure; 13] = [
    |row| &mut row.missing,
    |row| &mut row.findings,
    |row| &mut row.tokens,
    |row| &mut row.irr_02,
    |row| &mut row.irr_04,
    |row| &mut row.char_bleu,
    |row| &mut row.rouge_1,
    |row| &mut row.rouge_2,
    |row| &mut row.rouge_l,
    |row| &mut row.calls,
    |row| &mut row.read,
    |row| &mut row.written,
    |row| &mut row.seconds,
];

/// The paper's results (Wang et al. 2024, table 2): tokens, IRR at 0.2 and 0.4, BLEU, ROUGE-1, -2 and -L. They are
/// of other drafts and other patents, and tokens are those of gpt-4o-mini.
const PAPER: [(&str, [f64; 7]); 4] = [
    (
        "paper: zero-shot, Qwen2.5-7B",
        [2927.0, 89.49, 98.16, 8.51, 30.61, 12.51, 12.77],
    ),
    (
        "paper: AutoPatent, Qwen2.5-7B",
        [11433.0, 93.61, 98.79, 53.03, 31.68, 13.76, 19.08],
    ),
    (
        "paper: zero-shot, GPT-4o-mini",
        [1935.0, 91.48, 98.94, 3.32, 27.28, 10.06, 9.17],
    ),
    (
        "paper: AutoPatent, GPT-4o-mini",
        [13018.0, 96.92, 99.56, 50.83, 30.85, 11.24, 16.37],
    ),
];

/// Each patent under each strategy, the mean of each strategy, that of the granted patents themselves, and the
/// paper's results. Tokens of the granted patents are counted by `counter`.
pub fn patent_rows(
    suite: &PatentSuite,
    measured: &[PatentEvaluation],
    counter: &dyn TokenCounter,
) -> Vec<PatentRow> {
    let mut rows = Vec::new();
    let mut means = Vec::new();
    for evaluation in measured {
        let name = &evaluation.strategy;
        let items = evaluation.items.iter();
        let of_strategy: Vec<PatentRow> = items.map(|item| PatentRow::of(name, item)).collect();
        let all = of_strategy.len();
        let written = all - evaluation.failures();
        let of = match written == all {
            true => String::new(),
            false => format!(" ({written} of {all})"),
        };
        means.push(PatentRow::mean(format!("mean, {name}{of}"), &of_strategy));
        rows.extend(of_strategy);
    }
    rows.extend(means);
    let guide = Jurisdiction::Us.guide();
    let granted = suite.items.iter().map(|item| {
        let findings = check_patent(&item.truth, &guide);
        let text = item.truth.to_text();
        PatentRow {
            findings: Some(findings.len() as f64),
            tokens: Some(counter.count(&text) as f64),
            irr_02: Some(irr(&[&text], 0.2)),
            irr_04: Some(irr(&[&text], 0.4)),
            ..PatentRow::default()
        }
    });
    let granted: Vec<PatentRow> = granted.collect();
    rows.push(PatentRow::mean(
        "mean, the granted patents".into(),
        &granted,
    ));
    rows.extend(PAPER.map(PatentRow::published));
    rows
}

impl PatentRow {
    /// A patent that was written; without figures if that failed.
    fn of(strategy: &str, item: &WrittenItem) -> Self {
        let id = &item.answered.id;
        let Some(scores) = &item.scores else {
            return Self {
                name: format!("{id}, {strategy} (failed)"),
                ..Self::default()
            };
        };
        let [irr_02, irr_04, ..] = scores.irr.map(Some);
        let [char_bleu, rouge_1, rouge_2, rouge_l] =
            scores.paper().map(|share| Some(100.0 * share));
        let usage = &item.answered.usage;
        Self {
            name: format!("{id}, {strategy}"),
            missing: Some(item.missing().len() as f64),
            findings: Some(scores.findings.values().sum::<usize>() as f64),
            tokens: Some(scores.tokens as f64),
            irr_02,
            irr_04,
            char_bleu,
            rouge_1,
            rouge_2,
            rouge_l,
            calls: Some(usage.calls as f64),
            read: Some(usage.input_tokens as f64),
            written: Some(usage.output_tokens as f64),
            seconds: Some(item.seconds),
        }
    }

    /// The mean of each figure over the rows that have it.
    fn mean(name: String, rows: &[Self]) -> Self {
        let mut mean = Self {
            name,
            ..Self::default()
        };
        let mut rows = rows.to_vec();
        for figure in FIGURES {
            let known: Vec<f64> = rows.iter_mut().filter_map(|row| *figure(row)).collect();
            if !known.is_empty() {
                *figure(&mut mean) = Some(known.iter().sum::<f64>() / known.len() as f64);
            }
        }
        mean
    }

    fn published((name, figures): (&str, [f64; 7])) -> Self {
        let [tokens, irr_02, irr_04, char_bleu, rouge_1, rouge_2, rouge_l] = figures.map(Some);
        Self {
            name: name.to_owned(),
            tokens,
            irr_02,
            irr_04,
            char_bleu,
            rouge_1,
            rouge_2,
            rouge_l,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_over_what_is_known() {
        let row = |tokens| PatentRow {
            tokens,
            calls: Some(1.0),
            ..PatentRow::default()
        };
        let mean = PatentRow::mean("m".into(), &[row(Some(10.0)), row(None), row(Some(30.0))]);
        assert_eq!(
            (mean.tokens, mean.calls, mean.seconds),
            (Some(20.0), Some(1.0), None)
        );
    }
}
