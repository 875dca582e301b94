//! The examples in doc comments of Rust.

use super::{
    definitions::implemented,
    found::{Found, Place, Places},
    statements::{is_torn, name},
};
use crate::repair::edit::syntax::{Node, Source};

/// The code blocks in doc comments: those between fences, and lines that are indented as Markdown has code.
pub(super) fn doctests(source: &Source) -> Vec<Found<'_>> {
    let lines: Vec<&str> = source.text().lines().collect();
    let found = |of: Node<'_>, range: std::ops::Range<usize>| Found {
        code: {
            let own = lines.get(range.clone()).unwrap_or_default().iter();
            own.map(|line| format!("{}\n", line.trim())).collect()
        },
        node: source.root(),
        lines: range,
        name: None,
        is_harmless: true,
        docstring: None,
        of: documented(of),
    };
    let mut all = Vec::new();
    let mut open: Option<usize> = None;
    let mut next = 0;
    let said = source.root().all().flat_map(|node| {
        let lines = docs(node).into_iter();
        lines.map(move |(index, doc)| (node, index, doc))
    });
    for (node, index, doc) in said {
        if index > next {
            open = None;
        }
        next = index + 1;
        let is_fence = ["```", "~~~"]
            .iter()
            .any(|fence| doc.trim_start().starts_with(fence));
        match open {
            None if is_fence => open = Some(index),
            None if doc.starts_with("     ") && !doc.trim().is_empty() => {
                all.push(found(node, index..index + 1));
            }
            Some(from) if is_fence => {
                all.push(found(node, from..index + 1));
                open = None;
            }
            _ => {}
        }
    }
    all
}

/// What a doc comment or attribute is of, by its name and those of what it is in: `a::A::f`; `None` where a broken
/// program does not tell.
fn documented(doc: Node<'_>) -> Option<String> {
    let is_inner = doc.kind() == "inner_attribute_item"
        || ["//!", "/*!"]
            .iter()
            .any(|mark| doc.text().starts_with(mark));
    let item = match is_inner {
        true => None,
        false => {
            let behind = doc.parent()?.children().skip_while(|node| *node != doc);
            let is_said = |node: &Node<'_>| node.is_comment() || node.kind() == "attribute_item";
            Some({ behind }.find(|node| !is_said(node))?)
        }
    };
    if is_torn(item.unwrap_or(doc)) {
        return None;
    }
    let own = item.map(|item| named(item, false).unwrap_or_else(|| item.kind().to_owned()));
    Some(path(own, doc, false))
}

/// What something is called, bare of type arguments or with them.
fn named(of: Node<'_>, is_bare: bool) -> Option<String> {
    match of.kind() {
        "impl_item" => Some(implemented(of, is_bare)),
        // What a macro is given, and what has no name, is told by what it is.
        "macro_invocation" => of.field("macro").map(|of| of.text().to_owned()),
        _ => name(of).map(str::to_owned),
    }
}

/// The name of something behind those of what is around a node.
fn path(own: Option<String>, node: Node<'_>, is_bare: bool) -> String {
    let around = node.ancestors().filter_map(|of| named(of, is_bare));
    let mut path: Vec<String> = own.into_iter().chain(around).collect();
    path.reverse();
    path.join("::")
}

/// What of a file examples may be of, by its path.
pub(super) fn places(source: &Source) -> Places {
    let is_item = |node: &Node<'_>| {
        let kind = node.kind();
        kind.ends_with("_item")
            || matches!(
                kind,
                "associated_type" | "enum_variant" | "field_declaration" | "macro_definition"
            )
    };
    let items = source.root().all().filter(is_item);
    let places = items.filter_map(|item| {
        let own = named(item, false)?;
        let place = Place {
            around: path(None, item, false),
            bare: path(named(item, true), item, true),
            is_function: item.kind() == "function_item",
        };
        Some((path(Some(own), item, false), place))
    });
    places.collect()
}

/// The lines of a doc comment or attribute, and what each says, with the blank before it.
pub(in super::super) fn docs(node: Node<'_>) -> Vec<(usize, &str)> {
    let text = node.text();
    let first = node.lines().start;
    let inside = match node.kind() {
        "line_comment" => match text
            .strip_prefix("///")
            .or_else(|| text.strip_prefix("//!"))
        {
            Some(doc) if !doc.starts_with('/') => doc,
            _ => return Vec::new(),
        },
        "block_comment" => match text
            .strip_prefix("/**")
            .or_else(|| text.strip_prefix("/*!"))
        {
            Some(doc) if !doc.starts_with(['*', '/']) => doc.strip_suffix("*/").unwrap_or(doc),
            _ => return Vec::new(),
        },
        "attribute_item" | "inner_attribute_item" => {
            let mut tokens = node.tokens().map(Node::text);
            if !tokens.any(|token| token == "doc") || tokens.next() != Some("=") {
                return Vec::new();
            }
            text.split_once('"').map_or("", |(_, doc)| doc)
        }
        _ => return Vec::new(),
    };
    // Stars at the beginning of each line are no part of it.
    let bare = |line| str::trim_start(line).strip_prefix('*').unwrap_or(line);
    let lines = (first..).zip(inside.lines());
    lines
        .map(|(at, line)| (at, if at > first { bare(line) } else { line }))
        .collect()
}
