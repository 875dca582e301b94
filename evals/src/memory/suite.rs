//! Conversations with their questions, and answers that are kept as they come.

use std::path::{Path, PathBuf};

use catena_core::{Error, Result};

use super::{Filled, FromMemory, MemoryMetric, MemoryStrategy};
use crate::{Conversation, Conversations, Question, Row, Summary, kept::Kept, stats::SEED};

/// Conversations of one file, and the questions about them.
#[derive(Clone, Debug)]
pub struct MemorySuite {
    /// The name of its file, without the ending.
    pub name: String,
    /// The data set that it belongs to.
    pub set: Conversations,
    /// The conversations that have questions, in the order of the file.
    pub conversations: Vec<Conversation>,
}

impl MemorySuite {
    /// Reads a file; its name tells which data set it belongs to.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an unknown name, and those of [`Conversations::load`].
    pub fn load(path: &Path) -> Result<Self> {
        let set = Conversations::of(path).ok_or_else(|| {
            Error::invalid(format!(
                "{} is no conversation that is known here",
                path.display()
            ))
            .with_help("its name has to hold dialogue or scm, conv- or locomo")
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: name.into_owned(),
            set,
            conversations: set.load(path)?,
        })
    }

    /// Keeps the first `count` questions, and the conversations that they are about.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        let mut left = count;
        for conversation in &mut self.conversations {
            conversation.questions.truncate(left);
            left -= conversation.questions.len();
        }
        self.conversations
            .retain(|conversation| !conversation.questions.is_empty());
        self
    }

    /// How many questions there are.
    pub fn questions(&self) -> usize {
        let counts = self.conversations.iter();
        counts
            .map(|conversation| conversation.questions.len())
            .sum()
    }

    /// Where the archive of its conversations belongs in a folder of answers: another one for each
    /// way in which [`summaries`](super::Asking::summaries) are made; without one, turns have none.
    pub fn archive(&self, folder: &Path, summaries: Option<&str>) -> PathBuf {
        let name = match summaries {
            Some(label) => format!("memory-{label}.db"),
            None => "memory.db".to_owned(),
        };
        folder.join(&self.name).join(name)
    }

    /// Asks the questions that have no answer in `folder` yet, each over its conversation in
    /// `filled`, and tells `progress` of each answer. A question that fails is kept with its error,
    /// scores 0, and is asked again the next time.
    ///
    /// Answers are in `folder/SUITE/STRATEGY.jsonl`, a line each, flushed before the next is asked.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when the file holds answers of another setting; otherwise
    /// when the file cannot be read or written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the answer under way and no other.
    pub async fn evaluate(
        &self,
        strategy: &dyn MemoryStrategy,
        filled: &[Filled],
        folder: &Path,
        mut progress: impl FnMut(&FromMemory, usize),
    ) -> Result<MemoryEvaluation> {
        let mut kept = Kept::open(folder, &self.name, strategy.name(), &strategy.setting())?;
        let mut answers: Vec<FromMemory> = Vec::with_capacity(self.questions());
        for (conversation, filled) in self.conversations.iter().zip(filled) {
            for question in &conversation.questions {
                let answer = match kept.take(&question.id) {
                    Some(answer) => answer,
                    None => kept.keep(strategy.answer(filled, question).await)?,
                };
                progress(&answer, answers.len() + 1);
                answers.push(answer);
            }
        }
        Ok(MemoryEvaluation {
            strategy: strategy.name().to_owned(),
            conversations: self.conversations.clone(),
            answers,
        })
    }
}

/// The answers of one strategy to a suite.
#[derive(Clone, Debug)]
pub struct MemoryEvaluation {
    /// The strategy's name.
    pub strategy: String,
    /// An answer to each question, in their order.
    pub answers: Vec<FromMemory>,
    conversations: Vec<Conversation>,
}

impl MemoryEvaluation {
    /// The scores of the questions that have one by a metric, in their order, with their categories.
    pub fn scores(&self, metric: MemoryMetric) -> Vec<(&str, f64)> {
        let scored = self.asked().zip(&self.answers);
        scored
            .filter_map(|((conversation, question), answer)| {
                let score = metric.score(conversation, question, answer)?;
                Some((question.category.as_str(), score))
            })
            .collect()
    }

    /// How many questions have no answer, because asking failed.
    pub fn failures(&self) -> usize {
        let failed = self.answers.iter();
        failed
            .filter(|answer| answer.answered.error.is_some())
            .count()
    }

    /// The row of a table: mean and interval of each metric by which questions have scores. Behind
    /// the name of a strategy whose turns did not all fit stands `(cut)`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when a score is not finite.
    pub fn row(&self, metrics: &[MemoryMetric]) -> Result<Row> {
        let mut row = Row::new(self.label());
        for metric in metrics {
            let scores: Vec<f64> = self
                .scores(*metric)
                .iter()
                .map(|(_, score)| *score)
                .collect();
            if !scores.is_empty() {
                row.push(metric, Summary::bootstrap(&scores, SEED)?);
            }
        }
        Ok(row)
    }

    /// The row of a table by a metric that has a column for each category, in the order in which they
    /// come up.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when a score is not finite.
    pub fn by_category(&self, metric: MemoryMetric) -> Result<Row> {
        let scores = self.scores(metric);
        let mut row = Row::new(self.label());
        for (category, _) in &scores {
            let of_it: Vec<f64> = scores
                .iter()
                .filter(|(other, _)| other == category)
                .map(|(_, score)| *score)
                .collect();
            row.push(category, Summary::bootstrap(&of_it, SEED)?);
        }
        Ok(row)
    }

    /// The tokens that all prompts for a question took together, controller's included.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) without answers.
    pub fn tokens(&self) -> Result<Summary> {
        let tokens = self.answers.iter();
        let tokens: Vec<f64> = tokens
            .map(|answer| answer.answered.usage.input_tokens as f64)
            .collect();
        Summary::bootstrap(&tokens, SEED)
    }

    fn label(&self) -> String {
        match self.answers.iter().any(|answer| answer.dropped > 0) {
            true => format!("{} (cut)", self.strategy),
            false => self.strategy.clone(),
        }
    }

    fn asked(&self) -> impl Iterator<Item = (&Conversation, &Question)> {
        self.conversations.iter().flat_map(|conversation| {
            let questions = conversation.questions.iter();
            questions.map(move |question| (conversation, question))
        })
    }
}
