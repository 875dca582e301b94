//! Turns of a conversation that fail, are stopped or are killed.

#![cfg(unix)]

mod support;

use std::{
    io::Write,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{
    Home, Reply, Server, finish, run, run_with_input, signal,
    talk::{ASKED, DOG, For, KNOWN, bot, chat, memory, purpose, said, say},
    terminal::Person,
};

/// A bot that hangs when it is to answer `message`, the first time.
fn hangs_at(message: &'static str) -> Server {
    let hung = AtomicBool::new(false);
    Server::start(move |request| {
        let here = purpose(request) == For::Answer && said(request) == message;
        match here && !hung.swap(true, Ordering::SeqCst) {
            true => Reply::Hang,
            false => bot(request),
        }
    })
}

/// Starts a conversation, says lines, and leaves it open.
fn begin(home: &Home, server: &Server, lines: &str) -> Child {
    let mut child = chat(home, server, &[])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    child
}

fn turns(home: &Home) -> Vec<Value> {
    let show = run(&mut memory(home, &["show", "--turns", "--json"]))
        .exits(0)
        .json();
    show.as_array().unwrap().clone()
}

/// Vectors are asked of a server that never gives any: Ctrl-C is heard in the turn and behind it.
#[test]
fn an_embedder_that_hangs_keeps_nobody() {
    let (home, embeds) = (Home::new(), Arc::new(AtomicBool::new(false)));
    let seen = embeds.clone();
    let server = Server::start(move |request| match request.body.get("input") {
        Some(_) => {
            seen.store(true, Ordering::SeqCst);
            Reply::Hang
        }
        None => bot(request),
    });
    let mut chat = home.with(&server, ["chat", "--index", "exact", "--once", DOG]);
    let mut child = chat.args(["--embedder", "openai:slow:8"]).spawn().unwrap();
    while !embeds.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none(), "it asks for vectors");
    }
    // Once is enough: what hung is not begun again at the end.
    stops_at_once(child);
}

/// Ctrl-C, once, ends it soon.
#[track_caller]
fn stops_at_once(child: Child) -> support::Finished {
    let sent = Instant::now();
    signal(child.id(), "INT");
    let done = finish(child);
    let took = sent.elapsed();
    assert!(took < Duration::from_secs(10), "it took {took:?} to stop");
    done.exits(130);
    done
}

/// A server that gives vectors, and none of `zebra`.
#[test]
fn a_command_that_hangs_stops_at_ctrl_c() {
    let (home, asked) = (Home::new(), Arc::new(AtomicBool::new(false)));
    let seen = asked.clone();
    let server = Server::start(move |request| match request.body.get("input") {
        Some(texts) if texts[0] == "zebra" => {
            seen.store(true, Ordering::SeqCst);
            Reply::Hang
        }
        Some(_) => Reply::Status(200, r#"{"data":[{"embedding":[1,0,0,0,0,0,0,0]}]}"#),
        None => bot(request),
    });
    let mut chat = home.with(&server, ["chat", "--index", "exact", "--no-facts"]);
    chat.args(["--embedder", "openai:slow:8"]);
    let mut child = chat.stdin(Stdio::piped()).spawn().unwrap();
    let lines = format!("{DOG}\n/memory zebra\n");
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    let begun = Instant::now();
    while !asked.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
        assert!(begun.elapsed() < support::PATIENCE, "it asks for a vector");
    }
    assert_eq!(stops_at_once(child).stdout, "Noted.\n");
}

/// One call for the first turn's answer, one for its facts, one for the need of the second, and one
/// for its answer.
const CALLS: usize = 4;

fn goes_on_after(name: &str, code: Option<i32>) {
    let (home, server) = (Home::new(), hangs_at(ASKED));
    let child = begin(&home, &server, &format!("{DOG}\n{ASKED}\n"));
    server.wait_for(CALLS);
    signal(child.id(), name);
    let done = finish(child);
    assert_eq!(done.code, code, "{done:#?}");
    assert_eq!(done.stdout, "Noted.\n");
    assert_eq!(turns(&home).len(), 1, "nothing of the second is remembered");

    let done = say(&home, &server, &[], &["/memory"]);
    done.exits(0)
        .says("\"What is my dog called?\" came to no answer; `catena runs resume ");
    let seen = server.seen();
    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    assert_eq!(done.exits(0).stdout, format!("{KNOWN}\n"));
    assert_eq!(
        server.seen(),
        seen + 1,
        "only the call cut off is made again"
    );
    assert_eq!(turns(&home).len(), 2);
    run(&mut home.catena(["runs", "resume", "last"]))
        .exits(2)
        .says("is finished");
}

#[test]
fn a_turn_goes_on_after_ctrl_c() {
    goes_on_after("INT", Some(130));
}

#[test]
fn a_turn_goes_on_after_the_process_was_killed() {
    goes_on_after("KILL", None);
}

#[test]
fn ctrl_c_between_turns_leaves() {
    let (home, server) = (Home::new(), Server::start(bot));
    let child = begin(&home, &server, "It rains.\n");
    // The answer, and the search for facts.
    server.wait_for(2);
    signal(child.id(), "INT");
    finish(child).exits(130);
}

/// It is a no, also behind a yes that nobody sent, and the conversation goes on; at the prompt it leaves.
#[test]
fn ctrl_c_at_the_question_of_forget_forgets_nothing() {
    const CTRL_C: &str = "\u{3}";
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG]).exits(0);
    let all = || {
        let show = run(&mut memory(&home, &["show", "--json"]));
        show.exits(0).json().as_array().unwrap().clone()
    };
    let before = all();
    let mut person = Person::at(chat(&home, &server, &[]).env("TERM", "xterm"));
    // A turn and the fact in it.
    person.reads("2 memories so far");
    for (what, question, answer) in [
        ("all", "Forget the whole conversation", CTRL_C),
        ("all", "Forget the whole conversation", "yes\u{3}"),
        ("Rex", "Forget these", CTRL_C),
    ] {
        person.reads("> ");
        person.types(&format!("/forget {what}\r"));
        person.reads(&format!("{question} for good? [y/N] "));
        person.types(answer);
        person.reads("nothing was forgotten");
    }
    person.reads("> ");
    person.types(&format!("{ASKED}\r"));
    person.reads(KNOWN);
    person.reads("> ");
    person.types(CTRL_C);
    person.leaves().exits(0);

    let after = all();
    assert_eq!(after[..before.len()], before);
    assert_eq!(turns(&home).len(), 2);
    run(&mut memory(&home, &["check"])).exits(0);
}

#[test]
fn a_turn_that_fails_is_told_and_the_others_are_answered() {
    let server = Server::start(|request| match request.user() {
        "Fail." => Reply::Status(400, "no"),
        _ => bot(request),
    });
    let home = Home::new();
    let done = say(&home, &server, &["--no-facts"], &["One.", "Fail.", "Two."]);
    done.exits(1).says("400");
    assert_eq!(done.stdout, "Noted.\nNoted.\n");
    assert_eq!(turns(&home).len(), 2);
    let done = say(&home, &server, &["--json"], &["Fail."]);
    let turn: Value = serde_json::from_str(done.exits(1).stdout.trim()).unwrap();
    assert_eq!(turn["status"], "failed");
    assert!(turn["error"].as_str().unwrap().contains("400"));
}

#[test]
fn a_message_longer_than_the_window_is_refused_and_the_conversation_goes_on() {
    let (home, server) = (Home::new(), Server::start(bot));
    let long = "word ".repeat(2000);
    let done = say(
        &home,
        &server,
        &["--window", "900", "--no-facts"],
        &[&long, "It rains."],
    );
    done.exits(1)
        .says("do not fit a window of 900")
        .says("say it in fewer words")
        .says("`catena memory read FILE` takes a text of any length into memory");
    assert_eq!(done.stdout, "Noted.\n");
    assert_eq!(server.seen(), 1);
}

#[test]
fn a_budget_is_for_each_turn() {
    let (home, server) = (Home::new(), Server::start(bot));
    let lines = ["One.", "Two.", "Three."];
    // The need, the message's vector, and the answer.
    let done = say(&home, &server, &["--no-facts", "--max-calls", "3"], &lines);
    assert_eq!(done.exits(0).stdout, "Noted.\n".repeat(3));
    let done = say(&home, &server, &["--max-calls", "2"], &[DOG]);
    done.exits(1)
        .says("the budget of 2 calls")
        .says("with a larger budget goes on where it stopped");
    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    assert_eq!(done.exits(0).stdout, "Noted.\n");
    assert_eq!(turns(&home).len(), 4);

    // Facts are beyond what was agreed, and the turn is there.
    let done = say(
        &home,
        &server,
        &["--max-calls", "3"],
        &["My cat is called Tom."],
    );
    let done = done.exits(0).says("without learning facts: ");
    assert_eq!(done.stdout, "Noted.\n");
    assert_eq!(turns(&home).len(), 5);
}

#[test]
fn what_is_no_text_ends_the_conversation() {
    let (home, server) = (Home::new(), Server::start(bot));
    let mut child = chat(&home, &server, &["--no-facts"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"One.\n\xff\xfe\x00\nTwo.\n").unwrap();
    drop(stdin);
    let done = finish(child);
    done.exits(1).says("standard input is no text in UTF-8");
    assert_eq!(done.stdout, "Noted.\n");
}

#[test]
fn an_empty_message_is_wrong_usage() {
    let (home, server) = (Home::new(), Server::start(bot));
    run(&mut chat(&home, &server, &["--once", " "]))
        .exits(2)
        .says("the message is empty");
    assert_eq!(
        run_with_input(&mut chat(&home, &server, &[]), "\n \n")
            .exits(0)
            .stdout,
        ""
    );
    assert_eq!(server.seen(), 0);
}

#[test]
fn an_archive_that_is_open_elsewhere_is_told_so() {
    let (home, server) = (Home::new(), hangs_at(ASKED));
    let child = begin(&home, &server, &format!("{ASKED}\n"));
    server.wait_for(1);
    for args in [&["list"][..], &["show"], &["check"]] {
        let done = run(&mut memory(&home, args));
        done.exits(1)
            .says("is open in another process")
            .says("end that process");
    }
    let done = run(&mut chat(&home, &server, &["--once", "Hello."]));
    done.exits(1).says("is open in another process");
    signal(child.id(), "KILL");
    finish(child);
}

#[test]
fn what_is_no_archive_or_no_index_is_refused() {
    let (home, server) = (Home::new(), Server::start(bot));
    home.write("poem.txt", "Not a database.");
    home.write("long.db", "x".repeat(8192));
    for file in ["poem.txt", "long.db"] {
        let done = run(&mut chat(
            &home,
            &server,
            &["--memory", file, "--once", "Hello."],
        ));
        done.exits(1)
            .says("is no archive of memories")
            .says("name another file");
    }
    assert_eq!(support::bytes(&home.path("poem.txt")), b"Not a database.");
    let done = run(&mut chat(
        &home,
        &server,
        &["--memory", "no/such/memory.db", "--once", "Hi."],
    ));
    done.exits(1).says("name a file in a folder that is there");
    for (flag, value) in [
        ("--index", "fast"),
        ("--index", "qdrant:"),
        ("--embedder", "bert"),
    ] {
        let done = run(&mut home.with(&server, ["chat", flag, value, "--once", "Hi."]));
        done.exits(2).says(&format!("'{value}'"));
    }
    let mut unknown = home.with(&server, ["chat", "--once", "Hi."]);
    run(unknown.env("CATENA_INDEX", "fast"))
        .exits(2)
        .says("'fast' is no index");
    assert_eq!(server.seen(), 0);
}

/// Ctrl-C in the middle of an import: it ends at once, what was taken over stays, and the next goes on.
#[test]
fn an_import_stops_at_ctrl_c_and_goes_on_the_next_time() {
    const TURNS: u64 = 60_000;
    let (home, server) = (Home::new(), Server::start(bot));
    let line = |turn: u64| {
        format!(
            "{{\"user\":\"me\",\"bot\":\"catena\",\"conversation\":\"c\",\"id\":{turn},\"kind\":\"turn\",\
             \"key\":null,\"observation\":\"On day {turn} it rained in Vélm, and on the next it did not.\",\
             \"response\":\"Noted.\",\"summary\":\"\",\"validity\":{{\"from\":{turn},\"until\":null}},\
             \"replaced_by\":null,\"sources\":[{{\"turn\":{turn},\"at\":{turn},\"run\":null}}]}}\n"
        )
    };
    home.write("big.jsonl", (1..=TURNS).map(line).collect::<String>());
    let mut child = begin(&home, &server, "/import big.jsonl\n");
    // Its log grows as soon as it does not fit into memory.
    let log = home.path("data/catena/memory.db-wal");
    let begun = Instant::now();
    while std::fs::metadata(&log).map_or(0, |log| log.len()) < 1 << 20 {
        thread::sleep(Duration::from_millis(5));
        assert!(child.try_wait().unwrap().is_none(), "it imports");
        assert!(begun.elapsed() < support::PATIENCE, "it imports");
    }
    let sent = Instant::now();
    signal(child.id(), "INT");
    let done = finish(child);
    let took = sent.elapsed();
    done.exits(130);
    assert!(took < Duration::from_secs(3), "it took {took:?} to stop");
    assert!(done.stdout.contains("importing again goes on"), "{done:?}");
    let added: u64 = done.stdout.split(' ').next().unwrap().parse().unwrap();
    assert!(0 < added && added < TURNS, "{added}");
    let list = run(&mut memory(&home, &["list", "--json"])).exits(0).json();
    assert_eq!(list[0]["items"], added);

    let mut import = memory(
        &home,
        &["import", "big.jsonl", "--conversation", "default", "--json"],
    );
    let json = run(&mut import).exits(0).json();
    assert_eq!(
        (&json["added"], &json["merged"]),
        (&(TURNS - added).into(), &added.into())
    );
    let list = run(&mut memory(&home, &["list", "--json"])).exits(0).json();
    assert_eq!(
        (list[0]["items"].as_u64(), list.as_array().unwrap().len()),
        (Some(TURNS), 1)
    );

    // Of an export that is stopped no file stays, under whichever name.
    let before = home.names();
    let mut export = memory(&home, &["export", "-o", "all.jsonl"]);
    let child = export.spawn().unwrap();
    let begun = Instant::now();
    while home.names() == before {
        thread::sleep(Duration::from_millis(1));
        assert!(begun.elapsed() < support::PATIENCE, "it exports");
    }
    signal(child.id(), "INT");
    finish(child).exits(130).says("nothing was written");
    assert_eq!(home.names(), before);
}

/// A conversation comes to be with its first turn that is remembered, and can be gone on with before.
#[test]
fn a_first_turn_that_fails_makes_no_conversation() {
    let refused = AtomicBool::new(false);
    let server = Server::start(move |request| match refused.swap(true, Ordering::SeqCst) {
        false => Reply::Status(503, "later"),
        true => bot(request),
    });
    let home = Home::new();
    say(&home, &server, &["--no-facts"], &[DOG]).exits(1);
    let list = run(&mut memory(&home, &["list", "--json"])).exits(0).json();
    assert_eq!(list, Value::Array(Vec::new()));
    let other = say(
        &home,
        &server,
        &["garden"],
        &["/conversations", "/switch default"],
    );
    other.exits(1).says("there is no conversation 'default'");
    assert!(!other.stdout.contains("default"), "{other:#?}");
    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    assert_eq!(done.exits(0).stdout, "Noted.\n");
    assert_eq!(turns(&home).len(), 1);
}

/// What comes of nothing leaves nothing behind.
#[test]
fn no_archive_is_made_for_nothing() {
    let (home, server) = (Home::new(), Server::start(bot));
    home.write("book.txt", "Rex lives in a house.");
    let archive = home.path("data/catena/memory.db");
    let with = ["--index", "exact", "--embedder", "hashing"];
    let wrong = |args: &[&str], code: i32| {
        run(home.with(&server, args).args(with)).exits(code);
        assert!(!archive.exists(), "{args:?}");
    };
    for model in ["no-such-model", "minilm", "openai:"] {
        wrong(&["chat", "-m", model, "--once", DOG], 2);
        wrong(&["memory", "read", "book.txt", "-m", model], 2);
    }
    // A file that is none shows only when it is to be loaded, and a window when the graph is made.
    wrong(&["chat", "-m", "./no/such.gguf", "--once", DOG], 2);
    wrong(&["memory", "read", "book.txt", "--window", "20"], 2);
    let done = run_with_input(&mut chat(&home, &server, &[]), "/help\n");
    done.exits(0);
    assert!(!archive.exists(), "nothing was said");
    assert_eq!(server.seen(), 0);
    say(&home, &server, &["--no-facts"], &[DOG]).exits(0);
    assert!(archive.exists());
}
