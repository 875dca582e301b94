//! Sentence models in this process: [`FastEmbedder`], an ONNX model run by ONNX Runtime.
//!
//! A crate of its own, because `fastembed` and `ort` move fast; none of their types appears here.

#![forbid(unsafe_code)]

mod embedder;
mod files;
mod pieces;
mod runtime;

pub use embedder::FastEmbedder;
