//! The nouns and the runtime of Catena.
//!
//! This crate knows no provider: models, memory and tools implement its traits.

mod error;
mod model;
mod path;
mod tokens;

pub use error::{Error, Result};
pub use model::{
    ChatMessage, ChatModel, ChatRequest, ChatResponse, ChatStream, Cost, Delta, Embedder,
    EmbedderProfile, Embedding, FinishReason, Format, ModelProfile, Price, Role, Score, Scorer,
    TokenLogprob, Usage,
};
pub use path::NodePath;
pub use tokens::{ApproximateCounter, TokenCounter, WordCounter};
