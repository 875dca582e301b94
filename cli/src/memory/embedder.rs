//! What makes vectors of texts.

use std::sync::Arc;

use catena_core::Embedder;
use catena_fastembed::FastEmbedder;
use catena_memory::{CachedEmbedder, HashingEmbedder};
use catena_models::{OpenAiEmbedder, catalog::ModelRef};

use super::place::EmbedderChoice;
use crate::{
    config::{Config, variable},
    failure::Failure,
    model,
    reading::as_usage,
};

/// The embedder of a name; a model of the catalogue is fetched first, if need be.
pub(crate) async fn embedder(
    choice: &EmbedderChoice,
    config: &Config,
    quiet: bool,
) -> Result<Arc<dyn Embedder>, Failure> {
    let embedder: Arc<dyn Embedder> = match choice {
        EmbedderChoice::Hashing => return Ok(Arc::new(HashingEmbedder::new())),
        EmbedderChoice::MiniLm => Arc::new(minilm(quiet).await?),
        EmbedderChoice::OpenAi(name, dimensions) => Arc::new(remote(name, *dimensions, config)?),
    };
    Ok(Arc::new(CachedEmbedder::new(embedder)))
}

/// The sentence model of the catalogue: three files, which are fetched like any model.
async fn minilm(quiet: bool) -> Result<FastEmbedder, Failure> {
    let [model, tokenizer, library] = ["minilm", "minilm-tokenizer", "onnxruntime"]
        .map(|name| async move { model::fetch(&ModelRef::parse(name)?, quiet).await });
    let (model, tokenizer, library) = (model.await?, tokenizer.await?, library.await?);
    Ok(FastEmbedder::load(model, tokenizer, library).await?)
}

/// An embedder on the server that answers for `openai:NAME`, with the same key and headers.
fn remote(name: &str, dimensions: usize, config: &Config) -> Result<OpenAiEmbedder, Failure> {
    let key = variable("CATENA_API_KEY");
    let (url, key) = match (variable("CATENA_BASE_URL"), variable("OPENAI_BASE_URL")) {
        (Some(url), _) => (url, key),
        (None, Some(url)) => (url, key.or_else(|| variable("OPENAI_API_KEY"))),
        (None, None) => match &config.openai.base_url {
            Some(url) => (url.clone(), key),
            None => {
                return Err(Failure::usage(format!(
                    "no server is configured for the embedder '{name}'"
                ))
                .help("set CATENA_BASE_URL, for example to http://localhost:8080/v1"));
            }
        },
    };
    let mut builder = OpenAiEmbedder::builder(url, name, dimensions);
    if let Some(key) = key {
        builder = builder.api_key(key);
    }
    for (name, value) in &config.openai.headers {
        builder = builder.header(name, value);
    }
    builder.build().map_err(as_usage)
}
