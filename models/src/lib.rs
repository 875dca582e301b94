//! Everything that answers a [`ChatRequest`](catena_core::ChatRequest).
//!
//! - [`OpenAiCompatible`]: any server that speaks the chat completions protocol; [`Preset`]: those
//!   that are known by name; [`OpenAiEmbedder`]: their embeddings.
//! - [`Anthropic`]: Anthropic's own protocol.
//! - [`Vendor`]: who has a model, by the prefix of its name.
//! - [`ScriptedModel`]: a deterministic model for tests and examples.
//! - [`layer`]: retries, limits, a cache and more, around any of them.
//! - [`measure`]: how fast a model is.
//! - [`catalog`]: models by name, and how their files get onto this machine.
//! - [`testing`]: the contract of [`ChatModel`](catena_core::ChatModel) as one function, for
//!   models of your own.
//!
//! # Example: a program without a network
//!
//! ```
//! use std::sync::Arc;
//!
//! use catena_core::{ChatMessage, ChatModel, ChatRequest};
//! use catena_models::ScriptedModel;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
//! let model: Arc<dyn ChatModel> = Arc::new(
//!     ScriptedModel::new()
//!         .reply_to("2 + 2", "4")
//!         .otherwise("Ask me about sums."),
//! );
//! let answer = model
//!     .chat(ChatRequest::new([ChatMessage::user("How much is 2 + 2?")]))
//!     .await?;
//! assert_eq!(answer.text, "4");
//! # Ok(()) }
//! ```

mod anthropic;
pub mod catalog;
mod http;
pub mod layer;
pub mod measure;
mod openai;
mod scripted;
mod stop;
pub mod testing;
mod vendor;

pub use anthropic::{Anthropic, AnthropicBuilder, Effort};
pub use openai::{
    OpenAiCompatible, OpenAiCompatibleBuilder, OpenAiEmbedder, OpenAiEmbedderBuilder, Preset,
};
pub use scripted::{Matcher, Reply, ScriptedModel};
pub use vendor::Vendor;
