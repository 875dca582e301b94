//! What a correction has to leave as it is.

mod definitions;
mod exits;
mod kinds;
mod modules;
mod names;
mod python;
mod rust;

pub(super) use definitions::left_out;
pub(super) use exits::exit;
pub(in crate::repair) use kinds::kinds;
pub(in crate::repair) use modules::{lost, with_tests};

use std::{ops::Range, path::Path};

use crate::repair::Language;

/// A test in a file: its lines, from 0, and the heads of the blocks around it, with what stands before these.
#[derive(Debug)]
struct Found<'a> {
    heads: Vec<&'a str>,
    lines: Range<usize>,
}

fn found<'a>(path: &str, text: &'a str) -> Vec<Found<'a>> {
    match Language::of(Path::new(path)) {
        Language::Rust => rust::tests(text),
        Language::Python => python::tests(text),
        Language::Other => Vec::new(),
    }
}

/// The tests in a file and what decides whether they are run, without blanks: test items of Rust and
/// doctests; `test…` functions, `Test…` classes and doctests of Python. Each with the attributes or
/// decorators before it and the heads of the blocks around it. What stands in a comment is no test.
pub(super) fn tests(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let bare = |test: Found<'_>| -> String {
        let own = lines.get(test.lines).unwrap_or_default();
        let all = test.heads.iter().chain(own).flat_map(|line| line.chars());
        all.filter(|c| !c.is_whitespace()).collect()
    };
    found(path, text).into_iter().map(bare).collect()
}

/// Whether a line of a file, from 1, is one of a test.
pub(in crate::repair) fn is_test(path: &str, text: &str, line: u32) -> bool {
    let Some(line) = usize::try_from(line)
        .ok()
        .and_then(|line| line.checked_sub(1))
    else {
        return false;
    };
    found(path, text)
        .iter()
        .any(|test| test.lines.contains(&line))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod any_order {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_order_of_the_words_that_are_looked_for_is_read(words in prop::collection::vec(prop::sample::select(vec![
            "import ", "from ", "os", "sys", " as ", "exit", "_exit", "(", ")", "0", ",", ".", "*", "\n", ";", "getattr", "'", "\"",
            "\"\"\"", "f\"", "#", "\\", "use ", "std", "::", "process", "{", "}", "mod ", "a", "pub ", "#[cfg(test)]", "#[", "]",
            "#[path = \"", "r#\"", "/*", "*/", "//", "def test_a", "del ", "=", ":", "    ", "é",
        ]), 0..40)) {
            let text = words.concat();
            let tested = ["src/a.rs".to_owned()];
            for path in ["src/lib.py", "src/lib.rs"] {
                prop_assert_eq!(exit(path, &text, &text), None);
                prop_assert_eq!(lost(path, &text, &text, &tested), None);
                prop_assert_eq!(exit(path, &text, ""), None);
                let _ = (exit(path, "", &text), lost(path, "mod a;\n", &text, &tested), tests(path, &text));
            }
        }
    }
}
