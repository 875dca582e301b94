//! The nouns and the runtime of Catena: agents joined to typed [`Graph`]s, executed as [`Run`]s
//! within a [`Budget`], reaching models through a [`Context`] and recorded in a [`Journal`].
//!
//! This crate knows no provider: models, memory and tools implement its traits.

mod agent;
mod budget;
mod context;
mod digest;
mod error;
mod event;
mod graph;
mod journal;
mod model;
mod path;
mod prompt;
mod run;
mod segment;
mod tokens;

pub use agent::{Agent, FnAgent, Payload, agent};
pub use budget::Budget;
pub use context::Context;
pub use error::{Error, Result};
pub use event::{Event, EventKind};
pub use graph::{Fold, Graph, GraphBuilder, Node, Step};
pub use journal::{Effect, Entry, Journal, MemoryJournal, RunId, RunRecord, RunStatus};
pub use model::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, ChatStream, Cost, Delta, Embedder,
    EmbedderProfile, Embedding, FinishReason, Format, ModelProfile, Price, Role, Score, Scorer,
    TokenLogprob, ToolCall, ToolChoice, ToolSpec, Usage,
};
pub use path::NodePath;
pub use prompt::Prompt;
pub use run::{Outcome, Run, RunOptions};
pub use segment::{Chunk, Segmenter, lines, sentences};
pub use tokens::{ApproximateCounter, TokenCounter, WordCounter};
