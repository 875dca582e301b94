//! Checks for one program and its assertions.

use std::{path::Path, time::Duration};

use super::{Check, CheckStep, Stage, own::crate_name};

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
        Self::new([CheckStep::new(Stage::Run, command)
            .proof("@catena \"done\"")
            .tests(1)])
        .file("catena_check.py", HARNESS)
        .file("catena_tests.py", tests)
    }

    /// Tests of a Rust text about the program at `path`, as if they stood behind it in one file. rustc
    /// is called directly, without cargo: the program can use the standard library alone.
    ///
    /// The one file is called `catena_check.rs`.
    pub fn rust(path: &str, tests: impl AsRef<str>) -> Self {
        let all = format!("include!({path:?});\n{}", tests.as_ref());
        let is_test = |line: &&str| line.trim_start().starts_with("#[test]");
        let count = tests.as_ref().lines().filter(is_test).count();
        let [compile, run] = Self::rust_tests("catena_check.rs");
        let run = run.tests(u32::try_from(count).unwrap_or(u32::MAX).max(1));
        Self::new([compile, run]).file("catena_check.rs", all)
    }

    /// The steps that run the test items of a file of Rust.
    pub(super) fn rust_tests(path: &str) -> [CheckStep; 2] {
        let compile = [
            "rustc",
            "--edition=2021",
            "--test",
            "--error-format=json",
            "-Awarnings",
            "-Cdebuginfo=0",
            "-o",
            "catena_check",
            path,
        ];
        let run = ["./catena_check", "--test-threads=1"];
        [
            CheckStep::new(Stage::Compile, named(path, &compile)),
            CheckStep::new(Stage::Test, run)
                .proof("test result: ok")
                .tests(1),
        ]
    }

    /// What the command says that tests a project. Of `cargo test`, pytest and unittest it has to tell of a
    /// test at least. What `cargo test` builds is built first, in a step of its own: what that leaves can be
    /// kept for the next run, and no test has a part in it.
    pub fn project<S: Into<String>>(command: impl IntoIterator<Item = S>, limit: Duration) -> Self {
        let command: Vec<String> = command.into_iter().map(Into::into).collect();
        let run = CheckStep::new(Stage::Test, command.clone()).limit(limit);
        if is_of_python(&command) {
            return Self::new([run.tests(1)]);
        }
        let test = command
            .iter()
            .position(|word| word == "test" || word == "t");
        let is_cargo = command.first().is_some_and(|program| program == "cargo");
        let Some(test) = test.filter(|_| is_cargo) else {
            return Self::new([run]);
        };
        let words = command.iter().take_while(|word| *word != "--").enumerate();
        let build = words.flat_map(|(at, word)| {
            let added = (at == test).then(|| "--no-run".to_owned());
            [word.clone()].into_iter().chain(added)
        });
        Self::new([
            CheckStep::new(Stage::Compile, build).limit(limit),
            run.tests(1),
        ])
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
            // Lints that refuse arithmetic are found when code is made, not before.
            "--emit=obj",
            "--error-format=json",
            "-Awarnings",
            "-o",
            "catena_check.o",
            path,
        ];
        Self::new([CheckStep::new(Stage::Compile, named(path, &compile))])
    }
}

/// The words of a compiler, which is told what the crate is called where its file is called what no crate is.
fn named(path: &str, words: &[&str]) -> Vec<String> {
    let stem = Path::new(path).file_stem().unwrap_or_default();
    let name = crate_name(path);
    let is_odd = name != stem.to_string_lossy().replace('-', "_");
    let told = is_odd.then(|| format!("--crate-name={name}"));
    let words = words.iter().map(|word| (*word).to_owned());
    let mut words: Vec<String> = words.collect();
    words.splice(1..1, told);
    words
}

/// Whether a command is `pytest …`, or `python3 -m pytest …`, or the same with unittest.
fn is_of_python(command: &[String]) -> bool {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let program = command.first().map(|word| name(word)).unwrap_or_default();
    let module = command
        .iter()
        .zip(command.iter().skip(1))
        .find(|(flag, _)| *flag == "-m")
        .map(|(_, module)| &**module);
    match program.starts_with("python") {
        true => matches!(module, Some("pytest" | "unittest")),
        false => matches!(&*program, "pytest" | "py.test"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_have_to_tell_of_tests_and_cargo_builds_before() {
        let limit = Duration::from_secs(9);
        let steps = |command: &str| -> Vec<(String, u32)> {
            let check = Check::project(command.split(' '), limit);
            let step = |step: CheckStep| (step.command.join(" "), step.tests);
            check.steps.into_iter().map(step).collect()
        };
        assert_eq!(
            steps("cargo +1.90 test --lib a -- --nocapture"),
            [
                ("cargo +1.90 test --no-run --lib a".to_owned(), 0),
                ("cargo +1.90 test --lib a -- --nocapture".to_owned(), 1),
            ]
        );
        for (command, tests) in [
            ("make test", 0),
            ("python3 test.py", 0),
            ("pytest -q", 1),
            ("/usr/bin/python3 -m unittest discover", 1),
        ] {
            assert_eq!(steps(command), [(command.to_owned(), tests)]);
        }
    }
}
