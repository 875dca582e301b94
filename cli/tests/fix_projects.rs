//! `catena fix` in projects: how they are tested, and what of them may change.

mod support;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use support::{
    Home, Reply, Server,
    repair::{BROKEN, FIXED, model, text},
    run,
};

#[test]
fn a_project_of_python_is_repaired() {
    let (home, server) = (Home::new(), Server::start(model));
    home.write("project/add.py", BROKEN);
    home.write(
        "project/test_add.py",
        "import unittest\nfrom add import add\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n",
    );
    run(&mut home.with(&server, ["fix", "project"])).exits(0);
    assert_eq!(text(&home, "project/add.py"), FIXED);
}

#[test]
fn a_cargo_project_is_repaired() {
    let home = Home::new();
    let manifest = "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    home.write("sums/Cargo.toml", manifest);
    home.write("sums/src/lib.rs", "pub mod sum;\n");
    let right = "pub fn sum(values: &[i64]) -> i64 {\n    values.iter().sum()\n}\n";
    home.write(
        "sums/src/sum.rs",
        right.replace("sum()", "sum::<i64>() + 1"),
    );
    let test = "#[test]\nfn nothing_is_zero() {\n    assert_eq!(sums::sum::sum(&[]), 0);\n}\n";
    home.write("sums/tests/sum.rs", test);
    let server = Server::start(
        move |request| match request.user().contains("Which type of bug") {
            true => Reply::text("{\"bug_type\": \"C.1\"}"),
            false => Reply::text(&format!("```rust\n{right}```")),
        },
    );
    // The toolchain itself: rustup would look for it in the home folder, which is another one here.
    let asked = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    let sysroot = String::from_utf8(asked.stdout).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut fix = home.with(&server, ["fix", "sums"]);
    let done = run(fix.env("PATH", format!("{}/bin:{path}", sysroot.trim())));
    done.exits(0);
    assert!(done.stdout.contains("round 1: passes") || done.stderr.contains("round 1: passes"));
    assert_eq!(text(&home, "sums/src/sum.rs"), right);
    assert_eq!(text(&home, "sums/tests/sum.rs"), test);
    assert!(!home.path("sums/target").exists(), "it is built elsewhere");
}

/// A virtual environment with pytest, in a folder; gives what programs have to read besides.
fn environment(home: &Home, folder: &str) -> PathBuf {
    let python = std::env::var_os("CATENA_SERVERS").filter(|python| !python.is_empty());
    let python = python.expect(
        "CATENA_SERVERS does not name a Python that has the packages of models/tests/servers/requirements.txt: \
         run `make test`",
    );
    let told = |python: &OsStr, args: &[&str]| {
        let output = Command::new(python).args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    let venv = home.path(folder).join(".venv");
    let place = venv.display().to_string();
    told(&python, &["-m", "venv", "--without-pip", &place]);
    let packages = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let shared = told(&python, &["-c", packages]);
    assert!(shared.join("pytest").is_dir(), "no pytest in {shared:?}");
    let own = told(venv.join("bin/python3").as_os_str(), &["-c", packages]);
    fs::write(own.join("shared.pth"), shared.display().to_string()).unwrap();
    shared
}

const PYTEST: &str = "import pytest\nfrom add import add\n\n@pytest.mark.parametrize('a, b, c', [(1, 2, 3), (0, 0, 0)])\ndef test_add(a, b, c):\n    assert add(a, b) == c\n";

#[test]
fn a_project_is_repaired_by_its_pytest() {
    let (home, server) = (Home::new(), Server::start(model));
    home.write("project/add.py", BROKEN);
    home.write("project/tests/test_add.py", PYTEST);
    home.write("project/pyproject.toml", "[tool.pytest.ini_options]\n");
    let shared = environment(&home, "project");
    let done = run(home
        .with(&server, ["fix", "project", "--readable"])
        .arg(shared));
    done.exits(0);
    for shown in [
        "round 0: fails its tests (1 passed, 1 failed)",
        "round 1: passes (2 tests)",
        "add.py: written",
    ] {
        assert!(done.stdout.contains(shown), "no {shown:?} in {done:#?}");
    }
    assert_eq!(text(&home, "project/add.py"), FIXED);
}

#[test]
fn a_test_beside_a_file_of_no_project_is_its_test() {
    let (home, server) = (Home::new(), Server::start(model));
    home.write("loose/add.py", BROKEN);
    home.write("loose/test_add.py", PYTEST);
    let shared = environment(&home, "loose");
    let fix = |more: &[&str]| {
        let mut fix = home.with(&server, ["fix", "loose/add.py", "--readable"]);
        run(fix.arg(&shared).args(more))
    };
    let done = fix(&["--dry-run"]);
    done.exits(0);
    for shown in ["tested by test_add.py", "round 1: passes (2 tests)"] {
        assert!(done.stdout.contains(shown), "no {shown:?} in {done:#?}");
    }
    // A command goes first.
    let done = fix(&["--test", "true", "--dry-run"]);
    assert!(!done.stdout.contains("tested by"), "{done:#?}");
    fix(&["--json"]).exits(0).json();
    assert_eq!(text(&home, "loose/add.py"), FIXED);
}

fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["-c", "user.name=a"]);
    git.args([
        "-c",
        "user.email=a@b.example",
        "-c",
        "protocol.file.allow=always",
    ]);
    let done = git.args(args).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn what_a_submodule_tracks_is_there_and_is_not_changed() {
    let both =
        format!("add.py\n```python\n{FIXED}```\nvendor/ops/ops.py\n```python\nZERO = 1\n```");
    let (home, server) = (
        Home::new(),
        Server::start(move |request| match request.number {
            0 => Reply::text("{\"bug_type\": \"C.1\"}"),
            1 => Reply::text(&both),
            _ => Reply::text(&format!("add.py\n```python\n{FIXED}```")),
        }),
    );
    let ops = "ZERO = 0\n";
    home.write("ops/ops.py", ops);
    home.write("ops/data.bin", [0xff, 0xfe]);
    git(&home.path("ops"), &["init", "-q"]);
    git(&home.path("ops"), &["add", "."]);
    git(&home.path("ops"), &["commit", "-qm", "ops"]);
    home.write("project/add.py", BROKEN);
    home.write(
        "project/test_add.py",
        "import unittest\nfrom add import add\nfrom vendor.ops.ops import ZERO\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2 + ZERO), 3)\n    def test_data(self):\n        self.assertEqual(len(open('vendor/ops/data.bin', 'rb').read()), 2)\n",
    );
    let project = home.path("project");
    git(&project, &["init", "-q"]);
    let url = home.path("ops").display().to_string();
    git(
        &project,
        &["submodule", "--quiet", "add", &url, "vendor/ops"],
    );
    let done = run(&mut home.with(&server, ["fix", "project"]));
    done.exits(0);
    for shown in [
        "vendor/ops/ops.py may not be changed",
        "round 1: passes (2 tests)",
    ] {
        assert!(done.stdout.contains(shown), "no {shown:?} in {done:#?}");
    }
    assert_eq!(text(&home, "project/add.py"), FIXED);
    assert_eq!(text(&home, "project/vendor/ops/ops.py"), ops);
}
