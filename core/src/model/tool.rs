//! Tools that a model may call.

use serde::{Deserialize, Serialize};

/// What a model is told of a tool.
///
/// # Example: a tool with one argument
///
/// ```
/// use catena_core::{ChatMessage, ChatRequest, ToolSpec};
/// use serde_json::json;
///
/// let weather = ToolSpec::new(
///     "weather",
///     "The weather of a city, now.",
///     json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
/// );
/// let request = ChatRequest::new([ChatMessage::user("Do I need a coat in Oslo?")]).tools([weather]);
/// assert_eq!(request.tools[0].name, "weather");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// What the model calls it by: letters, digits, `_` and `-`, at most 64 of them.
    pub name: String,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

impl ToolSpec {
    /// A tool.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: serde_json::Value,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters,
        }
    }
}

/// A tool call that a model wants made. Its result goes back as a
/// [`ChatMessage::tool`](crate::ChatMessage::tool), after the
/// [message](crate::ChatMessage::assistant_calling) that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Tells the calls of one conversation apart.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them: mostly a JSON object, but a model can err.
    pub arguments: String,
}

impl ToolCall {
    /// A call.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        }
    }
}

/// Whether the model has to call a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// None, though it is told of them.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

impl ToolChoice {
    /// Whether it is the default, which is not written down: requests from before there were tools
    /// keep their digests.
    pub(crate) fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}
