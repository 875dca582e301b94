//! `--save`: a file that is no unfinished run of the same command is never overwritten.

mod support;

use std::{fs, path::PathBuf};

use support::{ANSWER, FACT, Home, QUESTION, Reply, Server, WINDOW, book, bytes, reader, run};

/// A home with `book.txt` and `run.json`, a run that stopped after two calls.
fn unfinished(server: &Server) -> (Home, PathBuf) {
    let home = Home::new();
    home.write("book.txt", book());
    let stops = ["--save", "run.json", "--max-calls", "2"];
    run(&mut home.ask(server, "book.txt", &stops)).exits(1);
    let path = home.path("run.json");
    assert!(path.exists());
    (home, path)
}

#[test]
fn a_finished_run_is_not_run_again() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let mut ask = home.ask(&server, "book.txt", &["--save", "run.json"]);
    run(&mut ask).exits(0);
    let (before, calls) = (bytes(&home.path("run.json")), server.seen());
    run(&mut ask)
        .exits(2)
        .prints_nothing()
        .says("run.json holds a finished run")
        .says("help: save to another file, or remove this one");
    assert_eq!(bytes(&home.path("run.json")), before);
    assert_eq!(server.seen(), calls);
}

#[test]
fn a_run_of_another_command_is_refused_and_kept() {
    let server = Server::start(reader);
    let (home, path) = unfinished(&server);
    home.write("other.txt", FACT);
    let (before, calls) = (bytes(&path), server.seen());
    let commands: [(&str, &[&str]); 6] = [
        (
            "another question",
            &["ask", "book.txt", "-q", "Who?", "-w", WINDOW],
        ),
        (
            "other texts",
            &["ask", "other.txt", "-q", QUESTION, "-w", WINDOW],
        ),
        (
            "other texts",
            &["ask", "book.txt", "other.txt", "-q", QUESTION, "-w", WINDOW],
        ),
        ("another question", &["summarize", "book.txt", "-w", WINDOW]),
        (
            "other settings (model test, window 480, notes copied)",
            &["ask", "book.txt", "-q", QUESTION, "-w", "600"],
        ),
        (
            "other settings (model test",
            &[
                "ask", "book.txt", "-q", QUESTION, "-w", WINDOW, "-m", "openai:b",
            ],
        ),
    ];
    for (reason, args) in commands {
        run(home.with(&server, args).args(["--save", "run.json"]))
            .exits(2)
            .prints_nothing()
            .says("run.json holds a run with")
            .says(reason);
        assert_eq!(bytes(&path), before);
    }
    assert_eq!(server.seen(), calls);
}

#[test]
fn a_text_that_changed_is_another_text() {
    let server = Server::start(reader);
    let (home, path) = unfinished(&server);
    home.write("book.txt", format!("{}More.", book()));
    let before = bytes(&path);
    run(&mut home.ask(&server, "book.txt", &["--save", "run.json"]))
        .exits(2)
        .says("other texts");
    assert_eq!(bytes(&path), before);
}

#[test]
fn a_file_that_is_no_run_is_refused_and_kept() {
    let server = Server::start(reader);
    let (home, path) = unfinished(&server);
    let whole = bytes(&path);
    let torn = &whole[..whole.len() / 2];
    let calls = server.seen();
    for content in [b"my thesis\n".as_slice(), b"", b"{}", b"\xff\xfe\0", torn] {
        fs::write(&path, content).unwrap();
        run(&mut home.ask(&server, "book.txt", &["--save", "run.json"]))
            .exits(2)
            .prints_nothing()
            .says("run.json exists and is no saved run");
        assert_eq!(bytes(&path), content);
    }
    assert_eq!(server.seen(), calls);
}

#[test]
fn the_text_itself_is_not_overwritten() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &["--save", "book.txt"])).exits(2);
    assert_eq!(bytes(&home.path("book.txt")), book().as_bytes());
}

#[test]
fn a_place_that_cannot_be_written_is_said_before_a_call_is_paid() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    home.write("folder/inner.txt", "");
    for (save, reason) in [
        ("no/run.json", "the run cannot be saved to no/run.json"),
        ("book.txt/run.json", "book.txt/run.json"),
        ("folder", "folder"),
    ] {
        run(&mut home.ask(&server, "book.txt", &["--save", save]))
            .exits(1)
            .prints_nothing()
            .says(reason);
    }
    assert_eq!(server.seen(), 0);
    assert_eq!(home.names(), ["book.txt", "folder"]);
}

#[test]
#[cfg(unix)]
fn a_folder_that_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let folder = home.path("sealed");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(folder.join("probe"), "").is_ok() {
        return; // Nothing is forbidden to root.
    }
    run(&mut home.ask(&server, "book.txt", &["--save", "sealed/run.json"]))
        .exits(1)
        .says("the run cannot be saved to sealed/run.json");
    assert_eq!(server.seen(), 0);
}

#[test]
fn a_run_that_can_no_longer_be_saved_stops() {
    let home = Home::new();
    home.write("book.txt", book());
    home.write("runs/keep.txt", "");
    let folder = home.path("runs");
    let server = Server::start(move |request| {
        if request.number == 2 {
            fs::remove_dir_all(&folder).unwrap();
        }
        reader(request)
    });
    run(&mut home.ask(&server, "book.txt", &["--save", "runs/run.json"]))
        .exits(1)
        .prints_nothing()
        .says("the run cannot be saved to runs/run.json");
    assert!(
        server.seen() <= 4,
        "{} calls that cannot be kept",
        server.seen()
    );
}

#[test]
fn an_answer_that_was_paid_for_is_told_even_if_the_run_can_no_longer_be_saved() {
    let home = Home::new();
    home.write("note.txt", FACT);
    home.write("runs/keep.txt", "");
    let folder = home.path("runs");
    let server = Server::start(move |request| {
        if request.is_manager() {
            fs::remove_dir_all(&folder).unwrap();
        }
        reader(request)
    });
    let save = ["--json", "--save", "runs/run.json"];
    let json = run(&mut home.ask(&server, "note.txt", &save))
        .exits(1)
        .json();
    assert_eq!(json["answer"], ANSWER);
}

#[test]
fn a_run_that_failed_goes_on() {
    let server = Server::start(|request| match request.number {
        2 => Reply::Status(500, "out of memory"),
        _ => reader(request),
    });
    let home = Home::new();
    home.write("book.txt", book());
    let mut ask = home.ask(&server, "book.txt", &["--save", "run.json"]);
    run(&mut ask).exits(1).says("out of memory");
    let done = run(&mut ask);
    done.exits(0);
    assert!(done.stdout.starts_with(ANSWER), "{done:#?}");
    let calls = server.seen();
    fs::remove_file(home.path("run.json")).unwrap();
    run(&mut ask).exits(0);
    assert_eq!(
        server.seen() - calls,
        calls - 1,
        "only the call that failed was made twice"
    );
}

#[test]
fn the_usage_of_a_run_that_went_on_is_that_of_the_whole() {
    let server = Server::start(reader);
    let (home, _) = unfinished(&server);
    let json = run(&mut home.ask(&server, "book.txt", &["--json", "--save", "run.json"]))
        .exits(0)
        .json();
    assert_eq!(json["usage"]["calls"], server.seen());
    assert_eq!(json["units"].as_array().unwrap().len(), server.seen() - 1);
}

#[test]
fn templates_that_changed_in_between_are_noticed_and_the_run_is_kept() {
    let server = Server::start(reader);
    let (home, _) = unfinished(&server);
    home.write(
        "prompts/chain/worker_query.tera",
        "[system]\nRead.\n[user]\nPart of the text: {{ chunk }} {{ unit }} {{ question }}",
    );
    let calls = server.seen();
    run(&mut home.ask(
        &server,
        "book.txt",
        &["--save", "run.json", "--prompts", "prompts"],
    ))
    .prints_nothing()
    .says("has changed");
    assert_eq!(server.seen(), calls);
    // With the templates of the beginning it goes on.
    run(&mut home.ask(&server, "book.txt", &["--save", "run.json"])).exits(0);
}
