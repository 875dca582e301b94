//! A suite: items, how they are scored, and answers that are kept as they come.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};

use crate::{Answered, Dataset, Item, Metric, Row, Strategy, Summary};

/// The seed of the intervals: the same answers give the same table.
const SEED: u64 = 2026;

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
                .with_help("its name has to hold hotpotqa, musique, 2wiki, quality or meetings")
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
        let path = folder
            .join(&self.name)
            .join(format!("{}.jsonl", strategy.name()));
        let (mut file, mut known) = open(&path, &strategy.setting())?;
        let mut answers = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let answered = match known.remove(&item.id) {
                Some(answered) => answered,
                None => {
                    let answered = strategy.answer(item).await;
                    append(&mut file, &answered).map_err(|error| unwritable(&path, error))?;
                    answered
                }
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

/// Opens a file of answers; what it holds of this setting by item, without failures.
fn open(path: &Path, setting: &str) -> Result<(File, HashMap<String, Answered>)> {
    let unusable = |error| unwritable(path, error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unusable)?;
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unusable(error)),
    };
    let mut known = HashMap::new();
    let mut whole = 0;
    for line in text.split_inclusive('\n') {
        // The process died in the middle of this line: its item is answered anew.
        let Ok(answered) = serde_json::from_str::<Answered>(line) else {
            if !line.ends_with('\n') {
                break;
            }
            return Err(Error::invalid(format!(
                "{} holds a line that is no answer",
                path.display()
            ))
            .with_help("name another folder, or remove the file"));
        };
        if answered.setting != setting {
            return Err(Error::invalid(format!(
                "{} holds answers with another setting: {} instead of {setting}",
                path.display(),
                answered.setting
            ))
            .with_help("name another folder, or remove the file"));
        }
        whole += line.len();
        if answered.error.is_none() {
            known.insert(answered.id.clone(), answered);
        }
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(unusable)?;
    file.set_len(whole as u64).map_err(unusable)?;
    Ok((file, known))
}

fn append(file: &mut File, answered: &Answered) -> io::Result<()> {
    let mut line = serde_json::to_vec(answered)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    let path: PathBuf = path.into();
    Error::other(format!(
        "{} cannot be kept up to date: {error}",
        path.display()
    ))
    .with_help("name a folder that can be written and has room")
    .with_source(error)
}
