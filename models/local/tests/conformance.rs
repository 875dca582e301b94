//! The contract of `ChatModel`, over a model in process, with a prefix cache and without one.

mod support;

use std::sync::Arc;

use catena_core::ChatModel;
use catena_local::{LocalModel, LocalOptions};
use catena_models::{
    layer::{Retry, StructuredOutput},
    testing::assert_chat_model_conforms,
};
use support::{SMALL, options, weights};

async fn model(options: LocalOptions) -> Arc<dyn ChatModel> {
    let model = LocalModel::load(weights(SMALL), options).await;
    Arc::new(model.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_model_conforms() {
    let model = model(options()).await;
    let profile = model.profile();
    assert!(profile.json_schema && profile.logprobs && profile.prefix_cache);
    assert_chat_model_conforms(model).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms_without_a_prefix_cache_and_under_layers() {
    let model = model(options().prefix_cache(0)).await;
    let model = Arc::new(Retry::new(model));
    assert_chat_model_conforms(Arc::new(StructuredOutput::new(model))).await;
}
