//! Files that are missing or something else. None of them needs the weights, and each is a process
//! in which no runtime was loaded before.

use std::fs;

use catena_core::Error;
use catena_fastembed::FastEmbedder;
use tempfile::TempDir;

async fn refused(folder: &TempDir, files: [&str; 3]) -> Error {
    let [model, tokenizer, library] = files.map(|file| folder.path().join(file));
    let error = FastEmbedder::load(model, tokenizer, library)
        .await
        .unwrap_err();
    assert!(error.is_invalid() && error.help().is_some(), "{error:?}");
    error
}

#[tokio::test]
async fn each_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("model.onnx", "not a model");
    write("tokenizer.json", "{}");
    write("broken.json", "{");
    write("library.so", "not a library");
    let good = ["model.onnx", "tokenizer.json", "library.so"];

    let error = refused(&folder, ["none.onnx", good[1], good[2]]).await;
    assert!(
        error.to_string().contains("none.onnx cannot be read"),
        "{error}"
    );
    assert!(error.help().unwrap().contains("models pull minilm"));

    let error = refused(&folder, [good[0], "none.json", good[2]]).await;
    assert!(
        error.to_string().contains("none.json cannot be read"),
        "{error}"
    );

    let error = refused(&folder, [good[0], "broken.json", good[2]]).await;
    assert!(
        error.to_string().contains("broken.json is no JSON"),
        "{error}"
    );

    let error = refused(&folder, [good[0], good[1], "none.so"]).await;
    assert!(error.to_string().contains("none.so"), "{error}");
    assert!(error.help().unwrap().contains("models pull onnxruntime"));

    let error = refused(&folder, good).await;
    assert!(error.to_string().contains("library.so"), "{error}");
}
