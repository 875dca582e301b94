//! A suite: items, how they are scored, and answers that are kept as they come.

use std::path::Path;

use catena_core::{Error, Result};

use crate::{Answered, Dataset, Item, Metric, Row, Strategy, Summary, kept::Kept, stats::SEED};

/// Items of a benchmark, and the metrics by which answers to them are scored.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The name of its file, without the ending.
    pub name: String,
    /// The items, in the order of the file.
    pub items: Vec<Item>,
    /// The metrics that are usual for it, the main one first.
    pub metrics: Vec<Metric>,
}

impl Suite {
    /// Reads a benchmark's file; the name tells which benchmark it is.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an unknown name, and those of [`Dataset::load`].
    pub fn load(path: &Path) -> Result<Self> {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let known = [
            ("hotpotqa", Dataset::HotpotQa),
            ("musique", Dataset::MuSiQue),
            ("2wiki", Dataset::TwoWiki),
            ("quality", Dataset::Quality),
            ("meetings", Dataset::QmSum),
        ];
        let dataset = known
            .iter()
            .find(|(word, _)| name.to_lowercase().contains(word))
            .map(|(_, dataset)| *dataset)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "{} is no benchmark that is known here",
                    path.display()
                ))
                .with_help(
                    "its name has to hold hotpotqa, musique, 2wiki, quality or meetings; or of other kinds quixbugs, \
                     dialogue, conv- or patent, or its folder's humanevalfix or patent",
                )
            })?;
        let metrics = match dataset {
            Dataset::Quality => vec![Metric::Accuracy],
            Dataset::QmSum => vec![Metric::Rouge1, Metric::Rouge2, Metric::RougeL],
            _ => vec![Metric::TokenF1, Metric::ExactMatch],
        };
        Ok(Self {
            items: dataset.load(path)?,
            name,
            metrics,
        })
    }

    /// Keeps the first `count` items.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.items.truncate(count);
        self
    }

    /// Answers the items that have no answer in `folder` yet, scores all of them, and tells
    /// `progress` of each answer. An item that fails is kept with its error, scores 0, and is
    /// tried again the next time.
    ///
    /// Answers are in `folder/SUITE/STRATEGY.jsonl`, a line each, flushed before the next item
    /// begins.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when the file holds answers of another setting; otherwise
    /// when the file cannot be read or written, or the run is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the answer under way and no other.
    pub async fn evaluate(
        &self,
        strategy: &dyn Strategy,
        folder: &Path,
        mut progress: impl FnMut(&Answered, usize),
    ) -> Result<Evaluation> {
        let mut kept = Kept::open(folder, &self.name, strategy.name(), &strategy.setting())?;
        let mut answers = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let answered: Answered = match kept.take(&item.id) {
                Some(answered) => answered,
                None => kept.keep(strategy.answer(item).await)?,
            };
            progress(&answered, answers.len() + 1);
            answers.push(answered);
        }
        Ok(Evaluation {
            strategy: strategy.name().to_owned(),
            metrics: self.metrics.clone(),
            items: self.items.clone(),
            answers,
        })
    }
}

/// The answers of one strategy to a suite.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The strategy's name.
    pub strategy: String,
    /// An answer to each item, in their order.
    pub answers: Vec<Answered>,
    metrics: Vec<Metric>,
    items: Vec<Item>,
}

impl Evaluation {
    /// The score of each item, in their order.
    pub fn scores(&self, metric: Metric) -> Vec<f64> {
        self.items
            .iter()
            .zip(&self.answers)
            .map(|(item, answered)| match answered.error {
                None => metric.score(&answered.answer, item),
                Some(_) => 0.0,
            })
            .collect()
    }

    /// How many items have no answer, because asking failed.
    pub fn failures(&self) -> usize {
        self.answers
            .iter()
            .filter(|answered| answered.error.is_some())
            .count()
    }

    /// The row of a table: mean and interval of each metric.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) without items.
    pub fn row(&self) -> Result<Row> {
        let mut row = Row::new(&self.strategy);
        for metric in &self.metrics {
            row.push(metric, Summary::bootstrap(&self.scores(*metric), SEED)?);
        }
        Ok(row)
    }
}
