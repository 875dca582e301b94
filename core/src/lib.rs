//! The nouns and the runtime of Catena: agents joined to typed [`Graph`]s, executed as [`Run`]s
//! within a [`Budget`], reaching models through a [`Context`] and recorded in a [`Journal`].
//!
//! This crate knows no provider: models, memory and tools implement its traits.
//!
//! Wiring that does not compile is explained in [reading wiring errors](_wiring_errors).

mod agent;
mod budget;
mod context;
mod digest;
mod error;
mod event;
mod graph;
mod interrupt;
mod journal;
mod model;
mod path;
mod prompt;
mod run;
mod segment;
mod telemetry;
mod tokens;

#[cfg(doc)]
#[doc = include_str!("../../docs/wiring-errors.md")]
pub mod _wiring_errors {}

pub use agent::{Agent, FnAgent, Payload, agent};
pub use budget::Budget;
pub use context::Context;
pub use error::{Error, Partial, Result};
pub use event::{CallKind, Event, EventKind, Recovery};
pub use graph::{
    Arm, EdgeShape, Fold, Gap, Graph, GraphBuilder, Inside, Node, NodeKind, NodeShape, OnFailure,
    Retry, Route, Routed, Shape, Step, on_failure,
};
pub use interrupt::Interrupt;
pub use journal::{
    Claim, Effect, Entry, Fingerprint, Journal, MemoryJournal, Numbered, RunEnd, RunId, RunRecord,
    RunStatus, RunSummary, check_journal, export_run,
};
#[cfg(feature = "sqlite")]
pub use journal::{Durability, SqliteJournal, SqliteJournalBuilder};
pub use model::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, ChatStream, Cost, Delta, Embedder,
    EmbedderProfile, Embedding, FinishReason, Format, ModelProfile, Price, Role, Score, Scorer,
    TokenLogprob, ToolCall, ToolChoice, ToolSpec, Usage, WorstCase,
};
pub use path::NodePath;
pub use prompt::Prompt;
pub use run::{Outcome, Run, RunOptions, open_interrupts};
pub use segment::{Chunk, Segmenter, lines, sentences};
pub use tokens::{ApproximateCounter, TokenCounter, WordCounter};
