//! `catena eval` over an invented conversation in LoCoMo's form.

mod support;

use std::{fs, process::Command};

use serde_json::{Value, json};
use support::{Home, Reply, Request, Server, run};

const SUITE: &str = "conv-tiny.jsonl";

/// Says crimson when it reads crimson.
fn model(request: &Request) -> Reply {
    match request.body.to_string().contains("crimson") {
        true => Reply::text("Crimson."),
        false => Reply::text("not mentioned"),
    }
}

fn home() -> Home {
    let mut said: Vec<_> = (1..=20)
        .map(|day| format!("On day {day} nothing of note happened at the mill."))
        .collect();
    said[4] = "My kiln is painted crimson.".into();
    let session: Vec<_> = (1..)
        .zip(said)
        .map(|(number, text)| {
            json!({ "speaker": "Ada", "dia_id": format!("D1:{number}"), "text": text })
        })
        .collect();
    let record = json!({
        "sample_id": "tiny",
        "conversation": {
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": session,
        },
        "qa": [
            { "question": "Is my kiln painted crimson?", "answer": "crimson", "evidence": ["D1:5"], "category": 4 },
            { "question": "Who is Cleo?", "evidence": ["D1:5"], "category": 5 },
        ],
    });
    let home = Home::new();
    home.write(SUITE, format!("{record}\n"));
    home
}

fn eval(home: &Home, server: &Server, more: &[&str]) -> Command {
    let mut eval = home.with(
        server,
        ["eval", SUITE, "--embedder", "hashing", "--out", "out"],
    );
    eval.args(more);
    eval
}

#[test]
fn looking_for_turns_takes_no_model() {
    let (home, server) = (home(), Server::start(model));
    let done = run(&mut eval(&home, &server, &["--no-answers", "--json"]));
    done.exits(0);
    assert_eq!(server.seen(), 0);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let rows = report[0]["tables"]["all questions"]["rows"]
        .as_array()
        .unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["strategy"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "dense",
            "words",
            "hybrid",
            "ranked",
            "paper-ranking",
            "last-k"
        ]
    );
    let score = &rows[2]["scores"][0];
    assert_eq!(score["metric"], "recall@5");
    assert_eq!(score["n"], 2);
}

#[test]
fn every_strategy_answers_once_and_its_answers_are_kept() {
    let (home, server) = (home(), Server::start(model));
    let first = run(&mut eval(&home, &server, &[]));
    first.exits(0);
    let calls = server.seen();
    for strategy in [
        "scm",
        "scm-no-controller",
        "scm-no-flash",
        "scm-no-activation",
        "scm-paper-ranking",
        "dense",
        "words",
        "hybrid",
        "last-k",
        "full-context",
    ] {
        let path = home.path(&format!("out/conv-tiny/{strategy}.jsonl"));
        let kept = fs::read_to_string(path).unwrap();
        let kept: Vec<Value> = kept
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(kept.len(), 2, "{strategy}");
        assert_eq!(kept[0]["id"], "tiny-1");
        assert!(
            !kept[0]["transcript"].as_array().unwrap().is_empty(),
            "{strategy}"
        );
        assert!(
            first.stdout.contains(&format!("{strategy}: ")),
            "{}",
            first.stdout
        );
    }
    for heading in [
        "all questions",
        "recall by category",
        "F1 by category",
        "declined",
    ] {
        assert!(first.stdout.contains(heading), "{}", first.stdout);
    }
    let second = run(&mut eval(&home, &server, &[]));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(server.seen(), calls);
}

#[test]
fn what_does_not_belong_together_is_wrong_usage() {
    let (home, server) = (home(), Server::start(model));
    for (more, reason) in [
        (vec!["--strategies", "chain"], "no strategy 'chain'"),
        (vec!["hotpotqa.jsonl"], "different strategies"),
        (
            vec!["--no-answers", "--strategies", "scm"],
            "no strategy 'scm'",
        ),
        (vec!["--activate", "0"], "--activate"),
    ] {
        let done = run(&mut eval(&home, &server, &more));
        done.exits(2);
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
    let mut texts = home.with(&server, ["eval", "hotpotqa.jsonl", "--no-answers"]);
    let done = run(&mut texts);
    done.exits(2);
    assert!(done.stderr.contains("of conversations"), "{}", done.stderr);
}
