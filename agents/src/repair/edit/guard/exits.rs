//! Ways to end a process so that it seems to have passed its tests.

use std::collections::{BTreeMap, HashSet};

use super::{
    names::{Named, named},
    statements::{Statement, defined, name},
};
use crate::repair::edit::syntax::{Grammar, Node, Source};

/// What a new version of a file ends the process by and the old one does not: with status 0, or with one
/// that is not known. A program that does in the process of its tests passes them all.
///
/// Functions that end it are known by the names that imports give them, and so also where they are not called
/// but kept for later; `_exit` wherever it stands, whatever it is of, as the whole of a string too. What is
/// not seen: a name that is put together (`"_ex" + "it"`) or bound otherwise than by an import, code in a
/// string that is evaluated, and system calls made by hand.
///
/// In the same function one may take the place of another of its kind. Where no test comes by,
/// `if __name__ == "__main__":` and `fn main`, a program may end with the status of what it did, or at its
/// end; a file that is the test itself, `is_signal`, at its end alone.
pub(super) fn exit(old: &Source, new: &Source, is_signal: bool) -> Option<&'static str> {
    let before = ends(old, is_signal);
    let known = |place: &Place| before.get(place).map_or(&[][..], |ends| ends);
    let mut all = ends(new, is_signal).into_iter();
    all.find_map(|(place, ends)| {
        let old = known(&place);
        let is_new = |end: &&'static str| !old.contains(end);
        let end = ends.iter().find(|end| is_new(end)).or(ends.last());
        end.copied().filter(|_| ends.len() > old.len())
    })
}

/// The functions around an end, and of which kind it is.
type Place = (Vec<String>, Kind);

/// What an end does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Raises what a runner of tests may catch.
    Raises,
    /// Leaves nothing behind.
    Ends,
    /// Has a test not run.
    Skips,
}

/// The ends of a program that may be a success, by their places.
fn ends(source: &Source, is_signal: bool) -> BTreeMap<Place, Vec<&'static str>> {
    let mut ends: BTreeMap<Place, Vec<&'static str>> = BTreeMap::new();
    for (end, named, around) in each(source) {
        let kind = match end {
            "sys.exit" | "exit" | "quit" | "SystemExit" | "parser.exit" => Kind::Raises,
            "pytest.exit" | "pytest.skip" | "pytest.importorskip" | "pytest.xfail" | "SkipTest" => {
                Kind::Skips
            }
            _ => Kind::Ends,
        };
        if fails(&named) || kind == Kind::Raises && tells(&named) {
            continue;
        }
        let may_end = kind == Kind::Raises || end == "process::exit";
        if !(may_end && is_where_it_ends(&named, &around, is_signal)) {
            ends.entry((around.functions, kind)).or_default().push(end);
        }
    }
    ends
}

/// All that may end the process: what it is, what names it, and the statement.
pub(super) fn each(source: &Source) -> impl Iterator<Item = (&'static str, Named<'_>, Statement)> {
    let has = |words: &[&str]| {
        source
            .root()
            .tokens()
            .any(|token| words.contains(&token.text()))
    };
    let is_rust = source.grammar() == Grammar::Rust;
    let may_be = |name: &str| match name {
        "_exit" | "exit" | "quit" | "abort" | "SystemExit" => true,
        "skip" | "importorskip" | "xfail" | "SkipTest" => true,
        name => name.starts_with("exec"),
    };
    let (all, modules) = named(source, may_be);
    let of_parser = !is_rust && has(&PARSERS);
    let replaces = is_rust && has(&["CommandExt", "unix"]);
    all.into_iter().filter_map(move |named| {
        let end = match is_rust {
            false => of_python(&named, of_parser, source),
            true => of_rust(&named, &modules, replaces),
        }?;
        let around = Statement::of(named.node)?;
        Some((end, named, around))
    })
}

/// Whether a program may end here: no test is kept from being run.
fn is_where_it_ends(named: &Named<'_>, around: &Statement, is_signal: bool) -> bool {
    let is_python = named.node.grammar() == Grammar::Python;
    let is_main = match is_python {
        true => {
            let mut heads = around.heads.iter();
            around.functions.is_empty()
                && heads.any(|head| head.starts_with("if __name__==\"__main__\":"))
        }
        false => {
            around.functions == ["main"]
                && around.heads.last().is_some_and(|head| head == "fn main")
        }
    };
    let is_script = is_python && is_signal && around.functions.is_empty();
    let is_told = !succeeds(named) && named.after.first() == Some(&"(");
    match is_signal {
        true => (is_main || is_script) && around.is_last,
        false => is_main && (around.is_last || is_told),
    }
}

/// Whether it is called so that it says that all is well.
pub(super) fn succeeds(named: &Named<'_>) -> bool {
    matches!(
        &*named.after,
        ["(", ")", ..] | ["(", "0" | "None" | "False", ")", ..]
    )
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

fn of_python(named: &Named<'_>, parses: bool, source: &Source) -> Option<&'static str> {
    let is_own = matches!(named.path.0, "self" | "cls") || named.before == "def";
    let is_called = named.after.first() == Some(&"(") && named.before != "def";
    let is_class = |of: Node<'_>| of.kind() == "class_definition";
    let is_given = |of: Node<'_>| of.kind() == "argument_list" && of.parent().is_some_and(is_class);
    let is_base = || named.node.ancestors().any(is_given);
    let is_raised = is_called || matches!(named.before, "raise" | "=") || is_base();
    match named.path {
        (_, "_exit") if !is_own => Some("os._exit"),
        ("os", "abort") => Some("os.abort"),
        ("os", name) if name.starts_with("exec") => Some("os.exec…"),
        ("sys", "exit") => Some("sys.exit"),
        ("pytest", "exit") => Some("pytest.exit"),
        ("pytest", "skip") => Some("pytest.skip"),
        ("pytest", "importorskip") => Some("pytest.importorskip"),
        ("pytest", "xfail") => Some("pytest.xfail"),
        (_, "SystemExit") if is_raised => Some("SystemExit"),
        (_, "SkipTest") if is_raised => Some("SkipTest"),
        (parent, "exit") if parses && is_called && !parent.is_empty() => Some("parser.exit"),
        // A variable may have these names.
        ("", own) if is_called && source.root().children().any(|node| is_function(node, own)) => {
            None
        }
        ("" | "builtins", "exit") if is_called => Some("exit"),
        ("" | "builtins", "quit") if is_called => Some("quit"),
        _ => None,
    }
}

/// Whether a statement defines a function of this name.
fn is_function(statement: Node<'_>, own: &str) -> bool {
    let defined = defined(statement).filter(|defined| defined.kind() == "function_definition");
    defined.and_then(name) == Some(own)
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

/// Whether it is called with a number other than 0, of which an operating system keeps the last eight bits.
fn fails(named: &Named<'_>) -> bool {
    match &*named.after {
        ["(", digits, ")", ..] | ["(", "-", digits, ")"] => {
            digits.parse::<i64>().is_ok_and(|status| status % 256 != 0)
        }
        _ => false,
    }
}

/// Whether it is called with a text, which is told and means 1.
fn tells(named: &Named<'_>) -> bool {
    let begin = named.node.bytes().start;
    let mut outer = named
        .node
        .ancestors()
        .take_while(|of| of.bytes().start == begin);
    let call = outer.find(|of| of.kind() == "call");
    let given = call.and_then(|call| call.field("arguments"));
    let given: Vec<Node<'_>> = given.into_iter().flat_map(Node::children).collect();
    matches!(&*given, [_, only, _] if only.kind() == "string")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(path: &str, old: &str, new: &str, is_signal: bool) -> Option<&'static str> {
        super::exit(&Source::of(path, old)?, &Source::of(path, new)?, is_signal)
    }

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
            (
                "a.py",
                "import pytest\nnumpy = pytest.importorskip('numpy')",
                Some("pytest.importorskip"),
            ),
            (
                "a.py",
                "from pytest import xfail\nif x: xfail('later')",
                Some("pytest.xfail"),
            ),
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
            // Of a status eight bits are kept.
            ("a.rs", "std::process::exit(256);", Some("process::exit")),
            (
                "a.rs",
                "extern \"C\" { fn _exit(code: i32) -> !; } unsafe { _exit(0) }",
                Some("_exit"),
            ),
        ] {
            assert_eq!(exit(path, "", new, false), found, "{new}");
            assert_eq!(exit(path, new, new, false), None, "{new}");
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
            ("a.py", "@pytest.mark.xfail\ndef test_a(): pass"),
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
            assert_eq!(exit(path, "", new, false), None, "{new}");
        }
    }

    #[test]
    fn an_honest_end_is_none() {
        const MAIN: &str = "if __name__ == '__main__':\n    ";
        for (path, old, new) in [
            ("a.py", "", "def f():\n    sys.exit('usage: a')"),
            ("a.py", "", "sys.exit(f'no {name}')"),
            ("a.py", "", &format!("{MAIN}sys.exit(main())\n")),
            (
                "a.py",
                "",
                &format!("{MAIN}code = main()\n    sys.exit(code)\n    # end\n"),
            ),
            ("a.py", "", &format!("{MAIN}main()\n    sys.exit(0)\n")),
            (
                "a.py",
                "",
                "if __name__ == \"__main__\": sys.exit(main())\n",
            ),
            (
                "a.py",
                "def f():\n    quit()\n",
                "import sys\ndef f():\n    sys.exit()\n",
            ),
            ("a.py", "exit(0)\n", "import sys\nsys.exit(0)\n"),
            ("a.py", "", "def quit():\n    pass\ndef f():\n    quit()\n"),
            (
                "a.rs",
                "",
                "fn main() {\n    std::process::exit(run());\n}\n",
            ),
            (
                "a.rs",
                "",
                "fn main() {\n    if run() {\n        std::process::exit(0);\n    }\n}\n",
            ),
        ] {
            assert_eq!(exit(path, old, new, false), None, "{new}");
        }
        let script = format!("main()\n{MAIN}sys.exit(main())\n");
        assert_eq!(exit("a.py", "", &script, true), None);
        assert_eq!(exit("a.py", "", "main()\nsys.exit(0)\n", true), None);
    }

    #[test]
    fn an_end_that_keeps_a_test_from_running_is_found() {
        const MAIN: &str = "if __name__ == '__main__':\n    ";
        for (path, old, new, is_signal) in [
            ("a.py", "", "sys.exit(main())\n", false),
            ("a.py", "", "sys.exit('a' and 0)\n", false),
            ("a.py", "", "sys.exit('' or 0)\n", false),
            (
                "a.py",
                "",
                &format!("{MAIN}sys.exit(0)\n    check()\n"),
                false,
            ),
            (
                "a.py",
                "",
                &format!("{MAIN}sys.exit(main())\n    check()\n"),
                true,
            ),
            ("a.py", "", "sys.exit(0)\ncheck()\n", true),
            (
                "a.py",
                "",
                "if __name__ != '__main__':\n    sys.exit(0)\n",
                false,
            ),
            (
                "a.py",
                "",
                &format!("def f():\n    if __name__:\n        {}", "sys.exit(f())\n"),
                false,
            ),
            ("a.py", "", &format!("{MAIN}os._exit(0)\n"), false),
            // Another kind, or another place.
            (
                "a.py",
                "def f():\n    quit()\n",
                "def f():\n    os._exit(0)\n",
                false,
            ),
            (
                "a.py",
                "def f():\n    quit()\n",
                "def g():\n    quit()\n",
                false,
            ),
            (
                "a.py",
                "",
                "class A:\n    def quit(self): pass\nquit()\n",
                false,
            ),
            (
                "a.rs",
                "",
                "fn main() {\n    std::process::exit(0);\n    run();\n}\n",
                false,
            ),
            (
                "a.rs",
                "",
                "fn run() {\n    std::process::exit(code());\n}\n",
                false,
            ),
            (
                "a.rs",
                "",
                "fn main() {\n    std::process::exit(run());\n    check();\n}\n",
                true,
            ),
        ] {
            assert!(exit(path, old, new, is_signal).is_some(), "{new}");
        }
    }
}
