//! A second question about a text that a local model has read: `make weights` fetches the model.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use catena_agents::{ChainInput, ChainOfAgents};
use catena_core::{ChatModel, EventKind, Run, RunOptions};
use catena_local::{LocalModel, LocalOptions};
use catena_models::catalog::{Catalog, Status, Store};
use catena_tools::Document;
use futures::StreamExt;

const MODEL: &str = "qwen2.5-coder-0.5b";

/// What the workers of a chain had to read, and how long that took.
#[derive(Debug, Default)]
struct Read {
    chunks: usize,
    tokens: u64,
    time: Duration,
}

fn weights() -> PathBuf {
    let store = Store::default_location().unwrap();
    match Catalog::builtin().status(MODEL, &store).unwrap() {
        Status::Installed { path, .. } | Status::Unverified { path, .. } => path,
        other => panic!("the test needs its model: fetch it with `make weights` ({other:?})"),
    }
}

/// The opening of a novel.
fn text() -> String {
    let book =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/pride_and_prejudice.txt");
    fs::read_to_string(book).unwrap()[..6_000].to_owned()
}

/// Asks a question and adds up what the workers read before their first words.
async fn ask(model: &Arc<dyn ChatModel>, question: &str) -> Read {
    let chain = ChainOfAgents::new(Arc::clone(model)).build().unwrap();
    let input = ChainInput::question(vec![Document::new("novel", text())], question);
    let mut run = Run::start(chain, input, RunOptions::new("ask"));
    let (mut read, mut started) = (Read::default(), None);
    while let Some(event) = run.next().await {
        if !event.path.as_str().contains("/chain[") {
            continue;
        }
        match event.kind {
            EventKind::CallStarted { .. } => started = Some(event.at_us),
            EventKind::Text { .. } => {
                if let Some(started) = started.take() {
                    read.time += Duration::from_micros(event.at_us - started);
                }
            }
            EventKind::CallFinished { usage, .. } => {
                read.chunks += 1;
                read.tokens += usage.input_tokens - usage.cached_tokens;
            }
            _ => {}
        }
    }
    run.outcome().await.unwrap();
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_question_costs_at_most_a_quarter_of_the_first() {
    let model = LocalModel::load(weights(), LocalOptions::new());
    let model: Arc<dyn ChatModel> = Arc::new(model.await.unwrap());
    let first = ask(&model, "Who has taken Netherfield Park?").await;
    let second = ask(
        &model,
        "How many daughters do Mr. and Mrs. Bennet have at home?",
    )
    .await;
    println!("first {first:?}\nsecond {second:?}");
    assert!(first.chunks > 1, "{first:?}");
    assert!(4 * second.tokens <= first.tokens, "{first:?} {second:?}");
    assert!(4 * second.time <= first.time, "{first:?} {second:?}");
}
