//! The functions by which tests assert, and the tables that they go through.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    found,
    functions::{Asserts, Function, Last, functions, ranges, table},
    statements::{is_import, own, statements},
};
use crate::repair::edit::syntax::{Node, Source, words};

/// The names of those functions and macros of the files that may be changed which are there for tests to assert
/// by: what they do is part of the tests.
///
/// A function is when it calls the assertions of unittest. Others are when they assert, or call one that does,
/// and tests call them and make nothing of a result, and nothing else calls them; and when the last thing that
/// they do is to assert, or a test asserts by nothing else. One that raises something else is only when a test
/// that asserts by nothing else gives it what a call gave. A method is only by unittest's assertions, no function
/// that returns something is, and one of Rust that is public or changes what it is given is only when to assert is
/// the last thing that it does: these may as well be what is tested.
pub(super) fn helpers(open: &[Source], fixed: &[Source]) -> BTreeSet<String> {
    let own: Vec<Function<'_>> = open.iter().flat_map(functions).collect();
    let may_be = |function: &Function<'_>| !function.is_test && function.asserts != Asserts::Not;
    if !own.iter().any(may_be) {
        return BTreeSet::new();
    }
    // In a file of tests all is there for tests.
    let of_tests = |file| -> Vec<Function<'_>> {
        let is_test = !ranges(file).is_empty();
        let mut all = functions(file);
        all.iter_mut()
            .for_each(|function| function.is_test |= is_test);
        all
    };
    let others: Vec<Function<'_>> = fixed.iter().flat_map(of_tests).collect();
    let all: Vec<&Function<'_>> = own.iter().chain(&others).collect();

    let judges = judges(&own);
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = reached.len();
        for function in &all {
            if function.is_test || reached.contains(function.name) {
                let calls = function.calls.iter().map(|call| &*call.name);
                let certain = function.words.iter().copied();
                let certain = certain.filter(|name| judges.get(*name) == Some(&Asserts::ByRunner));
                let names = calls
                    .chain(certain)
                    .filter_map(|name| judges.get_key_value(name));
                reached.extend(names.map(|(name, _)| *name));
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let of_tests = own
        .iter()
        .filter(|function| reached.contains(function.name));
    let elsewhere = elsewhere(open, fixed, &of_tests.collect::<Vec<_>>(), &reached);
    let is_helper = |function: &&Function<'_>| {
        let name = function.name;
        if function.is_test || !reached.contains(name) {
            return false;
        }
        if judges.get(name) == Some(&Asserts::ByRunner) && function.asserts == Asserts::ByRunner {
            return true;
        }
        let tests = || {
            all.iter()
                .filter(|test| test.is_test && !test.has_own_assertion)
        };
        let calls = || {
            tests()
                .flat_map(|test| &test.calls)
                .filter(|call| call.name == name)
        };
        let is_judge = match function.asserts {
            Asserts::Raises => {
                function.last == Last::Asserts && calls().any(|call| call.is_given_a_call)
            }
            _ => ends(function, &judges) || calls().next().is_some(),
        };
        is_judge && may_judge(function, &judges) && !elsewhere.contains(name)
    };
    own.iter()
        .filter(is_helper)
        .map(|function| function.name.to_owned())
        .collect()
}

/// The names of those tables of the files that may be changed which tests, or the functions by which they assert, go
/// through one by one, and of which nothing else speaks.
pub(super) fn tables(
    open: &[Source],
    fixed: &[Source],
    helpers: &BTreeSet<String>,
) -> BTreeSet<String> {
    let tests = open
        .iter()
        .chain(fixed)
        .flat_map(|file| found(file, helpers));
    let gone_through: BTreeSet<&str> = tests.flat_map(|test| gone_through(test.node)).collect();
    let tables: BTreeSet<&str> = open
        .iter()
        .flat_map(|file| file.root().children())
        .filter_map(table)
        .collect();
    let names: BTreeSet<&str> = gone_through.intersection(&tables).copied().collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    let functions: Vec<Function<'_>> = open.iter().flat_map(functions).collect();
    let of_tests = functions
        .iter()
        .filter(|function| helpers.contains(function.name));
    let elsewhere = elsewhere(open, fixed, &of_tests.collect::<Vec<_>>(), &names);
    let names = names.into_iter().filter(|name| !elsewhere.contains(name));
    names.map(str::to_owned).collect()
}

/// What a code goes through: `for a in NAME`, `for a, b in zip(NAME, OTHER)`, `parametrize("a", NAME)`,
/// `NAME.iter().zip(…)`; also what it looks for something in.
fn gone_through(code: Node<'_>) -> Vec<&str> {
    let tokens = words(code.tokens());
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match (*token, tokens.get(at + 1..).unwrap_or_default()) {
            ("in", ["&", name, ..] | [name, ..]) => names.push(*name),
            (name, [".", "iter" | "into_iter", ..]) => names.push(name),
            _ => {}
        }
    }
    for node in code.all() {
        let given = match node.kind() {
            "for_statement" | "for_in_clause" => node.field("right"),
            "for_expression" => node.field("value"),
            "call" => {
                let called = node.field("function").and_then(|of| of.tokens().last());
                let is_one = called.is_some_and(|called| called.text() == "parametrize");
                node.field("arguments").filter(|_| is_one)
            }
            _ => None,
        };
        names.extend(given.into_iter().flat_map(Node::tokens).map(Node::text));
    }
    names
}

type Judges<'a> = BTreeMap<&'a str, Asserts>;

/// The names of functions that may be there to assert, and do, or call one and make nothing of its result.
fn judges<'a>(own: &'a [Function<'a>]) -> Judges<'a> {
    let mut judges = Judges::new();
    loop {
        let before = judges.len();
        for function in own.iter().filter(|function| !function.is_test) {
            let calls = function.calls.iter();
            let called = calls.filter_map(|call| judges.get(&*call.name)).max();
            let asserts = function.asserts.max(match called {
                Some(_) => Asserts::Plainly,
                None => Asserts::Not,
            });
            let may_be = asserts == Asserts::ByRunner || may_judge(function, &judges);
            if may_be && asserts != Asserts::Not {
                let known = judges.entry(function.name).or_insert(asserts);
                *known = asserts.max(*known);
            }
        }
        if judges.len() == before {
            return judges;
        }
    }
}

/// Whether a function may be there to assert, rather than to do something.
fn may_judge(function: &Function<'_>, judges: &Judges<'_>) -> bool {
    let does = function.is_public || function.changes;
    !function.is_method && !function.returns && (!does || ends(function, judges))
}

/// Whether the last thing that a function does is to assert.
fn ends(function: &Function<'_>, judges: &Judges<'_>) -> bool {
    match &function.last {
        Last::Asserts => true,
        Last::Calls(name) => judges.contains_key(&**name),
        Last::Else => false,
    }
}

/// Which of the names the program itself speaks of: in what is neither a test nor one of these functions.
fn elsewhere<'a>(
    open: &'a [Source],
    fixed: &'a [Source],
    functions: &[&Function<'a>],
    names: &BTreeSet<&str>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let all = open.iter().map(|file| (file, true));
    for (file, is_open) in all.chain(fixed.iter().map(|file| (file, false))) {
        let tests = ranges(file);
        if !is_open && !tests.is_empty() {
            continue;
        }
        for statement in statements(file.root()).filter(|statement| !is_import(*statement)) {
            let bound = table(statement);
            let named = own(statement)
                .filter(|token| names.contains(token.text()) && bound != Some(token.text()));
            let is_of_tests = |line| tests.iter().any(|range| range.contains(&line));
            let is_of_helper = || {
                functions
                    .iter()
                    .any(|function| statement.is_in(function.node))
            };
            let named = named.filter(|token| !is_of_tests(token.lines().start) && !is_of_helper());
            found.extend(named.map(|token| token.text()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> String {
        let names = helpers(&[Source::of(path, text).unwrap()], &[]);
        names.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_tests_of_python_assert_by_is_found() {
        for (text, expected) in [
            (
                "def check(t, got, want): t.assertEqual(got, want)\nclass T(TestCase):\n    def test_a(self):\n        check(self, f(1), 2)\n",
                "check",
            ),
            // Whatever is made of its result, and whoever else calls it.
            (
                "def check(t, got):\n    t.assertTrue(got)\n    return got\nclass T(TestCase):\n    def test_a(self):\n        x = check(self, f(1))\ncheck\n",
                "check",
            ),
            (
                "def check(got, want):\n    assert got == want\ndef test_a():\n    check(f(1), 2)\n    assert f(2) == 3\n",
                "check",
            ),
            (
                "def check(got, want):\n    if got != want:\n        raise AssertionError(\n            got\n        )\ndef test_a():\n    check(f(1), 2)\n",
                "check",
            ),
            // By another one.
            (
                "def same(a, b):\n    assert a == b\ndef both(a, b):\n    same(a, b)\n    same(b, a)\ndef test_a():\n    both(f(1), 2)\n",
                "both same",
            ),
            // The test asserts by nothing else.
            (
                "def check(got, want):\n    assert got == want\n    print('ok')\ndef test_a():\n    check(f(1), 2)\n",
                "check",
            ),
            (
                "def check(got, want):\n    if got != want:\n        raise ValueError(got)\ndef test_a():\n    check(f(1), 2)\n",
                "check",
            ),
        ] {
            assert_eq!(of("test_a.py", text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_tested_is_no_helper() {
        for text in [
            "def push(stack, x):\n    assert len(stack) < 9\n    stack.append(x)\ndef test_a():\n    s = []\n    push(s, 1)\n    assert s == [1]\n",
            "def root(x):\n    assert x >= 0\n    return x\ndef test_a():\n    assert root(4) == 2\n",
            "class A:\n    def push(self, x):\n        self.all.append(x)\n        assert self.all\ndef test_a():\n    A().push(1)\n",
            "def check(x):\n    assert x\ndef f(x):\n    check(x)\n    return x\ndef test_a():\n    check(f(1))\n",
            "def valid(x):\n    if x < 0:\n        raise ValueError(x)\ndef test_a():\n    with pytest.raises(ValueError):\n        valid(-1)\n    valid(1)\n",
            "def run(x):\n    if not x:\n        raise ValueError(x)\n    print(x)\ndef test_a():\n    run(f(1))\n",
            "def f(x):\n    assert x\n",
        ] {
            assert_eq!(of("test_a.py", text), "", "{text}");
        }
    }

    #[test]
    fn what_tests_of_rust_assert_by_is_found() {
        for (text, expected) in [
            (
                "fn check(got: u8, want: u8) {\n    assert_eq!(got, want);\n}\n#[test]\nfn t() { check(f(1), 2); }\n",
                "check",
            ),
            (
                "macro_rules! check { ($a:expr, $b:expr) => { assert_eq!($a, $b); } }\n#[test]\nfn t() { check!(f(1), 2); }\n",
                "check",
            ),
            (
                "fn check(got: u8, want: u8) {\n    if got != want {\n        panic!(\"{got}\");\n    }\n}\n#[test]\nfn t() { check(f(1), 2); }\n",
                "check",
            ),
            (
                "impl A {\n    fn push(&mut self, x: u8) {\n        self.0.push(x);\n        assert!(self.0.len() < 9);\n    }\n}\n#[test]\nfn t() { let mut a = A(vec![]); a.push(1); }\n",
                "",
            ),
            (
                "fn insert(all: &mut Vec<u8>, x: u8) {\n    assert!(x > 0);\n    all.push(x);\n}\n#[test]\nfn t() { let mut a = vec![]; insert(&mut a, 1); assert_eq!(a, [1]); }\n",
                "",
            ),
            (
                "fn fill(x: u8) {\n    all(x);\n    debug_assert!(x > 0);\n}\n#[test]\nfn t() { fill(f(1)); }\n",
                "",
            ),
            (
                "pub fn fill(all: Vec<u8>, x: u8) {\n    assert!(x > 0);\n    all.each(x);\n}\n#[test]\nfn t() { fill(vec![], 1); }\n",
                "",
            ),
            (
                "fn low(all: &mut [u8]) {\n    assert!(all.len() > 1);\n    all.sort();\n}\nfn sort(all: &mut [u8]) {\n    low(all);\n}\n#[test]\nfn t() { sort(&mut [1, 2]); }\n",
                "",
            ),
            (
                "fn f(x: u8) -> u8 {\n    assert!(x > 0);\n    x\n}\n#[test]\nfn t() { f(1); }\n",
                "",
            ),
        ] {
            assert_eq!(of("a.rs", text), expected, "{text}");
        }
    }

    #[test]
    fn what_tests_go_through_is_found() {
        let of = |path: &str, text: &str| -> Vec<String> {
            let files = [Source::of(path, text).unwrap()];
            let names = tables(&files, &[], &helpers(&files, &[]));
            names.into_iter().collect()
        };
        for (path, text) in [
            (
                "test_a.py",
                "CASES = [\n    (1, 2),\n]\ndef test_a():\n    for a, b in CASES:\n        assert f(a) == b\n",
            ),
            (
                "test_a.py",
                "CASES: list = [(1, 2)]\n@pytest.mark.parametrize('a,b', CASES)\ndef test_a(a, b):\n    assert f(a) == b\n",
            ),
            (
                "test_a.py",
                "CASES = [1]\ndef check():\n    for a in CASES:\n        assert f(a)\ndef test_a():\n    check()\n",
            ),
            (
                "test_a.py",
                "CASES = [1]\ndef test_a():\n    for at, a in enumerate(CASES, 1):\n        assert f(a) == at\n",
            ),
            (
                "test_a.py",
                "CASES = [1]\ndef test_a():\n    for a, b in zip([2], reversed(CASES)):\n        assert f(a) == b\n",
            ),
            (
                "test_a.py",
                "CASES = {1: 2}\ndef test_a():\n    assert all(f(a) == b for a, b in sorted(CASES.items()))\n",
            ),
            (
                "test_a.py",
                "CASES = [1]\n@pytest.mark.parametrize('a', list(zip([1], [2])) + CASES)\ndef test_a(a):\n    assert f(a)\n",
            ),
            (
                "a.rs",
                "const CASES: [u8; 1] = [1];\n#[test]\nfn t() {\n    for (at, a) in [2].iter().zip(CASES).enumerate() {\n        assert!(f(a, at));\n    }\n}\n",
            ),
            (
                "a.rs",
                "const CASES: [u8; 1] = [1];\n#[test]\nfn t() {\n    CASES.iter().for_each(|a| assert!(f(a)));\n}\n",
            ),
            (
                "a.rs",
                "const CASES: [u8; 1] = [1];\n#[test]\nfn t() {\n    for a in &CASES {\n        assert!(f(a));\n    }\n}\n",
            ),
            (
                "a.rs",
                "static CASES: &[u8] = &[1];\n#[test]\nfn t() {\n    for a in CASES.iter() {\n        assert!(f(a));\n    }\n}\n",
            ),
        ] {
            assert_eq!(of(path, text), ["CASES"], "{text}");
            // What the program itself needs may be wrong.
            let used = match path {
                "test_a.py" => format!("{text}def f(a):\n    return CASES[a]\n"),
                _ => format!("{text}fn f(a: u8) -> bool {{ CASES[0] == a }}\n"),
            };
            assert!(of(path, &used).is_empty(), "{used}");
        }
        let constant = "LIMIT = 3\ndef test_a():\n    assert LIMIT == 4\n";
        assert!(of("test_a.py", constant).is_empty());
    }

    #[test]
    fn tests_may_be_in_other_files() {
        let of = |text: &str| Source::of("test_a.py", text).unwrap();
        let open = of("def check(got, want):\n    assert got == want\n");
        let tests = "from checks import check\ndef test_a():\n    check(f(1), 2)\n";
        let found = |text: &str| helpers(std::slice::from_ref(&open), &[of(text)]);
        assert_eq!(found(tests).len(), 1);
        let through = tests.replace("def test_a", "def both(x):\n    check(x, 1)\ndef test_a");
        assert_eq!(
            found(&through.replace("check(f(1), 2)", "both(f(1))")).len(),
            1
        );
        assert!(found("check(f(1), 2)\n").is_empty());
    }
}
