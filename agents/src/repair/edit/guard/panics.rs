//! Panics by which a program of Rust says that it is wrong, where it is its own test.

use super::{
    functions::{Function, functions},
    statements::{Statement, is_statement, statements},
};
use crate::repair::edit::syntax::{Grammar, Node, Source};

/// The statements of a program that panic in `main`, or in a function that is there to judge. Elsewhere a panic is what
/// a program does with what it cannot deal with, and may be the mistake.
pub(super) fn panics(source: &Source) -> Vec<Statement> {
    if source.grammar() != Grammar::Rust {
        return Vec::new();
    }
    let all = functions(source);
    let judging: Vec<Node<'_>> = all
        .iter()
        .filter(|function| {
            let is_main = function.name == "main" && !function.is_method;
            is_main || judges(function, &all)
        })
        .map(|function| function.node)
        .collect();
    let is_judged = |node: Node<'_>| {
        let mut around = node.ancestors();
        let innermost = around.find(|of| of.kind() == "function_item");
        innermost.is_some_and(|of| judging.contains(&of))
    };
    statements(source.root())
        .filter(|node| is_panic(*node) && is_judged(*node))
        .filter_map(Statement::of)
        .collect()
}

/// Whether a function is there to judge: it is given what a call gave, changes nothing of it, returns nothing and panics
/// last.
fn judges(function: &Function<'_>, all: &[Function<'_>]) -> bool {
    let panics_last = || {
        let body = function.node.field("body");
        let last = body.and_then(|body| body.children().filter(|node| is_statement(*node)).last());
        last.is_some_and(|last| statements(last).any(is_panic))
    };
    let mut calls = all.iter().flat_map(|caller| &caller.calls);
    let is_pure = !function.is_method && !function.returns && !function.changes;
    is_pure && calls.any(|call| call.is_given_a_call && call.name == function.name) && panics_last()
}

/// Whether a statement, or what an arm of a match gives, is a panic and no more.
fn is_panic(statement: Node<'_>) -> bool {
    let made = match statement.kind() {
        "match_arm" => statement.field("value"),
        "expression_statement" => statement.children().next(),
        _ => Some(statement),
    };
    let of = made.and_then(|made| made.field("macro"));
    of.is_some_and(|of| matches!(of.text(), "panic" | "unreachable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let found = panics(&Source::of("a.rs", text).unwrap()).into_iter();
        found.map(|found| found.same).collect()
    }

    #[test]
    fn panics_of_what_judges_are_found() {
        for (text, expected) in [
            (
                "fn main() {\n    if f(1) != 2 {\n        panic!(\"wrong\");\n    }\n    println!();\n}\n",
                &["panic!(\"wrong\");"][..],
            ),
            (
                "fn main() {\n    match f(1) {\n        2 => {}\n        other => panic!(\"{other}\"),\n    }\n}\n",
                &["other=>panic!(\"{other}\")"],
            ),
            (
                "fn check(got: u8) {\n    match got {\n        2 => println!(),\n        _ => {\n            unreachable!()\n        }\n    }\n}\nfn main() { check(f(1)); }\n",
                &["unreachable!()"],
            ),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn panics_of_the_program_are_none() {
        for text in [
            "fn f(x: u8) -> u8 {\n    match x {\n        0 => panic!(\"none\"),\n        x => x,\n    }\n}\n",
            "fn push(all: &mut Vec<u8>) {\n    if all.is_empty() {\n        panic!();\n    }\n}\n",
            "fn run(x: u8) {\n    if x > 1 {\n        panic!();\n    }\n    println!();\n}\nfn main() { run(f(1)); }\n",
            "fn run() {\n    loop {\n        match f() {\n            0 => panic!(),\n            x => g(x),\n        }\n    }\n}\nfn main() { run(); }\n",
            "impl A {\n    fn main(&self) {\n        panic!();\n    }\n}\n",
            "fn main() {\n    let x = f().unwrap_or_else(|_| panic!());\n    fn g() -> u8 { panic!() }\n}\n",
        ] {
            assert!(of(text).is_empty(), "{text}");
        }
    }
}
