//! The finished systems of Catena, each an ordinary agent graph.
//!
//! - [`ChainOfAgents`]: questions and summaries over documents of any length.

#![forbid(unsafe_code)]

mod chain;
mod full_context;
mod prompts;

pub use chain::{
    ChainAnswer, ChainInput, ChainOfAgents, MultiPath, Notes, OnRefusal, Order, Passage, Place,
    Planned, Select, Task, Unit,
};
pub use full_context::FullContext;
pub use prompts::Prompts;
