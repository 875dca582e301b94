//! Embedders that need no model, and what goes around any.

mod cached;
mod hashing;

pub use cached::CachedEmbedder;
pub use hashing::HashingEmbedder;
