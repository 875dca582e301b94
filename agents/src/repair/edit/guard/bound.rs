//! Names that get another meaning.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    indent,
    names::{Syntax, imported, is_word, syntax, tokens},
    of_python::function,
    python::{self, brackets},
    rust,
};

/// The name among these that a new version of a file binds once more than the old one, or something of the
/// modules that run tests. A name that was not bound may be: it was missing.
///
/// What is bound within a function is of no other, and counts with `locals` alone.
pub(super) fn rebound(
    path: &str,
    old: &str,
    new: &str,
    names: &BTreeSet<String>,
    locals: bool,
) -> Option<String> {
    let count = |text: &str| match syntax(path) {
        Some(Syntax::Python) => of_python(text, names, locals),
        Some(Syntax::Rust) => of_rust(text, names, locals),
        None => BTreeMap::new(),
    };
    let before = count(old);
    count(new).into_iter().find_map(|(bound, times)| {
        let old = before.get(&bound).copied().unwrap_or(0);
        let is_free = old == 0 && bound.by == By::Name;
        (times > old && !is_free).then_some(bound.name)
    })
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

fn of_python(text: &str, names: &BTreeSet<String>, locals: bool) -> Counts {
    let lines = python::lines(text);
    let code = python::code(text);
    let all = tokens(&code);
    let of_runner = |(parent, name): &(&str, &str)| {
        RUNNERS.contains(parent) || RUNNERS.contains(name) || name.contains("TestCase")
    };
    let mut runners: HashSet<&str> = HashSet::from(RUNNERS);
    let imports = imported(&all, Syntax::Python);
    runners.extend(
        imports
            .iter()
            .filter(|(_, path)| of_runner(path))
            .map(|(bound, _)| *bound),
    );
    let mut counts = Counts::new();
    let mut open = 0;
    // How deep the functions and classes around a line are.
    let mut around: Vec<usize> = Vec::new();
    let mut imports = false;
    // The same import twice is no other meaning.
    let mut imported: HashSet<&str> = HashSet::new();
    for line in &lines {
        let tokens = tokens(&line.code);
        let first = tokens.first().copied().unwrap_or_default();
        if open <= 0 && !line.is_string && !line.same.is_empty() {
            around.retain(|head| *head < indent(line.text));
            imports = first == "import";
            let is_whole = matches!(first, "import" | "from") && brackets(&line.code) == 0;
            if is_whole && around.is_empty() && !imported.insert(&line.same) {
                continue;
            }
        }
        let statement = Statement {
            tokens: &tokens,
            names,
            runners: &runners,
            is_local: !locals && !around.is_empty(),
            is_open: open > 0,
        };
        statement.assigned(&mut counts);
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| tokens.get(at)).copied();
            let after = tokens.get(at + 1).copied().unwrap_or_default();
            imports |= first == "from" && before == Some("import");
            let is_listed = imports && after != "as" && after != "." && before != Some(".");
            let is_bound = match before {
                _ if !names.contains(*token) => false,
                Some("def" | "class" | "as" | "for") => !statement.is_local,
                _ => is_listed && !statement.is_local || first == "del" || first == "global",
            };
            if is_bound {
                add(&mut counts, By::Name, token);
            }
        }
        if function(&line.code).is_some() || first == "class" {
            around.push(indent(line.text));
        }
        open += brackets(&line.code);
        imports &= open > 0;
    }
    counts
}

/// A line of Python.
struct Statement<'a> {
    tokens: &'a [&'a str],
    names: &'a BTreeSet<String>,
    runners: &'a HashSet<&'a str>,
    /// Whether names that it binds are of a function or class.
    is_local: bool,
    /// Whether it goes on in a bracket.
    is_open: bool,
}

impl Statement<'_> {
    fn get(&self, at: usize) -> &str {
        self.tokens.get(at).copied().unwrap_or_default()
    }

    /// Counts what is assigned.
    fn assigned(&self, counts: &mut Counts) {
        let mut depth = i64::from(self.is_open);
        // Up to here stand names that are assigned to.
        let mut end = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            depth += brackets(token);
            let before = at.checked_sub(1).map_or("", |at| self.get(at));
            let is_comparison = "=!<>+-*/%&|^@".contains(before) && !before.is_empty();
            if *token == "=" && depth == 0 && self.get(at + 1) != "=" && !is_comparison {
                end = at;
            }
        }
        for (at, token) in self.tokens.iter().enumerate() {
            let after = self.get(at + 1);
            if *token == "setattr" {
                self.set(at, counts);
            }
            let quoted =
                at < end && matches!(self.get(at + 1), "\"" | "'") && self.get(at + 2) == "]";
            let is_target = at < end && matches!(after, "=" | "," | ":" | ")" | "]");
            let is_named = after == ":" && self.get(at + 2) == "=";
            if !is_word(token) || !(is_target || is_named || quoted) {
                continue;
            }
            let root = self.root(at);
            let is_attribute = root != at;
            if is_attribute && self.runners.contains(self.get(root)) {
                add(counts, By::Attribute, token);
            } else if self.names.contains(*token) {
                match is_attribute || quoted {
                    // What an object calls its own is something else.
                    true if matches!(self.get(root), "self" | "cls") => {}
                    true => add(counts, By::Attribute, token),
                    false if !self.is_local => add(counts, By::Name, token),
                    false => {}
                }
            }
        }
    }

    /// Counts what `setattr(a, "b", …)` sets.
    fn set(&self, at: usize, counts: &mut Counts) {
        let (of, rest) = (
            self.get(at + 2),
            self.tokens.get(at + 3..).unwrap_or_default(),
        );
        let mut named = rest.iter().take_while(|token| **token != ")");
        let name = named.find(|token| self.names.contains(**token));
        if let Some(name) = name {
            add(counts, By::Attribute, name);
        } else if self.runners.contains(of) {
            add(counts, By::Attribute, of);
        }
    }

    /// Where the path begins that ends here.
    fn root(&self, mut at: usize) -> usize {
        while let Some(before) = at.checked_sub(2)
            && self.get(at - 1) == "."
            && is_word(self.get(before))
        {
            at = before;
        }
        at
    }
}

/// The macros by which tests of Rust assert without an import.
const MACROS: [&str; 8] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "matches",
    "panic",
];

fn of_rust(text: &str, names: &BTreeSet<String>, locals: bool) -> Counts {
    let code = rust::code(text);
    let all = tokens(&code);
    let tokens: Vec<&str> = all.into_iter().filter(|token| *token != "\n").collect();
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
        let is_imported = imports && before != "use" && !matches!(after, "as" | ":");
        let is_macro = before == "!" && get(at.checked_sub(2)) == "macro_rules";
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
        rebound(path, old, new, &BTreeSet::from(names), false)
    }

    const PYTHON: &str = "from unittest import TestCase as Case\nimport unittest as u\nfrom checks import (\n    check,\n)\nfrom unittest import TestCase\ndef test_a():\n    pass\n";

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
        ] {
            let new = format!("{PYTHON}{line}\n");
            assert_eq!(binds("a.py", PYTHON, &new), None, "{line}");
        }
        // It was missing.
        assert_eq!(binds("a.py", "", "from checks import check\n"), None);
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
