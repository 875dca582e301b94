//! Texts to vectors.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A vector of [`EmbedderProfile::dimensions`] numbers, of length 1.
pub type Embedding = Vec<f32>;

/// `async fn(&[String]) -> Result<Vec<Embedding>>`: one vector for each text, in order.
///
/// Inside an agent, pass it to [`Context::embed`](crate::Context::embed).
#[async_trait]
pub trait Embedder: Send + Sync + fmt::Debug {
    /// What it is. Constant over its life.
    fn profile(&self) -> &EmbedderProfile;

    /// Who embeds, for traces; as [`ModelProfile::provider`](crate::ModelProfile::provider). Default:
    /// `unknown`.
    fn provider(&self) -> &str {
        "unknown"
    }

    /// Embeds `texts`, in order.
    ///
    /// # Errors
    ///
    /// Any kind that says something about a provider; see the constructors of
    /// [`Error`](crate::Error).
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>>;
}

/// What a program has to know of an embedder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedderProfile {
    /// Its name: vectors of embedders with different names are not comparable.
    pub name: String,
    /// Numbers in a vector.
    pub dimensions: usize,
    /// The most tokens of a text; what is longer is cut by the embedder.
    pub max_tokens: usize,
}
