//! The embedded vector index: [`EdgeIndex`], which is Qdrant in this process, without a server.
//!
//! A crate of its own, because `qdrant-edge` takes minutes to build and moves fast; none of its
//! types appears here.

#![deny(unsafe_code)]

mod disk;
mod failure;
mod heap;
mod index;
mod options;
mod point;
mod shard;
mod stamp;
mod store;
mod twice;
mod wal;

pub use index::EdgeIndex;
pub use options::EdgeOptions;
