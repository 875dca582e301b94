//! Ways to end a process so that it seems to have passed its tests.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use super::{
    names::{Named, Syntax, is_word, named, tokens},
    python, rust,
};
use crate::repair::Language;

/// What a new version of a file ends the process by and the old one does not: with status 0, or with one
/// that is not known. A program that does in the process of its tests passes them all.
///
/// Functions that end it are known by the names that imports give them, and so also where they are not called
/// but kept for later; `_exit` wherever it stands, whatever it is of, as the whole of a string too. What is
/// not seen: a name that is put together (`"_ex" + "it"`) or bound otherwise than by an import, code in a
/// string that is evaluated, and system calls made by hand.
pub(super) fn exit(path: &str, old: &str, new: &str) -> Option<&'static str> {
    let language = Language::of(Path::new(path));
    let before = ends(language, old);
    let count = |end: &str| before.get(end).copied().unwrap_or(0);
    let mut all = ends(language, new).into_iter();
    all.find(|(end, times)| *times > count(end))
        .map(|(end, _)| end)
}

/// How often a text has each of the ends.
fn ends(language: Language, text: &str) -> BTreeMap<&'static str, usize> {
    let (code, syntax) = match language {
        Language::Python => (python::code(text), Syntax::Python),
        Language::Rust => (rust::code(text), Syntax::Rust),
        Language::Other => return BTreeMap::new(),
    };
    let tokens = tokens(&code);
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(token));
    let (parses, replaces) = (has(&PARSERS), has(&["CommandExt", "unix"]));
    let mut ends = BTreeMap::new();
    let (all, modules) = named(&tokens, syntax);
    for named in all {
        let end = match syntax {
            Syntax::Python => of_python(&named, parses),
            Syntax::Rust => of_rust(&named, &modules, replaces),
        };
        if let Some(end) = end.filter(|_| !fails(&named)) {
            *ends.entry(end).or_default() += 1;
        }
    }
    ends
}

/// What reads a command line, and ends the process by a method of its own.
const PARSERS: [&str; 6] = [
    "argparse",
    "ArgumentParser",
    "optparse",
    "OptionParser",
    "click",
    "typer",
];

fn of_python(named: &Named<'_>, parses: bool) -> Option<&'static str> {
    let is_own = matches!(named.path.0, "self" | "cls") || named.before == "def";
    let is_called = named.after.first() == Some(&"(") && named.before != "def";
    let is_raised = is_called || matches!(named.before, "raise" | "=") || named.head == "class";
    match named.path {
        (_, "_exit") if !is_own => Some("os._exit"),
        ("os", "abort") => Some("os.abort"),
        ("os", name) if name.starts_with("exec") => Some("os.exec…"),
        ("sys", "exit") => Some("sys.exit"),
        ("pytest", "exit") => Some("pytest.exit"),
        ("pytest", "skip") => Some("pytest.skip"),
        (_, "SystemExit") if is_raised => Some("SystemExit"),
        (_, "SkipTest") if is_raised => Some("SkipTest"),
        (parent, "exit") if parses && is_called && !parent.is_empty() => Some("parser.exit"),
        // A variable may have these names.
        ("" | "builtins", "exit") if is_called => Some("exit"),
        ("" | "builtins", "quit") if is_called => Some("quit"),
        _ => None,
    }
}

fn of_rust(named: &Named<'_>, modules: &HashSet<&str>, replaces: bool) -> Option<&'static str> {
    let is_called = named.after.first() == Some(&"(") && named.before != "fn";
    match named.path {
        // No method: that is the program's own.
        (_, "_exit") if !matches!(named.before, "fn" | ".") => Some("_exit"),
        ("", "exit") if modules.contains("process") => Some("process::exit"),
        ("", "exit") if modules.contains("libc") => Some("libc::exit"),
        ("process", "exit") => Some("process::exit"),
        ("process", "abort") => Some("process::abort"),
        ("libc", "exit") => Some("libc::exit"),
        // Another program takes its place, and that may succeed.
        (_, "exec") if replaces && is_called => Some("Command::exec"),
        ("libc" | "unistd" | "nix", name) if name.starts_with("exec") => Some("exec…"),
        _ => None,
    }
}

/// Whether it is called with a number other than 0.
fn fails(named: &Named<'_>) -> bool {
    let number = |digits: &str| digits.parse::<i64>().is_ok_and(|status| status != 0);
    match named.after {
        ["(", digits, ")", ..] | ["(", "-", digits, ")", ..] => is_word(digits) && number(digits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_may_be_a_success_are_found() {
        for (path, new, found) in [
            ("a.py", "os._exit(0)", Some("os._exit")),
            ("a.py", "import sys; sys.exit()", Some("sys.exit")),
            ("a.py", "sys.exit(main())", Some("sys.exit")),
            ("a.py", "    exit(0)", Some("exit")),
            ("a.py", "raise SystemExit", Some("SystemExit")),
            ("a.py", "raise SystemExit from error", Some("SystemExit")),
            ("a.py", "class Stop(SystemExit): pass", Some("SystemExit")),
            ("a.py", "raise unittest.SkipTest('x')", Some("SkipTest")),
            ("a.rs", "std::process::exit(0);", Some("process::exit")),
            // Under another name.
            ("a.py", "import os\nos.execvp('true', [])", Some("os.exec…")),
            ("a.py", "from os import _exit\n_exit(0)", Some("os._exit")),
            ("a.py", "from os import _exit as q\nq(0)", Some("os._exit")),
            ("a.py", "from os import *\n_exit(0)", Some("os._exit")),
            ("a.py", "from sys import exit as q\nq(0)", Some("sys.exit")),
            ("a.py", "import os as o; o._exit(0)", Some("os._exit")),
            ("a.py", "import sys as s\ns.exit(0)", Some("sys.exit")),
            ("a.py", "getattr(os, \"_exit\")(0)", Some("os._exit")),
            ("a.py", "getattr(sys, 'exit')(0)", Some("sys.exit")),
            ("a.py", "vars(os)['_exit'](0)", Some("os._exit")),
            ("a.py", "__import__('os')._exit(0)", Some("os._exit")),
            ("a.py", "leave = sys.exit\nleave(0)", Some("sys.exit")),
            ("a.py", "atexit.register(os._exit, 0)", Some("os._exit")),
            ("a.py", "f'{os._exit(0)}'", Some("os._exit")),
            (
                "a.py",
                "import argparse\nargparse.ArgumentParser().exit()",
                Some("parser.exit"),
            ),
            (
                "a.py",
                "from argparse import *\np = ArgumentParser()\np.exit(0)",
                Some("parser.exit"),
            ),
            (
                "a.rs",
                "use std::os::unix::process::CommandExt; Command::new(\"true\").exec();",
                Some("Command::exec"),
            ),
            (
                "a.rs",
                "std::os::unix::process::CommandExt::exec(&mut command);",
                Some("Command::exec"),
            ),
            (
                "a.rs",
                "use nix::unistd; unistd::execv(p, a);",
                Some("exec…"),
            ),
            (
                "a.rs",
                "use std::process; process::exit(0);",
                Some("process::exit"),
            ),
            (
                "a.rs",
                "use std::process as p; p::exit(0);",
                Some("process::exit"),
            ),
            (
                "a.rs",
                "use std::process::exit as leave; leave(0);",
                Some("process::exit"),
            ),
            (
                "a.rs",
                "use std::{process::{exit}}; let f = exit;",
                Some("process::exit"),
            ),
            (
                "a.rs",
                "use libc::*; unsafe { exit(0) }",
                Some("libc::exit"),
            ),
            ("a.rs", "unsafe { libc::_exit(0) }", Some("_exit")),
            (
                "a.rs",
                "extern \"C\" { fn _exit(code: i32) -> !; } unsafe { _exit(0) }",
                Some("_exit"),
            ),
        ] {
            assert_eq!(exit(path, "", new), found, "{new}");
            assert_eq!(exit(path, new, new), None, "{new}");
        }
    }

    #[test]
    fn what_fails_or_is_something_else_is_none() {
        for (path, new) in [
            ("a.py", "sys.exit(1)"),
            ("a.py", "raise SystemExit(-1)"),
            ("a.py", "from sys import exit as q\nq(2)"),
            ("a.py", "from os import _exit, path\nimport sys\n"),
            ("a.py", "# sys.exit(0)"),
            ("a.py", "\"\"\"\nCalls sys.exit(0).\n\"\"\""),
            ("a.py", "print('call sys.exit(0) or os._exit(0)')"),
            ("a.py", "except SystemExit:"),
            ("a.py", "except SystemExit as error:"),
            ("a.py", "with self.assertRaises(SystemExit):"),
            ("a.py", "on_exit(0); atexit.register(f); self.quit()"),
            ("a.py", "def exit(self):\n    self._exit(0); door().exit()"),
            ("a.py", "from door import exit\nexit(0)"),
            ("a.py", "exit = find()\nabort(404)"),
            ("a.py", "import argparse\nparser.exit(2)\nparser.error('x')"),
            ("a.rs", "connection.exec(\"select\"); fn exec() {}"),
            ("a.rs", "process::exit(2);"),
            ("a.rs", "use std::process::exit; exit(1);"),
            (
                "a.rs",
                "use door::exit; exit(0); door.exit(0); // process::exit(0)",
            ),
            ("a.txt", "sys.exit(0)"),
        ] {
            assert_eq!(exit(path, "", new), None, "{new}");
        }
    }
}
