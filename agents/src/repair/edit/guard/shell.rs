//! What a script of a shell says by its status, where it is its own test.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A line that says by the script's status whether it is right, and that a new version has no longer, or under
/// another condition; or what takes a status away and is new.
///
/// These are `exit` and `return` with another status than 0, `set -e`, comparisons and searches that stand for
/// themselves, and calls of functions that hold such. What a function of the script finds with `grep` may be what it is there for: in one it is a search
/// only with `-q`.
pub(super) fn silenced(path: &str, old: &str, new: &str) -> Option<String> {
    if !is_shell(path, old) {
        return None;
    }
    let (old, new) = (lines(old), lines(new));
    let checks = old.iter().filter(|line| line.checks());
    let checking: BTreeSet<&str> = checks.filter_map(Line::function).collect();
    let leaves = |line: &Line| {
        let is_checking = line.function().is_some_and(|of| checking.contains(of));
        is_checking && line.succeeds()
    };
    let calls = |line: &Line| line.function().is_none() && checking.contains(line.first());
    let tells = |line: &Line| line.tells() || calls(line);
    // That what was done fails may have been what told.
    let outside = old.iter().filter(|line| line.function().is_none());
    let done: BTreeSet<&str> = outside.map(Line::command).collect();
    let ignores = |line: &Line| {
        let is_called = |words: Vec<&str>| words.first().is_some_and(|of| checking.contains(*of));
        let is_told = || line.checks() || line.words().any(is_called);
        line.is_ignored() && (done.contains(line.command()) || is_told())
    };
    let hides = |line: &Line| line.hides() || leaves(line) || ignores(line);
    let (before, after) = (counted(&old, tells), counted(&new, tells));
    more(before, &after).or_else(|| more(counted(&new, hides), &counted(&old, hides)))
}

/// Lines by what is compared of them: how often each is there, and its text.
type Counts = BTreeMap<String, (usize, String)>;

fn counted(lines: &[Line], is_wanted: impl Fn(&Line) -> bool) -> Counts {
    let mut counts = Counts::new();
    for line in lines.iter().filter(|line| is_wanted(line)) {
        let heads = line.heads.join("\n");
        let key = format!("{} {heads} {}", line.is_last, line.text);
        counts.entry(key).or_insert((0, line.text.clone())).0 += 1;
    }
    counts
}

/// A line that is more often among some than among others.
fn more(some: Counts, others: &Counts) -> Option<String> {
    some.into_iter().find_map(|(key, (times, text))| {
        let known = others.get(&key).map_or(0, |(times, _)| *times);
        (times > known).then_some(text)
    })
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

    fn first(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }

    /// What is done first, whatever comes of it.
    fn command(&self) -> &str {
        self.text.split("||").next().unwrap_or_default().trim()
    }

    /// Whether it is what a function begins with whose `{` stands in the next line.
    fn is_head(&self) -> bool {
        self.text.ends_with("()") || self.text.starts_with("function ") && !self.text.contains('{')
    }

    /// The function that it stands in.
    fn function(&self) -> Option<&str> {
        let functions = self.heads.iter().filter(|head| head.ends_with('{'));
        functions.rev().find_map(|head| defined(head))
    }

    /// Whether it says by the script's status whether that is right.
    fn tells(&self) -> bool {
        let ends = |words: Vec<&str>| match &*words {
            [.., "return", status] => *status != "0",
            ["set", flags @ ..] => sets(flags, '-'),
            _ => false,
        };
        self.checks() || self.words().any(ends)
    }

    /// Whether it compares, looks for something or ends the script with a status that is none of success.
    fn checks(&self) -> bool {
        let ends = |words: Vec<&str>| matches!(&*words, [.., "exit", status] if *status != "0");
        COMPARISONS.contains(&self.first()) || self.searches() || self.words().any(ends)
    }

    /// Whether its status is that of a search, of which nothing else is used.
    fn searches(&self) -> bool {
        let is_used = self.text.contains("$(") || self.text.contains('`');
        let is_quiet = |words: &[&str]| {
            let mut flags = words.iter().filter(|word| word.starts_with('-'));
            flags.any(|flag| {
                matches!(*flag, "--quiet" | "--silent")
                    || !flag.starts_with("--") && flag.contains('q')
            })
        };
        let mut all = self.words().filter(|words| {
            let first = words
                .iter()
                .find(|word| !matches!(**word, "!" | "if" | "while" | "until"));
            first.is_some_and(|first| matches!(*first, "grep" | "egrep" | "fgrep"))
        });
        let is_written = self.text.contains('>') && !self.text.contains("/dev/null");
        let is_alone = self.function().is_none() && !is_used && !is_written;
        all.any(|words| is_alone || is_quiet(&words))
    }

    /// Whether it leaves a function with success: `return`, `return 0`.
    fn succeeds(&self) -> bool {
        let ends = |words: Vec<&str>| matches!(&*words, [.., "return"] | [.., "return", "0"]);
        self.words().any(ends)
    }

    /// Whether it takes a status away.
    fn hides(&self) -> bool {
        let ends = |words: Vec<&str>| match &*words {
            [.., "exit"] | [.., "exit", "0"] | ["exec" | "trap", ..] => true,
            ["set", flags @ ..] => sets(flags, '+'),
            _ => false,
        };
        let is_own = |name: &str| {
            COMPARISONS.contains(&name)
                || matches!(name, "exit" | "return" | "set" | "grep" | "egrep" | "fgrep")
        };
        defined(&self.text).is_some_and(is_own) || self.words().any(ends)
    }

    /// Whether it goes on where what it does fails, though that may tell something.
    ///
    /// What is assigned may be nothing, what is counted 0, and a function of the program may well ignore a failure.
    fn is_ignored(&self) -> bool {
        let mut commands = self.text.split("||").skip(1);
        let is_nothing = |command: &str| matches!(command.trim(), "true" | ":" | "/bin/true");
        let is_assigned = self.first().contains('=') && !self.first().starts_with("((");
        let may_be = is_assigned
            || EFFECTS.contains(&self.first())
            || self.counts()
            || self.function().is_some();
        !may_be && commands.any(is_nothing)
    }

    /// Whether it does no more than to set a number: `((count++))`. What compares numbers tells something.
    fn counts(&self) -> bool {
        let inside = self
            .command()
            .strip_prefix("((")
            .and_then(|rest| rest.strip_suffix("))"));
        inside.is_some_and(|inside| {
            let is_set = ["++", "--", "="].iter().any(|sign| inside.contains(sign));
            is_set
                && !inside.contains("==")
                && !inside.contains(['<', '>', '!', '(', '`', ';', '&'])
        })
    }
}

/// What compares and tells by its status alone.
const COMPARISONS: [&str; 5] = ["[", "[[", "test", "cmp", "diff"];

/// What is called for what it does, and not for its status.
const EFFECTS: [&str; 10] = [
    "cd", "cp", "kill", "ln", "mkdir", "mv", "read", "rm", "rmdir", "touch",
];

/// The function that a line begins to define.
fn defined(line: &str) -> Option<&str> {
    let name = line.strip_prefix("function ").unwrap_or(line);
    let is_defined = line.starts_with("function ") || line.contains("()");
    name.split(['(', ' ', '{']).next().filter(|_| is_defined)
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
        let head = match lines.last() {
            Some(before) if text == "{" && before.is_head() => format!("{} {{", before.text),
            _ => text.clone(),
        };
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
            heads.push(head);
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

    const SCRIPT: &str = "#!/bin/sh\nset -eu\nnames() {\n    grep -v \"^#\" \"$1\" || true\n    return 0\n}\nsame() {\n    [ \"$1\" = \"$2\" ] || exit 3\n}\nadd() {\n    echo $(($1 - $2))\n}\nif [ \"$(add 1 2)\" != 3 ]; then\n    exit 1\nfi\n[ \"$(add 0 0)\" = 0 ] # zero\ntest \"$(add 2 2)\" = 4 || exit 2\nadd 1 2 | grep -q 3\nadd 2 2 | grep 4\nsame \"$(add 1 1)\" 2\nif ! names a | grep -q b; then\n    exit 4\nfi\n[ 1 = 1 ]\n";

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
            ("grep -q 3", "grep -q ."),
            ("grep 4", "grep -c 5"),
            ("grep -q b", "grep -q ."),
            ("grep -q 3", "grep -q 3 || true"),
            ("same \"$(add 1 1)\" 2\n", "true\n"),
            ("same \"$(add 1 1)\" 2", "same \"$(add 1 1)\" 2 || true"),
            ("same \"$(add 1 1)\" 2", "same 2 2"),
            ("add 2 2 |", "add 2 2 || true |"),
            ("same() {\n", "same() {\n    return\n"),
            ("same() {\n", "same() {\n    if true; then return 0; fi\n"),
            ("set -eu\n", "set -eu\ngrep() { :; }\n"),
        ] {
            assert!(silences(from, to).is_some(), "{to}");
        }
    }

    #[test]
    fn a_failure_that_tells_nothing_may_be_ignored() {
        for line in [
            "((count++)) || true",
            "(( count += 2 )) || :",
            "read -r a || true",
            "wait $! || true",
            "cd src || true",
        ] {
            let to = format!("set -eu\n{line}\n");
            assert_eq!(silences("set -eu\n", &to), None, "{line}");
        }
        let old = "#!/bin/bash\nset -e\ncount=0\n((count++))\nread -r a\n./check a\nwait $!\n(( $(./add 1 2) == 3 ))\n((a == 3))\n((a==4))\n((count))\nsame() {\n    [ $1 = $2 ] || exit 1\n}\nsame 1 $count\n";
        for (line, is_silenced) in [
            ("((count++))", false),
            ("read -r a", false),
            ("./check a", true),
            ("wait $!", true),
            ("(( $(./add 1 2) == 3 ))", true),
            ("((a == 3))", true),
            ("((a==4))", true),
            ("((count))", true),
            ("same 1 $count", true),
        ] {
            let new = old.replace(&format!("\n{line}\n"), &format!("\n{line} || true\n"));
            assert_ne!(new, old, "{line}");
            let found = silenced("a.sh", old, &new);
            assert_eq!(found.is_some(), is_silenced, "{line}");
        }
        for line in ["[ -f a ] || true", "same 1 2 || true", "grep a b || true"] {
            let new = old.replace("set -e\n", &format!("set -e\n{line}\n"));
            assert!(silenced("a.sh", old, &new).is_some(), "{line}");
        }
    }

    #[test]
    fn a_function_may_open_in_the_next_line() {
        for head in [
            "find_all()\n{",
            "function find_all\n{",
            "find_all ()  # All.\n{",
        ] {
            let old = format!(
                "#!/bin/bash\n{head}\n    grep a \"$1\"\n}}\nsame()\n{{\n    [ \"$1\" = 1 ] || exit 1\n}}\nsame 1\n"
            );
            for (from, to, is_silenced) in [
                ("grep a \"$1\"", "grep b \"$1\" || true", false),
                ("same 1", "true", true),
                ("exit 1", "true", true),
                ("same()\n{\n", "same() {\n", false),
                ("same()\n{\n", "same()\n{\n    return 0\n", true),
            ] {
                let new = old.replace(from, to);
                assert_ne!(new, old, "{from}");
                let found = silenced("a.sh", &old, &new);
                assert_eq!(found.is_some(), is_silenced, "{new}");
            }
        }
    }

    #[test]
    fn all_else_may_be_changed() {
        for (from, to) in [
            ("$1 - $2", "$1 + $2"),
            ("] # zero", "]  # Nothing."),
            ("add() {\n", "add() {\n    # Adds.\n    local a=$1\n"),
            ("grep -v", "grep -iv"),
            (
                "    return 0\n",
                "    if [[ -z $1 ]]; then return; fi\n    return 0\n",
            ),
            ("add() {\n", "add() {\n    [[ $1 ]] || return 0\n"),
            ("set -eu\n", "set -eu\nlast=$(tail -n 1 log || true)\n"),
            ("add() {\n", "add() {\n    read -r a || true\n"),
            ("set -eu\n", "set -eu\nrm old || true\n"),
            ("set -eu\n", "set -eu\nlast=$(tail log) || true\n"),
        ] {
            assert_eq!(silences(from, to), None, "{to}");
        }
        assert_eq!(silenced("a.txt", "exit 1\n", "x\n"), None);
        assert!(silenced("tool", "#!/usr/bin/env bash\nexit 1\n", "x\n").is_some());
    }
}
