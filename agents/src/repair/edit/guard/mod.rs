//! What a correction has to leave as it is.

mod assertions;
mod bound;
mod declared;
mod definitions;
mod doctests;
mod exits;
mod functions;
mod helpers;
mod kinds;
mod modules;
mod names;
mod of_python;
mod python;
mod rust;
mod same;
mod shell;
mod statements;
mod status;
mod whole;

pub(super) use definitions::left_out;
pub(in crate::repair) use kinds::kinds;
pub(super) use python::code as python_code;
pub(super) use whole::is_whole;

use std::{collections::BTreeSet, ops::Range, path::Path};

use serde::{Deserialize, Serialize};

use crate::repair::{
    Check, Diagnostic, Fault, Language, Report, SourceFile,
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
    asserting: BTreeSet<String>,
    /// The functions by which tests assert, and the tables that they go through.
    #[serde(default)]
    helpers: BTreeSet<String>,
    /// Lines that import what cannot be.
    pub(super) broken: Vec<String>,
}

impl Guard {
    /// Of a version of a program: the files that may be changed and those that may not, what tests it, and how
    /// it fared.
    pub(in crate::repair) fn of(
        files: &[SourceFile],
        fixed: &[SourceFile],
        check: &Check,
        report: Option<&Report>,
    ) -> Self {
        let told = report.map_or(&[][..], |report| &report.diagnostics).iter();
        let is_import = |told: &&Diagnostic| match &told.fault {
            Fault::Exception(name) => matches!(&**name, "ImportError" | "ModuleNotFoundError"),
            _ => false,
        };
        let signals = signal::signals(check, files);
        let is_signal = |file: &&SourceFile| signals.iter().any(|signal| signal.path == file.path);
        let own: Vec<SourceFile> = files.iter().filter(is_signal).cloned().collect();
        let others = [fixed, &check.files].concat();
        let mut helpers = helpers::helpers(files, &others);
        helpers.extend(helpers::tables(files, &others, &helpers));
        Self {
            tested: modules::with_tests(files.iter().chain(fixed)),
            asserting: assertions::asserting(&own),
            helpers,
            broken: told
                .filter(is_import)
                .filter_map(|told| told.source.clone())
                .collect(),
            signals,
        }
    }

    /// Why a new version of a file is refused, for the model to read.
    pub(super) fn refusal(&self, path: &str, old: &str, new: &str) -> Option<String> {
        let signal = self.signals.iter().find(|signal| signal.path == path);
        if let Some(call) = exits::exit(path, old, new, signal.is_some()) {
            return Some(format!(
                "it ends the process with `{call}`; then no test tells anything"
            ));
        }
        if are_changed(path, old, new, &self.helpers) {
            return Some(format!(
                "it changes the tests in {path}, or what they assert by; they have to stay as they are"
            ));
        }
        let names = self.names(path, old, signal.is_some());
        if let Some(name) = bound::rebound(path, old, new, &names, signal.is_some()) {
            return Some(format!(
                "it gives another meaning to `{name}` in {path}, by which tests are found or assert; it has to stay what it is"
            ));
        }
        if let Some(module) = modules::lost(path, old, new, &self.tested) {
            return Some(format!(
                "it takes away `mod {module};` in {path} and with it tests; they have to stay"
            ));
        }
        let signal = signal?;
        let only_const = signal.is_compiled_only;
        let lost = assertions::weakened(path, old, new, &self.asserting, only_const)
            .or_else(|| shell::silenced(path, old, new))?;
        Some(format!(
            "it changes, leaves out or goes around `{lost}` in {path}, which says whether the program passes; it has to stay as it is"
        ))
    }

    /// What has to mean the same in a file for its tests to be what they are.
    fn names(&self, path: &str, old: &str, is_signal: bool) -> BTreeSet<String> {
        let tests = found(path, old, &self.helpers).into_iter();
        let mut names: BTreeSet<String> = tests.filter_map(|test| test.name).collect();
        names.extend(self.helpers.iter().cloned());
        if Language::of(Path::new(path)) == Language::Python {
            names.extend(of_python::bases(old));
        }
        if is_signal {
            names.extend(assertions::names(path, old, &self.asserting));
        }
        names
    }
}

/// A test in a file, or what tests assert by.
#[derive(Debug)]
struct Found {
    /// Its lines as they are compared, behind the heads of the blocks around it and what stands before these.
    code: String,
    /// Its lines, from 0.
    lines: Range<usize>,
    /// What a test is called that has a name.
    name: Option<String>,
    /// Whether it does nothing to other tests, wherever a correction adds it.
    is_harmless: bool,
    /// The line of the docstring that an example is of: examples behind it see what it binds.
    docstring: Option<usize>,
}

fn found(path: &str, text: &str, helpers: &BTreeSet<String>) -> Vec<Found> {
    match Language::of(Path::new(path)) {
        Language::Rust => rust::tests(text, helpers),
        Language::Python => of_python::tests(text, helpers),
        Language::Other => Vec::new(),
    }
}

/// Whether a new version of a file lacks a test of the old one, has it otherwise, or has what keeps it from
/// being run. More tests may be added.
///
/// These are the test items of Rust and doctests; `test…` functions, classes of tests and doctests of Python; each
/// with the attributes or decorators before it and the heads of the blocks around it; and the functions that
/// `helpers` names. What stands in a comment is no test.
fn are_changed(path: &str, old: &str, new: &str, helpers: &BTreeSet<String>) -> bool {
    let (before, after) = (found(path, old, helpers), found(path, new, helpers));
    let mut left: Vec<&str> = before.iter().map(|test| &*test.code).collect();
    let is_known: Vec<bool> = after
        .iter()
        .map(|test| {
            let known = left.iter().position(|left| *left == test.code);
            known.map(|at| left.swap_remove(at)).is_some()
        })
        .collect();
    let is_added = |at: usize, test: &Found| {
        let is_renewed = || {
            before
                .iter()
                .any(|old| old.name.is_some() && old.name == test.name)
        };
        let is_before = || {
            let behind = after.iter().zip(&is_known).skip(at + 1);
            let mut known = behind.filter(|(_, is_known)| **is_known);
            test.docstring.is_some() && known.any(|(known, _)| known.docstring == test.docstring)
        };
        test.is_harmless && !is_renewed() && !is_before()
    };
    let mut all = after.iter().zip(&is_known).enumerate();
    !left.is_empty() || all.any(|(at, (test, is_known))| !is_known && !is_added(at, test))
}

#[cfg(test)]
fn tests(path: &str, text: &str) -> Vec<String> {
    let found = found(path, text, &BTreeSet::new());
    found.into_iter().map(|test| test.code).collect()
}

/// Whether a line of a file, from 1, is one of a test.
pub(in crate::repair) fn is_test(path: &str, text: &str, line: u32) -> bool {
    let Some(line) = usize::try_from(line)
        .ok()
        .and_then(|line| line.checked_sub(1))
    else {
        return false;
    };
    found(path, text, &BTreeSet::new())
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
            "class A(", "macro_rules! a", "<", "impl ", "raise ", "return ", "panic!(", "<<A\n", "exit 1", "if ", "fi\n", "assert ", "assert!(", "try:\n", "return\n", "fn a", "a()", "#[path = \"", "r#\"", "/*", "*/", "//", "def test_a", "del ", "=", ":", "    ", "é",
        ]), 0..40)) {
            let text = words.concat();
            let tested = ["src/a.rs".to_owned()];
            for path in ["src/lib.py", "src/lib.rs"] {
                prop_assert_eq!(exit(path, &text, &text, false), None);
                prop_assert!(!are_changed(path, &text, &text, &BTreeSet::new()));
                prop_assert_eq!(lost(path, &text, &text, &tested), None);
                prop_assert_eq!(exit(path, &text, "", true), None);
                let _ = (exit(path, "", &text, true), lost(path, "mod a;\n", &text, &tested), tests(path, &text));
                let file = SourceFile::new(path, &text);
                let names = assertions::asserting(std::slice::from_ref(&file));
                prop_assert_eq!(assertions::weakened(path, &text, &text, &names, false), None);
                let helpers = helpers::helpers(&[file], &[]);
                let _ = are_changed(path, "", &text, &helpers);
                prop_assert_eq!(bound::rebound(path, &text, &text, &names, true), None);
                prop_assert_eq!(left_out(path, &text, &text), None);
                let _ = (left_out(path, &text, ""), is_whole(path, &text));
            }
            prop_assert_eq!(shell::silenced("a.sh", &text, &text), None);
            let _ = (shell::silenced("a.sh", "", &text), is_whole("a.sh", &text));
        }
    }
}

#[cfg(test)]
mod additions {
    use super::*;

    const PYTHON: &str = "def f(x):\n    \"\"\"F.\n\n    >>> f(1)\n    2\n    \"\"\"\n    return x\n\ndef test_f():\n    assert f(1) == 2\n";
    const RUST: &str =
        "/// F.\nfn f() -> u8 { 1 }\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";

    #[test]
    fn tests_may_be_added() {
        for (path, text, from, to) in [
            ("a.py", PYTHON, "    2\n", "    2\n    >>> f(2)\n    3\n"),
            ("a.py", PYTHON, "    2\n", "    2\n\n    >>> f(2)\n    3\n"),
            (
                "a.py",
                PYTHON,
                "def test_f",
                "def test_g():\n    assert f(0) == 1\n\ndef test_f",
            ),
            (
                "a.py",
                PYTHON,
                "def test_f",
                "class T(unittest.TestCase):\n    def test_g(self): pass\n\ndef test_f",
            ),
            (
                "a.py",
                PYTHON,
                "def f",
                "\"\"\"A.\n\n>>> f(3)\n4\n\"\"\"\ndef f",
            ),
            (
                "a.rs",
                RUST,
                "/// F.\n",
                "/// F.\n/// ```\n/// f();\n/// ```\n",
            ),
            (
                "a.rs",
                RUST,
                "#[cfg(test)]\nmod",
                "#[test]\nfn u() {}\n#[cfg(test)]\nmod",
            ),
            (
                "a.rs",
                RUST,
                "#[cfg(test)]\nmod",
                "#[cfg(test)]\nmod more {\n    #[test] fn u() {}\n}\n#[cfg(test)]\nmod",
            ),
            ("a.rs", RUST, "fn f", "#[cfg(not(test))]\nfn g() {}\nfn f"),
        ] {
            let new = text.replace(from, to);
            assert_ne!(new, text, "{from}");
            assert!(!are_changed(path, text, &new, &BTreeSet::new()), "{new}");
        }
        let main = "#[cfg(not(test))]\nfn main() { f() }\n";
        assert!(!are_changed(
            "a.rs",
            main,
            &main.replace("f()", "g()"),
            &BTreeSet::new()
        ));
    }

    #[test]
    fn what_is_added_keeps_no_test_from_being_run() {
        for (path, text, from, to) in [
            (
                "a.py",
                PYTHON,
                "    >>> f(1)",
                "    >>> f = lambda x: 2\n    >>> f(1)",
            ),
            (
                "a.py",
                PYTHON,
                "    return x\n",
                "    return x\n\ndef test_f():\n    pass\n",
            ),
            (
                "a.py",
                PYTHON,
                "def test_f",
                "pytestmark = skip\ndef test_f",
            ),
            ("a.py", PYTHON, "def f(x)", "__test__ = {}\ndef f(x)"),
            (
                "a.rs",
                RUST,
                "fn f() -> u8 { 1 }",
                "#[cfg(not(test))]\nfn f() -> u8 { 1 }\n#[cfg(test)]\nfn f() -> u8 { 2 }",
            ),
            ("a.rs", RUST, "fn f", "#[cfg_attr(test, inline)]\nfn f"),
            ("a.rs", RUST, "/// F.", "#![cfg(any())]\n/// F."),
        ] {
            let new = text.replace(from, to);
            assert_ne!(new, text, "{from}");
            assert!(are_changed(path, text, &new, &BTreeSet::new()), "{new}");
        }
    }

    /// Why a correction of a file that is tested by what it holds itself is refused.
    fn refused(path: &str, old: &str, from: &str, to: &str) -> Option<String> {
        let files = [SourceFile::new(path, old)];
        let new = old.replace(from, to);
        assert_ne!(new, old, "{from}");
        let check = Check::own(path, old).unwrap();
        Guard::of(&files, &[], &check, None).refusal(path, old, &new)
    }

    #[test]
    fn what_tests_assert_by_stays() {
        let python = "import unittest\nfrom unittest import TestCase\n\ndef f(x):\n    return x\n\ndef check(t, got, want):\n    t.assertEqual(got, want)\n\nclass T(TestCase):\n    def test_f(self):\n        check(self, f(1), 2)\n";
        for (from, to) in [
            ("t.assertEqual(got, want)", "pass"),
            ("t.assertEqual(got", "got = want\n    t.assertEqual(got"),
            (
                "    t.assert",
                "    if want != 2:\n        return\n    t.assert",
            ),
            ("\nclass T", "\ncheck = print\n\nclass T"),
            ("\nclass T", "\ndel T.test_f\n\nclass T"),
            ("\nclass T", "\nTestCase.assertEqual = print\n\nclass T"),
            (
                "\nclass T",
                "\nclass TestCase(unittest.TestCase):\n    assertEqual = print\n\nclass T",
            ),
            (
                "return x\n",
                "return x\n\nload_tests = lambda *all: unittest.TestSuite()\n",
            ),
        ] {
            assert!(refused("a.py", python, from, to).is_some(), "{to}");
        }
        for (from, to) in [
            ("return x", "return x + 1"),
            ("got, want):", "got, want):  # Both."),
            ("import unittest\n", "import unittest\nimport math\n"),
            ("f(1), 2)", "f( 1 ), 2)  # One more."),
        ] {
            assert_eq!(refused("a.py", python, from, to), None, "{to}");
        }
        let table = "CASES = [(1, 2)]\n\ndef f(x):\n    return x\n\ndef test_f():\n    for a, b in CASES:\n        assert f(a) == b\n";
        for (from, to) in [
            ("[(1, 2)]", "[]"),
            ("\ndef test", "\nCASES = []\n\ndef test"),
        ] {
            assert!(refused("a.py", table, from, to).is_some(), "{to}");
        }
        assert_eq!(refused("a.py", table, "return x", "return x + 1"), None);
        let rust = "fn f(x: u8) -> u8 {\n    x\n}\n\nfn check(got: u8, want: u8) {\n    assert_eq!(got, want, \"a\");\n}\n\n#[test]\nfn t() {\n    check(f(1), 2);\n}\n";
        for (from, to) in [
            ("    assert_eq!(got, want, \"a\");\n", ""),
            ("assert_eq!(got, want", "assert_eq!(got, got"),
            ("fn f", "macro_rules! assert_eq { ($($x:tt)*) => {} }\nfn f"),
            ("fn f", "use quiet::assert_eq;\nfn f"),
        ] {
            assert!(refused("a.rs", rust, from, to).is_some(), "{to}");
        }
        for (from, to) in [
            ("    x\n", "    x + 1\n"),
            (
                "    assert_eq!(got, want,",
                "    // Both.\n    assert_eq!(\n        got, want,",
            ),
        ] {
            assert_eq!(refused("a.rs", rust, from, to), None, "{to}");
        }
    }
}
