//! A program without what changes nothing in it.

use super::{
    guard::is_statement,
    syntax::{Grammar, Source},
};

/// A program without blanks and comments, but for how its statements are indented in Python.
pub(in super::super) fn plain(path: &str, text: &str) -> String {
    let Some(source) = Source::of(path, text) else {
        return text
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect();
    };
    let mut all = source.root().same();
    if source.grammar() == Grammar::Python {
        // A parser overlooks a line that is indented wrongly.
        let statements = source.root().all().filter(|node| is_statement(*node));
        all.extend(statements.map(|node| format!("\n{}", node.indent().unwrap_or_default())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_comments_change_nothing() {
        let same = |path: &str, a: &str, b: &str| plain(path, a) == plain(path, b);
        assert!(same(
            "a.py",
            "def f(x):\n    return x+1\n",
            "# f\n\ndef f( x ):\n    return x + 1  # one\n"
        ));
        assert!(same(
            "a.rs",
            "fn f(x: u8) {\n\n    g(x);\n}\n",
            "fn f( x:u8 ) { // f\ng(x);\n}\n"
        ));
        for (path, a, b) in [
            ("a.py", "if x:\n    y()\nz()\n", "if x:\n    y()\n    z()\n"),
            ("a.py", "' '.join(x)\n", "''.join(x)\n"),
            ("a.py", "x = '#' + y\n", "x = '#'\n"),
            ("a.rs", "f(1);\n", "f(2);\n"),
            ("a.txt", "a b\n", "ab\n"),
        ] {
            assert!(!same(path, a, b), "{a} {b}");
        }
    }
}
