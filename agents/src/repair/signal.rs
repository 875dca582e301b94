//! What the commands of a check say of files: those that say themselves whether they are right, and those of which the
//! functions are tests.

use serde::{Deserialize, Serialize};

use super::{Check, Language, SourceFile, Stage};

/// A file whose assertions are what tells whether it passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signal {
    pub(super) path: String,
    /// Whether it is compiled alone and never executed.
    pub(super) is_compiled_only: bool,
}

/// Those of the files that may be changed which a check runs itself: that a command names, or all of Rust for
/// `cargo run`. A command that tells how many tests ran runs tests, which stay as they are anyway.
pub(super) fn signals(check: &Check, files: &[SourceFile]) -> Vec<Signal> {
    let mut found: Vec<Signal> = Vec::new();
    let steps = check.steps.iter();
    for step in steps.filter(|step| step.tests == 0 && step.proof.is_none()) {
        let words: Vec<&str> = step.command.iter().flat_map(|word| words(word)).collect();
        let runs = words
            .windows(2)
            .any(|two| matches!(two, ["cargo", "run" | "r"]))
            || matches!(&*words, ["cargo", toolchain, "run" | "r", ..] if toolchain.starts_with('+'));
        for file in files {
            let is_rust = Language::of(std::path::Path::new(&file.path)) == Language::Rust;
            // A name may hold blanks.
            let whole = step.command.iter().map(|word| &**word);
            let mut all = whole.chain(words.iter().copied());
            if !(runs && is_rust || all.any(|word| is_named(word, &file.path))) {
                continue;
            }
            let is_compiled_only = step.stage == Stage::Compile;
            match found.iter_mut().find(|known| known.path == file.path) {
                Some(known) => known.is_compiled_only &= is_compiled_only,
                None => found.push(Signal {
                    path: file.path.clone(),
                    is_compiled_only,
                }),
            }
        }
    }
    found
}

/// Whether a command has pytest collect the functions of a file, whatever that is called: it names the file.
pub(super) fn is_collected(check: &Check, path: &str) -> bool {
    let is_pytest = |word: &str| matches!(word.rsplit('/').next(), Some("pytest" | "py.test"));
    check.steps.iter().any(|step| {
        let whole = step.command.iter().map(|word| &**word);
        let parts = step.command.iter().flat_map(|word| words(word));
        let all: Vec<&str> = whole.chain(parts).collect();
        // Behind `::` stands which of its tests are run.
        let mut files = all
            .iter()
            .map(|word| word.split("::").next().unwrap_or(word));
        all.iter().any(|word| is_pytest(word)) && files.any(|word| is_named(word, path))
    })
}

/// The words of a word, which may be a shell's whole line.
fn words(word: &str) -> impl Iterator<Item = &str> {
    let breaks = |c: char| c.is_whitespace() || "\"'`;&|<>()=,$".contains(c);
    word.split(breaks).filter(|word| !word.is_empty())
}

/// Whether a word is the path of a file, a module of Python or the folder of one that is executed.
fn is_named(word: &str, path: &str) -> bool {
    let word = word.trim_start_matches("./").trim_end_matches('/');
    let module = word.replace('.', "/");
    let of = |base: &str| {
        path.strip_prefix(base)
            .is_some_and(|rest| matches!(rest, ".py" | "/__main__.py" | "/__init__.py"))
    };
    // Commands name files by whole paths, too.
    let is_absolute = || {
        word.starts_with('/')
            && word
                .strip_suffix(path)
                .is_some_and(|head| head.ends_with('/'))
    };
    path == word || of(word) || of(&module) || is_absolute()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::repair::CheckStep;

    fn named(command: &str) -> String {
        let files = ["a.py", "p/b.py", "p/__main__.py", "src/main.rs", "src/c.rs"];
        let files = files.map(|path| SourceFile::new(path, ""));
        let check = Check::project(command.split(' '), Duration::from_secs(1));
        let found = signals(&check, &files).into_iter();
        found
            .map(|signal| signal.path)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn what_a_command_runs_is_the_signal() {
        for (command, expected) in [
            ("python3 a.py", "a.py"),
            ("python3 ./a.py --fast", "a.py"),
            ("python3 -m p.b", "p/b.py"),
            ("python3 -m p", "p/__main__.py"),
            ("sh -c true&&'python3 a.py'", "a.py"),
            ("cargo run", "src/main.rs src/c.rs"),
            ("cargo +1.90 run --release", "src/main.rs src/c.rs"),
            // These run tests, or something else.
            ("python3 test_a.py", ""),
            ("pytest -q a.py", ""),
            ("cargo test", ""),
            ("make", ""),
        ] {
            assert_eq!(named(command), expected, "{command}");
        }
    }

    #[test]
    fn pytest_collects_the_functions_of_files_that_a_command_names() {
        for (command, expected) in [
            ("python3 -m pytest -q a.py", true),
            ("/usr/bin/pytest ./a.py::test_a", true),
            ("sh -c 'pytest;a.py'", true),
            ("pytest", false),
            ("pytest b.py", false),
            ("python3 a.py", false),
            ("python3 -m unittest a.py", false),
        ] {
            let check = Check::project(command.split(' '), Duration::from_secs(1));
            assert_eq!(is_collected(&check, "a.py"), expected, "{command}");
        }
        let own = Check::own("a.py", "def test_a():\n    assert f()\n").unwrap();
        assert!(is_collected(&own, "a.py"));
    }

    #[test]
    fn a_name_with_blanks_is_found() {
        let files = [SourceFile::new("my a.py", "")];
        let run = CheckStep::new(Stage::Run, ["python3", "my a.py"]);
        assert_eq!(signals(&Check::new([run]), &files).len(), 1);
    }

    #[test]
    fn harnesses_and_compilers_run_nothing_of_a_file_itself() {
        let files = [SourceFile::new("a.py", ""), SourceFile::new("a.rs", "")];
        assert!(signals(&Check::python("a.py", "assert f()", None), &files).is_empty());
        assert!(signals(&Check::rust("a.rs", "#[test] fn t() {}"), &files).is_empty());
        let [compiled] = &*signals(&Check::rust_alone("a.rs"), &files) else {
            panic!("one")
        };
        assert!(compiled.is_compiled_only);
        let mut both = Check::rust_alone("a.rs");
        both.steps.push(CheckStep::new(Stage::Run, ["run", "a.rs"]));
        assert!(!signals(&both, &files)[0].is_compiled_only);
    }
}
