//! Names that get another meaning.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    names::{Path, bound, imported},
    statements::{defined, is_import, is_statement, name},
};
use crate::repair::edit::syntax::{Grammar, Node, Source, unquoted, words};

/// The name among these that a new version of a file binds once more than the old one, or something of the
/// modules that run tests. A name that was not bound may be: it was missing.
///
/// What is bound within a function is of no other, and counts with `locals` alone.
pub(super) fn rebound(
    old: &Source,
    new: &Source,
    names: &BTreeSet<String>,
    locals: bool,
) -> Option<String> {
    let count = |source| match Source::grammar(source) {
        Grammar::Python => of_python(source, names, locals),
        Grammar::Rust => of_rust(source, names, locals),
    };
    let before = count(old);
    let more = count(new).into_iter().find_map(|(bound, times)| {
        let old = before.get(&bound).copied().unwrap_or(0);
        let is_free = old == 0 && bound.by == By::Name;
        (times > old && !is_free).then_some(bound.name)
    });
    more.or_else(|| taken_elsewhere(old, new))
}

/// A name that an import took from a module that runs tests, and that another import takes from another module now.
fn taken_elsewhere(old: &Source, new: &Source) -> Option<String> {
    let there = imported(new);
    let mut of_runners = imported(old)
        .into_iter()
        .filter(|(_, path)| is_of_runner(path));
    let taken = of_runners.find(|(name, old)| {
        let is_same = |new: &Path<'_>| is_of_runner(new) || is_mock(new) && new.1 == old.1;
        there.get(name).is_some_and(|path| !is_same(path))
    });
    taken.map(|(name, _)| name.to_owned())
}

/// What `unittest.mock` has, and `unittest` has not: whoever took it from there took nothing.
const MOCKS: [&str; 14] = [
    "ANY",
    "AsyncMock",
    "DEFAULT",
    "MagicMock",
    "Mock",
    "NonCallableMagicMock",
    "NonCallableMock",
    "PropertyMock",
    "call",
    "create_autospec",
    "mock_open",
    "patch",
    "seal",
    "sentinel",
];

/// Whether it is `mock`, which is a package of its own too, or something of it.
fn is_mock((parent, name): &Path<'_>) -> bool {
    match *parent {
        "" => *name == "mock",
        "mock" => MOCKS.contains(name),
        _ => false,
    }
}

/// A name, and how it gets its meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bound {
    by: By,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// An import, a definition, an assignment.
    Name,
    /// An assignment to something of a module or class.
    Attribute,
    /// It has a meaning without any.
    Known,
}

type Counts = BTreeMap<Bound, usize>;

fn add(counts: &mut Counts, by: By, name: &str) {
    let name = name.to_owned();
    *counts.entry(Bound { by, name }).or_default() += 1;
}

/// The modules that find and run tests.
const RUNNERS: [&str; 3] = ["unittest", "pytest", "doctest"];

fn is_of_runner((parent, name): &Path<'_>) -> bool {
    RUNNERS.contains(parent) || RUNNERS.contains(name) || name.contains("TestCase")
}

/// By what Python calls it, a program knows that it is run, and tests itself.
const OWN_NAME: &str = "__name__";

fn of_python(source: &Source, names: &BTreeSet<String>, locals: bool) -> Counts {
    let imports = imported(source);
    let others = imports.iter().filter(|(_, path)| is_of_runner(path));
    let runners = others.map(|(bound, _)| *bound).chain(RUNNERS).collect();
    let mut bindings = Bindings {
        names,
        runners,
        counts: Counts::new(),
    };
    // The same import twice is no other meaning.
    let mut imported: HashSet<String> = HashSet::new();
    let mut of_runners: HashSet<(&str, Path<'_>)> = HashSet::new();
    for node in source.root().all() {
        let is_own = |of: Node<'_>| matches!(of.kind(), "function_definition" | "class_definition");
        let is_local = || !locals && node.ancestors().any(is_own);
        if is_import(node) {
            let is_outermost = node.ancestors().count() == 1;
            let is_new = !is_outermost || imported.insert(node.same());
            for (name, path) in bound(node).iter().filter(|_| is_new && !is_local()) {
                // Of a runner it is the same however it is imported.
                if !is_of_runner(path) || of_runners.insert((*name, *path)) {
                    bindings.named(name);
                }
            }
        } else if let Some(defined) = defined(node).filter(|_| is_statement(node)) {
            name(defined)
                .filter(|_| !is_local())
                .into_iter()
                .for_each(|name| bindings.named(name));
        } else if matches!(node.kind(), "delete_statement" | "global_statement") {
            node.tokens().for_each(|token| bindings.named(token.text()));
        } else if let Some(target) = target(node) {
            bindings.assigned(target, is_local());
        } else if node.kind() == "call" {
            bindings.set(node);
        }
    }
    bindings.counts
}

/// What a node of Python assigns to.
fn target(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "assignment" => node.field("right").and(node.field("left")),
        "augmented_assignment" | "for_statement" => node.field("left"),
        "named_expression" => node.field("name"),
        "as_pattern" => node.field("alias"),
        _ => None,
    }
}

/// What a program of Python binds of what has to stay.
struct Bindings<'a> {
    names: &'a BTreeSet<String>,
    /// What the modules that run tests, and their classes, are called here.
    runners: HashSet<&'a str>,
    counts: Counts,
}

impl Bindings<'_> {
    fn named(&mut self, name: &str) {
        if name == OWN_NAME {
            add(&mut self.counts, By::Known, name);
        } else if self.names.contains(name) || self.runners.contains(name) {
            add(&mut self.counts, By::Name, name);
        }
    }

    /// Counts what an assignment binds: names, also several at once, attributes and entries.
    fn assigned(&mut self, target: Node<'_>, is_local: bool) {
        let is_whole =
            |node: &Node<'_>| matches!(node.kind(), "attribute" | "subscript" | "identifier");
        for one in target.walk(|node| !is_whole(&node)).filter(is_whole) {
            let tokens = words(one.tokens());
            let root = tokens.first().copied().unwrap_or_default();
            let name = match one.kind() {
                "identifier" if is_local => continue,
                "identifier" => {
                    self.named(root);
                    continue;
                }
                "attribute" => tokens.last().copied(),
                _ => one
                    .field("subscript")
                    .and_then(|entry| unquoted(entry.text())),
            };
            let name = name.unwrap_or_default();
            if name == OWN_NAME && matches!(root, "globals" | "vars") {
                self.named(name);
            }
            // Of a runner, of a test or of what tests are made from: `TestAdd.test_add = …`.
            let is_of_test = self.runners.contains(root) || self.names.contains(root);
            let is_set = one.kind() == "attribute" && is_of_test;
            // What an object calls its own is something else.
            if is_set || self.names.contains(name) && !matches!(root, "self" | "cls") {
                add(&mut self.counts, By::Attribute, name);
            }
        }
    }

    /// Counts what `setattr(a, "b", …)` sets.
    fn set(&mut self, call: Node<'_>) {
        if call
            .field("function")
            .is_none_or(|function| function.text() != "setattr")
        {
            return;
        }
        let given = call
            .field("arguments")
            .map(|given| words(given.tokens()))
            .unwrap_or_default();
        let of = given.get(1).copied().unwrap_or_default();
        let mut named = given.iter().map(|token| unquoted(token).unwrap_or(token));
        if let Some(name) = named.find(|token| self.names.contains(*token)) {
            add(&mut self.counts, By::Attribute, name);
        } else if self.runners.contains(of) {
            add(&mut self.counts, By::Attribute, of);
        }
    }
}

/// The macros by which tests of Rust assert without an import.
const MACROS: [&str; 9] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "matches",
    "panic",
    "unreachable",
];

fn of_rust(source: &Source, names: &BTreeSet<String>, locals: bool) -> Counts {
    let tokens = words(source.root().tokens());
    let get = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at))
            .copied()
            .unwrap_or_default()
    };
    let mut counts = Counts::new();
    let mut imports = false;
    for (at, token) in tokens.iter().enumerate() {
        let (before, after) = (get(at.checked_sub(1)), get(Some(at + 1)));
        // What the standard library calls so is what it is without an import.
        let is_use = *token == "use" && !matches!(after, "<" | "std" | "core");
        imports = is_use || imports && *token != ";";
        let is_imported = imports && before != "use" && !matches!(after, "as" | "::");
        let is_macro = before == "macro_rules!";
        let is_bound = match before {
            "fn" => locals,
            "let" | "const" | "static" | "as" | "mod" => true,
            "mut" => get(at.checked_sub(2)) == "let",
            _ => false,
        };
        if (is_macro || is_imported || before == "as") && MACROS.contains(token) {
            add(&mut counts, By::Known, token);
        } else if names.contains(*token) && (is_macro || is_imported || is_bound) {
            add(&mut counts, By::Name, token);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binds(path: &str, old: &str, new: &str) -> Option<String> {
        let names = ["check", "test_a", "TestCase"].map(str::to_owned);
        let (old, new) = (Source::of(path, old)?, Source::of(path, new)?);
        rebound(&old, &new, &BTreeSet::from(names), false)
    }

    const PYTHON: &str = "from unittest import TestCase as Case\nfrom pytest import raises as fails\nimport unittest as u\nfrom checks import (\n    check,\n)\nfrom unittest import TestCase\ndef test_a():\n    pass\n";

    #[test]
    fn another_meaning_is_found() {
        for line in [
            "check = print",
            "if True:\n    check = print",
            "check: object = print",
            "a, check = 1, 2",
            "check, a = 1, 2",
            "a = check = 1",
            "if (check := 1): pass",
            "for check in [print]: pass",
            "with a() as check: pass",
            "from b import a, check",
            "from b import (\n    a,\n    check,\n)",
            "import b as check",
            "def check(*all): pass",
            "def f():\n    global check\n    check = print",
            "globals()['check'] = print",
            "checks.check = print",
            "setattr(checks, 'check', print)",
            "class TestCase(unittest.TestCase): pass",
            "test_a = None",
            "del test_a",
            "x = m.test_a = None",
            // Of a test, so that it does not run or asserts nothing.
            "test_a.__test__ = False",
            "test_a.pytestmark = None",
            "check += 1",
            "u = quiet",
            "from quiet import TestCase as Case",
            "def fails(*all): pass",
            // Whether it is the program that is run.
            "__name__ = 'a'",
            "__name__ += 'a'",
            "del __name__",
            "globals()['__name__'] = 'a'",
            "from b import c as __name__",
            // What runs tests, whatever it is called.
            "TestCase.assertEqual = print",
            "Case.run = print",
            "u.TestCase.failureException = Exception",
            "unittest.TestCase.assertTrue = lambda *all: None",
            "setattr(Case, 'assertEqual', print)",
        ] {
            let new = format!("{PYTHON}{line}\n");
            assert!(binds("a.py", PYTHON, &new).is_some(), "{line}");
            assert_eq!(binds("a.py", &new, &new), None, "{line}");
        }
    }

    #[test]
    fn other_bindings_are_none() {
        for line in [
            "x = check",
            "x = f(check=1)",
            "x = f(\n    check=1,\n)",
            "f(check, x=1)",
            "if check == 1: pass",
            "def f(check):\n    check = 1\n    return check",
            "class A:\n    def check(self):\n        self.check = 1",
            "from check import a",
            "from b import check as c",
            "x['a'] = 1",
            "def f():\n    from b import check",
            "from unittest import TestCase",
            "unit.run = 1",
            "def f(g):\n    f.__name__ = g.__name__",
            "f.__name__ = 'g'",
            "names['__name__'] = __name__",
            "import pytest",
            "if u:\n    import unittest as u",
            "def f():\n    u = 1",
        ] {
            let new = format!("{PYTHON}{line}\n");
            assert_eq!(binds("a.py", PYTHON, &new), None, "{line}");
        }
        let quiet = PYTHON.replace("from pytest import raises", "from quiet import raises");
        assert!(binds("a.py", PYTHON, &quiet).is_some());
        // It was missing.
        assert_eq!(binds("a.py", "", "from checks import check\n"), None);
    }

    #[test]
    fn a_mock_is_of_its_own_module() {
        for (from, to, is_bound) in [
            (
                "from unittest import Mock",
                "from unittest.mock import Mock",
                false,
            ),
            (
                "from unittest import patch as p",
                "from mock import patch as p",
                false,
            ),
            ("from unittest import mock", "import mock", false),
            (
                "from unittest import mock",
                "import unittest.mock as mock",
                false,
            ),
            ("import unittest.mock as mock", "import mock", false),
            ("from unittest import mock", "from . import mock", true),
            (
                "from unittest import Mock",
                "from unittest.mock import call as Mock",
                true,
            ),
            ("from unittest import main", "from mock import main", true),
            ("from pytest import raises", "from mock import raises", true),
            ("import unittest as mock", "import mock", true),
        ] {
            let of = |import: &str| format!("{import}\nx = 1\n");
            let found = binds("a.py", &of(from), &of(to));
            assert_eq!(found.is_some(), is_bound, "{to}");
        }
    }

    #[test]
    fn another_meaning_is_found_in_rust() {
        let old = "use checks::check;\nfn f() { check(1); }\n";
        for line in [
            "macro_rules! assert_eq { ($($x:tt)*) => {} }",
            "use other::assert_eq;",
            "use other::{quiet as assert};",
            "use other::{a, check};",
            "use other::quiet as check;",
            "fn g() { let check = |_| (); }",
        ] {
            let new = format!("{line}\n{old}");
            assert!(binds("a.rs", old, &new).is_some(), "{line}");
        }
        for line in [
            "macro_rules! square { ($x:expr) => { assert_eq!($x, 1) } }",
            "use checks::check as c;",
            "use std::{panic, assert_eq};",
            "fn g() { check(2); }",
            "impl A { fn check(&self) {} }",
        ] {
            let new = format!("{line}\n{old}");
            assert_eq!(binds("a.rs", old, &new), None, "{line}");
        }
        assert_eq!(binds("a.rs", "", "use checks::check;\n"), None);
        assert_eq!(binds("a.txt", old, "check = 1"), None);
    }
}
