//! Ctrl-C and worse in the middle of a run.

#![cfg(unix)]

mod support;

use std::{
    fs,
    io::Read,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{
    ANSWER, FACT, Finished, Home, NOTE, PATIENCE, Reply, Server, book, finish, reader, run, signal,
};

/// How soon Ctrl-C has to take effect.
const SOON: Duration = Duration::from_secs(2);

/// A server that hangs at its request `at`, the first time.
fn hangs_at(at: usize) -> Server {
    let hung = AtomicBool::new(false);
    Server::start(move |request| {
        if request.number == at && !hung.swap(true, Ordering::SeqCst) {
            Reply::Hang
        } else {
            reader(request)
        }
    })
}

/// Runs `command` until the server has seen `count` requests, and sends it a signal.
#[track_caller]
fn signalled(command: &mut Command, server: &Server, count: usize, name: &str) -> Finished {
    let child = command.spawn().unwrap();
    server.wait_for(count);
    let sent = Instant::now();
    signal(child.id(), name);
    let done = finish(child);
    let took = sent.elapsed();
    assert!(took < SOON, "it took {took:?} to stop");
    done
}

#[test]
fn ctrl_c_stops_a_worker() {
    let (home, server) = (Home::new(), hangs_at(2));
    home.write("book.txt", book());
    let done = signalled(&mut home.ask(&server, "book.txt", &[]), &server, 3, "INT");
    done.exits(130)
        .prints_nothing()
        .says("× interrupted")
        .says("help: `catena runs resume")
        .says("` goes on where it stopped")
        .says(&format!("after 2 chunks the notes were: {NOTE}"));
    assert_eq!(server.seen(), 3, "nothing was asked after it");
}

#[test]
fn ctrl_c_before_anything_was_read() {
    let (home, server) = (Home::new(), hangs_at(0));
    home.write("book.txt", book());
    let done = signalled(&mut home.ask(&server, "book.txt", &[]), &server, 1, "INT");
    done.exits(130).prints_nothing().says("interrupted");
}

#[test]
fn ctrl_c_is_told_in_json() {
    let (home, server) = (Home::new(), hangs_at(2));
    home.write("book.txt", book());
    let mut ask = home.ask(&server, "book.txt", &["--json"]);
    let done = signalled(&mut ask, &server, 3, "INT");
    let json = done.exits(130).json();
    assert_eq!(json["status"], "cancelled");
    assert_eq!(json["units"].as_array().unwrap().len(), 2);
    assert_eq!(json["answer"], Value::Null);
    assert_eq!(json["usage"]["calls"], 3);
}

#[test]
fn ctrl_c_stops_an_answer_that_streams() {
    let (pieces, come) = mpsc::channel::<String>();
    let come = Mutex::new(Some(come));
    let server = Server::start(move |request| match request.is_manager() {
        true => Reply::Pieces(Box::new(come.lock().unwrap().take().unwrap().into_iter())),
        false => reader(request),
    });
    let home = Home::new();
    home.write("note.txt", FACT);
    let mut child = home.ask(&server, "note.txt", &[]).spawn().unwrap();
    pieces.send("Oda ".to_owned()).unwrap();
    let mut printed = [0; 4];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut printed)
        .unwrap();
    signal(child.id(), "INT");
    let done = finish(child);
    done.exits(130).says("interrupted");
    assert_eq!(
        done.stdout, "\n",
        "the line is ended, and no passages follow"
    );
}

/// A signal must not get lost between two events.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_counts_while_nobody_takes_what_is_printed() {
    let (pieces, come) = mpsc::channel::<String>();
    let come = Mutex::new(Some(come));
    let server = Server::start(move |request| match request.is_manager() {
        true => Reply::Pieces(Box::new(come.lock().unwrap().take().unwrap().into_iter())),
        false => reader(request),
    });
    let home = Home::new();
    home.write("note.txt", FACT);
    let child = home.ask(&server, "note.txt", &[]).spawn().unwrap();
    // More than a pipe holds.
    for _ in 0..20 {
        pieces.send("x".repeat(10_000)).unwrap();
    }
    server.wait_for(2);
    // The command waits in the middle of printing once its main thread sleeps in a pipe.
    let blocked = format!("/proc/{}/wchan", child.id());
    let since = Instant::now();
    while !fs::read_to_string(&blocked).unwrap().contains("pipe_write") {
        assert!(since.elapsed() < PATIENCE);
        thread::yield_now();
    }
    signal(child.id(), "INT");
    finish(child).exits(130);
}

#[test]
fn a_run_goes_on_after_ctrl_c_with_the_calls_that_are_missing() {
    goes_on_after("INT");
}

#[test]
fn a_run_goes_on_after_the_process_was_killed() {
    goes_on_after("KILL");
}

/// How many calls of the last run are recorded.
fn recorded_calls(home: &Home) -> u64 {
    let list = run(&mut home.catena(["runs", "list", "--json"]))
        .exits(0)
        .json();
    list[0]["entries"].as_u64().unwrap()
}

/// What `--help` promises: "after every call".
#[test]
fn each_call_is_recorded_before_the_next_is_made() {
    let home = Arc::new(Home::new());
    home.write("book.txt", book());
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let (noted, looked_at) = (Arc::clone(&recorded), Arc::clone(&home));
    let server = Server::start(move |request| {
        noted.lock().unwrap().push(recorded_calls(&looked_at));
        reader(request)
    });
    run(&mut home.ask(&server, "book.txt", &[])).exits(0);
    let each: Vec<u64> = (0..server.seen() as u64).collect();
    assert_eq!(*recorded.lock().unwrap(), each);
}

fn goes_on_after(name: &str) {
    let home = Home::new();
    home.write("book.txt", book());
    let whole = Server::start(reader);
    run(&mut home.ask(&whole, "book.txt", &[])).exits(0);

    let server = hangs_at(2);
    let child = home.ask(&server, "book.txt", &[]).spawn().unwrap();
    server.wait_for(3);
    assert_eq!(recorded_calls(&home), 2);
    signal(child.id(), name);
    let done = finish(child);
    done.prints_nothing();
    if name == "INT" {
        done.exits(130)
            .says("help: `catena runs resume")
            .says("` goes on where it stopped");
        assert_eq!(home.names(), ["book.txt"], "and no other file");
    }

    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    done.exits(0);
    assert!(done.stdout.starts_with(ANSWER), "{done:#?}");
    assert_eq!(
        server.seen(),
        whole.seen() + 1,
        "only the call cut off is made twice"
    );
    // The run as a whole was the one that would have been without the interruption.
    let texts = |server: &Server| -> Vec<String> {
        let requests = server.requests();
        let mut texts: Vec<String> = requests.iter().map(|one| one.user().to_owned()).collect();
        texts.dedup();
        texts
    };
    assert_eq!(texts(&server), texts(&whole));
}
