//! Which kinds of tests a file holds, and so what runs them.

use super::{of_python, rust};
use crate::repair::edit::syntax::{Grammar, Source};

/// The kinds of tests in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::repair) struct Kinds {
    /// Classes of unittest; test items of Rust.
    pub(in crate::repair) items: bool,
    /// Examples in docstrings and doc comments.
    pub(in crate::repair) doctests: bool,
    /// What only pytest finds: functions that the file does not call itself, classes of no `TestCase`.
    pub(in crate::repair) of_pytest: bool,
}

/// The kinds of tests in a file of Python or Rust.
pub(in crate::repair) fn kinds(path: &str, text: &str) -> Kinds {
    let source = Source::of(path, text);
    source.map_or_else(Kinds::default, |source| match source.grammar() {
        Grammar::Python => of_python::kinds(&source),
        Grammar::Rust => rust::kinds(&source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> (bool, bool, bool) {
        let kinds = kinds(path, text);
        (kinds.items, kinds.doctests, kinds.of_pytest)
    }

    #[test]
    fn tests_of_python_are_told_apart() {
        for (text, expected) in [
            (
                "class T(unittest.TestCase):\n    def test_a(self): pass\n",
                (true, false, false),
            ),
            (
                "def f():\n    \"\"\"F.\n\n    >>> f()\n    1\n    \"\"\"\n",
                (false, true, false),
            ),
            (
                "def f():\n    r''' >>> f()\n    1\n    '''\n",
                (false, true, false),
            ),
            ("def test_a():\n    assert f()\n", (false, false, true)),
            (
                "async def test_a(x=1):\n    assert f()\n",
                (false, false, true),
            ),
            (
                "class TestA:\n    def test_a(self): pass\n",
                (false, false, true),
            ),
            (
                "import pytest\ndef test_a(tmp_path): pass\n",
                (false, false, true),
            ),
            // It runs them itself.
            (
                "def test_a():\n    assert f()\ntest_a()\n",
                (false, false, false),
            ),
            ("def testament():\n    return 1\n", (false, false, false)),
            // None that a runner would take.
            (
                "def test_link(host):\n    return host\n",
                (false, false, false),
            ),
            ("TEXT = '''\n>>> f()\n'''\n", (false, false, false)),
            (
                "def f():\n    x = 1\n    '''\n    >>> f()\n    '''\n",
                (false, false, false),
            ),
            (
                "'''\nclass T(TestCase):\n'''\n# class TestA:\n",
                (false, false, false),
            ),
            ("def f():\n    return 1\n", (false, false, false)),
        ] {
            assert_eq!(of("a.py", text), expected, "{text}");
        }
    }

    #[test]
    fn tests_of_rust_are_told_apart() {
        for (text, expected) in [
            (
                "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n",
                (true, false),
            ),
            ("#[test] fn a() {}\n", (true, false)),
            ("/// ```\n/// f();\n/// ```\nfn f() {}\n", (false, true)),
            (
                "/// ```should_panic\n/// f();\n/// ```\nfn f() {}\n",
                (false, true),
            ),
            // Nothing in them runs.
            ("/// ```text\n/// f\n/// ```\nfn f() {}\n", (false, false)),
            ("/// ```ignore\n/// f\n/// ```\nfn f() {}\n", (false, false)),
            ("#[cfg(test)]\nuse a::b;\n// #[test]\n", (false, false)),
        ] {
            assert_eq!(of("a.rs", text), (expected.0, expected.1, false), "{text}");
        }
    }
}
