//! A Qdrant server as a [`VectorIndex`](catena_memory::VectorIndex).

#![forbid(unsafe_code)]
