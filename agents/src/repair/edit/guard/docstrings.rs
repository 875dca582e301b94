//! The examples in docstrings of Python.

use super::{
    found::{Found, Place, Places},
    statements::{defined, heads, is_torn, name},
};
use crate::repair::edit::syntax::{Node, Source};

/// The examples in a string, which end with their output; none where it is no docstring: there nothing runs them.
pub(super) fn examples(string: Node<'_>) -> Vec<Found<'_>> {
    let mut found: Vec<Found<'_>> = Vec::new();
    let Some(of) = documented(string) else {
        return found;
    };
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
                of: of.clone(),
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

/// What a string documents, by its name and what it is in: `A.f`; nothing of its own is the file. The inner one is
/// `None` where a broken program does not tell, the outer one where it is no docstring.
fn documented(string: Node<'_>) -> Option<Option<String>> {
    let statement = string.parent()?;
    let is_behind_what_is_torn = || statement.preceding().any(|before| before.kind() == "ERROR");
    if is_torn(string) || is_behind_what_is_torn() {
        // What is one line long may as well be what a program shows.
        return string.text().contains('\n').then_some(None);
    }
    let body = statement
        .parent()
        .filter(|_| statement.kind() == "expression_statement")?;
    let is_first = statement.preceding().all(Node::is_comment);
    let is_defined = || body.parent().is_none_or(|of| defined(of) == Some(of));
    if !is_first || !is_defined() {
        return None;
    }
    Some(Some(around(string).join(".")))
}

/// What is around a node: names of definitions, and heads of other blocks.
fn around(node: Node<'_>) -> Vec<String> {
    let heads = heads(node).into_iter().rev();
    let named = heads.map(|head| head.name.map_or(head.code, str::to_owned));
    named.collect()
}

/// What of a file docstrings may be of, by its path.
pub(super) fn places(source: &Source) -> Places {
    let all = source.root().all();
    let places = all.filter_map(|node| {
        let of = defined(node).filter(|of| *of == node)?;
        let mut path = around(of);
        let around = path.join(".");
        path.push(name(of)?.to_owned());
        let path = path.join(".");
        let place = Place {
            around,
            bare: path.clone(),
            is_function: of.kind() == "function_definition",
        };
        Some((path, place))
    });
    places.collect()
}
