//! `catena fix`.

mod support;

use std::{fs, process::Command};

use support::{
    Home, Reply, Request, Server, finish,
    repair::{BROKEN, FIXED, TEST, model, project, text},
    run, run_with_input, signal,
    terminal::at_terminal,
};

fn fix(home: &Home, server: &Server, more: &[&str]) -> Command {
    let mut fix = home.with(
        server,
        ["fix", "project/add.py", "--test", "python3 test_add.py"],
    );
    // Three questions a round, each told apart.
    fix.args(["--method", "critique"]);
    fix.args(more);
    fix
}

#[test]
fn a_file_is_repaired_and_written_and_each_round_is_shown() {
    let (home, server) = (project(), Server::start(model));
    let done = run(&mut fix(&home, &server, &[]));
    done.exits(0);
    assert_eq!(text(&home, "project/add.py"), FIXED);
    assert_eq!(text(&home, "project/test_add.py"), TEST);
    for shown in [
        "round 0: fails its tests",
        "C.1 misunderstanding or logic error (by the model)",
        "It subtracts where it has to add.",
        "-    return a - b\n+    return a + b\n",
        "round 1: passes",
        "add.py: written",
    ] {
        assert!(done.stdout.contains(shown), "no {shown:?} in {done:#?}");
    }
    assert!(!done.stdout.contains('\u{1b}'), "no colours off a terminal");
    // Nothing else came to be, and no copy.
    let mut names: Vec<_> = fs::read_dir(home.path("project"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".git", "add.py", "test_add.py"]);
}

#[test]
fn what_is_not_repaired_is_not_written_unless_it_is_wanted() {
    let half = "def add(a, b):\n    return 3\n";
    let answer = move |_: &Request| Reply::text(&format!("```python\n{half}```"));
    let (home, server) = (project(), Server::start(answer));
    home.write(
        "project/test_add.py",
        "import unittest\nfrom add import add\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(add(1, 2), 3)\n    def test_b(self):\n        self.assertEqual(add(2, 2), 4)\nunittest.main()\n",
    );
    let done = run(&mut fix(&home, &server, &["--rounds", "1"]));
    done.exits(1).says("not repaired").says("--keep-best");
    assert_eq!(text(&home, "project/add.py"), BROKEN);
    let done = run(&mut fix(&home, &server, &["--rounds", "1", "--keep-best"]));
    done.exits(1);
    assert_eq!(text(&home, "project/add.py"), half);
}

#[test]
fn a_dry_run_writes_nothing_and_shows_what_it_would() {
    let (home, server) = (project(), Server::start(model));
    let done = run(&mut fix(&home, &server, &["--dry-run"]));
    done.exits(0);
    assert!(
        done.stdout.contains("Would be changed:\n--- a/add.py"),
        "{done:#?}"
    );
    assert_eq!(text(&home, "project/add.py"), BROKEN);
}

#[test]
fn the_tests_that_a_file_holds_itself_say_whether_it_passes() {
    let tests = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(add(1, 2), 3)\n";
    let doctest = "\"\"\"Sums.\n\n>>> add(1, 2)\n3\n\"\"\"\n";
    for (before, behind) in [("", tests), (doctest, "")] {
        let right = format!("{before}{FIXED}{behind}");
        let answer = right.clone();
        let model = move |_: &Request| Reply::text(&format!("```python\n{answer}```"));
        let (home, server) = (Home::new(), Server::start(model));
        home.write("alone/add.py", format!("{before}{BROKEN}{behind}"));
        let done = run(&mut home.with(&server, ["fix", "alone/add.py"]));
        done.exits(0);
        for said in [
            "tested by what it holds itself: python3 -m",
            "round 0: fails its tests",
        ] {
            assert!(done.stdout.contains(said), "no {said:?} in {done:#?}");
        }
        assert_eq!(text(&home, "alone/add.py"), right);
    }
    // Those of pytest, which is not installed or finds that it fails.
    let wrong = |_: &Request| {
        Reply::text(
            "```python\ndef add(a, b):\n    return 1\n\ndef test_a():\n    assert add(1, 2) == 3\n```",
        )
    };
    let (home, server) = (Home::new(), Server::start(wrong));
    home.write(
        "alone/add.py",
        format!("{BROKEN}\ndef test_a():\n    assert add(1, 2) == 3\n"),
    );
    let done = run(&mut home.with(&server, ["fix", "alone/add.py", "--keep-best"]));
    assert_ne!(done.code, Some(0), "{done:#?}");
    assert!(!done.stdout.contains("passes"), "{done:#?}");
}

#[test]
fn json_is_one_object_with_everything() {
    let (home, server) = (project(), Server::start(model));
    let json = run(&mut fix(&home, &server, &["--json"])).exits(0).json();
    assert_eq!(json["status"], "repaired");
    assert_eq!(json["written"][0], "add.py");
    assert_eq!(json["rounds"][1]["critique"]["bug_type"], "C.1");
    assert_eq!(json["rounds"][0]["stage"], "test");
}

#[test]
fn what_is_wrong_is_said_beside_the_correction() {
    let answer = |_: &Request| {
        Reply::text(&format!(
            "It subtracts where it has to add.\n```python\n{FIXED}```"
        ))
    };
    let (home, server) = (project(), Server::start(answer));
    let args = ["fix", "project/add.py", "--test", "python3 test_add.py"];
    let done = run(&mut home.with(&server, args));
    done.exits(0);
    assert!(
        done.stdout.contains("It subtracts where it has to add."),
        "{done:#?}"
    );
    assert_eq!(
        (text(&home, "project/add.py").as_str(), server.seen()),
        // The type is asked for, and then the correction.
        (FIXED, 2)
    );
}

#[test]
fn a_snippet_and_its_error_come_from_standard_input() {
    let (home, server) = (Home::new(), Server::start(model));
    let mut fix = home.with(&server, ["fix", "--stdin"]);
    let done = run_with_input(
        &mut fix,
        "import sys\nprint(\"a\" + 1)\n---\nTypeError: can only concatenate\n",
    );
    done.exits(0);
    assert_eq!(done.stdout, "print(\"a\" + str(1))\n");
    assert!(done.stderr.contains("round 1: passes"), "{done:#?}");
}

#[test]
fn a_snippet_may_hold_the_mark_before_the_error() {
    let snippet = "TEXT = \"\"\"\n---\n\"\"\"\nprint(\"a\" + 1)\n";
    // What the snippet defines has to stay.
    let whole = snippet.replace("+ 1", "+ str(1)");
    let answer = move |_: &Request| Reply::text(&format!("```python\n{whole}```"));
    let (home, server) = (Home::new(), Server::start(answer));
    let input = format!("{snippet}---\nTypeError: can only concatenate\n");
    run_with_input(&mut home.with(&server, ["fix", "--stdin"]), &input).exits(0);
    let requests = server.requests();
    let asked = requests.last().unwrap().user();
    assert!(asked.contains(snippet), "{asked}");
}

/// A model whose first correction is wrong, and whose sampled ones are what `sampled` says.
fn sampler(sampled: &'static str) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| {
        let is_likeliest = request.body["temperature"].as_f64().unwrap_or(0.0) == 0.0;
        match (request.user().contains("Which type of bug"), is_likeliest) {
            (true, _) => Reply::text("{\"bug_type\": \"C.1\"}"),
            (false, true) => Reply::text("```python\ndef add(a, b):\n    return 0\n```"),
            (false, false) => Reply::text(&format!("```python\n{sampled}```")),
        }
    }
}

#[test]
fn candidates_take_the_place_of_rounds_at_equal_cost() {
    let wrong = "def add(a, b):\n    return 1\n";
    let args = ["fix", "project/add.py", "--test", "python3 test_add.py"];
    let (home, server) = (project(), Server::start(sampler(wrong)));
    let more = ["--rounds", "2", "--candidates", "2", "--equal-cost"];
    let done = run(home.with(&server, args).args(more));
    done.exits(1);
    for shown in ["round 1: fails", "round 1, candidate 2: fails"] {
        assert!(done.stdout.contains(shown), "no {shown:?} in {done:#?}");
    }
    assert!(!done.stdout.contains("round 2"), "{done:#?}");
    // A question for the type, and as many corrections as two rounds write.
    assert_eq!(server.seen(), 3);

    let (home, server) = (project(), Server::start(sampler(FIXED)));
    let done = run(home.with(&server, args).args(more));
    done.exits(0);
    assert!(
        done.stdout.contains("round 1, candidate 2: passes"),
        "{done:#?}"
    );
    assert_eq!(text(&home, "project/add.py"), FIXED);
}

#[test]
fn a_diff_is_coloured_at_a_terminal_alone_and_where_it_is_wanted() {
    let (home, server) = (project(), Server::start(model));
    let with = |no_color: &str| {
        let mut fix = fix(&home, &server, &["--dry-run"]);
        fix.env("TERM", "xterm").env("NO_COLOR", no_color);
        fix
    };
    let coloured = run(&mut at_terminal(&with("")));
    coloured.exits(0);
    let (red, green) = ("\u{1b}[31m-    return a - b", "\u{1b}[32m+    return a + b");
    for line in [red, green] {
        assert!(
            coloured.stdout.contains(line),
            "no {line:?} in {coloured:#?}"
        );
    }
    for plain in [run(&mut at_terminal(&with("1"))), run(&mut with(""))] {
        plain.exits(0);
        assert!(plain.stdout.contains("-    return a - b"), "{plain:#?}");
        assert!(!plain.stdout.contains("\u{1b}[3"), "{plain:#?}");
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_asked() {
    let (home, server) = (project(), Server::start(model));
    home.write("notes.txt", "x");
    for args in [
        &["fix"][..],
        &["fix", "none.py"],
        &["fix", "notes.txt"],
        &["fix", "project/test_add.py", "--test", "true"],
        &["fix", "project/add.py", "--test", "python3 a | b"],
        &["fix", "project/add.py", "--rounds", "0"],
        &["fix", "project/add.py", "--stdin"],
        &["fix", "project/add.py", "--timeout", "0s"],
        &["fix", "project/add.py", "--equal-cost"],
        &["fix", "project/add.py", "--readable", "/nonexist"],
        &["fix", "project/add.py", "--without", "namespaces,seccomp"],
        // The home folder, and what is above it.
        &["fix", ".", "--test", "true"],
        &["fix", "/", "--test", "true"],
    ] {
        run(&mut home.with(&server, args)).exits(2);
    }
    run_with_input(&mut home.with(&server, ["fix", "--stdin"]), "").exits(2);
    assert_eq!(server.seen(), 0);
}

/// A repair that was interrupted while the correction was being written.
fn interrupted() -> (Home, Server) {
    let hangs = |request: &Request| match request.number {
        2 => Reply::Hang,
        _ => model(request),
    };
    let (home, server) = (project(), Server::start(hangs));
    let child = fix(&home, &server, &[]).spawn().unwrap();
    server.wait_for(3);
    signal(child.id(), "INT");
    finish(child).exits(130).says("catena runs resume");
    (home, server)
}

#[test]
fn an_interrupted_repair_goes_on_where_it_stopped() {
    let (home, server) = interrupted();
    assert_eq!(text(&home, "project/add.py"), BROKEN);
    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    done.exits(0);
    assert_eq!(text(&home, "project/add.py"), FIXED);
    // Classification and critique are answered from the record.
    assert_eq!(server.seen(), 4);
}

#[test]
fn a_repair_does_not_go_on_with_other_tests() {
    let (home, server) = interrupted();
    home.write("project/test_add.py", "assert True\n");
    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    done.exits(1).says("test_add.py is not as it was");
    assert_eq!(
        (server.seen(), text(&home, "project/add.py").as_str()),
        (3, BROKEN)
    );
}

#[test]
fn what_the_command_names_is_not_changed() {
    let answer = |request: &Request| {
        let path = if request.user().contains("verify.py:") {
            "verify.py"
        } else {
            "add.py"
        };
        Reply::text(&format!("{path}\n```python\npass\n```"))
    };
    let (home, server) = (Home::new(), Server::start(answer));
    home.write("project/add.py", BROKEN);
    home.write("project/verify.py", TEST);
    let args = [
        "fix",
        "project",
        "--test",
        "python3 verify.py",
        "--keep-best",
    ];
    run(&mut home.with(&server, args)).exits(1);
    assert_eq!(text(&home, "project/verify.py"), TEST);
}

#[test]
fn whoever_ends_the_test_has_not_passed_it() {
    let answer =
        |_: &Request| Reply::text("```python\nimport os\ndef add(a, b):\n    os._exit(0)\n```");
    let (home, server) = (project(), Server::start(answer));
    let done = run(&mut home.with(
        &server,
        ["fix", "project/add.py", "--test", "python3 test_add.py"],
    ));
    done.exits(1);
    assert!(
        done.stdout.contains("ends the process with `os._exit`"),
        "{done:#?}"
    );
    assert_eq!(text(&home, "project/add.py"), BROKEN);
}

#[test]
fn a_test_that_is_written_over_while_it_runs_tells_nothing() {
    let answer = |_: &Request| {
        Reply::text(
            "```python\nopen('cases.py', 'w').write('CASES = []')\ndef add(a, b):\n    return 0\n```",
        )
    };
    let (home, server) = (Home::new(), Server::start(answer));
    home.write("project/add.py", BROKEN);
    home.write("project/cases.py", "CASES = [(1, 2, 3)]\n");
    home.write(
        "project/test_add.py",
        "from add import add\nfrom cases import CASES\nfor a, b, c in CASES:\n    assert add(a, b) == c\n",
    );
    let args = ["fix", "project/add.py", "--test", "python3 test_add.py"];
    let done = run(&mut home.with(&server, args));
    done.exits(1);
    assert!(
        done.stdout.contains("it changed cases.py while it ran"),
        "{done:#?}"
    );
    assert_eq!(text(&home, "project/add.py"), BROKEN);
}

#[test]
fn without_a_test_that_runs_nothing_is_asked() {
    let (home, server) = (Home::new(), Server::start(model));
    home.write("project/add.py", BROKEN);
    home.write("project/test_add.py", "from add import add\n");
    let done = run(&mut home.with(&server, ["fix", "project"]));
    done.exits(2)
        .says("no test runs with `python3 -m unittest discover`");
    assert_eq!(server.seen(), 0);
}

/// Though what there is of it would pass.
#[test]
fn a_correction_that_ended_early_is_not_taken() {
    for why in ["length", "content_filter"] {
        let ended = move |_: &Request| {
            Reply::Ended("```python\ndef add(a, b):\n    return a + b\n```", why)
        };
        let (home, server) = (project(), Server::start(ended));
        run(&mut fix(&home, &server, &["--rounds", "1"])).exits(1);
        assert_eq!(text(&home, "project/add.py"), BROKEN);
    }
}

#[test]
fn what_is_no_better_is_not_kept() {
    let same = |_: &Request| Reply::text("```python\ndef add(a, b):\n    return a - b - 0\n```");
    let (home, server) = (project(), Server::start(same));
    run(&mut fix(&home, &server, &["--rounds", "1", "--keep-best"])).exits(1);
    assert_eq!(text(&home, "project/add.py"), BROKEN);
}

#[test]
fn programs_find_what_is_no_text_and_what_may_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let (home, server) = (project(), Server::start(model));
    fs::create_dir(home.path("project/build")).unwrap();
    fs::write(home.path("project/build/data.bin"), [0xff, 0xfe]).unwrap();
    home.write(
        "project/check.sh",
        "#!/bin/sh\ntest \"$(wc -c < build/data.bin)\" = 2 && python3 test_add.py\n",
    );
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(home.path("project/check.sh"), mode).unwrap();
    let args = ["fix", "project/add.py", "--test", "./check.sh"];
    run(&mut home.with(&server, args)).exits(0);
    assert_eq!(text(&home, "project/add.py"), FIXED);
}

#[test]
fn what_no_correction_mends_is_told_and_not_asked() {
    let (home, server) = (project(), Server::start(model));
    home.write(
        "project/test_add.py",
        "import numpie\nfrom add import add\nassert add(1, 2) == 3\n",
    );
    for (command, said) in [
        ("python3 test_add.py", "no module 'numpie'"),
        ("python4 test_add.py", "no program 'python4'"),
        // What a person at a command line can do.
        ("python4 test_add.py", "name it by its whole path"),
        ("sh -c 'python4 test_add.py'", "python4"),
    ] {
        let args = ["fix", "project/add.py", "--test", command];
        let done = run(&mut home.with(&server, args));
        assert_ne!(done.code, Some(0), "{done:#?}");
        done.says(said);
    }
    assert_eq!(server.seen(), 0);
}

#[test]
fn who_ends_it_leaves_no_copy_behind() {
    let (home, server) = (project(), Server::start(model));
    fs::create_dir(home.path("tmp")).unwrap();
    let mut fix = home.with(&server, ["fix", "project/add.py", "--test", "sleep 60"]);
    let child = fix.env("TMPDIR", home.path("tmp")).spawn().unwrap();
    let copies = || fs::read_dir(home.path("tmp")).unwrap().count();
    while copies() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal(child.id(), "TERM");
    finish(child).exits(130);
    assert_eq!(copies(), 0);
}

#[test]
fn what_was_changed_meanwhile_is_not_written_over() {
    let (home, server) = interrupted();
    home.write("project/add.py", "mine = 1\n");
    let done = run(&mut home.with(&server, ["runs", "resume", "last"]));
    done.exits(1).says("changed meanwhile");
    assert_eq!(text(&home, "project/add.py"), "mine = 1\n");
}

/// The given snippet runs without an error, and so does what the model makes of it.
#[test]
fn an_error_that_does_not_come_up_is_not_taken_for_repaired() {
    let (home, server) = (Home::new(), Server::start(model));
    let snippet = "import sys\nprint(1)\n---\nTypeError: can only concatenate\n";
    let done = run_with_input(&mut home.with(&server, ["fix", "--stdin"]), snippet);
    done.exits(1).says("did not come up here").says("--test");
    assert!(!done.stdout.contains("str(1)"), "{done:?}");
    let mut fix = home.with(&server, ["fix", "--stdin", "--json"]);
    let told = run_with_input(&mut fix, snippet).exits(1).json();
    assert_eq!(told["status"], "unverified");
    let mut fix = home.with(&server, ["fix", "--stdin", "--keep-best"]);
    let done = run_with_input(&mut fix, snippet);
    assert!(done.exits(1).stdout.contains("str(1)"), "{done:?}");
}

/// Nobody writes into it: whoever opened it would wait for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_file() {
    let (home, server) = (project(), Server::start(model));
    let pipe = home.path("project/pipe.py");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let done = run(&mut home.with(&server, ["fix", "project/pipe.py", "--test", "true"]));
    done.exits(2).says("is no file");
}

#[test]
fn what_is_read_only_is_told_before_anything_is_asked() {
    use std::os::unix::fs::PermissionsExt;
    let (home, server) = (project(), Server::start(model));
    let set = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(home.path("project/add.py"), mode).unwrap();
    };
    set(0o444);
    run(&mut fix(&home, &server, &[]))
        .exits(2)
        .says("is read-only");
    assert_eq!(server.seen(), 0);
    // Of a folder it is no source that could be changed.
    let folder = ["fix", "project", "--test", "python3 test_add.py"];
    run(&mut home.with(&server, folder))
        .exits(2)
        .says("no source file");
    let done = run(&mut fix(&home, &server, &["--dry-run"]));
    assert!(
        done.exits(0).stdout.contains("Would be changed"),
        "{done:#?}"
    );
    assert_eq!(text(&home, "project/add.py"), BROKEN);
    set(0o644);
}
