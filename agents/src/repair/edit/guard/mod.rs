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
mod panics;
mod rust;
mod shell;
mod statements;
mod status;
mod whole;

pub(super) use definitions::{definitions, left_out};
pub(super) use doctests::docs;
pub(in crate::repair) use kinds::kinds;
pub(super) use names::bound;
pub(super) use statements::{defined, is_import, is_statement};
pub(super) use whole::is_whole;

use std::{collections::BTreeSet, ops::Range};

use serde::{Deserialize, Serialize};

use super::syntax::{Grammar, Node, Source};
use crate::repair::{
    Check, Diagnostic, Fault, Report, SourceFile,
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
        let parsed = |file: &SourceFile| Source::of(&file.path, &file.text);
        let open: Vec<Source> = files.iter().filter_map(parsed).collect();
        let others: Vec<Source> = fixed
            .iter()
            .chain(&check.files)
            .filter_map(parsed)
            .collect();
        let is_signal = |file: &&SourceFile| signals.iter().any(|signal| signal.path == file.path);
        let own: Vec<Source> = files.iter().filter(is_signal).filter_map(parsed).collect();
        let mut helpers = helpers::helpers(&open, &others);
        helpers.extend(helpers::tables(&open, &others, &helpers));
        let holds = |file: &&SourceFile| parsed(file).is_some_and(|source| modules::holds(&source));
        let tested = files.iter().chain(fixed).filter(holds);
        Self {
            tested: tested.map(|file| file.path.clone()).collect(),
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
        let weakens = |lost: String| {
            format!(
                "it changes, leaves out or goes around `{lost}` in {path}, which says whether the program passes; it has to stay as it is"
            )
        };
        let (Some(old), Some(new)) = (Source::of(path, old), Source::of(path, new)) else {
            return signal
                .and_then(|_| shell::silenced(path, old, new))
                .map(weakens);
        };
        if let Some(call) = exits::exit(&old, &new, signal.is_some()) {
            return Some(format!(
                "it ends the process with `{call}`; then no test tells anything"
            ));
        }
        if are_changed(&old, &new, &self.helpers) {
            return Some(format!(
                "it changes the tests in {path}, or what they assert by; they have to stay as they are"
            ));
        }
        let names = self.names(&old, signal.is_some());
        if let Some(name) = bound::rebound(&old, &new, &names, signal.is_some()) {
            return Some(format!(
                "it gives another meaning to `{name}` in {path}, by which tests are found or assert; it has to stay what it is"
            ));
        }
        if let Some(module) = modules::lost(path, &old, &new, &self.tested) {
            return Some(format!(
                "it takes away `mod {module};` in {path} and with it tests; they have to stay"
            ));
        }
        let only_const = signal?.is_compiled_only;
        assertions::weakened(&old, &new, &self.asserting, only_const).map(weakens)
    }

    /// What has to mean the same in a file for its tests to be what they are.
    fn names(&self, source: &Source, is_signal: bool) -> BTreeSet<String> {
        let tests = found(source, &self.helpers).into_iter();
        let mut names: BTreeSet<String> = tests.filter_map(|test| test.name).collect();
        names.extend(self.helpers.iter().cloned());
        if source.grammar() == Grammar::Python {
            names.extend(of_python::bases(source));
        }
        if is_signal {
            names.extend(assertions::names(source, &self.asserting));
        }
        names
    }
}

/// A test in a file, or what tests assert by.
#[derive(Debug)]
struct Found<'a> {
    /// What is compared of it, behind the heads of the blocks around it and what stands before these.
    code: String,
    /// Its node; of an example the string, or nothing of its own.
    node: Node<'a>,
    /// Its lines, from 0.
    lines: Range<usize>,
    /// What a test is called that has a name.
    name: Option<String>,
    /// Whether it does nothing to other tests, wherever a correction adds it.
    is_harmless: bool,
    /// The line of the docstring that an example is of: examples behind it see what it binds.
    docstring: Option<usize>,
}

fn found<'a>(source: &'a Source, helpers: &BTreeSet<String>) -> Vec<Found<'a>> {
    match source.grammar() {
        Grammar::Rust => rust::tests(source, helpers),
        Grammar::Python => of_python::tests(source, helpers),
    }
}

/// The heads of the blocks around a node, from the outside, as they are compared.
fn around(node: Node<'_>) -> String {
    let heads = statements::heads(node).into_iter().rev();
    heads
        .map(|head| format!("{}{}\n", head.said.concat(), head.code))
        .collect()
}

/// Whether a new version of a file lacks a test of the old one, has it otherwise, or has what keeps it from
/// being run. More tests may be added.
///
/// These are the test items of Rust and doctests; `test…` functions, classes of tests and doctests of Python; each
/// with the attributes or decorators before it and the heads of the blocks around it; and the functions that
/// `helpers` names. What stands in a comment is no test.
fn are_changed(old: &Source, new: &Source, helpers: &BTreeSet<String>) -> bool {
    let (before, after) = (found(old, helpers), found(new, helpers));
    let mut left: Vec<&str> = before.iter().map(|test| &*test.code).collect();
    let is_known: Vec<bool> = after
        .iter()
        .map(|test| {
            let known = left.iter().position(|left| *left == test.code);
            known.map(|at| left.swap_remove(at)).is_some()
        })
        .collect();
    let is_added = |at: usize, test: &Found<'_>| {
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
    let source = Source::of(path, text).unwrap();
    let found = found(&source, &BTreeSet::new());
    found.into_iter().map(|test| test.code).collect()
}

/// Whether a line of a file, from 1, is one of a test.
pub(in crate::repair) fn is_test(path: &str, text: &str, line: u32) -> bool {
    let line = usize::try_from(line)
        .ok()
        .and_then(|line| line.checked_sub(1));
    let (Some(line), Some(source)) = (line, Source::of(path, text)) else {
        return false;
    };
    functions::ranges(&source)
        .iter()
        .any(|lines| lines.contains(&line))
}

#[cfg(test)]
mod any_order {
    use proptest::prelude::*;

    use super::{exits::exit, modules::lost, *};

    /// Whatever stands there, the same is no change, and nothing panics.
    fn is_read(text: &str) -> Result<(), TestCaseError> {
        let tested = ["src/a.rs".to_owned()];
        let none = BTreeSet::new();
        for path in ["src/lib.py", "src/lib.rs"] {
            let of = |text: &str| Source::of(path, text).unwrap();
            let (empty, declares, source) = (of(""), of("mod a;\n"), of(text));
            prop_assert_eq!(exit(&source, &source, false), None);
            prop_assert!(!are_changed(&source, &source, &none));
            prop_assert_eq!(lost(path, &source, &source, &tested), None);
            prop_assert_eq!(exit(&source, &empty, true), None);
            let _ = (
                exit(&empty, &source, true),
                lost(path, &declares, &source, &tested),
            );
            let names = assertions::asserting(&[of(text)]);
            prop_assert_eq!(assertions::weakened(&source, &source, &names, false), None);
            let helpers = helpers::helpers(&[of(text)], &[]);
            let _ = are_changed(&empty, &source, &helpers);
            prop_assert_eq!(bound::rebound(&source, &source, &names, true), None);
            prop_assert_eq!(left_out(&source, &source), None);
            let _ = (
                left_out(&source, &empty),
                is_whole(path, text),
                kinds(path, text),
            );
        }
        prop_assert_eq!(shell::silenced("a.sh", text, text), None);
        let _ = (shell::silenced("a.sh", "", text), is_whole("a.sh", text));
        Ok(())
    }

    #[test]
    fn what_is_nested_deeply_is_read() {
        for part in [
            "(", "[", "{", "fn a() {", "use a::{", "if a {", "!", "f'{", "/*", "a.", "a(", "-",
        ] {
            is_read(&part.repeat(2_000)).unwrap();
        }
    }

    const WHOLE: &str = concat!(include_str!("mod.rs"), include_str!("../../own.py"));

    proptest! {
        #[test]
        fn any_order_of_the_words_that_are_looked_for_is_read(words in prop::collection::vec(prop::sample::select(vec![
            "import ", "from ", "os", "sys", " as ", "exit", "_exit", "(", ")", "0", ",", ".", "*", "\n", ";", "getattr", "'", "\"",
            "\"\"\"", "f\"", "#", "\\", "use ", "std", "::", "process", "{", "}", "mod ", "a", "pub ", "#[cfg(test)]", "#[", "]",
            "class A(", "macro_rules! a", "<", "impl ", "raise ", "return ", "panic!(", "<<A\n", "exit 1", "if ", "fi\n", "assert ", "assert!(", "try:\n", "return\n", "fn a", "a()", "#[path = \"", "r#\"", "/*", "*/", "//", "def test_a", "del ", "=", ":", "    ", "é",
        ]), 0..40)) {
            is_read(&words.concat())?;
        }

        #[test]
        fn any_text_is_read(text in "(\\PC|\n|\t|\r){0,200}") {
            is_read(&text)?;
        }

        #[test]
        fn a_program_that_breaks_off_is_read(from in 0..WHOLE.len(), length in 0..2000_usize) {
            let text: String = WHOLE.chars().skip(from).take(length).collect();
            is_read(&text)?;
        }
    }
}

#[cfg(test)]
mod broken {
    use super::*;

    #[test]
    fn a_program_that_does_not_parse_keeps_its_tests() {
        for (path, tests, broken, mended) in [
            (
                "a.py",
                "assert f(1) == 2\n",
                "def f(x):\n    return (x + 1\n",
                "def f(x):\n    return (x + 1)\n",
            ),
            (
                "a.py",
                "if __name__ == '__main__':\n    assert f(1) == 2\n",
                "def f(x):\n    return [x\n",
                "def f(x):\n    return [x][0]\n",
            ),
            (
                "a.rs",
                "fn main() {\n    assert!(f(1) == 2);\n}\n",
                "fn f(x: u8) -> u8\nwhere\n    u8: Copy,\n{\n    (x\n}\n",
                "fn f(x: u8) -> u8\nwhere\n    u8: Copy,\n{\n    x\n}\n",
            ),
            (
                "a.py",
                "def test_f():\n    assert f(1) == 2\n",
                "def f(x):\n    return (x + 1\n",
                "def f(x):\n    return (x + 1)\n",
            ),
            (
                "a.py",
                "class TestF:\n    def test_f(self):\n        assert f(1) == 2\n",
                "def f(x):\n    \"\"\"F.\n    return x\n",
                "def f(x):\n    \"\"\"F.\"\"\"\n    return x + 1\n",
            ),
            (
                "a.rs",
                "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(f(1), 2); }\n}\n",
                "fn f(x: u8) -> u8 {\n    if x > 1 { 1\n}\n",
                "fn f(x: u8) -> u8 {\n    x + 1\n}\n",
            ),
            (
                "a.rs",
                "#[test]\nfn t() {\n    assert_eq!(f(1), \"2\");\n}\n",
                "fn f(x: u8) -> &str {\n    \"1\n}\n",
                "fn f(x: u8) -> &str {\n    \"2\"\n}\n",
            ),
        ] {
            let of = |program: &str, tests: &str| format!("{program}\n{tests}");
            let signal = Signal {
                path: path.to_owned(),
                is_compiled_only: false,
            };
            let guard = Guard {
                signals: vec![signal],
                ..Guard::default()
            };
            assert_eq!(
                guard.refusal(path, &of(broken, tests), &of(mended, tests)),
                None,
                "{broken}"
            );
            assert_eq!(
                guard.refusal(path, &of(mended, tests), &of(broken, tests)),
                None,
                "{broken}"
            );
            let other = tests.replace('2', "1");
            assert!(
                guard
                    .refusal(path, &of(broken, tests), &of(mended, &other))
                    .is_some(),
                "{broken}"
            );
        }
    }
}

#[cfg(test)]
mod additions {
    use super::*;

    fn are_changed(path: &str, old: &str, new: &str) -> bool {
        let (old, new) = (
            Source::of(path, old).unwrap(),
            Source::of(path, new).unwrap(),
        );
        super::are_changed(&old, &new, &BTreeSet::new())
    }

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
            assert!(!are_changed(path, text, &new), "{new}");
        }
        let main = "#[cfg(not(test))]\nfn main() { f() }\n";
        assert!(!are_changed("a.rs", main, &main.replace("f()", "g()")));
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
            assert!(are_changed(path, text, &new), "{new}");
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
