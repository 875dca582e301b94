//! Imports that a program written anew leaves out.

use super::{
    guard::bound,
    syntax::{Grammar, Node, Source},
};

/// `new` with those imports of `old` that it leaves out and uses all the same, but for those that failed
/// there, which are `broken`, and for those of names that Python has without one: what shadows these may be the
/// mistake. Only of Python, where an import too many does no harm: small models drop imports, and then repair what
/// that broke.
pub(super) fn kept(old: &Source, new: &Source, broken: &[String]) -> String {
    let is_needed = |name: &str| uses(new, name) && !binds(new, name) && !KNOWN.contains(&name);
    let imports = old.root().children().filter(|node| is_listed(*node));
    let lost = imports.filter(|import| {
        let is_broken = broken.iter().any(|broken| broken == import.text());
        !is_broken && bound(*import).iter().any(|(name, _)| is_needed(name))
    });
    let lost: Vec<&str> = lost.map(Node::text).collect();
    if new.grammar() != Grammar::Python || lost.is_empty() {
        return new.text().to_owned();
    }
    let head = head(new);
    let lines = || new.text().lines();
    let all = lines().take(head).chain(lost).chain(lines().skip(head));
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

/// Whether it is an import that says what it binds.
fn is_listed(node: Node<'_>) -> bool {
    matches!(node.kind(), "import_statement" | "import_from_statement")
}

/// How many lines a program begins with that have to come first: comments, what it says of itself, and
/// imports from the future.
fn head(source: &Source) -> usize {
    let mut head = 0;
    for node in source.root().children() {
        let comes_first = match node.kind() {
            "comment" if node.lines().start > head => continue,
            "expression_statement" => node.has("string"),
            kind => matches!(kind, "comment" | "future_import_statement"),
        };
        if !comes_first {
            break;
        }
        head = node.lines().end;
    }
    head
}

/// Whether a program speaks of a name, and not of an attribute that is called so.
fn uses(source: &Source, name: &str) -> bool {
    let mut all = source.root().all();
    all.any(|node| {
        let is_attribute = || {
            node.preceding()
                .next()
                .is_some_and(|before| before.kind() == ".")
        };
        node.kind() == "identifier" && node.text() == name && !is_attribute()
    })
}

/// Whether a program defines or imports a name, wherever.
fn binds(source: &Source, name: &str) -> bool {
    let is_named = |node: Option<Node<'_>>| node.is_some_and(|node| node.text() == name);
    source.root().all().any(|node| match node.kind() {
        // An import of all: nobody knows.
        "wildcard_import" => true,
        "function_definition" | "class_definition" => is_named(node.field("name")),
        "assignment" => is_named(node.field("left")),
        _ => is_listed(node) && bound(node).iter().any(|(bound, _)| *bound == name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(path: &str, old: &str, new: &str, broken: &[String]) -> String {
        let of = |text: &str| Source::of(path, text).unwrap();
        super::kept(&of(old), &of(new), broken)
    }

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
