//! Answers that are not whole, cut off, withheld or empty: each command says so, and the record of the run too.

mod support;

use serde_json::Value;
use support::{
    ANSWER, Finished, Home, Reply, Request, Server, book, reader, run,
    talk::{DOG, For, bot, memory, purpose, say},
};

const CUT: &str = "the answer was cut off at its limit of tokens; --answer-tokens allows more";
const WITHHELD: &str = "of the answer the provider withheld the rest";

/// Reads as it should, and ends its answer for a reason.
fn ends(text: &'static str, why: &'static str) -> Server {
    Server::start(move |request| match request.is_manager() {
        true => Reply::Ended(text, why),
        false => reader(request),
    })
}

fn ask(home: &Home, server: &Server, more: &[&str]) -> Finished {
    home.write("book.txt", book());
    run(&mut home.ask(server, "book.txt", more))
}

fn events(home: &Home) -> String {
    let export = run(&mut home.catena(["runs", "export", "last"]));
    export.exits(0).stdout.clone()
}

#[test]
fn an_answer_that_ended_early_is_told_of() {
    for (why, told) in [("length", CUT), ("content_filter", WITHHELD)] {
        let (home, server) = (Home::new(), ends(ANSWER, why));
        let done = ask(&home, &server, &[]);
        assert!(done.exits(0).stdout.starts_with(ANSWER), "{done:#?}");
        done.says(told);
        ask(&home, &server, &["--quiet"]).exits(0).says(told);
        assert!(events(&home).contains("\"answer.cut\""));
        let show = run(&mut home.catena(["runs", "show", "last"]));
        let show = &show.exits(0).stdout;
        assert!(
            show.contains("\nbut  ") && show.contains("(cut off) Oda"),
            "{show}"
        );
        let json = ask(&home, &server, &["--json"]);
        assert_eq!(json.exits(0).json()["finish"], why);
        assert_eq!(json.stderr, "");
    }
    let (home, server) = (Home::new(), Server::start(reader));
    let whole = ask(&home, &server, &[]);
    assert!(!whole.exits(0).stderr.contains("cut off"), "{whole:#?}");
    assert_eq!(
        ask(&home, &server, &["--json"]).exits(0).json()["finish"],
        "stop"
    );
}

#[test]
fn an_empty_answer_is_a_failure() {
    for (why, told) in [
        ("stop", "the model gave an empty answer"),
        (
            "length",
            "came to its limit of tokens before its first word",
        ),
        ("content_filter", "the provider withheld the answer"),
    ] {
        let (home, server) = (Home::new(), ends(" \n", why));
        let done = ask(&home, &server, &[]);
        done.exits(1).says(told);
        // The answer is recorded, and would be the same.
        assert!(!done.stderr.contains("runs resume"), "{done:#?}");
        let json = ask(&home, &server, &["--json"]);
        let json = json.exits(1).json();
        assert_eq!(json["status"], "failed");
        assert!(json["error"].as_str().unwrap().contains(told), "{json}");
    }
}

fn answers(text: &'static str, why: &'static str) -> Server {
    Server::start(move |request| match purpose(request) {
        For::Answer => Reply::Ended(text, why),
        _ => bot(request),
    })
}

#[test]
fn a_talk_tells_of_an_answer_that_ended_early_and_remembers_it() {
    let (home, server) = (Home::new(), answers("Noted, and then", "length"));
    let done = say(&home, &server, &["--no-facts"], &[DOG]);
    assert_eq!(done.exits(0).stdout, "Noted, and then\n");
    done.says(CUT);
    assert!(events(&home).contains("\"answer.cut\""));
    let json = say(&home, &server, &["--no-facts", "--json"], &["It rains."]);
    let turn: Value = serde_json::from_str(json.exits(0).stdout.trim()).unwrap();
    assert_eq!(
        (&turn["finish"], &turn["turn"]),
        (&"length".into(), &2.into())
    );
}

#[test]
fn an_empty_answer_of_a_talk_is_a_failure_and_nothing_is_remembered() {
    let (home, server) = (Home::new(), answers("", "stop"));
    let done = say(&home, &server, &["--no-facts"], &[DOG]);
    done.exits(1).says("the model gave an empty answer");
    assert!(!done.stderr.contains("runs resume"), "{done:#?}");
    let turns = run(&mut memory(&home, &["list", "--json"]));
    assert_eq!(turns.exits(0).json(), Value::Array(Vec::new()));
}

/// Half of a value is none: "New" is not where somebody lives who lives in New York.
#[test]
fn a_list_of_facts_that_was_cut_off_has_no_last_line() {
    let server = Server::start(|request| match purpose(request) {
        For::Facts => Reply::Ended("name: Ada\ncity: New", "length"),
        _ => bot(request),
    });
    let home = Home::new();
    let done = say(&home, &server, &[], &["I am Ada and live in New York."]);
    done.exits(0).says("the list of facts was cut off");
    let facts = run(&mut memory(&home, &["show", "--facts", "--json"]));
    let facts = facts.exits(0).json();
    assert_eq!(facts.as_array().unwrap().len(), 1, "{facts}");
    assert_eq!(facts[0]["observation"], "Ada");
}

/// Reads a document of several segments with this model.
fn read(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static, json: bool) -> Finished {
    let (home, server) = (Home::new(), Server::start(answer));
    home.write("book.txt", book());
    let mut read = home.with(&server, ["memory", "read", "book.txt", "--window", "600"]);
    read.args(["--index", "exact", "--embedder", "hashing"]);
    if json {
        read.arg("--json");
    }
    run(&mut read)
}

fn joins(request: &Request) -> bool {
    support::talk::system(request).starts_with("You join")
}

#[test]
fn summaries_that_lack_something_are_counted() {
    let cut = |request: &Request| match (joins(request), request.number) {
        (true, _) => Reply::text("A barge and a lighthouse."),
        (false, 0) => Reply::Ended("", "stop"),
        (false, _) => Reply::Ended("A barge. A light", "length"),
    };
    let done = read(cut, false);
    assert_eq!(done.exits(0).stdout, "A barge and a lighthouse.\n");
    done.says("summaries ended before the end; in the place of 1 summary that had no words");
    let json = read(cut, true);
    let json = json.exits(0).json();
    assert_eq!(json["empty"], 1);
    assert_eq!(
        json["cut"].as_u64().unwrap() + 1,
        json["segments"],
        "{json}"
    );
}

#[test]
fn an_empty_summary_of_the_whole_is_a_failure() {
    let empty = |request: &Request| match joins(request) {
        true => Reply::Ended("", "stop"),
        false => Reply::text("A barge."),
    };
    read(empty, false)
        .exits(1)
        .says("of the summary of the whole the model said nothing")
        .says("what was read is remembered");
}
