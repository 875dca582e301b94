//! `catena eval`, over two invented items in HotpotQA's form.

mod support;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use support::{Home, Reply, Request, Server, bytes, finish, run, signal};

const SUITE: &str = "hotpotqa_tiny.jsonl";

/// The calls of both items: one worker and the manager, and the full context.
const CALLS: usize = 2 * (2 + 1);

/// Answers the first item right and the second wrong.
fn model(request: &Request) -> Reply {
    if request.user().contains("Copy the sentence") {
        Reply::text("The lamp is kept by Oda Brandt.")
    } else {
        Reply::text("Oda Brandt")
    }
}

fn home() -> Home {
    let item = |id: &str, question: &str, answer: &str| {
        json!({
            "_id": id,
            "question": question,
            "answer": answer,
            "type": "bridge",
            "level": "easy",
            "context": [
                ["Gull Rock", ["Gull Rock has a lamp.", " The lamp is kept by Oda Brandt."]],
                ["Velm", ["Velm is a town.", " Its mayor is Tove Lind."]],
            ],
            "supporting_facts": [["Gull Rock", 1]],
        })
    };
    let first = item("one", "Who keeps the lamp?", "Oda Brandt");
    let second = item("two", "Who is the mayor?", "Tove Lind");
    let home = Home::new();
    home.write(SUITE, format!("{first}\n{second}\n"));
    home
}

fn eval(home: &Home, server: &Server, more: &[&str]) -> Command {
    let mut eval = home.with(server, ["eval", SUITE, "--out", "out"]);
    eval.args(more);
    eval
}

fn answers(home: &Home, strategy: &str) -> PathBuf {
    home.path(&format!("out/hotpotqa_tiny/{strategy}.jsonl"))
}

#[test]
fn both_strategies_are_scored_in_a_table_and_their_answers_kept() {
    let (home, server) = (home(), Server::start(model));
    let done = run(&mut eval(&home, &server, &[]));
    done.exits(0);
    assert_eq!(server.seen(), CALLS);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines[0], "hotpotqa_tiny");
    for word in ["strategy", "n", "F1", "EM"] {
        assert!(lines[1].contains(word), "{word} in {lines:?}");
    }
    for (line, strategy) in [(2, "chain"), (3, "full-context")] {
        assert!(lines[line].starts_with(strategy), "{lines:?}");
        assert!(lines[line].contains("50.0 ["), "{lines:?}");
    }
    assert!(
        done.stdout
            .contains("chain: 2.0 calls, 200 tokens read, 20 written")
    );
    assert!(done.stdout.contains("full-context: 1.0 calls"));
    for (strategy, calls) in [("chain", 2), ("full-context", 1)] {
        let text = fs::read_to_string(answers(&home, strategy)).unwrap();
        let kept: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0]["id"], "one");
        assert_eq!(kept[0]["answer"], "Oda Brandt");
        assert_eq!(kept[1]["gold"], json!(["Tove Lind"]));
        assert_eq!(kept[0]["transcript"].as_array().unwrap().len(), calls);
    }
}

#[test]
fn a_second_run_asks_nothing_and_prints_the_same() {
    let (home, server) = (home(), Server::start(model));
    let first = run(&mut eval(&home, &server, &[]));
    let second = run(&mut eval(&home, &server, &[]));
    second.exits(0);
    assert_eq!(server.seen(), CALLS);
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn a_line_torn_by_a_crash_is_repaired() {
    let (home, server) = (home(), Server::start(model));
    run(&mut eval(&home, &server, &[])).exits(0);
    let path = answers(&home, "chain");
    let whole = bytes(&path);
    fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    run(&mut eval(&home, &server, &[])).exits(0);
    assert_eq!(
        server.seen(),
        CALLS + 2,
        "only the item of the torn line is answered anew"
    );
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
}

#[test]
fn one_strategy_and_some_items() {
    let (home, server) = (home(), Server::start(model));
    let one = ["--strategies", "full-context", "-n", "1"];
    let done = run(&mut eval(&home, &server, &one));
    done.exits(0);
    assert_eq!(server.seen(), 1);
    assert!(!answers(&home, "chain").exists());
    // The rest is added later.
    run(&mut eval(&home, &server, &["--strategies", "full-context"])).exits(0);
    assert_eq!(server.seen(), 2);
}

#[test]
fn markdown_and_json() {
    let (home, server) = (home(), Server::start(model));
    let done = run(&mut eval(&home, &server, &["--markdown"]));
    done.exits(0);
    assert!(done.stdout.contains("| strategy | n |"), "{done:#?}");
    let json = run(&mut eval(&home, &server, &["--json"])).exits(0).json();
    assert_eq!(json[0]["suite"], "hotpotqa_tiny");
    assert_eq!(json[0]["n"], 2);
    let rows = json[0]["table"]["rows"].as_array().unwrap();
    assert_eq!(rows[0]["strategy"], "chain");
    assert_eq!(rows[0]["scores"][0]["mean"], 0.5);
    run(&mut eval(&home, &server, &["--json", "--markdown"])).exits(2);
}

#[test]
fn answers_of_another_setting_are_refused_and_kept() {
    let (home, server) = (home(), Server::start(model));
    run(&mut eval(&home, &server, &[])).exits(0);
    let before = bytes(&answers(&home, "chain"));
    for more in [["--window", "1000"], ["--model", "openai:other"]] {
        let done = run(&mut eval(&home, &server, &more));
        assert_ne!(done.code, Some(0));
        done.prints_nothing()
            .says("holds answers with another setting");
    }
    assert_eq!(bytes(&answers(&home, "chain")), before);
    assert_eq!(server.seen(), CALLS);
}

#[test]
fn an_item_that_fails_is_scored_zero_and_tried_again() {
    let failed = AtomicBool::new(false);
    let server = Server::start(move |request| {
        if request.user().contains("mayor?") && !failed.swap(true, Ordering::SeqCst) {
            Reply::Status(500, "out of memory")
        } else {
            model(request)
        }
    });
    let home = home();
    let chain = ["--strategies", "chain"];
    let done = run(&mut eval(&home, &server, &chain));
    done.exits(1).says("failed: chain/").says("out of memory");
    assert!(done.stdout.contains("1 failed (scored 0)"), "{done:#?}");
    let calls = server.seen();
    let done = run(&mut eval(&home, &server, &chain));
    done.exits(0);
    assert!(!done.stdout.contains("failed"), "{done:#?}");
    assert_eq!(server.seen(), calls + 2);
}

#[test]
fn what_cannot_be_measured_is_refused_before_a_model_is_asked() {
    let (home, server) = (home(), Server::start(model));
    home.write("unknown.jsonl", "{}\n");
    home.write("hotpotqa_broken.jsonl", "{\"_id\": \"one\"}\n");
    run(&mut eval(&home, &server, &["--strategies", "chain,magic"]))
        .exits(2)
        .says("there is no strategy 'magic'")
        .says("chain, both-ways, permutations, full-context");
    for (file, reason) in [
        ("unknown.jsonl", "is no benchmark that is known here"),
        ("hotpotqa_broken.jsonl", "line 1"),
        ("hotpotqa_missing.jsonl", "hotpotqa_missing.jsonl"),
    ] {
        run(&mut home.with(&server, ["eval", file, "--out", "out"]))
            .exits(1)
            .prints_nothing()
            .says(reason);
    }
    run(&mut home.with(&server, ["eval"])).exits(2);
    assert_eq!(server.seen(), 0);
}

#[test]
#[cfg(unix)]
fn ctrl_c_keeps_what_is_answered() {
    let hung = AtomicBool::new(false);
    let server = Server::start(move |request| {
        if request.number == 3 && !hung.swap(true, Ordering::SeqCst) {
            Reply::Hang
        } else {
            model(request)
        }
    });
    let home = home();
    let child = eval(&home, &server, &[]).spawn().unwrap();
    server.wait_for(4);
    signal(child.id(), "INT");
    finish(child)
        .exits(130)
        .prints_nothing()
        .says("the same command goes on where it stopped");
    run(&mut eval(&home, &server, &[])).exits(0);
    // The first item is kept; the second lost its worker's call and the one that was cut off.
    assert_eq!(server.seen(), CALLS + 2);
}

#[test]
fn a_failure_leaves_one_json_value() {
    let server = Server::start(|_| Reply::Status(500, "out of memory"));
    let home = home();
    let done = run(&mut eval(
        &home,
        &server,
        &["--strategies", "chain", "--json"],
    ));
    let json = done.exits(1).json();
    assert_eq!(json[0]["failures"], 2);
}

/// Two paths through an item are walked together where the server was measured to be worth it, and one
/// after the other where it was not.
#[test]
fn as_many_requests_are_made_at_a_time_as_were_measured_to_be_worth_while() {
    for parallel in [1, 2] {
        let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        let server = Server::start(move |request| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(200));
            now.fetch_sub(1, Ordering::SeqCst);
            model(request)
        });
        let home = home();
        let key = format!("test at {}", server.url());
        let figures = json!({key: {"parallel": parallel, "reads": 1.0, "writes": 1.0}});
        home.write("cache/servers.bench.json", figures.to_string());
        run(&mut eval(&home, &server, &["--strategies", "both-ways"])).exits(0);
        assert_eq!(seen.load(Ordering::SeqCst), parallel);
    }
}

/// Sorts once it is told what went wrong.
fn sorts(request: &Request) -> Reply {
    let asked = request.user();
    if asked.contains("Which type of bug") {
        return Reply::text("{\"bug_type\": \"C.1\"}");
    }
    let body = match asked.contains("When it is run") {
        true => "sorted(x)[len(x) // 2]",
        false => "x[0]",
    };
    Reply::text(&format!(
        "```python\ndef middle(x):\n    return {body}\n```"
    ))
}

#[test]
fn broken_programs_are_repaired_and_what_is_kept_is_told_again() {
    let (home, server) = (Home::new(), Server::start(sorts));
    let cases = "[[[[3, 1, 2]], 2], [[[9, 7, 8]], 8]]";
    let check = format!(
        "_T = {cases}\ndef _t(i, e):\n    assert middle(*i) == e\nfor _i, _e in _T: _t(_i, _e)\n"
    );
    let item = serde_json::json!({
        "name": "middle", "buggy": "def middle(x):\n    return x[len(x) // 2]\n", "check": check,
        "json_testcases": serde_json::from_str::<serde_json::Value>(cases).unwrap(),
    });
    home.write("quixbugs_tiny.jsonl", format!("{item}\n"));
    home.write("quixbugs_more.jsonl", format!("{item}\n"));
    let args = |more: &[&'static str]| {
        let mut args = vec![
            "eval",
            "quixbugs_tiny.jsonl",
            "quixbugs_more.jsonl",
            "--markdown",
        ];
        args.extend(["--strategies", "explain,feedback,resample"]);
        args.extend(more);
        args
    };
    let done = run(&mut home.with(&server, args(&[])));
    done.exits(0);
    for told in [
        "**all**",
        "| explain | 2 | 0.0 [0.0, 0.0] | 100.0 [100.0, 100.0]",
        "| resample (equal tokens) | 2 | 0.0",
        "| all functional bugs | 2 of 2 | 2 of 2 | 0 of 2 |",
        "| C.1 misunderstanding or logic error, by the model | 2 of 2 |",
        "| (no label) | 2 of 2 |",
    ] {
        assert!(done.stdout.contains(told), "no {told:?} in {}", done.stdout);
    }
    let asked = server.seen();
    let kept = run(&mut home.with(&server, args(&["--kept"])));
    kept.exits(0);
    assert_eq!(
        (kept.stdout.as_str(), server.seen()),
        (&*done.stdout, asked)
    );
    home.write("hotpotqa.jsonl", "{}\n");
    run(&mut home.with(&server, ["eval", "hotpotqa.jsonl", "--kept"]))
        .exits(2)
        .says("broken programs");
}

/// A granted patent, of which the draft of `support::patent` could be.
fn granted() -> Value {
    json!({
        "guid": "US-1-B1",
        "title": "Cup with a weighted foot",
        "abstract": "A cup has a weight in its foot.",
        "brief_summary": "SUMMARY\n(1) A cup has a rim, and a foot with a weight of iron and a ring of cork.",
        "description": "BACKGROUND\n(1) Cups have a narrow foot. However, they tip over.\nDETAILED DESCRIPTION\n(2) The cup has a rim around an opening and a foot below the rim. A weight of iron lies in the foot.\n(3) A ring of cork keeps the cup from sliding. To wash the cup, the ring is taken off.",
        "claims": [
            { "number": 1, "limitations": ["1. A cup, comprising:", "a rim;", "a foot below the rim; and", "a weight of iron in the foot."] },
            { "number": 2, "limitations": ["2. The cup of claim 1, wherein the foot has a ring of cork."] },
        ],
    })
}

#[test]
fn patents_are_written_from_derived_drafts_and_stand_beside_the_paper() {
    let (home, server) = (Home::new(), Server::start(support::patent::author));
    home.write("patents_tiny.jsonl", format!("{}\n", granted()));
    let args = |more: &[&'static str]| {
        let mut args = vec!["eval", "patents_tiny.jsonl", "--out", "out"];
        args.extend(["--length", "short", "--rounds", "0"]);
        args.extend(more);
        args
    };
    let done = run(&mut home.with(&server, args(&["--markdown"])));
    done.exits(0)
        .says("patents_tiny planned 1/1 US-1-B1: about ")
        .says("0 pieces missing");
    for told in [
        "**patents_tiny**",
        "| patent | missing | findings | tokens | IRR(0.2) |",
        "| US-1-B1, planned | 0 | ",
        "| mean, zero-shot | ",
        "| mean, the granted patents |  | ",
        "| paper: AutoPatent, Qwen2.5-7B |  |  | 11433 | 93.6 |",
        "Tokens are estimated",
    ] {
        assert!(done.stdout.contains(told), "no {told:?} in {}", done.stdout);
    }
    let asked = server.seen();
    let written = fs::read_to_string(home.path("out/patents_tiny/planned/US-1-B1.md")).unwrap();
    assert!(written.contains("## Claims"), "{written}");
    let draft = fs::read_to_string(home.path("out/patents_tiny/drafts/US-1-B1.md")).unwrap();
    assert!(draft.contains("However, they tip over."), "{draft}");

    // What is kept is told again, and nothing asked.
    let twice = ["--strategies", "planned,zero-shot,planned", "--json"];
    let report = run(&mut home.with(&server, args(&twice))).exits(0).json();
    assert_eq!(server.seen(), asked);
    let suite = &report[0];
    let of_planned = |row: &Value| row["name"].as_str().unwrap().contains("planned");
    let rows = suite["rows"].as_array().unwrap();
    assert_eq!(
        rows.iter().filter(|row| of_planned(row)).count(),
        2,
        "one, and the mean"
    );
    assert_eq!(
        (&suite["n"], &suite["failures"], &suite["tokens_are_exact"]),
        (&json!(1), &json!(0), &json!(false))
    );
    assert_eq!(suite["rows"][0]["name"], "US-1-B1, planned");
    assert_eq!(suite["rows"][0]["missing"], 0.0);
    assert!(suite["findings"]["planned"][0]["findings"].is_array());
}

#[test]
fn what_is_of_other_files_is_refused_before_anything_is_asked() {
    let (home, server) = (home(), Server::start(model));
    home.write("patents_tiny.jsonl", format!("{}\n", granted()));
    home.write("quixbugs_tiny.jsonl", "{}\n");
    for (args, told) in [
        (
            &["eval", SUITE, "--length", "short"][..],
            "--length is of patents",
        ),
        (
            &["eval", SUITE, "--rounds", "1"],
            "broken programs and patents",
        ),
        (
            &["eval", "patents_tiny.jsonl", "--kept"],
            "of broken programs",
        ),
        (
            &["eval", "patents_tiny.jsonl", "--activate", "3"],
            "of conversations",
        ),
        (
            &["eval", "quixbugs_tiny.jsonl", "--rounds", "0"],
            "no repair without a round",
        ),
        (
            &["eval", SUITE, "patents_tiny.jsonl"],
            "texts and patents are measured by different",
        ),
        (
            &["eval", "patents_tiny.jsonl", "--strategies", "chain"],
            "planned, zero-shot, paper",
        ),
        (
            &["eval", "patents_tiny.jsonl", "--window", "100"],
            "a window of 100 tokens is too small",
        ),
    ] {
        run(&mut home.with(&server, args.to_vec()))
            .exits(2)
            .says(told);
    }
    assert_eq!(server.seen(), 0);
}
