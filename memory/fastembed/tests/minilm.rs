//! The real model, as `make weights` fetches it.

use std::{fs, path::PathBuf, sync::Arc};

use catena_core::{Embedder, Embedding};
use catena_fastembed::FastEmbedder;
use catena_models::catalog::{Catalog, Status, Store};

/// The path of a file of the catalogue that is in the cache.
///
/// # Panics
///
/// If it is not there: a test without its model proves nothing, so it does not pass.
fn file(name: &str) -> PathBuf {
    let store = Store::default_location().unwrap();
    match Catalog::builtin().status(name, &store).unwrap() {
        Status::Installed { path, .. } | Status::Unverified { path, .. } => path,
        _ => panic!("the test needs {name}: fetch it with `make weights`"),
    }
}

async fn minilm() -> FastEmbedder {
    let [model, tokenizer, library] = ["minilm", "minilm-tokenizer", "onnxruntime"].map(file);
    FastEmbedder::load(model, tokenizer, library).await.unwrap()
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn cosine(a: &Embedding, b: &Embedding) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn alike_sentences_are_nearer_than_different_ones() {
    let embedder = minilm().await;
    let sentences = texts([
        "My sister adopted a small black dog.",
        "A puppy moved in with my sibling.",
        "The central bank raised interest rates.",
    ]);
    let vectors = embedder.embed(&sentences).await.unwrap();
    let (alike, different) = (
        cosine(&vectors[0], &vectors[1]),
        cosine(&vectors[0], &vectors[2]),
    );
    assert!(alike > 0.4 && different < 0.2, "{alike} {different}");
    assert_eq!(embedder.profile().dimensions, 384);
    for vector in &vectors {
        assert_eq!(vector.len(), 384);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
    }
}

#[tokio::test]
async fn a_batch_gives_what_one_by_one_gives_in_order() {
    let embedder = minilm().await;
    // Of every length, in no order, and more than one batch.
    let sentences: Vec<String> = (0..70_usize)
        .map(|i| format!("Item {i}: {}", "a word and another ".repeat(i * 13 % 17)))
        .collect();
    let together = embedder.embed(&sentences).await.unwrap();
    for (sentence, vector) in sentences.iter().zip(&together) {
        let alone = embedder
            .embed(std::slice::from_ref(sentence))
            .await
            .unwrap();
        let apart = alone[0].iter().zip(vector).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart < 1e-3, "{sentence}: {apart}");
    }
}

#[tokio::test]
async fn no_text_an_empty_one_and_a_very_long_one() {
    let embedder = minilm().await;
    assert!(embedder.embed(&[]).await.unwrap().is_empty());
    let long = "There is no end to this sentence and so ".repeat(50_000);
    let vectors = embedder.embed(&[String::new(), long]).await.unwrap();
    assert!(vectors.iter().flatten().all(|number| number.is_finite()));
}

#[tokio::test]
async fn what_stands_behind_the_first_256_tokens_counts() {
    let embedder = minilm().await;
    // Some 340 tokens.
    let opening =
        "It rained that week, and nobody left the house but to feed the hens. ".repeat(20);
    let lighthouse = "The keeper of the lighthouse collected blue butterflies in glass cases. ";
    let rates = "The central bank raised its rates, and the loans became dearer. ";
    let sentences = [
        format!("{opening}{}", lighthouse.repeat(8)),
        format!("{opening}{}", rates.repeat(8)),
        "Who collects butterflies?".to_owned(),
        "What became of interest and loans?".to_owned(),
    ];
    let vectors = embedder.embed(&sentences).await.unwrap();
    let [one, other, butterflies, loans] = &vectors[..] else {
        panic!("{} vectors", vectors.len());
    };
    let apart = [
        cosine(butterflies, one) - cosine(butterflies, other),
        cosine(loans, other) - cosine(loans, one),
    ];
    assert!(apart.iter().all(|apart| *apart > 0.02), "{apart:?}");
    for vector in &vectors {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
    }
}

#[tokio::test]
async fn many_callers_get_their_own() {
    let embedder = Arc::new(minilm().await);
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..16 {
        let embedder = Arc::clone(&embedder);
        tasks.spawn(async move {
            let text = vec![format!("Caller number {caller} speaks.")];
            let first = embedder.embed(&text).await.unwrap();
            let second = embedder.embed(&text).await.unwrap();
            assert!(cosine(&first[0], &second[0]) > 0.999);
            first.into_iter().next().unwrap()
        });
    }
    let mut vectors = Vec::new();
    while let Some(vector) = tasks.join_next().await {
        vectors.push(vector.unwrap());
    }
    assert!(cosine(&vectors[0], &vectors[1]) < 0.999);
}

#[tokio::test]
async fn a_changed_file_is_another_embedder() {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("all-minilm-l6-v2.tokenizer.json");
    let text = fs::read_to_string(file("minilm-tokenizer")).unwrap();
    fs::write(&changed, text.replacen("[unused0]", "[unused-0]", 1)).unwrap();
    let other = FastEmbedder::load(file("minilm"), &changed, file("onnxruntime"));
    let (one, other) = (minilm().await, other.await.unwrap());
    assert_ne!(one.profile().name, other.profile().name);
    assert_eq!(one.profile().name, minilm().await.profile().name);
}
