//! What agents work with: for now, [`Document`]s.

#![forbid(unsafe_code)]

mod document;

pub use document::{Document, DocumentKind, MAX_DOCUMENT_BYTES};
