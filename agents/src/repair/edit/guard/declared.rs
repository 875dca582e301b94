//! The modules of other files that a file of Rust declares.

use super::statements::{attributes, heads, name, own, statement};
use crate::repair::edit::syntax::{Node, Source, same};

/// A module that is declared and stands in another file.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    /// The modules around it.
    pub(super) inside: Vec<String>,
    /// What an attribute says that its file is.
    pub(super) path: Option<String>,
    /// What decides whether it is compiled: attributes and heads of blocks.
    pub(super) conditions: Vec<String>,
}

/// The modules of other files that a file declares.
pub(super) fn declared(source: &Source) -> Vec<Declared> {
    let declares = |node: &Node<'_>| node.kind() == "mod_item" && node.field("body").is_none();
    let all = source.root().all();
    all.filter(|node| declares(node) || is_given(*node))
        .filter_map(module)
        .collect()
}

/// Whether it is `mod` in what a macro is given, before a name and the end of a declaration.
fn is_given(node: Node<'_>) -> bool {
    let behind = || node.parent().into_iter().flat_map(Node::children);
    let mut behind = behind()
        .skip_while(|next| *next != node)
        .skip(1)
        .map(Node::kind);
    let is_of_macro = node.parent().is_some_and(|of| of.kind() == "token_tree");
    node.kind() == "mod"
        && is_of_macro
        && behind.next() == Some("identifier")
        && behind.next() == Some(";")
}

fn module(node: Node<'_>) -> Option<Declared> {
    let of_macro = (node.kind() == "mod").then(|| {
        let before = node.bytes().start;
        statement(node).map(|of| same(own(of).filter(|token| token.bytes().end <= before)))
    });
    let called = match of_macro {
        Some(_) => {
            let tokens = node.parent()?.children();
            { tokens }.skip_while(|token| *token != node).nth(1)?.text()
        }
        None => name(node)?,
    };
    let heads = heads(node);
    let around: Vec<Node<'_>> = heads.iter().rev().map(|head| head.of).collect();
    let modules = || {
        around
            .iter()
            .filter(|of| of.kind() == "mod_item")
            .filter_map(|of| name(*of))
    };
    let own_said = statement(node).map(attributes).unwrap_or_default();
    let said = around
        .iter()
        .copied()
        .flat_map(attributes)
        .chain(own_said.clone());
    let others = heads.iter().filter(|head| head.of.kind() != "mod_item");
    let conditions = said.filter(|said| decides(*said)).map(Node::same);
    Some(Declared {
        name: called.to_owned(),
        inside: modules().map(str::to_owned).collect(),
        path: own_said.iter().find_map(|said| path_in(*said)),
        conditions: conditions
            .chain(others.map(|head| head.code.clone()))
            .chain(of_macro.flatten())
            .collect(),
    })
}

/// Whether an attribute decides what is compiled, unlike `#[macro_use]`.
fn decides(attribute: Node<'_>) -> bool {
    let said = attribute.tokens().nth(2).map(Node::text);
    matches!(said, Some("cfg" | "cfg_attr" | "path"))
}

/// The file that an attribute names: `#[path = "a.rs"]`.
fn path_in(attribute: Node<'_>) -> Option<String> {
    let tokens: Vec<&str> = attribute.tokens().map(Node::text).collect();
    match &*tokens {
        ["#", "[", "path", "=", file, "]"] => Some(file.trim_matches(['r', '#', '"']).to_owned()),
        _ => None,
    }
}
