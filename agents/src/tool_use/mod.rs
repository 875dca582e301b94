//! A model that uses tools until it knows the answer.

mod act;
mod ask;
mod fit;
mod json;
mod recall;
mod types;
mod written;

pub use recall::{RecallArguments, RecallMemory};
pub use types::{Calling, OnLimit, ToolAnswer, ToolUse};

use std::sync::Arc;

use catena_core::{ChatMessage, ChatModel, Context, Error, Graph, Result, agent, branch};
use catena_tools::Toolbox;
use serde::Serialize;

use self::{
    act::{Act, calls},
    ask::Ask,
    fit::Fitting,
    json::Json,
    types::{State, Turn},
};
use crate::Prompts;

/// Builds the graph of a model with tools: `begin` → `ask` → (`act` → `ask`)* → `answer`.
///
/// `ask` asks the model, which answers or calls tools; `act` makes the calls, side by side, and gives the
/// results back in the order of the calls; then the model is asked again. What a call may do is decided by
/// the [`Toolbox`], in code: a tool that is not in it cannot be called, whatever stands in a document or in
/// a result, and one that needs a person's approval waits for it
/// ([`ApprovalRequest`](catena_tools::ApprovalRequest)). A call that fails is told to the model.
///
/// A run that was killed, was cancelled, waits or has spent its budget is resumed like any other: no
/// finished call is made again.
///
/// A model that cannot call tools (its [profile](catena_core::ModelProfile::tools) says so) is asked for a
/// JSON object instead, one call at a time, constrained by a schema where that is possible; see
/// [`Calling`].
///
/// Each call is told as a note `tool.called`, beside the events of the call itself; old results that made
/// way as `tool.left_out`.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use catena_agents::ToolAgent;
/// use catena_core::{Context, Run, RunOptions, ToolCall};
/// use catena_models::{Reply, ScriptedModel};
/// use catena_tools::{JsonSchema, Toolbox, tool};
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// #[schemars(crate = "catena_tools::schemars")]
/// struct City {
///     city: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let weather = tool("weather", "The weather of a city.", |city: City, _cx: Context| async move {
///     Ok(format!("It snows in {}.", city.city))
/// });
/// let call = ToolCall::new("1", "weather", r#"{"city": "Oslo"}"#);
/// let model = ScriptedModel::new()
///     .configure(|profile| profile.tools = true)
///     .replies([Reply::calling("", [call]), Reply::from("Yes, it snows.")]);
///
/// let graph = ToolAgent::new(Arc::new(model), Toolbox::new().with(weather)?).build()?;
/// let task = "Do I need a coat in Oslo?".to_owned();
/// let run = Run::start(graph, task, RunOptions::new("coat"));
/// let answer = run.outcome().await?.output;
/// assert_eq!(answer.text, "Yes, it snows.");
/// assert_eq!(answer.used[0].result, "It snows in Oslo.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ToolAgent {
    model: Arc<dyn ChatModel>,
    tools: Toolbox,
    instructions: String,
    steps: usize,
    on_limit: OnLimit,
    width: usize,
    calling: Option<Calling>,
    answer_tokens: u32,
    result_tokens: usize,
    prompts: Prompts,
}

impl ToolAgent {
    /// For `model`, with these tools.
    pub fn new(model: Arc<dyn ChatModel>, tools: Toolbox) -> Self {
        Self {
            model,
            tools,
            instructions: "You are a helpful assistant.".to_owned(),
            steps: 8,
            on_limit: OnLimit::Answer,
            width: 4,
            calling: None,
            answer_tokens: 1024,
            result_tokens: 2048,
            prompts: Prompts::builtin(),
        }
    }

    /// What the model is told about itself and its task. Default: `You are a helpful assistant.`
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = instructions.into();
        self
    }

    /// How often the model may call tools, several at once being one time; and what happens when it
    /// would call more. Default: 8, and it has to [answer](OnLimit::Answer).
    #[must_use]
    pub fn steps(mut self, steps: usize, on_limit: OnLimit) -> Self {
        self.steps = steps;
        self.on_limit = on_limit;
        self
    }

    /// How many calls are made at the same time, at the most. Default: 4.
    #[must_use]
    pub fn width(mut self, calls: usize) -> Self {
        self.width = calls.max(1);
        self
    }

    /// How the model calls tools. Default: as its profile says.
    #[must_use]
    pub fn calling(mut self, calling: Calling) -> Self {
        self.calling = Some(calling);
        self
    }

    /// The most tokens that the model writes at a time. Default: 1024, and at most a quarter of the
    /// window.
    #[must_use]
    pub fn answer_tokens(mut self, tokens: u32) -> Self {
        self.answer_tokens = tokens;
        self
    }

    /// The most tokens of a result that the model is shown; it is told what is left out. Default: 2048,
    /// and at most a quarter of the window. When the conversation outgrows the window, the oldest
    /// results make way.
    #[must_use]
    pub fn result_tokens(mut self, tokens: usize) -> Self {
        self.result_tokens = tokens;
        self
    }

    /// Takes the prompts from elsewhere.
    #[must_use]
    pub fn prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = prompts;
        self
    }

    /// Builds the graph: a task goes in.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when there are no tools, and [`is_prompt`](Error::is_prompt)
    /// when a template is missing or broken. A task too long for the window shows when the graph runs.
    pub fn build(self) -> Result<Graph<String, ToolAnswer>> {
        if self.tools.is_empty() {
            return Err(Error::invalid("there are no tools to use")
                .with_help("add some to the toolbox, or ask the model without them"));
        }
        let profile = self.model.profile();
        let calling = self.calling.unwrap_or(match profile.tools {
            true => Calling::Native,
            false => Calling::Json,
        });
        let quarter = (profile.context_window / 4).max(1);
        let answer_tokens = self
            .answer_tokens
            .min(profile.max_output_tokens)
            .min(quarter);
        let fitting = Fitting {
            model: Arc::clone(&self.model),
            result_tokens: self.result_tokens.min(quarter as usize),
        };
        let json = Json {
            specs: self.tools.specs(),
            constrained: profile.json_schema,
            result: self.prompts.load("tool_use/result")?,
        };
        let begin = Begin {
            prompt: self.prompts.load(match calling {
                Calling::Native => "tool_use/native",
                Calling::Json => "tool_use/json",
            })?,
            instructions: self.instructions,
            tools: json::listed(&json.specs),
        };
        let ask = Ask {
            model: self.model,
            calling,
            json: json.clone(),
            last: self.prompts.load("tool_use/last")?,
            steps: self.steps,
            on_limit: self.on_limit,
            answer_tokens,
            fitting: fitting.clone(),
        };
        let act = Act {
            calls: calls(self.tools, self.width)?,
            calling,
            json,
            fitting,
        };

        let mut graph = Graph::builder("tool agent");
        let begin = graph.node(
            "begin",
            agent(move |task: String, _cx: Context| {
                let state = begin.state(&task);
                async move { state }
            }),
        );
        let ask = graph.node("ask", ask);
        let act = graph.node("act", act);
        let answer = graph.node(
            "answer",
            agent(|answer: ToolAnswer, _cx: Context| async move { Ok(answer) }),
        );
        let next = branch!(graph, "next", |turn: Turn| match turn {
            Turn::Act { state, calls } => act((state, calls)),
            Turn::Done(done) => answer(done),
        });
        graph.edge(begin, ask).edge(ask, next).edge(act, ask);
        graph.step_limit(self.steps.saturating_add(1));
        graph.build(begin, answer)
    }
}

/// The first node: the task becomes a conversation.
struct Begin {
    prompt: catena_core::Prompt,
    instructions: String,
    tools: String,
}

#[derive(Serialize)]
struct BeginVariables<'a> {
    instructions: &'a str,
    tools: &'a str,
    task: &'a str,
}

impl Begin {
    fn state(&self, task: &str) -> Result<State> {
        let messages: Vec<ChatMessage> = self.prompt.render(&BeginVariables {
            instructions: &self.instructions,
            tools: &self.tools,
            task,
        })?;
        Ok(State::new(messages))
    }
}
