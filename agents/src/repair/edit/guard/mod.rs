//! What a correction has to leave as it is.

mod assertions;
mod bound;
mod declared;
mod definitions;
mod docstrings;
mod doctests;
mod exits;
mod found;
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

pub(in crate::repair) use definitions::names;
pub(super) use definitions::{definitions, left_out, still};
pub(super) use doctests::docs;
pub(in crate::repair) use kinds::kinds;
pub(super) use names::bound;
pub(super) use statements::{defined, is_import, is_statement};
pub(super) use whole::is_whole;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

#[cfg(test)]
use self::found::tests;
use self::found::{are_changed, found};
use super::syntax::{Grammar, Source};
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
    /// The files whose functions a command has pytest collect, whatever they are called.
    #[serde(default)]
    collected: BTreeSet<String>,
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
        let paths = files.iter().map(|file| file.path.clone());
        let collected = paths.filter(|path| signal::is_collected(check, path));
        let collected: BTreeSet<String> = collected.collect();
        let parsed = |file: &SourceFile| parsed(&collected, &file.path, &file.text);
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
            collected,
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
        let parsed = |text: &str| parsed(&self.collected, path, text);
        let (Some(old), Some(new)) = (parsed(old), parsed(new)) else {
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

/// A parsed file, of which it is known whether pytest collects its functions.
fn parsed(collected: &BTreeSet<String>, path: &str, text: &str) -> Option<Source> {
    let source = Source::of(path, text)?;
    Some(match collected.contains(path) {
        true => source.collected(),
        false => source,
    })
}

/// Whether a line of a file, from 1, is one of a test that a check runs.
pub(in crate::repair) fn is_test(check: &Check, file: &SourceFile, line: u32) -> bool {
    let line = usize::try_from(line)
        .ok()
        .and_then(|line| line.checked_sub(1));
    let is_collected = signal::is_collected(check, &file.path);
    let collected = is_collected
        .then(|| file.path.clone())
        .into_iter()
        .collect();
    let (Some(line), Some(source)) = (line, parsed(&collected, &file.path, &file.text)) else {
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
mod refusals {
    use super::*;

    /// Why a correction of a file that is tested by what it holds itself is refused.
    fn refused(path: &str, old: &str, from: &str, to: &str) -> Option<String> {
        let files = [SourceFile::new(path, old)];
        let new = old.replace(from, to);
        assert_ne!(new, old, "{from}");
        let check = Check::own(path, old).unwrap();
        Guard::of(&files, &[], &check, None).refusal(path, old, &new)
    }

    #[test]
    fn functions_of_the_program_may_be_called_like_tests() {
        let old = "def test_link(host):\n    return host\n";
        let new = old.replace("return host", "return host.up");
        let files = [SourceFile::new("a.py", old)];
        for (command, is_refused) in [
            ("pytest", false),
            ("python3 -m pytest a.py", true),
            ("python3 -m unittest a.py", false),
            ("make test", false),
        ] {
            let limit = std::time::Duration::from_secs(1);
            let check = Check::project(command.split(' '), limit);
            let guard = Guard::of(&files, &[], &check, None);
            let refusal = guard.refusal("a.py", old, &new);
            assert_eq!(refusal.is_some(), is_refused, "{command}");
            let given = SourceFile::new("a.py", old);
            assert_eq!(is_test(&check, &given, 1), is_refused, "{command}");
        }
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
