//! Words before a full stop that does not end a sentence.

use crate::segment::cut::floor_char_boundary;

/// Titles and Latin abbreviations, always followed by more of the sentence.
const NEVER_LAST: &[&str] = &[
    "adm", "ald", "brig", "capt", "cf", "cmdr", "col", "cpl", "dr", "e.g", "fr", "gen", "gov",
    "hon", "i.e", "lt", "maj", "messrs", "mlle", "mm", "mme", "mr", "mrs", "ms", "mt", "mx",
    "pres", "prof", "rep", "rev", "sen", "sgt", "sra", "st", "supt", "viz", "vs", "z.b",
];

/// Abbreviations when a number follows.
const BEFORE_NUMBER: &[&str] = &[
    "apr", "art", "aug", "ca", "ch", "chap", "col", "dec", "eq", "feb", "fig", "figs", "jan",
    "jul", "jun", "mar", "no", "nos", "nov", "nr", "oct", "p", "para", "pp", "pt", "sec", "sect",
    "sep", "sept", "vol", "vols",
];

/// Abbreviations that may be followed by a name as well as by a new sentence.
const AMBIGUOUS: &[&str] = &[
    "al", "approx", "assn", "ave", "blvd", "bros", "co", "corp", "dept", "ed", "eds", "esq", "est",
    "inc", "jr", "ltd", "ph.d", "rd", "sq", "sr", "univ",
];

/// Words that begin a sentence far more often than they are capitalised within one.
const OPENERS: &[&str] = &[
    "A", "After", "All", "An", "And", "As", "At", "But", "By", "Did", "Do", "Does", "For", "From",
    "Had", "He", "Her", "Here", "His", "How", "However", "I", "If", "In", "Is", "It", "Its", "My",
    "No", "Nor", "Not", "Now", "On", "One", "Or", "Our", "She", "So", "That", "The", "Their",
    "Then", "There", "These", "They", "This", "Those", "To", "Was", "We", "Were", "What", "When",
    "Where", "Which", "While", "Who", "Why", "With", "Yes", "Yet", "You", "Your",
];

/// Longer runs without white space are no abbreviation, and need not be read to their start.
const LONGEST: usize = 24;

/// Whether the full stop after `before` (the sentence so far) marks an abbreviation, an initial or
/// the number of a list item, given what follows it.
pub(super) fn is_abbreviation(before: &str, following: &str) -> bool {
    let tail = before.get(floor_char_boundary(before, before.len().saturating_sub(LONGEST))..);
    let tail = tail.unwrap_or_default();
    let token = tail
        .rsplit(|c: char| c.is_whitespace() || "—–-/".contains(c))
        .next()
        .unwrap_or_default();
    let word = token.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_first = token.len() == before.len();
    if word.is_empty() {
        return false;
    }
    // `1. Preheat the oven.` `IV. Of Cannibals`
    if is_first && (word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit()) || is_roman(word)) {
        return true;
    }
    let lower = word.to_lowercase();
    if NEVER_LAST.contains(&lower.as_str()) {
        return true;
    }
    let number = following.chars().next().is_some_and(|c| c.is_ascii_digit())
        || is_roman(
            following
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or_default(),
        );
    if number && BEFORE_NUMBER.contains(&lower.as_str()) {
        return true;
    }
    // Initials and acronyms (`J. R. R. Tolkien`, `the U.S. Army`) go on, unless the next word is
    // one that begins sentences: `in the U.S. The next year`.
    let letters = word.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
    });
    let initial = letters && (word.contains('.') || word.chars().all(char::is_uppercase));
    let ambiguous = initial || AMBIGUOUS.contains(&lower.as_str());
    ambiguous && !begins_sentence(following)
}

fn begins_sentence(following: &str) -> bool {
    let (word, rest) = match following.find(|c: char| !c.is_alphabetic()) {
        Some(end) => following.split_at(end),
        None => (following, ""),
    };
    // `J. A. Smith`: an initial is no opener.
    let initial = word.len() == 1 && rest.starts_with('.');
    OPENERS.contains(&word) && !initial
}

fn is_roman(word: &str) -> bool {
    (1..=7).contains(&word.len()) && word.bytes().all(|b| b"IVXLC".contains(&b))
}
