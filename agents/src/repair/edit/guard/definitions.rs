//! Definitions that a new version of a file leaves out.

use std::path::Path;

use crate::repair::Language;

/// A definition at the outermost level that a new version of a file leaves out.
pub(in super::super) fn left_out(path: &str, old: &str, new: &str) -> Option<String> {
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
