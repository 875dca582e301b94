//! Spans for `tracing`, named by the OpenTelemetry semantic conventions for generative AI,
//! version 1.41 (`gen_ai.*`, in development there).
//!
//! A run and its nodes are `invoke_agent` spans, calls are `chat`, `embeddings` and `execute_tool`.
//! A subscriber that exports to OpenTelemetry takes the span's name from `otel.name`. Prompts and
//! answers are in no span.
//!
//! A field of `tracing` cannot be an array: where the conventions ask for one, it is written as JSON
//! (`["stop"]`).

use std::future::Future;

use tracing::{Instrument, Span, field::Empty, info_span, trace_span};

use crate::{
    ChatRequest, ChatResponse, EmbedderProfile, Error, FinishReason, Format, ModelProfile,
    NodePath, RunId, Usage,
};

/// The provider of runs and nodes, which belong to no provider of models.
const SELF: &str = "catena";

/// A run.
pub(crate) fn run(name: &str, id: &RunId) -> Span {
    info_span!(
        "invoke_agent",
        otel.name = %format_args!("invoke_agent {name}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.provider.name = SELF,
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
        gen_ai.provider.name = SELF,
        gen_ai.agent.name = path.as_str(),
        error.type = Empty,
    )
}

/// A call to a chat model.
pub(crate) fn chat(profile: &ModelProfile, request: &ChatRequest) -> Span {
    let span = info_span!(
        "chat",
        otel.name = %format_args!("chat {}", profile.name),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = profile.provider.as_str(),
        gen_ai.output.type = output_type(&request.format),
        gen_ai.request.model = profile.name.as_str(),
        gen_ai.request.max_tokens = request.max_tokens,
        gen_ai.request.temperature = request.temperature,
        gen_ai.request.top_p = request.top_p,
        gen_ai.request.seed = request.seed,
        gen_ai.request.stop_sequences = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.response.finish_reasons = Empty,
        error.type = Empty,
    );
    if !request.stop.is_empty() && !span.is_disabled() {
        let stops = serde_json::Value::from(request.stop.as_slice());
        span.record("gen_ai.request.stop_sequences", stops.to_string());
    }
    span
}

/// Nothing, where a request does not ask for a form.
fn output_type(format: &Format) -> Option<&'static str> {
    match format {
        Format::Text => None,
        Format::JsonSchema(_) => Some("json"),
    }
}

/// A call to an embedder.
pub(crate) fn embeddings(profile: &EmbedderProfile, provider: &str) -> Span {
    let name = profile.name.as_str();
    info_span!(
        "embeddings",
        otel.name = %format_args!("embeddings {name}"),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "embeddings",
        gen_ai.provider.name = provider,
        gen_ai.request.model = name,
        gen_ai.embeddings.dimension.count = profile.dimensions,
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

/// Notes what a call used.
pub(crate) fn used(span: &Span, usage: &Usage) {
    span.record("gen_ai.usage.input_tokens", usage.input_tokens);
    span.record("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens);
    span.record("gen_ai.usage.output_tokens", usage.output_tokens);
}

/// Notes what a model answered.
pub(crate) fn answered(span: &Span, answer: &ChatResponse) {
    used(span, &answer.usage);
    let finish = match answer.finish {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::ToolCalls => "tool_calls",
    };
    span.record(
        "gen_ai.response.finish_reasons",
        format_args!("[\"{finish}\"]"),
    );
}

/// Notes that what a span is about failed.
pub(crate) fn failed(span: &Span, error: &Error) {
    span.record("otel.status_code", "error");
    span.record("error.type", error.kind_name());
}
