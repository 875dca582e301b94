//! The functions of a program, and what they assert and call.

use std::{collections::BTreeSet, ops::Range};

use super::{
    assertions::asserts,
    found,
    statements::{attributes, name, own, statements},
};
use crate::repair::edit::syntax::{Grammar, Node, Source, is_word, words};

/// How a function asserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asserts {
    Not,
    /// It raises something, or panics.
    Raises,
    Plainly,
    /// By a method of unittest.
    ByRunner,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Last {
    Asserts,
    Calls(String),
    Else,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: String,
    /// Whether something is given that another call gave.
    pub(super) is_given_a_call: bool,
}

/// A function or macro.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) node: Node<'a>,
    pub(super) name: &'a str,
    pub(super) is_method: bool,
    /// Whether it is a test, or of a class or module of them.
    pub(super) is_test: bool,
    pub(super) returns: bool,
    /// Of Rust, whether others may call it, and whether it may change what it is given.
    pub(super) is_public: bool,
    pub(super) changes: bool,
    pub(super) asserts: Asserts,
    /// Whether something is asserted in it but by calls.
    pub(super) has_own_assertion: bool,
    pub(super) last: Last,
    /// What it calls and makes nothing of the result.
    pub(super) calls: Vec<Call>,
    /// All words in it.
    pub(super) words: BTreeSet<&'a str>,
}

/// The functions and macros of a file.
pub(super) fn functions(source: &Source) -> Vec<Function<'_>> {
    let tests = ranges(source);
    let grammar = source.grammar();
    let function = |node| {
        let node: Node<'_> = node;
        let body = match node.kind() {
            "macro_definition" => node,
            _ => node.field("body")?,
        };
        let of = match node.parent() {
            Some(parent) if parent.kind() == "decorated_definition" => parent,
            _ => node,
        };
        let outer = of.parent().and_then(|body| body.parent());
        let tokens = words(body.tokens());
        let in_body = || statements(body);
        let last = in_body()
            .last()
            .map_or_else(|| tokens.clone(), |last| words(own(last)));
        let should_panic = |said: &Node<'_>| said.text().contains("should_panic");
        Some(Function {
            node: of,
            name: name(node)?,
            is_method: outer.is_some_and(|outer| {
                matches!(
                    outer.kind(),
                    "class_definition" | "impl_item" | "trait_item"
                )
            }),
            is_test: tests.iter().any(|test| test.contains(&node.lines().start)),
            returns: match grammar {
                Grammar::Python => body.all().any(returns),
                Grammar::Rust => node.field("return_type").is_some(),
            },
            is_public: node.has("visibility_modifier"),
            changes: node.field("parameters").is_some_and(changes),
            asserts: how(&tokens, grammar),
            has_own_assertion: asserts(&tokens, grammar)
                || attributes(node).iter().any(should_panic)
                || tokens.contains(&"raises"),
            last: match called(&last, grammar).first() {
                _ if checks(&last, grammar) || raises(&last, grammar) => Last::Asserts,
                Some(call) => Last::Calls(call.name.clone()),
                None => Last::Else,
            },
            calls: match node.kind() {
                "macro_definition" => called(&tokens, grammar),
                _ => in_body()
                    .flat_map(|node| called(&words(own(node)), grammar))
                    .collect(),
            },
            words: tokens
                .iter()
                .copied()
                .filter(|word| is_word(word))
                .collect(),
        })
    };
    let is_function = |node: &Node<'_>| {
        matches!(
            node.kind(),
            "function_definition" | "function_item" | "macro_definition"
        )
    };
    source
        .root()
        .all()
        .filter(is_function)
        .filter_map(function)
        .collect()
}

/// Whether a node of Python gives something to who called the function.
pub(super) fn returns(node: Node<'_>) -> bool {
    match node.kind() {
        "return_statement" => node
            .children()
            .any(|child| !matches!(child.kind(), "return" | "none")),
        kind => kind == "yield",
    }
}

/// Whether a function of Rust may change what it is given.
fn changes(parameters: Node<'_>) -> bool {
    let mut all = parameters
        .all()
        .filter(|node| node.kind() == "mutable_specifier");
    all.any(|node| {
        let of = node.parent();
        of.is_some_and(|of| {
            of.kind() == "reference_type" || of.kind() == "self_parameter" && of.has("&")
        })
    })
}

fn how(body: &[&str], grammar: Grammar) -> Asserts {
    let of_runner = body.windows(3).any(|three| match three {
        [".", "fail", "("] => true,
        [".", name, "("] => name
            .strip_prefix("assert")
            .is_some_and(|rest| rest.starts_with(char::is_uppercase)),
        _ => false,
    });
    if of_runner && grammar == Grammar::Python {
        Asserts::ByRunner
    } else if checks(body, grammar) {
        Asserts::Plainly
    } else if raises(body, grammar) {
        Asserts::Raises
    } else {
        Asserts::Not
    }
}

/// Whether something is asserted; what holds where a program is debugged is of the program.
fn checks(tokens: &[&str], grammar: Grammar) -> bool {
    let mut all = tokens.split(|token| token.starts_with("debug_assert"));
    all.any(|tokens| asserts(tokens, grammar))
}

fn raises(tokens: &[&str], grammar: Grammar) -> bool {
    match grammar {
        Grammar::Python => tokens.contains(&"raise"),
        Grammar::Rust => tokens
            .windows(2)
            .any(|two| matches!(two, ["panic" | "unreachable", "!"])),
    }
}

/// The functions that a statement calls and of whose result it makes nothing: one that it begins with. What a
/// macro stands for may be several.
pub(super) fn called(statement: &[&str], grammar: Grammar) -> Vec<Call> {
    let ends = |token: &&str| grammar == Grammar::Rust && matches!(*token, "{" | "}" | ";");
    statement.split(ends).filter_map(call).collect()
}

fn call(statement: &[&str]) -> Option<Call> {
    let mut path = statement.iter().zip(statement.iter().skip(1)).enumerate();
    // What a call begins with: `self.`, `a::b::`, `await`.
    let (at, (name, _)) = path.find(|(_, (word, next))| {
        let goes_on =
            matches!(**word, "." | "::" | "await") || is_word(word) && matches!(**next, "." | "::");
        !goes_on
    })?;
    let behind = statement.get(at + 1..)?;
    let is_call = is_word(name) && matches!(behind.first(), Some(&("(" | "!")));
    let mut open = 0_i64;
    let given = behind.windows(2).take_while(|two| {
        open += match two {
            ["(", _] => 1,
            [")", _] => -1,
            _ => 0,
        };
        open > 0 || two.first() == Some(&"!")
    });
    let is_given_a_call = { given }.any(|two| matches!(two, [word, "("] if is_word(word)));
    is_call.then(|| Call {
        name: (*name).to_owned(),
        is_given_a_call,
    })
}

/// The constant or variable of a file that a statement gives its value, at the outermost level.
pub(super) fn table(statement: Node<'_>) -> Option<&str> {
    statement
        .parent()
        .filter(|parent| parent.parent().is_none())?;
    match statement.kind() {
        "const_item" | "static_item" => name(statement),
        "expression_statement" => {
            let assignment = statement.children().next()?;
            assignment
                .field("right")
                .filter(|_| assignment.kind() == "assignment")?;
            let left = assignment.field("left")?;
            (left.kind() == "identifier").then(|| left.text())
        }
        _ => None,
    }
}

/// Where the tests of a file stand.
pub(super) fn ranges(source: &Source) -> Vec<Range<usize>> {
    let found = found(source, &BTreeSet::new()).into_iter();
    found.map(|test| test.lines).collect()
}
