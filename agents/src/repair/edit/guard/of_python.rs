//! The tests in a file of Python.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    Found,
    functions::table,
    indent,
    kinds::Kinds,
    names::{Syntax, imported, is_word, tokens},
    python::{Line, brackets, lines, same},
};

/// The tests of a text, and those of its functions and tables that `helpers` names.
pub(super) fn tests(text: &str, helpers: &BTreeSet<String>) -> Vec<Found> {
    let lines = lines(text);
    let classes = Classes::of(&lines);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let is_doctest = (line.is_string || line.is_docstring) && is_example(line);
        let is_code = !line.is_string && !is_doctest;
        let test = test(&line.code, &classes.tests).filter(|_| is_code);
        let name = test.or_else(|| {
            let named = function(&line.code).or_else(|| table(&line.code));
            let name = named.filter(|_| is_code)?;
            helpers.contains(name).then_some(name)
        });
        let mut end = at + 1;
        if is_doctest || name.is_some() || is_code && decides(&line.code) {
            // A doctest ends with its output, a function with its block.
            while let Some(next) = lines.get(end)
                && match is_doctest {
                    true => !is_end_of_doctest(next.text) && !is_example(next),
                    false => is_inside(next, indent(line.text)),
                }
            {
                end += 1;
            }
            let own = lines.get(at..end).unwrap_or_default();
            found.push(Found {
                code: match is_doctest {
                    true => own
                        .iter()
                        .map(|line| line.text.trim().to_owned() + "\n")
                        .collect(),
                    false => around(&lines, at) + &same(own),
                },
                lines: decorated(&lines, at)..end,
                name: name.map(str::to_owned),
                is_harmless: is_doctest || test.is_some(),
                docstring: is_doctest.then(|| docstring(&lines, at)),
            });
        }
        at = end;
    }
    found
}

/// Which kinds of tests a text holds.
pub(super) fn kinds(text: &str) -> Kinds {
    let lines = lines(text);
    let classes = Classes::of(&lines);
    let code = || lines.iter().filter(|line| !line.is_string);
    let speaks = code().any(|line| line.code.contains("pytest"));
    let is_of_pytest = |line: &Line<'_>| {
        if line.code.starts_with("class Test") {
            return class(&line.code).is_some_and(|name| !classes.cases.contains(name));
        }
        let Some(rest) = ["def test", "async def test"]
            .iter()
            .find_map(|begins| line.code.strip_prefix(begins))
        else {
            return false;
        };
        let (end, given) = rest.split_once('(').unwrap_or((rest, ""));
        let given = given.split(')').next().unwrap_or_default();
        let wants = |given: &str| !given.trim().is_empty() && !given.contains(['=', '*']);
        let call = format!("test{}(", end.trim());
        let is_called = code()
            .any(|line| line.code.contains(&call) && !line.code.contains(&format!("def {call}")));
        speaks || !is_called && !given.split(',').any(wants)
    };
    Kinds {
        items: !classes.cases.is_empty(),
        doctests: lines
            .iter()
            .any(|line| line.is_docstring && is_example(line)),
        of_pytest: code().any(is_of_pytest),
    }
}

/// The first words of what the classes of tests in a text are made from: whoever binds these anew makes
/// other tests of them.
pub(super) fn bases(text: &str) -> BTreeSet<String> {
    let lines = lines(text);
    let classes = Classes::of(&lines);
    let all = heads(&lines).into_iter();
    let of_tests = all.filter(|(name, _)| classes.tests.contains(name));
    of_tests
        .flat_map(|(_, bases)| bases)
        .filter_map(|mut base| (!base.is_empty()).then(|| base.swap_remove(0)))
        .collect()
}

/// The function whose head a line of code is.
pub(super) fn function(code: &str) -> Option<&str> {
    named(code, "def ")
}

/// The class whose head a line of code is.
pub(super) fn class(code: &str) -> Option<&str> {
    named(code, "class ")
}

fn named<'a>(code: &'a str, word: &str) -> Option<&'a str> {
    let code = code.trim_start();
    let rest = code.strip_prefix("async ").unwrap_or(code);
    let rest = rest.trim_start().strip_prefix(word)?.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    rest.get(..end.unwrap_or(rest.len()))
        .filter(|name| !name.is_empty())
}

/// The classes of a text that are tests.
#[derive(Debug, Default)]
struct Classes {
    /// Those that unittest runs, by what they are made from.
    cases: BTreeSet<String>,
    /// These, those that pytest runs by their names, and what they are made from here.
    tests: BTreeSet<String>,
}

impl Classes {
    fn of(lines: &[Line<'_>]) -> Self {
        let heads = heads(lines);
        let code: String = lines.iter().map(|line| line.code.clone() + "\n").collect();
        let tokens = tokens(&code);
        let imported = imported(&tokens, Syntax::Python);
        let is_case = |base: &[String]| {
            let first = base.first().map_or("", |word| &**word);
            let bound = imported.get(first).map_or("", |(_, name)| *name);
            let last = base.last().map_or("", |word| &**word);
            let name = if base.len() == 1 && !bound.is_empty() {
                bound
            } else {
                last
            };
            name.contains("TestCase")
        };
        let mut cases = BTreeSet::new();
        let mut before = usize::MAX;
        while before != cases.len() {
            before = cases.len();
            for (name, bases) in &heads {
                let is_beneath =
                    |base: &Vec<String>| matches!(&**base, [one] if cases.contains(one));
                if bases.iter().any(|base| is_case(base) || is_beneath(base)) {
                    cases.insert(name.clone());
                }
            }
        }
        let mut tests = cases.clone();
        before = usize::MAX;
        while before != tests.len() {
            before = tests.len();
            for (name, bases) in &heads {
                if tests.contains(name) {
                    let own = bases.iter().filter(|base| base.len() == 1).flatten();
                    let own: Vec<String> = own
                        .filter(|base| heads.contains_key(*base))
                        .cloned()
                        .collect();
                    tests.extend(own);
                }
            }
        }
        let by_name = heads.into_keys().filter(|name| name.starts_with("Test"));
        tests.extend(by_name);
        Self { cases, tests }
    }
}

/// The classes of a text and what each is made from, word by word.
fn heads(lines: &[Line<'_>]) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut heads: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_string) {
        let Some(name) = class(&line.code) else {
            continue;
        };
        let mut open = 0;
        let mut head = String::new();
        for line in lines.iter().skip(at) {
            open += brackets(&line.code);
            head += &line.code;
            if open <= 0 {
                break;
            }
        }
        let given = head
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        let bases = given.map_or("", |(given, _)| given).split(',');
        let bases = bases.filter(|base| !base.contains('='));
        let words = bases.map(|base| -> Vec<String> {
            let words = tokens(base).into_iter().filter(|word| is_word(word));
            words.map(str::to_owned).collect()
        });
        heads.entry(name.to_owned()).or_default().extend(words);
    }
    heads
}

/// Whether a line of a string begins an example, perhaps right behind its quotes.
fn is_example(line: &Line<'_>) -> bool {
    let text = line.text.trim_start();
    let inside = match line.is_string {
        true => text,
        false => text
            .trim_start_matches(['r', 'R', 'u', 'U'])
            .trim_start_matches(['"', '\''])
            .trim_start(),
    };
    inside.starts_with(">>> ")
}

/// The name of the test that a line of code begins.
fn test<'a>(code: &'a str, classes: &BTreeSet<String>) -> Option<&'a str> {
    let function = function(code).filter(|name| name.starts_with("test"));
    function.or_else(|| class(code).filter(|name| classes.contains(*name)))
}

/// What has a say in which tests are run, wherever it is bound.
pub(super) const DECIDING: [&str; 7] = [
    "pytestmark",
    "__test__",
    "load_tests",
    "collect_ignore",
    "collect_ignore_glob",
    "setUpModule",
    "setup_module",
];

fn decides(code: &str) -> bool {
    let code = code.trim_start();
    let first = function(code).or_else(|| tokens(code).into_iter().next());
    first.is_some_and(|name| DECIDING.contains(&name)) || code.starts_with("unittest.main(")
}

/// The line with which the string begins that a line is of.
fn docstring(lines: &[Line<'_>], at: usize) -> usize {
    let before = lines.get(..=at).unwrap_or_default();
    let first = before.iter().rposition(|line| !line.is_string);
    first.unwrap_or(0)
}

fn is_end_of_doctest(line: &str) -> bool {
    line.trim().is_empty() || line.contains("\"\"\"") || line.contains("'''")
}

/// Whether a line is of a block whose head is so deep.
fn is_inside(line: &Line<'_>, depth: usize) -> bool {
    let is_closing = || line.code.trim_start().starts_with([')', ']', '}']);
    line.same.is_empty() || line.is_string || indent(line.text) > depth || is_closing()
}

/// The lines of a block that begins in a line.
pub(super) fn block(lines: &[Line<'_>], at: usize) -> Range<usize> {
    let depth = lines.get(at).map_or(0, |line| indent(line.text));
    let rest = lines.iter().enumerate().skip(at + 1);
    let mut inside = rest.take_while(|(_, line)| is_inside(line, depth));
    at..inside.by_ref().last().map_or(at, |(last, _)| last) + 1
}

/// The first of the decorators right before a line.
fn decorated(lines: &[Line<'_>], at: usize) -> usize {
    let depth = lines.get(at).map_or(0, |line| indent(line.text));
    let mut from = at;
    for index in (0..at).rev() {
        let Some(line) = lines.get(index).filter(|line| !line.same.is_empty()) else {
            continue;
        };
        let code = line.code.trim_start();
        if indent(line.text) == depth && code.starts_with('@') {
            from = index;
        } else if !line.is_string
            && indent(line.text) <= depth
            && !code.starts_with([')', ']', '}'])
        {
            break;
        }
    }
    from
}

/// Whether what begins in a line is of a class.
pub(super) fn is_method(lines: &[Line<'_>], at: usize) -> bool {
    let depth = lines.get(at).map_or(0, |line| indent(line.text));
    let before = lines.get(..at).unwrap_or_default().iter().rev();
    let mut before = before.filter(|line| !line.is_string && !line.same.is_empty());
    let head = before.find(|line| indent(line.text) < depth);
    head.is_some_and(|head| class(&head.code).is_some())
}

/// The heads of the blocks around a line, and the decorators right before it and before those, as they are
/// compared.
fn around(lines: &[Line<'_>], at: usize) -> String {
    let mut heads = Vec::new();
    let mut depth = lines.get(at).map_or(0, |line| indent(line.text));
    // Whether what comes next may still be a decorator.
    let mut before = true;
    for line in lines.iter().take(at).rev() {
        let code = line.code.trim();
        if line.is_string || line.same.is_empty() {
            continue;
        }
        let own = indent(line.text);
        if own < depth {
            heads.push(&*line.same);
            depth = own;
            before = true;
        } else if before && own == depth && code.starts_with('@') {
            heads.push(&*line.same);
        } else if own == depth && !code.starts_with([')', ']', '}']) {
            before = false;
        }
    }
    heads.reverse();
    heads.into_iter().map(|head| format!("{head}\n")).collect()
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
            ("def test_f", "\"\"\"\ndef test_f"),
            ("def test_f", "pytestmark = pytest.mark.skip\ndef test_f"),
            (">>> f(1)", ">>> f(1)  # doctest: +SKIP"),
            ("x = 1", "__test__ = False"),
            ("x = 1", "load_tests = lambda *all: unittest.TestSuite()"),
            ("x = 1", "def load_tests(*all): return unittest.TestSuite()"),
        ] {
            assert_ne!(tests("a.py", &TEXT.replace(from, to)), found, "{to}");
        }
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
