//! `--embedder onnx:FOLDER`: a sentence model of one's own. `make weights` fetches the files.

use std::{os::unix::fs::symlink, path::PathBuf};

use catena_models::catalog::{Catalog, Status, Store};

use super::*;

/// The path of a file of the catalogue that is in the user's cache.
fn file(name: &str) -> PathBuf {
    let store = Store::default_location().unwrap();
    match Catalog::builtin().status(name, &store).unwrap() {
        Status::Installed { path, .. } | Status::Unverified { path, .. } => path,
        other => panic!("the test needs {name}: fetch it with `make weights` ({other:?})"),
    }
}

/// `catena memory` of an archive of its own, with the embedded index, which knows its embedder.
fn own(home: &Home, embedder: &str, args: &[&str]) -> std::process::Command {
    let mut command = memory(home, args);
    command.args(["--memory", "own.db", "--index", "embedded"]);
    command.args(["--embedder", embedder]);
    command
}

#[test]
fn a_folder_without_a_model_is_refused_and_leaves_nothing() {
    let (home, server) = (Home::new(), Server::start(bot));
    let (dog, _) = exported_dog(&home, &server);
    home.write("empty/notes.txt", "");
    home.write("bare/model.onnx", "");
    let before = home.names();
    for (folder, wrong) in [
        ("gone", "there is no folder "),
        ("dog.jsonl", "dog.jsonl is no folder"),
        ("empty", "empty holds no sentence model"),
        ("bare", "bare holds no tokenizer.json"),
        ("", "'onnx:' names no folder"),
    ] {
        let embedder = format!("onnx:{folder}");
        let refused = run(&mut own(&home, &embedder, &["import", &dog]));
        refused.exits(2).says(wrong).says("onnx:FOLDER");
        let chat = ["chat", "--memory", "own.db", "--once", DOG];
        let refused = run(home.with(&server, chat).args(["--embedder", &embedder]));
        refused.exits(2).says(wrong).prints_nothing();
        assert_eq!(home.names(), before, "{folder}: nothing is made or fetched");
    }
}

#[test]
fn a_model_of_one_s_own_finds_by_meaning() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = [
        "The central bank raised interest rates.",
        "My sister adopted a small black dog.",
        "The roses in the garden are white.",
    ];
    say(&home, &server, &["--no-facts"], &lines).exits(0);
    told(&home, &["export", "-o", "all.jsonl"]).exits(0);
    let tokenizer = file("minilm-tokenizer");
    fs::create_dir_all(home.path("models/own/onnx")).unwrap();
    symlink(file("minilm"), home.path("models/own/onnx/model.onnx")).unwrap();
    symlink(&tokenizer, home.path("models/own/tokenizer.json")).unwrap();

    let mut import = own(&home, "onnx:models/own", &["import", "all.jsonl"]);
    import.env("ORT_DYLIB_PATH", file("onnxruntime"));
    let done = run(&mut import);
    assert_eq!(done.exits(0).stdout, "3 memories added, 0 were there\n");
    assert!(!home.path("cache").exists(), "nothing was fetched");

    // By its whole path and with the library of the catalogue it is the same embedder.
    let whole = format!("onnx:{}", home.path("models/own").display());
    let cache = Store::default_location().unwrap();
    let search = |more: &[&str]| {
        let wanted = ["search", "Which sibling got another puppy?", "--json"];
        let mut command = own(&home, &whole, &[&wanted[..], more].concat());
        command
            .env("CATENA_CACHE_DIR", cache.root())
            .env("HF_HUB_OFFLINE", "1");
        run(&mut command).exits(0).json()
    };
    let by_words = search(&["--words"]);
    assert_eq!(by_words, Value::Array(Vec::new()), "no word is the same");
    let found = search(&[]);
    assert_eq!(found[0]["item"]["observation"], lines[1], "{found:#}");
    let cosine = |place: usize| found[place]["cosine"].as_f64().unwrap();
    assert!(cosine(0) > 0.4 && cosine(1) < 0.2, "{found:#}");
    run(&mut own(&home, "hashing", &["search", "puppy"]))
        .exits(1)
        .says("model@")
        .says("`catena memory reindex`");

    home.write("models/broken/model.onnx", "no model");
    symlink(&tokenizer, home.path("models/broken/tokenizer.json")).unwrap();
    for (library, wrong) in [
        (
            file("onnxruntime"),
            "models/broken/model.onnx is not a sentence model that can be used",
        ),
        (
            "none.so".into(),
            "ONNX Runtime cannot be loaded from none.so",
        ),
    ] {
        let mut check = own(&home, "onnx:models/broken", &["check"]);
        check.env("ORT_DYLIB_PATH", library);
        run(&mut check).exits(2).says(wrong).says("help: give");
    }
}
