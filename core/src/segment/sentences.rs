//! Sentences of prose as it is found: hard-wrapped, with dialogue, abbreviations and lists.
//!
//! The rules follow the sentence bounds of UAX #29 where those serve a reader, and depart from
//! them in three ways: a single line break ends no sentence (books are hard-wrapped; a blank line
//! and the lines of a Markdown list, heading, table or fence do end one), abbreviations and
//! initials end none, and a closing quote before a lower-case word (`"Stop!" he said.`) ends none.

mod words;

use std::ops::Range;

use super::cut::is_boundary;

/// The sentences of `text`, as byte ranges that are contiguous and cover the text.
///
/// White space after a sentence belongs to it, except for the indentation of the next line. An
/// empty text has no sentences. The time taken grows linearly with the text.
///
/// # Example: a line break is no end, nor is an abbreviation
///
/// ```
/// use catena_core::sentences;
///
/// let text = "Mr. Bennet was\nsilent. “Do you know?” she\nasked. It cost 3.5 pounds.";
/// let found: Vec<_> = sentences(text).map(|range| &text[range]).collect();
/// assert_eq!(
///     found,
///     ["Mr. Bennet was\nsilent. ", "“Do you know?” she\nasked. ", "It cost 3.5 pounds."],
/// );
/// ```
pub fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let range = start..(start < text.len()).then(|| sentence_end(text, start))?;
        start = range.end;
        Some(range)
    })
}

/// The end of the sentence that begins at `start`, which is before the end of `text`.
fn sentence_end(text: &str, start: usize) -> usize {
    // What is before the first word (indentation, blank lines at the top) is part of it.
    let body = start + Gap::at(text, start).len;
    let mut at = body;
    let mut heading = is_line_block(after(text, body));
    while let Some(c) = after(text, at).chars().next() {
        let next = at + c.len_utf8();
        if c.is_whitespace() {
            let gap = Gap::at(text, at);
            let line = after(text, at + gap.len);
            if gap.blank_line || (gap.newline && (heading || is_line_start(line))) {
                return at + gap.end;
            }
            if gap.newline {
                heading = is_line_block(line);
            }
            at += gap.len;
        } else if is_terminator(c) {
            let stop = Stop::at(text, body, at);
            let gap = Gap::at(text, stop.end);
            let end = stop.end + gap.end;
            if end == text.len() || (stop.ends(text, body, &gap) && is_boundary(text, end)) {
                return end;
            }
            at = stop.end;
        } else {
            at = next;
        }
    }
    text.len()
}

/// White space between two words.
struct Gap {
    /// All of it, in bytes.
    len: usize,
    /// The part that belongs to what is before: up to the last line break, or all of it.
    end: usize,
    newline: bool,
    /// A blank line, a form feed or a paragraph separator.
    blank_line: bool,
}

impl Gap {
    fn at(text: &str, at: usize) -> Self {
        let mut gap = Self {
            len: 0,
            end: 0,
            newline: false,
            blank_line: false,
        };
        let mut carriage_return = false;
        for c in after(text, at).chars().take_while(|c| c.is_whitespace()) {
            gap.len += c.len_utf8();
            // CR LF is one line break.
            let second_half = c == '\n' && carriage_return;
            carriage_return = c == '\r';
            if matches!(
                c,
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            ) {
                gap.blank_line |=
                    matches!(c, '\u{c}' | '\u{2029}') || (gap.newline && !second_half);
                gap.newline = true;
                gap.end = gap.len;
            }
        }
        if !gap.newline {
            gap.end = gap.len;
        }
        gap
    }
}

/// A run of terminators and the quotes and brackets that close after it.
struct Stop {
    /// Where the run begins.
    start: usize,
    end: usize,
    /// A single full stop, which may only mark an abbreviation.
    single: bool,
    /// Any other mark than full stops.
    strong: bool,
    /// A mark of a script that puts no space after it.
    wide: bool,
    closed: bool,
}

impl Stop {
    fn at(text: &str, body: usize, start: usize) -> Self {
        let mut stop = Self {
            start,
            end: start,
            single: false,
            strong: false,
            wide: false,
            closed: false,
        };
        let mut marks = 0;
        for c in after(text, start).chars() {
            if is_terminator(c) && !stop.closed {
                marks += 1;
                stop.strong |= c != '.' && c != '…';
                stop.wide |= is_wide_terminator(c);
            } else if is_closer(c) {
                stop.closed = true;
            } else {
                break;
            }
            stop.end += c.len_utf8();
        }
        // In `. . .` each full stop stands alone.
        let spaced = text
            .get(body..start)
            .is_some_and(|before| before.ends_with([' ', '\u{a0}']));
        stop.single = marks == 1 && !stop.strong && !spaced;
        stop
    }

    /// Whether a sentence ends here; `gap` is the white space that follows, the text goes on.
    fn ends(&self, text: &str, body: usize, gap: &Gap) -> bool {
        if gap.blank_line {
            return true;
        }
        let rest = after(text, self.end + gap.len);
        let Some(next) = rest.chars().next() else {
            return true;
        };
        if gap.len == 0 {
            // 「行く。」と言った: hiragana after a closing quote carries the sentence on.
            let carries_on = self.closed && matches!(next, '\u{3040}'..='\u{309f}');
            return self.wide && !carries_on && !is_continuation(next) && !is_terminator(next);
        }
        if gap.newline && is_line_start(rest) {
            return true;
        }
        if is_continuation(next) || is_terminator(next) {
            return false;
        }
        let word = rest.trim_start_matches(is_opener);
        let lower = word.chars().next().is_some_and(char::is_lowercase);
        if lower && (!self.strong || self.closed) {
            return false;
        }
        !(self.single
            && words::is_abbreviation(text.get(body..self.start).unwrap_or_default(), word))
    }
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        '.' | '!'
            | '?'
            | '…'
            | '‼'
            | '⁇'
            | '⁈'
            | '⁉'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '։'
            | '።'
            | '။'
            | '។'
    ) || is_wide_terminator(c)
}

fn is_wide_terminator(c: char) -> bool {
    matches!(c, '。' | '｡' | '！' | '？' | '．')
}

fn is_closer(c: char) -> bool {
    matches!(
        c,
        ')' | ']'
            | '}'
            | '"'
            | '\''
            | '”'
            | '’'
            | '»'
            | '›'
            | '」'
            | '』'
            | '）'
            | '】'
            | '》'
            | '〉'
            | '*'
            | '_'
            | '`'
    )
}

fn is_opener(c: char) -> bool {
    matches!(
        c,
        '(' | '['
            | '{'
            | '"'
            | '\''
            | '“'
            | '‘'
            | '„'
            | '«'
            | '‹'
            | '「'
            | '『'
            | '（'
            | '【'
            | '《'
            | '〈'
            | '*'
            | '_'
            | '`'
            | '¿'
            | '¡'
    )
}

/// Marks with which no sentence begins (`Yahoo!, they said`).
fn is_continuation(c: char) -> bool {
    matches!(
        c,
        ',' | ';' | ':' | '-' | '–' | '—' | '，' | '、' | '；' | '：'
    )
}

/// Whether a line is a block by itself, so that its end is an end: a heading, fence or table row.
fn is_line_block(line: &str) -> bool {
    let heading = line.trim_start_matches('#');
    let level = line.len() - heading.len();
    ((1..=6).contains(&level) && heading.starts_with([' ', '\t']))
        || line.starts_with("```")
        || line.starts_with("~~~")
        || line.starts_with('|')
}

/// Whether a line begins something of its own: a block, a list item or a quotation.
fn is_line_start(line: &str) -> bool {
    let item = line
        .strip_prefix(['-', '*', '+', '•', '>'])
        .or_else(|| {
            let digits = line.bytes().take(4).take_while(u8::is_ascii_digit).count();
            let numbered = (1..=3).contains(&digits);
            line.get(digits..)
                .filter(|_| numbered)?
                .strip_prefix(['.', ')'])
        })
        .is_some_and(|item| item.starts_with([' ', '\t']));
    item || is_line_block(line)
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}
