//! Tokens to text, one at a time.

use tokenizers::Tokenizer;

/// A character takes at most four tokens of one byte; what is still incomplete after that many is
/// not UTF-8 and is passed on as the tokenizer shows it.
const LONGEST_CHARACTER: usize = 4;

/// Decodes a growing sequence of tokens, giving out whole characters only.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    tokens: Vec<u32>,
    /// Where decoding begins: some tokenizers decode a token differently at the beginning, so the
    /// last piece given out is decoded again and taken off.
    from: usize,
    /// The tokens up to here were given out.
    given: usize,
}

impl Decoder {
    /// Appends a token; returns the characters that it completes.
    pub(crate) fn push(&mut self, tokenizer: &Tokenizer, token: u32) -> String {
        self.tokens.push(token);
        let text = self.pending(tokenizer);
        let incomplete = text.ends_with('\u{FFFD}');
        if incomplete && self.tokens.len() - self.given < LONGEST_CHARACTER {
            return String::new();
        }
        self.from = self.given;
        self.given = self.tokens.len();
        text
    }

    /// What no further token completes.
    pub(crate) fn finish(&mut self, tokenizer: &Tokenizer) -> String {
        let text = self.pending(tokenizer);
        self.from = self.given;
        self.given = self.tokens.len();
        text
    }

    fn pending(&self, tokenizer: &Tokenizer) -> String {
        let decode = |to: usize| {
            let tokens = self.tokens.get(self.from..to).unwrap_or_default();
            // Decoding fails for no token of the vocabulary, and the engine gives no others.
            tokenizer.decode(tokens, true).unwrap_or_default()
        };
        let (before, all) = (decode(self.given), decode(self.tokens.len()));
        all.strip_prefix(&before).unwrap_or_default().to_owned()
    }
}
