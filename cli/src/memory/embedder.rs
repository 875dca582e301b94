//! What makes vectors of texts.

use std::sync::Arc;

use catena_core::Embedder;
use catena_memory::{CachedEmbedder, HashingEmbedder};
use catena_models::{OpenAiEmbedder, Vendor};

use super::{onnx, place::EmbedderChoice};
use crate::{
    config::Config,
    failure::{Failure, USAGE},
    reading::as_usage,
    remote::{Address, deadline},
};

/// The embedder of a name; a model of the catalogue is fetched first, if need be.
pub(crate) async fn embedder(
    choice: &EmbedderChoice,
    config: &Config,
    quiet: bool,
) -> Result<Arc<dyn Embedder>, Failure> {
    let embedder: Arc<dyn Embedder> = match choice {
        EmbedderChoice::Hashing => return Ok(Arc::new(HashingEmbedder::new())),
        EmbedderChoice::MiniLm => Arc::new(onnx::minilm(quiet).await?),
        EmbedderChoice::Onnx(folder) => Arc::new(onnx::of_folder(folder, quiet).await?),
        EmbedderChoice::OpenAi(name, dimensions) => Arc::new(remote(name, *dimensions, config)?),
    };
    Ok(Arc::new(CachedEmbedder::new(embedder)))
}

/// An embedder on the server that answers for `openai:NAME`, with the same key, headers and patience.
fn remote(name: &str, dimensions: usize, config: &Config) -> Result<OpenAiEmbedder, Failure> {
    let vendor = Vendor::OpenAi;
    let address = Address::complete(vendor, &format!("the embedder '{name}'"), config);
    let Address { url, key, .. } = address.map_err(|failure| failure.code(USAGE))?;
    let mut builder = OpenAiEmbedder::builder(url, name, dimensions);
    if let Some(key) = key {
        builder = builder.api_key(key);
    }
    let settings = config.server(vendor);
    for (name, value) in &settings.headers {
        builder = builder.header(name, value);
    }
    if let Some(timeout) = config.requests.or(settings.requests()).timeout {
        builder = builder.timeout(timeout).deadline(deadline(timeout));
    }
    builder.build().map_err(as_usage)
}
