//! The finished systems of Catena, each an ordinary agent graph.
//!
//! - [`ChainOfAgents`]: questions and summaries over documents of any length.
//! - [`MemoryChat`]: a conversation that never forgets and never overflows.
//! - [`AutoPatent`]: a whole patent from an inventor's [`Draft`], a [`Patent`] that [`check_patent`]
//!   reads by the rules of an office.
//! - [`Repairer`]: code that passes its tests, from code that does not.
//! - [`ToolAgent`]: a model that uses tools until it knows the answer.

#![forbid(unsafe_code)]

mod chain;
mod full_context;
mod memory;
mod patent;
mod prompts;
mod repair;
mod tool_use;
mod whole;

pub use chain::{
    ChainAnswer, ChainInput, ChainOfAgents, MultiPath, Notes, OnRefusal, Order, Passage, Place,
    Planned, Select, Task, Unit,
};
pub use full_context::FullContext;
pub use memory::{
    Ablation, Activated, Digest, DocumentMemory, MemoryChat, Message, Need, NeedReason, PastFact,
    Recall, RecalledFact, Reply, Summarise,
};
pub use patent::{
    AutoPatent, ClaimChange, Criterion, Draft, DraftFinding, DraftRule, Examination, Finding,
    Glossary, Guide, Jurisdiction, ParagraphBasis, Patent, PatentBlock, PatentClaim, PatentFlow,
    PatentLength, PatentPart, PatentPiece, PatentPlace, PatentSection, PatentTask, PatentWork,
    PgSection, PgSubsection, PgTree, Planning, Question, Retrieval, Rule, SectionKind, SectionRule,
    Severity, Source, SourceShare, Subsection, SubsectionId, Term, Verdict, WordingRule,
    WrittenPatent, check_patent, claims_changed, examine_draft, patent_basis,
};
pub use prompts::Prompts;
pub use repair::{
    BugCategory, BugType, Check, CheckStep, ClassifiedBy, Critique, Diagnostic, Fault, Form,
    Language, Method, PYTHON_EXCEPTIONS, RUST_CODES, RUST_MESSAGES, RUST_PANICS, Raw, RepairTask,
    Repaired, Repairer, Report, Round, Runner, SandboxRunner, ScriptedRunner, SourceFile, Stage,
    Stopped,
};
pub use tool_use::{
    Calling, OnLimit, RecallArguments, RecallMemory, ToolAgent, ToolAnswer, ToolUse,
};
