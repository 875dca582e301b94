//! Cutting a sentence or a line that is too long for a chunk.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::TokenCounter;

/// How many counts the search for the longest prefix that fits may spend once it has one.
const MAX_PROBES: usize = 5;

/// The finest place at which a text may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finest {
    Whitespace,
    Grapheme,
}

/// A prefix that fits: where it ends, in bytes, and its tokens, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) end: usize,
    pub(super) tokens: usize,
}

/// The shortest prefix that may be taken off does not fit either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    pub(super) end: usize,
    pub(super) tokens: usize,
}

/// A prefix of `text` with at most `limit` tokens, nearly as long as it can be. `tokens` is about
/// what the whole has, more than `limit`.
///
/// It ends after a clause if one ends in the second half of what fits (a chunk that ends there
/// reads well; one that is mostly empty for it does not pay), else after whitespace, else, if
/// allowed, between graphemes.
pub(super) fn prefix(
    text: &str,
    tokens: usize,
    limit: usize,
    counter: &dyn TokenCounter,
    finest: Finest,
) -> Result<Piece, TooLong> {
    let mut fits = longest(text, tokens, limit, counter);
    // The search ends anywhere; half a word may count as much as the whole.
    let word = word_end(text, fits);
    if word > fits && counter.count(text.get(..word).unwrap_or_default()) <= limit {
        fits = word;
    }
    // Counts need not grow with the text, so that the place chosen is counted too, and chosen
    // again in half of what seemed to fit if it does not.
    loop {
        let Some(end) = place(text, fits, finest) else {
            let end = first_grapheme(text);
            let tokens = counter.count(text.get(..end).unwrap_or_default());
            return if tokens <= limit && finest == Finest::Grapheme {
                Ok(Piece { end, tokens })
            } else {
                Err(TooLong { end, tokens })
            };
        };
        let tokens = counter.count(text.get(..end).unwrap_or_default());
        if tokens <= limit {
            return Ok(Piece { end, tokens });
        }
        fits = end / 2;
    }
}

/// About the longest prefix within `limit`, in bytes, by interpolation: tokens are spread over a
/// text evenly enough for two or three counts to come within a tenth.
fn longest(text: &str, tokens: usize, limit: usize, counter: &dyn TokenCounter) -> usize {
    let mut fits = 0;
    let mut over = text.len() + 1;
    let mut probe = proportion(text.len(), limit, tokens);
    let mut failures = 0;
    let mut probes = 0;
    while probes < MAX_PROBES {
        let end = floor_char_boundary(text, probe.min(over - 1));
        if end <= fits {
            break;
        }
        let count = counter.count(text.get(..end).unwrap_or_default());
        if count <= limit {
            fits = end;
            probes += 1;
            if count >= limit - limit / 10 {
                break;
            }
            // What is known to be too long bounds the guess.
            let guess = proportion(end, limit, count);
            probe = if guess < over {
                guess
            } else {
                midpoint(fits, over)
            };
        } else {
            over = end;
            failures += 1;
            // Before anything fits: a little below the guess, and by halves if that fails too.
            probe = if fits > 0 {
                probes += 1;
                midpoint(fits, over)
            } else if failures == 1 {
                let guess = proportion(end, limit, count);
                guess - guess / 32
            } else {
                end / 2
            };
        }
    }
    fits
}

/// The end of the word at `at` and of the white space after it, if it is near; else `at`.
fn word_end(text: &str, at: usize) -> usize {
    const NEAR: usize = 40;
    let mut space = false;
    for (offset, c) in text.get(at..).unwrap_or_default().char_indices() {
        if offset > NEAR {
            return at;
        }
        if space && !c.is_whitespace() {
            return at + offset;
        }
        space |= c.is_whitespace();
    }
    text.len()
}

fn midpoint(low: usize, high: usize) -> usize {
    low + (high - low) / 2
}

fn proportion(bytes: usize, limit: usize, tokens: usize) -> usize {
    let scaled = bytes as u128 * limit as u128 / tokens.max(1) as u128;
    usize::try_from(scaled).unwrap_or(usize::MAX)
}

/// The best place to cut at, not beyond `fits`.
fn place(text: &str, fits: usize, finest: Finest) -> Option<usize> {
    let mut clause = None;
    let mut space = None;
    let mut chars = text.char_indices().peekable();
    // Whether the last character that is not whitespace ends a clause.
    let mut ends_clause = false;
    while let Some((_, c)) = chars.next() {
        let (end, next) = chars.peek().copied().unwrap_or((text.len(), ' '));
        if end > fits {
            break;
        }
        if c.is_whitespace() {
            ends_clause |= c == '\n';
        } else {
            // A quote or bracket closed after a clause still ends it.
            let closes = matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']');
            ends_clause = is_clause_end(c) || (ends_clause && closes);
        }
        let after_space = c.is_whitespace() && (!next.is_whitespace() || end == fits);
        let between = after_space || (is_wide_clause_end(c) && !next.is_whitespace());
        if between && is_boundary(text, end) {
            space = Some(end);
            if ends_clause && end >= fits / 2 {
                clause = Some(end);
            }
        }
    }
    let grapheme = || match finest {
        Finest::Whitespace => None,
        Finest::Grapheme => last_grapheme(text, fits),
    };
    clause.or(space).or_else(grapheme)
}

fn is_clause_end(c: char) -> bool {
    matches!(
        c,
        ',' | ';' | ':' | '.' | '!' | '?' | '…' | '—' | '–' | '،' | '؛'
    ) || is_wide_clause_end(c)
}

/// Ends of clauses in scripts that put no space after them.
fn is_wide_clause_end(c: char) -> bool {
    matches!(c, '，' | '、' | '；' | '：' | '。' | '！' | '？')
}

/// Whether a cut at `at` leaves grapheme clusters whole.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true)
        .is_boundary(text, 0)
        .unwrap_or(false)
}

/// The last grapheme boundary in `1..=fits`.
fn last_grapheme(text: &str, fits: usize) -> Option<usize> {
    let fits = floor_char_boundary(text, fits);
    if is_boundary(text, fits) {
        return Some(fits).filter(|&at| at > 0);
    }
    let boundary = GraphemeCursor::new(fits, text.len(), true).prev_boundary(text, 0);
    boundary.ok().flatten().filter(|&at| at > 0)
}

/// The last character boundary in `0..=at`; std's own is newer than the Rust this crate asks for.
pub(super) fn floor_char_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or_default()
}

fn first_grapheme(text: &str) -> usize {
    text.graphemes(true).next().map_or(0, str::len)
}
