//! The embedded vector index: qdrant-edge behind [`VectorIndex`](catena_memory::VectorIndex).

#![forbid(unsafe_code)]
