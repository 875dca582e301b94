//! `catena memory`: what conversations remember, without a model.

mod forgetting;
mod mending;
#[cfg(unix)]
mod own_model;
#[path = "../support/mod.rs"]
mod support;
mod told;
mod transfers;

use std::fs;

use serde_json::Value;
use support::{
    Finished, Home, Reply, Server, bytes, finish, run, signal,
    talk::{ASKED, DOG, For, KNOWN, UNKNOWN, bot, chat, memory, purpose, said, say},
};

/// A home in which two conversations were had.
fn talked() -> (Home, Server) {
    let (home, server) = (Home::new(), Server::start(bot));
    say(&home, &server, &[], &[DOG, "The roses are white."]).exits(0);
    say(&home, &server, &["garden"], &["Tulips come in April."]).exits(0);
    (home, server)
}

#[track_caller]
fn told(home: &Home, args: &[&str]) -> Finished {
    run(&mut memory(home, args))
}

#[track_caller]
fn json(home: &Home, args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.push("--json");
    told(home, &all).exits(0).json()
}

fn ids(items: &Value) -> Vec<u64> {
    let items = items.as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_u64().unwrap())
        .collect()
}

#[test]
fn nothing_was_remembered_yet() {
    let home = Home::new();
    assert_eq!(
        told(&home, &["list"]).exits(0).stdout,
        "nothing is remembered yet\n"
    );
    assert_eq!(json(&home, &["list"]), Value::Array(Vec::new()));
    assert_eq!(
        told(&home, &["show"]).exits(0).stdout,
        "nothing is remembered\n"
    );
    told(&home, &["export"])
        .exits(2)
        .says("nothing is remembered yet");
    assert!(!home.path("data").exists(), "looking makes no archive");
}

#[test]
fn conversations_are_listed() {
    let (home, _server) = talked();
    let list = told(&home, &["list"]);
    let lines: Vec<&str> = list.exits(0).stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].contains("     2") && lines[1].ends_with("me/catena/default"),
        "{list:#?}"
    );
    assert!(lines[2].ends_with("me/catena/garden"));
    // Two turns, and the fact in one of them.
    assert_eq!(json(&home, &["list"])[0]["items"], 3);
}

/// Of the turns that were forgotten the number of the last is left.
#[test]
fn what_was_forgotten_is_not_counted() {
    let (home, server) = talked();
    told(&home, &["forget", "1", "2", "3", "--yes"]).exits(0);
    let list = told(&home, &["list"]);
    let line = list.exits(0).stdout.lines().nth(1).unwrap();
    let parts: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(parts, ["0", "2", "me/catena/default"]);
    let list = json(&home, &["list"]);
    assert_eq!(
        (&list[0]["items"], &list[0]["turns"]),
        (&0.into(), &2.into())
    );
    let done = say(&home, &server, &[], &["/conversations"]);
    assert!(done.exits(0).stdout.contains("0 memories  "), "{done:#?}");
}

#[test]
fn a_conversation_is_shown_and_filtered() {
    let (home, _server) = talked();
    let show = told(&home, &["show"]);
    for part in [
        "said     My dog is called Rex.",
        "answered Noted.",
        "name of the dog: Rex (since ",
    ] {
        assert!(show.exits(0).stdout.contains(part), "{show:#?}");
    }
    assert_eq!(ids(&json(&home, &["show", "--turns"])), [1, 3]);
    assert_eq!(ids(&json(&home, &["show", "--facts", "--current"])), [2]);
    assert_eq!(ids(&json(&home, &["show", "--containing", "ROSES"])), [3]);
    assert_eq!(ids(&json(&home, &["show", "-n", "1"])), [3]);
    assert_eq!(ids(&json(&home, &["show", "--since", "1h"])), [1, 2, 3]);
    assert_eq!(
        ids(&json(&home, &["show", "--before", "2020-01-01"])),
        [0; 0]
    );
    told(&home, &["show", "gone"])
        .exits(2)
        .says("there is no conversation me/catena/gone");
    told(&home, &["show", "--before", "soon"])
        .exits(2)
        .says("'soon' is neither an age");
}

#[test]
fn memories_are_found_by_both_ways_and_by_words_alone() {
    let (home, _server) = talked();
    let found = json(&home, &["search", "colour of my roses"]);
    assert_eq!(found[0]["item"]["observation"], "The roses are white.");
    assert!(found[0]["cosine"].is_number());
    let found = json(&home, &["search", "colour of my roses", "--words"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["relevance"], 1.0);
    let found = told(&home, &["search", "tulips", "--words"]);
    assert_eq!(
        found.exits(0).stdout,
        "nothing was found\n",
        "that is in another conversation"
    );
    told(&home, &["search", " "])
        .exits(2)
        .says("there is nothing to look for");
}

/// With vectors that nobody gives it is no success, and what an import took over is told.
#[test]
fn an_index_that_cannot_be_made_is_a_failure() {
    let (home, _server) = talked();
    let nobody = |args: &[&str]| {
        let mut command = memory(&home, args);
        command
            .env("CATENA_EMBEDDER", "openai:none:8")
            .env("CATENA_BASE_URL", "http://127.0.0.1:1/v1");
        run(&mut command)
    };
    nobody(&["reindex"]).exits(1).says("could not be reached");
    let all = told(&home, &["export"]);
    home.write("all.jsonl", &all.exits(0).stdout);
    nobody(&["import", "all.jsonl", "--memory", "new.db"])
        .exits(1)
        .says("4 memories added, 0 were there in the archive");
}

#[test]
fn an_index_is_checked_and_made_anew() {
    let (home, _server) = talked();
    let checked = json(&home, &["check"]);
    assert_eq!(checked["memories"], 4);
    assert_eq!(
        (&checked["added"], &checked["removed"]),
        (&0.into(), &0.into())
    );
    assert!(
        told(&home, &["check"])
            .exits(0)
            .stdout
            .ends_with(" has all of 4 memories\n")
    );
    let anew = json(&home, &["reindex"]);
    assert_eq!(anew["memories"], 4);
    assert_eq!(anew["embedder"], "hashing-256");
    told(&home, &["move", "--to", "exact"])
        .exits(2)
        .says("is made anew each time");
    let server = "qdrant:http://localhost:1";
    told(&home, &["move", "--to", server, "--index", server])
        .exits(2)
        .says("the index is qdrant:http://localhost:1 already");
    told(&home, &["check", "--index", server])
        .exits(1)
        .says("see whether a Qdrant server runs at http://localhost:1");
}

#[test]
fn what_says_the_same_becomes_one() {
    let (home, server) = (Home::new(), Server::start(bot));
    say(
        &home,
        &server,
        &[],
        &["The roses are white.", "the ROSES are white!"],
    )
    .exits(0);
    let plan = json(&home, &["consolidate", "--dry-run"]);
    assert_eq!(
        plan["plan"]["proposals"][0]["items"],
        serde_json::json!([1, 2])
    );
    assert_eq!(
        ids(&json(&home, &["show"])),
        [1, 2],
        "a dry run changes nothing"
    );
    let done = told(&home, &["consolidate"]);
    assert!(
        done.exits(0).stdout.contains("#1, #2 become one: "),
        "{done:#?}"
    );
    let left = json(&home, &["show"]);
    assert_eq!(ids(&left), [1]);
    assert_eq!(
        left[0]["sources"].as_array().unwrap().len(),
        2,
        "both turns are told of"
    );
    let again = told(&home, &["consolidate"]);
    assert_eq!(again.exits(0).stdout, "there is nothing to consolidate\n");
}

#[test]
fn a_mistyped_archive_is_not_made() {
    let home = Home::new();
    for command in ["check", "reindex"] {
        let typo = home.path("typo.db");
        told(&home, &[command, "--memory", typo.to_str().unwrap()])
            .exits(2)
            .says("there is no archive");
        assert!(!typo.exists());
    }
}

#[test]
fn a_damaged_index_is_made_anew() {
    let (home, _server) = talked();
    let check = ["check", "--index", "embedded"];
    assert_eq!(json(&home, &check)["memories"], 4);
    let stamp = home.path("data/catena/memory.db.index/stamp.json");
    assert!(stamp.exists());
    fs::write(stamp, "no JSON").unwrap();
    told(&home, &check)
        .exits(0)
        .says("it is made anew from the archive");
    assert_eq!(json(&home, &check)["memories"], 4);
}

/// What holds otherwise is told once, and done when the index is optimised.
#[test]
fn an_embedded_index_may_have_quantised_copies() {
    let (home, _server) = talked();
    let config =
        || fs::read_to_string(home.path("data/catena/memory.db.index/points/edge_config.json"));
    let check = |index: &str| told(&home, &["check", "--index", index]);
    check("embedded").exits(0);
    assert!(!config().unwrap().contains("scalar"));
    let changed = check("embedded:quantized");
    assert!(
        changed.stdout.ends_with(" has all of 4 memories\n"),
        "{changed:#?}"
    );
    changed.exits(0).says("was made without quantised copies");
    assert!(config().unwrap().contains("scalar"));
    assert_eq!(check("embedded:quantized").exits(0).stderr, "");
    check("embedded")
        .exits(0)
        .says("was made with quantised copies");
    told(
        &home,
        &["move", "--index", "embedded", "--to", "embedded:quantized"],
    )
    .exits(2)
    .says("are the same folder");
    told(&home, &["check", "--index", "embedded:small"])
        .exits(2)
        .says("embedded:quantized");
}

#[test]
fn what_is_no_name_is_refused() {
    let (home, _server) = talked();
    let long = "a".repeat(256);
    for (args, wrong) in [
        (&["show", ""][..], "the name of the conversation is empty"),
        (&["show", "--user", " "], "the name of the user is empty"),
        (
            &["search", "dog", "--bot", "a\nb"],
            "the name of the bot has a control character",
        ),
        (
            &["forget", "--all", "-c", &long],
            "the name of the conversation has 256 bytes",
        ),
        (
            &["export", "-c", ""],
            "the name of the conversation is empty",
        ),
        (
            &["import", "all.jsonl", "-c", "\u{1b}[2J"],
            "has a control character",
        ),
        (
            &["consolidate", "--user", &long],
            "the name of the user has 256 bytes",
        ),
    ] {
        told(&home, args)
            .exits(2)
            .says(wrong)
            .says("a name is of 1 to 255 bytes");
    }
}

/// An export of a conversation about a dog, and how many memories are in it.
fn exported_dog(home: &Home, server: &Server) -> (String, usize) {
    say(home, server, &[], &[DOG, "/export dog.jsonl"]).exits(0);
    let lines = std::fs::read_to_string(home.path("dog.jsonl")).unwrap();
    ("dog.jsonl".to_owned(), lines.lines().count())
}
