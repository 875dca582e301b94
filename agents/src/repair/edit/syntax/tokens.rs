//! The words and signs of a program.

use super::{Grammar, Node};
use crate::repair::word::is_part;

impl<'a> Node<'a> {
    /// The words, signs and strings in it, without comments.
    pub(in super::super) fn tokens(self) -> impl Iterator<Item = Node<'a>> {
        self.tokens_outside(|_| false)
    }

    /// The words, signs and strings in it, but for those in what is passed over.
    pub(in super::super) fn tokens_outside(
        self,
        passes: impl Fn(Node<'a>) -> bool + Copy,
    ) -> impl Iterator<Item = Node<'a>> {
        self.pieces(passes, Node::is_token)
    }

    /// The words and signs in it, those too that are put into strings, but for those in what is passed over.
    pub(in super::super) fn spoken_outside(
        self,
        passes: impl Fn(Node<'a>) -> bool + Copy,
    ) -> impl Iterator<Item = Node<'a>> {
        self.pieces(passes, |node| node.is_token() && !node.has("interpolation"))
    }

    /// The words, signs and strings behind it, up to the end of the file.
    pub(in super::super) fn tokens_behind(self) -> impl Iterator<Item = Node<'a>> {
        let behind = self.end()..self.source.nodes.len();
        self.walk_over(behind, |node| !node.is_comment() && !node.is_token())
            .filter(|node| !node.is_comment() && node.is_token())
    }

    fn pieces(
        self,
        passes: impl Fn(Node<'a>) -> bool + Copy,
        is_piece: impl Fn(Node<'a>) -> bool + Copy,
    ) -> impl Iterator<Item = Node<'a>> {
        self.walk(move |node| !node.is_comment() && !is_piece(node) && !passes(node))
            .filter(move |node| !node.is_comment() && is_piece(*node) && !passes(*node))
    }

    /// Whether it is a word, a sign or a string.
    fn is_token(self) -> bool {
        self.is_opaque() || self.kind() == "lifetime" || self.is_leaf()
    }

    /// Whether it is a string, a character or a comment.
    pub(in super::super) fn is_opaque(self) -> bool {
        let is_string = match self.grammar() {
            Grammar::Python => self.kind() == "string",
            Grammar::Rust => matches!(
                self.kind(),
                "string_literal" | "raw_string_literal" | "char_literal"
            ),
        };
        is_string || self.is_comment()
    }
}

/// The texts of tokens.
pub(in super::super) fn words<'a>(tokens: impl Iterator<Item = Node<'a>>) -> Vec<&'a str> {
    tokens.map(Node::text).collect()
}

/// Whether a token is a name, a keyword or a number.
pub(in super::super) fn is_word(token: &str) -> bool {
    token.starts_with(is_part) && !token.ends_with(['"', '\''])
}

/// What stands in a string of Python.
pub(in super::super) fn unquoted(token: &str) -> Option<&str> {
    let rest = token.trim_start_matches(char::is_alphabetic);
    ["\"\"\"", "'''", "\"", "'"].into_iter().find_map(|quote| {
        rest.strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    })
}
