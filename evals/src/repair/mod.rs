//! Measuring repair: broken programs of benchmarks, rounds beside plain feedback and samples.

mod once;
mod read;
mod split;
mod strategy;
mod suite;

pub use read::{RepairItem, RepairSuite};
pub use strategy::{REPAIR_STRATEGIES, RepairStrategy, RepairedItem, Repairing, repair_strategies};
pub use suite::{Kind, RepairEvaluation, equal_tokens};
