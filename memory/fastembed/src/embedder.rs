//! The embedder.

use std::{
    error::Error as StdError,
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use catena_core::{Embedder, EmbedderProfile, Embedding, Error, Result};
use fastembed::{InitOptionsUserDefined, TextEmbedding};
use tokio::task;

use crate::{
    files::{self, Files, MAX_TOKENS},
    pieces::{self, Piece},
    runtime,
};

/// How many pieces of texts go through the model together.
const BATCH: usize = 32;

/// A sentence model in this process, with mean pooling. It reads 256 tokens at once: the vector of a longer
/// text is the mean of those of its pieces, by their tokens, and it takes as long as they do. Behind 32 pieces,
/// some 8,000 tokens, a text is cut.
///
/// Several calls at once take turns, batch by batch: the model has one state. The name in its
/// profile contains a digest of its files, so that vectors of a changed model are never taken for
/// those of the old one.
///
/// # Example
///
/// ```no_run
/// use catena_core::Embedder;
/// use catena_fastembed::FastEmbedder;
/// use catena_models::catalog::{Catalog, Store};
///
/// # async fn example() -> catena_core::Result<()> {
/// let (catalog, store) = (Catalog::builtin(), Store::default_location()?);
/// let embedder = FastEmbedder::load(
///     catalog.ensure("minilm", &store, |_| ()).await?,
///     catalog.ensure("minilm-tokenizer", &store, |_| ()).await?,
///     catalog.ensure("onnxruntime", &store, |_| ()).await?,
/// )
/// .await?;
/// let vectors = embedder.embed(&["A cat sleeps.".to_owned()]).await?;
/// assert_eq!(vectors[0].len(), 384);
/// # Ok(())
/// # }
/// ```
pub struct FastEmbedder {
    profile: EmbedderProfile,
    model: Arc<Mutex<TextEmbedding>>,
}

impl fmt::Debug for FastEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastEmbedder")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl FastEmbedder {
    /// Loads a `model` (an ONNX file), the `tokenizer` that belongs to it (a `tokenizer.json`), and
    /// ONNX Runtime 1.24 or later (`library`). A process loads the library once: later embedders
    /// use the one that is there. Takes about half a second, and 180 MB for all-MiniLM-L6-v2.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a file that is missing or is not what it should be; it
    /// is named.
    pub async fn load(
        model: impl AsRef<Path>,
        tokenizer: impl AsRef<Path>,
        library: impl AsRef<Path>,
    ) -> Result<Self> {
        let (path, tokenizer) = (model.as_ref().to_owned(), tokenizer.as_ref().to_owned());
        let library = library.as_ref().to_owned();
        let loaded = task::spawn_blocking(move || {
            let Files { name, model } = files::read(&path, &tokenizer)?;
            let options = InitOptionsUserDefined::new()
                .with_environment(runtime::start(&library)?)
                .with_max_length(MAX_TOKENS);
            let broken = |error: fastembed::Error| {
                Error::invalid(format!(
                    "{} is not a sentence model that can be used: {error}",
                    path.display()
                ))
                .with_help("give an ONNX file with its own tokenizer.json")
                .with_source(error)
            };
            let mut model =
                TextEmbedding::try_new_from_user_defined(model, options).map_err(broken)?;
            // Nothing else says how long its vectors are.
            let probe = model.embed(["a"], None).map_err(broken)?;
            Ok((name, probe.first().map_or(0, Vec::len), model))
        });
        let (name, dimensions, model) = loaded.await.map_err(stopped)??;
        Ok(Self {
            profile: EmbedderProfile {
                name,
                dimensions,
                max_tokens: pieces::MOST * (MAX_TOKENS - 2),
            },
            model: Arc::new(Mutex::new(model)),
        })
    }

    /// Has `work` done with the model, on a thread where that may block.
    async fn with<T: Send + 'static, E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static>(
        &self,
        work: impl FnOnce(&mut TextEmbedding) -> Result<T, E> + Send + 'static,
    ) -> Result<T> {
        let model = Arc::clone(&self.model);
        let done = task::spawn_blocking(move || {
            let mut model = model.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut model)
        });
        done.await.map_err(stopped)?.map_err(|error| {
            let error = error.into();
            Error::other(format!("the sentence model failed: {error}")).with_source(error)
        })
    }
}

/// # Cancel safety
///
/// Dropping the future stops after the batch that is in the model.
#[async_trait]
impl Embedder for FastEmbedder {
    fn profile(&self) -> &EmbedderProfile {
        &self.profile
    }

    fn provider(&self) -> &str {
        "fastembed"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let mut pieces = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let text = text.clone();
            let of_text = self.with(move |model| pieces::pieces(model, number, &text));
            pieces.extend(of_text.await?);
        }
        // Those of a batch are filled up to its longest.
        pieces.sort_by_key(|piece| piece.words.len());
        let mut sums = vec![Embedding::new(); texts.len()];
        for batch in pieces.chunks(BATCH) {
            let words: Vec<_> = batch.iter().map(|piece| piece.words.clone()).collect();
            let vectors = self.with(move |model| model.embed(&words, Some(BATCH)));
            for (Piece { text, tokens, .. }, vector) in batch.iter().zip(vectors.await?) {
                if let Some(sum) = sums.get_mut(*text) {
                    pieces::add(sum, &vector, *tokens);
                }
            }
        }
        Ok(sums.into_iter().map(pieces::mean).collect())
    }
}

fn stopped(error: task::JoinError) -> Error {
    match error.is_panic() {
        true => Error::panicked("the sentence model panicked").with_source(error),
        false => Error::cancelled(),
    }
}
