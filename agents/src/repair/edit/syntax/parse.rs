//! Parsing, as a whole or in parts.

use std::{ops::Range, sync::LazyLock};

use tree_sitter::{Language, Parser, Point, Tree};

use super::{Entry, Grammar, Source};
use crate::repair::word::first;

/// A parsed text: as one, or with `in_parts` in parts where that does not parse.
pub(super) fn parsed(grammar: Grammar, text: String, in_parts: bool) -> Source {
    let (root, names) = match grammar {
        Grammar::Python => ("module", &*PYTHON),
        Grammar::Rust => ("source_file", &*RUST),
    };
    let mut parser = Parser::new();
    // Fails for a grammar of another version of the library alone, and then there are no nodes: the tests see that.
    let _ = parser.set_language(&names.language);
    let mut source = Source {
        grammar,
        nodes: vec![Entry {
            kind: root,
            field: None,
            bytes: 0..text.len(),
            lines: 0..text.lines().count(),
            parent: None,
            before: None,
            end: 1,
        }],
        text: String::new(),
        is_collected: false,
    };
    if let Some(tree) = parser.parse(&text, None) {
        let trees = match in_parts && tree.root_node().has_error() {
            true => trees(&mut parser, &text, &tree),
            false => vec![tree],
        };
        for tree in &trees {
            source.add(tree, names);
        }
    }
    let end = source.nodes.len();
    if let Some(root) = source.nodes.first_mut() {
        root.end = end;
    }
    source.text = text;
    source
}

/// A grammar, and what it calls nodes and fields, by their numbers.
struct Names {
    language: Language,
    kinds: Vec<String>,
    fields: Vec<String>,
}

static PYTHON: LazyLock<Names> = LazyLock::new(|| Names::of(tree_sitter_python::LANGUAGE.into()));
static RUST: LazyLock<Names> = LazyLock::new(|| Names::of(tree_sitter_rust::LANGUAGE.into()));

impl Names {
    fn of(language: Language) -> Self {
        let kinds = (0..language.node_kind_count()).filter_map(|at| u16::try_from(at).ok());
        let fields = (0..=language.field_count()).filter_map(|at| u16::try_from(at).ok());
        let kind = |at| language.node_kind_for_id(at).unwrap_or_default().to_owned();
        let field = |at| {
            language
                .field_name_for_id(at)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            kinds: kinds.map(kind).collect(),
            fields: fields.map(field).collect(),
            language,
        }
    }

    fn kind(&self, at: u16) -> &str {
        self.kinds.get(usize::from(at)).map_or("ERROR", |kind| kind)
    }

    fn field(&self, at: u16) -> &str {
        self.fields.get(usize::from(at)).map_or("", |field| field)
    }
}

/// How a line that is not indented begins.
enum Begins {
    /// It goes on with what was begun before it.
    Nothing,
    Something,
    /// A definition, or what is said of one.
    Definition,
}

fn begins(line: &str) -> Begins {
    match first(line) {
        "" if is_said(line) => Begins::Definition,
        "" | "else" | "elif" | "except" | "finally" | "where" => Begins::Nothing,
        "def" | "class" | "async" | "fn" | "pub" | "mod" | "impl" | "struct" | "enum" | "trait"
        | "unsafe" => Begins::Definition,
        _ => Begins::Something,
    }
}

/// Whether a line is of what comes behind it: a decorator, an attribute, a doc comment.
fn is_said(line: &str) -> bool {
    ["@", "#[", "///"].iter().any(|mark| line.starts_with(mark))
}

/// The trees of the parts of a broken text.
///
/// What looks like a definition within a string is prose, or a quote is missing before it, which makes a string of all
/// that comes behind. It begins a part where less of the text is broken then.
fn trees(parser: &mut Parser, text: &str, whole: &Tree) -> Vec<Tree> {
    let finest = parts(text, whole, true);
    let mut trees = Vec::new();
    for part in parts(text, whole, false) {
        let is_within = |other: &&tree_sitter::Range| {
            (part.start_byte..part.end_byte).contains(&other.start_byte)
                && other.end_byte <= part.end_byte
        };
        let within: Vec<_> = finest.iter().filter(is_within).copied().collect();
        // A decorator in prose may hold what comes behind the string.
        let are_all = within.first().map(|first| first.start_byte) == Some(part.start_byte)
            && within.last().map(|last| last.end_byte) == Some(part.end_byte);
        let coarse = parsed_alone(parser, text, &[part]);
        let fine = match are_all && within.len() > 1 && broken(&coarse) > 0 {
            true => parsed_alone(parser, text, &within),
            false => Vec::new(),
        };
        let is_better = !fine.is_empty() && broken(&fine) < broken(&coarse);
        trees.extend(if is_better { fine } else { coarse });
    }
    trees
}

/// The tree of each part by itself.
fn parsed_alone(parser: &mut Parser, text: &str, parts: &[tree_sitter::Range]) -> Vec<Tree> {
    let parsed = |part: &tree_sitter::Range| {
        parser.set_included_ranges(&[*part]).ok()?;
        parser.parse(text, None)
    };
    parts.iter().filter_map(parsed).collect()
}

/// How many bytes the parts have that do not parse.
fn broken(trees: &[Tree]) -> usize {
    let broken = trees.iter().filter(|tree| tree.root_node().has_error());
    let parts = broken.flat_map(Tree::included_ranges);
    parts.map(|part| part.end_byte - part.start_byte).sum()
}

/// The parts of a text: what begins at the outermost level, each with what goes on with it. Within strings nothing
/// begins, or definitions alone with `in_strings`.
fn parts(text: &str, tree: &Tree, in_strings: bool) -> Vec<tree_sitter::Range> {
    let mut parts: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut from = 0;
    let mut was_said = false;
    for (row, line) in text.split_inclusive('\n').enumerate() {
        let bytes = from..from + line.len();
        from = bytes.end;
        let is_quoted = || {
            let node = tree
                .root_node()
                .descendant_for_byte_range(bytes.start, bytes.start);
            node.is_some_and(|node| {
                node.kind().contains("string") || node.kind().contains("comment")
            })
        };
        let begins = match begins(line) {
            Begins::Nothing => false,
            Begins::Something => !is_quoted(),
            Begins::Definition => in_strings || !is_quoted(),
        };
        match parts.last_mut() {
            Some((whole, rows)) if !begins || was_said => {
                (whole.end, rows.end) = (bytes.end, row + 1);
            }
            _ => parts.push((bytes, row..row + 1)),
        }
        if begins {
            was_said = is_said(line);
        }
    }
    let at_line = |row| Point { row, column: 0 };
    let range = |(bytes, rows): (Range<usize>, Range<usize>)| tree_sitter::Range {
        start_byte: bytes.start,
        end_byte: bytes.end,
        start_point: at_line(rows.start),
        end_point: at_line(rows.end),
    };
    parts.into_iter().map(range).collect()
}

impl Source {
    /// Adds what is in the root of a tree; without recursion, since it may be as deep as a file is long.
    fn add(&mut self, tree: &Tree, names: &'static Names) {
        let mut cursor = tree.walk();
        if !cursor.goto_first_child() {
            return;
        }
        // What is open, and the last that was in it.
        let last_of_root = (1..self.nodes.len()).rfind(|at| self.parent_of(*at) == Some(0));
        let mut open: Vec<(usize, Option<usize>)> = vec![(0, last_of_root)];
        loop {
            let node = cursor.node();
            let at = self.nodes.len();
            let (first, last) = (node.start_position(), node.end_position());
            let behind = last.row + usize::from(last.column > 0 || last.row == first.row);
            if !node.is_missing() {
                let (parent, before) = open.last().copied().unwrap_or((0, None));
                self.nodes.push(Entry {
                    kind: names.kind(node.kind_id()),
                    field: cursor.field_id().map(|field| names.field(field.get())),
                    bytes: node.byte_range(),
                    lines: first.row..behind,
                    parent: Some(parent),
                    before,
                    end: at + 1,
                });
                if let Some((_, last)) = open.last_mut() {
                    *last = Some(at);
                }
                if cursor.goto_first_child() {
                    open.push((at, None));
                    continue;
                }
            }
            while !cursor.goto_next_sibling() {
                if open.len() < 2 || !cursor.goto_parent() {
                    return;
                }
                let end = self.nodes.len();
                if let Some((done, _)) = open.pop()
                    && let Some(entry) = self.nodes.get_mut(done)
                {
                    entry.end = end;
                }
            }
        }
    }

    fn parent_of(&self, at: usize) -> Option<usize> {
        self.nodes.get(at)?.parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the children of the root begin with.
    fn first_lines(path: &str, text: &str) -> Vec<String> {
        let source = Source::of(path, text).unwrap();
        let children = source.root().children();
        let line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        children.map(|child| line(child.text())).collect()
    }

    #[test]
    fn prose_in_a_string_begins_nothing() {
        for (path, text, expected) in [
            (
                "a.py",
                "\"\"\"Sums.\n\nclass of things\ndef of things: none.\n\"\"\"\n\ndef f(x):\n    return (x + 1\n\ndef g():\n    assert f(\"a\")\n",
                &["\"\"\"Sums.", "def g():"][..],
            ),
            // In what is broken itself.
            (
                "a.py",
                "def f(x):\n    \"\"\"F.\n\nclass of numbers\n    \"\"\"\n    return (x\n\ndef g():\n    return 1\n",
                &["def g():"],
            ),
            (
                "a.rs",
                "/** A.\nenum of things\n*/\nfn f() -> u8 {\n    g((1]\n}\n\nconst B: &str = \"\nstruct a\n\";\n",
                &["/** A.", "const B: &str = \""],
            ),
        ] {
            let found = first_lines(path, text);
            for line in expected {
                assert!(found.iter().any(|found| found == line), "{found:#?}");
            }
            let is_prose = |line: &String| line.contains(" of ") || line == "struct a";
            assert!(!found.iter().any(is_prose), "{found:#?}");
        }
    }

    #[test]
    fn a_quote_that_is_missing_hides_no_definition() {
        let text = "def f(x):\n    \"\"\"F.\n    return x\n\n@b\ndef g():\n    \"\"\"G.\"\"\"\n    return 1\n\ndef h():\n    \"\"\"H.\n    Two.\"\"\"\n    return 1\n";
        let found = first_lines("a.py", text);
        let behind = found.get(found.len() - 2..).unwrap();
        assert_eq!(behind, ["@b", "def h():"]);
    }
}
