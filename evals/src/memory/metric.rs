//! How much of the evidence was activated, and how right the answer is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FromMemory;
use crate::{Conversation, Question};

/// How an answer from memory is scored, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemoryMetric {
    /// The share of the question's evidence that was activated.
    Recall,
    /// The same, of the first so many that were activated.
    RecallAt(usize),
    /// 1 if all of the evidence was activated.
    AllEvidence,
    /// [`token_f1`](crate::token_f1) of the answer, of questions that the conversation answers.
    TokenF1,
    /// 1 if the answer says that there is none, of questions that the conversation does not answer.
    Declined,
}

impl MemoryMetric {
    /// The score; `None` where the question has none by this metric.
    ///
    /// A failure scores 0. Turns of the same words are one: the archive holds them once.
    pub fn score(
        self,
        conversation: &Conversation,
        question: &Question,
        answer: &FromMemory,
    ) -> Option<f64> {
        let failed = answer.answered.error.is_some();
        let of_answer = || match failed {
            true => 0.0,
            false => question.score(&answer.answered.answer),
        };
        let recall = |most: usize| {
            let once = |turns: &[u64]| -> Vec<u64> {
                turns
                    .iter()
                    .map(|turn| conversation.first_said(*turn))
                    .collect()
            };
            let activated = answer.activated.get(..most).unwrap_or(&answer.activated);
            evidence_recall(&once(&question.evidence), &once(activated))
        };
        match self {
            Self::TokenF1 => question.answerable().then(of_answer),
            Self::Declined => (!question.answerable()).then(of_answer),
            _ if question.evidence.is_empty() => None,
            Self::Recall => Some(recall(usize::MAX)),
            Self::RecallAt(most) => Some(recall(most)),
            Self::AllEvidence => Some(f64::from(recall(usize::MAX) >= 1.0)),
        }
    }
}

impl fmt::Display for MemoryMetric {
    /// The heading of its column in a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recall => f.write_str("recall"),
            Self::RecallAt(most) => write!(f, "recall@{most}"),
            Self::AllEvidence => f.write_str("all evidence"),
            Self::TokenF1 => f.write_str("F1"),
            Self::Declined => f.write_str("declined"),
        }
    }
}

/// The share of `evidence` that is among `activated`; 1 where there is none to find.
///
/// # Example
///
/// ```
/// assert_eq!(catena_evals::evidence_recall(&[3, 7], &[9, 7, 1]), 0.5);
/// ```
pub fn evidence_recall(evidence: &[u64], activated: &[u64]) -> f64 {
    if evidence.is_empty() {
        return 1.0;
    }
    let found = evidence.iter().filter(|turn| activated.contains(turn));
    found.count() as f64 / evidence.len() as f64
}
