//! Every layer, around a model that can do everything, and all of them together.

use std::{sync::Arc, time::Duration};

use catena_core::{ChatMessage, ChatModel, ChatRequest, ChatResponse, WordCounter};
use catena_models::{
    ScriptedModel,
    layer::{
        Cache, ConcurrencyLimit, Fallback, RateLimit, Record, Replay, Retry, StructuredOutput,
    },
    testing::assert_chat_model_conforms,
};
use tempfile::tempdir;

use crate::able;

fn inner() -> Arc<dyn ChatModel> {
    let slow = able().configure(|profile| {
        profile.message_overhead = 3;
        profile.parallel = 2;
    });
    Arc::new(slow.token_latency(Duration::from_millis(5)))
}

/// A model that cannot be held to a schema, but does what it is told.
fn told() -> Arc<dyn ChatModel> {
    let told = ScriptedModel::new()
        .reply_to("this JSON Schema", "Here:\n```json\n{\"count\": 12}\n```")
        .otherwise(crate::COUNT);
    Arc::new(told)
}

#[tokio::test(start_paused = true)]
async fn retry_conforms() {
    assert_chat_model_conforms(Arc::new(Retry::new(inner()))).await;
    assert_chat_model_conforms(Arc::new(Retry::new(inner()).resend_started(true))).await;
}

#[tokio::test(start_paused = true)]
async fn the_rate_limit_conforms() {
    let model = RateLimit::new(inner())
        .requests_per_minute(2)
        .tokens_per_minute(1000);
    assert_chat_model_conforms(Arc::new(model)).await;
}

#[tokio::test(start_paused = true)]
async fn the_concurrency_limit_conforms() {
    assert_chat_model_conforms(Arc::new(ConcurrencyLimit::new(inner(), 1))).await;
}

#[tokio::test(start_paused = true)]
async fn the_cache_conforms() {
    let folder = tempdir().unwrap();
    assert_chat_model_conforms(Arc::new(Cache::new(inner(), folder.path()))).await;
}

#[tokio::test(start_paused = true)]
async fn recording_conforms_and_so_does_replaying_it() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tape.json");
    assert_chat_model_conforms(Arc::new(Record::new(inner(), &file))).await;
    let replay = Replay::open(&file).unwrap().counter(Arc::new(WordCounter));
    assert!(replay.profile().tools && replay.profile().logprobs);
    let replay = Arc::new(replay);
    assert_chat_model_conforms(replay.clone()).await;
    assert_eq!(replay.unused(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_conforms() {
    assert_chat_model_conforms(Arc::new(Fallback::new(inner()).or(inner()))).await;
}

#[tokio::test(start_paused = true)]
async fn structured_output_conforms() {
    for inner in [inner(), told()] {
        let model = StructuredOutput::new(inner);
        assert!(model.profile().json_schema);
        assert_chat_model_conforms(Arc::new(model)).await;
    }
}

/// All of them in the order of their documentation.
fn all(inner: Arc<dyn ChatModel>, folder: &std::path::Path) -> Arc<dyn ChatModel> {
    let model = Arc::new(ConcurrencyLimit::new(inner, 2));
    let model = Arc::new(RateLimit::new(model).requests_per_minute(60));
    let model = Arc::new(Retry::new(model));
    let model = Arc::new(Fallback::new(model.clone()).or(model));
    let model = Arc::new(StructuredOutput::new(model));
    let model = Arc::new(Cache::new(model, folder.join("cache")));
    Arc::new(Record::new(model, folder.join("tape.json")))
}

#[tokio::test(start_paused = true)]
async fn all_of_them_together_conform() {
    let folder = tempdir().unwrap();
    assert_chat_model_conforms(all(inner(), folder.path())).await;
}

#[tokio::test(start_paused = true)]
async fn a_layer_counts_as_the_model_does() {
    let folder = tempdir().unwrap();
    let inner = inner();
    let mut request = ChatRequest::new([ChatMessage::user("one two")]);
    request.messages.push(ChatResponse::default().message());
    let expected = inner.prompt_tokens(&request);
    assert_eq!(expected, 3 + 2 + 3);
    let model = all(inner, folder.path());
    assert_eq!(model.prompt_tokens(&request), expected);
    assert!(model.counter().is_exact());
}
