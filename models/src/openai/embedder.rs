//! The embeddings endpoint.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use catena_core::{Embedder, EmbedderProfile, Embedding, Error, Result};
use serde::Serialize;
use serde_json::Value;

use super::builder::connection;
use crate::http::{Connection, Failure, Settings};

/// How many texts go in one request. OpenAI takes 2048, servers at home often 32.
const BATCH: usize = 32;

/// Embeds texts on a server that speaks OpenAI's embeddings protocol.
///
/// Texts go in batches of 32, one after the other. Vectors are brought to length 1. A vector with
/// another number of dimensions than the profile says is an error, and so is an answer that has not
/// one vector for each text.
///
/// # Example
///
/// ```no_run
/// use catena_core::Embedder;
/// use catena_models::OpenAiEmbedder;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let embedder = OpenAiEmbedder::builder("http://localhost:8080/v1", "all-minilm", 384).build()?;
/// let vectors = embedder.embed(&["a text".into(), "another".into()]).await?;
/// assert_eq!(vectors[0].len(), 384);
/// # Ok(()) }
/// ```
pub struct OpenAiEmbedder {
    connection: Connection,
    profile: EmbedderProfile,
    batch: usize,
}

/// Configures an [`OpenAiEmbedder`]; made by [`OpenAiEmbedder::builder`].
#[derive(Clone, Debug)]
pub struct OpenAiEmbedderBuilder {
    settings: Settings,
    profile: EmbedderProfile,
    batch: usize,
}

impl OpenAiEmbedder {
    /// Configures the embedder that a server has under the name `model`, whose vectors have
    /// `dimensions` numbers. `base_url` is the root of the server's API.
    pub fn builder(
        base_url: impl Into<String>,
        model: impl Into<String>,
        dimensions: usize,
    ) -> OpenAiEmbedderBuilder {
        let model = model.into();
        OpenAiEmbedderBuilder {
            settings: Settings::new(base_url.into(), model.clone()),
            profile: EmbedderProfile {
                name: model,
                dimensions,
                max_tokens: 512,
            },
            batch: BATCH,
        }
    }

    async fn batch(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let body = Body {
            model: &self.profile.name,
            input: texts,
            encoding_format: "float",
        };
        let accepted = self.connection.post("embeddings", &body, || 1).await?;
        let body = self.connection.whole(accepted).await?;
        let endpoint = &self.connection.endpoint;
        let malformed =
            |what: String| Error::malformed_output(format!("{}: {what}", endpoint.asking()));
        let json: Value = serde_json::from_slice(&body)
            .map_err(|error| malformed("the answer is not JSON".into()).with_source(error))?;
        if let Some(failure) = Failure::read(&json) {
            return Err(endpoint.refusal(failure.implied_status(), &failure, None, || 1));
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        for (place, entry) in entries(&json).enumerate() {
            let index = entry.get("index").and_then(Value::as_u64);
            let index = index.map_or(place, |index| index as usize);
            let vector = vector(entry);
            let (found, dimensions) = (vector.len(), self.profile.dimensions);
            if found != dimensions {
                return Err(malformed(format!(
                    "a vector has {found} numbers, and {dimensions} are expected"
                )));
            }
            match vectors.get_mut(index) {
                Some(free) if free.is_empty() => *free = normalised(vector),
                _ => return Err(malformed(format!("there is no text for vector {index}"))),
            }
        }
        match vectors.iter().position(Vec::is_empty) {
            Some(index) => Err(malformed(format!("there is no vector for text {index}"))),
            None => Ok(vectors),
        }
    }
}

impl OpenAiEmbedderBuilder {
    /// Sends this key as a bearer token. Default: none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// Sends this header with each request. Its value is treated as a secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.headers.push((name.into(), value.into()));
        self
    }

    /// The most tokens of a text; a server cuts or refuses what is longer. Default: 512.
    #[must_use]
    pub fn max_tokens(mut self, tokens: usize) -> Self {
        self.profile.max_tokens = tokens;
        self
    }

    /// How many texts go in one request, at least one. Default: 32.
    #[must_use]
    pub fn batch(mut self, texts: usize) -> Self {
        self.batch = texts.max(1);
        self
    }

    /// How long to wait for a connection, and then for the answer. Default: 120 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a whole answer to one batch may take. Default: an hour.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Makes the embedder. No connection is made yet.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if the base URL is not an http or https URL, or if the key
    /// or a header cannot be sent.
    pub fn build(self) -> Result<OpenAiEmbedder> {
        Ok(OpenAiEmbedder {
            connection: connection(self.settings)?,
            profile: self.profile,
            batch: self.batch,
        })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
}

/// The vectors' entries: mostly below `data`, of old llama.cpp servers the list itself.
fn entries(json: &Value) -> impl Iterator<Item = &Value> {
    let list = json.get("data").unwrap_or(json).as_array();
    list.into_iter().flatten()
}

/// The numbers of an entry; some servers put them into a list of their own.
fn vector(entry: &Value) -> Embedding {
    let mut numbers = entry.get("embedding").unwrap_or(entry);
    if let Some(inner @ Value::Array(_)) = numbers.get(0) {
        numbers = inner;
    }
    let numbers = numbers.as_array().into_iter().flatten();
    numbers
        .filter_map(|number| Some(number.as_f64()? as f32))
        .collect()
}

fn normalised(mut vector: Embedding) -> Embedding {
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
    vector
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn profile(&self) -> &EmbedderProfile {
        &self.profile
    }

    fn provider(&self) -> &str {
        "openai"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(self.batch) {
            vectors.extend(self.batch(batch).await?);
        }
        Ok(vectors)
    }
}

impl fmt::Debug for OpenAiEmbedder {
    /// Leaves out the key and the headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiEmbedder")
            .field("url", &self.connection.endpoint.url)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
