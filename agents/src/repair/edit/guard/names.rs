//! The names that a program uses: what a word is of, by the imports around it.

use std::collections::{HashMap, HashSet};

use super::statements::is_import;
use crate::repair::edit::syntax::{Grammar, Node, Source, is_word, unquoted, words};

/// The name of something and what it is in, such as `os` and `_exit`; what is above that does not matter here.
pub(in super::super) type Path<'a> = (&'a str, &'a str);

/// A place where a program names something.
#[derive(Debug)]
pub(super) struct Named<'a> {
    /// What is named, however an import renamed it.
    pub(super) path: Path<'a>,
    /// The word that it begins with.
    pub(super) node: Node<'a>,
    /// What stands right before it.
    pub(super) before: &'a str,
    /// What comes behind it.
    pub(super) after: Vec<&'a str>,
}

/// What a program names outside of its imports, where `wanted` says that its last word may be looked for, and the
/// modules that it imports all of.
pub(super) fn named<'a>(
    source: &'a Source,
    wanted: impl Fn(&str) -> bool,
) -> (Vec<Named<'a>>, HashSet<&'a str>) {
    let imports = Imports::of(source);
    let tokens: Vec<Node<'a>> = source.root().spoken_outside(is_import).collect();
    let texts = words(tokens.iter().copied());
    // The whole of a string may be a name: `getattr(os, "exit")`, `vars(os)["_exit"]`.
    let word = |at: usize| {
        let text = texts.get(at).copied().unwrap_or_default();
        let inner = unquoted(text).unwrap_or(text);
        is_word(inner).then_some(inner)
    };
    let get = |at: usize| texts.get(at).copied().unwrap_or_default();
    let separator = match source.grammar() {
        Grammar::Python => ".",
        Grammar::Rust => "::",
    };
    let mut named = Vec::new();
    let mut at = 0;
    while let Some(node) = tokens.get(at).copied() {
        let Some(first) = word(at) else {
            at += 1;
            continue;
        };
        let before = at.checked_sub(1).map_or("", get);
        let mut path = vec![first];
        let mut end = at + 1;
        while get(end) == separator
            && let Some(next) = word(end + 1)
        {
            path.push(next);
            end += 2;
        }
        let is_looked_up = before == "(" && at.checked_sub(2).map(get) == Some("getattr");
        if is_looked_up
            && get(end) == ","
            && let Some(name) = unquoted(get(end + 1))
        {
            path.push(name);
            end += 2 + usize::from(get(end + 2) == ")");
        }
        let of = match before {
            // Of what a call or an index gives.
            "." => last(("?", first), &path),
            _ => imports.resolved(&path),
        };
        if wanted(of.1) {
            let after = texts.iter().skip(end).take(4).copied();
            named.push(Named {
                path: of,
                node,
                before,
                after: after.collect(),
            });
        }
        at = end;
    }
    (named, imports.all)
}

/// What the imports of a program bind, and the name of what, in what.
pub(super) fn imported(source: &Source) -> HashMap<&str, Path<'_>> {
    Imports::of(source).names
}

/// The names that an import of Python binds, and of what.
pub(in super::super) fn bound<'a>(import: Node<'a>) -> Vec<(&'a str, Path<'a>)> {
    let words = |node: Node<'a>| words(node.tokens().filter(|token| is_word(token.text())));
    let module = import.field("module_name");
    let parent = module.map(|module| match module.kind() {
        // One of the project's own.
        "relative_import" => "?",
        _ => words(module).last().copied().unwrap_or_default(),
    });
    let one = |name: Node<'a>| {
        let alias = name.field("alias").map(Node::text);
        let path = words(name.field("name").unwrap_or(name));
        let first = path.first().copied()?;
        Some(match (parent, alias) {
            (Some(parent), alias) => (alias.unwrap_or(first), (parent, first)),
            (None, Some(alias)) => (alias, last(("", first), &path)),
            (None, None) => (first, ("", first)),
        })
    };
    import.fields("name").filter_map(one).collect()
}

/// The last two parts of a path whose first word stands for `first`.
fn last<'a>(first: Path<'a>, words: &[&'a str]) -> Path<'a> {
    match words {
        [] | [_] => first,
        [_, name] => (first.1, name),
        [.., parent, name] => (parent, name),
    }
}

/// What the imports of a program bind, anywhere in it.
#[derive(Debug, Default)]
struct Imports<'a> {
    names: HashMap<&'a str, Path<'a>>,
    /// The modules that all is taken of.
    all: HashSet<&'a str>,
}

impl<'a> Imports<'a> {
    fn of(source: &'a Source) -> Self {
        let mut imports = Self::default();
        for import in source.root().all().filter(|node| is_import(*node)) {
            match source.grammar() {
                Grammar::Python => {
                    imports.names.extend(bound(import));
                    let module = import
                        .field("module_name")
                        .filter(|_| import.has("wildcard_import"));
                    let last = module.and_then(|module| module.tokens().last());
                    imports.all.extend(last.map(Node::text));
                }
                Grammar::Rust => imports.tree(&words(
                    import
                        .tokens()
                        .skip_while(|token| token.text() != "use")
                        .skip(1),
                )),
            }
        }
        imports
    }

    /// `a::{b as c, d::*};`, without recursion: it may be as deep as a file is long.
    fn tree(&mut self, tokens: &[&'a str]) {
        let mut path: Vec<&str> = Vec::new();
        let mut outer: Vec<usize> = Vec::new();
        let mut name = None;
        let mut renames = false;
        for token in tokens {
            match *token {
                "{" => outer.push(path.len()),
                "," | "}" | ";" => {
                    if path.last() == Some(&"self") {
                        path.pop();
                    }
                    if let Some(own) = path.last() {
                        let bound = name.take().unwrap_or(*own);
                        self.names.insert(bound, last(("", own), &path));
                    }
                    if *token == "}" {
                        path.truncate(outer.pop().unwrap_or(0));
                    }
                    path.truncate(outer.last().copied().unwrap_or(0));
                }
                "*" => self.all.extend(path.last()),
                "as" => renames = true,
                word if is_word(word) && std::mem::take(&mut renames) => name = Some(word),
                word if is_word(word) => path.push(word),
                _ => {}
            }
        }
    }

    fn resolved(&self, words: &[&'a str]) -> Path<'a> {
        let first = words.first().copied().unwrap_or_default();
        let bound = self.names.get(first).copied();
        last(bound.unwrap_or(("", first)), words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str, code: &str) -> Vec<String> {
        let source = Source::of(path, code).unwrap();
        let of = |named: Named<'_>| format!("{}/{}", named.path.0, named.path.1);
        named(&source, |_| true).0.into_iter().map(of).collect()
    }

    #[test]
    fn imports_of_python_say_what_a_name_is_of() {
        for (code, expected) in [
            ("import os\nos.a", "os/a"),
            ("import os as o, sys as s; s.a", "sys/a"),
            ("import a.b as c\nc.d", "b/d"),
            ("import a.b\na.b.c", "b/c"),
            ("if x: from os import a as q\nq", "/if /x os/a"),
            ("from a.os import (\n  b,\n  c as q,\n)\nq", "os/c"),
            ("from os import \\\n  a\na", "os/a"),
            ("from .os import a\na", "?/a"),
            ("from os import *\na; b.c", "/a b/c"),
            ("x().a.b", "/x a/b"),
            ("getattr(os, 'a')", "/getattr os/a"),
            ("raise A from b", "/raise /A /from /b"),
        ] {
            assert_eq!(paths("a.py", code).join(" "), expected, "{code}");
        }
    }

    #[test]
    fn imports_of_rust_say_what_a_name_is_of() {
        for (code, expected) in [
            ("use std::process;\nprocess::a()", "process/a"),
            ("use std::process::a as b; b()", "process/a"),
            (
                "use std::{io, process::{self as p, a}}; p::b; a",
                "process/b process/a",
            ),
            ("use libc::*; a()", "/a"),
            ("::std::process::a()", "process/a"),
            (
                "fn f() -> impl A + use<'a> { b }",
                "/fn /f /impl /A /use /b",
            ),
        ] {
            assert_eq!(paths("a.rs", code).join(" "), expected, "{code}");
        }
        let all = Source::of("a.rs", "use libc::{self as c, *}; use super::*;").unwrap();
        assert_eq!(named(&all, |_| true).1, HashSet::from(["libc", "super"]));
    }
}
