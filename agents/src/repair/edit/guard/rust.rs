//! The tests in a file of Rust.

use std::{collections::BTreeSet, ops::Range};

use super::{
    Found,
    doctests::doctests,
    functions::table,
    kinds::Kinds,
    names::tokens,
    python::brackets,
    same::{Same, joined},
};

/// A line, what of it is code, and how deep in braces it begins.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// The line without comments and the insides of strings.
    pub(super) code: String,
    /// The line as it is compared.
    pub(super) same: String,
    pub(super) depth: usize,
}

/// A text without comments and the insides of strings.
pub(super) fn code(text: &str) -> String {
    let lines = lines(text).into_iter();
    lines.map(|line| line.code + "\n").collect()
}

/// The tests of a text, and those of its functions, macros and tables that `helpers` names.
pub(super) fn tests(text: &str, helpers: &BTreeSet<String>) -> Vec<Found> {
    let lines = lines(text);
    let mut found = doctests(&lines);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let mut end = at + 1;
        if line.code.trim_start().starts_with("#![cfg") {
            // What is said of the whole file or module.
            found.push(Found {
                code: line.same.clone(),
                lines: at..end,
                name: None,
                is_harmless: false,
                docstring: None,
            });
        } else if let Some(name) = match is_test(&line.code) {
            true => Some(None),
            false => function(&line.code)
                .or_else(|| table(&line.code))
                .filter(|name| helpers.contains(*name))
                .map(Some),
        } {
            let from = attributes(&lines, at);
            end = item(&lines, at).max(end);
            let own = lines.get(from..end).unwrap_or_default();
            let all = around(&lines, from).into_iter().chain(own);
            found.push(Found {
                code: joined(all.map(|line| &*line.same)),
                lines: from..end,
                name: name.map(str::to_owned),
                is_harmless: name.is_none() && is_only_test(own),
                docstring: None,
            });
        }
        at = end;
    }
    found
}

/// Which kinds of tests a text holds.
pub(super) fn kinds(text: &str) -> Kinds {
    let lines = lines(text);
    let runs = |found: &Found| {
        let first = text.lines().nth(found.lines.start).unwrap_or_default();
        let words = first.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let mut words = words.filter(|word| !word.is_empty());
        words.all(|word| RUNNING.contains(&word) || word.starts_with("edition20"))
    };
    Kinds {
        items: lines
            .iter()
            .any(|line| attributes_in(&line.code).any(|(name, _)| name == "test")),
        doctests: doctests(&lines).iter().any(runs),
        of_pytest: false,
    }
}

/// What may be said of a block of a doc comment that is compiled.
const RUNNING: [&str; 4] = ["rust", "should_panic", "no_run", "compile_fail"];

/// The function or macro that begins in a line of code.
pub(super) fn function(code: &str) -> Option<&str> {
    let tokens = tokens(code);
    let mut all = tokens.windows(3);
    all.find_map(|three| match three {
        ["fn", name, "(" | "<"] | ["macro_rules", "!", name] => Some(*name),
        _ => None,
    })
}

/// Whether what begins in a line is of a type or trait.
pub(super) fn is_method(lines: &[Line<'_>], at: usize) -> bool {
    let heads = around(lines, at).into_iter();
    heads
        .map(|head| tokens(&head.code))
        .any(|head| head.contains(&"impl") || head.contains(&"trait"))
}

/// The lines of an item whose name stands in this one.
pub(super) fn block(lines: &[Line<'_>], at: usize) -> Range<usize> {
    at..item(lines, at).max(at + 1)
}

/// Whether an attribute of a test stands in a line of code: `#[test]`, `#[tokio::test(…)]`, `#[cfg(test)]`, …
fn is_test(code: &str) -> bool {
    attributes_in(code).any(|(name, attribute)| match name {
        // What is there in their absence is none of them.
        "cfg" if bare(attribute) == "cfg(not(test))" => false,
        "cfg" | "cfg_attr" => attribute
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|word| word == "test"),
        name => TESTS.contains(&name),
    })
}

/// The attributes of a test.
const TESTS: [&str; 6] = [
    "test",
    "rstest",
    "test_case",
    "should_panic",
    "bench",
    "quickcheck",
];

/// Whether an item is a test or a module of tests, and nothing that takes the place of other code in them.
fn is_only_test(item: &[Line<'_>]) -> bool {
    let code: String = item.iter().map(|line| bare(&line.code)).collect();
    let rest = code.strip_prefix("#[cfg(test)]").unwrap_or(&code);
    let is_module =
        rest.len() < code.len() && (rest.starts_with("mod") || rest.starts_with("pubmod"));
    is_module
        || attributes_in(rest)
            .next()
            .is_some_and(|(name, _)| TESTS.contains(&name))
}

/// The attributes that begin in a line of code: the last part of what each is called, and all of it.
fn attributes_in(code: &str) -> impl Iterator<Item = (&str, &str)> {
    code.match_indices("#[").map(|(at, _)| {
        let inner = code.get(at + 2..).unwrap_or_default().trim_start();
        let end = inner.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
        let path = inner.get(..end.unwrap_or(inner.len())).unwrap_or_default();
        let name = path.rsplit("::").next().unwrap_or_default();
        (name, inner.split(']').next().unwrap_or_default())
    })
}

/// The first of the lines of attributes that stand right before a line, blanks and comments aside.
pub(super) fn attributes(lines: &[Line<'_>], at: usize) -> usize {
    let before = lines.get(..at).unwrap_or_default().iter().enumerate().rev();
    let mut from = at;
    // Between the end of an attribute of several lines and its beginning.
    let mut is_open = false;
    for (index, line) in before {
        let code = line.code.trim();
        let mut rest = code;
        while let Some((_, behind)) = first_attribute(rest) {
            rest = behind;
        }
        let is_attribute = code.starts_with("#[") && (rest.is_empty() || rest.starts_with("#["));
        if is_attribute {
            (from, is_open) = (index, false);
        } else if code.ends_with(']') && !code.starts_with("#!") {
            is_open = true;
        } else if !code.is_empty() && !is_open {
            break;
        }
    }
    from
}

/// Behind which line an item ends: its braces are closed again, or it has none and ends with a semicolon, as a
/// table always does.
fn item(lines: &[Line<'_>], at: usize) -> usize {
    if lines
        .get(at)
        .is_some_and(|line| table(&line.code).is_some())
    {
        let mut open = 0;
        let ends = lines.iter().skip(at).position(|line| {
            open += brackets(&line.code);
            open <= 0 && line.code.trim_end().ends_with(';')
        });
        return ends.map_or(lines.len(), |end| at + end + 1);
    }
    let depth = lines.get(at).map_or(0, |line| line.depth);
    let rest = lines.iter().enumerate().skip(at);
    let mut opened = false;
    for (index, line) in rest {
        opened |= line.code.contains('{');
        let after = lines.get(index + 1).map_or(0, |next| next.depth);
        let closed = opened && after <= depth;
        if closed || !opened && line.code.trim_end().ends_with(';') {
            return index + 1;
        }
    }
    lines.len()
}

/// The heads of the blocks around a line, with their attributes.
pub(super) fn around<'a, 'b>(lines: &'b [Line<'a>], at: usize) -> Vec<&'b Line<'a>> {
    let mut depth = lines.get(at).map_or(0, |line| line.depth);
    let mut heads = Vec::new();
    for index in (0..at).rev() {
        let Some(line) = lines.get(index).filter(|line| line.depth < depth) else {
            continue;
        };
        depth = line.depth;
        let from = attributes(lines, index);
        heads.push(lines.get(from..=index).unwrap_or_default());
    }
    heads.into_iter().rev().flatten().collect()
}

/// What the attribute is called that a code begins with, and what stands behind it; none that goes on in the
/// next line.
pub(super) fn first_attribute(code: &str) -> Option<(&str, &str)> {
    let (name, _) = attributes_in(code)
        .next()
        .filter(|_| code.starts_with("#["))?;
    let mut open = 0_i32;
    let end = code.find(|c| {
        open += i32::from(c == '[') - i32::from(c == ']');
        c == ']' && open == 0
    })?;
    Some((name, code.get(end + 1..)?.trim_start()))
}

/// A condition without blanks, and without who sees what it is of.
pub(super) fn bare(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(rest) = text.strip_prefix("pub") else {
        return text;
    };
    let restricted = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    restricted.map_or(rest, |(_, rest)| rest).to_owned()
}

/// Where a line begins.
#[derive(Clone, Copy)]
enum Within {
    Code,
    /// Comments nest.
    Comment(usize),
    String,
    /// A raw string, with so many `#`.
    Raw(usize),
}

pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut within = Within::Code;
    let mut depth = 0_usize;
    let mut lines = Vec::new();
    for text in text.lines() {
        let begins = depth;
        let mut code = String::new();
        let mut same = Same::default();
        let mut rest = text;
        if matches!(within, Within::String | Within::Raw(_)) {
            same.string("\n");
        }
        while let Some(c) = rest.chars().next() {
            let mut step = c.len_utf8();
            let was = within;
            match within {
                Within::Comment(nested) if rest.starts_with("*/") => {
                    step = 2;
                    within = match nested {
                        0 | 1 => Within::Code,
                        _ => Within::Comment(nested - 1),
                    };
                }
                Within::Comment(nested) if rest.starts_with("/*") => {
                    step = 2;
                    within = Within::Comment(nested + 1);
                }
                Within::Comment(_) => {}
                Within::String if c == '\\' => {
                    step += rest.chars().nth(1).map_or(0, char::len_utf8);
                }
                Within::String if c == '"' => within = Within::Code,
                Within::Raw(marks) if c == '"' && ends_raw(rest, marks) => {
                    step += marks;
                    within = Within::Code;
                }
                Within::String | Within::Raw(_) => {}
                Within::Code if rest.starts_with("//") => break,
                Within::Code if rest.starts_with("/*") => {
                    step = 2;
                    within = Within::Comment(1);
                    same.code(' ');
                }
                Within::Code if c == '"' => within = Within::String,
                Within::Code if c == 'r' && begins_string(&code) && raw(rest).is_some() => {
                    let marks = raw(rest).unwrap_or(0);
                    step = marks + 2;
                    within = Within::Raw(marks);
                }
                Within::Code if c == '\'' => step = character(rest),
                Within::Code => {
                    match c {
                        '{' => depth += 1,
                        '}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    code.push(c);
                }
            }
            let part = rest.get(..step).unwrap_or_default();
            match (was, within) {
                (Within::Comment(_), _) | (_, Within::Comment(_)) => {}
                (Within::Code, Within::Code) if c != '\'' => same.code(c),
                _ => same.string(part),
            }
            rest = rest.get(step..).unwrap_or_default();
        }
        lines.push(Line {
            text,
            code,
            same: same.line(),
            depth: begins,
        });
    }
    lines
}

/// Whether what comes behind a code may be the `r` of a string, perhaps of `br` or `cr`.
fn begins_string(code: &str) -> bool {
    let before = code.strip_suffix(['b', 'c']).unwrap_or(code);
    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// How many `#` a raw string has that begins here.
fn raw(rest: &str) -> Option<usize> {
    let inner = rest.get(1..)?;
    let marks = inner.len() - inner.trim_start_matches('#').len();
    inner.get(marks..)?.starts_with('"').then_some(marks)
}

fn ends_raw(rest: &str, marks: usize) -> bool {
    let after = rest.get(1..).unwrap_or_default();
    after.chars().take_while(|c| *c == '#').take(marks).count() == marks
}

/// How long a character is that begins here; of a lifetime, its mark.
fn character(rest: &str) -> usize {
    let inner = rest.get(1..).unwrap_or_default();
    let mut chars = inner.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(second)) => {
            let from = 1 + second.len_utf8();
            let tail = inner.get(from..).unwrap_or_default();
            tail.find('\'').map_or(1, |end| 1 + from + end + 1)
        }
        (Some(first), Some('\'')) => 2 + first.len_utf8(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests;

    const TEXT: &str = r##"
/// Adds.
/// ```
/// assert_eq!(a(), 2);
/// ```
fn a<'x>() -> u32 { let _ = ('{', "}", r#"}"}"#); 1 } // {

#[cfg(test)]
mod tests {
    #[test]
    fn t() { assert_eq!(super::a(), 2); }
}

#[test]
fn u() {
    a();
}
"##;

    #[test]
    fn tests_are_found_whole() {
        let found = tests("a.rs", TEXT);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert_eq!(found[0], "/// ```\n/// assert_eq!(a(), 2);\n/// ```\n");
        assert!(
            found[1].starts_with("#[cfg(test)]mod") && found[1].ends_with("}}"),
            "{found:#?}"
        );
        assert_eq!(found[2], "#[test]fn u(){a();}");
        assert_eq!(tests("a.rs", &TEXT.replace("; 1 }", "; 2 }")), found);
    }

    #[test]
    fn doctests_are_found_however_they_are_written() {
        for text in [
            "/** Adds.\n```\nassert_eq!(a(), 2);\n```\n*/\nfn a() {}\n",
            "/**\n * ```\n * assert_eq!(a(), 2);\n * ```\n */\nfn a() {}\n",
            "/*! ```\nassert_eq!(a(), 2);\n``` */\n",
            "/// ~~~\n/// assert_eq!(a(), 2);\n/// ~~~\nfn a() {}\n",
            "/// Adds.\n///\n///     assert_eq!(a(), 2);\nfn a() {}\n",
            "#[doc = \"```\"]\n#[doc = \"assert_eq!(a(), 2);\"]\n#[doc = \"```\"]\nfn a() {}\n",
        ] {
            let found = tests("a.rs", text);
            assert_eq!(found.len(), 1, "{text}");
            assert_ne!(
                tests("a.rs", &text.replace("(), 2", "(), 1")),
                found,
                "{text}"
            );
            assert_eq!(
                tests("a.rs", &text.replace("fn a", "pub fn a")),
                found,
                "{text}"
            );
        }
        assert!(tests("a.rs", "/** Adds. */\nfn a() {}\n/* ```\n``` */\n/**/\n").is_empty());
    }

    #[test]
    fn what_keeps_a_test_from_being_run_is_part_of_it() {
        let found = tests("a.rs", TEXT);
        for (from, to) in [
            ("#[test]\nfn u", "#[ignore]\n#[test]\nfn u"),
            ("#[test]\nfn u", "#[test]\n#[ignore]\nfn u"),
            ("#[test]\nfn u", "#[cfg(any())]\n\n// why\n#[test]\nfn u"),
            ("#[test]\nfn u", "/*\n#[test]\nfn u"),
            ("#[test]\nfn u", "const X: &str = \"\n#[test]\nfn u"),
            ("#[test]\nfn u", "#[cfg(any())]\nmod off {\n#[test]\nfn u"),
            ("#[test]\nfn u", "skip! {\n#[test]\nfn u"),
            ("#[test]\nfn u", "fn u"),
            ("#[cfg(test)]\n", "#[cfg(all(test, any()))]\n"),
            ("/// ```\n/// assert", "/// ```ignore\n/// assert"),
            ("(), 2);\n/// ```", "(), 1);\n/// ```"),
            ("/// Adds.", "#![cfg(any())]"),
            ("a();\n", "// a();\n"),
        ] {
            assert_ne!(tests("a.rs", &TEXT.replace(from, to)), found, "{to}");
        }
    }
}
