//! AutoPatent's deterministic half: what an inventor hands in ([`Draft`]) and what comes out of it
//! ([`Patent`]).
//!
//! Nothing here asks a model.

mod document;
mod draft;

pub use document::{Patent, PatentBlock, PatentClaim, PatentSection, SectionKind};
pub use draft::{Draft, Question};
