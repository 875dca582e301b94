//! Changes applied to files: all of them exactly, or none.

use std::fmt;

use super::{Change, Hunk, What, guard, imports};
use crate::repair::types::Files;

/// Why a correction cannot be applied, for the model to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Refused(String);

const UNCHANGED: &str = "it changes nothing";

impl Refused {
    /// Whether it is refused for being what was there before.
    pub(in super::super) fn is_unchanged(&self) -> bool {
        self.0 == UNCHANGED
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// The files with the changes, which may only be of these files.
///
/// # Errors
///
/// The first change that cannot be applied, and why; also when nothing is different in the end, or a
/// test is.
pub(in super::super) fn apply(files: &Files, changes: &[Change]) -> Result<Files, Refused> {
    let mut after = files.clone();
    for change in changes {
        let path = place(&after, change)?;
        let text = after.get(&path).map_or("", |text| &**text);
        let new = match &change.what {
            What::Whole(new) => {
                if let Some(name) = guard::left_out(&path, text, new) {
                    return Err(Refused(format!(
                        "the code leaves out `{name}` of {path}; write the whole file"
                    )));
                }
                imports::kept(&path, text, &ended(new.clone()))
            }
            What::Replace { search, replace } => self::replace(&path, text, search, replace)?,
            What::Patch(hunks) => patch(&path, text, hunks)?,
        };
        let new = endings(text, new);
        after.insert(path, new);
    }
    if &after == files {
        return Err(Refused(UNCHANGED.to_owned()));
    }
    for (path, new) in &after {
        let old = files.get(path).map_or("", |old| &**old);
        if new.trim().is_empty() && !old.trim().is_empty() {
            return Err(Refused(format!("it leaves nothing of {path}")));
        }
        if let Some(call) = guard::exit(path, old, new) {
            return Err(Refused(format!(
                "it ends the process with `{call}`; then no test tells anything"
            )));
        }
        if guard::tests(path, old) != guard::tests(path, new) {
            return Err(Refused(format!(
                "it changes the tests in {path}; they have to stay as they are"
            )));
        }
    }
    Ok(after)
}

/// The file that a change is of.
fn place(files: &Files, change: &Change) -> Result<String, Refused> {
    let all = || files.keys().cloned().collect::<Vec<_>>().join(", ");
    let Some(named) = &change.path else {
        if let (Some(only), 1) = (files.keys().next(), files.len()) {
            return Ok(only.clone());
        }
        if let What::Replace { search, .. } = &change.what {
            let mut holding = files
                .iter()
                .filter(|(_, text)| text.contains(search.trim_end()));
            if let (Some((path, _)), None) = (holding.next(), holding.next()) {
                return Ok(path.clone());
            }
        }
        return Err(Refused(format!(
            "it does not say which file it is of; write the path above it: one of {}",
            all()
        )));
    };
    let named = named.trim_start_matches("./");
    if files.contains_key(named) {
        return Ok(named.to_owned());
    }
    // The name alone, or with folders above ours.
    let tails = |a: &str, b: &str| a.strip_suffix(b).is_some_and(|head| head.ends_with('/'));
    let mut alike = files
        .keys()
        .filter(|path| tails(path, named) || tails(named, path));
    match (alike.next(), alike.next()) {
        (Some(path), None) => Ok(path.clone()),
        _ => Err(Refused(format!(
            "{named} may not be changed; the files that may are {}",
            all()
        ))),
    }
}

fn replace(path: &str, text: &str, search: &str, replace: &str) -> Result<String, Refused> {
    if search.trim().is_empty() {
        return Err(Refused(format!("a SEARCH text for {path} is empty")));
    }
    let lines: Vec<&str> = text.lines().collect();
    let anchor: Vec<&str> = search.lines().collect();
    if let Some(at) = find(path, &lines, &anchor, None)? {
        let new: Vec<&str> = replace.lines().collect();
        return Ok(spliced(&lines, at, anchor.len(), &new));
    }
    // Part of a line.
    let part = search.trim_end_matches('\n');
    if text.matches(part).count() == 1 {
        return Ok(ended(text.replacen(
            part,
            replace.trim_end_matches('\n'),
            1,
        )));
    }
    Err(missing(path, &anchor, "SEARCH text"))
}

fn missing(path: &str, anchor: &[&str], what: &str) -> Refused {
    let first = anchor.iter().find(|line| !line.trim().is_empty());
    let first = first.map_or("", |line| line.trim());
    Refused(format!(
        "the {what} that begins with `{first}` does not stand in {path}; copy the lines exactly"
    ))
}

/// Where lines stand, exactly or but for blanks at the ends of lines; `None` when they do not. `at` says
/// which of several places is meant.
fn find(
    path: &str,
    lines: &[&str],
    anchor: &[&str],
    at: Option<usize>,
) -> Result<Option<usize>, Refused> {
    type Same = fn(&str, &str) -> bool;
    let exactly: Same = |a, b| a == b;
    let nearly: Same = |a, b| a.trim_end() == b.trim_end();
    for same in [exactly, nearly] {
        let stands = |window: &[&str]| window.iter().zip(anchor).all(|(a, b)| same(a, b));
        let places: Vec<usize> = lines
            .windows(anchor.len().max(1))
            .enumerate()
            .filter(|(_, window)| stands(window))
            .map(|(place, _)| place)
            .collect();
        match &*places {
            [] => {}
            [one] => return Ok(Some(*one)),
            several => match at {
                Some(at) if several.contains(&at) => return Ok(Some(at)),
                _ => {
                    let first = anchor.first().map_or("", |line| line.trim());
                    return Err(Refused(format!(
                        "the text that begins with `{first}` stands {} times in {path}; copy more lines around it",
                        several.len()
                    )));
                }
            },
        }
    }
    Ok(None)
}

fn patch(path: &str, text: &str, hunks: &[Hunk]) -> Result<String, Refused> {
    let lines: Vec<&str> = text.lines().collect();
    let mut placed = Vec::new();
    for hunk in hunks {
        let anchor: Vec<&str> = hunk.before.iter().map(String::as_str).collect();
        // `-0,0` is the beginning of an empty file.
        let at = hunk.at.and_then(|at| at.checked_sub(1));
        let place = match anchor.is_empty() {
            true if lines.is_empty() => 0,
            true => {
                return Err(Refused(format!(
                    "a hunk for {path} has no line that stands there; give the lines around it"
                )));
            }
            false => {
                find(path, &lines, &anchor, at)?.ok_or_else(|| missing(path, &anchor, "hunk"))?
            }
        };
        placed.push((place, hunk));
    }
    placed.sort_by_key(|(place, _)| *place);
    let mut new: Vec<&str> = Vec::new();
    let mut done = 0;
    for (place, hunk) in placed {
        let Some(between) = lines.get(done..place) else {
            return Err(Refused(format!("two hunks for {path} overlap")));
        };
        new.extend(between);
        new.extend(hunk.after.iter().map(String::as_str));
        done = place + hunk.before.len();
    }
    new.extend(lines.get(done..).unwrap_or_default());
    Ok(joined(&new))
}

/// A new text with the ends of lines that most lines of the old one have.
fn endings(old: &str, new: String) -> String {
    let returns = old.matches("\r\n").count();
    match returns * 2 > old.matches('\n').count() {
        true => new.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => new,
    }
}

fn spliced(lines: &[&str], at: usize, count: usize, new: &[&str]) -> String {
    let (before, after) = (lines.get(..at), lines.get(at + count..));
    joined(&[before.unwrap_or_default(), new, after.unwrap_or_default()].concat())
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    fn files() -> Files {
        let of = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        Files::from([
            of("src/a.rs", "fn a() {\n    one();  \n    two();\n}\n"),
            of("src/b.rs", "fn b() {\n    two();\n    two();\n}\n"),
        ])
    }

    fn applied(answer: &str) -> Result<Files, String> {
        apply(&files(), &read(answer)?).map_err(|refused| refused.to_string())
    }

    fn block(path: &str, search: &str, replace: &str) -> String {
        format!("{path}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
    }

    #[test]
    fn an_anchor_that_stands_once_is_replaced() {
        let after = applied(&block("src/a.rs", "    one();", "    three();")).unwrap();
        assert_eq!(after["src/a.rs"], "fn a() {\n    three();\n    two();\n}\n");
        // Without a path, where it stands.
        let after = applied(&block("", "    one();", "    three();")).unwrap();
        assert!(after["src/a.rs"].contains("three"));
        let after = applied(&block("a.rs", "one", "three")).unwrap();
        assert!(after["src/a.rs"].contains("    three();"));
    }

    #[test]
    fn what_cannot_be_applied_says_why() {
        for (answer, reason) in [
            (
                block("src/a.rs", "    four();", ""),
                "does not stand in src/a.rs",
            ),
            (block("src/b.rs", "    two();", "x"), "stands 2 times"),
            (block("src/a.rs", " ", "x"), "is empty"),
            (
                block("src/c.rs", "    two();", "x"),
                "src/c.rs may not be changed",
            ),
            (
                block("../../etc/passwd.txt", "root", "x"),
                "may not be changed",
            ),
            (
                block("src/a.rs", "    one();", "    one();  "),
                "changes nothing",
            ),
            ("```rust\nfn a() {}\n```".to_owned(), "which file"),
            (
                "src/a.rs\n```rust\nfn c() {}\n```".to_owned(),
                "leaves out `a`",
            ),
            ("I cannot.".to_owned(), "no code block"),
        ] {
            let refused = applied(&answer).unwrap_err();
            assert!(refused.contains(reason), "{refused}: {answer}");
        }
    }

    #[test]
    fn the_ends_of_lines_stay_as_they_are() {
        let text = "def a():\r\n    x = 1\r\n    return x\r\n";
        let files = Files::from([("a.py".to_owned(), text.to_owned())]);
        for answer in [
            "```python\ndef a():\n    x = 2\n    return x\n```",
            "<<<<<<< SEARCH\n    x = 1\n=======\n    x = 2\n>>>>>>> REPLACE\n",
            "```diff\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n def a():\n-    x = 1\n+    x = 2\n     return x\n```",
        ] {
            let after = apply(&files, &read(answer).unwrap()).unwrap();
            assert_eq!(after["a.py"], text.replace('1', "2"), "{answer}");
        }
        let same = "```python\ndef a():\n    x = 1\n    return x\n```";
        assert!(
            apply(&files, &read(same).unwrap())
                .unwrap_err()
                .is_unchanged()
        );
    }

    #[test]
    fn tests_stay_as_they_are() {
        let text = "fn a() -> u32 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(super::a(), 2); }\n}\n";
        let files = Files::from([("a.rs".to_owned(), text.to_owned())]);
        let with = |new: &str| {
            let answer = format!("```rust\n{new}```");
            apply(&files, &read(&answer).unwrap())
        };
        assert!(with(&text.replace("{ 1 }", "{ 2 }")).is_ok());
        let cheat = with(&text.replace("(), 2)", "(), 1)")).unwrap_err();
        assert!(cheat.to_string().contains("changes the tests"), "{cheat}");
        let without = with("fn a() -> u32 { 1 }\n// nothing else\n").unwrap_err();
        assert!(
            without.to_string().contains("changes the tests"),
            "{without}"
        );
    }
}
