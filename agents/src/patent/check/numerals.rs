//! Reference numerals: one name a numeral, one numeral a name.
//!
//! A mention is a noun followed by a number (`the air pump 4`), unless the number is part of
//! something else: a figure, a claim, a step, a year, a quantity. Names are compared by their last
//! word, so that `CO₂ adsorption chamber 5` and `adsorption chamber 5` agree; an abbreviation in
//! parentheses is another name of what stands before it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Guide, Patent, SectionKind},
    Finding, PatentPlace, Rule, Severity, finding,
    references::references,
    words::{Word, singular, words},
};

/// What numbers follow without being reference numerals.
const NOT_NAMES: &[&str] = &[
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
const UNITS: &[&str] = &[
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

/// A numeral's names: the last word in the singular, and the whole as it was first written.
type Names = BTreeMap<String, (String, u32, usize)>;

#[derive(Default)]
struct Table {
    /// By numeral; with the paragraph of the first mention and the number of mentions.
    names: BTreeMap<String, Names>,
    /// By whole name in the singular: numerals, and the paragraph of the last one.
    numerals: BTreeMap<String, BTreeMap<String, u32>>,
    /// Abbreviations and what they stand for, by the last word.
    aliases: BTreeSet<(String, String)>,
}

pub(super) fn check(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    let mut table = Table::default();
    for (number, section, text) in patent.numbered() {
        if matches!(
            section.kind(),
            SectionKind::Background | SectionKind::CrossReference | SectionKind::Field
        ) {
            continue;
        }
        for line in text.lines() {
            table.read(line, number);
        }
    }
    table.report(findings);
    if guide.signs_in_claims {
        signs(patent, &table, findings);
    }
}

impl Table {
    fn read(&mut self, text: &str, paragraph: u32) {
        let words = words(text);
        self.aliases(text, &words);
        for (at, word) in words.iter().enumerate() {
            if !is_numeral(word.text) || is_quantity(text, &words, at) {
                continue;
            }
            let Some(name) = name(text, &words, at) else {
                continue;
            };
            let (Some(first), Some(last)) = (name.first(), name.last()) else {
                continue;
            };
            // "Lines 21 and 22", "line 21 and 22" name two things at once.
            let listed = last.end() + 1 < word.start || goes_on(text, &words, at);
            let plural = listed || singular(&last.lower) != last.lower;
            let whole = text.get(first.start..last.end()).unwrap_or_default();
            let head = singular(&last.lower);
            let entry = self
                .names
                .entry(word.text.to_owned())
                .or_default()
                .entry(head.clone())
                .or_insert_with(|| (whole.to_owned(), paragraph, 0));
            entry.2 += 1;
            if !plural {
                let key = name
                    .iter()
                    .map(|word| word.lower.as_str())
                    .collect::<Vec<_>>();
                self.numerals
                    .entry(key.join(" "))
                    .or_default()
                    .entry(word.text.to_owned())
                    .or_insert(paragraph);
            }
        }
    }

    /// `device under test (DUT)`: the last words of both are names of one thing.
    fn aliases(&mut self, text: &str, words: &[Word<'_>]) {
        for pair in words.windows(2) {
            let [before, short] = pair else { continue };
            let gap = text.get(before.end()..short.start).unwrap_or_default();
            let closed = text.get(short.end()..).unwrap_or_default().starts_with(')');
            if gap.trim() == "(" && closed {
                self.aliases
                    .insert((singular(&before.lower), singular(&short.lower)));
            }
        }
    }

    fn are_one(&self, a: &str, b: &str) -> bool {
        a == b
            || a.starts_with(b)
            || b.starts_with(a)
            || self
                .aliases
                .iter()
                .any(|(x, y)| (x, y) == (&a.into(), &b.into()) || (x, y) == (&b.into(), &a.into()))
    }

    fn report(&self, findings: &mut Vec<Finding>) {
        for (numeral, names) in &self.names {
            let mut different: Vec<(&String, &(String, u32, usize))> = Vec::new();
            for (head, name) in names {
                if !different.iter().any(|(other, _)| self.are_one(head, other)) {
                    different.push((head, name));
                }
            }
            different.sort_by_key(|(_, (_, paragraph, _))| *paragraph);
            let [(_, (first, at, _)), (_, (second, paragraph, _)), ..] = different.as_slice()
            else {
                continue;
            };
            findings.push(finding(
                Rule::ReferenceNumerals,
                Severity::Warning,
                PatentPlace::Paragraph(*paragraph),
                format!("{numeral} is '{second}', and '{first}' in paragraph [{at:04}]"),
                "use one name for what has this numeral, or another numeral",
            ));
        }
        for (name, numerals) in &self.numerals {
            let families: BTreeSet<&str> = numerals.keys().map(|numeral| family(numeral)).collect();
            let mut places: Vec<_> = numerals.iter().collect();
            places.sort_by_key(|(_, paragraph)| **paragraph);
            let ([(first, _), .., (last, paragraph)], true) =
                (places.as_slice(), families.len() > 1)
            else {
                continue;
            };
            findings.push(finding(
                Rule::ReferenceNumerals,
                Severity::Warning,
                PatentPlace::Paragraph(**paragraph),
                format!("'{name}' has the numerals {first} and {last}"),
                "use one numeral for it, or tell them apart by name: 'first', 'second'",
            ));
        }
    }
}

/// Whether another numeral of the same name follows, as in `line 21 and 22`.
fn goes_on(text: &str, words: &[Word<'_>], at: usize) -> bool {
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

/// The digits of a numeral: `10a` and `10b` are of one family.
fn family(numeral: &str) -> &str {
    numeral.trim_end_matches(|c: char| !c.is_ascii_digit())
}

/// One to four digits, and perhaps a letter or prime.
fn is_numeral(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word.get(digits..).unwrap_or_default();
    (1..=4).contains(&digits)
        && !word.starts_with('0')
        && rest.chars().count() <= 1
        && rest.chars().all(|c| c.is_ascii_alphabetic())
}

/// Whether a unit, a decimal or a sign stands by the number.
fn is_quantity(text: &str, words: &[Word<'_>], at: usize) -> bool {
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
        !next.after_punctuation && next.is(UNITS) && next.lower != "a" && next.lower != "or"
    });
    let year = (1900..2100).contains(&word.text.parse::<u32>().unwrap_or_default());
    sticky || signed || unit || year
}

/// The words of the name before the numeral, at most five.
fn name<'a, 'b>(text: &str, words: &'b [Word<'a>], at: usize) -> Option<&'b [Word<'a>]> {
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

/// Reference signs in the claims (rule 43(7) EPC).
fn signs(patent: &Patent, table: &Table, findings: &mut Vec<Finding>) {
    if table.names.is_empty() {
        return;
    }
    for claim in &patent.claims {
        let text = claim.text();
        let words = words(text);
        let in_parentheses = |word: &Word<'_>| {
            let before = text.get(..word.start).unwrap_or_default();
            let open = before.rfind('(');
            open.is_some() && open > before.rfind(')')
        };
        let signs: Vec<&Word<'_>> = words
            .iter()
            .filter(|word| table.names.contains_key(word.text))
            .collect();
        let mut plain = signs
            .iter()
            .filter(|word| !in_parentheses(word) && !in_reference(&words, word));
        if let Some(word) = plain.next() {
            findings.push(finding(
                Rule::ReferenceSigns,
                Severity::Warning,
                PatentPlace::Claim(claim.number()),
                format!("the reference sign {} is not in parentheses", word.text),
                format!("write ({}) (rule 43(7) EPC)", word.text),
            ));
        } else if !signs.iter().any(|word| in_parentheses(word))
            && references(claim.number(), text).is_empty()
        {
            findings.push(finding(
                Rule::ReferenceSigns,
                Severity::Advice,
                PatentPlace::Claim(claim.number()),
                "no feature is followed by its reference sign",
                "put the sign of each feature that the drawings show in parentheses behind it (rule \
                 43(7) EPC)",
            ));
        }
    }
}

/// Whether a number belongs to a reference to other claims, or to a quantity.
fn in_reference(words: &[Word<'_>], word: &Word<'_>) -> bool {
    let Some(at) = words.iter().position(|other| other.start == word.start) else {
        return false;
    };
    let before = words.get(at.saturating_sub(4)..at).unwrap_or_default();
    before.iter().any(|word| word.is(&["claim", "claims"]))
        || words
            .get(at + 1)
            .is_some_and(|next| next.is(UNITS) || next.lower == "to")
        || before.last().is_some_and(|word| word.is(NOT_NAMES))
}
