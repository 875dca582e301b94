//! The contract of `ChatModel`, over every implementation that needs no weights.

use std::{sync::Arc, time::Duration};

use catena_core::{ChatRequest, Format, ToolCall, ToolChoice};
use catena_models::{Reply, ScriptedModel, testing::assert_chat_model_conforms};

#[path = "conformance/anthropic.rs"]
mod anthropic;
#[path = "conformance/broken.rs"]
mod broken;
#[path = "conformance/layers.rs"]
mod layers;
#[path = "conformance/openai.rs"]
mod openai;

const COUNT: &str = "one two three four five six seven eight nine ten eleven twelve";

/// A model that does everything a model can.
fn able() -> ScriptedModel {
    let call = ToolCall::new("call_1", "submit", "{\"count\": 12}");
    let json = |request: &ChatRequest| matches!(request.format, Format::JsonSchema(_));
    let tool = |request: &ChatRequest| request.tool_choice == ToolChoice::Required;
    ScriptedModel::new()
        .reply_to(json, "{\"count\": 12}")
        .reply_to(tool, Reply::calling("", [call]))
        .otherwise(COUNT)
        .configure(|profile| {
            profile.logprobs = true;
            profile.json_schema = true;
            profile.tools = true;
        })
}

#[tokio::test]
async fn the_scripted_model_conforms() {
    assert_chat_model_conforms(Arc::new(ScriptedModel::new().otherwise(COUNT))).await;
}

#[tokio::test(start_paused = true)]
async fn the_scripted_model_conforms_with_every_setting() {
    let model = able()
        .configure(|profile| profile.message_overhead = 4)
        .latency(Duration::from_millis(20))
        .token_latency(Duration::from_millis(5));
    assert_chat_model_conforms(Arc::new(model.clone())).await;
    assert_eq!(model.in_flight(), 0);
    assert_eq!(model.profile().message_overhead, 4);
}
