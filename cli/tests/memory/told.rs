//! What is said on the way, of servers and of embedders.

use super::{mending::line, *};

/// The vector of one text.
const VECTOR: &str = r#"{"data":[{"embedding":[1,0,0,0,0,0,0,0]}]}"#;

#[cfg(unix)]
#[test]
fn what_a_server_says_in_a_warning_does_not_command_the_terminal() {
    let server = Server::start(|request| match request.body["input"][0].as_str() {
        Some("ladder") => Reply::Status(500, "\u{1b}[31mboom\u{9b}2J"),
        _ => Reply::Status(200, VECTOR),
    });
    let home = Home::new();
    home.write("one.jsonl", line(1, "The ladder is in the shed."));
    let command = |args: &[&str]| {
        let mut command = home.with(&server, ["memory"]);
        command.args(args);
        command.args(["--index", "exact", "--embedder", "openai:e:8"]);
        command
    };
    run(&mut command(&["import", "one.jsonl"])).exits(0);
    let mut search = command(&["search", "ladder"]);
    let done = run(&mut search);
    assert!(done.exits(0).stdout.contains("in the shed"), "{done:#?}");
    assert!(
        done.stderr.contains("a search goes by words alone error="),
        "{done:#?}"
    );
    assert!(done.stderr.contains("500: [31mboom2J"), "{done:#?}");
    assert!(!done.stderr.contains(['\u{1b}', '\u{9b}']), "{done:#?}");

    // The command's own colours stay.
    let seen = run(&mut support::terminal::at_terminal(&search)).stdout;
    assert!(seen.contains("\u{1b}[33m WARN\u{1b}[0m"), "{seen:?}");
    assert!(seen.contains("500: [31mboom2J"), "{seen:?}");
    assert!(!seen.contains("\u{1b}[31m"), "{seen:?}");
}

#[test]
fn whoever_takes_another_embedder_is_told_the_flag() {
    let (home, server) = (Home::new(), Server::start(|_| Reply::Status(200, VECTOR)));
    home.write("one.jsonl", line(1, "The ladder is in the shed."));
    let by = |embedder: &str, archive: &str, args: &[&str]| {
        let mut command = home.with(&server, ["memory"]);
        command.args(args).args(["--memory", archive]);
        command.args(["--index", "embedded", "--embedder", embedder]);
        run(&mut command)
    };
    let import = ["import", "one.jsonl"];
    for (of, other, told) in [
        ("hashing", "openai:e:8", "give `--embedder hashing`"),
        (
            "openai:e:8",
            "hashing",
            "the one it was made with: --embedder",
        ),
    ] {
        let archive = format!("{}.db", of.replace(':', "-"));
        by(of, &archive, &import).exits(0);
        by(other, &archive, &["check"])
            .exits(1)
            .says(told)
            .says("`catena memory reindex`");
        by(of, &archive, &["check"]).exits(0);
    }
}
