//! Makes the calls that the model asked for.

use async_trait::async_trait;
use catena_core::{Agent, ChatMessage, Context, Graph, Inside, Result, ToolCall, agent};
use catena_tools::{ToolOutcome, ToolResult, Toolbox};

use super::{
    fit::Fitting,
    json::Json,
    types::{Calling, State, ToolUse},
};

/// Calls that are made of one answer; those after them are refused.
const MOST_CALLS: usize = 32;

#[derive(Debug)]
pub(super) struct Act {
    pub(super) calls: Graph<Vec<ToolCall>, Vec<ToolResult>>,
    pub(super) calling: Calling,
    pub(super) json: Json,
    pub(super) fitting: Fitting,
}

/// The graph that makes calls side by side, each in a node of its own.
pub(super) fn calls(tools: Toolbox, width: usize) -> Result<Graph<Vec<ToolCall>, Vec<ToolResult>>> {
    let mut graph = Graph::builder("calls");
    let call = graph.map(
        "call",
        width,
        agent(move |call: ToolCall, cx: Context| {
            let tools = tools.clone();
            async move { tools.call(&call, &cx).await }
        }),
    );
    graph.build(call, call)
}

#[async_trait]
impl Agent for Act {
    type Input = (State, Vec<ToolCall>);
    type Output = State;

    async fn run(&self, (mut state, calls): Self::Input, cx: &Context) -> Result<State> {
        let made: Vec<ToolCall> = calls.iter().take(MOST_CALLS).cloned().collect();
        let mut results = self.calls.run(made, cx).await?;
        results.resize_with(calls.len(), || ToolResult {
            text: format!("Error: at most {MOST_CALLS} calls are made at once. Call it again."),
            outcome: ToolOutcome::Refused,
        });
        state.steps += 1;
        state.fresh = calls.len();
        for (call, ToolResult { text, outcome }) in calls.into_iter().zip(results) {
            let shown = self.fitting.shown(&text);
            let message = match self.calling {
                Calling::Native => ChatMessage::tool(call.id, shown),
                Calling::Json => self.json.result(&call.name, &shown)?,
            };
            state.results.push(state.messages.len());
            state.messages.push(message);
            state.used.push(ToolUse {
                tool: call.name,
                arguments: call.arguments,
                outcome,
                result: text,
            });
        }
        Ok(state)
    }

    fn inside(&self) -> Inside {
        self.calls.inside()
    }
}
