//! What a correction has to leave as it is.

use std::path::Path;

use crate::repair::Language;

/// The tests in a file, without blanks: what stands in `#[cfg(test)]` and `#[test]` items of Rust, in
/// `test…` functions, `Test…` classes and doctests of Python.
pub(super) fn tests(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let found = match Language::of(Path::new(path)) {
        Language::Rust => rust(&lines),
        Language::Python => python(&lines),
        Language::Other => Vec::new(),
    };
    let bare = |block: &[&str]| -> String {
        let all = block.iter().flat_map(|line| line.chars());
        all.filter(|c| !c.is_whitespace()).collect()
    };
    found.into_iter().map(bare).collect()
}

fn rust<'a>(lines: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let attribute = line.trim_start();
        let is_test = ["#[cfg(test)]", "#[test]", "#[tokio::test", "#[should_panic"]
            .iter()
            .any(|begins| attribute.starts_with(begins));
        let end = if is_test {
            at + item(lines, at)
        } else {
            at + 1
        };
        if is_test {
            found.push(lines.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    found
}

/// How many lines an item takes: up to the line that is indented no deeper than it and closes it.
fn item(lines: &[&str], at: usize) -> usize {
    let from = lines.get(at..).unwrap_or_default();
    let depth = from.first().map_or(0, |line| indent(line));
    let ends = |line: &&str| {
        let text = line.trim_end();
        indent(line) <= depth && (text.ends_with('}') || text.ends_with(';'))
    };
    from.iter()
        .position(ends)
        .map_or(from.len(), |last| last + 1)
}

fn python<'a>(lines: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let text = line.trim_start();
        let is_test = ["def test", "async def test", "class Test", ">>> "]
            .iter()
            .any(|begins| text.starts_with(begins));
        let mut end = at + 1;
        if is_test {
            let doctest = text.starts_with(">>>");
            // A doctest ends with its output, a function with its block.
            while let Some(next) = lines.get(end)
                && match doctest {
                    true => {
                        !next.trim().is_empty() && !next.contains("\"\"\"") && !next.contains("'''")
                    }
                    false => next.trim().is_empty() || indent(next) > indent(line),
                }
            {
                end += 1;
            }
            found.push(lines.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    found
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A definition at the outermost level that a new version of a file leaves out.
pub(super) fn left_out(path: &str, old: &str, new: &str) -> Option<String> {
    let language = Language::of(Path::new(path));
    let there = definitions(language, new);
    let mut all = definitions(language, old).into_iter();
    all.find(|name| !there.contains(name)).map(str::to_owned)
}

fn definitions(language: Language, text: &str) -> Vec<&str> {
    let words: &[&str] = match language {
        Language::Python => &["def ", "class ", "async def "],
        Language::Rust => &["fn ", "struct ", "enum ", "trait "],
        Language::Other => &[],
    };
    let name = |line: &'_ str| -> Option<(usize, usize)> {
        let mut rest = line;
        for visible in ["pub(crate) ", "pub ", "const ", "async ", "unsafe "] {
            rest = rest.strip_prefix(visible).unwrap_or(rest);
        }
        let rest = words.iter().find_map(|word| rest.strip_prefix(word))?;
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let from = line.len() - rest.len();
        Some((from, from + end.unwrap_or(rest.len())))
    };
    let named = text.lines().filter_map(|line| {
        let (from, to) = name(line)?;
        line.get(from..to).filter(|name| !name.is_empty())
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_python_are_found_whole() {
        let text = "def f(x):\n    \"\"\"\n    >>> f(1)\n    2\n\n    Adds.\n    \"\"\"\n    return x\n\ndef test_f():\n    assert f(1) == 2\n\n    assert f(2) == 3\n\nx = 1\n";
        let found = super::tests("a.py", text);
        assert_eq!(
            found,
            [">>>f(1)2", "deftest_f():assertf(1)==2assertf(2)==3"]
        );
        assert_eq!(
            super::tests("a.py", &text.replace("return x", "return x + 1")),
            found
        );
    }

    #[test]
    fn definitions_at_the_outermost_level_count() {
        let old = "pub fn a() {}\nstruct B;\nimpl B {\n    fn c() {}\n}\n";
        assert_eq!(
            left_out("a.rs", old, "pub fn a() {}\nstruct B { x: u8 }\n"),
            None
        );
        assert_eq!(left_out("a.rs", old, "fn a() {}\n").as_deref(), Some("B"));
        assert_eq!(
            left_out("a.py", "async def f():\n    pass\n", "def g(): pass").as_deref(),
            Some("f")
        );
    }
}
