//! Measuring agents: [`Suite`]s of [`Item`]s, [`Strategy`]s that answer them as durable runs,
//! [`Metric`]s, confidence intervals and tables.
//!
//! # Example: score two answers and print the table
//!
//! ```
//! use catena_evals::{Row, Summary, Table, token_f1};
//!
//! let scores = [
//!     token_f1("the red house", &["A red house"]),
//!     token_f1("a barn", &["Red house", "the farm house"]),
//! ];
//! let mut row = Row::new("chain");
//! row.push("F1", Summary::bootstrap(&scores, 7)?);
//! println!("{}", Table::from_iter([row]));
//! # Ok::<(), catena_core::Error>(())
//! ```

#![forbid(unsafe_code)]

mod conversation;
mod dataset;
mod jsonl;
mod kept;
mod memory;
mod metric;
mod patent;
mod repair;
mod stats;
mod strategy;
mod suite;
mod table;

pub use conversation::{Conversation, Conversations, Question, Turn};
pub use dataset::{Dataset, Item, Paragraph};
pub use memory::{
    Asking, Filled, FromMemory, MEMORY_STRATEGIES, MemoryEvaluation, MemoryMetric, MemoryStrategy,
    MemorySuite, RETRIEVALS, evidence_recall, memory_strategies, retrievals,
};
pub use metric::{
    Metric, chosen, exact_match, multiple_choice, normalize_answer, rouge_l, rouge_mean, rouge_n,
    token_f1,
};
pub use patent::{
    AutoPatentRouge, IRR_THRESHOLDS, Likeness, PATENT_STRATEGIES, PatentEvaluation, PatentItem,
    PatentRow, PatentScores, PatentStrategy, PatentSuite, PatentWriting, SKIPPED_ABOVE,
    WrittenItem, autopatent_rouge, bleu, char_bleu, derive_draft, irr, irr_ratio, patent_rows,
    patent_strategies, repeated_share, score_patent, treebank_words, word_bleu,
};
pub use repair::{
    Kind, REPAIR_STRATEGIES, RepairEvaluation, RepairItem, RepairStrategy, RepairSuite,
    RepairedItem, Repairing, equal_tokens, repair_strategies,
};
pub use stats::{Summary, paired_difference};
pub use strategy::{AgentStrategy, Answered, Scorable, Strategy};
pub use suite::{Evaluation, Suite};
pub use table::{Row, Score, Table};
