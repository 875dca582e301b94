//! Sentence models in process: fastembed behind [`Embedder`](catena_core::Embedder).

#![forbid(unsafe_code)]
