//! Memory: an [`Archive`] of records of truth in SQLite, vector indexes derived from it behind
//! [`VectorIndex`], hybrid search over both ([`Memory`]), and what a controller needs to choose from
//! what was found: [`Ranking`] and [`pack`].

#![forbid(unsafe_code)]

mod archive;
mod embed;
mod index;
mod item;
mod memory;
mod namespace;
mod pack;
mod rank;

pub use archive::{
    Archive, Filter, Forgotten, Imported, NamespaceSummary, check_export, stands_apart,
};
pub use embed::{CachedEmbedder, HashingEmbedder};
pub use index::{ExactIndex, Hit, IndexStamp, Partition, Point, VectorIndex, check_index};
pub use item::{ItemId, Kind, MemoryItem, Moment, NewItem, Source, Validity, Written};
pub use memory::{
    Action, Consolidated, Found, Memory, Moved, Plan, Progress, Proposal, Query, Repaired, Search,
};
pub use namespace::{Namespace, NamespaceId};
pub use pack::{Candidate, Form, Packing, Reason, Verdict, pack};
pub use rank::{Ranking, Recency};
