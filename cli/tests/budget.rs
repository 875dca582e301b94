//! Limits of a run: each stops it with exit code 1, names itself, and shows what was read so far.

mod support;

use support::{FACT, Home, NOTE, Reply, Server, book, reader, run};

const PRICES: &str = "[openai]\ninput_price = 1000.0\noutput_price = 1000.0\n";

#[test]
fn calls() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let done = run(&mut home.ask(&server, "book.txt", &["--max-calls", "2"]));
    done.exits(1)
        .prints_nothing()
        .says("the budget of 2 calls does not allow the next call")
        .says("help: allow more calls")
        .says(&format!("after 2 chunks the notes were: {NOTE}"))
        .says("2 calls, 200 tokens read, 20 written");
    assert_eq!(server.seen(), 2);
}

#[test]
fn no_call_at_all() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &["--max-calls", "0"]))
        .exits(1)
        .says("the budget of 0 calls");
    assert_eq!(server.seen(), 0);
}

#[test]
fn exactly_as_many_calls_as_are_needed_are_enough() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &[])).exits(0);
    let calls = server.seen();
    let enough = calls.to_string();
    run(&mut home.ask(&server, "book.txt", &["--max-calls", &enough])).exits(0);
    let short = (calls - 1).to_string();
    run(&mut home.ask(&server, "book.txt", &["--max-calls", &short]))
        .exits(1)
        .prints_nothing();
}

#[test]
fn tokens() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let done = run(&mut home.ask(&server, "book.txt", &["--max-tokens", "900"]));
    done.exits(1)
        .prints_nothing()
        .says("the budget of 900 tokens")
        .says("the notes were:");
    let calls = server.seen() as u64;
    assert!(calls >= 1, "the first call fits");
    assert!(calls * 110 <= 900, "{calls} calls of 110 tokens");
}

#[test]
fn money() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    home.configure(PRICES);
    let done = run(&mut home.ask(&server, "book.txt", &["--max-cost", "$0.60"]));
    done.exits(1)
        .prints_nothing()
        .says("the budget of $0.60")
        .says("cost does not allow the next call");
    // 110 tokens at a tenth of a cent each.
    let calls = server.seen();
    assert!((1..=5).contains(&calls), "{calls} calls of 11 cents");
}

#[test]
fn money_spent_is_told() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    home.configure(PRICES);
    let json = run(&mut home.ask(&server, "book.txt", &["--json", "--max-cost", "100"]))
        .exits(0)
        .json();
    let spent = json["cost_dollars"].as_f64().unwrap();
    assert!(
        (spent - 0.11 * server.seen() as f64).abs() < 1e-9,
        "{spent}"
    );
}

#[test]
fn time() {
    let server = Server::start(|request| match request.number {
        0 => reader(request),
        _ => Reply::Hang,
    });
    let home = Home::new();
    home.write("book.txt", book());
    run(&mut home.ask(&server, "book.txt", &["--max-time", "1s"]))
        .exits(1)
        .prints_nothing()
        .says("the time limit of 1s has passed")
        .says(&format!("after 1 chunks the notes were: {NOTE}"));
    assert_eq!(server.seen(), 2);
}

#[test]
fn the_same_as_json() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("book.txt", book());
    let done = run(&mut home.ask(&server, "book.txt", &["--json", "--max-calls", "2"]));
    let json = done.exits(1).json();
    assert_eq!(done.stderr, "");
    assert_eq!(json["status"], "failed");
    assert_eq!(json["answer"], serde_json::Value::Null);
    assert_eq!(json["units"].as_array().unwrap().len(), 2);
    assert_eq!(json["units"][1]["text"], NOTE);
    assert_eq!(json["usage"]["calls"], 2);
    let error = json["error"].as_str().unwrap();
    assert!(error.contains("the budget of 2 calls"), "{error}");
    assert!(
        json["help"]
            .as_str()
            .unwrap()
            .contains("with a larger budget goes on")
    );
}

#[test]
fn what_is_left_is_told() {
    let (home, server) = (Home::new(), Server::start(reader));
    home.write("note.txt", FACT);
    run(&mut home.ask(&server, "note.txt", &["--max-calls", "9"]))
        .exits(0)
        .says("left: 7 calls");
}

#[test]
fn limits_that_are_none_are_wrong_usage() {
    let home = Home::new();
    home.write("book.txt", book());
    for (flag, value) in [
        ("--max-calls", "many"),
        ("--max-tokens", "1.5"),
        ("--max-cost", "NaN"),
        ("--max-cost", "1e999"),
        ("--max-time", "soon"),
        ("--answer-tokens", "0"),
        ("--window", "0"),
    ] {
        run(&mut home.catena(["ask", "book.txt", "-q", "Who?", flag, value]))
            .exits(2)
            .prints_nothing()
            .says(flag);
    }
}
