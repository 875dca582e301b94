//! What a program says by the status that it ends with, where it is its own test.

use std::collections::HashSet;

use super::{
    exits::{each, succeeds},
    panics::panics,
    statements::{Statement, own, statements},
};
use crate::repair::{
    edit::syntax::{Source, words},
    word,
};

/// What ends a process with a status that it is given.
const ENDS: [&str; 8] = [
    "sys.exit",
    "exit",
    "quit",
    "SystemExit",
    "os._exit",
    "_exit",
    "process::exit",
    "libc::exit",
];

/// The statements of a program by which the process ends with a status that says something: another one than 0, or that
/// of a panic. One that depends on how the program was called says nothing of it.
pub(super) fn failures(source: &Source) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut telling: HashSet<&str> = HashSet::new();
    for (end, named, around) in each(source) {
        let is_called = named.after.first() == Some(&"(");
        if is_called && !succeeds(&named) && ENDS.contains(&end) {
            // What a function returns may be the status.
            if let ["(", name, "(", ..] = *named.after {
                telling.insert(name);
            }
            found.push(around);
        }
    }
    for node in statements(source.root()) {
        let tokens = words(own(node));
        let is_status = tokens
            .windows(3)
            .any(|three| three == ["ExitCode", "::", "FAILURE"]);
        let is_returned = match &*tokens {
            ["return", "0" | "None" | "False" | ";", ..] | ["return"] => false,
            ["return", ..] => true,
            _ => false,
        };
        if !is_status && !is_returned {
            continue;
        }
        let of = Statement::of(node);
        let is_telling = |of: &Statement| {
            of.functions
                .first()
                .is_some_and(|of| telling.contains(&**of))
        };
        found.extend(of.filter(|of| is_status || tokens.contains(&"ExitCode") || is_telling(of)));
    }
    found.extend(panics(source));
    let is_of_its_call = |found: &Statement| {
        let mut words = found.heads.iter().flat_map(|head| word::words(head));
        words.any(|word| matches!(word, "argv" | "args" | "environ" | "getenv" | "env"))
    };
    found.retain(|found| !is_of_its_call(found));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_are_a_failure_are_found() {
        let of = |path: &str, text: &str| -> Vec<String> {
            let found = failures(&Source::of(path, text).unwrap()).into_iter();
            found.map(|found| found.same).collect()
        };
        for (path, text, expected) in [
            (
                "a.py",
                "if f() != 1:\n    sys.exit(1)\n",
                &["sys.exit(1)"][..],
            ),
            (
                "a.py",
                "from sys import exit as q\nq('no')\nq(0)\n",
                &["q(\"no\")"],
            ),
            (
                "a.py",
                "raise SystemExit(2)\nsys.exit()\nraise SystemExit\n",
                &["raise SystemExit(2)"],
            ),
            (
                "a.py",
                "def main():\n    if f():\n        return 1\n    return 0\ndef g():\n    return 2\nsys.exit(main())\n",
                &["sys.exit(main())", "return 1"],
            ),
            // How it was called is no test.
            ("a.py", "if len(sys.argv) < 2:\n    sys.exit(1)\n", &[]),
            (
                "a.rs",
                "fn main() {\n    if env::args().count() < 2 { panic!(); }\n    if f() { panic!(\"f\"); }\n}\n",
                &["panic!(\"f\");"],
            ),
            (
                "a.rs",
                "fn main() {\n    std::process::exit(1);\n}\n",
                &["std::process::exit(1);"],
            ),
            (
                "a.rs",
                "fn main() -> ExitCode {\n    if f() { return ExitCode::FAILURE; }\n    ExitCode::SUCCESS\n}\n",
                &["return ExitCode::FAILURE;"],
            ),
        ] {
            assert_eq!(of(path, text), expected, "{text}");
        }
    }
}
