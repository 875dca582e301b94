//! What agents work with.
//!
//! - [`Document`]: texts from files.
//! - [`Tool`]: what a model may call, kept in a [`Toolbox`].
//! - [`Sandbox`]: running code that a model wrote, in a [`Workspace`].
//!
//! A tool is a type with arguments (or a function, with [`tool`]()); its JSON schema is derived from
//! them. The toolbox is what stands between a model and the tools: it refuses what is not in it,
//! checks arguments, asks a person where that was required, and tells the model what went wrong.

#![deny(unsafe_code)]

mod builtin;
mod document;
mod sandbox;
mod schema;
mod tool;
mod toolbox;
mod words;

pub use builtin::{
    CodeLanguage, ReadFile, ReadFileArguments, RunCode, RunCodeArguments, SearchArguments,
    SearchDocuments,
};
pub use document::{Document, DocumentKind, MAX_DOCUMENT_BYTES};
pub use sandbox::{
    Captured, Command, Layer, Limits, Output, Sandbox, SandboxBuilder, Status, Workspace,
};
pub use tool::{DynTool, FnTool, Tool, tool};
pub use toolbox::{Approval, ApprovalRequest, ToolOutcome, ToolResult, Toolbox};
pub use words::words;

/// Derives JSON schemas: `#[derive(JsonSchema)] #[schemars(crate = "catena::tools::schemars")]`.
pub use schemars;
pub use schemars::JsonSchema;
