//! Measuring patents: AutoPatent's metrics as its authors coded them, and honest ones beside them.

mod bleu;
mod derive;
mod irr;
mod rouge;
mod score;
mod stop;
mod tokens;

pub use bleu::{bleu, char_bleu, word_bleu};
pub use derive::derive_draft;
pub use irr::{IRR_THRESHOLDS, irr, irr_ratio, repeated_share};
pub use rouge::{AutoPatentRouge, autopatent_rouge};
pub use score::{Likeness, PatentScores, SKIPPED_ABOVE, score_patent};
pub use tokens::treebank_words;
