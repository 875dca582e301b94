//! Definitions that a new version of a file leaves out.

use std::path::Path;

use crate::repair::Language;

/// A definition at the outermost level that a new version of a file leaves out, rather than gives another name
/// wherever it stands.
pub(in super::super) fn left_out(path: &str, old: &str, new: &str) -> Option<String> {
    let language = Language::of(Path::new(path));
    let (before, there) = (definitions(language, old), definitions(language, new));
    let added = || there.iter().filter(|name| !before.contains(name));
    let is_renamed = |name: &str| {
        !words(new).any(|word| word == name)
            && added().any(|other| is_alike(old, &renamed(new, other, name)))
    };
    let mut all = before.iter().filter(|name| !there.contains(name));
    all.find(|name| !is_renamed(name))
        .map(|name| (*name).to_owned())
}

/// Whether most lines of a text stand in another.
fn is_alike(old: &str, new: &str) -> bool {
    let lines = |text: &'_ str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    };
    let (old, new) = (lines(old), lines(new));
    old.iter().filter(|line| new.contains(line)).count() * 2 > old.len()
}

/// A text with another name wherever one stands.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let parts = text.split_inclusive(|c| !is_part(c)).map(|part| {
        let word = part.trim_end_matches(|c| !is_part(c));
        match word == from {
            true => part.replacen(from, to, 1),
            false => part.to_owned(),
        }
    });
    parts.collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c))
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
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

    #[test]
    fn another_name_everywhere_leaves_nothing_out() {
        let old = "def ad(a, b):\n    total = a + b\n    return total\n\ndef twice(a):\n    return ad(a, a)\n";
        let new = old.replace("ad(", "add(");
        assert_eq!(left_out("a.py", old, &new), None);
        for new in [
            new.replace("return add(", "return ad("),
            "def add(a, b):\n    return a + b\n\ndef twice(a):\n    return 2 * a\n".to_owned(),
        ] {
            assert_eq!(left_out("a.py", old, &new).as_deref(), Some("ad"), "{new}");
        }
    }
}
