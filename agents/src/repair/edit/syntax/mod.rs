//! A source file, parsed once: its nodes, and what of it is code.

mod parse;
mod same;
mod tokens;

pub(super) use same::same;
pub(super) use tokens::{is_word, unquoted, words};

use std::{fmt, iter, ops::Range, path::Path};

use crate::repair::Language;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    Python,
    Rust,
}

impl Grammar {
    /// By a file's name.
    pub(super) fn of(path: &str) -> Option<Self> {
        match Language::of(Path::new(path)) {
            Language::Python => Some(Self::Python),
            Language::Rust => Some(Self::Rust),
            Language::Other => None,
        }
    }
}

/// A parsed file.
///
/// A parser goes on behind what it does not understand, so there are nodes of broken programs too. What does not
/// parse as one is parsed in parts, each of which begins with a line that is not indented: a bracket or a quote that
/// is missing in one of them hides nothing of the others.
#[derive(Debug)]
pub(super) struct Source {
    grammar: Grammar,
    text: String,
    is_collected: bool,
    /// Each before what is in it.
    nodes: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: &'static str,
    field: Option<&'static str>,
    bytes: Range<usize>,
    lines: Range<usize>,
    parent: Option<usize>,
    /// The one before it in the same parent.
    before: Option<usize>,
    /// Behind the last that is in it.
    end: usize,
}

impl Source {
    /// A file of a language that is known. Its line ends are read as `\n`, without a mark before the first line.
    pub(super) fn of(path: &str, text: &str) -> Option<Self> {
        let text = text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .replace("\r\n", "\n");
        let name = path.rsplit('/').next().unwrap_or_default();
        let stem = name.strip_suffix(".py").unwrap_or_default();
        let source = Grammar::of(path).map(|grammar| parse::parsed(grammar, text, true))?;
        Some(Self {
            is_collected: stem.starts_with("test_") || stem.ends_with("_test"),
            ..source
        })
    }

    /// The same, also where it is broken parsed as one.
    pub(super) fn as_one(path: &str, text: &str) -> Option<Self> {
        Grammar::of(path).map(|grammar| parse::parsed(grammar, text.to_owned(), false))
    }

    /// The same, where a command has pytest collect its functions, whatever it is called.
    pub(super) fn collected(self) -> Self {
        Self {
            is_collected: true,
            ..self
        }
    }

    /// Whether pytest collects its functions that are called like tests: by its own name, or by what a command says.
    pub(super) fn is_collected(&self) -> bool {
        self.is_collected
    }

    pub(super) fn grammar(&self) -> Grammar {
        self.grammar
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node {
            source: self,
            at: 0,
        }
    }
}

/// A node of a parsed file.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    source: &'a Source,
    at: usize,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && std::ptr::eq(self.source, other.source)
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind(), self.text())
    }
}

impl<'a> Node<'a> {
    /// What the grammar calls it: `function_item`, `identifier`, `(`.
    pub(super) fn kind(self) -> &'static str {
        self.entry().map_or("", |entry| entry.kind)
    }

    pub(super) fn grammar(self) -> Grammar {
        self.source.grammar
    }

    pub(super) fn text(self) -> &'a str {
        self.source.text.get(self.bytes()).unwrap_or_default()
    }

    pub(super) fn bytes(self) -> Range<usize> {
        self.entry().map_or(0..0, |entry| entry.bytes.clone())
    }

    /// Its lines, from 0.
    pub(super) fn lines(self) -> Range<usize> {
        self.entry().map_or(0..0, |entry| entry.lines.clone())
    }

    pub(super) fn parent(self) -> Option<Self> {
        let at = self.entry()?.parent?;
        Some(Self { at, ..self })
    }

    /// What it is in, from the inside.
    pub(super) fn ancestors(self) -> impl Iterator<Item = Self> {
        iter::successors(self.parent(), |node| node.parent())
    }

    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let end = self.end();
        let child = move |at: usize| (at < end).then_some(Self { at, ..self });
        iter::successors(child(self.at + 1), move |node| child(node.end()))
    }

    /// What it has as a part of its meaning: a function's `body`, an assignment's `left`.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        self.fields(name).next()
    }

    /// What it has several of: the `name`s that an import binds.
    pub(super) fn fields(self, name: &str) -> impl Iterator<Item = Self> {
        self.children()
            .filter(move |child| child.entry().is_some_and(|own| own.field == Some(name)))
    }

    pub(super) fn has(self, kind: &str) -> bool {
        self.children().any(|child| child.kind() == kind)
    }

    /// What stands before it in the same parent, from the nearest on.
    pub(super) fn preceding(self) -> impl Iterator<Item = Self> {
        let before = move |at: usize| self.source.nodes.get(at)?.before;
        iter::successors(before(self.at), move |at| before(*at)).map(move |at| Self { at, ..self })
    }

    /// The blanks before it, where nothing else stands before it in its line.
    pub(super) fn indent(self) -> Option<&'a str> {
        let before = self.source.text.get(..self.bytes().start)?;
        before
            .rsplit('\n')
            .next()
            .filter(|before| before.trim().is_empty())
    }

    /// It and all that is in it, in the order of the text.
    pub(super) fn all(self) -> impl Iterator<Item = Self> {
        (self.at..self.end()).map(move |at| Self { at, ..self })
    }

    /// It and what is in it, but for what is in those that are not to be gone into.
    pub(super) fn walk(self, goes_into: impl FnMut(Self) -> bool) -> impl Iterator<Item = Self> {
        self.walk_over(self.at..self.end(), goes_into)
    }

    fn walk_over(
        self,
        nodes: Range<usize>,
        mut goes_into: impl FnMut(Self) -> bool,
    ) -> impl Iterator<Item = Self> {
        let first = nodes.start;
        let next = move |at: usize| nodes.contains(&at).then_some(Self { at, ..self });
        iter::successors(next(first), move |node| {
            let behind = if goes_into(*node) {
                node.at + 1
            } else {
                node.end()
            };
            next(behind)
        })
    }

    /// Whether it is in another one, or that itself.
    pub(super) fn is_in(self, other: Self) -> bool {
        std::ptr::eq(self.source, other.source) && (other.at..other.end()).contains(&self.at)
    }

    pub(super) fn is_comment(self) -> bool {
        matches!(
            self.kind(),
            "comment" | "line_comment" | "block_comment" | "line_continuation"
        )
    }

    pub(super) fn is_leaf(self) -> bool {
        self.end() == self.at + 1
    }

    fn end(self) -> usize {
        self.entry().map_or(self.at + 1, |entry| entry.end)
    }

    fn entry(self) -> Option<&'a Entry> {
        self.source.nodes.get(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_lost() {
        let rust = "fn f<'a>(x: &'a mut Vec<u8>) -> impl A + use<'a> { let _ = r#\"a\"#; m![x; $ => 'b', 1..=2]; x? }";
        let python = "@a\nasync def f(x: int, *, y=1) -> b:\n    z: c = f'{x!r:>{y}} {{}}' '' rb'a'\n    if (w := z[1:2]) != ~x ** 2: raise A from B\n    match x:\n        case {'a': [_, *r]} if r: pass\n";
        for (path, text) in [
            ("a.rs", rust),
            ("a.py", python),
            ("a.rs", include_str!("mod.rs")),
            ("a.py", include_str!("../../own.py")),
        ] {
            let source = Source::of(path, text).unwrap();
            let all = source.root().all();
            let comments = all.filter(|node| node.is_comment());
            let mut pieces: Vec<_> = source
                .root()
                .tokens()
                .chain(comments)
                .map(Node::bytes)
                .collect();
            pieces.sort_by_key(|piece| (piece.start, piece.end));
            let mut end = 0;
            for piece in pieces {
                let between = text.get(end..piece.start).unwrap_or_default();
                assert_eq!(between.trim(), "", "{path} {end}");
                end = piece.end;
            }
            assert_eq!(text[end..].trim(), "");
        }
    }

    #[test]
    fn what_is_broken_hides_nothing_of_other_definitions() {
        for (path, broken) in [
            ("a.py", "def f(x):\n    return (x + 1\n"),
            ("a.py", "def f(x)\n    return x\n"),
            ("a.py", "def f(x):\n    return \"x\n"),
            ("a.py", "def f(x):\n    \"\"\"F.\n    return x\n"),
            ("a.py", "def f(x):\n  y = {1: [2, 3\n      return x\n z\n"),
            (
                "a.rs",
                "fn f() -> u8 {\n    if g() { 1 } else {\n        2\n}\n",
            ),
            ("a.rs", "fn f() -> u8 {\n    g((1]\n}\n"),
            ("a.rs", "fn f() -> &str {\n    \"a\n}\n"),
            ("a.rs", "fn f() { /* a\n}\n"),
        ] {
            let behind = match path {
                "a.py" => "@b\ndef g():\n    assert f(\"a\")\n",
                _ => "/// B.\n#[b]\nfn g() {\n    f(\"a\");\n}\n",
            };
            let source = Source::of(path, &format!("{broken}\n{behind}")).unwrap();
            let alone = Source::of(path, behind).unwrap();
            let last = source.root().children().last().unwrap();
            assert_eq!(
                last.same(),
                alone.root().children().last().unwrap().same(),
                "{broken}"
            );
            assert_eq!(last.lines().end, source.text().lines().count());
        }
    }
}
