//! Imports that a program written anew leaves out.

use std::path::Path;

use crate::repair::Language;

/// `new` with those imports of `old` that it leaves out and uses all the same. Only of Python, where an
/// import too many does no harm: small models drop imports, and then repair what that broke.
pub(super) fn kept(path: &str, old: &str, new: &str) -> String {
    if Language::of(Path::new(path)) != Language::Python {
        return new.to_owned();
    }
    let lost: Vec<&str> = old
        .lines()
        .filter(|line| names(line).any(|name| uses(new, name) && !binds(new, name)))
        .collect();
    if lost.is_empty() {
        return new.to_owned();
    }
    // These have to come first.
    let is_head = |line: &&str| line.starts_with('#') || line.starts_with("from __future__");
    let head = new.lines().take_while(is_head);
    let rest = new.lines().skip(head.clone().count());
    let all = head.chain(lost).chain(rest);
    all.map(|line| format!("{line}\n")).collect()
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

fn uses(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| word == name)
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
        let unknown = line.starts_with("from ") && line.ends_with(['(', '*', '\\']);
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
            kept("a.py", OLD, new),
            format!("from typing import List, Tuple\n{new}")
        );
        let new = "# -*- coding: utf-8 -*-\nfrom __future__ import annotations\ndef f(x):\n    return os.path.join(np.array(x))\n";
        assert_eq!(
            kept("a.py", OLD, new),
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
            assert_eq!(kept("a.py", OLD, new), new);
        }
        let rust = "fn f() { HashMap::new(); }\n";
        assert_eq!(kept("a.rs", "use std::collections::HashMap;\n", rust), rust);
    }

    #[test]
    fn a_comparison_binds_nothing() {
        let new = "def f(x):\n    if (\n        List == x\n    ):\n        pass\n";
        assert!(kept("a.py", OLD, new).starts_with("from typing import"));
    }
}
