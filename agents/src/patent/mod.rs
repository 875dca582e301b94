//! AutoPatent's deterministic half: what an inventor hands in ([`Draft`]), what comes out of it
//! ([`Patent`]), and the rules that a patent office reads it by ([`check_patent`]).
//!
//! Nothing here asks a model.

mod check;
mod document;
mod draft;
mod guide;

pub use check::{Finding, PatentPlace, Rule, Severity, check_patent};
pub use document::{Patent, PatentBlock, PatentClaim, PatentSection, SectionKind};
pub use draft::{Draft, Question};
pub use guide::{Guide, Jurisdiction, PatentPart, SectionRule, WordingRule};
