//! A real server, llama.cpp's, and the official client of the protocol that we speak: with them,
//! the protocol is not only what we think it is.
//!
//! `make test` runs these; by hand, with the Python that `scripts/venv.sh` makes:
//! `CATENA_SERVERS=$(scripts/venv.sh servers models/tests/servers/requirements.txt) cargo test -p
//! catena-models --test servers`.

#[path = "servers/cases.rs"]
mod cases;
#[path = "servers/llama.rs"]
mod llama;
#[path = "servers/recorder.rs"]
mod recorder;

use std::{process::Stdio, sync::Arc};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Embedder};
use catena_models::{
    OpenAiCompatible, OpenAiEmbedder, Preset, testing::assert_chat_model_conforms,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::process::Command;

use llama::{Llama, Purpose};
use recorder::Recorder;

const DIMENSIONS: usize = 576;

fn model(base_url: String) -> OpenAiCompatible {
    let model = Preset::LlamaCpp.at(base_url, "tiny").context_window(1024);
    model.build().unwrap()
}

fn embedder(base_url: String) -> OpenAiEmbedder {
    let embedder = OpenAiEmbedder::builder(base_url, "tiny", DIMENSIONS);
    embedder.build().unwrap()
}

/// Chat, streams, stop sequences, limits, JSON schemas, log-probabilities, several at once.
#[tokio::test]
async fn a_model_behind_llama_cpp_conforms() {
    let llama = Llama::start(Purpose::Chat).await;
    let model = model(llama.base_url());
    let mut profile = model.profile().clone();
    profile.tools = false;
    let model = Preset::LlamaCpp.at(llama.base_url(), "tiny");
    let model = model.profile(profile).build().unwrap();
    assert_chat_model_conforms(Arc::new(model)).await;
}

/// The server closes each connection after an answer, and says that it keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn none_of_many_requests_is_lost() {
    let llama = Llama::start(Purpose::Chat).await;
    let model = model(llama.base_url());
    let asked = (0..48).map(|number| {
        let question = ChatMessage::user(format!("{number}?"));
        model.chat(ChatRequest::new([question]).max_tokens(1))
    });
    let answers: Result<Vec<_>, _> = stream::iter(asked).buffer_unordered(8).try_collect().await;
    assert_eq!(answers.unwrap().len(), 48);
}

#[tokio::test]
async fn embeddings_of_llama_cpp_tell_near_from_far() {
    let llama = Llama::start(Purpose::Embeddings).await;
    let texts = [
        "The cat sleeps on the sofa.",
        "A cat is sleeping on a couch.",
        "Interest rates rose by a quarter of a point in March.",
    ];
    let vectors = embedder(llama.base_url());
    let vectors = vectors.embed(&texts.map(str::to_owned)).await.unwrap();
    let cosine = |a: usize, b: usize| -> f32 {
        let products = vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b);
        products.sum()
    };
    assert!((cosine(0, 0) - 1.0).abs() < 1e-3, "{}", cosine(0, 0));
    let (near, far) = (cosine(0, 1), cosine(0, 2));
    assert!(near > far + 0.1, "near {near}, far {far}");
}

/// The same requests from both clients: field by field the same bodies, and the same answers.
/// Tools are among what is asked; this model's chat template knows none and calls none.
#[tokio::test]
async fn openais_client_says_and_hears_the_same() {
    let llama = Llama::start(Purpose::Chat).await;
    let embeddings = Llama::start(Purpose::Embeddings).await;
    let chat_log = Recorder::before(llama.address()).await;
    let embeddings_log = Recorder::before(embeddings.address()).await;

    let theirs = official([chat_log.base_url(), embeddings_log.base_url()]).await;
    let their_bodies = [chat_log.take(), embeddings_log.take()];
    let mut ours = Vec::new();
    let model = model(chat_log.base_url());
    for case in cases::all() {
        ours.push(cases::told(&model.chat(case).await.unwrap()));
    }
    let texts = ["a cat".to_owned(), "a dog".to_owned()];
    let vectors = embedder(embeddings_log.base_url()).embed(&texts).await;
    ours.push(json!(vectors.unwrap()));
    let our_bodies = [chat_log.take(), embeddings_log.take()];

    for (ours, theirs) in our_bodies.iter().zip(&their_bodies) {
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(ours, theirs);
        }
    }
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!(cases::alike(ours, theirs), "{ours}\nis not\n{theirs}");
    }
}

/// What OpenAI's client hears.
async fn official(base_urls: [String; 2]) -> Vec<Value> {
    let output = Command::new(llama::python())
        .arg(llama::script("client.py"))
        .args(base_urls)
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "the client failed");
    let lines = String::from_utf8(output.stdout).unwrap();
    let answers = lines.lines().map(serde_json::from_str);
    answers.collect::<Result<_, _>>().unwrap()
}
