//! The tests in a file of Python.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Found, around,
    functions::table,
    kinds::Kinds,
    names::imported,
    statements::{defined, is_statement, name},
};
use crate::repair::edit::syntax::{Node, Source, is_word, words};

/// The tests of a file, and those of its functions and tables that `helpers` names.
pub(super) fn tests<'a>(source: &'a Source, helpers: &BTreeSet<String>) -> Vec<Found<'a>> {
    let classes = Classes::of(source);
    let whole = |node: Node<'a>| {
        let defined = defined(node);
        let named = defined.and_then(name);
        let test = named.filter(|name| match defined.map(Node::kind) {
            Some("class_definition") => classes.tests.contains(name),
            _ => name.starts_with("test"),
        });
        let helper = named
            .or_else(|| table(node))
            .filter(|name| helpers.contains(*name));
        let name = test.or(helper);
        (name.is_some() || decides(node, named) || is_torn(node)).then(|| Found {
            code: around(node) + &node.same(),
            node,
            lines: node.lines(),
            name: name.map(str::to_owned),
            is_harmless: test.is_some(),
            docstring: None,
        })
    };
    let mut found = Vec::new();
    let mut end = 0;
    for node in source.root().all() {
        // What is in a test is a part of it.
        if node.bytes().start < end {
            continue;
        }
        if node.kind() == "string" {
            found.extend(examples(node));
        } else if (is_statement(node) || node.kind() == "ERROR")
            && let Some(test) = whole(node)
        {
            end = node.bytes().end;
            found.push(test);
        }
    }
    found
}

/// Which kinds of tests a file holds.
pub(super) fn kinds(source: &Source) -> Kinds {
    let classes = Classes::of(source);
    let speaks = source.root().tokens().any(|token| token.text() == "pytest");
    let is_called = |name: &str| {
        let mut calls = source.root().all().filter(|node| node.kind() == "call");
        calls.any(|call| call.field("function").is_some_and(|of| of.text() == name))
    };
    let is_of_pytest = |node: Node<'_>| {
        let Some((defined, name)) = defined(node).and_then(|node| Some((node, name(node)?))) else {
            return false;
        };
        if defined.kind() == "class_definition" {
            return name.starts_with("Test") && !classes.cases.contains(name);
        }
        // A fixture, or who calls it gives it something.
        let wants = |given: Node<'_>| matches!(given.kind(), "identifier" | "typed_parameter");
        let given = defined.field("parameters");
        let is_run = || !is_called(name) && !given.is_some_and(|given| given.children().any(wants));
        name.starts_with("test") && (speaks || is_run())
    };
    let mut statements = source.root().children();
    Kinds {
        items: !classes.cases.is_empty(),
        doctests: source.root().all().any(|node| {
            let is_bare = node
                .parent()
                .is_some_and(|of| of.kind() == "expression_statement");
            node.kind() == "string" && is_bare && !examples(node).is_empty()
        }),
        of_pytest: statements.any(is_of_pytest),
    }
}

/// The first words of what the classes of tests in a file are made from: whoever binds these anew makes
/// other tests of them.
pub(super) fn bases(source: &Source) -> BTreeSet<String> {
    let classes = Classes::of(source);
    let all = heads(source).into_iter();
    let of_tests = all.filter(|(name, _)| classes.tests.contains(name));
    let bases = of_tests.flat_map(|(_, bases)| bases);
    bases
        .filter_map(|base| base.first().map(|first| (*first).to_owned()))
        .collect()
}

/// The classes of a file that are tests.
#[derive(Debug, Default)]
struct Classes<'a> {
    /// Those that unittest runs, by what they are made from.
    cases: BTreeSet<&'a str>,
    /// These, those that pytest runs by their names, and what they are made from here.
    tests: BTreeSet<&'a str>,
}

impl<'a> Classes<'a> {
    fn of(source: &'a Source) -> Self {
        let heads = heads(source);
        let imported = imported(source);
        let is_case = |base: &Vec<&str>| {
            let bound = base.first().and_then(|first| imported.get(first));
            let name = match (&**base, bound) {
                ([_], Some((_, name))) => Some(name),
                _ => base.last(),
            };
            name.is_some_and(|name| name.contains("TestCase"))
        };
        let mut cases = BTreeSet::new();
        let mut before = usize::MAX;
        while before != cases.len() {
            before = cases.len();
            for (name, bases) in &heads {
                let is_beneath = |base: &Vec<&str>| matches!(&**base, [one] if cases.contains(one));
                if bases.iter().any(|base| is_case(base) || is_beneath(base)) {
                    cases.insert(*name);
                }
            }
        }
        let mut tests = cases.clone();
        before = usize::MAX;
        while before != tests.len() {
            before = tests.len();
            for (name, bases) in &heads {
                let own = bases.iter().filter(|base| base.len() == 1).flatten();
                let own = own.filter(|base| heads.contains_key(*base));
                if tests.contains(name) {
                    tests.extend(own);
                }
            }
        }
        tests.extend(heads.into_keys().filter(|name| name.starts_with("Test")));
        Self { cases, tests }
    }
}

/// The classes of a file and what each is made from, word by word.
fn heads(source: &Source) -> BTreeMap<&str, Vec<Vec<&str>>> {
    let mut heads: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    let classes = source
        .root()
        .all()
        .filter(|node| node.kind() == "class_definition");
    for class in classes {
        let Some(name) = name(class) else { continue };
        let given = class.field("superclasses");
        let bases = given.into_iter().flat_map(Node::children);
        let bases = bases.filter(|base| base.kind() != "keyword_argument");
        let bases = bases.map(|base| words(base.tokens().filter(|token| is_word(token.text()))));
        let bases = bases.filter(|words: &Vec<&str>| !words.is_empty());
        heads.entry(name).or_default().extend(bases);
    }
    heads
}

/// The examples in a string, which end with their output.
fn examples(string: Node<'_>) -> Vec<Found<'_>> {
    let mut found: Vec<Found<'_>> = Vec::new();
    let mut is_open = false;
    let text = string.text();
    let inside = text
        .trim_start_matches(char::is_alphabetic)
        .trim_matches(['"', '\'']);
    for (line, text) in (string.lines().start..).zip(inside.lines()) {
        let text = text.trim();
        if text.starts_with(">>> ") {
            is_open = true;
            found.push(Found {
                code: String::new(),
                node: string,
                lines: line..line,
                name: None,
                is_harmless: true,
                docstring: Some(string.lines().start),
            });
        }
        is_open &= !text.is_empty();
        if let Some(example) = found.last_mut().filter(|_| is_open) {
            example.code += &format!("{text}\n");
            example.lines.end = line + 1;
        }
    }
    found
}

/// What has a say in which tests are run, wherever it is bound.
const DECIDING: [&str; 7] = [
    "pytestmark",
    "__test__",
    "load_tests",
    "collect_ignore",
    "collect_ignore_glob",
    "setUpModule",
    "setup_module",
];

/// Whether the head of a test is in it of which no function or class can be made.
fn is_torn(node: Node<'_>) -> bool {
    let words = words(node.children().filter(|child| child.is_leaf()));
    let is_head = |two: &[&str]| match two {
        ["def", name] => name.starts_with("test"),
        ["class", name] => name.starts_with("Test"),
        _ => false,
    };
    node.kind() == "ERROR" && words.windows(2).any(is_head)
}

/// Whether a statement has a say in which tests are run; `defined` is what it defines.
fn decides(statement: Node<'_>, defined: Option<&str>) -> bool {
    let words: Vec<&str> = statement.tokens().take(4).map(Node::text).collect();
    let first = defined.or_else(|| words.first().copied());
    first.is_some_and(|name| DECIDING.contains(&name)) || *words == ["unittest", ".", "main", "("]
}

#[cfg(test)]
mod tests {
    use super::super::tests;

    const TEXT: &str = "def f(x):\n    \"\"\"\n    >>> f(1)\n    2\n\n    Adds.\n    \"\"\"\n    return x\n\ndef test_f():\n    assert f(1) == 2\n\n    assert f(2) == 3\n\nx = 1\n";

    #[test]
    fn tests_are_found_whole() {
        let found = tests("a.py", TEXT);
        assert_eq!(
            found,
            [
                ">>> f(1)\n2\n",
                "def test_f():\n\tassert f(1)==2\n\tassert f(2)==3"
            ]
        );
        assert_eq!(
            tests("a.py", &TEXT.replace("return x", "return x + 1")),
            found
        );
    }

    #[test]
    fn a_test_that_is_torn_stays() {
        let torn = "class Sums:\n    def f(self):\n        return (1\n\n    def test_f(self):\n        assert f(1) == 2\n";
        let found = tests("a.py", torn);
        assert!(!found.is_empty());
        assert_ne!(
            tests("a.py", &torn.replace("(1\n", "1\n").replace("== 2", "== 1")),
            found
        );
    }

    #[test]
    fn other_names_are_no_tests() {
        let found = tests("a.py", TEXT);
        for line in ["test_x = 1", "x = test_f", "if test_f == 1: pass", "del x"] {
            assert_eq!(tests("a.py", &TEXT.replace("x = 1", line)), found, "{line}");
        }
    }

    #[test]
    fn what_keeps_a_test_from_being_run_is_part_of_it() {
        let found = tests("a.py", TEXT);
        for (from, to) in [
            ("def test_f", "@unittest.skip('x')\ndef test_f"),
            ("def test_f", "@mark(\n    1,\n)\n@skip\n# why\ndef test_f"),
            ("def test_f", "if False:\n  def test_f"),
            ("def test_f", "pytestmark = pytest.mark.skip\ndef test_f"),
            (">>> f(1)", ">>> f(1)  # doctest: +SKIP"),
            ("x = 1", "__test__ = False"),
            ("x = 1", "load_tests = lambda *all: unittest.TestSuite()"),
            ("x = 1", "def load_tests(*all): return unittest.TestSuite()"),
        ] {
            assert_ne!(tests("a.py", &TEXT.replace(from, to)), found, "{to}");
        }
        let quoted = TEXT.replace("def test_f", "\"\"\"\ndef test_f") + "\"\"\"\n";
        assert_ne!(tests("a.py", &quoted), found);
        let class = "import unittest\n@retry\nclass Sums(unittest.TestCase):\n    def test_a(self):\n        s = '''\nx'''\n        self.fail(s)\n";
        let [whole] = &*tests("a.py", class) else {
            panic!("one")
        };
        assert!(
            whole.starts_with("@retry\nclass Sums") && whole.ends_with("self.fail(s)"),
            "{whole}"
        );
    }

    #[test]
    fn classes_are_tests_by_what_they_are_made_from() {
        for (import, head) in [
            ("from unittest import TestCase as Case", "A(Case)"),
            ("import unittest as u", "A(u.TestCase)"),
            (
                "from unittest import IsolatedAsyncioTestCase as Case",
                "A(\n    Case,\n)",
            ),
            (
                "import unittest\nclass Base(unittest.TestCase): pass",
                "A(Base)",
            ),
            ("import unittest", "A(Mixed, unittest.TestCase, x=1)"),
        ] {
            let text =
                format!("{import}\nclass {head}:\n    def setUp(self):\n        self.x = 1\n");
            let all = tests("a.py", &text).join("\n");
            assert!(all.contains("self.x=1"), "{text}");
        }
        let mixin = "class Checks:\n    def check(self, x):\n        self.assertEqual(x, 1)\nclass A(Checks, TestCase):\n    pass\n";
        assert!(tests("a.py", mixin)[0].contains("assertEqual"));
        // Nothing is made of a name.
        let other =
            "from door import TestCase as Door\nclass Case:\n    pass\nclass A(Case):\n    pass\n";
        assert!(tests("a.py", other).is_empty());
    }
}
