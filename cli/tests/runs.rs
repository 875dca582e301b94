//! `catena runs`: what was recorded is listed, shown, gone on with, forked, drawn and forgotten.

mod support;

use std::{fs, process::Command};

use serde_json::Value;
use support::{
    ANSWER, FACT, Home, NOTE, QUESTION, Reply, Server, WINDOW, book, bytes, reader, run,
};

/// A home with `book.txt` and a run that stopped after two calls.
fn unfinished(server: &Server) -> Home {
    let home = Home::new();
    home.write("book.txt", book());
    run(&mut home.ask(server, "book.txt", &["--max-calls", "2"]))
        .exits(1)
        .says("` with a larger budget goes on where it stopped");
    home
}

fn runs(home: &Home, server: &Server, args: &[&str]) -> Command {
    let mut command = home.with(server, ["runs"]);
    command.args(args);
    command
}

/// The lines of `catena runs list --json`.
fn list(home: &Home) -> Vec<Value> {
    let done = run(&mut home.catena(["runs", "list", "--json"]));
    done.exits(0).json().as_array().unwrap().clone()
}

#[test]
fn a_run_is_recorded_without_being_asked() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    run(&mut home.catena(["runs", "list"])).exits(0).says("");
    assert_eq!(
        home.names(),
        ["note.txt"],
        "nothing is made to look at nothing"
    );
    run(&mut home.ask(&server, "note.txt", &[])).exits(0);
    let list = list(&home);
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["status"], "finished");
    assert_eq!(list[0]["name"], "ask");
    assert_eq!(list[0]["entries"], 2);
    assert_eq!(list[0]["live"], false);
    assert_eq!(list[0]["about"], QUESTION);

    let done = run(&mut home.catena(["runs", "list"]));
    assert!(
        done.stdout.contains("finished") && done.stdout.contains(QUESTION),
        "{done:#?}"
    );
    assert!(
        !done.stdout.contains('\u{1b}'),
        "no colours but on a terminal"
    );
}

#[test]
#[cfg(unix)]
fn only_the_user_may_see_what_was_read() {
    use std::os::unix::fs::PermissionsExt;
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    run(&mut home.ask(&server, "note.txt", &[])).exits(0);
    let mode = fs::metadata(home.path("data/catena"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_run_can_go_unrecorded() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &["--no-journal"])).exits(0);
    run(&mut home.ask(&server, "book.txt", &["--no-journal", "--max-calls", "2"])).exits(1);
    assert!(!home.path("data").exists());
    run(&mut home.ask(&server, "book.txt", &["--no-journal", "--journal", "x.db"])).exits(2);
}

#[test]
fn another_journal_can_be_named() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    run(&mut home.ask(&server, "note.txt", &["--journal", "mine.db"])).exits(0);
    run(home
        .ask(&server, "note.txt", &[])
        .env("CATENA_JOURNAL", "mine.db"))
    .exits(0);
    assert!(!home.path("data").exists());
    let done = run(&mut home.catena(["runs", "list", "--json", "--journal", "mine.db"]));
    assert_eq!(done.exits(0).json().as_array().unwrap().len(), 2);
    run(&mut home.catena(["runs", "list", "--journal", "other.db"]))
        .exits(2)
        .says("there is no journal other.db");
    assert!(!home.path("other.db").exists());
}

#[test]
fn a_run_goes_on_with_a_larger_budget_and_pays_no_call_twice() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    let done = run(&mut runs(&home, &server, &["resume", "last"]));
    done.exits(0);
    assert!(done.stdout.starts_with(ANSWER), "{done:#?}");
    let calls = server.seen();

    let whole = Server::start(reader);
    run(&mut home.ask(&whole, "book.txt", &[])).exits(0);
    assert_eq!(calls, whole.seen());
}

#[test]
fn the_usage_of_a_run_that_went_on_is_that_of_the_whole() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    let json = run(&mut runs(&home, &server, &["resume", "last", "--json"]))
        .exits(0)
        .json();
    assert_eq!(json["usage"]["calls"], server.seen());
    assert_eq!(json["units"].as_array().unwrap().len(), server.seen() - 1);
}

#[test]
fn a_run_that_is_finished_is_not_run_again() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &[])).exits(0);
    let calls = server.seen();
    run(&mut runs(&home, &server, &["resume", "last"]))
        .exits(2)
        .prints_nothing()
        .says("is finished")
        .says("`catena runs show` shows its answer");
    assert_eq!(server.seen(), calls);
}

#[test]
fn a_run_goes_on_although_its_text_is_gone() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    fs::remove_file(home.path("book.txt")).unwrap();
    let done = run(&mut runs(&home, &server, &["resume", "last"]));
    assert!(done.exits(0).stdout.starts_with(ANSWER), "{done:#?}");
}

#[test]
fn a_run_that_failed_goes_on() {
    let server = Server::start(|request| match request.number {
        2 => Reply::Status(500, "out of memory"),
        _ => reader(request),
    });
    let home = Home::new();
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &[]))
        .exits(1)
        .says("out of memory")
        .says("` goes on where it stopped");
    run(&mut runs(&home, &server, &["resume", "last"])).exits(0);
    let calls = server.seen();
    run(&mut home.ask(&server, "book.txt", &[])).exits(0);
    let whole = server.seen() - calls;
    assert_eq!(calls, whole + 1, "only the call that failed was made twice");
}

#[test]
fn templates_that_changed_in_between_are_noticed_and_the_run_is_kept() {
    let server = Server::start(reader);
    let home = Home::new();
    home.write("book.txt", book());
    let template = |system: &str| {
        let text = format!(
            "[system]\n{system}\n[user]\nPart of the text: {{{{ chunk }}}} {{{{ unit }}}} \
             {{{{ question }}}}"
        );
        home.write("prompts/chain/worker_query.tera", text)
    };
    let path = template("Read.");
    let before = bytes(&path);
    let prompts = ["--prompts", "prompts", "--max-calls", "2"];
    run(&mut home.ask(&server, "book.txt", &prompts)).exits(1);
    let calls = server.seen();
    template("Look.");
    run(&mut runs(&home, &server, &["resume", "last"]))
        .exits(1)
        .prints_nothing()
        .says("ask/chain[0]: call 0 is not the one that was recorded")
        .says("the instructions (the first message) differ");
    assert_eq!(server.seen(), calls);
    // With the templates of the beginning it goes on; a fork may have others.
    fs::write(path, before).unwrap();
    run(&mut runs(&home, &server, &["resume", "last"])).exits(0);
    template("Look.");
    run(&mut runs(&home, &server, &["fork", "last", "--at", "0"])).exits(0);
}

#[test]
fn a_fork_takes_over_what_it_is_told_to() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &[])).exits(0);
    let whole = server.seen();
    let all = (whole - 1).to_string();
    let fork = ["fork", "last", "--at", &all, "--json"];
    let json = run(&mut runs(&home, &server, &fork)).exits(0).json();
    assert_eq!(json["answer"], ANSWER);
    assert_eq!(
        server.seen(),
        whole + 1,
        "only the answer was asked for anew"
    );
    assert_eq!(list(&home).len(), 2);
    let show = run(&mut home.catena(["runs", "show", "last", "--json"]))
        .exits(0)
        .json();
    assert_eq!(show["run"]["forked"][1], whole - 1);

    run(&mut runs(&home, &server, &["fork", "last", "--at", "99"]))
        .exits(2)
        .says("`catena runs show` numbers them");
    // Another model asks something else from its first call on.
    run(&mut runs(
        &home,
        &server,
        &["fork", "last", "--at", "1", "-m", "openai:b"],
    ))
    .exits(1)
    .says("it asked 'test', and now asks 'b'");
    run(&mut runs(
        &home,
        &server,
        &["fork", "last", "--at", "0", "-m", "openai:b"],
    ))
    .exits(0);
}

#[test]
fn a_run_shows_what_came_of_it() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    let done = run(&mut home.catena(["runs", "show", "last"]));
    done.exits(0);
    for part in [
        QUESTION,
        "failed",
        "model openai:test",
        "window 480",
        "ask/chain[1]",
        NOTE,
    ] {
        assert!(done.stdout.contains(part), "no {part:?} in {done:#?}");
    }
    let json = run(&mut home.catena(["runs", "show", "last", "--json"]))
        .exits(0)
        .json();
    assert_eq!(json["run"]["status"], "failed");
    assert_eq!(json["entries"].as_array().unwrap().len(), 2);
    assert_eq!(json["usage"]["calls"], 2);
}

#[test]
fn a_run_is_named_by_a_part_of_its_id() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    run(&mut home.ask(&server, "note.txt", &[])).exits(0);
    run(&mut home.ask(&server, "note.txt", &[])).exits(0);
    let list = list(&home);
    let id = list[1]["id"].as_str().unwrap();
    let json = |name: &str| run(&mut home.catena(["runs", "show", name, "--json"]));
    assert_eq!(json(id).exits(0).json()["run"]["id"], id);
    let end = id[18..].to_lowercase();
    assert_eq!(json(&end).exits(0).json()["run"]["id"], id);
    json("0").exits(2).says("several runs are named '0'");
    json("nothing")
        .exits(2)
        .says("the journal has no run 'nothing'");
    json("").exits(2);
}

#[test]
fn a_run_waits_for_approval_and_goes_on_with_it() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let json = run(&mut home.ask(&server, "book.txt", &["--approve", "--json"]))
        .exits(1)
        .json();
    assert_eq!(json["status"], "interrupted");
    assert_eq!(json["interrupts"][0]["id"], "ask/plan:plan");
    let chunks = json["interrupts"][0]["question"]["chunks"]
        .as_u64()
        .unwrap();
    assert_eq!(server.seen(), 0);
    let done = run(&mut home.catena(["runs", "show", "last"]));
    assert!(
        done.stdout.contains("waits for    ask/plan:plan (a bool)"),
        "{done:#?}"
    );

    run(&mut runs(&home, &server, &["resume", "last"]))
        .exits(1)
        .says("--answer ask/plan:plan=true` goes on");
    run(&mut runs(
        &home,
        &server,
        &["resume", "last", "--answer", "nothing=true"],
    ))
    .exits(2)
    .says("the run has no open question 'nothing'")
    .says("open are: 'ask/plan:plan'");
    run(&mut runs(
        &home,
        &server,
        &["resume", "last", "--answer", "plan=maybe"],
    ))
    .exits(2)
    .says("the answer to 'ask/plan:plan' is no bool");
    assert_eq!(server.seen(), 0);
    let done = run(&mut runs(
        &home,
        &server,
        &["resume", "last", "--answer", "plan=true"],
    ));
    assert!(done.exits(0).stdout.starts_with(ANSWER), "{done:#?}");
    assert_eq!(server.seen() as u64, chunks + 1);
}

#[test]
fn what_is_not_approved_is_not_read() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &["--approve"])).exits(1);
    run(&mut runs(
        &home,
        &server,
        &["resume", "last", "--answer", "plan=false"],
    ))
    .exits(1)
    .says("it was not to be read");
    assert_eq!(server.seen(), 0);
}

#[test]
fn a_run_is_drawn() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    let mermaid = run(&mut home.catena(["runs", "graph", "last"]));
    let text = &mermaid.exits(0).stdout;
    assert!(text.starts_with("flowchart TD"), "{text}");
    assert!(
        text.contains("class n1 failed") && text.contains("class n0 done"),
        "{text}"
    );
    assert!(text.contains("2 calls"), "{text}");
    let plain = run(&mut home.catena(["runs", "graph", "last", "--plain", "--format", "dot"]));
    let text = &plain.exits(0).stdout;
    assert!(
        text.starts_with("digraph") && !text.contains("calls"),
        "{text}"
    );
}

#[test]
fn a_run_is_exported_as_lines_of_json() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    let export = |more: &[&str]| {
        let args = [&["runs", "export", "last"], more].concat();
        run(&mut home.catena(args))
    };
    let done = export(&[]);
    let lines: Vec<Value> = done
        .exits(0)
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["run"]["name"], "ask");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["entry"].is_object())
            .count(),
        2
    );
    assert!(
        lines
            .iter()
            .any(|line| line["event"]["event"] == "run_failed")
    );

    export(&["-o", "run.jsonl"]).exits(0).prints_nothing();
    assert_eq!(
        fs::read_to_string(home.path("run.jsonl")).unwrap(),
        done.stdout
    );
    export(&["-o", "book.txt"]).exits(2).says("book.txt exists");
    assert_eq!(bytes(&home.path("book.txt")), book().as_bytes());
    export(&["-o", "no/run.jsonl"])
        .exits(1)
        .says("no/run.jsonl cannot be written");
}

#[test]
fn runs_are_forgotten_when_they_are_told_to() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    for _ in 0..3 {
        run(&mut home.ask(&server, "book.txt", &[])).exits(0);
    }
    let prune = |more: &[&str]| run(&mut home.catena([&["runs", "prune"], more].concat()));
    prune(&[])
        .exits(2)
        .says("nothing says which runs to forget");
    let done = prune(&["--keep", "1", "--dry-run"]);
    assert!(
        done.exits(0).stdout.contains("2 runs would be forgotten"),
        "{done:#?}"
    );
    assert_eq!(list(&home).len(), 4);
    let done = prune(&["--keep", "1", "--json"]);
    assert_eq!(
        done.exits(0).json()["forgotten"].as_array().unwrap().len(),
        2
    );
    assert_eq!(list(&home).len(), 2, "what could be resumed is kept");
    prune(&["--older-than", "1h", "--all"]).exits(0);
    assert_eq!(list(&home).len(), 2);
    prune(&["--keep", "0", "--all"]).exits(0);
    assert_eq!(list(&home), [] as [Value; 0]);
}

#[test]
fn what_is_no_journal_is_refused_and_kept() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    for content in [
        b"my thesis, in many words, which is a text and no database. ".repeat(20),
        vec![0xff; 5000],
    ] {
        let path = home.write("runs.db", &content);
        run(&mut home.ask(&server, "book.txt", &["--journal", "runs.db"]))
            .exits(1)
            .prints_nothing()
            .says("runs.db exists and is no journal");
        assert_eq!(bytes(&path), content);
    }
    run(&mut home.ask(&server, "book.txt", &["--journal", "book.txt"])).exits(1);
    assert_eq!(bytes(&home.path("book.txt")), book().as_bytes());
    run(&mut home.ask(&server, "book.txt", &["--journal", "no/runs.db"]))
        .exits(1)
        .says("the journal no/runs.db cannot be opened");
    assert_eq!(server.seen(), 0, "all of it is said before a call is paid");
}

#[test]
fn two_commands_record_in_the_same_journal_at_the_same_time() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let children: Vec<_> = (0..4)
        .map(|_| home.ask(&server, "book.txt", &[]).spawn().unwrap())
        .collect();
    for child in children {
        support::finish(child).exits(0);
    }
    let list = list(&home);
    assert_eq!(list.len(), 4);
    assert!(
        list.iter().all(|run| run["status"] == "finished"),
        "{list:?}"
    );
}

#[test]
#[cfg(unix)]
fn a_run_that_goes_on_elsewhere_is_not_run_twice() {
    let server = Server::start(|request| match request.number {
        2 => Reply::Hang,
        _ => reader(request),
    });
    let home = Home::new();
    home.write("book.txt", book());
    let child = home.ask(&server, "book.txt", &[]).spawn().unwrap();
    server.wait_for(3);
    assert_eq!(list(&home)[0]["live"], true);
    run(&mut runs(&home, &server, &["resume", "last"]))
        .exits(1)
        .says("is being executed already");
    run(&mut home.catena(["runs", "prune", "--keep", "0", "--all"])).exits(0);
    assert_eq!(list(&home).len(), 1, "a live run is not forgotten");
    support::signal(child.id(), "KILL");
    support::finish(child);
    let done = run(&mut home.catena(["runs", "list"]));
    assert!(done.stdout.contains("killed"), "{done:#?}");
    run(&mut runs(&home, &server, &["resume", "last"])).exits(0);
}

#[test]
fn a_window_of_another_size_reads_other_chunks_and_is_another_run() {
    let server = Server::start(reader);
    let home = unfinished(&server);
    run(&mut runs(
        &home,
        &server,
        &["fork", "last", "--at", "1", "-w", "600"],
    ))
    .exits(1)
    .says("differ");
    run(&mut runs(
        &home,
        &server,
        &["fork", "last", "--at", "0", "-w", "600"],
    ))
    .exits(0);
    let show = run(&mut home.catena(["runs", "show", "last", "--json"]))
        .exits(0)
        .json();
    assert_eq!(show["run"]["meta"]["window"], 600);
    assert_ne!(WINDOW, "600");
}

#[test]
fn another_model_can_answer_and_does_so_after_a_resume() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let larger = ["--manager-model", "openai:larger", "--max-calls", "2"];
    run(&mut home.ask(&server, "book.txt", &larger)).exits(1);
    run(&mut runs(&home, &server, &["resume", "last"])).exits(0);
    let requests = server.requests();
    assert!(requests.len() > 2);
    for request in requests {
        let expected = match request.is_manager() {
            true => "larger",
            false => "test",
        };
        assert_eq!(request.body["model"], expected);
    }
}
