//! The finished systems of Catena, each an ordinary agent graph.
//!
//! - [`ChainOfAgents`]: questions and summaries over documents of any length.
//! - [`MemoryChat`]: a conversation that never forgets and never overflows.
//! - [`Draft`], [`Patent`] and [`check_patent`]: what goes into and comes out of a patent draft, and
//!   the rules that it is read by.
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
    Draft, Finding, Guide, Jurisdiction, Patent, PatentBlock, PatentClaim, PatentPart, PatentPlace,
    PatentSection, Question, Rule, SectionKind, SectionRule, Severity, WordingRule, check_patent,
};
pub use prompts::Prompts;
pub use repair::{
    BugCategory, BugType, Check, CheckStep, ClassifiedBy, Critique, Diagnostic, Fault, Form,
    Language, Method, PYTHON_EXCEPTIONS, RUST_CODES, RUST_PANICS, Raw, RepairTask, Repaired,
    Repairer, Report, Round, Runner, SandboxRunner, ScriptedRunner, SourceFile, Stage, Stopped,
};
pub use tool_use::{
    Calling, OnLimit, RecallArguments, RecallMemory, ToolAgent, ToolAnswer, ToolUse,
};
