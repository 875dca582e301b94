//! Measuring memory: what of a conversation is found again, and what is answered from it.

mod chat;
mod choose;
mod filled;
mod metric;
mod plain;
mod strategy;
mod suite;

pub use choose::{Asking, MEMORY_STRATEGIES, RETRIEVALS, memory_strategies, retrievals};
pub use filled::Filled;
pub use metric::{MemoryMetric, evidence_recall};
pub use strategy::{FromMemory, MemoryStrategy};
pub use suite::{MemoryEvaluation, MemorySuite};
