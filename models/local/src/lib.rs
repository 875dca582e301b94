//! Language models that run in this process: mistral.rs behind Catena's
//! [`ChatModel`](catena_core::ChatModel) and [`Scorer`](catena_core::Scorer).
//!
//! A [`LocalModel`] is a GGUF file, read from disk with nothing fetched:
//!
//! ```no_run
//! use catena_core::{ChatMessage, ChatModel, ChatRequest};
//! use catena_local::{LocalModel, LocalOptions};
//!
//! # async fn example() -> catena_core::Result<()> {
//! let model = LocalModel::load("smollm2.gguf", LocalOptions::new()).await?;
//! let request = ChatRequest::new([ChatMessage::user("Name a colour.")]).max_tokens(8);
//! println!("{}", model.chat(request).await?.text);
//! # Ok(())
//! # }
//! ```
//!
//! # From a request to text
//!
//! `prompt` renders the chat template and `counter` makes tokens of it, so a prompt is counted by
//! the very tokens that are sent. `engine` admits one request at a time, and replaces a thread that
//! died (`restarts` says how often) or whose prefix cache is full (`ledger` counts). In the engine, `sampling`
//! sees the logits of each step and picks the token; `reply` makes text of the tokens, ends it at
//! a stop sequence (`stop`) or at the end of a JSON value (`json`), and reports usage.
//!
//! Nothing of mistral.rs appears in a public signature.

mod counter;
mod decode;
mod engine;
mod gguf;
mod heap;
mod json;
mod ledger;
mod load;
mod memory;
mod model;
mod options;
mod paged;
mod prompt;
mod reply;
mod requantise;
mod restarts;
mod sampling;
mod score;
mod stop;
// The tests inside and outside share what names this crate from outside.
#[cfg(test)]
extern crate self as catena_local;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
#[cfg(test)]
mod tests;

pub use memory::Need;
pub use model::LocalModel;
pub use options::{Device, LocalOptions, Weights};
