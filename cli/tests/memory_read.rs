//! `catena memory read`: a document becomes a conversation's memory.

mod support;

use serde_json::Value;
use support::{
    Finished, Home, Reply, Request, Server, finish, run, signal,
    talk::{memory, purpose, say, system},
};

const QUESTION: &str = "Which colour had the door of number 7?";

/// Twelve paragraphs, of which one tells the colour of a door.
fn street() -> String {
    (1..=12)
        .map(|number| {
            let door = match number {
                7 => "Its door was vermilion.",
                _ => "Nobody remembers its door.",
            };
            let rest =
                "The neighbours talked about the weather and the price of bread. ".repeat(20);
            format!("House number {number} stood in the old street. {door} {rest}\n\n")
        })
        .collect()
}

/// Summarises, and knows the colour if it is in its prompt.
fn reader(request: &Request) -> Reply {
    match () {
        () if system(request).starts_with("You summarise") => Reply::text("A house in a street."),
        () if system(request).starts_with("You join") => Reply::text("A street of houses."),
        () if matches!(purpose(request), support::talk::For::Answer) => {
            let all = request.body["messages"].to_string();
            Reply::text(match all.contains("vermilion") {
                true => "Vermilion.",
                false => "I do not know.",
            })
        }
        () => Reply::text("notes"),
    }
}

fn command(home: &Home, server: &Server, more: &[&str]) -> std::process::Command {
    home.write("street.txt", street());
    let mut command = home.with(server, ["memory", "read", "street.txt"]);
    command.args([
        "--index",
        "exact",
        "--embedder",
        "hashing",
        "--window",
        "800",
    ]);
    command.args(more);
    command
}

fn segments(home: &Home) -> Value {
    run(&mut memory(
        home,
        &["show", "street.txt", "--turns", "--json"],
    ))
    .exits(0)
    .json()
}

fn asked(home: &Home, server: &Server) -> Finished {
    say(
        home,
        server,
        &["street.txt", "--no-facts", "--window", "1500"],
        &[QUESTION],
    )
}

#[test]
fn a_document_is_read_and_questions_about_it_are_answered() {
    let (home, server) = (Home::new(), Server::start(reader));
    let done = run(&mut command(&home, &server, &[]));
    assert_eq!(done.exits(0).stdout, "A street of houses.\n");
    done.says("catena chat 'street.txt'");
    let segments = segments(&home);
    let segments = segments.as_array().unwrap();
    assert!(segments.len() > 4, "{}", segments.len());
    let text: String = segments
        .iter()
        .map(|turn| turn["observation"].as_str().unwrap())
        .collect();
    assert_eq!(
        text.matches("House number").count(),
        12,
        "nothing is lost or read twice"
    );
    assert_eq!(asked(&home, &server).exits(0).stdout, "Vermilion.\n");
}

#[test]
fn json_says_where_it_is_remembered() {
    let (home, server) = (Home::new(), Server::start(reader));
    let told = run(&mut command(&home, &server, &["-c", "houses", "--json"]))
        .exits(0)
        .json();
    assert_eq!(told["conversation"], "houses");
    assert_eq!(told["summary"], "A street of houses.");
    let shown = run(&mut memory(&home, &["show", "houses", "--turns", "--json"]))
        .exits(0)
        .json();
    assert_eq!(told["segments"], shown.as_array().unwrap().len());
}

#[test]
fn what_a_budget_stopped_goes_on_and_reads_nothing_twice() {
    let (home, server) = (Home::new(), Server::start(reader));
    let done = run(&mut command(&home, &server, &["--max-calls", "3"]));
    done.exits(1).says("catena runs resume");
    assert_eq!(segments(&home).as_array().unwrap().len(), 3);
    goes_on(&home, &server);
}

#[test]
fn what_was_killed_goes_on_and_reads_nothing_twice() {
    let slow = |request: &Request| {
        std::thread::sleep(std::time::Duration::from_millis(150));
        reader(request)
    };
    let (home, server) = (Home::new(), Server::start(slow));
    for (name, code) in [("INT", Some(130)), ("KILL", None)] {
        let before = server.seen();
        let child = match code {
            Some(_) => command(&home, &server, &[]).spawn().unwrap(),
            None => {
                let mut resume = home.with(&server, ["runs", "resume", "last"]);
                resume.spawn().unwrap()
            }
        };
        server.wait_for(before + 2);
        signal(child.id(), name);
        let done = finish(child);
        if let Some(code) = code {
            done.exits(code).says("catena runs resume");
        }
    }
    goes_on(&home, &server);
}

/// Goes on with the last run to its end: what is remembered is the document, once.
fn goes_on(home: &Home, server: &Server) {
    let before = server.seen();
    let done = run(&mut home.with(server, ["runs", "resume", "last"]));
    assert_eq!(done.exits(0).stdout, "A street of houses.\n");
    let fork = run(&mut home.with(server, ["runs", "fork", "last", "--at", "1"]));
    fork.exits(2).says("another conversation");
    let whole = Server::start(reader);
    let fresh = Home::new();
    run(&mut command(&fresh, &whole, &[])).exits(0);
    assert!(
        server.seen() - before < whole.seen(),
        "something was not made again"
    );
    let texts = |home: &Home| -> Vec<Value> {
        let shown = segments(home);
        let turns = shown.as_array().unwrap();
        turns
            .iter()
            .map(|turn| turn["observation"].clone())
            .collect()
    };
    assert_eq!(texts(home), texts(&fresh));
    assert_eq!(asked(home, server).exits(0).stdout, "Vermilion.\n");
}

#[test]
fn bad_documents_and_windows_are_refused_before_anything_is_made() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("empty.txt", "");
    home.write("binary.txt", [0, 159, 146, 150, 0, 1]);
    // As `catena ask` refuses them.
    for file in ["empty.txt", "binary.txt", "missing.txt"] {
        let done = run(&mut home.with(&server, ["memory", "read", file]));
        done.exits(1).says(file);
    }
    assert!(!home.path("data").exists(), "no archive was made");
    home.write("street.txt", street());
    let done = run(home
        .with(&server, ["memory", "read", "street.txt", "--window", "60"])
        .args(["--index", "exact", "--embedder", "hashing"]));
    done.exits(2).says("a window of 60 tokens leaves");
    assert_eq!(server.seen(), 0);
}
