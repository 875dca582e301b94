//! AutoPatent: what an inventor hands in ([`Draft`]), what comes out of it ([`Patent`]), the rules that a
//! patent office reads it by ([`check_patent`]), and the graph that writes it ([`AutoPatent`]).
//!
//! Nothing outside of `write` asks a model.

mod check;
mod document;
mod draft;
mod gaps;
mod guide;
mod write;

pub use check::{Finding, PatentPlace, Rule, Severity, check_patent};
pub use document::{Patent, PatentBlock, PatentClaim, PatentSection, SectionKind};
use draft::is_order;
pub use draft::{Draft, DraftFinding, DraftRule, Question, examine_draft};
pub use guide::{Guide, Jurisdiction, PatentPart, SectionRule, WordingRule};
pub use write::{
    AutoPatent, ClaimChange, Criterion, Examination, Glossary, ParagraphBasis, PatentFlow,
    PatentLength, PatentPiece, PatentTask, PatentWork, PgSection, PgSubsection, PgTree, Planning,
    Retrieval, Source, SourceShare, Subsection, SubsectionId, Term, Verdict, WrittenPatent,
    claims_changed, patent_basis,
};
