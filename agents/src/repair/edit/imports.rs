//! Imports that a program written anew leaves out.

use std::path::Path;

use super::guard::python_code;
use crate::repair::Language;

/// `new` with those imports of `old` that it leaves out and uses all the same, but for those that failed
/// there, which are `broken`, and for those of names that Python has without one: what shadows these may be the
/// mistake. Only of Python, where an import too many does no harm: small models drop imports, and then repair what
/// that broke.
pub(super) fn kept(path: &str, old: &str, new: &str, broken: &[String]) -> String {
    if Language::of(Path::new(path)) != Language::Python {
        return new.to_owned();
    }
    let code = python_code(new);
    let lost: Vec<&str> = old
        .lines()
        .filter(|line| !broken.iter().any(|broken| broken == line.trim()))
        .filter(|line| {
            let is_needed = |name| uses(&code, name) && !binds(new, name) && !KNOWN.contains(&name);
            names(line).any(is_needed)
        })
        .collect();
    if lost.is_empty() {
        return new.to_owned();
    }
    let head = head(new, &code);
    let rest = new.lines().skip(head);
    let all = new.lines().take(head).chain(lost).chain(rest);
    all.map(|line| format!("{line}\n")).collect()
}

/// The functions and types that Python has without an import.
const KNOWN: [&str; 64] = [
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
];

/// How many lines a program begins with that have to come first: comments, what it says of itself, and
/// imports from the future.
fn head(text: &str, code: &str) -> usize {
    let mut head = 0;
    // What goes on in the next line: a string, or an import in brackets.
    let mut quote = None;
    let mut is_open = false;
    for (index, (line, code)) in text.lines().zip(code.lines()).enumerate() {
        let trimmed = line.trim_start();
        let opened = ["\"\"\"", "'''"].into_iter().find(|quote| {
            let inner = trimmed.trim_start_matches(['r', 'R', 'u', 'U']);
            inner.starts_with(quote)
        });
        let is_future = is_open || code.starts_with("from __future__");
        if let Some(open) = quote {
            if line.contains(open) {
                quote = None;
            }
        } else if let Some(open) = opened.filter(|_| !is_open) {
            quote = Some(open).filter(|open| trimmed.matches(open).count() < 2);
        } else if is_future {
            is_open = (is_open || code.contains('(')) && !code.contains(')');
        } else if trimmed.is_empty() {
            continue;
        } else if !trimmed.starts_with(['"', '\'', '#']) {
            break;
        }
        head = index + 1;
    }
    head
}

/// The names that an import binds; none of a line that is no whole import at the outermost level.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let whole = !line.trim_end().ends_with(['(', '\\']) && !line.contains(';');
    let listed = match (line.strip_prefix("import "), line.strip_prefix("from ")) {
        (Some(modules), _) if whole => modules,
        (_, Some(from)) if whole => from.split_once(" import ").map_or("", |(_, names)| names),
        _ => "",
    };
    let listed = listed.split('#').next().unwrap_or_default();
    listed.split(',').filter_map(|one| {
        let one = one.trim();
        let name = match one.split_once(" as ") {
            Some((_, name)) => name.trim(),
            None => one.split('.').next().unwrap_or_default(),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_name.then_some(name)
    })
}

/// Whether a code speaks of a name, and not of an attribute that is called so.
fn uses(code: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, rest) = code.split_at(at);
        let after = rest.get(name.len()..).unwrap_or_default();
        !before.ends_with(|c| is_part(c) || c == '.') && !after.starts_with(is_part)
    })
}

/// Whether a text defines or imports a name, wherever.
fn binds(text: &str, name: &str) -> bool {
    text.lines().map(str::trim).any(|line| {
        let defined = ["def ", "class ", "async def "]
            .iter()
            .find_map(|word| line.strip_prefix(word))
            .unwrap_or(line);
        let after = defined.strip_prefix(name).map(str::trim_start);
        let is_definition = after.is_some_and(|after| match defined == line {
            true => after.starts_with('=') && !after.starts_with("=="),
            false => after.starts_with(['(', ':']),
        });
        // An import of several lines, or of all: nobody knows.
        let unknown = line.starts_with("from ")
            && !line.starts_with("from __future__")
            && line.ends_with(['(', '*', '\\']);
        is_definition || unknown || names(line).any(|bound| bound == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "import os.path\nimport numpy as np\nfrom typing import List, Tuple\n\ndef f(x: List[int]):\n    return os.path.join(x)\n";

    #[test]
    fn what_is_used_comes_back_and_nothing_else() {
        let new = "def f(x: List[int]):\n    return x\n";
        assert_eq!(
            kept("a.py", OLD, new, &[]),
            format!("from typing import List, Tuple\n{new}")
        );
        let new = "# -*- coding: utf-8 -*-\nfrom __future__ import annotations\ndef f(x):\n    return os.path.join(np.array(x))\n";
        assert_eq!(
            kept("a.py", OLD, new, &[]),
            "# -*- coding: utf-8 -*-\nfrom __future__ import annotations\nimport os.path\nimport numpy as np\ndef f(x):\n    return os.path.join(np.array(x))\n"
        );
    }

    #[test]
    fn what_is_bound_otherwise_stays_away() {
        for new in [
            OLD,
            "def f(x):\n    return x\n",
            "from collections import List\ndef f(x: List): pass\n",
            "List = list\ndef f(x: List): pass\n",
            "class List:\n    pass\ndef f(x: List): pass\n",
            "from typing import *\ndef f(x: List): pass\n",
            "from typing import (\n    List,\n)\ndef f(x: List): pass\n",
            "def f(x):\n    import os.path\n    return os.path.join(x)\n",
        ] {
            assert_eq!(kept("a.py", OLD, new, &[]), new);
        }
        let rust = "fn f() { HashMap::new(); }\n";
        assert_eq!(
            kept("a.rs", "use std::collections::HashMap;\n", rust, &[]),
            rust
        );
    }

    #[test]
    fn a_comparison_binds_nothing() {
        let new = "def f(x):\n    if (\n        List == x\n    ):\n        pass\n";
        assert!(kept("a.py", OLD, new, &[]).starts_with("from typing import"));
    }

    #[test]
    fn a_broken_import_does_not_come_back() {
        let old = "from colections import deque\nimport numpy\n\ndef f():\n    return deque()\n";
        let new = "import collections\n\n# Once a deque.\ndef f():\n    \"\"\"Not of numpy.\"\"\"\n    return collections.deque()\n";
        assert_eq!(kept("a.py", old, new, &[]), new);
        let new = "def f():\n    return deque()\n";
        let broken = ["from colections import deque".to_owned()];
        assert_eq!(kept("a.py", old, new, &broken), new);
        assert_ne!(kept("a.py", old, new, &[]), new);
    }

    #[test]
    fn what_shadows_a_name_of_python_does_not_come_back() {
        let old = "from os import open\nimport sys\n\ndef f(x):\n    sys.x = open(x)\n";
        let new = old.replace("from os import open\nimport sys\n\n", "");
        assert_eq!(kept("a.py", old, &new, &[]), format!("import sys\n{new}"));
    }

    #[test]
    fn what_has_to_come_first_does() {
        for head in [
            "\"\"\"Sums.\"\"\"\n",
            "\"\"\"Sums.\n\nMore.\n\"\"\"\n\nfrom __future__ import annotations\n",
            "# A\n\n'Sums.'\nfrom __future__ import (\n    annotations,\n)\n",
            "",
        ] {
            let new = format!("{head}\nx = 1\ndef f(x):\n    return np.array(x)\n");
            let rest = new.strip_prefix(head).unwrap();
            let expected = format!("{head}import numpy as np\n{rest}");
            assert_eq!(kept("a.py", OLD, &new, &[]), expected, "{head}");
        }
    }
}
