//! Measuring patents: AutoPatent's metrics as its authors coded them, and honest ones beside them.

mod bleu;
mod derive;
mod irr;
mod rouge;
mod score;
mod stop;
mod strategy;
mod suite;
mod table;
mod tokens;

pub use bleu::{bleu, char_bleu, word_bleu};
pub use derive::derive_draft;
pub use irr::{IRR_THRESHOLDS, irr, irr_ratio, repeated_share};
pub use rouge::{AutoPatentRouge, autopatent_rouge};
pub use score::{Likeness, PatentScores, SKIPPED_ABOVE, score_patent};
pub use strategy::{
    PATENT_STRATEGIES, PatentStrategy, PatentWriting, WrittenItem, patent_strategies,
};
pub use suite::{PatentEvaluation, PatentItem, PatentSuite};
pub use table::{PatentRow, patent_rows};
pub use tokens::treebank_words;
