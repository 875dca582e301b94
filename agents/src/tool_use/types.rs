//! What goes through the graph of a model with tools, and out of it.

use catena_core::{ChatMessage, ToolCall};
use catena_tools::ToolOutcome;
use serde::{Deserialize, Serialize};

/// How a model calls tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Calling {
    /// By itself: the tools are part of the request, and the calls of the answer. Several at once.
    Native,
    /// In a JSON object that it is asked for in words, and held to by a schema if its
    /// [profile](catena_core::ModelProfile::json_schema) says that it can be; an answer that is none is
    /// sent back twice. One call at a time.
    Json,
}

/// What happens when a model has called tools as often as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnLimit {
    /// It is asked once more, without tools, and has to answer from what it knows by then.
    #[default]
    Answer,
    /// If it calls once more, the run fails with an error that
    /// [`is_step_limit`](catena_core::Error::is_step_limit).
    Fail,
}

/// What a model with tools returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolAnswer {
    /// The answer.
    pub text: String,
    /// The calls that it made or tried, in their order.
    pub used: Vec<ToolUse>,
    /// Whether it had to answer because it may call no more tools.
    pub out_of_steps: bool,
    /// Whether the answer was cut off at the most tokens that it may have.
    pub cut: bool,
}

/// A call, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The tool's name, as the model gave it.
    pub tool: String,
    /// The arguments as the model wrote them.
    pub arguments: String,
    /// How it ended.
    pub outcome: ToolOutcome,
    /// What the model was told.
    pub result: String,
}

/// The conversation so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) messages: Vec<ChatMessage>,
    pub(super) used: Vec<ToolUse>,
    /// How often tools were called.
    pub(super) steps: usize,
    /// Which messages are results, in their order.
    pub(super) results: Vec<usize>,
    /// How many of the results are those of the last calls.
    pub(super) fresh: usize,
}

impl State {
    pub(super) fn new(messages: Vec<ChatMessage>) -> Self {
        Self {
            messages,
            used: Vec::new(),
            steps: 0,
            results: Vec::new(),
            fresh: 0,
        }
    }
}

/// What a model answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Turn {
    Act { state: State, calls: Vec<ToolCall> },
    Done(ToolAnswer),
}
