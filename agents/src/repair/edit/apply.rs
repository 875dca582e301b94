//! Changes applied to files: all of them exactly, or none.

use std::fmt;

use super::{
    Change, Guard, Hunk, Replace, What, docs, endings::endings, guard, imports, syntax::Source,
};
use crate::repair::{types::Files, word::is_part};

/// Why a correction cannot be applied, for the model to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Refused(String);

/// What some editors begin a file with.
const MARK: &str = "\u{feff}";

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

/// The files with the changes, which may only be of these files and leave what `guard` has stay.
///
/// # Errors
///
/// The first change that cannot be applied, and why; also when nothing is different in the end, or a
/// test is.
pub(in super::super) fn apply(
    files: &Files,
    changes: &[Change],
    guard: &Guard,
) -> Result<Files, Refused> {
    let mut after = files.clone();
    for change in changes {
        let path = place(&after, change)?;
        let old = after.get(&path).map_or("", |text| &**text);
        // Models write one kind of line ends, and no mark before the first; which there were is told by
        // `endings`.
        let (mark, bare) = match old.strip_prefix(MARK) {
            Some(bare) => (MARK, bare),
            None => ("", old),
        };
        let text = &*bare.replace("\r\n", "\n");
        let new = match &change.what {
            What::Whole(new) => written(&path, text, ended(new.clone()), guard)?,
            What::Replace(parts) => replace(&path, text, meant(parts, text))?,
            What::Patch(hunks) => patch(&path, text, hunks)?,
        };
        let new = endings(bare, new);
        let new = format!("{mark}{}", new.strip_prefix(MARK).unwrap_or(&new));
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
        if let Some(reason) = guard.refusal(path, old, new) {
            return Err(Refused(reason));
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
        if let What::Replace(parts) = &change.what {
            let holds = |text: &str, part: &str| {
                places(&text.replace("\r\n", "\n"), part.trim_end())
                    .next()
                    .is_some()
            };
            let mut holding = files
                .iter()
                .filter(|(_, text)| parts.iter().any(|part| holds(text, &part.search)));
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

/// What a block means that could be divided at several lines: the longest SEARCH text that stands in the file.
fn meant<'a>(parts: &'a [Replace], text: &str) -> Option<&'a Replace> {
    let stands = |part: &&Replace| {
        let search = part.search.trim_end();
        !search.is_empty() && places(text, search).next().is_some()
    };
    parts.iter().rfind(stands).or(parts.first())
}

/// A file that was written as a whole, with what it leaves out by mistake.
fn written(path: &str, old: &str, new: String, guard: &Guard) -> Result<String, Refused> {
    let (Some(before), Some(after)) = (Source::of(path, old), Source::of(path, &new)) else {
        return Ok(new);
    };
    if let Some(name) = guard::left_out(&before, &after) {
        return Err(Refused(format!(
            "the code leaves out `{name}` of {path}; write the whole file, with all that it defines"
        )));
    }
    let new = docs::kept(&before, &after);
    let kept = Source::of(path, &new).map(|after| imports::kept(&before, &after, &guard.broken));
    Ok(kept.unwrap_or(new))
}

fn replace(path: &str, text: &str, part: Option<&Replace>) -> Result<String, Refused> {
    let part = part.filter(|part| !part.search.trim().is_empty());
    let Some(Replace { search, replace }) = part else {
        return Err(Refused(format!("a SEARCH text for {path} is empty")));
    };
    let lines: Vec<&str> = text.lines().collect();
    let anchor: Vec<&str> = search.lines().collect();
    if let Some(at) = find(path, &lines, &anchor, None)? {
        let new: Vec<&str> = replace.lines().collect();
        return Ok(spliced(&lines, at, anchor.len(), &new));
    }
    // Part of a line: small models leave out how far it is indented.
    let part = search.trim_end_matches('\n');
    match &*places(text, part).collect::<Vec<_>>() {
        [] => Err(missing(path, &anchor, "SEARCH text")),
        [at] => {
            let (before, rest) = text.split_at(*at);
            let after = rest.strip_prefix(part).unwrap_or_default();
            let new = replace.trim_end_matches('\n');
            Ok(ended(format!("{before}{new}{after}")))
        }
        several => Err(ambiguous(path, &anchor, several.len())),
    }
}

/// Where a part stands in a text, but within words: `x` does not stand in `max`.
fn places<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: Option<char>| c.is_some_and(is_part);
    let (begins, ends) = (
        is_word(part.chars().next()),
        is_word(part.chars().next_back()),
    );
    text.match_indices(part)
        .map(|(at, _)| at)
        .filter(move |at| {
            let (before, rest) = text.split_at(*at);
            let after = rest.get(part.len()..).unwrap_or_default();
            !(begins && is_word(before.chars().next_back())
                || ends && is_word(after.chars().next()))
        })
}

fn ambiguous(path: &str, anchor: &[&str], times: usize) -> Refused {
    let first = anchor.first().map_or("", |line| line.trim());
    Refused(format!(
        "the text that begins with `{first}` stands {times} times in {path}; copy more lines around it"
    ))
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
                    return Err(ambiguous(path, anchor, several.len()));
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
    use super::{super::read::read, *};

    fn apply(files: &Files, changes: &[Change]) -> Result<Files, Refused> {
        super::apply(files, changes, &Guard::default())
    }

    fn files() -> Files {
        let of = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        Files::from([
            of("src/a.rs", "fn a() {\n    one();  \n    two();\n}\n"),
            of("src/b.rs", "fn b() {\n    two();\n    two();\n}\n"),
        ])
    }

    fn applied(answer: &str) -> Result<Files, String> {
        apply(&files(), &read(answer, &files())?).map_err(|refused| refused.to_string())
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
            (block("src/b.rs", "two()", "x"), "stands 2 times"),
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
            let after = apply(&files, &read(answer, &files).unwrap()).unwrap();
            assert_eq!(after["a.py"], text.replace('1', "2"), "{answer}");
        }
        let same = "```python\ndef a():\n    x = 1\n    return x\n```";
        assert!(
            apply(&files, &read(same, &files).unwrap())
                .unwrap_err()
                .is_unchanged()
        );
    }

    #[test]
    fn lines_that_are_not_touched_keep_their_ends() {
        let text = "def a():\r\n    x = 1\n    y = 2\r\n    return x";
        let files = Files::from([("a.py".to_owned(), text.to_owned())]);
        let after =
            |answer: &str| apply(&files, &read(answer, &files).unwrap()).unwrap()["a.py"].clone();
        for answer in [
            "```python\ndef a():\n    x = 3\n    y = 2\n    return x\n```",
            "<<<<<<< SEARCH\n    x = 1\n    y = 2\n=======\n    x = 3\n    y = 2\n>>>>>>> REPLACE\n",
            "<<<<<<< SEARCH\nx = 1\n=======\nx = 3\n>>>>>>> REPLACE\n",
            "```diff\n@@ -1,4 +1,4 @@\n def a():\n-    x = 1\n+    x = 3\n     y = 2\n     return x\n```",
        ] {
            assert_eq!(after(answer), text.replace('1', "3"), "{answer}");
        }
        // A line that is new ends as most do, and so does one that is not the last any more.
        let more = "```python\ndef a():\n    x = 1\n    z = 3\n    y = 2\n    return x\n\na()\n```";
        assert_eq!(
            after(more),
            "def a():\r\n    x = 1\n    z = 3\r\n    y = 2\r\n    return x\r\n\r\na()\r\n"
        );
    }

    #[test]
    fn a_mark_before_the_first_line_stays() {
        let text = "\u{feff}x = 1\ny = 2\n";
        let files = Files::from([("a.py".to_owned(), text.to_owned())]);
        for answer in [
            "```python\nx = 3\ny = 2\n```".to_owned(),
            block("", "x = 1\ny = 2", "x = 3\ny = 2"),
            "```diff\n@@ -1,2 +1,2 @@\n-x = 1\n+x = 3\n y = 2\n```".to_owned(),
        ] {
            let after = apply(&files, &read(&answer, &files).unwrap()).unwrap();
            assert_eq!(after["a.py"], text.replace('1', "3"), "{answer}");
        }
    }

    #[test]
    fn a_block_may_hold_what_divides_blocks() {
        let text = "Sums\n=======\n\nx = 1\n=======\n";
        let files = Files::from([("a.py".to_owned(), text.to_owned())]);
        let with = |search: &str, replace: &str| {
            apply(&files, &read(&block("", search, replace), &files).unwrap())
                .map(|after| after["a.py"].clone())
                .map_err(|refused| refused.to_string())
        };
        assert_eq!(
            with("Sums\n=======\n\nx = 1", "x = 2").unwrap(),
            "x = 2\n=======\n"
        );
        assert_eq!(
            with("x = 1", "x = 2\n=======\ny").unwrap(),
            text.replace("x = 1", "x = 2\n=======\ny")
        );
        let both = with("Sums\n=======\n", "=======\nx").unwrap();
        assert_eq!(both, text.replace("Sums\n=======\n\n", "=======\nx\n"));
    }

    #[test]
    fn an_anchor_does_not_stand_within_a_word() {
        let text = "def a(x):\n    y = max(x, 1)\n    total = y\n    return total\n";
        let files = Files::from([("a.py".to_owned(), text.to_owned())]);
        let with = |search: &str, replace: &str| {
            apply(&files, &read(&block("", search, replace), &files).unwrap())
                .map(|after| after["a.py"].clone())
                .map_err(|refused| refused.to_string())
        };
        assert_eq!(with("max", "min").unwrap(), text.replace("max", "min"));
        assert_eq!(
            with("max(x, 1)", "x").unwrap(),
            text.replace("max(x, 1)", "x")
        );
        assert_eq!(
            with("y = max", "y = min").unwrap(),
            text.replace("max", "min")
        );
        for within in ["ma", "ota", "turn total", "ax(x"] {
            let refused = with(within, "z").unwrap_err();
            assert!(refused.contains("does not stand in a.py"), "{refused}");
        }
        // Without a path, only the file counts in which it stands.
        let other = (
            "b.py".to_owned(),
            "def b():\n    return maximum(1)\n".to_owned(),
        );
        let both: Files = files.clone().into_iter().chain([other]).collect();
        let after = apply(&both, &read(&block("", "max", "min"), &both).unwrap()).unwrap();
        assert!(after["a.py"].contains("min(x, 1)"));
    }

    #[test]
    fn tests_stay_as_they_are() {
        let text = "fn a() -> u32 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(super::a(), 2); }\n}\n";
        let files = Files::from([("a.rs".to_owned(), text.to_owned())]);
        let with = |new: &str| {
            let answer = format!("```rust\n{new}```");
            apply(&files, &read(&answer, &files).unwrap())
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
