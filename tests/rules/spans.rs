//! Spans for `tracing`, named by the OpenTelemetry conventions for generative AI.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use catena::{
    Context, Embedder, EmbedderProfile, Embedding, Error, Result, Run, RunOptions, agent,
    models::ScriptedModel,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::support::{alone, echo, say};

type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of every span.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(&'static str, Fields)>>>);

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("catena")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Reader(&mut fields));
        let mut spans = self.0.lock().unwrap();
        spans.push((span.metadata().name(), fields));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let index = usize::try_from(span.into_u64() - 1).unwrap();
        values.record(&mut Reader(&mut self.0.lock().unwrap()[index].1));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Spans {
    /// The fields of the one span with this `otel.name`.
    fn named(&self, name: &str) -> (&'static str, Fields) {
        let spans = self.0.lock().unwrap();
        let named = spans
            .iter()
            .filter(|(_, fields)| fields["otel.name"] == name);
        let named: Vec<_> = named.cloned().collect();
        assert_eq!(named.len(), 1, "{name} in {spans:#?}");
        named[0].clone()
    }
}

#[derive(Debug)]
struct Zeros(EmbedderProfile);

#[async_trait]
impl Embedder for Zeros {
    fn profile(&self) -> &EmbedderProfile {
        &self.0
    }

    fn provider(&self) -> &str {
        "nobody"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        Ok(vec![vec![0.0]; texts.len()])
    }
}

async fn work(text: String, cx: Context) -> Result<String> {
    let model = echo();
    let answer = cx
        .chat(&model, say(text).temperature(0.5).seed(7).stop(["\"", "é"]))
        .await?;
    let profile = EmbedderProfile {
        name: "zeros".to_owned(),
        dimensions: 1,
        max_tokens: 10,
    };
    cx.embed(&Zeros(profile), &["a".to_owned()]).await?;
    cx.tool("hammer", &(), async { Ok(()) }).await?;
    Ok(answer.text)
}

// Each test has the only thread of its runtime, so that the subscriber sees all of a run.

#[tokio::test]
async fn a_run_its_nodes_and_its_calls_are_spans_with_the_conventions_names() {
    let spans = Spans::default();
    let guard = tracing::subscriber::set_default(spans.clone());
    let run = Run::start(
        alone("work", agent(work)),
        "a secret".to_owned(),
        RunOptions::new("demo"),
    );
    let id = run.id().to_string();
    run.outcome().await.unwrap();
    drop(guard);

    let (kind, run) = spans.named("invoke_agent demo");
    assert_eq!(kind, "invoke_agent");
    assert_eq!(run["gen_ai.operation.name"], "invoke_agent");
    assert_eq!(run["gen_ai.agent.name"], "demo");
    assert_eq!(run["gen_ai.conversation.id"], id);
    assert_eq!(run["gen_ai.provider.name"], "catena");
    let (_, node) = spans.named("invoke_agent demo/work");
    assert_eq!(node["gen_ai.agent.name"], "demo/work");
    assert_eq!(node["gen_ai.provider.name"], "catena");
    assert!(!node.contains_key("error.type"));

    let (kind, chat) = spans.named("chat scripted");
    assert_eq!((kind, &*chat["otel.kind"]), ("chat", "client"));
    for (field, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "catena"),
        ("gen_ai.request.model", "scripted"),
        ("gen_ai.request.max_tokens", "10"),
        ("gen_ai.request.temperature", "0.5"),
        ("gen_ai.request.top_p", "1.0"),
        ("gen_ai.request.seed", "7"),
        ("gen_ai.usage.input_tokens", "2"),
        ("gen_ai.usage.output_tokens", "3"),
        ("gen_ai.usage.cache_read.input_tokens", "0"),
        // Arrays, of which `tracing` knows none, are JSON.
        ("gen_ai.request.stop_sequences", r#"["\"","é"]"#),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
    ] {
        assert_eq!(chat[field], value, "{field}");
    }
    assert!(!chat.contains_key("gen_ai.output.type"));
    let (kind, embeddings) = spans.named("embeddings zeros");
    assert_eq!(kind, "embeddings");
    assert_eq!(embeddings["gen_ai.operation.name"], "embeddings");
    assert_eq!(embeddings["gen_ai.provider.name"], "nobody");
    assert_eq!(embeddings["gen_ai.embeddings.dimension.count"], "1");
    let (kind, tool) = spans.named("execute_tool hammer");
    assert_eq!(kind, "execute_tool");
    assert_eq!(tool["gen_ai.tool.name"], "hammer");

    // Neither prompts nor answers are in a trace.
    let all = format!("{:?}", spans.0.lock().unwrap());
    assert!(!all.contains("secret"), "{all}");
}

#[tokio::test]
async fn what_failed_is_marked_up_to_the_run() {
    let spans = Spans::default();
    let guard = tracing::subscriber::set_default(spans.clone());
    let model = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
    let ask = alone("ask", crate::support::asker(&model));
    let run = Run::start(ask, "x".to_owned(), RunOptions::new("demo"));
    run.outcome().await.unwrap_err();
    drop(guard);
    for name in [
        "chat scripted",
        "invoke_agent demo/ask",
        "invoke_agent demo",
    ] {
        let (_, fields) = spans.named(name);
        assert_eq!(fields["otel.status_code"], "error", "{name}");
        assert_eq!(fields["error.type"], "unavailable", "{name}");
    }
}

async fn form(text: String, cx: Context) -> Result<String> {
    let request = say(text).json_schema(serde_json::json!({"type": "object"}));
    Ok(cx.chat(&echo(), request).await?.text)
}

#[tokio::test]
async fn the_form_of_an_answer_is_told() {
    let spans = Spans::default();
    let guard = tracing::subscriber::set_default(spans.clone());
    let graph = alone("work", agent(form));
    let run = Run::start(graph, "x".to_owned(), RunOptions::new("demo"));
    run.outcome().await.unwrap();
    drop(guard);
    let (_, chat) = spans.named("chat scripted");
    assert_eq!(chat["gen_ai.output.type"], "json");
    assert!(!chat.contains_key("gen_ai.request.stop_sequences"));
}
