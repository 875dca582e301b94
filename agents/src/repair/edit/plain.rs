//! A program without what changes nothing in it.

use std::path::Path;

use crate::repair::Language;

/// The lines of a program without blanks and comments, as far as that is safe to say without parsing it: of
/// a line with quotes only what stands at its end, and where it is indented in Python.
pub(in super::super) fn plain(path: &str, text: &str) -> Vec<String> {
    let language = Language::of(Path::new(path));
    let comment = match language {
        Language::Python => "#",
        Language::Rust => "//",
        Language::Other => {
            return text
                .lines()
                .map(|line| line.trim_end().to_owned())
                .collect();
        }
    };
    let line = |line: &str| {
        let line = line.trim_end();
        if line.contains(['"', '\'']) {
            return match line.trim_start().starts_with(comment) {
                true => String::new(),
                false => line.to_owned(),
            };
        }
        let code = line.split(comment).next().unwrap_or_default().trim_end();
        let indent = code.len() - code.trim_start().len();
        let kept = if language == Language::Python {
            indent
        } else {
            0
        };
        let bare: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        match bare.is_empty() {
            true => bare,
            false => format!("{}{bare}", " ".repeat(kept)),
        }
    };
    text.lines()
        .map(line)
        .filter(|line| !line.is_empty())
        .collect()
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
