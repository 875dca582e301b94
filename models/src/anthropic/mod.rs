//! Anthropic's own protocol, the Messages API.

mod builder;
mod request;
mod response;
mod schema;

pub use builder::AnthropicBuilder;
pub use request::Effort;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use catena_core::{ChatModel, ChatRequest, ChatStream, Format, ModelProfile, Result, TokenCounter};

use crate::http::{Answer, Connection, overflow};
use request::{Body, Habits, answers_by_tool};
use response::Events;

/// A model behind Anthropic's Messages API.
///
/// Answers are always streamed. The API holds an answer that must be JSON to a part of its schema: to types,
/// fields and enumerations. What else the schema asks for (a minimum, a longest text) is told in words, and
/// checked by [`StructuredOutput`](crate::layer::StructuredOutput). Objects have the fields that are named in
/// the schema, and one with fields of any name is refused. [Older models](AnthropicBuilder::output_format)
/// answer by way of a tool that they have to call: the schema then is that of an object, and the request
/// can bring no tools of its own.
///
/// A seed and log-probabilities cannot be had and are not asked for, and with models that
/// [refuse](AnthropicBuilder::sampling) them neither are a temperature and `top_p`. All system
/// messages of a request come before its first turn. A stop sequence of white space alone, which the API
/// refuses, is cut off here. The API's models from version 4.6 on refuse an answer that the request begins,
/// and the newest (Opus 5.5, Fable 5.1) a [tool that they have to call](catena_core::ToolChoice::Required); what they think
/// is no part of the answer, and is charged with it.
///
/// With [prompt caching](AnthropicBuilder::prompt_caching) the part of a prompt that stays the same
/// is marked for the provider's cache: tools and system messages, and all turns but the last.
///
/// It makes each request once. The errors are those of
/// [`OpenAiCompatible`](crate::OpenAiCompatible), and so are the limits on an answer's size.
///
/// # Example
///
/// ```no_run
/// use catena_core::{ChatMessage, ChatModel, ChatRequest, Price};
/// use catena_models::Anthropic;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// let model = Anthropic::from_env("claude-sonnet-4-5")?
///     .price(Price::per_million(3.0, 15.0))
///     .prompt_caching(true)
///     .build()?;
/// let answer = model
///     .chat(ChatRequest::new([ChatMessage::user("Name a colour.")]).max_tokens(8))
///     .await?;
/// println!("{} ({} tokens)", answer.text, answer.usage.output_tokens);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Anthropic {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    profile: ModelProfile,
    counter: Arc<dyn TokenCounter>,
    habits: Habits,
}

impl Anthropic {
    /// Configures the model with the name `model`.
    pub fn builder(model: impl Into<String>) -> AnthropicBuilder {
        AnthropicBuilder::new(model.into())
    }

    /// The same, with the key in `ANTHROPIC_API_KEY`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) if it is not set.
    pub fn from_env(model: impl Into<String>) -> Result<AnthropicBuilder> {
        AnthropicBuilder::from_vars(model.into(), |name| std::env::var(name).ok())
    }

    /// The root of the API, without what is secret in it: user, password and query.
    pub fn base_url(&self) -> &str {
        &self.inner.connection.endpoint.url
    }
}

#[async_trait]
impl ChatModel for Anthropic {
    fn profile(&self) -> &ModelProfile {
        &self.inner.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &self.inner.counter
    }

    /// As the default has it, with the schema of the answer, which is read too.
    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        let overhead = u64::from(self.profile().message_overhead);
        let count = |text: &str| overhead + self.counter().count(text) as u64;
        let schema = match &request.format {
            Format::JsonSchema(schema) => count(&schema.to_string()),
            _ => 0,
        };
        let messages = request.messages.iter().map(|message| {
            let calls = message.tool_calls.iter();
            let calls = calls.map(|call| count(&call.name) + count(&call.arguments));
            count(&message.content) + calls.sum::<u64>()
        });
        let tools = request.tools.iter().map(|tool| {
            count(&tool.name) + count(&tool.description) + count(&tool.parameters.to_string())
        });
        schema + messages.sum::<u64>() + tools.sum::<u64>()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let Inner {
            connection,
            profile,
            habits,
            ..
        } = &*self.inner;
        let endpoint = connection.endpoint.clone();
        let max_tokens = request.max_tokens.unwrap_or(profile.max_output_tokens);
        let body = Body::new(&endpoint.model, max_tokens, &request, *habits)?;
        let missing = || overflow(self, &request);
        let accepted = connection.post("messages", &body, missing).await?;
        let mut events = Events::new(answers_by_tool(&request, *habits).is_some());
        let decode = Box::new(move |json: &_| events.read(json));
        let model = Arc::new(self.clone());
        Ok(Answer::new(model, request, endpoint, accepted, decode).into_stream())
    }
}

impl fmt::Debug for Anthropic {
    /// Leaves out the key and the headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anthropic")
            .field("url", &self.inner.connection.endpoint.url)
            .field("profile", &self.inner.profile)
            .field("habits", &self.inner.habits)
            .finish_non_exhaustive()
    }
}
