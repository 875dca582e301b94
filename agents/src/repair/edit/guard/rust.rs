//! The tests in a file of Rust.

use super::{
    Found,
    kinds::Kinds,
    names::{is_word, tokens},
};

/// A line, what of it is code, and how deep in braces it begins.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// The line without comments and the insides of strings.
    pub(super) code: String,
    pub(super) depth: usize,
}

/// A text without comments and the insides of strings.
pub(super) fn code(text: &str) -> String {
    let lines = lines(text).into_iter();
    lines.map(|line| line.code + "\n").collect()
}

pub(super) fn tests(text: &str) -> Vec<Found<'_>> {
    let lines = lines(text);
    let mut found = doctests(&lines);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let mut end = at + 1;
        if line.code.trim_start().starts_with("#![cfg") {
            // What is said of the whole file or module.
            found.push(Found {
                heads: Vec::new(),
                lines: at..end,
                name: None,
                is_harmless: false,
                docstring: None,
            });
        } else if is_test(&line.code) {
            let from = attributes(&lines, at);
            end = item(&lines, at).max(end);
            found.push(Found {
                heads: around(&lines, from),
                lines: from..end,
                name: None,
                is_harmless: is_only_test(lines.get(from..end).unwrap_or_default()),
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
    let runs = |found: &Found<'_>| {
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
fn attributes(lines: &[Line<'_>], at: usize) -> usize {
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

/// Behind which line an item ends: its braces are closed again, or it has none and ends with a semicolon.
fn item(lines: &[Line<'_>], at: usize) -> usize {
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
fn around<'a>(lines: &[Line<'a>], at: usize) -> Vec<&'a str> {
    let mut depth = lines.get(at).map_or(0, |line| line.depth);
    let mut heads = Vec::new();
    for index in (0..at).rev() {
        let Some(line) = lines.get(index).filter(|line| line.depth < depth) else {
            continue;
        };
        depth = line.depth;
        let from = attributes(lines, index);
        let head = lines.get(from..=index).unwrap_or_default();
        heads.push(head.iter().map(|line| line.text).collect::<Vec<_>>());
    }
    heads.into_iter().rev().flatten().collect()
}

/// A module that is declared and stands in another file.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    /// The modules around it.
    pub(super) inside: Vec<String>,
    /// What an attribute says that its file is.
    pub(super) path: Option<String>,
    /// What decides whether it is compiled: attributes and heads of blocks, without blanks.
    pub(super) conditions: Vec<String>,
}

/// The modules of other files that a text declares.
pub(super) fn declared(text: &str) -> Vec<Declared> {
    let lines = lines(text);
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut end = 0;
        for statement in line.code.split(';') {
            let begin = end;
            end += statement.len() + 1;
            let Some((own, name)) = module(statement) else {
                continue;
            };
            // Behind the last of these it is said who sees it.
            let own = own.rfind(['{', '}', ']']).and_then(|end| own.get(..=end));
            let own = own.unwrap_or_default();
            // What a line begins with is of its first declaration, or of a block that is still open.
            let open = opened(line.code.get(..begin).unwrap_or_default());
            let from = match begin {
                0 => attributes(&lines, at),
                _ => at,
            };
            let before = lines.get(from..at).unwrap_or_default();
            let attributes = || before.iter().map(|line| line.text);
            let heads = around(&lines, from);
            let own = format!("{open}{own}");
            let heads = || heads.iter().copied();
            let conditions = heads().chain(attributes()).chain([&*own]);
            let text = match statement.contains("#[path") {
                true => line.text,
                false => "",
            };
            found.push(Declared {
                inside: heads().chain([&*own]).flat_map(modules_opened).collect(),
                path: attributes().chain([text]).find_map(path_in),
                conditions: conditions
                    .map(|text| condition(&bare(text)).to_owned())
                    .filter(|bare| !bare.is_empty())
                    .collect(),
                name: name.to_owned(),
            });
        }
    }
    found
}

/// The heads of the blocks that a code opens and does not close.
fn opened(code: &str) -> String {
    let mut heads: Vec<&str> = Vec::new();
    let mut begin = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => heads.push(code.get(begin..=at).unwrap_or_default()),
            '}' => drop(heads.pop()),
            ';' => {}
            _ => continue,
        }
        begin = at + 1;
    }
    heads.concat()
}

/// What stands before a declaration that a statement ends with, and the module's name.
fn module(statement: &str) -> Option<(&str, &str)> {
    let (head, name) = statement.trim().rsplit_once(char::is_whitespace)?;
    let head = head.trim_end().strip_suffix("mod")?;
    let is_declaration =
        is_word(name) && !head.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    is_declaration.then_some((head, name))
}

/// The names of the modules whose blocks begin in a code.
fn modules_opened(code: &str) -> Vec<String> {
    let tokens = tokens(code);
    let opened = tokens.windows(3).filter_map(|three| match three {
        ["mod", name, "{"] => Some((*name).to_owned()),
        _ => None,
    });
    opened.collect()
}

/// The file that an attribute names: `#[path = "a.rs"]`.
fn path_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("#[path")?;
    let value = rest.trim_start().strip_prefix('=')?;
    value.split('"').nth(1).map(str::to_owned)
}

/// A condition without the attributes that are none, such as `#[macro_use]`.
fn condition(mut bare: &str) -> &str {
    while let Some((name, behind)) = first_attribute(bare)
        && !matches!(name, "cfg" | "cfg_attr" | "path")
    {
        bare = behind;
    }
    bare
}

/// What the attribute is called that a code begins with, and what stands behind it; none that goes on in the
/// next line.
fn first_attribute(code: &str) -> Option<(&str, &str)> {
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
fn bare(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(rest) = text.strip_prefix("pub") else {
        return text;
    };
    let restricted = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    restricted.map_or(rest, |(_, rest)| rest).to_owned()
}

/// The code blocks in doc comments: those between fences, and lines that are indented as Markdown has code.
fn doctests<'a>(lines: &[Line<'a>]) -> Vec<Found<'a>> {
    let found = |lines: std::ops::Range<usize>| Found {
        heads: Vec::new(),
        lines,
        name: None,
        is_harmless: true,
        docstring: None,
    };
    let mut all = Vec::new();
    let mut open: Option<usize> = None;
    let mut is_block = false;
    for (index, line) in lines.iter().enumerate() {
        let Some(doc) = doc(line.text, &mut is_block) else {
            open = None;
            continue;
        };
        let is_fence = ["```", "~~~"]
            .iter()
            .any(|fence| doc.trim_start().starts_with(fence));
        match open {
            None if is_fence => open = Some(index),
            None if doc.starts_with("     ") && !doc.trim().is_empty() => {
                all.push(found(index..index + 1));
            }
            Some(from) if is_fence => {
                all.push(found(from..index + 1));
                open = None;
            }
            _ => {}
        }
    }
    all
}

/// What a line says of a doc comment, with the blank before it; `is_block` is whether one with a star goes on.
fn doc<'a>(line: &'a str, is_block: &mut bool) -> Option<&'a str> {
    let text = line.trim();
    let begins = text
        .strip_prefix("/**")
        .or_else(|| text.strip_prefix("/*!"));
    if let Some(doc) = begins.filter(|_| !*is_block && !text.starts_with("/**/")) {
        *is_block = !doc.contains("*/");
        return Some(doc.split("*/").next().unwrap_or_default());
    }
    if *is_block {
        *is_block = !text.contains("*/");
        let doc = text.split("*/").next().unwrap_or_default();
        // Stars at the beginning of each line are no part of it.
        return Some(match doc.strip_prefix('*') {
            Some(rest) => rest,
            None => line.trim_end().strip_suffix("*/").unwrap_or(line),
        });
    }
    let attribute = || {
        let rest = text
            .strip_prefix("#[doc")
            .or_else(|| text.strip_prefix("#![doc"))?;
        rest.trim_start()
            .strip_prefix('=')?
            .split_once('"')
            .map(|(_, doc)| doc)
    };
    text.strip_prefix("///")
        .or_else(|| text.strip_prefix("//!"))
        .or_else(attribute)
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
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let mut step = c.len_utf8();
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
                }
                Within::Code if c == '"' => within = Within::String,
                Within::Code if c == 'r' && !ends_in_word(&code) && raw(rest).is_some() => {
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
            rest = rest.get(step..).unwrap_or_default();
        }
        lines.push(Line {
            text,
            code,
            depth: begins,
        });
    }
    lines
}

fn ends_in_word(code: &str) -> bool {
    code.ends_with(|c: char| c.is_alphanumeric() || c == '_')
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
        assert_eq!(found[0], "///```///assert_eq!(a(),2);///```");
        assert!(
            found[1].starts_with("#[cfg(test)]mod") && found[1].ends_with("}}"),
            "{found:#?}"
        );
        assert_eq!(found[2], "#[test]fnu(){a();}");
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
