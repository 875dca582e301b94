//! The names that a program uses, told without parsing it: what a word is of, by the imports around it.

use std::collections::{HashMap, HashSet};

use crate::repair::Language;

/// The name of something and what it is in, such as `os` and `_exit`; what is above that does not matter here.
pub(super) type Path<'a> = (&'a str, &'a str);

/// A place where a program names something.
#[derive(Debug)]
pub(super) struct Named<'a> {
    /// What is named, however an import renamed it.
    pub(super) path: Path<'a>,
    /// The word that it begins with.
    pub(super) word: &'a str,
    /// What stands right before it.
    pub(super) before: &'a str,
    /// What the statement begins with.
    pub(super) head: &'a str,
    /// What comes behind it.
    pub(super) after: &'a [&'a str],
}

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `a.b`, `from a import b as c`; `getattr(a, "b")` is `a.b`.
    Python,
    /// `a::b`, `use a::{b as c};`.
    Rust,
}

/// How names are written in a file.
pub(super) fn syntax(path: &str) -> Option<Syntax> {
    match Language::of(std::path::Path::new(path)) {
        Language::Python => Some(Syntax::Python),
        Language::Rust => Some(Syntax::Rust),
        Language::Other => None,
    }
}

/// The words of a code and all other characters, line breaks among them.
pub(super) fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let end = match is_part(c) {
            true => rest.find(|c: char| !is_part(c)).unwrap_or(rest.len()),
            false => c.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        match (c, tokens.last()) {
            // A line that goes on in the next one.
            ('\n', Some(&"\\")) => drop(tokens.pop()),
            _ if c == '\n' || !c.is_whitespace() => tokens.push(token),
            _ => {}
        }
    }
    tokens
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(super) fn is_word(token: &str) -> bool {
    token.starts_with(is_part)
}

/// What a program names outside of its imports, and the modules that it imports all of.
pub(super) fn named<'a>(
    tokens: &'a [&'a str],
    syntax: Syntax,
) -> (Vec<Named<'a>>, HashSet<&'a str>) {
    let imports = Imports::of(tokens, syntax);
    let get = |at: usize| tokens.get(at).copied().unwrap_or_default();
    let mut named = Vec::new();
    let mut import = imports.ranges.iter().peekable();
    let mut head = "";
    let mut at = 0;
    while at < tokens.len() {
        if let Some(range) = import.next_if(|range| range.start <= at) {
            at = range.end.max(at);
            continue;
        }
        let before = at.checked_sub(1).map_or("\n", get);
        if ["\n", ";", "{", "}"].contains(&before) {
            head = get(at);
        }
        if !is_word(get(at)) {
            at += 1;
            continue;
        }
        let (mut words, mut end) = path(tokens, at, syntax);
        let is_looked_up = before == "(" && at.checked_sub(2).map(get) == Some("getattr");
        let quotes = ["\"", "'"];
        if is_looked_up
            && get(end) == ","
            && quotes.contains(&get(end + 1))
            && quotes.contains(&get(end + 3))
        {
            words.push(get(end + 2));
            end += 4 + usize::from(get(end + 4) == ")");
        }
        named.push(Named {
            path: match before {
                // Of what a call or an index gives.
                "." => last(("?", get(at)), &words),
                _ => imports.resolved(&words),
            },
            word: get(at),
            before,
            head,
            after: tokens.get(end..).unwrap_or_default(),
        });
        at = end;
    }
    (named, imports.all)
}

/// What the imports of a program bind, and the name of what, in what.
pub(super) fn imported<'a>(tokens: &[&'a str], syntax: Syntax) -> HashMap<&'a str, Path<'a>> {
    Imports::of(tokens, syntax).names
}

/// The words of a path that begins here, and where it ends.
fn path<'a>(tokens: &[&'a str], at: usize, syntax: Syntax) -> (Vec<&'a str>, usize) {
    let separator: &[&str] = match syntax {
        Syntax::Python => &["."],
        Syntax::Rust => &[":", ":"],
    };
    let mut words = Vec::new();
    let mut end = at;
    while let Some(word) = tokens.get(end).filter(|token| is_word(token)) {
        words.push(*word);
        let next = end + 1 + separator.len();
        let goes_on = tokens.get(end + 1..next) == Some(separator)
            && tokens.get(next).is_some_and(|token| is_word(token));
        end = if goes_on { next } else { end + 1 };
        if !goes_on {
            break;
        }
    }
    (words, end)
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
    /// Where they stand.
    ranges: Vec<std::ops::Range<usize>>,
}

impl<'a> Imports<'a> {
    fn of(tokens: &[&'a str], syntax: Syntax) -> Self {
        let mut imports = Self::default();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            let begins = before.is_none_or(|before| ["\n", ";", ":"].contains(before));
            let rest = tokens.get(at + 1..).unwrap_or_default();
            let length = match (syntax, *token) {
                (Syntax::Python, "import") if begins => imports.modules(rest),
                (Syntax::Python, "from") if begins => imports.members(rest),
                // `impl Trait + use<'a>`
                (Syntax::Rust, "use") if rest.first() != Some(&"<") => imports.tree(rest),
                _ => 0,
            };
            if length > 0 {
                imports.ranges.push(at..at + 1 + length);
            }
            at += 1 + length;
        }
        imports
    }

    /// `a.b as c, d`; gives how many tokens that are.
    fn modules(&mut self, tokens: &[&'a str]) -> usize {
        let is_end = |token: &&str| ["\n", ";"].contains(token);
        let length = tokens.iter().position(is_end).unwrap_or(tokens.len());
        let listed = tokens.get(..length).unwrap_or_default();
        for one in listed.split(|token| *token == ",") {
            let (words, _) = path(one, 0, Syntax::Python);
            match (one, &*words) {
                ([.., "as", name], [first, ..]) => {
                    self.names.insert(name, last(("", first), &words));
                }
                (_, [first, ..]) => {
                    self.names.insert(first, ("", first));
                }
                _ => {}
            }
        }
        length
    }

    /// `a.b import c as d, e`, perhaps in brackets; gives how many tokens that are.
    fn members(&mut self, tokens: &[&'a str]) -> usize {
        let is_end = |token: &&str| ["\n", ";"].contains(token);
        let line = tokens.iter().take_while(|token| !is_end(token));
        let Some(import) = line.into_iter().position(|token| *token == "import") else {
            return 0;
        };
        let module = tokens.get(..import).unwrap_or_default();
        let parent = match module {
            // One of the project's own.
            [".", ..] => "?",
            [.., parent] => parent,
            [] => return 0,
        };
        let listed = tokens.get(import + 1..).unwrap_or_default();
        let length = match listed.first() {
            Some(&"(") => listed.iter().position(|token| *token == ")"),
            _ => listed.iter().position(is_end),
        };
        let length = length.unwrap_or(listed.len());
        let listed = listed.get(..length).unwrap_or_default();
        for one in listed.split(|token| [",", "("].contains(token)) {
            let mut words = one.iter().filter(|token| is_word(token));
            if let Some(name) = words.next() {
                let bound = words.nth(1).unwrap_or(name);
                self.names.insert(bound, (parent, name));
            } else if one.contains(&"*") {
                self.all.insert(parent);
            }
        }
        import + 1 + length
    }

    /// `a::{b as c, d::*};`, without recursion: it may be as deep as a file is long.
    fn tree(&mut self, tokens: &[&'a str]) -> usize {
        let mut path: Vec<&str> = Vec::new();
        let mut outer: Vec<usize> = Vec::new();
        let mut name = None;
        let mut renames = false;
        for (at, token) in tokens.iter().enumerate() {
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
                    if *token == ";" {
                        return at + 1;
                    }
                    if *token == "}" {
                        path.truncate(outer.pop().unwrap_or(0));
                    }
                    path.truncate(outer.last().copied().unwrap_or(0));
                }
                "*" => self.all.extend(path.last()),
                "as" => renames = true,
                // The one before has no end.
                "use" => return 0,
                word if is_word(word) && std::mem::take(&mut renames) => name = Some(word),
                word if is_word(word) => path.push(word),
                _ => {}
            }
        }
        // No import that ends.
        0
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

    fn paths(code: &str, syntax: Syntax) -> Vec<String> {
        let tokens = tokens(code);
        let of = |named: Named<'_>| format!("{}/{}", named.path.0, named.path.1);
        named(&tokens, syntax).0.into_iter().map(of).collect()
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
            assert_eq!(paths(code, Syntax::Python).join(" "), expected, "{code}");
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
                "/fn /f /impl /A /use /a /b",
            ),
            ("use a", "/use /a"),
        ] {
            assert_eq!(paths(code, Syntax::Rust).join(" "), expected, "{code}");
        }
        let all = tokens("use libc::{self as c, *}; use super::*;");
        assert_eq!(
            named(&all, Syntax::Rust).1,
            HashSet::from(["libc", "super"])
        );
        let deep = format!("use a::{}; b", "{".repeat(100_000));
        assert_eq!(paths(&deep, Syntax::Rust), ["/b"]);
    }
}
