//! What a model wrote, as changes.

use super::{
    Change, Hunk, Replace, What,
    fences::{self, Of, fence},
};
use crate::repair::types::Files;

/// Reads an answer: search-and-replace blocks, a unified diff, or whole files in fenced code blocks,
/// whichever comes first in this order. A whole file that is named beside blocks is no part of a correction that
/// could be applied in part: then there is none. `files` are those that it may change.
///
/// # Errors
///
/// Why there is no change in it, for the model to read.
pub(in super::super) fn read(answer: &str, files: &Files) -> Result<Vec<Change>, String> {
    let lines: Vec<&str> = answer.lines().collect();
    if lines.iter().any(|line| is_search(line)) {
        return blocks(&lines, files);
    }
    let patches = patches(&lines);
    if !patches.is_empty() {
        return Ok(patches);
    }
    fenced(&lines, files)
}

/// A line of one mark, at least five times, and a word; models miscount.
fn marks(line: &str, mark: char, word: &str) -> bool {
    let line = line.trim();
    let rest = line.trim_start_matches(mark);
    line.len() - rest.len() >= 5 && rest.trim().eq_ignore_ascii_case(word)
}

fn is_search(line: &str) -> bool {
    marks(line, '<', "SEARCH")
}

fn blocks(lines: &[&str], files: &Files) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    let mut beside: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(begin) = position(lines, at, is_search) {
        let unfinished = || "a SEARCH block has no ======= and >>>>>>> REPLACE after it".to_owned();
        let end = position(lines, begin + 1, |line| marks(line, '>', "REPLACE"))
            .ok_or_else(unfinished)?;
        let divides = |middle: &usize| lines.get(*middle).is_some_and(|line| marks(line, '=', ""));
        let middles: Vec<usize> = (begin + 1..end).filter(divides).collect();
        if middles.is_empty() {
            return Err(unfinished());
        }
        let between = |from: usize, to: usize| -> String {
            let inner = lines.get(from..to).unwrap_or_default();
            inner.iter().map(|line| format!("{line}\n")).collect()
        };
        let above = lines.get(at..begin).unwrap_or_default();
        let named = path_above(above);
        // The blocks of one file stand below its name.
        let before = changes.last().and_then(|change| change.path.clone());
        let parts = middles.iter().map(|&middle| Replace {
            search: between(begin + 1, middle),
            replace: between(middle + 1, end),
        });
        changes.push(Change {
            path: named.or(before),
            what: What::Replace(parts.collect()),
        });
        beside.extend(above);
        at = end + 1;
    }
    beside.extend(lines.get(at..).unwrap_or_default());
    let whole = fenced(&beside, files).unwrap_or_default();
    match whole.into_iter().find_map(|change| change.path) {
        None => Ok(changes),
        Some(path) => Err(format!(
            "it has {path} as a whole beside SEARCH blocks; write all changes as SEARCH blocks"
        )),
    }
}

fn position(lines: &[&str], from: usize, is: impl Fn(&str) -> bool) -> Option<usize> {
    (from..lines.len()).find(|&at| lines.get(at).is_some_and(|line| is(line)))
}

/// The path that is named right above, on the last line that is neither empty nor a fence.
fn path_above(lines: &[&str]) -> Option<String> {
    let mut above = lines.iter().rev().map(|line| line.trim());
    let line = above
        .find(|line| !line.is_empty() && fence(line).is_none_or(|(_, info)| !info.is_empty()))?;
    match fence(line) {
        Some((_, info)) => info.split_whitespace().find_map(path),
        None => path(line),
    }
}

/// A path, without what is written around it: `` `src/lib.rs`: ``, `File: src/lib.rs`, `# a.py`.
fn path(text: &str) -> Option<String> {
    let mut text = text.trim().trim_start_matches(['#', '*', '/', ' ']);
    for word in ["File", "file", "Path", "path"] {
        text = text.strip_prefix(word).unwrap_or(text);
    }
    let text = text.trim_matches(|c: char| "`*:\"' ".contains(c));
    let is_path = !text.contains(char::is_whitespace)
        && text.rsplit_once('.').is_some_and(|(stem, ending)| {
            !stem.is_empty()
                && (1..=4).contains(&ending.len())
                && ending.chars().all(char::is_alphanumeric)
        });
    // `x.y()` is code, and so is `a.b`; names of files have known endings or a folder.
    let known = [
        "py", "rs", "toml", "txt", "md", "js", "ts", "c", "h", "go", "java", "sh", "cpp",
    ];
    let ending = text.rsplit_once('.').map_or("", |(_, ending)| ending);
    (is_path && known.contains(&ending)).then(|| text.to_owned())
}

/// The hunks of a unified diff, by file.
fn patches(lines: &[&str]) -> Vec<Change> {
    let mut found = Patches::default();
    for (index, line) in lines.iter().enumerate() {
        let next = lines.get(index + 1).copied().unwrap_or_default();
        let is_header = line.starts_with("--- ") && next.starts_with("+++ ");
        // A line of a hunk begins with a mark or a blank.
        let is_fence = fence(line).is_some_and(|_| line.starts_with('`'));
        if is_header || line.starts_with("@@") || is_fence {
            found.close();
        }
        if let Some(rest) = line.strip_prefix("@@") {
            found.hunk = Some(Hunk {
                at: begins_at(rest),
                before: Vec::new(),
                after: Vec::new(),
            });
        } else if found.hunk.is_some() {
            found.line(line);
        } else if let Some(named) = line.strip_prefix("+++ ") {
            let named = named.split('\t').next().unwrap_or_default().trim();
            found.path = Some(named.strip_prefix("b/").unwrap_or(named).to_owned());
        }
    }
    found.close();
    let patch = |(path, hunks)| Change {
        path,
        what: What::Patch(hunks),
    };
    found.changes.into_iter().map(patch).collect()
}

#[derive(Default)]
struct Patches {
    changes: Vec<(Option<String>, Vec<Hunk>)>,
    path: Option<String>,
    hunk: Option<Hunk>,
    /// Lines without even a blank at the end of the hunk: context whose blank an editor has taken, or
    /// what is written around a diff.
    loose: usize,
}

impl Patches {
    /// A line of the hunk, or the first behind it.
    fn line(&mut self, line: &str) {
        let Some(hunk) = &mut self.hunk else { return };
        let rest = || line.get(1..).unwrap_or_default().to_owned();
        let loose = std::mem::take(&mut self.loose);
        match line.chars().next() {
            Some('-') => hunk.before.push(rest()),
            Some('+') => hunk.after.push(rest()),
            Some(' ') => {
                hunk.before.push(rest());
                hunk.after.push(rest());
            }
            None => {
                hunk.before.push(String::new());
                hunk.after.push(String::new());
                self.loose = loose + 1;
            }
            // No newline at the end of the file.
            Some('\\') => {}
            Some(_) => {
                self.loose = loose;
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let loose = std::mem::take(&mut self.loose);
        let Some(mut hunk) = self.hunk.take() else {
            return;
        };
        for lines in [&mut hunk.before, &mut hunk.after] {
            lines.truncate(lines.len().saturating_sub(loose));
        }
        if hunk.before == hunk.after {
            return;
        }
        match self.changes.last_mut() {
            Some((last, hunks)) if *last == self.path => hunks.push(hunk),
            _ => self.changes.push((self.path.clone(), vec![hunk])),
        }
    }
}

/// The first number of `-3,7 +3,8 @@`.
fn begins_at(header: &str) -> Option<usize> {
    let (_, numbers) = header.split_once('-')?;
    numbers
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Whole files, in fenced code blocks; an answer without any may be code itself.
fn fenced(lines: &[&str], files: &Files) -> Result<Vec<Change>, String> {
    let mut found: Vec<(Option<String>, String)> = Vec::new();
    let mut at = 0;
    let named = |from: usize, opening: usize, info: &str| {
        let named = info.split_whitespace().find_map(path);
        named.or_else(|| path_above(lines.get(from..opening).unwrap_or_default()))
    };
    while let Some(block) = fences::next(lines, at, |opening, info| {
        let named = named(at, opening, info);
        let is_it = |path: &&String| match &named {
            Some(named) => path.ends_with(&**named) || named.ends_with(path.as_str()),
            None => files.len() == 1,
        };
        let path = files.keys().find(is_it);
        Of {
            path: path.map(String::as_str),
            old: path
                .and_then(|path| files.get(path))
                .map_or("", |text| text),
        }
    })? {
        let inner = lines.get(block.begin..block.end).unwrap_or_default();
        let text: String = inner.iter().map(|line| format!("{line}\n")).collect();
        if !text.trim().is_empty() {
            found.push((named(at, block.begin - 1, block.info), text));
        }
        at = block.end + 1;
    }
    if found.iter().any(|(path, _)| path.is_some()) {
        found.retain(|(path, _)| path.is_some());
    } else if found.len() > 1 {
        // Of several, the longest is the program; the others are its parts or how it is called.
        let longest = found.iter().map(|(_, text)| text.len()).max();
        found.retain(|(_, text)| Some(text.len()) == longest);
        found.truncate(1);
    }
    if found.is_empty() && looks_like_code(lines) {
        found.push((None, lines.iter().map(|line| format!("{line}\n")).collect()));
    }
    if found.is_empty() {
        return Err("there is no code block in it".to_owned());
    }
    let whole = |(path, text)| Change {
        path,
        what: What::Whole(text),
    };
    Ok(found.into_iter().map(whole).collect())
}

fn looks_like_code(lines: &[&str]) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "def ",
        "class ",
        "import ",
        "from ",
        "fn ",
        "pub ",
        "use ",
        "#[",
        "async def ",
    ];
    let first = lines.iter().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| BEGINNINGS.iter().any(|begins| line.starts_with(begins)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Result<Vec<Change>, String> {
        super::read(answer, &Files::from([("a.py".to_owned(), String::new())]))
    }

    fn whole(answer: &str) -> Vec<(Option<String>, String)> {
        let changes = read(answer).unwrap();
        let of = |change: Change| match change.what {
            What::Whole(text) => (change.path, text),
            other => panic!("{other:?}"),
        };
        changes.into_iter().map(of).collect()
    }

    #[test]
    fn a_fenced_block_is_a_whole_file() {
        let answer = "Here it is:\n```python\ndef f():\n    return 2\n```\nCall it so:\n```python\nf()\n```\n";
        assert_eq!(
            whole(answer),
            [(None, "def f():\n    return 2\n".to_owned())]
        );
        assert_eq!(
            whole("def f():\n    pass"),
            [(None, "def f():\n    pass\n".to_owned())]
        );
        let inner = "def f():\n    \"\"\"F.\n\n```\nf()\n```\n    \"\"\"\n";
        let nested = format!("```python\n{inner}```\n```\nf()\n```\n");
        assert_eq!(whole(&nested), [(None, inner.to_owned())]);
        let nested = "````rust\n/// ```\n/// f();\n/// ```\nfn f() {}\n````\n";
        assert_eq!(
            whole(nested)[0].1,
            "/// ```\n/// f();\n/// ```\nfn f() {}\n"
        );
    }

    #[test]
    fn files_are_named_above_or_behind_the_fence() {
        let answer = "`src/a.rs`:\n```rust\nfn a() {}\n```\n**File: src/b.rs**\n\n```rust\nfn b() {}\n```\n```rust src/c.rs\nfn c() {}\n```";
        let named: Vec<_> = whole(answer)
            .into_iter()
            .map(|(path, _)| path.unwrap())
            .collect();
        assert_eq!(named, ["src/a.rs", "src/b.rs", "src/c.rs"]);
    }

    #[test]
    fn blocks_are_read_however_many_marks_they_have() {
        let answer = "src/a.rs\n```\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n<<<<<< search\nc\n======\n>>>>>> replace\n";
        let changes = read(answer).unwrap();
        assert_eq!(changes.len(), 2);
        assert!(
            changes
                .iter()
                .all(|change| change.path.as_deref() == Some("src/a.rs"))
        );
        let expected = Replace {
            search: "c\n".into(),
            replace: String::new(),
        };
        assert_eq!(changes[1].what, What::Replace(vec![expected]));
        assert!(
            read("<<<<<<< SEARCH\na\n=======\n")
                .unwrap_err()
                .contains("REPLACE")
        );
    }

    #[test]
    fn a_whole_file_beside_blocks_is_told() {
        let block = "src/a.rs\n```\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n";
        let whole = "src/b.rs\n```rust\nfn b() {}\n```\n";
        for answer in [format!("{block}{whole}"), format!("{whole}{block}")] {
            let told = read(&answer).unwrap_err();
            assert!(told.contains("src/b.rs as a whole"), "{told}");
        }
        // What it speaks of.
        let quoted = format!("This is wrong:\n```rust\na\n```\n{block}");
        assert_eq!(read(&quoted).unwrap().len(), 1);
    }

    #[test]
    fn a_unified_diff_is_read() {
        let answer =
            "```diff\n--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@ def f():\n a\n-b\n+c\n\n```\n";
        let changes = read(answer).unwrap();
        let hunk = Hunk {
            at: Some(1),
            before: vec!["a".into(), "b".into()],
            after: vec!["a".into(), "c".into()],
        };
        assert_eq!(
            changes,
            [Change {
                path: Some("x.py".into()),
                what: What::Patch(vec![hunk])
            }]
        );
    }

    #[test]
    fn a_line_of_a_diff_may_be_a_fence() {
        let answer = "```diff\n@@ -1,5 +1,5 @@\n ```\n-a\n+b\n ```\n c\n```\n";
        let [
            Change {
                what: What::Patch(hunks),
                ..
            },
        ] = &*read(answer).unwrap()
        else {
            panic!("a patch")
        };
        assert_eq!(hunks[0].after, ["```", "b", "```", "c"]);
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(read("It is fine.").unwrap_err().contains("no code block"));
        assert!(
            read("```python\ndef f():\n")
                .unwrap_err()
                .contains("not closed")
        );
    }
}
