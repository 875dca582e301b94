//! Reference numerals: one name a numeral, one numeral a name.
//!
//! Names are compared by their last word, so that `CO₂ adsorption chamber 5` and `adsorption chamber 5` agree; an abbreviation in
//! parentheses is another name of what stands before it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Guide, Patent, SectionKind},
    Finding, PatentPlace, Rule, Severity, finding,
    mentions::{NOT_NAMES, UNITS, goes_on, is_numeral, is_quantity, name},
    references::references,
    words::{Word, singular, words},
};

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

/// The digits of a numeral: `10a` and `10b` are of one family.
fn family(numeral: &str) -> &str {
    numeral.trim_end_matches(|c: char| !c.is_ascii_digit())
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
