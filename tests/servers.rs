//! A small model behind llama.cpp's server that uses tools.
//!
//! `make test` runs these; by hand, with the Python that `scripts/venv.sh` makes and the weights of `make
//! weights`: `CATENA_SERVERS=$(scripts/venv.sh servers models/tests/servers/requirements.txt) cargo test
//! --test servers`.

#![allow(missing_docs)]

#[path = "servers/llama.rs"]
mod llama;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use catena::{
    ChatModel, Context, Run, RunOptions,
    agents::{Calling, ToolAgent, ToolAnswer},
    models::Preset,
    tools::{JsonSchema, ToolOutcome, Toolbox, tool},
};
use serde::Deserialize;

use llama::Llama;

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "catena::tools::schemars")]
struct Lamp {
    /// Its number.
    number: u32,
}

/// A tool that knows what no model can, and how often it was asked.
fn lamps(asked: &Arc<AtomicUsize>) -> Toolbox {
    let asked = Arc::clone(asked);
    let look = move |lamp: Lamp, _: Context| {
        asked.fetch_add(1, Ordering::SeqCst);
        async move {
            Ok(match lamp.number {
                7 => "The lamp is turquoise.",
                _ => "There is no such lamp.",
            })
        }
    };
    let look = tool("lamp_colour", "Tells the colour of a lamp.", look);
    Toolbox::new().with(look).unwrap()
}

async fn answer(agent: ToolAgent, task: &str) -> ToolAnswer {
    let graph = agent.build().unwrap();
    let run = Run::start(graph, task.to_owned(), RunOptions::new("run"));
    run.outcome().await.unwrap().output
}

fn model(llama: &Llama) -> Arc<dyn ChatModel> {
    let model = Preset::LlamaCpp.at(llama.base_url(), "qwen2.5-coder-0.5b");
    Arc::new(model.context_window(2048).build().unwrap())
}

/// What it makes of the result is not asked: a model of this size writes the call once more.
#[tokio::test]
async fn a_model_calls_a_tool_with_the_right_arguments() {
    let llama = Llama::start("qwen2.5-coder-0.5b").await;
    let asked = Arc::default();
    let agent = ToolAgent::new(model(&llama), lamps(&asked)).calling(Calling::Native);
    let answer = answer(agent, "Which colour is lamp number 7?").await;
    assert!(asked.load(Ordering::SeqCst) > 0, "{answer:?}");
    assert_eq!(answer.used[0].outcome, ToolOutcome::Done, "{answer:?}");
    assert_eq!(answer.used[0].arguments, r#"{"number":7}"#, "{answer:?}");
    assert_eq!(answer.used[0].result, "The lamp is turquoise.");
}
