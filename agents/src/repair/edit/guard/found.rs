//! The tests of a file, and whether a new version of it has them otherwise.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{definitions::matching, docstrings, doctests, of_python, rust, statements};
use crate::repair::edit::syntax::{Grammar, Node, Source};

/// A test in a file, or what tests assert by.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// What is compared of it, behind the heads of the blocks around it and what stands before these.
    pub(super) code: String,
    /// Its node; of an example the string, or nothing of its own.
    pub(super) node: Node<'a>,
    /// Its lines, from 0.
    pub(super) lines: Range<usize>,
    /// What a test is called that has a name.
    pub(super) name: Option<String>,
    /// Whether it does nothing to other tests, wherever a correction adds it.
    pub(super) is_harmless: bool,
    /// The line of the docstring that an example is of: examples behind it see what it binds.
    pub(super) docstring: Option<usize>,
    /// The definition that an example is of: in another text it would not be run. `None` where that cannot be told of a
    /// broken program.
    pub(super) of: Option<String>,
}

/// A definition that examples may be of.
#[derive(Debug)]
pub(super) struct Place {
    /// The path of what it is in.
    pub(super) around: String,
    /// Its path without type arguments.
    pub(super) bare: String,
    /// Whether it is a function: examples of what is in one may not be run.
    pub(super) is_function: bool,
}

/// Definitions by their paths, as examples name what they are of.
pub(super) type Places = BTreeMap<String, Place>;

fn places(source: &Source) -> Places {
    match source.grammar() {
        Grammar::Rust => doctests::places(source),
        Grammar::Python => docstrings::places(source),
    }
}

/// Whether what an example was of has another path now: it is the same but for type arguments, or has another name,
/// or what it is in has. What has another name is gone under the old one and was not there under the new one.
fn is_renamed(from: &str, to: &str, before: &Places, after: &Places) -> bool {
    let same = matching(from, before, after, |of| &of.bare);
    if same.is_some_and(|(path, _)| path == to) {
        return true;
    }
    let (mut from, mut to) = (from, to);
    while from != to {
        let gone = before.get(from).filter(|_| !after.contains_key(from));
        let new = after.get(to).filter(|_| !before.contains_key(to));
        match (gone, new) {
            (Some(gone), Some(new)) if gone.is_function == new.is_function => {
                from = &gone.around;
                to = &new.around;
            }
            _ => return false,
        }
    }
    true
}

/// The tests of a file, and those of its functions and tables that `helpers` names.
pub(super) fn found<'a>(source: &'a Source, helpers: &BTreeSet<String>) -> Vec<Found<'a>> {
    match source.grammar() {
        Grammar::Rust => rust::tests(source, helpers),
        Grammar::Python => of_python::tests(source, helpers),
    }
}

/// The heads of the blocks around a node, from the outside, as they are compared.
pub(super) fn around(node: Node<'_>) -> String {
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
pub(super) fn are_changed(old: &Source, new: &Source, helpers: &BTreeSet<String>) -> bool {
    let (before, after) = (found(old, helpers), found(new, helpers));
    let both = LazyCell::new(|| (places(old), places(new)));
    let is_same = |left: &Found<'_>, test: &Found<'_>| {
        let is_same_of = || match (&left.of, &test.of) {
            (Some(from), Some(to)) => from == to || is_renamed(from, to, &both.0, &both.1),
            _ => true,
        };
        left.code == test.code && is_same_of()
    };
    let mut left: Vec<&Found<'_>> = before.iter().collect();
    let is_known: Vec<bool> = after
        .iter()
        .map(|test| {
            let is_exact = |left: &&Found<'_>| left.code == test.code && left.of == test.of;
            let exact = left.iter().position(is_exact);
            let known = exact.or_else(|| left.iter().position(|left| is_same(left, test)));
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
pub(super) fn tests(path: &str, text: &str) -> Vec<String> {
    let source = Source::of(path, text).unwrap();
    let found = found(&source, &BTreeSet::new());
    found.into_iter().map(|test| test.code).collect()
}

#[cfg(test)]
mod added {
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
            (
                "test_a.py",
                PYTHON,
                "    2\n",
                "    2\n    >>> f(2)\n    3\n",
            ),
            (
                "test_a.py",
                PYTHON,
                "    2\n",
                "    2\n\n    >>> f(2)\n    3\n",
            ),
            (
                "test_a.py",
                PYTHON,
                "def test_f",
                "def test_g():\n    assert f(0) == 1\n\ndef test_f",
            ),
            (
                "test_a.py",
                PYTHON,
                "def test_f",
                "class T(unittest.TestCase):\n    def test_g(self): pass\n\ndef test_f",
            ),
            (
                "test_a.py",
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
    fn an_example_stays_with_what_it_is_of() {
        let doc = "\"\"\"F.\n\n    >>> f(1)\n    2\n    \"\"\"";
        let text = format!("def f(x):\n    {doc}\n    return x\n\ndef g(x):\n    return x\n");
        for (from, to) in [
            (doc, format!("text = {doc}")),
            (doc, format!("x += 1\n    {doc}")),
            (
                "def f",
                "def h():\n    pass\n\nif False:\n  def f".to_owned(),
            ),
            (
                &*text,
                format!("def f(x):\n    return x\n\ndef g(x):\n    {doc}\n    return x\n"),
            ),
            (
                &text,
                format!("TEXT = {doc}\ndef f(x):\n    return x\n\ndef g(x):\n    return x\n"),
            ),
        ] {
            assert!(are_changed("a.py", &text, &text.replace(from, &to)), "{to}");
        }
        for (from, to) in [
            ("def f(x)", "@cached\ndef f(x: int) -> int"),
            ("return x", "return x + 1"),
            ("F.\n", "The sum of all.\n"),
            ("def f", "# F.\ndef f"),
        ] {
            assert!(!are_changed("a.py", &text, &text.replace(from, to)), "{to}");
        }
        // What a broken program says of itself is looked for in all of the next.
        for (from, to) in [
            ("def f(x):", "def f(x)"),
            ("def f(x):", "def f(x:"),
            ("return x\n\ndef g", "return (x\n\ndef g"),
        ] {
            let broken = text.replace(from, to);
            assert!(!are_changed("a.py", &broken, &text), "{broken}");
            let other = text.replace("    2\n", "    3\n");
            assert!(are_changed("a.py", &broken, &other), "{broken}");
        }
        let shown = "BANNER = \"\"\"\n>>> f(1)\n\"\"\"\n";
        assert!(!are_changed("a.py", shown, &shown.replace("f(1)", "f(2)")));
    }

    #[test]
    fn an_example_stays_with_what_has_another_name() {
        let doc = "\"\"\"Adds.\n\n    >>> add(1, 2)\n    3\n    \"\"\"";
        let text = format!("def ad(a, b):\n    {doc}\n    return a + b\n");
        let add = text.replace("def ad", "def add");
        assert!(!are_changed("a.py", &text, &add));
        let nested = add.replace('\n', "\n    ");
        let below = add.replace("def add", "def g():\n    pass\n\ndef add");
        for new in [
            // In another function it would not be run.
            format!("def outer():\n    {nested}\n"),
            format!("if False:\n    {nested}\n"),
            // It was of another one, which stays.
            format!("{add}\ndef ad(a, b):\n    return add(a, b)\n"),
            // It is another one.
            below.replace("add(1, 2)", "add(1, 3)"),
        ] {
            assert!(are_changed("a.py", &text, &new), "{new}");
        }
        assert!(!are_changed("a.py", &text, &below));
        // Nor what was there before.
        let both = format!("{text}\ndef add(a, b):\n    return a + b\n");
        assert!(are_changed("a.py", &both, &add));
        let class = "class A:\n    def f(self):\n        '''\n        >>> B().f()\n        1\n        '''\n        return 1\n";
        let renamed = class.replace("class A", "class B");
        assert!(!are_changed("a.py", class, &renamed));
        let function = class.replace("class A:", "def B():");
        assert!(are_changed("a.py", class, &function));

        let rust = "struct Stack<T>(Vec<T>);\nimpl Stack<T> {\n    /// ```\n    /// push();\n    /// ```\n    fn push() {}\n}\nfn other() {}\n";
        for (from, to) in [
            ("impl Stack<T>", "impl<T> Stack<T>"),
            ("impl Stack<T>", "impl Stack<u8>"),
            ("fn push", "fn push_all"),
        ] {
            let new = rust.replace(from, to);
            assert!(!are_changed("a.rs", rust, &new), "{new}");
        }
        let elsewhere = "struct Stack<T>(Vec<T>);\n/// ```\n/// push();\n/// ```\nfn other() {}\n";
        assert!(are_changed("a.rs", rust, elsewhere));
    }

    #[test]
    fn an_example_of_rust_stays_with_what_it_is_of() {
        let doc = "    /// ```\n    /// f();\n    /// ```\n";
        let text = format!(
            "mod a {{\n{doc}    pub fn f() {{}}\n}}\nimpl<T> A<T> {{\n    fn g() {{ h() }}\n}}\n"
        );
        let without = text.replace(doc, "");
        for (from, to) in [
            ("    fn g", format!("{doc}    fn g")),
            ("h()", format!("\n{doc}\nh()")),
            ("mod a", format!("{doc}mod a")),
        ] {
            let new = without.replace(from, &to);
            assert!(are_changed("a.rs", &text, &new), "{new}");
        }
        let outermost = doc.replace("    ", "");
        let of_impl = text.replace("impl<T>", &format!("{outermost}impl<T>"));
        for (from, to) in [
            (
                "pub fn f() {}",
                "#[inline]\n    // F.\n    pub(crate) fn f<T>(_: T) {}",
            ),
            ("impl<T> A<T>", "impl<U: Copy> A<U>"),
            ("h() }", "h( }"),
        ] {
            let new = of_impl.replace(from, to);
            assert_ne!(new, of_impl, "{from}");
            assert!(!are_changed("a.rs", &of_impl, &new), "{new}");
        }
    }

    #[test]
    fn what_is_added_keeps_no_test_from_being_run() {
        for (path, text, from, to) in [
            (
                "test_a.py",
                PYTHON,
                "    >>> f(1)",
                "    >>> f = lambda x: 2\n    >>> f(1)",
            ),
            (
                "test_a.py",
                PYTHON,
                "    return x\n",
                "    return x\n\ndef test_f():\n    pass\n",
            ),
            (
                "test_a.py",
                PYTHON,
                "def test_f",
                "pytestmark = skip\ndef test_f",
            ),
            ("test_a.py", PYTHON, "def f(x)", "__test__ = {}\ndef f(x)"),
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
}
