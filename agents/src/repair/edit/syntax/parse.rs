//! Parsing, as a whole or in parts.

use std::{ops::Range, sync::LazyLock};

use tree_sitter::{Language, Parser, Point, Tree};

use super::{Entry, Grammar, Source};

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
    };
    if let Some(tree) = parser.parse(&text, None) {
        let parts = match in_parts && tree.root_node().has_error() {
            true => parts(&text, &tree),
            false => Vec::new(),
        };
        if parts.is_empty() {
            source.add(&tree, names);
        }
        for range in parts {
            if parser.set_included_ranges(&[range]).is_ok()
                && let Some(tree) = parser.parse(&text, None)
            {
                source.add(&tree, names);
            }
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
    let end = line.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let word = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
    match word {
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

/// The parts of a text: what begins at the outermost level, each with what goes on with it. A quote that is missing
/// makes a string of what comes behind it, so only a definition begins within one.
fn parts(text: &str, tree: &Tree) -> Vec<tree_sitter::Range> {
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
            Begins::Definition => true,
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
