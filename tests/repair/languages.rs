//! Python and Rust in the sandbox.

use std::sync::Arc;

use catena::agents::{
    Check, Method, RepairTask, Repairer, Runner, SandboxRunner, SourceFile, Stage,
};

use crate::support::{block, model, repair};

async fn report(path: &str, text: &str, check: Check) -> catena::agents::Report {
    let runner = SandboxRunner::new().unwrap();
    runner
        .run(&[SourceFile::new(path, text)], &[], &check)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_python_assertion_counts_and_tells_its_values() {
    let check = |limit| {
        Check::python(
            "f.py",
            "for n in range(4):\n    assert f(n) == n\nassert f(9)\n",
            limit,
        )
    };
    let program = "def f(n):\n    return [0, 1, 7][n]\n";
    let all = report("f.py", program, check(None)).await;
    assert_eq!(
        (all.passed, all.failed, all.stage),
        (2, 3, Some(Stage::Run))
    );
    assert_eq!(
        all.diagnostics[0].values,
        Some(("7".to_owned(), "2".to_owned()))
    );
    assert!(
        all.diagnostics[1].message.starts_with("IndexError"),
        "{:?}",
        all.diagnostics
    );
    assert_eq!(all.diagnostics[1].line, Some(2));
    let first = report("f.py", program, check(Some(2))).await;
    assert!(first.passes && first.passed == 2, "{first:?}");
}

#[tokio::test]
async fn a_program_that_ends_early_has_not_passed() {
    let early = "import os\ndef f(n):\n    os._exit(0)\n";
    let ended = report(
        "f.py",
        early,
        Check::python("f.py", "assert f(1) == 1\n", None),
    )
    .await;
    assert!(!ended.passes, "{ended:?}");
    assert_eq!(
        ended.diagnostics[0].message,
        "the program ended before its tests did"
    );
    let never = report("f.py", "def f(n):\n    while True: pass\n", {
        let mut check = Check::python("f.py", "assert f(1) == 1\n", None);
        check.steps[0].limit = std::time::Duration::from_secs(2);
        check
    });
    assert_eq!(never.await.stage, Some(Stage::Timeout));
    let unread = report(
        "f.py",
        "def f(:\n",
        Check::python("f.py", "assert f(1)\n", None),
    )
    .await;
    assert_eq!(unread.stage, Some(Stage::Compile), "{unread:?}");
    assert_eq!(unread.diagnostics[0].line, Some(1));
}

#[tokio::test]
async fn rust_is_compiled_and_its_tests_counted() {
    let tests =
        "#[test] fn a() { assert_eq!(f(1), 2); }\n#[test] fn b() { assert_eq!(f(0), 0); }\n";
    let check = || Check::rust("f.rs", tests);
    let failed = report("f.rs", "fn f(x: u32) -> u32 { x }\n", check()).await;
    assert_eq!(
        (failed.passed, failed.failed, failed.stage),
        (1, 1, Some(Stage::Test)),
        "{failed:?}"
    );
    assert_eq!(
        failed.diagnostics[0].values,
        Some(("1".to_owned(), "2".to_owned()))
    );
    let broken = report("f.rs", "fn f(x: u32) -> u32 {\n    y\n}\n", check()).await;
    assert_eq!(broken.stage, Some(Stage::Compile));
    assert_eq!(broken.diagnostics[0].file.as_deref(), Some("f.rs"));
    assert_eq!(broken.diagnostics[0].line, Some(2));
}

#[tokio::test]
async fn a_python_program_is_repaired_in_the_sandbox() {
    let model = model(|_, _| block("def f(n):\n    return n * 2\n"));
    let runner = Arc::new(SandboxRunner::new().unwrap());
    let visible = Check::python("f.py", "assert f(2) == 4\n", None);
    let hidden = Check::python("f.py", "assert f(3) == 6\n", None);
    let task = RepairTask::new("f.py", "def f(n):\n    return n + 2\n", visible).hidden(hidden);
    // Two and two hide the bug; the visible test does not.
    let task = RepairTask {
        visible: Check::python("f.py", "assert f(2) == 4\nassert f(1) == 2\n", None),
        ..task
    };
    let repaired = repair(
        Repairer::new(Arc::new(model.clone()), runner).method(Method::Critique),
        task,
    )
    .await
    .unwrap();
    assert!(repaired.passes && repaired.hidden == Some(true));
    assert_eq!(repaired.rounds[0].hidden, Some(false));
    assert!(
        crate::support::shown(&model.requests()[0])
            .contains("`f(1) == 2` failed: got 3, expected 2")
    );
}

/// Each is what a file may hold itself, and what is right and wrong about it.
#[tokio::test]
async fn the_tests_that_a_file_holds_are_run() {
    let python = "import unittest\ndef f():\n    \"\"\"F.\n\n    >>> f()\n    2\n    \"\"\"\n    return 2\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f() * 2, 4)\n";
    let rust = "/// ```\n/// assert_eq!(a::f(), 2);\n/// ```\npub fn f() -> u32 { 2 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(super::f() * 2, 4); }\n}\n";
    for (path, text, right, wrong) in [
        ("a.py", python, "return 2", "return 3"),
        ("a.py", python, "    2\n", "    5\n"),
        ("a.rs", rust, "{ 2 }", "{ 3 }"),
        ("a.rs", rust, "(), 2)", "(), 5)"),
    ] {
        let check = Check::own(path, text).unwrap();
        let passes = report(path, text, check.clone()).await;
        assert_eq!((passes.passes, passes.ran), (true, Some(2)), "{passes:?}");
        let fails = report(path, &text.replace(right, wrong), check).await;
        assert!(!fails.passes && !fails.diagnostics.is_empty(), "{fails:?}");
    }
    let check = Check::own("a.py", python).unwrap();
    let doctest = report("a.py", &python.replace("    2\n", "    5\n"), check).await;
    let told = &doctest.diagnostics[0].message;
    assert_eq!(told, "`f()` failed: got 2, expected 5");
}

/// Names that are no names of modules or crates, a package, and options of doctest.
#[tokio::test]
async fn the_tests_of_a_file_are_run_whatever_it_is_called() {
    let python = "import dataclasses, unittest\n@dataclasses.dataclass\nclass A:\n    x: int\ndef f():\n    \"\"\"F.\n\n    >>> f()\n    2\n    \"\"\"\n    return 2\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f() * 2, 4)\n";
    let rust = "/// ```\n/// assert!(true);\n/// ```\npub fn f() -> u32 { 2 }\n#[test]\nfn t() { assert_eq!(f() * 2, 4); }\n";
    let relative = format!("from .b import c\n{python}");
    let long = python
        .replace("    2\n", "    2...\n")
        .replace("return 2", "return 2 + 0 * c()");
    let long = format!(
        "import doctest\ndef c():\n    return 1\n{long}\nif __name__ == '__main__':\n    doctest.testmod(optionflags=doctest.ELLIPSIS)\n"
    );
    let beside = [
        SourceFile::new("p/__init__.py", ""),
        SourceFile::new("p/b.py", "c = 1\n"),
    ];
    let runner = SandboxRunner::new().unwrap();
    for (path, text) in [
        ("enum.py", python),
        ("1 my-file.x.py", python),
        ("p/a.py", &relative),
        ("a.py", &long),
        ("1 my-file.x.rs", rust),
    ] {
        let check = Check::own(path, text).unwrap();
        let files = [SourceFile::new(path, text)];
        let report = runner.run(&files, &beside, &check).await.unwrap();
        assert_eq!(
            (report.passes, report.ran),
            (true, Some(2)),
            "{path}: {report:?}"
        );
        let wrong = text
            .replace("return 2", "return 3")
            .replace("{ 2 }", "{ 3 }");
        let files = [SourceFile::new(path, wrong)];
        let report = runner.run(&files, &beside, &check).await.unwrap();
        assert!(
            !report.passes && !report.diagnostics.is_empty(),
            "{path}: {report:?}"
        );
    }
}
