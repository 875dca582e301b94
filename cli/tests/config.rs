//! The configuration file, the environment, and which of them wins; `--help` and `--version`.

mod support;

use serde_json::Value;
use support::{FACT, Finished, Home, Server, reader, run};

/// `catena ask` with `--json` and more, in `home`.
fn ask(home: &Home, environment: &[(&str, &str)], more: &[&str]) -> Finished {
    home.write("note.txt", FACT);
    let mut ask = home.catena(["ask", "note.txt", "-q", "Who?", "--json"]);
    run(ask.envs(environment.iter().copied()).args(more))
}

fn model_and_window(json: &Value) -> (&str, u64) {
    (
        json["model"].as_str().unwrap(),
        json["window"].as_u64().unwrap(),
    )
}

fn configured(server: &Server, rest: &str) -> Home {
    let home = Home::new();
    let url = server.url();
    home.configure(&format!(
        "model = 'openai:file'\nwindow = 1000\n[openai]\nbase_url = '{url}'\n{rest}"
    ));
    home
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let server = Server::start(reader);
    let home = configured(&server, "");
    let json = ask(&home, &[], &[]).exits(0).json();
    assert_eq!(model_and_window(&json), ("file", 1000));

    let environment = [("CATENA_MODEL", "openai:env"), ("CATENA_WINDOW", "1100")];
    let json = ask(&home, &environment, &[]).exits(0).json();
    assert_eq!(model_and_window(&json), ("env", 1100));

    let flags = ["--model", "openai:flag", "--window", "1200"];
    let json = ask(&home, &environment, &flags).exits(0).json();
    assert_eq!(model_and_window(&json), ("flag", 1200));
    let asked: Vec<Value> = server
        .requests()
        .iter()
        .map(|one| one.body["model"].clone())
        .collect();
    assert_eq!(asked, ["file", "file", "env", "env", "flag", "flag"]);
}

#[test]
fn a_device_that_is_none_is_wrong_usage_before_anything_is_fetched() {
    let home = Home::new();
    home.write("note.txt", FACT);
    let ask = ["ask", "note.txt", "-q", "Who?"];
    let done = run(home.catena(ask).args(["--device", "gpu"]));
    assert!(done.exits(2).stderr.contains("'gpu' is no device"));
    let done = run(home.catena(ask).env("CATENA_DEVICE", "cuda:x"));
    assert!(done.exits(2).stderr.contains("'cuda:x' is no device"));
    let done = run(home.catena(ask).env("CATENA_PAGED_ATTENTION", "perhaps"));
    done.exits(2).says("is true or false, not 'perhaps'");
    let info = ["models", "info", "smollm2-135m", "--device", "gpu"];
    run(&mut home.catena(info))
        .exits(2)
        .says("'gpu' is no device");
}

#[test]
fn the_servers_address_comes_from_the_environment_first() {
    let (server, other) = (Server::start(reader), Server::start(reader));
    let home = configured(&server, "");
    ask(&home, &[("CATENA_BASE_URL", other.url())], &[]).exits(0);
    assert_eq!((server.seen(), other.seen()), (0, 2));
}

#[test]
fn the_file_may_be_elsewhere() {
    let server = Server::start(reader);
    let home = configured(&server, "");
    let url = server.url();
    home.write(
        "a.toml",
        format!("model = 'openai:a'\n[openai]\nbase_url = '{url}'"),
    );
    home.write(
        "b.toml",
        format!("model = 'openai:b'\n[openai]\nbase_url = '{url}'"),
    );
    let json = ask(&home, &[("CATENA_CONFIG", "a.toml")], &[])
        .exits(0)
        .json();
    assert_eq!(json["model"], "a");
    let json = ask(
        &home,
        &[("CATENA_CONFIG", "a.toml")],
        &["--config", "b.toml"],
    );
    assert_eq!(json.exits(0).json()["model"], "b");
}

#[test]
fn the_window_of_the_model_may_be_set() {
    let server = Server::start(reader);
    let home = configured(&server, "context_window = 20000");
    let json = ask(&home, &[], &["--window", "9000"]).exits(0).json();
    assert_eq!(json["window"], 9000);
    let home = configured(&server, "context_window = 1000");
    ask(&home, &[], &["--window", "1001"]).exits(2);
}

#[test]
fn templates_may_be_replaced() {
    let server = Server::start(reader);
    let home = configured(&server, "");
    home.write(
        "mine/chain/worker_query.tera",
        "[user]\nA\n[system]\nB {{ chunk }}{{ unit }}{{ question }}",
    );
    for (environment, more) in [
        (&[("CATENA_PROMPTS", "mine")][..], &[][..]),
        (&[], &["--prompts", "mine"]),
    ] {
        ask(&home, environment, more).exits(0);
        let requests = server.requests();
        let worker = &requests[requests.len() - 2].body["messages"];
        assert_eq!(worker[0]["content"], "A");
    }
}

#[test]
fn a_folder_of_templates_that_is_not_there_is_named() {
    let server = Server::start(reader);
    let home = configured(&server, "");
    ask(&home, &[], &["--prompts", "mime"])
        .exits(2)
        .says("mime");
    assert_eq!(server.seen(), 0);
}

#[test]
fn headers_and_the_key_are_sent_where_they_belong() {
    let server = Server::start(reader);
    let home = configured(&server, "headers = { 'X-Title' = 'catena' }");
    let has = |line: &str| {
        let requests = server.requests();
        let headers = &requests.last().unwrap().headers;
        headers
            .iter()
            .any(|header| header.eq_ignore_ascii_case(line))
    };
    ask(&home, &[("CATENA_API_KEY", "one")], &[]).exits(0);
    assert!(has("x-title: catena") && has("authorization: Bearer one"));

    let keys = [("CATENA_BASE_URL", server.url()), ("OPENAI_API_KEY", "two")];
    ask(&home, &keys, &[]).exits(0);
    assert!(
        !has("authorization: Bearer two"),
        "it belongs to another server"
    );

    let home = Home::new();
    let keys = [("OPENAI_BASE_URL", server.url()), ("OPENAI_API_KEY", "two")];
    ask(&home, &keys, &["-m", "openai:x"]).exits(0);
    assert!(has("authorization: Bearer two"));
}

#[test]
fn a_file_that_is_wrong_is_named() {
    let home = Home::new();
    for (toml, reason) in [
        ("modle = 'x'", "modle"),
        ("[openai]\nkey = 'x'", "key"),
        ("model = ", "line 1"),
        ("window = 'large'", "window"),
        ("window = -1", "window"),
        ("model = 7", "model"),
    ] {
        let path = home.configure(toml);
        let done = ask(&home, &[], &[]);
        done.exits(2).says(&path.display().to_string()).says(reason);
    }
}

#[test]
fn a_file_that_was_asked_for_has_to_be_there() {
    let home = Home::new();
    ask(&home, &[], &["--config", "no.toml"])
        .exits(2)
        .says("the configuration no.toml cannot be read");
}

#[test]
fn a_model_behind_no_server_is_told_how_to_name_one() {
    let home = Home::new();
    home.write("note.txt", FACT);
    run(&mut home.catena(["ask", "note.txt", "-q", "Who?", "-m", "openai:x"]))
        .says("no server is configured for the model 'x'")
        .says("CATENA_BASE_URL");
}

#[test]
fn help_documents_configuration_environment_and_exit_codes() {
    let done = run(&mut Home::new().catena(["--help"]));
    done.exits(0);
    for word in [
        "Configuration file",
        "base_url",
        "context_window",
        "input_price",
        "output_price",
        "headers",
        "Environment",
        "CATENA_CONFIG",
        "CATENA_MODEL",
        "CATENA_WINDOW",
        "CATENA_PROMPTS",
        "CATENA_BASE_URL",
        "CATENA_API_KEY",
        "CATENA_CACHE_DIR",
        "CATENA_MODEL_PATH",
        "HF_ENDPOINT",
        "NO_COLOR",
        "Exit codes",
        "130",
    ] {
        assert!(done.stdout.contains(word), "{word} is not documented");
    }
}

#[test]
fn every_command_has_help() {
    let commands: [(&[&str], &[&str]); 14] = [
        (
            &["ask"],
            &[
                "--question",
                "--journal",
                "--approve",
                "--max-calls",
                "--max-cost",
                "CATENA_MODEL",
            ],
        ),
        (&["summarize"], &["--window", "--json", "--quiet"]),
        (
            &["runs"],
            &["list", "show", "resume", "fork", "graph", "export", "prune"],
        ),
        (&["runs", "show"], &["RUN", "last", "--json"]),
        (&["runs", "resume"], &["--answer", "--max-calls", "--json"]),
        (&["runs", "fork"], &["--at", "--model", "--window"]),
        (&["runs", "graph"], &["mermaid", "dot", "--plain"]),
        (&["runs", "export"], &["JSON Lines", "--output"]),
        (&["runs", "prune"], &["--older-than", "--keep", "--dry-run"]),
        (&["models"], &["list", "pull", "info"]),
        (&["models", "list"], &["--json"]),
        (&["models", "pull"], &["hf:owner/repo/file.gguf"]),
        (&["models", "info"], &["--json"]),
        (
            &["eval"],
            &["--strategies", "--limit", "--out", "--markdown"],
        ),
    ];
    let home = Home::new();
    for (command, words) in commands {
        let done = run(home.catena(command).arg("--help"));
        done.exits(0);
        for word in words {
            assert!(done.stdout.contains(word), "{word} in {}", done.stdout);
        }
    }
}

#[test]
fn version() {
    let done = run(&mut Home::new().catena(["--version"]));
    done.exits(0);
    assert_eq!(
        done.stdout,
        concat!("catena ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_command_that_is_none_is_wrong_usage() {
    let home = Home::new();
    for args in [&[][..], &["answer"], &["ask", "--unknown"], &["models"]] {
        run(&mut home.catena(args)).exits(2).prints_nothing();
    }
}
