//! What a correction has to leave as it is.

mod definitions;
mod exits;
mod python;
mod rust;

pub(super) use definitions::left_out;
pub(super) use exits::exit;

use std::path::Path;

use crate::repair::Language;

/// The tests in a file and what decides whether they are run, without blanks: test items of Rust and
/// doctests; `test…` functions, `Test…` classes and doctests of Python. Each with the attributes or
/// decorators before it and the heads of the blocks around it. What stands in a comment is no test.
pub(super) fn tests(path: &str, text: &str) -> Vec<String> {
    let found = match Language::of(Path::new(path)) {
        Language::Rust => rust::tests(text),
        Language::Python => python::tests(text),
        Language::Other => Vec::new(),
    };
    let bare = |block: Vec<&str>| -> String {
        let all = block.iter().flat_map(|line| line.chars());
        all.filter(|c| !c.is_whitespace()).collect()
    };
    found.into_iter().map(bare).collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
