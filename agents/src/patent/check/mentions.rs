//! Where a text mentions a thing with its reference numeral.
//!
//! A mention is a noun followed by a number (`the air pump 4`), unless the number is part of something else: a
//! figure, a claim, a step, a year, a quantity.

use super::words::{Word, words};

/// What numbers follow without being reference numerals.
pub(super) const NOT_NAMES: &[&str] = &[
    "fig",
    "figs",
    "figure",
    "figures",
    "claim",
    "claims",
    "step",
    "steps",
    "no",
    "nos",
    "number",
    "numbers",
    "about",
    "to",
    "of",
    "from",
    "than",
    "least",
    "most",
    "and",
    "or",
    "by",
    "at",
    "in",
    "is",
    "are",
    "be",
    "with",
    "equal",
    "equals",
    "approximately",
    "between",
    "over",
    "under",
    "pat",
    "patent",
    "equation",
    "eq",
    "table",
    "example",
    "examples",
    "section",
    "sections",
    "page",
    "chapter",
    "version",
    "level",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
    "block",
    "blocks",
    "operation",
    "act",
    "box",
    "the",
    "a",
    "an",
    "for",
    "on",
    "up",
    "only",
    "within",
    "through",
    "ser",
    "application",
    "art",
    "ranges",
    "range",
    "rule",
    "rev",
    "type",
    "class",
    "grade",
    "model",
    "step",
    "was",
    "were",
    "as",
    "has",
    "have",
    "into",
    "via",
    "that",
    "which",
    "when",
    "if",
    "not",
    "every",
];

/// Units and the like, behind a number that is a quantity.
pub(super) const UNITS: &[&str] = &[
    "mm", "cm", "m", "km", "nm", "um", "µm", "μm", "inch", "inches", "ft", "g", "kg", "mg", "s",
    "ms", "min", "minutes", "seconds", "hours", "h", "days", "hz", "khz", "mhz", "ghz", "v", "mv",
    "kv", "w", "kw", "mw", "a", "ma", "db", "dbm", "pa", "kpa", "mpa", "bar", "c", "f", "k", "wt",
    "percent", "degrees", "bits", "bytes", "kb", "mb", "gb", "times", "volts", "watts", "ohms",
    "weeks", "months", "years", "ports", "or", "μmol", "mol", "ml", "l", "liters", "kelvin",
];

/// Words at which a name begins.
const ARTICLES: &[&str] = &[
    "a",
    "an",
    "the",
    "said",
    "of",
    "and",
    "or",
    "in",
    "on",
    "to",
    "by",
    "with",
    "from",
    "for",
    "at",
    "is",
    "are",
    "which",
    "that",
    "into",
    "via",
    "through",
    "each",
    "its",
    "between",
    "has",
    "as",
    "comprises",
    "comprising",
    "includes",
    "including",
    "when",
    "then",
    "using",
    "have",
    "having",
    "may",
    "can",
    "if",
    "where",
    "wherein",
    "under",
    "over",
    "not",
    "both",
    "one",
    "this",
    "other",
    "another",
    "these",
    "embodiment",
    "embodiments",
    "example",
    "while",
    "after",
    "before",
    "shown",
    "called",
    "within",
    "be",
    "opened",
];

/// A thing with its reference numeral, as a text mentions it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::patent) struct Mention {
    /// The name before the numeral, without an article.
    pub(in crate::patent) name: String,
    pub(in crate::patent) numeral: String,
    /// The bytes of the numeral in the text.
    pub(in crate::patent) bytes: std::ops::Range<usize>,
}

/// The things that a text mentions with a numeral, one at a time, in their order.
pub(in crate::patent) fn mentions(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let words = words(line);
        for (at, word) in words.iter().enumerate() {
            if !is_numeral(word.text) || is_quantity(line, &words, at) {
                continue;
            }
            let Some(name) = name(line, &words, at) else {
                continue;
            };
            if let (Some(first), Some(last)) = (name.first(), name.last())
                && last.end() + 1 >= word.start
                && !goes_on(line, &words, at)
            {
                found.push(Mention {
                    name: line.get(first.start..last.end()).unwrap_or_default().into(),
                    numeral: word.text.to_owned(),
                    bytes: start + word.start..start + word.end(),
                });
            }
        }
        start += line.len();
    }
    found
}

/// Whether another numeral of the same name follows, as in `line 21 and 22`.
pub(super) fn goes_on(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let Some(word) = words.get(at) else {
        return false;
    };
    let mut following = words.iter().skip(at + 1).peekable();
    let comma = text.get(word.end()..).unwrap_or_default().starts_with(',');
    let linked = following
        .next_if(|next| next.is(&["and", "or", "to"]))
        .is_some();
    (comma || linked) && following.next().is_some_and(|next| is_numeral(next.text))
}

/// One to four digits, and perhaps a letter or prime.
pub(super) fn is_numeral(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word.get(digits..).unwrap_or_default();
    (1..=4).contains(&digits)
        && !word.starts_with('0')
        && rest.chars().count() <= 1
        && rest.chars().all(|c| c.is_ascii_alphabetic())
}

/// Whether a unit, a decimal or a sign stands by the number.
pub(super) fn is_quantity(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let Some(word) = words.get(at) else {
        return true;
    };
    let after = text.get(word.end()..).unwrap_or_default();
    let mut following = after.chars();
    let sticky = match (following.next(), following.next()) {
        (Some('.' | ',' | '/' | '-' | '–' | ':'), Some(next)) => next.is_ascii_digit(),
        (Some('%' | '°' | '×' | '='), _) => true,
        (Some(' '), Some('%' | '°' | '×' | '=' | '+' | '<' | '>' | '*')) => true,
        _ => false,
    };
    let before = text.get(..word.start).unwrap_or_default();
    let signed = before.ends_with([
        '.', ',', '-', '–', '/', '$', '€', '<', '>', '=', '±', '+', ':', '#', '~', '(',
    ]);
    let unit = words.get(at + 1).is_some_and(|next| {
        // "the pump 4 a": an article is no ampere.
        // And of "70 kHz-44 GHz" the first word has the unit.
        let unit = next.lower.split(['-', '–']).next().unwrap_or_default();
        !next.after_punctuation && UNITS.contains(&unit) && unit != "a" && unit != "or"
    });
    let year = (1900..2100).contains(&word.text.parse::<u32>().unwrap_or_default());
    sticky || signed || unit || year
}

/// The words of the name before the numeral, at most five.
pub(super) fn name<'a, 'b>(text: &str, words: &'b [Word<'a>], at: usize) -> Option<&'b [Word<'a>]> {
    let mut end = at;
    // "lines 21, 22 and 23": the name stands before the first of them.
    loop {
        let word = words.get(end.checked_sub(1)?)?;
        let gap = text
            .get(word.end()..words.get(end)?.start)
            .unwrap_or_default()
            .trim();
        let listed = word.is(&["and", "or", "to"]) || is_numeral(word.text);
        if !listed {
            if !gap.is_empty() && gap != ")" {
                return None;
            }
            break;
        }
        if !matches!(gap, "" | ",") {
            return None;
        }
        end -= 1;
    }
    let last = words.get(end - 1)?;
    let names = last.text.chars().any(char::is_alphabetic) && !last.is(NOT_NAMES);
    if !names || last.text.chars().count() < 2 || last.lower.ends_with("ly") {
        return None;
    }
    // A list after a verb has no name: "connected and 4".
    if end < at && words.get(end).is_some_and(|word| !is_numeral(word.text)) {
        return None;
    }
    let mut start = end - 1;
    while start > 0 && end - start < 5 {
        let (Some(before), Some(word)) = (words.get(start - 1), words.get(start)) else {
            break;
        };
        if word.after_punctuation || before.is(ARTICLES) || is_numeral(before.text) {
            break;
        }
        start -= 1;
    }
    words.get(start..end)
}
