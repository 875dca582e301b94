//! The functions of a program, and what they assert and call; told without parsing it.

use std::{collections::BTreeSet, ops::Range};

use super::{
    assertions::{asserts, called},
    found,
    names::{Syntax, is_word, syntax, tokens},
    of_python, python, rust,
};
use crate::repair::SourceFile;

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
pub(super) struct Function {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) lines: Range<usize>,
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
    pub(super) words: BTreeSet<String>,
}

/// The functions and macros of a file.
pub(super) fn functions(file: &SourceFile) -> Vec<Function> {
    let Some(syntax) = syntax(&file.path) else {
        return Vec::new();
    };
    let codes = codes(file);
    // Where a function may begin, its lines, and whether it is a method.
    let heads: Vec<(&str, Range<usize>, bool)> = match syntax {
        Syntax::Python => {
            let lines = python::lines(&file.text);
            let all = codes.iter().enumerate();
            all.filter(|(at, _)| lines.get(*at).is_some_and(|line| !line.is_string))
                .filter_map(|(at, code)| {
                    let name = of_python::function(code)?;
                    Some((
                        name,
                        of_python::block(&lines, at),
                        of_python::is_method(&lines, at),
                    ))
                })
                .collect()
        }
        Syntax::Rust => {
            let lines = rust::lines(&file.text);
            let all = codes.iter().enumerate();
            all.filter_map(|(at, code)| {
                let name = rust::function(code)?;
                Some((name, rust::block(&lines, at), rust::is_method(&lines, at)))
            })
            .collect()
        }
    };
    let tests = ranges(file);
    let function = |(name, lines, is_method): (&str, Range<usize>, bool)| {
        let code = codes.get(lines.clone()).unwrap_or_default().join("\n");
        let tokens = tokens(&code);
        let (head, body) = divided(&tokens, syntax);
        let is_test = tests.iter().any(|test| test.contains(&lines.start));
        let calls = called(body, syntax);
        let statement = last(body, syntax);
        let own = checks(statement, syntax) || raises(statement, syntax);
        Function {
            path: file.path.clone(),
            name: name.to_owned(),
            is_method,
            is_test,
            returns: match syntax {
                Syntax::Python => returns(body),
                Syntax::Rust => head.windows(2).any(|two| two == ["-", ">"]),
            },
            is_public: syntax == Syntax::Rust && head.contains(&"pub"),
            changes: head.windows(2).any(|two| two == ["&", "mut"]),
            asserts: how(body, syntax),
            has_own_assertion: asserts(body, syntax)
                || head.contains(&"should_panic")
                || body.contains(&"raises"),
            last: match called(statement, syntax)
                .first()
                .and_then(|at| statement.get(*at))
            {
                _ if own => Last::Asserts,
                Some(name) => Last::Calls((*name).to_owned()),
                None => Last::Else,
            },
            calls: calls.into_iter().map(|at| call(body, at)).collect(),
            words: body
                .iter()
                .filter(|word| is_word(word))
                .map(|word| (*word).to_owned())
                .collect(),
            lines,
        }
    };
    heads.into_iter().map(function).collect()
}

/// The head of a function, and what it does.
fn divided<'a, 'b>(tokens: &'b [&'a str], syntax: Syntax) -> (&'b [&'a str], &'b [&'a str]) {
    let mut open = 0_i64;
    let end = tokens.iter().position(|token| {
        open += match *token {
            "(" | "[" => 1,
            ")" | "]" => -1,
            _ => 0,
        };
        open == 0
            && match syntax {
                Syntax::Python => *token == ":",
                Syntax::Rust => *token == "{",
            }
    });
    tokens.split_at(end.map_or(tokens.len(), |end| end + 1))
}

fn how(body: &[&str], syntax: Syntax) -> Asserts {
    let of_runner = body.windows(3).any(|three| match three {
        [".", "fail", "("] => true,
        [".", name, "("] => name
            .strip_prefix("assert")
            .is_some_and(|rest| rest.starts_with(char::is_uppercase)),
        _ => false,
    });
    if of_runner && syntax == Syntax::Python {
        Asserts::ByRunner
    } else if checks(body, syntax) {
        Asserts::Plainly
    } else if raises(body, syntax) {
        Asserts::Raises
    } else {
        Asserts::Not
    }
}

/// Whether something is asserted; what holds where a program is debugged is of the program.
fn checks(tokens: &[&str], syntax: Syntax) -> bool {
    let mut all = tokens.split(|token| token.starts_with("debug_assert"));
    all.any(|tokens| asserts(tokens, syntax))
}

fn raises(tokens: &[&str], syntax: Syntax) -> bool {
    match syntax {
        Syntax::Python => tokens.contains(&"raise"),
        Syntax::Rust => tokens.windows(2).any(|two| two == ["panic", "!"]),
    }
}

/// Whether a body of Python returns something.
fn returns(body: &[&str]) -> bool {
    let mut all = body.iter().enumerate();
    all.any(|(at, token)| match *token {
        "return" => !matches!(body.get(at + 1), None | Some(&"\n" | &";" | &"None")),
        token => token == "yield",
    })
}

/// The last statement of a body.
fn last<'a, 'b>(body: &'b [&'a str], syntax: Syntax) -> &'b [&'a str] {
    let is_end = |token: &&str| match syntax {
        Syntax::Python => *token == "\n",
        Syntax::Rust => matches!(*token, "\n" | ";" | "}"),
    };
    let end = body.iter().rposition(|token| !is_end(token));
    let body = body.get(..end.map_or(0, |end| end + 1)).unwrap_or_default();
    let mut open = 0_i64;
    let begin = body.iter().rposition(|token| {
        open += match *token {
            ")" | "]" => 1,
            "(" | "[" => -1,
            _ => 0,
        };
        open == 0
            && match syntax {
                Syntax::Python => *token == "\n",
                Syntax::Rust => matches!(*token, ";" | "{" | "}"),
            }
    });
    body.get(begin.map_or(0, |begin| begin + 1)..)
        .unwrap_or_default()
}

fn call(tokens: &[&str], at: usize) -> Call {
    let mut open = 0_i64;
    let mut is_given_a_call = false;
    for two in tokens.get(at + 1..).unwrap_or_default().windows(2) {
        open += match two {
            ["(", _] => 1,
            [")", _] => -1,
            _ => 0,
        };
        let [first, second] = two else { break };
        is_given_a_call |= open > 0 && is_word(first) && *second == "(";
        if open == 0 && *first == ")" {
            break;
        }
    }
    Call {
        name: tokens.get(at).copied().unwrap_or_default().to_owned(),
        is_given_a_call,
    }
}

/// The constant or variable of a file that a line of code begins.
pub(super) fn table(code: &str) -> Option<&str> {
    if code.starts_with(char::is_whitespace) {
        return None;
    }
    let tokens = tokens(code);
    let rust = tokens.windows(3).find_map(|three| match three {
        ["const" | "static", name, ":"] => Some(*name),
        _ => None,
    });
    rust.or(match &*tokens {
        [name, "=", next, ..] if *next != "=" && is_word(name) => Some(name),
        [name, ":", rest @ ..] if rest.contains(&"=") && is_word(name) => Some(name),
        _ => None,
    })
}

/// Where the tests of a file stand.
pub(super) fn ranges(file: &SourceFile) -> Vec<Range<usize>> {
    let found = found(&file.path, &file.text, &BTreeSet::new()).into_iter();
    found.map(|test| test.lines).collect()
}

/// The lines of a file without comments and strings.
pub(super) fn codes(file: &SourceFile) -> Vec<String> {
    match syntax(&file.path) {
        Some(Syntax::Python) => {
            let lines = python::lines(&file.text).into_iter();
            lines.map(|line| line.code).collect()
        }
        Some(Syntax::Rust) => {
            let lines = rust::lines(&file.text).into_iter();
            lines.map(|line| line.code).collect()
        }
        None => Vec::new(),
    }
}
