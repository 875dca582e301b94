//! The request to a chat model, and what comes back.

use std::time::Duration;

use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, ToolCall, ToolChoice, ToolSpec, Usage, digest::sha256};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions of the program.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// The tools that the model called with it; of the model's turns only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The [`ToolCall::id`] whose result this is; of a tool's turns only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl ChatMessage {
    /// A turn of `role`.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// Instructions of the program.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// A turn of the one who asks.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// A turn of the model. As the last message of a request it is the beginning of the answer,
    /// which the model continues (models that cannot, refuse).
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// A turn of the model in which it called tools.
    pub fn assistant_calling(
        content: impl Into<String>,
        calls: impl IntoIterator<Item = ToolCall>,
    ) -> Self {
        Self {
            tool_calls: calls.into_iter().collect(),
            ..Self::assistant(content)
        }
    }

    /// The result of the tool call `id`.
    pub fn tool(id: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            tool_call_id: Some(id.into()),
            ..Self::new(Role::Tool, content)
        }
    }
}

/// The form that an answer must have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Free text.
    #[default]
    Text,
    /// JSON that satisfies this JSON Schema. Only for models whose
    /// [`json_schema`](crate::ModelProfile::json_schema) is set.
    JsonSchema(serde_json::Value),
}

/// What a model is asked.
///
/// # Example: a short, deterministic answer
///
/// ```
/// use catena_core::{ChatMessage, ChatRequest};
///
/// let request = ChatRequest::new([ChatMessage::user("Name a colour.")])
///     .max_tokens(8)
///     .stop(["\n"]);
/// assert_eq!(request.temperature, 0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The most tokens to generate. Default: the model's
    /// [`max_output_tokens`](crate::ModelProfile::max_output_tokens).
    pub max_tokens: Option<u32>,
    /// 0 (the default) takes the likeliest token each time.
    pub temperature: f32,
    /// Sample from the smallest set of tokens with this share of the probability. Default: 1.
    pub top_p: f32,
    /// With a temperature above 0: the same seed gives the same answer, where the model can.
    pub seed: Option<u64>,
    /// The answer ends before the first of these texts.
    pub stop: Vec<String>,
    /// The form of the answer.
    pub format: Format,
    /// How many alternatives to report with log-probabilities for each token. Default: none.
    pub logprobs: Option<u8>,
    /// The tools that the model may call. Only for models whose
    /// [`tools`](crate::ModelProfile::tools) is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// Whether it has to.
    #[serde(default, skip_serializing_if = "ToolChoice::is_auto")]
    pub tool_choice: ToolChoice,
}

impl ChatRequest {
    /// A request with the defaults named at each field.
    pub fn new(messages: impl IntoIterator<Item = ChatMessage>) -> Self {
        Self {
            messages: messages.into_iter().collect(),
            max_tokens: None,
            temperature: 0.0,
            top_p: 1.0,
            seed: None,
            stop: Vec::new(),
            format: Format::Text,
            logprobs: None,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
        }
    }

    /// Limits the answer's tokens.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Samples with this temperature.
    #[must_use]
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = temperature;
        self
    }

    /// Samples from the smallest set of tokens with this share of the probability.
    #[must_use]
    pub fn top_p(mut self, top_p: f32) -> Self {
        self.top_p = top_p;
        self
    }

    /// Samples with this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Ends the answer before the first of these texts.
    #[must_use]
    pub fn stop<S: Into<String>>(mut self, stop: impl IntoIterator<Item = S>) -> Self {
        self.stop = stop.into_iter().map(Into::into).collect();
        self
    }

    /// Asks for JSON that satisfies `schema`.
    #[must_use]
    pub fn json_schema(mut self, schema: serde_json::Value) -> Self {
        self.format = Format::JsonSchema(schema);
        self
    }

    /// Asks for log-probabilities of the chosen token and of `alternatives` others at each place.
    #[must_use]
    pub fn logprobs(mut self, alternatives: u8) -> Self {
        self.logprobs = Some(alternatives);
        self
    }

    /// Lets the model call these tools.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = ToolSpec>) -> Self {
        self.tools = tools.into_iter().collect();
        self
    }

    /// Says whether the model has to call a tool.
    #[must_use]
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// A digest of the model's name and of everything in the request, in hexadecimal: two requests
    /// with the same digest ask the same thing.
    pub fn digest(&self, model: &str) -> String {
        // A request holds strings, numbers and JSON: serialising it cannot fail.
        let request = serde_json::to_vec(self).unwrap_or_default();
        sha256(&[model.as_bytes(), &request])
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model was done, or came to a stop sequence.
    #[default]
    Stop,
    /// The answer came to its token limit.
    Length,
    /// The provider withheld the rest.
    ContentFilter,
    /// The model waits for the results of its tool calls.
    ToolCalls,
}

/// A token, with the natural logarithm of its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens at this place, likeliest first, as many as were asked for.
    pub top: Vec<(String, f32)>,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delta {
    /// Used besides the answer that is to come: by attempts that were given up, or by answers that
    /// were sent back. An error after it is one more call, of which nothing else has to be paid.
    Spent(Usage),
    /// An attempt failed, and another is made: told before the wait. What is used besides is
    /// [`Spent`](Self::Spent) after it. Whoever drops the stream here prevents the attempt.
    Retry {
        /// Why the attempt failed.
        error: Error,
        /// How long is waited before the next.
        wait: Duration,
        /// The most that the failed attempt used, which no
        /// [`worst_case`](crate::ChatModel::worst_case) knows of.
        usage: Usage,
    },
    /// Text to append.
    Text(String),
    /// Log-probabilities of the tokens since the last ones.
    Logprobs(Vec<TokenLogprob>),
    /// A tool call, whole.
    ToolCall(ToolCall),
    /// The end: nothing follows.
    End {
        /// Why it ended.
        finish: FinishReason,
        /// What the answer used, without what was [`Spent`](Self::Spent) before it.
        usage: Usage,
    },
}

/// The deltas of one answer.
pub type ChatStream = BoxStream<'static, Result<Delta>>;

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChatResponse {
    /// The answer's text.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// What the call used.
    pub usage: Usage,
    /// Log-probabilities of the answer's tokens, if they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<TokenLogprob>,
    /// The tools that the model called, in its order; to be called side by side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

impl ChatResponse {
    /// An answer that ended by itself.
    pub fn new(text: impl Into<String>, usage: Usage) -> Self {
        Self {
            text: text.into(),
            usage,
            ..Self::default()
        }
    }

    /// The turn of the conversation that this answer is.
    pub fn message(&self) -> ChatMessage {
        ChatMessage::assistant_calling(self.text.clone(), self.tool_calls.iter().cloned())
    }

    /// Appends a delta; `true` when it was the end.
    pub fn push(&mut self, delta: Delta) -> bool {
        match delta {
            Delta::Spent(usage) => self.usage += usage,
            Delta::Retry { .. } => {}
            Delta::Text(text) => self.text.push_str(&text),
            Delta::Logprobs(logprobs) => self.logprobs.extend(logprobs),
            Delta::ToolCall(call) => self.tool_calls.push(call),
            Delta::End { finish, usage } => {
                self.finish = finish;
                self.usage += usage;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_requests_apart() {
        let request = ChatRequest::new([ChatMessage::user("a")]);
        let digest = request.digest("m");
        assert_eq!(digest.len(), 64);
        assert_eq!(digest, request.clone().digest("m"));
        assert_ne!(digest, request.digest("n"));
        assert_ne!(digest, request.clone().max_tokens(1).digest("m"));
        assert_ne!(digest, request.clone().seed(0).digest("m"));
    }

    #[test]
    fn what_was_written_before_there_were_tools_is_read_and_written_alike() {
        let message = r#"{"role":"user","content":"a"}"#;
        let request = format!(
            r#"{{"messages":[{message}],"max_tokens":null,"temperature":0.0,"top_p":1.0,"seed":null,"stop":[],"format":"text","logprobs":null}}"#
        );
        let read: ChatRequest = serde_json::from_str(&request).unwrap();
        assert_eq!(read, ChatRequest::new([ChatMessage::user("a")]));
        assert_eq!(serde_json::to_string(&read).unwrap(), request);
        let answer = r#"{"text":"b","finish":"stop","usage":{"calls":1,"input_tokens":1,"cached_tokens":0,"output_tokens":1,"cost":0}}"#;
        let read: ChatResponse = serde_json::from_str(answer).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), answer);
    }

    #[test]
    fn tools_go_to_json_and_back() {
        let call = ToolCall::new("1", "weather", "{}");
        let weather = ToolSpec::new("weather", "?", serde_json::json!({"type": "object"}));
        let plain = ChatRequest::new([
            ChatMessage::user("a"),
            ChatMessage::assistant_calling("", [call.clone()]),
            ChatMessage::tool("1", "rain"),
        ]);
        let request = plain.clone().tools([weather]);
        assert_ne!(plain.digest("m"), request.digest("m"));
        let request = request.tool_choice(ToolChoice::Tool("weather".into()));
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<ChatRequest>(&json).unwrap(), request);

        let mut answer = ChatResponse::default();
        answer.push(Delta::ToolCall(call.clone()));
        assert_eq!(answer.message(), ChatMessage::assistant_calling("", [call]));
    }

    #[test]
    fn deltas_add_up_to_the_answer() {
        let mut answer = ChatResponse::default();
        assert!(!answer.push(Delta::Spent(Usage::call(0, 0))));
        assert!(!answer.push(Delta::Text("a ".into())));
        assert!(!answer.push(Delta::Text("b".into())));
        assert!(answer.push(Delta::End {
            finish: FinishReason::Length,
            usage: Usage::call(3, 2),
        }));
        assert_eq!(answer.text, "a b");
        assert_eq!(answer.finish, FinishReason::Length);
        assert_eq!(answer.usage, Usage::call(0, 0) + Usage::call(3, 2));
    }
}
