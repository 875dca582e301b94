//! A server that fails for a while: the command asks again, says so, and ends all the same.

#![cfg(unix)]

mod support;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use support::{
    ANSWER, FACT, Home, QUESTION, Reply, Server, book, finish, reader, run, signal,
    talk::{self, DOG, bot},
};

/// What three retries may take in all when nobody asks for more: 0.5, 1 and 2 seconds at most.
const BACKOFF: Duration = Duration::from_millis(3500);
/// For everything else that a command does.
const REST: Duration = Duration::from_secs(4);

/// A server that answers its first requests with `first`, and the others as it should.
fn at_first(count: usize, first: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request| match request.number < count {
        true => first(),
        false => reader(request),
    })
}

/// `catena ask` about a note, with as many retries as the command makes by itself.
fn ask(home: &Home, server: &Server, more: &[&str]) -> Command {
    home.write("note.txt", FACT);
    let mut command = home.with(server, ["ask", "note.txt", "-q", QUESTION]);
    command.args(more).env_remove("CATENA_RETRIES");
    command
}

#[test]
fn a_server_that_says_when_to_come_back_is_asked_again_then() {
    let (home, server) = (Home::new(), at_first(2, || Reply::Later(1)));
    let begun = Instant::now();
    let done = run(&mut ask(&home, &server, &[]));
    done.exits(0).says("rate limited, trying again in 2 s");
    assert!(done.stdout.starts_with(ANSWER), "{done:?}");
    assert_eq!(
        server.seen(),
        4,
        "a worker and the manager, and two attempts in vain"
    );
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(2),
        "it came back after {took:?}"
    );
}

#[test]
fn nobody_is_told_who_wants_no_progress() {
    let (home, server) = (Home::new(), at_first(1, || Reply::Later(0)));
    let done = run(&mut ask(&home, &server, &["--quiet"]));
    assert_eq!(done.exits(0).stderr, "");
    let server = at_first(1, || Reply::Later(0));
    let done = run(&mut ask(&home, &server, &["--json"]));
    assert_eq!(done.exits(0).json()["usage"]["calls"], 3);
}

#[test]
fn a_talk_goes_on_behind_a_failure_and_says_that_it_waits() {
    let server = Server::start(|request| match request.number {
        0 => Reply::Later(0),
        _ => bot(request),
    });
    let home = Home::new();
    let mut chat = talk::chat(&home, &server, &[]);
    let done = support::run_with_input(chat.env_remove("CATENA_RETRIES"), &format!("{DOG}\n"));
    done.exits(0).says("rate limited, trying again in 1 s");
    assert_eq!(done.stdout, "Noted.\n");
}

#[test]
fn a_budget_that_suffices_without_failures_suffices() {
    let home = Home::new();
    home.write("book.txt", book());
    let ask = |server: &Server, calls: usize| {
        let calls = calls.to_string();
        let mut ask = home.ask(server, "book.txt", &["--max-calls", &calls, "--no-journal"]);
        run(ask.env_remove("CATENA_RETRIES"))
    };
    let server = Server::start(reader);
    ask(&server, 1000).exits(0);
    let calls = server.seen();
    ask(&server, calls).exits(0);
    // A failure is a call as well, and where none is left the run ends with what failed.
    let server = at_first(1, || Reply::Later(0));
    ask(&server, calls + 1).exits(0);
    let server = at_first(1, || Reply::Later(0));
    ask(&server, 1)
        .exits(1)
        .says("429")
        .says("the budget allows no further attempt");
    assert_eq!(server.seen(), 1);
}

#[test]
fn a_dead_server_is_given_up_soon() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let server = Server::start(reader);
    let begun = Instant::now();
    let done = run(ask(&home, &server, &[]).env("CATENA_BASE_URL", url));
    done.exits(1)
        .says("trying again in")
        .says("4 attempts were made");
    let took = begun.elapsed();
    assert!(took < BACKOFF + REST, "it took {took:?}");
    assert_eq!(server.seen(), 0);
}

#[test]
fn what_does_not_pass_is_not_asked_again() {
    for status in [400, 401, 403, 404] {
        let (home, server) = (
            Home::new(),
            at_first(1, move || Reply::Status(status, "no")),
        );
        run(&mut ask(&home, &server, &[]))
            .exits(1)
            .says(&status.to_string());
        assert_eq!(server.seen(), 1);
    }
    let (home, server) = (Home::new(), at_first(1, || Reply::Later(3600)));
    run(&mut ask(&home, &server, &[])).exits(1);
    assert_eq!(server.seen(), 1, "nobody waits for an hour");
}

#[test]
fn ctrl_c_is_heard_while_it_waits() {
    let (home, server) = (Home::new(), at_first(9, || Reply::Later(50)));
    let mut child = ask(&home, &server, &[]).spawn().unwrap();
    let stderr = child.stderr.take().unwrap();
    let (waits, told) = std::sync::mpsc::channel();
    let reading = thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(stderr).lines() {
            let line = line.unwrap();
            if line.contains("trying again in") {
                waits.send(()).unwrap();
            }
            all += &line;
            all.push('\n');
        }
        all
    });
    told.recv_timeout(support::PATIENCE).unwrap();
    let sent = Instant::now();
    signal(child.id(), "INT");
    finish(child).exits(130);
    assert!(
        sent.elapsed() < Duration::from_secs(2),
        "{:?}",
        sent.elapsed()
    );
    assert!(reading.join().unwrap().contains("interrupted"));
    assert_eq!(server.seen(), 1);
}

#[test]
fn how_a_server_is_asked_can_be_set() {
    let home = Home::new();
    let attempts = |config: &str, retries: Option<&str>| {
        home.configure(config);
        let server = at_first(9, || Reply::Status(503, "busy"));
        let mut ask = ask(&home, &server, &[]);
        if let Some(retries) = retries {
            ask.env("CATENA_RETRIES", retries);
        }
        run(&mut ask).exits(1);
        server.seen()
    };
    assert_eq!(attempts("[openai]\nretries = 1", None), 2);
    assert_eq!(attempts("[openai]\nretries = 1", Some("0")), 1);
    home.configure("");
    let server = Server::start(reader);
    for (name, wrong) in [
        ("CATENA_RETRIES", "often"),
        ("CATENA_RETRIES", "-1"),
        ("CATENA_PARALLEL", "0"),
        ("CATENA_REQUESTS_PER_MINUTE", "0"),
        ("CATENA_TOKENS_PER_MINUTE", "many"),
        ("CATENA_TIMEOUT", "soon"),
        ("CATENA_TIMEOUT", "0s"),
    ] {
        let done = run(ask(&home, &server, &[]).env(name, wrong));
        done.exits(2).says(name).says(wrong);
    }
    home.configure("[openai]\nparallel = 0");
    run(&mut ask(&home, &server, &[])).exits(2).says("parallel");
}

/// Models and embedders alike.
#[test]
fn how_long_a_server_may_be_silent_can_be_set() {
    let (home, server) = (Home::new(), Server::start(|_| Reply::Hang));
    home.configure("[openai]\nretries = 0\ntimeout = '1s'");
    let info = run(&mut home.with(&server, ["models", "info", "openai:test", "--json"]));
    assert_eq!(info.exits(0).json()["timeout_seconds"], 1.0);
    let begun = Instant::now();
    let within = |most: u64| assert!(begun.elapsed() < Duration::from_secs(most));
    run(&mut ask(&home, &server, &[]))
        .exits(1)
        .says("nothing came for 1s");
    within(30);
    // The environment beats the file.
    home.configure("[openai]\nretries = 0\ntimeout = '10m'");
    let mut soon = ask(&home, &server, &[]);
    run(soon.env("CATENA_TIMEOUT", "1s"))
        .exits(1)
        .says("nothing came for 1s");
    let talked = Server::start(bot);
    talk::say(&home, &talked, &["--no-facts"], &[DOG]).exits(0);
    let mut reindex = home.with(&server, ["memory", "reindex", "--index", "exact"]);
    reindex.args(["--embedder", "openai:slow:8"]);
    run(reindex.env("CATENA_TIMEOUT", "1s"))
        .exits(1)
        .says("nothing came for 1s");
    within(60);
    home.configure("[openai]\ntimeout = '0s'");
    run(&mut ask(&home, &server, &[])).exits(2).says("timeout");
}

/// A request that can never be made within the limit says so; nothing is sent.
#[test]
fn tokens_a_minute_are_limited() {
    let (home, server) = (Home::new(), Server::start(reader));
    let done = run(ask(&home, &server, &[]).env("CATENA_TOKENS_PER_MINUTE", "20"));
    done.exits(2).says("never fits the 20 tokens a minute");
    assert_eq!(server.seen(), 0);
}

/// One request a minute: the worker's goes at once, and the manager's a minute later.
#[test]
fn requests_a_minute_are_limited() {
    let (home, server) = (Home::new(), Server::start(reader));
    let mut child = ask(&home, &server, &[])
        .env("CATENA_REQUESTS_PER_MINUTE", "1")
        .spawn()
        .unwrap();
    server.wait_for(1);
    thread::sleep(Duration::from_secs(2));
    assert_eq!((server.seen(), child.try_wait().unwrap()), (1, None));
    signal(child.id(), "INT");
    finish(child).exits(130);
}
