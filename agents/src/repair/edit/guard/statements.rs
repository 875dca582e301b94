//! The statements of a program, with what decides whether they are executed.

use crate::repair::edit::syntax::{Grammar, Node, same};

/// A statement with what is around it.
#[derive(Debug)]
pub(super) struct Statement {
    /// Its code as it is compared, without the blocks in it.
    pub(super) same: String,
    /// The first of its lines.
    pub(super) first: String,
    /// The heads of the blocks around it, as they are compared: of a function its name and whether it runs when it is
    /// called, of a `try` what catches, of an arm of a match also what the arms before it take.
    pub(super) heads: Vec<String>,
    /// The names of the functions and classes around it, from the inside.
    pub(super) functions: Vec<String>,
    /// Whether it is never come to: the block that it is in was left before.
    pub(super) is_dead: bool,
    /// Whether nothing comes behind it.
    pub(super) is_last: bool,
}

/// The statements and items in a node: what stands in a block or in none. What of a broken program is neither is
/// one, too.
pub(super) fn statements(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    node.all().filter(|node| is_statement(*node))
}

/// The statement that a node is of.
pub(super) fn statement(node: Node<'_>) -> Option<Node<'_>> {
    std::iter::once(node)
        .chain(node.ancestors())
        .find(|node| is_statement(*node))
}

/// Whether it stands in a block or in none.
pub(in super::super) fn is_statement(node: Node<'_>) -> bool {
    let is_within = |parent: Node<'_>| is_body(parent) && !is_said(node);
    !node.is_comment() && node.parent().is_some_and(is_within)
}

/// Whether statements or items stand in it, or arms of a match.
pub(super) fn is_body(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "module" | "block" | "source_file" | "declaration_list" | "match_block" | "ERROR"
    )
}

/// Whether it is a part of what comes behind it, or of the block itself.
fn is_said(node: Node<'_>) -> bool {
    matches!(node.kind(), "attribute_item" | "{" | "}")
}

/// Whether what a node is in cannot be told: the head of one of the blocks around it does not parse.
pub(super) fn is_torn(node: Node<'_>) -> bool {
    let mut all = std::iter::once(node).chain(node.ancestors());
    all.any(|of| of.kind() == "ERROR" || !is_body(of) && of.has("ERROR"))
}

/// The words and signs of a statement, but for those of the blocks in it.
pub(super) fn own<'a>(statement: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    statement.tokens_outside(is_body)
}

/// The attributes before an item of Rust, in their order.
pub(super) fn attributes(item: Node<'_>) -> Vec<Node<'_>> {
    let before = item.preceding().filter(|before| !before.is_comment());
    let mut own: Vec<Node<'_>> = before
        .take_while(|before| before.kind() == "attribute_item")
        .collect();
    own.reverse();
    own
}

/// The head of a block around something.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// The statement that the block is of.
    pub(super) of: Node<'a>,
    /// The attributes or decorators before it.
    pub(super) said: Vec<String>,
    /// What it begins with up to the block, but for other blocks.
    pub(super) code: String,
    /// The name of a function or class.
    pub(super) name: Option<&'a str>,
}

/// The heads of the blocks around a node, from the inside.
pub(super) fn heads(node: Node<'_>) -> Vec<Head<'_>> {
    let mut heads = Vec::new();
    let mut inner = statement(node);
    while let Some(body) = inner.and_then(Node::parent)
        && let Some(of) = statement(body)
    {
        let before = body.bytes().start;
        let code = same(own(of).filter(|token| token.bytes().end <= before));
        heads.push(Head {
            of,
            said: said(of),
            code,
            name: defined(of).and_then(name),
        });
        inner = Some(of);
    }
    heads
}

/// The attributes or decorators of a statement, as they are compared.
pub(super) fn said(statement: Node<'_>) -> Vec<String> {
    let decorators = statement
        .children()
        .filter(|node| node.kind() == "decorator");
    let attributes = attributes(statement).into_iter();
    attributes.chain(decorators).map(Node::same).collect()
}

/// The function or class that a statement defines.
pub(in super::super) fn defined(statement: Node<'_>) -> Option<Node<'_>> {
    let defined = match statement.kind() {
        "decorated_definition" => statement.field("definition")?,
        _ => statement,
    };
    let kinds = ["function_definition", "class_definition", "function_item"];
    kinds.contains(&defined.kind()).then_some(defined)
}

/// What an item is called.
pub(super) fn name(item: Node<'_>) -> Option<&str> {
    item.field("name").map(Node::text)
}

impl Statement {
    /// The statement that a node is of.
    pub(super) fn of(node: Node<'_>) -> Option<Self> {
        let own = statement(node)?;
        let around = heads(own);
        let closes = |token: Node<'_>| matches!(token.kind(), "}" | ")" | "]" | ";");
        let mut found = Self {
            // The last arm of a match may have a comma.
            same: same(self::own(own)).trim_end_matches(',').to_owned(),
            first: own.text().lines().next().unwrap_or_default().to_owned(),
            heads: said(own).into_iter().chain(taken_before(own)).collect(),
            functions: defined(own)
                .and_then(name)
                .map(str::to_owned)
                .into_iter()
                .collect(),
            is_dead: defined(own).is_none() && is_left_before(own),
            is_last: own.tokens_behind().all(closes),
        };
        let mut inner = own;
        for head in around {
            found.heads.extend(head.said);
            found.heads.extend(taken_before(head.of));
            match head.name {
                Some(name) => {
                    found.heads.extend(deferred(head.of).map(str::to_owned));
                    found.heads.push(format!("fn {name}"));
                    found.functions.push(name.to_owned());
                }
                None => {
                    found.heads.push(head.code);
                    found.heads.extend(caught(head.of, inner));
                }
            }
            // Of what stands before a function in its block nothing keeps it from being called.
            found.is_dead |= found.functions.is_empty() && is_left_before(head.of);
            inner = head.of;
        }
        Some(found)
    }
}

/// What keeps a function from running when it is called: it only gives what can be awaited or gone through.
fn deferred(of: Node<'_>) -> Option<&'static str> {
    let function = defined(of)?;
    let is_async = |node: Node<'_>| node.has("async");
    if is_async(function)
        || function
            .children()
            .any(|said| said.kind() == "function_modifiers" && is_async(said))
    {
        return Some("async");
    }
    let is_own = |node: Node<'_>| !matches!(node.kind(), "function_definition" | "lambda");
    let mut inside = function.field("body")?.walk(is_own);
    inside.any(|node| node.kind() == "yield").then_some("yield")
}

/// What the arms before one of a match take, so that it is not come to.
fn taken_before(arm: Node<'_>) -> Vec<String> {
    let is_arm = |node: &Node<'_>| matches!(node.kind(), "match_arm" | "case_clause");
    if !is_arm(&arm) {
        return Vec::new();
    }
    let takes = |before: Node<'_>| {
        let is_taken =
            |part: &Node<'_>| matches!(part.kind(), "match_pattern" | "case_pattern" | "if_clause");
        same(before.children().filter(is_taken).flat_map(Node::tokens))
    };
    arm.preceding().filter(is_arm).map(takes).collect()
}

/// Whether a statement before one in its block leaves that, whatever happens.
fn is_left_before(statement: Node<'_>) -> bool {
    statement.preceding().any(|before| {
        let before = match before.kind() {
            "expression_statement" => before.children().next().unwrap_or(before),
            _ => before,
        };
        let leaves = ["return", "break", "continue", "raise"];
        let kind = before.kind();
        let of = kind
            .strip_suffix("_statement")
            .or(kind.strip_suffix("_expression"));
        of.is_some_and(|of| leaves.contains(&of))
    })
}

/// What a `try` of Python catches what is in its body by, and what comes of it.
fn caught(of: Node<'_>, inner: Node<'_>) -> Option<String> {
    let body = of.field("body").filter(|_| of.kind() == "try_statement")?;
    let behind = |token: &Node<'_>| token.bytes().start >= body.bytes().end;
    inner.is_in(body).then(|| same(of.tokens().filter(behind)))
}

/// Whether a statement is an import.
pub(in super::super) fn is_import(statement: Node<'_>) -> bool {
    match statement.grammar() {
        Grammar::Python => {
            statement.kind().starts_with("import_") || statement.kind().starts_with("future_import")
        }
        Grammar::Rust => statement.kind() == "use_declaration",
    }
}
