//! The tests in a file of Python.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    assertions::asserts,
    docstrings::examples,
    found::{Found, around},
    functions::{returns, table},
    kinds::Kinds,
    names::{Path, bound, imported},
    statements::{defined, is_body, is_import, is_statement, name},
};
use crate::repair::edit::syntax::{Grammar, Node, Source, is_word, words};

/// The tests of a file, and those of its functions and tables that `helpers` names.
///
/// These are what unittest and pytest would run: classes of tests, fixtures, and functions that are called like tests
/// where pytest collects them. In other files a function may be called so for what it does, and is a test only if it
/// could be nothing else.
pub(super) fn tests<'a>(source: &'a Source, helpers: &BTreeSet<String>) -> Vec<Found<'a>> {
    let classes = Classes::of(source);
    let imports = imported(source);
    let whole = |node: Node<'a>| {
        let defined = defined(node);
        let named = defined.and_then(name);
        let is_test = |name: &&str| match defined {
            Some(class) if class.kind() == "class_definition" => classes.tests.contains(*name),
            Some(function) => is_called_test(name) && is_run(function, source),
            None => false,
        };
        let fixture = fixture(node, &imports);
        let test = named.filter(|name| is_test(name) || fixture.is_some());
        let helper = named
            .or_else(|| table(node))
            .filter(|name| helpers.contains(*name));
        let name = test.or(helper);
        let decides = || decides(node, named, &imports);
        (name.is_some() || decides() || is_torn_test(node, source)).then(|| Found {
            code: around(node) + &node.same(),
            node,
            lines: node.lines(),
            name: name.map(str::to_owned),
            // One that is used by itself has a say in all tests.
            is_harmless: test.is_some()
                && !fixture.is_some_and(|said| said.text().contains("autouse")),
            docstring: None,
            of: Some(String::new()),
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

/// Whether a function is called like a test: `test_a`, `testA`, and no `testament` or `tester`.
fn is_called_test(name: &str) -> bool {
    let rest = name.strip_prefix("test");
    rest.is_some_and(|rest| !rest.starts_with(char::is_lowercase))
}

/// Whether a function that is called like a test is run as one: it is in no other and in no class, and pytest collects
/// those of the file, or it asserts, needs nothing and gives nothing. With `self` it was of a class that does not parse.
fn is_run(function: Node<'_>, source: &Source) -> bool {
    let is_own = |of: Node<'_>| matches!(of.kind(), "function_definition" | "class_definition");
    let first = || function.field("parameters")?.children().nth(1);
    let is_method = || first().is_some_and(|first| first.text() == "self");
    let is_only_test = || {
        let body = function.field("body");
        let judges = |body: Node<'_>| {
            let asserts = asserts(&words(body.tokens()), Grammar::Python);
            asserts && !body.all().any(returns)
        };
        !needs(function) && body.is_some_and(judges)
    };
    let is_alone = !function.ancestors().any(is_own);
    is_alone && (source.is_collected() || is_method() || is_only_test())
}

/// Whether a function has to be given something: by a fixture, or by who calls it.
fn needs(function: Node<'_>) -> bool {
    let is_needed = |given: Node<'_>| matches!(given.kind(), "identifier" | "typed_parameter");
    let given = function.field("parameters");
    given.is_some_and(|given| given.children().any(is_needed))
}

/// What makes a fixture of a function: `@pytest.fixture(…)`. What it gives is what tests begin with.
fn fixture<'a>(statement: Node<'a>, imports: &HashMap<&'a str, Path<'a>>) -> Option<Node<'a>> {
    let mut decorators = statement
        .children()
        .filter(|child| child.kind() == "decorator");
    decorators.find(|said| {
        let tokens = words(said.tokens().skip(1));
        matches!(
            named(&tokens, imports),
            ("pytest" | "pytest_asyncio", "fixture")
        )
    })
}

/// What a code begins with, and what that is of, however an import renamed it: `unittest` and `main` of `main()`.
fn named<'a>(code: &[&'a str], imports: &HashMap<&'a str, Path<'a>>) -> Path<'a> {
    match code {
        [module, ".", name, ..] => (imports.get(module).map_or(*module, |path| path.1), *name),
        [name, ..] => imports.get(name).copied().unwrap_or(("", *name)),
        [] => ("", ""),
    }
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
        is_called_test(name) && (speaks || !is_called(name) && !needs(defined))
    };
    let mut statements = source.root().children();
    Kinds {
        items: !classes.cases.is_empty(),
        doctests: source
            .root()
            .all()
            .any(|node| node.kind() == "string" && !examples(node).is_empty()),
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

/// How hooks of pytest begin that have one, too.
const HOOKS: [&str; 7] = [
    "pytest_collect",
    "pytest_generate_tests",
    "pytest_ignore_collect",
    "pytest_itemcollected",
    "pytest_make",
    "pytest_pyfunc",
    "pytest_runtest",
];

/// Whether the head of a test is in it of which no function or class can be made.
fn is_torn_test(node: Node<'_>, source: &Source) -> bool {
    let leaves: Vec<Node<'_>> = node.children().filter(|child| child.is_leaf()).collect();
    let may_be_run = |name: Node<'_>| {
        let behind = node.text().get(name.bytes().end - node.bytes().start..);
        let behind = behind.unwrap_or_default().trim_start();
        behind.starts_with("(self") || behind.starts_with("()")
    };
    let is_head = |two: &[Node<'_>]| match two {
        [def, name] if def.text() == "def" => {
            is_called_test(name.text()) && (source.is_collected() || may_be_run(*name))
        }
        [class, name] => class.text() == "class" && name.text().starts_with("Test"),
        _ => false,
    };
    node.kind() == "ERROR" && leaves.windows(2).any(is_head)
}

/// Whether a statement has a say in which tests are run; `defined` is what it defines.
fn decides<'a>(
    statement: Node<'a>,
    defined: Option<&str>,
    imports: &HashMap<&'a str, Path<'a>>,
) -> bool {
    let is_hook = |name: &str| HOOKS.iter().any(|hook| name.starts_with(hook));
    if let Some(defined) = defined {
        return DECIDING.contains(&defined) || is_hook(defined);
    }
    let mut own = statement.walk(|node| !is_body(node));
    own.any(|node| match node.kind() {
        "assignment" | "augmented_assignment" => {
            let left = node.field("left").into_iter().flat_map(Node::tokens);
            { left }.any(|token| DECIDING.contains(&token.text()))
        }
        _ if is_import(node) => {
            let names = bound(node).into_iter();
            { names }.any(|(name, _)| DECIDING.contains(&name))
        }
        "call" => {
            let called = node.field("function").map(|of| words(of.tokens()));
            called.is_some_and(|called| named(&called, imports) == ("unittest", "main"))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests;

    const TEXT: &str = "def f(x):\n    \"\"\"\n    >>> f(1)\n    2\n\n    Adds.\n    \"\"\"\n    return x\n\ndef test_f():\n    assert f(1) == 2\n\n    assert f(2) == 3\n\nx = 1\n";

    #[test]
    fn tests_are_found_whole() {
        let found = tests("test_a.py", TEXT);
        assert_eq!(
            found,
            [
                ">>> f(1)\n2\n",
                "def test_f():\n\tassert f(1)==2\n\tassert f(2)==3"
            ]
        );
        assert_eq!(
            tests("test_a.py", &TEXT.replace("return x", "return x + 1")),
            found
        );
    }

    #[test]
    fn functions_are_tests_where_pytest_collects_them() {
        let of = |path: &str, text: &str| tests(path, text).len();
        for (path, expected) in [
            ("test_a.py", 1),
            ("p/a_test.py", 1),
            ("a.py", 0),
            ("tests/a.py", 0),
            ("testing.py", 0),
        ] {
            for text in [
                "def test_link(host):\n    return host\n",
                "if True:\n    async def testLink(): pass\n",
            ] {
                assert_eq!(of(path, text), expected, "{path}");
            }
        }
        for text in [
            "def testament():\n    return 1\n",
            "def tester(x): pass\n",
            "class Door:\n    def test_lock(self): pass\n",
            "def f():\n    def test_f(): pass\n",
            "def contest_f(): pass\n",
        ] {
            assert_eq!(of("test_a.py", text), 0, "{text}");
        }
        // It can be nothing else.
        let only = "def test_f():\n    assert f(1) == 2\n";
        assert_eq!(of("a.py", only), 1);
        for (from, to) in [
            ("test_f", "testament"),
            ("()", "(x)"),
            ("== 2\n", "== 2\n    return 3\n"),
            ("def", "class A:\n  def"),
        ] {
            assert_eq!(of("a.py", &only.replacen(from, to, 1)), 0, "{to}");
        }
        let case = "class Sums(unittest.TestCase):\n    def test_a(self): pass\n";
        assert_eq!(of("a.py", case), 1);
    }

    #[test]
    fn fixtures_are_part_of_the_tests() {
        for (import, said) in [
            ("import pytest", "@pytest.fixture"),
            ("import pytest as p", "@p.fixture(scope='module')"),
            ("from pytest import fixture", "@once\n@fixture()"),
            ("from pytest import fixture as given", "@given"),
            ("import pytest_asyncio", "@pytest_asyncio.fixture"),
        ] {
            let text = format!("{import}\n{said}\ndef cases():\n    return [(1, 2)]\n");
            let all = tests("a.py", &text);
            assert_eq!(all.len(), 1, "{text}");
            assert_ne!(tests("a.py", &text.replace("(1, 2)", "")), all, "{text}");
        }
        for text in [
            "from doors import fixture\n@fixture\ndef cases(): pass\n",
            "import pytest\n@pytest.hook\ndef cases(): pass\n",
            "def fixture(): pass\n",
        ] {
            assert!(tests("a.py", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_test_that_is_torn_stays() {
        let torn = "class Sums:\n    def f(self):\n        return (1\n\n    def test_f(self):\n        assert f(1) == 2\n";
        let found = tests("test_a.py", torn);
        assert!(!found.is_empty());
        assert_ne!(
            tests(
                "test_a.py",
                &torn.replace("(1\n", "1\n").replace("== 2", "== 1")
            ),
            found
        );
    }

    #[test]
    fn other_names_are_no_tests() {
        let found = tests("test_a.py", TEXT);
        for line in [
            "test_x = 1",
            "x = test_f",
            "if test_f == 1: pass",
            "del x",
            "def main(): pass\nmain()",
            "x = pytestmark",
        ] {
            assert_eq!(
                tests("test_a.py", &TEXT.replace("x = 1", line)),
                found,
                "{line}"
            );
        }
    }

    #[test]
    fn what_keeps_a_test_from_being_run_is_part_of_it() {
        let found = tests("test_a.py", TEXT);
        for (from, to) in [
            ("def test_f", "@unittest.skip('x')\ndef test_f"),
            ("def test_f", "@mark(\n    1,\n)\n@skip\n# why\ndef test_f"),
            ("def test_f", "if False:\n  def test_f"),
            ("def test_f", "pytestmark = pytest.mark.skip\ndef test_f"),
            ("x = 1", "x = pytestmark = [skip]"),
            ("x = 1", "x, pytestmark = 1, skip"),
            ("x = 1", "from hooks import load_tests"),
            (
                "x = 1",
                "def pytest_collection_modifyitems(items): items.clear()",
            ),
            ("x = 1", "import unittest as u\nu.main(exit=False)"),
            ("x = 1", "from unittest import main\nmain()"),
            ("x = 1", "from unittest import main as m\nx = m()"),
            (">>> f(1)", ">>> f(1)  # doctest: +SKIP"),
            ("x = 1", "__test__ = False"),
            ("x = 1", "load_tests = lambda *all: unittest.TestSuite()"),
            ("x = 1", "def load_tests(*all): return unittest.TestSuite()"),
        ] {
            assert_ne!(tests("test_a.py", &TEXT.replace(from, to)), found, "{to}");
        }
        let quoted = TEXT.replace("def test_f", "\"\"\"\ndef test_f") + "\"\"\"\n";
        assert_ne!(tests("test_a.py", &quoted), found);
        let class = "import unittest\n@retry\nclass Sums(unittest.TestCase):\n    def test_a(self):\n        s = '''\nx'''\n        self.fail(s)\n";
        let [whole] = &*tests("test_a.py", class) else {
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
            let all = tests("test_a.py", &text).join("\n");
            assert!(all.contains("self.x=1"), "{text}");
        }
        let mixin = "class Checks:\n    def check(self, x):\n        self.assertEqual(x, 1)\nclass A(Checks, TestCase):\n    pass\n";
        assert!(tests("test_a.py", mixin)[0].contains("assertEqual"));
        // Nothing is made of a name.
        let other =
            "from door import TestCase as Door\nclass Case:\n    pass\nclass A(Case):\n    pass\n";
        assert!(tests("test_a.py", other).is_empty());
    }
}
