//! The finished systems of Catena, each an ordinary agent graph.
//!
//! - [`ChainOfAgents`]: questions and summaries over documents of any length.
//! - [`MemoryChat`]: a conversation that never forgets and never overflows.

#![forbid(unsafe_code)]

mod chain;
mod full_context;
mod memory;
mod prompts;

pub use chain::{
    ChainAnswer, ChainInput, ChainOfAgents, MultiPath, Notes, OnRefusal, Order, Passage, Place,
    Planned, Select, Task, Unit,
};
pub use full_context::FullContext;
pub use memory::{
    Ablation, Activated, Digest, DocumentMemory, MemoryChat, Message, Need, NeedReason, PastFact,
    Recall, RecalledFact, Reply, Summarise,
};
pub use prompts::Prompts;
