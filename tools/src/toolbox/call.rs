//! A call, from what the model wrote to what it is told.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
};

use catena_core::{Context, Error, Result, ToolCall};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Entry, ToolOutcome, ToolResult, Toolbox, arguments::outline};

/// What a person is asked before a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The tool.
    pub tool: String,
    /// What it would be called with.
    pub arguments: Value,
}

/// What a person says to it: in JSON `"approve"`, or `{"deny": "why"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Make the call.
    Approve,
    /// Do not, and tell the model why; nothing, if it is empty.
    Deny(String),
}

/// The note about a call.
#[derive(Serialize)]
struct Told<'a> {
    tool: &'a str,
    arguments: Value,
    outcome: ToolOutcome,
    bytes: usize,
}

impl Toolbox {
    /// Makes a call that a model asked for, and gives what the model is to be told. Of calls that are
    /// made side by side, each needs a node of its own: items of a `map`, for instance.
    ///
    /// In this order: a tool that is not in the toolbox is refused; arguments are checked against the
    /// schema; a person is asked, where the tool requires it, with an [`ApprovalRequest`] by the name of
    /// `approve`; the call is made, or answered from the journal; it is told as a note `tool.called`.
    ///
    /// A finished call is never made again by a resumed run. One that was cut off (a kill, a
    /// cancellation) is, if the tool is [repeatable](crate::Tool::repeatable), and otherwise is
    /// [uncertain](ToolOutcome::Uncertain).
    ///
    /// # Errors
    ///
    /// None that the model could do something about: those are results. Only what ends the run: an open
    /// question, a cancellation, a spent budget, a journal that cannot be written or does not fit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops that of the tool.
    pub async fn call(&self, call: &ToolCall, cx: &Context) -> Result<ToolResult> {
        let mut outlined = Value::Null;
        let result = self.checked(call, cx, &mut outlined).await?;
        cx.note(
            "tool.called",
            &Told {
                tool: &call.name,
                arguments: outlined,
                outcome: result.outcome,
                bytes: result.text.len(),
            },
        );
        Ok(result)
    }

    async fn checked(
        &self,
        call: &ToolCall,
        cx: &Context,
        outlined: &mut Value,
    ) -> Result<ToolResult> {
        let Some(entry) = self.entry(&call.name) else {
            let name: String = call.name.chars().take(80).collect();
            let there = self.listed();
            let why = format!("there is no tool '{name}'; there are: {there}");
            return Ok(ToolResult::refused(&why));
        };
        let arguments = match entry.arguments.read(&call.arguments) {
            Ok(arguments) => arguments,
            Err(wrong) => return Ok(ToolResult::refused(&wrong)),
        };
        *outlined = outline(&arguments);
        if entry.approval {
            let request = ApprovalRequest {
                tool: call.name.clone(),
                arguments: arguments.clone(),
            };
            match cx.interrupt("approve", &request).await? {
                Approval::Approve => {}
                Approval::Deny(reason) => return Ok(ToolResult::denied(&reason)),
            }
        }
        entry.make(arguments, cx).await
    }
}

impl Entry {
    async fn make(&self, arguments: Value, cx: &Context) -> Result<ToolResult> {
        let name = &self.spec.name;
        let first = self.tool.repeatable() || self.is_first(cx).await?;
        cx.tool(name, &arguments, async {
            match first {
                true => self.run(arguments.clone(), cx).await,
                // It was begun before, and has no result in the journal.
                false => Ok(ToolResult::uncertain()),
            }
        })
        .await
    }

    /// Whether the call is begun now and was not begun by an earlier attempt of the run: written
    /// down before anything is done.
    async fn is_first(&self, cx: &Context) -> Result<bool> {
        let first = AtomicBool::new(false);
        let begin = format!("begin {}", self.spec.name);
        cx.tool(&begin, &(), async {
            first.store(true, Ordering::Relaxed);
            Ok(())
        })
        .await?;
        Ok(first.into_inner())
    }

    async fn run(&self, arguments: Value, cx: &Context) -> Result<ToolResult> {
        let work = AssertUnwindSafe(self.tool.call(arguments, cx)).catch_unwind();
        let error = match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(Ok(text))) => return Ok(ToolResult::done(text)),
            Ok(Ok(Err(error))) if error.ends_the_run() => return Err(error),
            Ok(Ok(Err(error))) => error,
            Ok(Err(panic)) => Error::panicked(format!(
                "the tool '{}' panicked: {}",
                self.spec.name,
                said(&*panic)
            ))
            .with_help("do not call it again with these arguments"),
            Err(_) => Error::unavailable(format!(
                "the tool '{}' did not answer within {:?}",
                self.spec.name, self.timeout
            ))
            .with_help("ask for less, or go on without it"),
        };
        Ok(ToolResult::failed(&error))
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
