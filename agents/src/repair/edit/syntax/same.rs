//! When two programs are the same code: blanks, comments, kinds of quotes and where lines break do not matter.

use super::{Grammar, Node};
use crate::repair::word::is_part;

impl Node<'_> {
    /// Its code as it is compared.
    pub(in super::super) fn same(self) -> String {
        same(self.tokens())
    }
}

/// Tokens as they are compared: of Python each statement on a line of its own, and how deep it is in blocks.
pub(in super::super) fn same<'a>(tokens: impl Iterator<Item = Node<'a>>) -> String {
    let mut all = String::new();
    let mut outermost = None;
    let mut tokens = tokens.peekable();
    while let Some(token) = tokens.next() {
        let closes = |next: &Node<'_>| matches!(next.kind(), ")" | "]" | "}");
        // Between statements of Python it is a line break.
        let is_break = token.kind() == ";" && token.grammar() == Grammar::Python;
        if is_break || is_trailing(token) && tokens.peek().is_some_and(closes) {
            continue;
        }
        if let Some(depth) = begins(token) {
            let depth = depth.saturating_sub(*outermost.get_or_insert(depth));
            if !all.is_empty() {
                all.push('\n');
            }
            all.extend(std::iter::repeat_n('\t', depth));
        }
        let text = match (token.kind(), token.grammar()) {
            ("string", Grammar::Python) => requoted(token.text()),
            _ => token.text().to_owned(),
        };
        let are_both = |is: fn(char) -> bool| all.ends_with(is) && text.starts_with(is);
        if are_both(is_part) || are_both(is_sign) {
            all.push(' ');
        }
        all += &text;
    }
    all
}

/// What may be a part of a longer sign: `& &` is not `&&`.
fn is_sign(c: char) -> bool {
    "&|<>=+-*/!:.".contains(c)
}

/// In how many blocks the statement of Python is that a token begins, or the clause of one.
fn begins(token: Node<'_>) -> Option<usize> {
    if token.grammar() != Grammar::Python {
        return None;
    }
    let from = token.bytes().start;
    let mut all = std::iter::once(token).chain(token.ancestors());
    let statement = all.by_ref().take_while(|node| node.bytes().start == from);
    let is_begun = statement.into_iter().any(|node| {
        let is_within =
            |parent: Node<'_>| matches!(parent.kind(), "module" | "block" | "decorated_definition");
        node.parent().is_some_and(is_within) || is_clause(node)
    });
    let blocks = token.ancestors().filter(|node| node.kind() == "block");
    is_begun.then(|| blocks.count())
}

/// Whether it is a part of a compound statement with a block of its own.
fn is_clause(node: Node<'_>) -> bool {
    node.kind().ends_with("_clause") && node.has("block")
}

/// Whether it is a comma that means nothing before a bracket which closes. Of a tuple with one element it does.
fn is_trailing(token: Node<'_>) -> bool {
    let is_only = || !token.preceding().any(|before| before.kind() == ",");
    let bracket = token.parent();
    let is_tuple = |bracket: Node<'_>| match bracket.kind() {
        "token_tree" => bracket
            .parent()
            .is_none_or(|of| of.kind() != "macro_invocation"),
        kind => kind.starts_with("tuple") || kind == "subscript",
    };
    token.kind() == "," && !(bracket.is_none_or(is_tuple) && is_only())
}

/// A string of Python between double quotes.
fn requoted(string: &str) -> String {
    let Some(inside) = super::unquoted(string) else {
        return string.to_owned();
    };
    let mut all: String = string.chars().take_while(|c| c.is_alphabetic()).collect();
    // In a raw one a mark before a quote is a character.
    if all.contains(['r', 'R']) && inside.contains(['"', '\'']) {
        return string.to_owned();
    }
    all.push('"');
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\'') => all.push('\''),
                Some(next) => all.extend(['\\', next]),
                None => all.push(c),
            },
            '"' => all += "\\\"",
            c => all.push(c),
        }
    }
    all.push('"');
    all
}

#[cfg(test)]
mod tests {
    use super::super::Source;

    fn of(path: &str, text: &str) -> String {
        Source::of(path, text).unwrap().root().same()
    }

    #[test]
    fn comments_quotes_and_breaks_change_no_code() {
        let text = "def f(x):\n    assert g(x, 'a b') == \"it's\"\n    if x:\n        h()\n";
        let of = |text: &str| of("a.py", text);
        for other in [
            "def f( x ):  # f\n  # g\n\n  assert g(x, \"a b\") == 'it\\'s'  # why\n  if x:\n    h()\n",
            "def f(x):\n    assert g(\n        x,\n        '''a b''',\n    ) == \\\n        \"it's\"\n    if x:\n        h()\n",
            "\u{feff}def f(x):\r\n    assert g(x, 'a b') == \"it's\"; \r\n    if x: h()\r\n",
        ] {
            assert_eq!(of(other), of(text), "{other}");
        }
        for other in [
            text.replace("a b", "ab"),
            text.replace("        h", "    h"),
            text.replace("it's", "its"),
            text.replace("x, 'a b'", "'a b', x"),
            text.replace("assert g", "assertg"),
        ] {
            assert_ne!(of(&other), of(text), "{other}");
        }
    }

    #[test]
    fn what_means_something_is_compared() {
        for (path, a, b) in [
            ("a.py", "x = '''a\n  b'''\n", "x = '''a\nb'''\n"),
            ("a.py", "x = 'a\" \"b'\n", "x = \"a\" \"b\"\n"),
            ("a.py", "x = r'\\\"'\n", "x = r'\"'\n"),
            ("a.py", "x = f'{a}'\n", "x = f'{ b}'\n"),
            ("a.py", "x = (1,)\n", "x = (1)\n"),
            ("a.py", "x[1,]\n", "x[1]\n"),
            (
                "a.py",
                "if a:\n    if b: c()\n    else: d()\n",
                "if a:\n    if b: c()\nelse: d()\n",
            ),
            ("a.rs", "fn f() { a & &b }", "fn f() { a && b }"),
            (
                "a.rs",
                "fn f() { m!(a == (b,)) }",
                "fn f() { m!(a == (b)) }",
            ),
            ("a.rs", "fn f() { \"a b\" }", "fn f() { \"ab\" }"),
            ("a.rs", "fn f() { r#\"a\"b\"# }", "fn f() { r#\"a\" b\"# }"),
        ] {
            assert_ne!(of(path, a), of(path, b), "{a}");
        }
        for (path, a, b) in [
            (
                "a.rs",
                "fn f() { m!(a, (b,\n c,), ); }",
                "fn f() {\n// C.\nm!(a, (b, /* d */ c)); }",
            ),
            ("a.py", "x = (1, 2,)\n", "x = (1,\n     2)\n"),
        ] {
            assert_eq!(of(path, a), of(path, b), "{a}");
        }
    }
}
