//! What agents work with.
//!
//! - [`Document`]: texts from files.
//! - [`Sandbox`]: running code that a model wrote, in a [`Workspace`].

#![deny(unsafe_code)]

mod document;
mod sandbox;

pub use document::{Document, DocumentKind, MAX_DOCUMENT_BYTES};
pub use sandbox::{
    Captured, Command, Layer, Limits, Output, Sandbox, SandboxBuilder, Status, Workspace,
};
