//! Whether a text is whole, rather than cut off.

use crate::repair::{
    edit::syntax::{Grammar, Node, Source},
    word::first,
};

/// Whether nothing is open at the end of a text that goes on over lines: a string, a comment, a here-document of
/// a shell. Where nothing is known of a language, it is whole.
pub(in super::super) fn is_whole(path: &str, text: &str) -> bool {
    // What is open is closed by one of these.
    let closing: &[&str] = match Grammar::of(path) {
        Some(Grammar::Python) => &["\"\"\"", "'''"],
        Some(Grammar::Rust) => &["*/", "*/*/", "\"", "\"#", "\"##"],
        None => return here_documents(text),
    };
    let closes = |mark: &&str| {
        let closed = Source::as_one(path, &format!("{text}\n{mark}"));
        let is_last =
            |node: Node<'_>| node.bytes().start < text.len() && node.bytes().end > text.len() + 1;
        closed.is_some_and(|closed| {
            closed
                .root()
                .all()
                .any(|node| node.is_opaque() && is_last(node))
        })
    };
    !closing.iter().any(closes)
}

/// Whether all here-documents of a shell's script are closed.
fn here_documents(text: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(end) = open.first() {
            if line.trim_start_matches('\t') == *end {
                open.remove(0);
            }
            continue;
        }
        open.extend(opened(line));
    }
    open.is_empty()
}

/// The words that end the here-documents which begin in a line: `<<EOF`, `<<-'EOF'`.
fn opened(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("<<").filter_map(move |(at, _)| {
        let (before, rest) = line.split_at(at);
        // `<<<` is a word, and `1 << 2` and `a<<b` are numbers.
        let rest = rest.get(2..).filter(|rest| !rest.starts_with('<'))?;
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let is_shift = before.ends_with('<') || before.contains("((") && !before.contains("))");
        let word = first(rest.trim_start().trim_start_matches(['\'', '"', '\\']));
        let is_name = !word.is_empty() && !word.starts_with(char::is_numeric);
        (is_name && !is_shift).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_at_the_end_is_not_whole() {
        for (path, text, expected) in [
            ("a.py", "def f():\n    '''F.", false),
            ("a.py", "def f():\n    '''F.'''\n    f(", true),
            ("a.py", "x = 'a'  # '''", true),
            ("a.rs", "/** f", false),
            ("a.rs", "const A: &str = \"a", false),
            ("a.rs", "const A: &str = r#\"a\"", false),
            ("a.rs", "fn f() { '\"' }", true),
            ("a.sh", "cat <<EOF\na", false),
            ("a.sh", "cat <<EOF\na\nEOF\n", true),
            ("a.sh", "cat <<A <<\"B\"\na\nA\nb\n", false),
            ("a.sh", "cat <<A <<\"B\"\na\nA\nb\nB\n", true),
            ("a.sh", "x=$((1 << n))\ncat <<<b", true),
            ("a.txt", "anything (", true),
        ] {
            assert_eq!(is_whole(path, text), expected, "{text}");
        }
    }
}
