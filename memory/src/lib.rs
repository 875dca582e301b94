//! Memory: an [`Archive`] of records of truth in SQLite, vector indexes derived from it behind
//! [`VectorIndex`], hybrid search over both, and what a controller needs to choose from what was
//! found.

#![forbid(unsafe_code)]

mod index;
mod item;
mod namespace;

pub use index::{ExactIndex, Hit, IndexStamp, Point, VectorIndex, check_index};
pub use item::ItemId;
pub use namespace::{Namespace, NamespaceId};
