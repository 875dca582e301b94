//! Assertions of a program that says itself whether it is right: a script, `main`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    functions::called,
    statements::{Statement, own, statements},
    status::failures,
};
use crate::repair::edit::syntax::{Grammar, Source, words};

/// The names of the functions of a program that assert something, end it with a status other than 0, or call one
/// that does and make nothing of its result.
pub(super) fn asserting(files: &[Source]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let before = names.len();
        for file in files {
            let found = assertions(file, &names);
            names.extend(
                found
                    .into_iter()
                    .filter_map(|found| found.functions.into_iter().next()),
            );
        }
        if names.len() == before {
            return names;
        }
    }
}

/// An assertion, or a call of a function that asserts, or an end with a status that tells of a failure, which a new
/// version of a file has no longer, or under another condition, or where it is not come to. More may be added. With
/// `only_const` those count alone that a compiler checks.
pub(super) fn weakened(
    old: &Source,
    new: &Source,
    asserting: &BTreeSet<String>,
    only_const: bool,
) -> Option<String> {
    let counted = |source: &Source| {
        let mut counts: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let wanted = |found: &Statement| !only_const || is_const(found);
        for found in assertions(source, asserting).into_iter().filter(wanted) {
            let key = format!(
                "{} {} {}",
                found.is_dead,
                found.heads.join("\n"),
                found.same
            );
            counts.entry(key).or_insert((0, found.first)).0 += 1;
        }
        counts
    };
    let there = counted(new);
    counted(old).into_iter().find_map(|(key, (count, first))| {
        let stays = there.get(&key).is_some_and(|(times, _)| *times >= count);
        (!stays).then_some(first)
    })
}

/// Whether a compiler checks it: it is a constant, or in the block of one.
fn is_const(found: &Statement) -> bool {
    let mut all = found.heads.iter().chain([&found.same]);
    all.any(|code| code.starts_with("const ") && !code.starts_with("const fn"))
}

/// The names by which a file that says itself whether it is right asserts: those of the functions that do, and
/// of those that are there to.
pub(super) fn names(source: &Source, asserting: &BTreeSet<String>) -> BTreeSet<String> {
    let tokens = source.root().tokens().map(|token| token.text());
    let own = tokens.filter(|token| token.starts_with("assert") || *token == "AssertionError");
    own.map(str::to_owned)
        .chain(asserting.iter().cloned())
        .collect()
}

fn assertions(source: &Source, asserting: &BTreeSet<String>) -> Vec<Statement> {
    let grammar = source.grammar();
    let mut found = Vec::new();
    for node in statements(source.root()) {
        let tokens = words(own(node));
        let is_called = || tokens.iter().any(|token| asserting.contains(*token));
        let is_one = asserts(&tokens, grammar);
        if !is_one && !is_called() {
            continue;
        }
        let Some(statement) = Statement::of(node) else {
            continue;
        };
        let is_outermost = grammar == Grammar::Python && statement.functions.is_empty();
        if is_one || calls(&tokens, asserting, grammar, is_outermost) {
            found.push(statement);
        }
    }
    found.extend(failures(source));
    found
}

/// Whether something is asserted in a code.
pub(super) fn asserts(tokens: &[&str], grammar: Grammar) -> bool {
    let get = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at))
            .copied()
            .unwrap_or_default()
    };
    tokens.iter().enumerate().any(|(at, token)| {
        let (before, after) = (get(at.checked_sub(1)), get(Some(at + 1)));
        match grammar {
            Grammar::Python => match *token {
                "assert" => true,
                "AssertionError" => before == "raise",
                "fail" => before == "." && after == "(",
                name => name.starts_with("assert") && after == "(" && before != "def",
            },
            Grammar::Rust => {
                let is_named = token.starts_with("assert") || token.starts_with("debug_assert");
                is_named && after == "!"
            }
        }
    })
}

/// Whether a function that asserts is called, and nothing made of its result; at the outermost level of a
/// script whatever is made of it.
fn calls(
    tokens: &[&str],
    asserting: &BTreeSet<String>,
    grammar: Grammar,
    is_outermost: bool,
) -> bool {
    let mut two = tokens.windows(2);
    let mut is_called = || two.any(|two| matches!(two, [name, "("] if asserting.contains(*name)));
    match is_outermost {
        true => !matches!(tokens.first(), Some(&("def" | "class" | "async" | "@"))) && is_called(),
        false => called(tokens, grammar)
            .iter()
            .any(|call| asserting.contains(&call.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::bound::rebound, *};

    fn weakens(path: &str, old: &str, new: &str) -> Option<String> {
        let (old, new) = (Source::of(path, old)?, Source::of(path, new)?);
        let asserting = asserting(std::slice::from_ref(&old));
        let names = names(&old, &asserting);
        weakened(&old, &new, &asserting, false).or_else(|| rebound(&old, &new, &names, true))
    }

    const SCRIPT: &str = "def add(a, b):\n    return a - b\n\ndef same(got, want):\n    if got != want:\n        raise AssertionError(got)\n\ndef main():\n    same(add(1, 1), 2)\n    for a in [1, 2]:\n        assert add(\n            a, 2\n        ) == a + 2\n\nif __name__ == \"__main__\":\n    main()\n    assert add(1, 2) == 3\n";

    #[test]
    fn what_a_script_asserts_stays() {
        assert_eq!(
            weakens("a.py", SCRIPT, &SCRIPT.replace("a - b", "a + b")),
            None
        );
        for (from, to) in [
            ("    assert add(1, 2) == 3\n", ""),
            ("add(1, 2) == 3", "add(1, 2) == -1"),
            (
                "    assert add(1, 2) == 3\n",
                "    try:\n        assert add(1, 2) == 3\n    except AssertionError:\n        pass\n",
            ),
            (
                "    assert add(1, 2)",
                "    if False:\n        assert add(1, 2)",
            ),
            ("    assert add(1, 2)", "    # assert add(1, 2)"),
            ("            a, 2\n", "            a, 2 * a\n"),
            ("[1, 2]:", "[]:"),
            ("    for a in", "    return\n    for a in"),
            ("got != want", "got == want"),
            ("raise AssertionError(got)", "print(got)"),
            ("    same(add(1, 1), 2)\n", ""),
            ("same(add(1, 1), 2)", "same(2, 2)"),
            ("    main()\n", ""),
            (
                "    main()\n",
                "    try:\n        main()\n    except Exception:\n        pass\n",
            ),
            ("def main():\n    same", "@quiet\ndef main():\n    same"),
            ("\ndef main", "\ndef same(got, want):\n    pass\n\ndef main"),
            ("\ndef main", "\nsame = print\n\ndef main"),
            ("def main", "async def main"),
            ("def same", "async def same"),
            ("def main():\n", "def main():\n    yield\n"),
            ("    for a in", "    x = [(yield)]\n    for a in"),
            ("\nif __name__", "\n__name__ = \"x\"\n\nif __name__"),
        ] {
            let new = SCRIPT.replace(from, to);
            assert_ne!(new, SCRIPT, "{from}");
            assert!(weakens("a.py", SCRIPT, &new).is_some(), "{new}");
        }
    }

    #[test]
    fn all_else_may_be_changed() {
        for (from, to) in [
            ("def add(a, b):", "def add(a: int, b: int = 0) -> int:"),
            ("    main()\n", "    main()\n    assert add(0, 0) == 0\n"),
            (
                "def main():\n",
                "def main():\n    \"\"\"Checks.\"\"\"\n    print(1)\n",
            ),
            (
                "def main():\n",
                "def main():\n    def each():\n        yield 1\n    all = lambda: (yield)\n",
            ),
            ("def add", "async def more():\n    yield 1\n\ndef add"),
            (
                "    return a - b\n",
                "    if a:\n        return a + b\n    return b\n",
            ),
            ("def same(got, want):", "def same(got, want, *, more=None):"),
            (
                "assert add(1, 2) == 3",
                "assert add( 1, 2 ) == 3  # The sum.",
            ),
            (
                "            a, 2\n        ) ==",
                "            a,  # First.\n            2,\n        ) ==",
            ),
        ] {
            let new = SCRIPT.replace(from, to);
            assert_ne!(new, SCRIPT, "{from}");
            assert_eq!(weakens("a.py", SCRIPT, &new), None, "{new}");
        }
        let quoted = "assert f('a b') == \"it's\"\n";
        assert_eq!(
            weakens("a.py", quoted, "assert f(\"a b\") == 'it\\'s'\n"),
            None
        );
        assert!(weakens("a.py", quoted, &quoted.replace("a b", "ab")).is_some());
        let caught = "try:\n    assert f()\nexcept AssertionError:\n    raise SystemExit(1)\n";
        let passed = caught.replace("raise SystemExit(1)", "pass");
        assert!(weakens("a.py", caught, &passed).is_some());
        let status = "def main():\n    if add(1, 2) != 3:\n        print(\"wrong\")\n        return 1\n    return 0\nif add(0, 0) != 0:\n    sys.exit(1)\nsys.exit(main())\n";
        for (from, to) in [
            ("    sys.exit(1)", "    pass"),
            ("sys.exit(main())", "main()"),
            ("return 1", "return 0"),
            ("add(0, 0) != 0", "False"),
            ("if add(1, 2) != 3:", "if add(1, 2) is None:"),
        ] {
            let new = status.replace(from, to);
            assert!(weakens("a.py", status, &new).is_some(), "{new}");
        }
        assert_eq!(
            weakens(
                "a.py",
                status,
                &status.replace("print(\"wrong\")", "print(add(1, 2))")
            ),
            None
        );
        let other = "if x:\n    print(1)\nelse:\n    assert f()\n";
        assert!(weakens("a.py", other, &other.replace("if x", "if True")).is_some());
    }

    const PANICS: &str = "fn add(a: u32, b: u32) -> u32 {\n    if a > 9 {\n        panic!(\"a lot\");\n    }\n    a - b\n}\n\nfn same(got: u32, want: u32) {\n    if got != want {\n        panic!(\"{got}\");\n    }\n}\n\nfn main() {\n    same(add(1, 1), 2);\n    match add(1, 2) {\n        3 => println!(\"three\"),\n        other => panic!(\"{other}\"),\n    }\n    match add(2, 2) {\n        4 => {}\n        _ => std::process::exit(1),\n    }\n}\n";

    #[test]
    fn what_main_panics_at_stays() {
        for (from, to) in [
            (
                "other => panic!(\"{other}\")",
                "other => println!(\"{other}\")",
            ),
            ("        other =>", "        0 => {}\n        other =>"),
            ("        3 =>", "        3 | 0 =>"),
            ("        3 =>", "        _ =>"),
            ("_ => std::process::exit(1)", "_ => std::process::exit(0)"),
            ("        4 => {}", "        4 | 0 => {}"),
            ("        4 => {}", "        x if x < 9 => {}"),
            ("got != want", "got > want"),
            ("        panic!(\"{got}\");\n", ""),
            ("    same(add(1, 1), 2);\n", ""),
            ("match add(1, 2)", "match 3"),
            ("fn same", "async fn same"),
        ] {
            let new = PANICS.replace(from, to);
            assert_ne!(new, PANICS, "{from}");
            assert!(weakens("a.rs", PANICS, &new).is_some(), "{new}");
        }
        for (from, to) in [
            ("a - b", "a + b"),
            ("    if a > 9 {\n        panic!(\"a lot\");\n    }\n", ""),
            ("println!(\"three\")", "println!(\"3\")"),
            ("panic!(\"{other}\"),", "panic!(\"{other}\")"),
            (
                "    match add(2, 2)",
                "    println!(\"{}\", add(0, 1));\n    match add(2, 2)",
            ),
        ] {
            let new = PANICS.replace(from, to);
            assert_ne!(new, PANICS, "{from}");
            assert_eq!(weakens("a.rs", PANICS, &new), None, "{new}");
        }
    }

    const MAIN: &str = "fn add(a: u32, b: u32) -> u32 {\n    a - b\n}\n\nfn check(\n    want: u32,\n) {\n    assert_eq!(\n        add(1, 1),\n        want\n    );\n}\n\nfn main() {\n    check(2);\n    assert!(add(2, 1) == 3, \"sum\");\n}\n";

    #[test]
    fn what_main_asserts_stays() {
        for (from, to) in [
            ("a - b", "a + b"),
            (
                "    check(2);\n",
                "    check(2);\n    assert_eq!(add(0, 0), 0);\n",
            ),
            (
                "fn main() {\n",
                "fn main() {\n    println!(\"{}\", add(1, 1));\n",
            ),
            ("    want: u32,\n", "    want: u32,\n    // The sum.\n"),
        ] {
            assert_eq!(weakens("a.rs", MAIN, &MAIN.replace(from, to)), None, "{to}");
        }
        for (from, to) in [
            ("    check(2);\n", ""),
            ("check(2)", "check(0)"),
            ("        want\n", "        add(1, 1)\n"),
            ("    assert!(add(2, 1) == 3, \"sum\");\n", ""),
            ("assert!(add", "debug_assert!(add"),
            ("== 3", "== 1"),
            (
                "    assert!(add(2, 1)",
                "    #[cfg(any())]\n    assert!(add(2, 1)",
            ),
            (
                "    check(2);\n",
                "    let _ = std::panic::catch_unwind(|| {\n        check(2);\n    });\n",
            ),
            ("    check(2);\n", "    return;\n    check(2);\n"),
            (
                "    check(2);\n",
                "    let check = |_| ();\n    check(2);\n",
            ),
            (
                "fn add",
                "macro_rules! assert { ($($x:tt)*) => {} }\nfn add",
            ),
            ("fn check", "async fn check"),
        ] {
            let new = MAIN.replace(from, to);
            assert_ne!(new, MAIN, "{from}");
            assert!(weakens("a.rs", MAIN, &new).is_some(), "{new}");
        }
        let constant = "const _: () = assert!(SIZE == 4);\nfn f() { assert!(x); }\n";
        let none = BTreeSet::new();
        let of = |text: &str| Source::of("a.rs", text).unwrap();
        let only = |new: &str| weakened(&of(constant), &of(new), &none, true);
        assert!(only("fn f() { assert!(x); }\n").is_some());
        assert_eq!(only("const _: () = assert!(SIZE == 4);\nfn f() {}\n"), None);
    }
}
