//! What a correction has to leave as it is.

mod assertions;
mod definitions;
mod exits;
mod kinds;
mod modules;
mod names;
mod python;
mod rust;
mod statements;

pub(super) use definitions::left_out;
pub(in crate::repair) use kinds::kinds;

use std::{collections::HashSet, ops::Range, path::Path};

use serde::{Deserialize, Serialize};

use crate::repair::{
    Check, Language, SourceFile,
    signal::{self, Signal},
};

/// What has to stay of a program, besides the tests in its files themselves.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::repair) struct Guard {
    /// The files of Rust that hold tests, also of those that may not be changed.
    tested: Vec<String>,
    /// The files whose assertions say whether they pass.
    signals: Vec<Signal>,
    /// The functions of these that assert something.
    asserting: HashSet<String>,
}

impl Guard {
    /// Of a version of a program: the files that may be changed, and those that may not.
    pub(in crate::repair) fn of(files: &[SourceFile], fixed: &[SourceFile], check: &Check) -> Self {
        let signals = signal::signals(check, files);
        let is_signal = |file: &&SourceFile| signals.iter().any(|signal| signal.path == file.path);
        let own: Vec<SourceFile> = files.iter().filter(is_signal).cloned().collect();
        Self {
            tested: modules::with_tests(files.iter().chain(fixed)),
            asserting: assertions::asserting(&own),
            signals,
        }
    }

    /// Why a new version of a file is refused, for the model to read.
    pub(super) fn refusal(&self, path: &str, old: &str, new: &str) -> Option<String> {
        if let Some(call) = exits::exit(path, old, new) {
            return Some(format!(
                "it ends the process with `{call}`; then no test tells anything"
            ));
        }
        if tests(path, old) != tests(path, new) {
            return Some(format!(
                "it changes the tests in {path}; they have to stay as they are"
            ));
        }
        if let Some(module) = modules::lost(path, old, new, &self.tested) {
            return Some(format!(
                "it takes away `mod {module};` in {path} and with it tests; they have to stay"
            ));
        }
        let signal = self.signals.iter().find(|signal| signal.path == path)?;
        let only_const = signal.is_compiled_only;
        let lost = assertions::weakened(path, old, new, &self.asserting, only_const)?;
        Some(format!(
            "it changes, leaves out or goes around `{lost}` in {path}, which says whether the program passes; it has to stay as it is"
        ))
    }
}

/// A test in a file: its lines, from 0, and the heads of the blocks around it, with what stands before these.
#[derive(Debug)]
struct Found<'a> {
    heads: Vec<&'a str>,
    lines: Range<usize>,
}

fn found<'a>(path: &str, text: &'a str) -> Vec<Found<'a>> {
    match Language::of(Path::new(path)) {
        Language::Rust => rust::tests(text),
        Language::Python => python::tests(text),
        Language::Other => Vec::new(),
    }
}

/// The tests in a file and what decides whether they are run, without blanks: test items of Rust and
/// doctests; `test…` functions, `Test…` classes and doctests of Python. Each with the attributes or
/// decorators before it and the heads of the blocks around it. What stands in a comment is no test.
fn tests(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let bare = |test: Found<'_>| -> String {
        let own = lines.get(test.lines).unwrap_or_default();
        let all = test.heads.iter().chain(own).flat_map(|line| line.chars());
        all.filter(|c| !c.is_whitespace()).collect()
    };
    found(path, text).into_iter().map(bare).collect()
}

/// Whether a line of a file, from 1, is one of a test.
pub(in crate::repair) fn is_test(path: &str, text: &str, line: u32) -> bool {
    let Some(line) = usize::try_from(line)
        .ok()
        .and_then(|line| line.checked_sub(1))
    else {
        return false;
    };
    found(path, text)
        .iter()
        .any(|test| test.lines.contains(&line))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod any_order {
    use proptest::prelude::*;

    use super::{exits::exit, modules::lost, *};

    proptest! {
        #[test]
        fn any_order_of_the_words_that_are_looked_for_is_read(words in prop::collection::vec(prop::sample::select(vec![
            "import ", "from ", "os", "sys", " as ", "exit", "_exit", "(", ")", "0", ",", ".", "*", "\n", ";", "getattr", "'", "\"",
            "\"\"\"", "f\"", "#", "\\", "use ", "std", "::", "process", "{", "}", "mod ", "a", "pub ", "#[cfg(test)]", "#[", "]",
            "assert ", "assert!(", "try:\n", "return\n", "fn a", "a()", "#[path = \"", "r#\"", "/*", "*/", "//", "def test_a", "del ", "=", ":", "    ", "é",
        ]), 0..40)) {
            let text = words.concat();
            let tested = ["src/a.rs".to_owned()];
            for path in ["src/lib.py", "src/lib.rs"] {
                prop_assert_eq!(exit(path, &text, &text), None);
                prop_assert_eq!(lost(path, &text, &text, &tested), None);
                prop_assert_eq!(exit(path, &text, ""), None);
                let _ = (exit(path, "", &text), lost(path, "mod a;\n", &text, &tested), tests(path, &text));
                let file = SourceFile::new(path, &text);
                let names = assertions::asserting(&[file]);
                prop_assert_eq!(assertions::weakened(path, &text, &text, &names, false), None);
            }
        }
    }
}
