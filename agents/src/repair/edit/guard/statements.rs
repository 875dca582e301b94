//! The statements of a program, with what decides whether they are executed; told line by line, without
//! parsing it.

use super::{
    indent,
    names::{Syntax, tokens},
    python, rust,
    same::joined,
};

/// A statement, or the line of one that it begins with.
#[derive(Debug)]
pub(super) struct Statement {
    /// Its lines without comments and strings.
    pub(super) code: String,
    /// Its lines as they are compared.
    pub(super) same: String,
    /// The first of its lines.
    pub(super) first: String,
    /// The heads of the blocks around it, as they are compared: of a function its name, of a `try` what catches.
    pub(super) heads: Vec<String>,
    /// The names of the functions and classes around it, from the inside, and before them of one that begins in
    /// its line.
    pub(super) functions: Vec<String>,
    /// Whether it is never come to: the block that it is in was left before.
    pub(super) is_dead: bool,
    /// Whether nothing comes behind it.
    pub(super) is_last: bool,
}

/// The statements of a text that these say are wanted, by their first line's code.
pub(super) fn statements(
    text: &str,
    syntax: Syntax,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Statement> {
    let lines = lines(text, syntax);
    let wanted = |(_, line): &(usize, &Line<'_>)| !line.is_string && is_wanted(&line.code);
    let all = lines.iter().enumerate().filter(wanted);
    all.map(|(at, _)| statement(&lines, at, syntax)).collect()
}

/// The statement that a line of a text is of, from 0.
pub(super) fn statement_at(text: &str, syntax: Syntax, line: usize) -> Option<Statement> {
    let lines = lines(text, syntax);
    let last = lines.get(line).map(|_| line)?;
    Some(statement(&lines, begin(&lines, last), syntax))
}

fn lines(text: &str, syntax: Syntax) -> Vec<Line<'_>> {
    match syntax {
        Syntax::Python => python::lines(text).into_iter().map(of_python).collect(),
        Syntax::Rust => rust::lines(text).into_iter().map(of_rust).collect(),
    }
}

/// A line and how deep it is.
struct Line<'a> {
    text: &'a str,
    code: String,
    same: String,
    depth: usize,
    is_string: bool,
}

impl Line<'_> {
    fn is_empty(&self) -> bool {
        self.is_string || self.code.trim().is_empty()
    }
}

fn of_python(line: python::Line<'_>) -> Line<'_> {
    Line {
        depth: indent(line.text),
        text: line.text,
        code: line.code,
        same: line.same,
        is_string: line.is_string,
    }
}

fn of_rust(line: rust::Line<'_>) -> Line<'_> {
    // A line that begins by closing a block is as deep as that block's head.
    let closes = line.code.trim_start().starts_with('}');
    Line {
        depth: line.depth.saturating_sub(usize::from(closes)),
        text: line.text,
        code: line.code,
        same: line.same,
        is_string: false,
    }
}

fn statement(lines: &[Line<'_>], at: usize, syntax: Syntax) -> Statement {
    let end_of_it = end(lines, at);
    let own = lines.get(at..end_of_it).unwrap_or_default();
    let mut behind = lines.iter().skip(end_of_it);
    let code: Vec<&str> = own.iter().map(|line| &*line.code).collect();
    let mut statement = Statement {
        code: code.join("\n"),
        same: same(own),
        first: own.first().map_or("", |line| line.text.trim()).to_owned(),
        heads: decorated(lines, at, syntax),
        functions: own
            .first()
            .and_then(|line| function(&line.code))
            .into_iter()
            .collect(),
        is_dead: false,
        is_last: behind.all(|line| line.code.trim_matches(['}', ')', ';', ' ']).is_empty()),
    };
    let mut at = at;
    while let Some(depth) = lines.get(at).map(|line| line.depth) {
        // Of what stands before a function in its block nothing keeps it from being called.
        let is_outside = !statement.functions.is_empty();
        let (before, head) = before(lines, at, depth);
        statement.is_dead |= !is_outside && before.iter().any(|line| leaves(&line.code));
        let Some(head) = head else { break };
        let begin = begin(lines, head);
        // Of Rust a bracket may be closed behind the block.
        let last = match syntax {
            Syntax::Python => end(lines, begin).max(head + 1),
            Syntax::Rust => head + 1,
        };
        let all = lines.get(begin..last).unwrap_or_default();
        let code: Vec<&str> = all.iter().map(|line| &*line.code).collect();
        statement.heads.extend(decorated(lines, begin, syntax));
        match function(&code.join(" ")) {
            Some(name) => {
                statement.heads.push(format!("fn {name}"));
                statement.functions.push(name);
            }
            None => {
                statement.heads.push(same(all));
                statement.heads.extend(clauses(lines, begin));
            }
        }
        at = begin;
    }
    statement
}

fn same(lines: &[Line<'_>]) -> String {
    joined(lines.iter().map(|line| &*line.same))
}

/// Behind which line a statement ends: its brackets are closed again. Those of a block do not count.
fn end(lines: &[Line<'_>], at: usize) -> usize {
    let mut open = 0_i64;
    for (index, line) in lines.iter().enumerate().skip(at) {
        open += depth_of(&line.code);
        let is_open = lines.get(index + 1).is_some_and(|next| next.is_string);
        if open <= 0 && !is_open && !line.code.trim_end().ends_with('\\') {
            return index + 1;
        }
    }
    lines.len()
}

/// The first line of a statement whose last is this one.
fn begin(lines: &[Line<'_>], last: usize) -> usize {
    let mut open = 0_i64;
    for index in (0..=last).rev() {
        open += lines.get(index).map_or(0, |line| depth_of(&line.code));
        if open >= 0 {
            return index;
        }
    }
    last
}

fn depth_of(code: &str) -> i64 {
    let step = |c: char| match c {
        '(' | '[' => 1,
        ')' | ']' => -1,
        _ => 0,
    };
    code.chars().map(step).sum()
}

/// The lines before one in its block and as deep as it, and the last line of the block's head.
fn before<'a, 'b>(
    lines: &'a [Line<'b>],
    at: usize,
    depth: usize,
) -> (Vec<&'a Line<'b>>, Option<usize>) {
    let mut before = Vec::new();
    for index in (0..at).rev() {
        let Some(line) = lines.get(index).filter(|line| !line.is_empty()) else {
            continue;
        };
        if line.depth < depth {
            return (before, Some(index));
        }
        if line.depth == depth {
            before.push(line);
        }
    }
    (before, None)
}

/// Whether a statement leaves the block that it is in, whatever happens.
fn leaves(code: &str) -> bool {
    let first = tokens(code).first().copied().unwrap_or_default();
    matches!(first, "return" | "break" | "continue" | "raise")
}

/// The name of the function, or the class, whose head this is.
fn function(head: &str) -> Option<String> {
    let tokens = tokens(head);
    tokens.windows(2).find_map(|two| match two {
        ["fn" | "def" | "class", name] => Some((*name).to_owned()),
        _ => None,
    })
}

/// The attributes or decorators right before a line.
fn decorated(lines: &[Line<'_>], at: usize, syntax: Syntax) -> Vec<String> {
    let mark = match syntax {
        Syntax::Python => "@",
        Syntax::Rust => "#[",
    };
    let before = lines.get(..at).unwrap_or_default().iter().rev();
    let own = before
        .take_while(|line| line.is_empty() || line.code.trim_start().starts_with(mark))
        .filter(|line| !line.is_empty());
    own.map(|line| line.same.clone()).collect()
}

/// The other clauses of a compound statement: what a `try` of Python catches and what comes of it, and what an
/// `else` is the other case of.
fn clauses(lines: &[Line<'_>], head: usize) -> Vec<String> {
    let first = |at: usize| {
        let code = lines.get(at).map_or("", |line| &*line.code);
        tokens(code).first().copied().unwrap_or_default().to_owned()
    };
    let depth = lines.get(head).map_or(0, |line| line.depth);
    let mut found = Vec::new();
    if first(head) == "try" {
        let rest = lines.iter().enumerate().skip(head + 1);
        let mut is_clause = false;
        for (at, line) in rest.filter(|(_, line)| !line.is_empty()) {
            if line.depth <= depth {
                is_clause = matches!(&*first(at), "except" | "else" | "finally");
                if line.depth < depth || !is_clause {
                    break;
                }
            }
            if is_clause {
                found.push(line.same.clone());
            }
        }
        return found;
    }
    let mut at = head;
    while matches!(&*first(at), "else" | "elif" | "except" | "finally" | "}") {
        let above = (0..at).rev().find(|&above| {
            lines
                .get(above)
                .is_some_and(|line| !line.is_empty() && line.depth <= depth)
        });
        let Some(above) = above else { break };
        found.push(
            lines
                .get(above)
                .map_or(String::new(), |line| line.same.clone()),
        );
        at = above;
    }
    found
}
