//! What a script of a shell says by its status, where it is its own test.

use std::{collections::BTreeMap, path::Path};

/// A line that says by the script's status whether it is right, and that a new version has no longer, or under
/// another condition; or what takes a status away and is new.
///
/// These are `exit` and `return` with another status than 0, `set -e`, and comparisons that stand for themselves.
pub(super) fn silenced(path: &str, old: &str, new: &str) -> Option<String> {
    if !is_shell(path, old) {
        return None;
    }
    let count = |text: &str, is_wanted: fn(&Line) -> bool| {
        let mut counts: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for line in lines(text).into_iter().filter(is_wanted) {
            let key = format!("{} {} {}", line.is_last, line.heads.join("\n"), line.text);
            counts.entry(key).or_insert((0, line.text)).0 += 1;
        }
        counts
    };
    let more = |a: BTreeMap<String, (usize, String)>, b: &BTreeMap<String, (usize, String)>| {
        let mut all = a.into_iter();
        all.find_map(|(key, (times, text))| {
            let known = b.get(&key).map_or(0, |(times, _)| *times);
            (times > known).then_some(text)
        })
    };
    let (before, after) = (count(old, Line::tells), count(new, Line::tells));
    more(before, &after).or_else(|| more(count(new, Line::hides), &count(old, Line::hides)))
}

/// Whether a file is a shell's, by its name or first line.
fn is_shell(path: &str, text: &str) -> bool {
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    let first = text.lines().next().unwrap_or_default();
    let shells = ["sh", "bash", "dash", "ksh", "zsh"];
    let names = |word: &str| shells.contains(&word.rsplit('/').next().unwrap_or_default());
    ending.is_some_and(names)
        || first
            .strip_prefix("#!")
            .is_some_and(|rest| rest.split_whitespace().any(names))
}

/// A line, and those that its block begins with.
#[derive(Debug)]
struct Line {
    text: String,
    heads: Vec<String>,
    /// Whether its status is the script's.
    is_last: bool,
}

impl Line {
    fn words(&self) -> impl Iterator<Item = Vec<&str>> {
        let ends = |c: char| ";|&(){}".contains(c);
        let commands = self
            .text
            .split(ends)
            .map(|command| command.split_whitespace().collect());
        commands.filter(|words: &Vec<&str>| !words.is_empty())
    }

    fn tells(&self) -> bool {
        let first = self.text.split_whitespace().next().unwrap_or_default();
        let ends = |words: Vec<&str>| match &*words {
            [.., "exit" | "return", status] => *status != "0",
            ["set", flags @ ..] => sets(flags, '-'),
            _ => false,
        };
        matches!(first, "[" | "[[" | "test" | "cmp" | "diff") || self.words().any(ends)
    }

    fn hides(&self) -> bool {
        let ends = |words: Vec<&str>| match &*words {
            [.., "exit"] | [.., "exit", "0"] | ["exec" | "trap", ..] => true,
            ["set", flags @ ..] => sets(flags, '+'),
            _ => false,
        };
        let name = self.text.strip_prefix("function ").unwrap_or(&self.text);
        let name = name.split(['(', ' ', '{']).next().unwrap_or_default();
        let is_defined = self.text.starts_with("function ") || self.text.contains("()");
        let is_own = matches!(
            name,
            "exit" | "return" | "set" | "[" | "test" | "cmp" | "diff"
        );
        is_own && is_defined || self.words().any(ends)
    }
}

/// Whether the flags of `set` say that a command which fails ends the script, or with `+` that none does.
fn sets(flags: &[&str], mark: char) -> bool {
    let is_short =
        |flag: &&str| flag.starts_with(mark) && flag.contains('e') && !flag.contains("errexit");
    flags.iter().any(is_short)
        || flags.contains(&"errexit") && flags.iter().any(|flag| flag.starts_with(mark))
}

fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut heads: Vec<String> = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let text = bare(line);
        let first = text.split_whitespace().next().unwrap_or_default();
        let ends = |word: &str| text.split([' ', ';']).any(|own| own == word);
        match first {
            "" => continue,
            "fi" | "done" | "esac" | "}" => drop(heads.pop()),
            "else" | "elif" => {
                if let Some(head) = heads.last_mut() {
                    *head += &text;
                }
            }
            _ => {}
        }
        lines.push(Line {
            heads: heads.clone(),
            is_last: false,
            text: text.clone(),
        });
        let opens = match first {
            "if" => !ends("fi"),
            "for" | "while" | "until" | "select" => !ends("done"),
            "case" => !ends("esac"),
            _ => text.ends_with('{'),
        };
        if opens {
            heads.push(text);
        }
    }
    if let Some(last) = lines.last_mut() {
        last.is_last = true;
    }
    lines
}

/// A line without its comment, and with one blank between words.
fn bare(line: &str) -> String {
    let mut quote = None;
    let mut before = ' ';
    let end = line.char_indices().find_map(|(at, c)| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '#' && before.is_whitespace() => return Some(at),
            _ => {}
        }
        before = c;
        None
    });
    let code = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "#!/bin/sh\nset -eu\nadd() {\n    echo $(($1 - $2))\n}\nif [ \"$(add 1 2)\" != 3 ]; then\n    exit 1\nfi\n[ \"$(add 0 0)\" = 0 ] # zero\ntest \"$(add 2 2)\" = 4 || exit 2\n[ 1 = 1 ]\n";

    fn silences(from: &str, to: &str) -> Option<String> {
        let new = SCRIPT.replace(from, to);
        assert_ne!(new, SCRIPT, "{from}");
        silenced("a.sh", SCRIPT, &new)
    }

    #[test]
    fn what_tells_by_its_status_stays() {
        for (from, to) in [
            ("    exit 1\n", "    :\n"),
            ("exit 1", "exit 0"),
            ("!= 3 ]", "= 3 ]"),
            ("|| exit 2", "|| true"),
            ("set -eu\n", ""),
            ("set -eu", "set -u"),
            ("set -eu\n", "set -eu\nset +e\n"),
            ("set -eu\n", "set -eu\nexit 0\n"),
            ("set -eu\n", "set -eu\ntrap 'exit 0' EXIT\n"),
            ("set -eu\n", "set -eu\nexit() { :; }\n"),
            ("[ 1 = 1 ]\n", "[ 1 = 1 ]\ntrue\n"),
            ("[ \"$(add 0 0)\" = 0 ]", "[ 0 = 0 ]"),
            (
                "[ \"$(add 0 0)\" = 0 ] # zero\n",
                "if false; then\n[ \"$(add 0 0)\" = 0 ]\nfi\n",
            ),
        ] {
            assert!(silences(from, to).is_some(), "{to}");
        }
    }

    #[test]
    fn all_else_may_be_changed() {
        for (from, to) in [
            ("$1 - $2", "$1 + $2"),
            ("] # zero", "]  # Nothing."),
            ("add() {\n", "add() {\n    # Adds.\n    local a=$1\n"),
        ] {
            assert_eq!(silences(from, to), None, "{to}");
        }
        assert_eq!(silenced("a.txt", "exit 1\n", "x\n"), None);
        assert!(silenced("tool", "#!/usr/bin/env bash\nexit 1\n", "x\n").is_some());
    }
}
