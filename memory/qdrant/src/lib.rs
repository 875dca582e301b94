//! A Qdrant server as the vector index of an archive: [`QdrantIndex`], for those who outgrow a
//! machine.
//!
//! A crate of its own, because `qdrant-client` moves fast; none of its types appears here.

#![forbid(unsafe_code)]

mod failure;
mod index;
mod point;

pub use index::QdrantIndex;
