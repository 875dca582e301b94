//! Any server that speaks the chat completions protocol.

mod builder;
mod embedder;
mod preset;
mod request;
mod response;
mod schema;

pub use builder::OpenAiCompatibleBuilder;
pub use embedder::{OpenAiEmbedder, OpenAiEmbedderBuilder};
pub use preset::Preset;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use catena_core::{ChatModel, ChatRequest, ChatStream, Error, ModelProfile, Result, TokenCounter};
use serde_json::Value;

use crate::http::{Answer, Connection, overflow};
use request::{Body, Dialect};

/// A model behind the chat completions protocol: OpenAI's, or that of vLLM, llama.cpp, mistral.rs,
/// Ollama, LM Studio and most gateways.
///
/// Answers are always streamed; a server that sends one in a single piece is understood as well.
/// Usage that the server does not report is estimated with the [`TokenCounter`], as high as it may
/// be. A stop sequence that the server lets through is cut off here.
///
/// OpenAI holds an answer to its schema if each object in it requires all of its fields and allows no
/// others; with another schema the form is only asked for (not `strict`), and
/// [`StructuredOutput`](crate::layer::StructuredOutput) sees to it. Most servers hold it to any schema.
///
/// Tool calls come whole, at the end of an answer. For servers that are known by name see
/// [`Preset`].
///
/// It makes each request once and follows no redirect. A streamed answer may have 64 MiB on the
/// wire, one in a single piece 8 MiB, one event 1 MiB; what is longer is an error.
///
/// Cloning is cheap, and clones share their connections. Over plain http each request has one of its
/// own, since servers close those without warning.
///
/// # Example: a server on this machine
///
/// ```no_run
/// use catena_core::{ChatMessage, ChatModel, ChatRequest};
/// use catena_models::OpenAiCompatible;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let model = OpenAiCompatible::builder("http://localhost:8080/v1", "qwen2.5-7b-instruct")
///     .context_window(32_768)
///     .build()?;
/// let answer = model
///     .chat(ChatRequest::new([ChatMessage::user("Name a colour.")]).max_tokens(8))
///     .await?;
/// println!("{} ({} tokens)", answer.text, answer.usage.output_tokens);
/// # Ok(()) }
/// ```
///
/// # Errors of [`stream`](ChatModel::stream) and of the stream
///
/// | what happened | kind |
/// | --- | --- |
/// | no connection, silence, a broken stream, 408, 409, 425, 5xx, the deadline | unavailable |
/// | 429 | rate limited, with the delay of `Retry-After` |
/// | a prompt that is too long, by its label or wording | context overflow |
/// | 401, 403, 404, a spent account, a content filter, any other 4xx | refused |
/// | a redirect, a wrong certificate, no TLS | refused |
/// | an answer that is not what the protocol says, or is too long | malformed output |
#[derive(Clone)]
pub struct OpenAiCompatible {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    profile: ModelProfile,
    counter: Arc<dyn TokenCounter>,
    dialect: Dialect,
}

impl OpenAiCompatible {
    /// Configures the model that a server has under the name `model`. `base_url` is the root of the
    /// server's API, to which `/chat/completions` is added; it mostly ends in `/v1`.
    pub fn builder(
        base_url: impl Into<String>,
        model: impl Into<String>,
    ) -> OpenAiCompatibleBuilder {
        OpenAiCompatibleBuilder::new(base_url.into(), model.into())
    }

    /// Configures a model from the environment: the server is `CATENA_BASE_URL`, its key
    /// `CATENA_API_KEY`; if the former is not set, `OPENAI_BASE_URL` and `OPENAI_API_KEY`.
    ///
    /// `OPENAI_API_KEY` is never sent to the server of `CATENA_BASE_URL`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if neither URL is set.
    pub fn from_env(model: impl Into<String>) -> Result<OpenAiCompatibleBuilder> {
        OpenAiCompatibleBuilder::from_vars(model.into(), |name| std::env::var(name).ok())
    }

    /// The root of the server's API, without what is secret in it: user, password and query.
    pub fn base_url(&self) -> &str {
        &self.inner.connection.endpoint.url
    }

    /// The names of the models that the server has, as it lists them.
    ///
    /// # Errors
    ///
    /// As for a chat request; malformed output if the list is not one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the request; nothing is kept.
    pub async fn models(&self) -> Result<Vec<String>> {
        let connection = &self.inner.connection;
        let body = connection.get("models").await?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let models = json.get("data").and_then(Value::as_array).ok_or_else(|| {
            Error::malformed_output(format!(
                "{} sent no list of models",
                connection.endpoint.url
            ))
        })?;
        let names = models.iter().filter_map(|model| model.get("id")?.as_str());
        Ok(names.map(str::to_owned).collect())
    }
}

#[async_trait]
impl ChatModel for OpenAiCompatible {
    fn profile(&self) -> &ModelProfile {
        &self.inner.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &self.inner.counter
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let Inner {
            connection,
            dialect,
            ..
        } = &*self.inner;
        let endpoint = connection.endpoint.clone();
        self.inner.check(&request)?;
        let max_tokens = self.inner.max_tokens(&request);
        let body = Body::new(&endpoint.model, *dialect, max_tokens, &request);
        let missing = || overflow(self, &request);
        let accepted = connection.post("chat/completions", &body, missing).await?;
        let model = Arc::new(self.clone());
        let decode = Box::new(response::read);
        Ok(Answer::new(model, request, endpoint, accepted, decode).into_stream())
    }
}

impl Inner {
    fn check(&self, request: &ChatRequest) -> Result<()> {
        if request.messages.is_empty() {
            return Err(Error::invalid("a request needs at least one message"));
        }
        if request::continues_answer(request) && !self.dialect.continues_answers {
            return Err(Error::refused(format!(
                "{}: the server is not known to continue an answer that the request begins",
                self.connection.endpoint.asking()
            ))
            .with_help("turn on continues_answers() if it does (vLLM and llama.cpp do)"));
        }
        Ok(())
    }

    fn max_tokens(&self, request: &ChatRequest) -> u32 {
        request.max_tokens.unwrap_or(self.profile.max_output_tokens)
    }
}

impl fmt::Debug for OpenAiCompatible {
    /// Leaves out the key and the headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiCompatible")
            .field("url", &self.inner.connection.endpoint.url)
            .field("profile", &self.inner.profile)
            .field("counter", &self.inner.counter)
            .finish_non_exhaustive()
    }
}
