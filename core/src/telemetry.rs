//! Spans for `tracing`, named by the OpenTelemetry semantic conventions for generative AI,
//! version 1.37 (`gen_ai.*`, in development there).
//!
//! A run and its nodes are `invoke_agent` spans, calls are `chat`, `embeddings` and `execute_tool`.
//! A subscriber that exports to OpenTelemetry takes the span's name from `otel.name`. Prompts and
//! answers are in no span.

use std::future::Future;

use tracing::{Instrument, Span, field::Empty, info_span, trace_span};

use crate::{ChatRequest, ChatResponse, Error, FinishReason, ModelProfile, NodePath, RunId};

/// A run.
pub(crate) fn run(name: &str, id: &RunId) -> Span {
    info_span!(
        "invoke_agent",
        otel.name = %format_args!("invoke_agent {name}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = name,
        gen_ai.conversation.id = id.as_str(),
        error.type = Empty,
    )
}

/// A node.
pub(crate) fn node(path: &NodePath) -> Span {
    trace_span!(
        "invoke_agent",
        otel.name = %format_args!("invoke_agent {path}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = path.as_str(),
        error.type = Empty,
    )
}

/// A call to a chat model.
pub(crate) fn chat(profile: &ModelProfile, request: &ChatRequest) -> Span {
    info_span!(
        "chat",
        otel.name = %format_args!("chat {}", profile.name),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.request.model = profile.name.as_str(),
        gen_ai.request.max_tokens = request.max_tokens,
        gen_ai.request.temperature = request.temperature,
        gen_ai.request.top_p = request.top_p,
        gen_ai.request.seed = request.seed,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.response.finish_reasons = Empty,
        error.type = Empty,
    )
}

/// A call to an embedder.
pub(crate) fn embeddings(name: &str) -> Span {
    info_span!(
        "embeddings",
        otel.name = %format_args!("embeddings {name}"),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "embeddings",
        gen_ai.request.model = name,
        error.type = Empty,
    )
}

/// A call to a tool.
pub(crate) fn tool(name: &str) -> Span {
    info_span!(
        "execute_tool",
        otel.name = %format_args!("execute_tool {name}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = name,
        error.type = Empty,
    )
}

/// Runs `work` in a span.
pub(crate) async fn within<T>(span: &Span, work: impl Future<Output = T>) -> T {
    // Without a subscriber the span costs nothing, and so should this.
    if span.is_disabled() {
        return work.await;
    }
    work.instrument(span.clone()).await
}

/// Notes what a model answered.
pub(crate) fn answered(span: &Span, answer: &ChatResponse) {
    span.record("gen_ai.usage.input_tokens", answer.usage.input_tokens);
    span.record("gen_ai.usage.output_tokens", answer.usage.output_tokens);
    let finish = match answer.finish {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::ToolCalls => "tool_calls",
    };
    span.record("gen_ai.response.finish_reasons", finish);
}

/// Notes that what a span is about failed.
pub(crate) fn failed(span: &Span, error: &Error) {
    span.record("otel.status_code", "error");
    span.record("error.type", error.kind_name());
}
