//! Assertions of a program that says itself whether it is right: a script, `main`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    names::{Syntax, is_word, syntax, tokens},
    python, rust,
    statements::{Statement, statements},
    status::failures,
};
use crate::repair::SourceFile;

/// The names of the functions of a program that assert something, end it with a status other than 0, or call one that does and make nothing of
/// its result.
pub(super) fn asserting(files: &[SourceFile]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let before = names.len();
        for file in files {
            let found = assertions(&file.path, &file.text, &names);
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

/// An assertion, or a call of a function that asserts, or an end with a status that tells of a failure, which a new version of a file has no longer, or under
/// another condition, or where it is not come to. More may be added. With `only_const` those count alone that a compiler checks.
pub(super) fn weakened(
    path: &str,
    old: &str,
    new: &str,
    asserting: &BTreeSet<String>,
    only_const: bool,
) -> Option<String> {
    let counted = |text: &str| {
        let mut counts: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let wanted = |found: &Statement| !only_const || found.same.starts_with("const");
        for found in assertions(path, text, asserting).into_iter().filter(wanted) {
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

/// The names by which a file that says itself whether it is right asserts: those of the functions that do, and
/// of those that are there to.
pub(super) fn names(path: &str, text: &str, asserting: &BTreeSet<String>) -> BTreeSet<String> {
    let code = match syntax(path) {
        Some(Syntax::Python) => python::code(text),
        Some(Syntax::Rust) => rust::code(text),
        None => return BTreeSet::new(),
    };
    let tokens = tokens(&code);
    let own = tokens
        .iter()
        .filter(|token| token.starts_with("assert") || **token == "AssertionError");
    own.map(|token| (*token).to_owned())
        .chain(asserting.iter().cloned())
        .collect()
}

fn assertions(path: &str, text: &str, asserting: &BTreeSet<String>) -> Vec<Statement> {
    let Some(syntax) = syntax(path) else {
        return Vec::new();
    };
    let may_be = |code: &str| {
        let tokens = tokens(code);
        asserts(&tokens, syntax) || tokens.iter().any(|token| asserting.contains(*token))
    };
    let mut found = statements(text, syntax, may_be);
    found.retain(|found| {
        let tokens = tokens(&found.code);
        let is_outermost = syntax == Syntax::Python && found.functions.is_empty();
        asserts(&tokens, syntax) || calls(&tokens, asserting, syntax, is_outermost)
    });
    found.extend(failures(path, text));
    found
}

/// Whether something is asserted in a code.
pub(super) fn asserts(tokens: &[&str], syntax: Syntax) -> bool {
    let get = |at: Option<usize>| at.and_then(|at| tokens.get(at)).copied().unwrap_or("\n");
    tokens.iter().enumerate().any(|(at, token)| {
        let (before, after) = (get(at.checked_sub(1)), get(Some(at + 1)));
        match syntax {
            Syntax::Python => match *token {
                "assert" => matches!(before, "\n" | ":" | ";"),
                "AssertionError" => before == "raise",
                "fail" => before == "." && after == "(",
                name => name.starts_with("assert") && after == "(" && before != "def",
            },
            Syntax::Rust => {
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
    syntax: Syntax,
    is_outermost: bool,
) -> bool {
    let is_call = |at: &usize| {
        let get = |at: usize| tokens.get(at).copied().unwrap_or_default();
        let is_defined = matches!(at.checked_sub(1).map(get), Some("def" | "fn" | "class"));
        asserting.contains(get(*at)) && get(at + 1) == "(" && !is_defined
    };
    match is_outermost {
        true => (0..tokens.len()).any(|at| is_call(&at)),
        false => called(tokens, syntax).iter().any(is_call),
    }
}

/// Where the names of functions stand that are called, and nothing made of their result.
pub(super) fn called(tokens: &[&str], syntax: Syntax) -> Vec<usize> {
    let get = |at: usize| tokens.get(at).copied().unwrap_or_default();
    let mut called = Vec::new();
    let mut open = 0_i64;
    let mut begins = true;
    for at in 0..tokens.len() {
        let is_macro = syntax == Syntax::Rust && get(at + 1) == "!";
        if begins && open == 0 && is_word(get(at)) && (get(at + 1) == "(" || is_macro) {
            called.push(at);
        }
        open += match get(at) {
            "(" | "[" => 1,
            ")" | "]" => -1,
            _ => 0,
        };
        // What a call begins with: `self.`, `a::b::`, `await`.
        begins = match get(at) {
            "\n" => begins || syntax == Syntax::Python,
            ";" | "{" | "}" => true,
            ":" => begins || syntax == Syntax::Python,
            "." | "await" => begins,
            word => begins && is_word(word) && matches!(get(at + 1), "." | ":"),
        };
    }
    called
}

#[cfg(test)]
mod tests {
    use super::{super::bound::rebound, *};

    fn weakens(path: &str, old: &str, new: &str) -> Option<String> {
        let asserting = asserting(&[SourceFile::new(path, old)]);
        let names = names(path, old, &asserting);
        weakened(path, old, new, &asserting, false)
            .or_else(|| rebound(path, old, new, &names, true))
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
        ] {
            let new = MAIN.replace(from, to);
            assert_ne!(new, MAIN, "{from}");
            assert!(weakens("a.rs", MAIN, &new).is_some(), "{new}");
        }
        let constant = "const _: () = assert!(SIZE == 4);\nfn f() { assert!(x); }\n";
        let none = BTreeSet::new();
        let only = |new: &str| weakened("a.rs", constant, new, &none, true);
        assert!(only("fn f() { assert!(x); }\n").is_some());
        assert_eq!(only("const _: () = assert!(SIZE == 4);\nfn f() {}\n"), None);
    }
}
