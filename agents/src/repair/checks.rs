//! Checks for one program and its assertions.

use super::{Check, CheckStep, Stage};

const HARNESS: &str = include_str!("harness.py");

impl Check {
    /// The assertions of a Python text about the program at `path`, in whose name space they run. Each
    /// `assert` is a test of its own: one that fails does not end the others, and what came out is told
    /// beside what was expected. With a limit only the first so many that are come to count.
    ///
    /// What runs the assertions is called `catena_check.py`, and they are in `catena_tests.py`.
    pub fn python(path: &str, tests: impl Into<String>, limit: Option<u32>) -> Self {
        let limit = limit.unwrap_or(0).to_string();
        let command = [
            "python3",
            "catena_check.py",
            path,
            "catena_tests.py",
            &limit,
        ];
        Self::new([CheckStep::new(Stage::Run, command).proof("@catena \"done\"")])
            .file("catena_check.py", HARNESS)
            .file("catena_tests.py", tests)
    }

    /// Tests of a Rust text about the program at `path`, as if they stood behind it in one file. rustc
    /// is called directly, without cargo: the program can use the standard library alone.
    ///
    /// The one file is called `catena_check.rs`.
    pub fn rust(path: &str, tests: impl AsRef<str>) -> Self {
        let all = format!("include!({path:?});\n{}", tests.as_ref());
        let compile = [
            "rustc",
            "--edition=2021",
            "--test",
            "--error-format=json",
            "-Awarnings",
            "-Cdebuginfo=0",
            "-o",
            "catena_check",
            "catena_check.rs",
        ];
        let run = ["./catena_check", "--test-threads=1"];
        Self::new([
            CheckStep::new(Stage::Compile, compile),
            CheckStep::new(Stage::Test, run).proof("test result: ok"),
        ])
        .file("catena_check.rs", all)
    }

    /// Whether a Python program parses and runs to its end.
    pub fn python_alone(path: &str) -> Self {
        Self::new([CheckStep::new(Stage::Run, ["python3", path])])
    }

    /// Whether a Rust program compiles.
    pub fn rust_alone(path: &str) -> Self {
        let compile = [
            "rustc",
            "--edition=2021",
            "--crate-type=lib",
            "--emit=metadata",
            "--error-format=json",
            "-Awarnings",
            "-o",
            "catena_check.rmeta",
            path,
        ];
        Self::new([CheckStep::new(Stage::Compile, compile)])
    }
}
