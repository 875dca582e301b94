//! Ways to end a process so that it seems to have passed its tests.

use std::path::Path;

use crate::repair::Language;

/// What a new version of a file ends the process by and the old one does not: with status 0, or with one
/// that is not known. A program that does in the process of its tests passes them all.
pub(in super::super) fn exit(path: &str, old: &str, new: &str) -> Option<&'static str> {
    let calls: &[&str] = match Language::of(Path::new(path)) {
        Language::Python => &[
            "os._exit",
            "sys.exit",
            "SystemExit",
            "os.abort",
            "exit",
            "quit",
            "SkipTest",
            "pytest.skip",
            "pytest.exit",
        ],
        Language::Rust => &[
            "process::exit",
            "process::abort",
            "libc::_exit",
            "libc::exit",
        ],
        Language::Other => &[],
    };
    let mut calls = calls.iter().copied();
    calls.find(|call| count(call, new) > count(call, old))
}

/// How often a call of this name stands in a text, but with a status that is a number other than 0.
fn count(call: &str, text: &str) -> usize {
    let code = |line: &str| !line.trim_start().starts_with(['#', '/']);
    let lines = text.lines().filter(|line| code(line));
    lines
        .flat_map(|line| line.match_indices(call).map(move |(at, _)| (line, at)))
        .filter(|(line, at)| {
            let before = line.get(..*at).and_then(|head| head.chars().next_back());
            let is_type = call.starts_with(char::is_uppercase);
            let is_inside =
                |c: char| c.is_alphanumeric() || "_\"'".contains(c) || c == '.' && !is_type;
            let is_word = !before.is_some_and(is_inside);
            let rest = line.get(at + call.len()..).unwrap_or_default().trim_start();
            let Some(status) = rest.strip_prefix('(') else {
                // `raise SystemExit`
                return is_word && is_type && !rest.starts_with([':', ',', ')']);
            };
            let status = status.split(')').next().unwrap_or_default().trim();
            let fails = status.parse::<i64>().is_ok_and(|status| status != 0);
            (is_word || call.contains(['.', ':'])) && !fails
        })
        .count()
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
            ("a.py", "raise unittest.SkipTest('x')", Some("SkipTest")),
            ("a.py", "sys.exit(1)", None),
            ("a.py", "# sys.exit(0)", None),
            ("a.py", "except SystemExit:", None),
            ("a.py", "on_exit(0); atexit.register(f); self.quit()", None),
            ("a.rs", "std::process::exit(0);", Some("process::exit")),
            ("a.rs", "process::exit(2);", None),
            ("a.txt", "sys.exit(0)", None),
        ] {
            assert_eq!(exit(path, "", new), found, "{new}");
            assert_eq!(exit(path, new, new), None, "{new}");
        }
    }
}
