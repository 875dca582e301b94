//! What a program says by the status that it ends with, where it is its own test.

use std::collections::HashSet;

use super::{
    exits::each,
    names::{syntax, tokens},
    statements::{Statement, statements},
};

/// The statements of a text by which the process ends with a status that says something: another one than 0. One
/// that depends on how the program was called says nothing of it.
pub(super) fn failures(path: &str, text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut telling: HashSet<String> = HashSet::new();
    each(path, text, |named, end, around, _| {
        let is_success = matches!(
            named.after,
            ["(", ")", ..] | ["(", "0" | "None" | "False", ")", ..]
        );
        let is_called = named.after.first() == Some(&"(");
        let ends = [
            "sys.exit",
            "exit",
            "quit",
            "SystemExit",
            "os._exit",
            "_exit",
            "process::exit",
            "libc::exit",
        ];
        if is_called && !is_success && ends.contains(&end) {
            // What a function returns may be the status.
            if let ["(", name, "(", ..] = named.after {
                telling.insert((*name).to_owned());
            }
            found.push(around);
        }
    });
    if let Some(syntax) = syntax(path) {
        let returns = statements(text, syntax, |code| {
            let tokens = tokens(code);
            let is_failure = tokens
                .windows(4)
                .any(|four| four == ["ExitCode", ":", ":", "FAILURE"]);
            let status = tokens.iter().position(|token| *token == "return");
            let status = status.and_then(|at| tokens.get(at + 1));
            is_failure
                || status
                    .is_some_and(|status| !matches!(*status, "0" | "None" | "False" | "\n" | ";"))
        });
        let is_status = |found: &Statement| {
            let of = found.functions.first();
            found.code.contains("ExitCode") || of.is_some_and(|of| telling.contains(of))
        };
        found.extend(returns.into_iter().filter(is_status));
    }
    let is_of_its_call = |found: &Statement| {
        let heads = found
            .heads
            .iter()
            .flat_map(|head| tokens(head).into_iter().map(str::to_owned));
        heads
            .into_iter()
            .any(|word| matches!(&*word, "argv" | "args" | "environ" | "getenv" | "env"))
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
            let found = failures(path, text).into_iter();
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
                "fn main() {\n    std::process::exit(1);\n}\n",
                &["std::process::exit(1);"],
            ),
            (
                "a.rs",
                "fn main() -> ExitCode {\n    if f() { return ExitCode::FAILURE; }\n    ExitCode::SUCCESS\n}\n",
                &["if f(){return ExitCode::FAILURE;}"],
            ),
        ] {
            assert_eq!(of(path, text), expected, "{text}");
        }
    }
}
