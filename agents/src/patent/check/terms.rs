//! Terminology: a term is spelled in one way, that of the claims.
//!
//! `light emitting diode`, `Light-Emitting Diode` and `lightemitting diodes` are spellings of `light-emitting diode`: the
//! letters are the same. Capitals alone are not reported, since patents use them freely; the last pass of
//! [`AutoPatent`](crate::AutoPatent) puts them right in what it wrote.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    super::Patent,
    Finding, PatentPlace, Rule, Severity,
    antecedent::is_stop,
    finding, introduced,
    words::{Word, singular, words},
};

/// The most words of a name.
const WORDS: usize = 6;

/// Behind a verb: "set up" is no "setup".
const PARTICLES: &[&str] = &[
    "up", "off", "on", "out", "in", "down", "over", "back", "away", "by", "to",
];

pub(super) fn check(patent: &Patent, findings: &mut Vec<Finding>) {
    let claims = || {
        patent
            .claims
            .iter()
            .map(|claim| (PatentPlace::Claim(claim.number()), claim.text()))
    };
    let names: Vec<String> = claims().flat_map(|(_, text)| introduced(text)).collect();
    let spelling = Spelling::of(names.iter().map(String::as_str));
    let description = patent
        .numbered()
        .map(|(number, _, text)| (PatentPlace::Paragraph(number), text));
    let texts = claims()
        .chain(description)
        .chain([(PatentPlace::Abstract, patent.abstract_text())]);
    let mut reported = HashSet::new();
    for (place, text) in texts {
        for variant in spelling.variants(text) {
            let found = text.get(variant.bytes).unwrap_or_default();
            let capitals = found.to_lowercase() == variant.name.to_lowercase();
            if capitals || !reported.insert(found.to_lowercase()) {
                continue;
            }
            findings.push(finding(
                Rule::Terminology,
                Severity::Advice,
                place.clone(),
                format!("'{found}' is '{}' where it is claimed first", variant.name),
                "spell it the same everywhere, or it may be taken for another thing",
            ));
        }
    }
}

/// The letters of a name in the singular, whatever divides its words.
pub(in crate::patent) fn squashed(name: &str) -> String {
    let letters: String = words(name).iter().map(letters).collect();
    singular(&letters)
}

/// How some terms are spelled.
#[derive(Debug)]
pub(in crate::patent) struct Spelling<'a> {
    names: HashMap<String, &'a str>,
}

/// A term in another spelling.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::patent) struct Variant {
    pub(in crate::patent) bytes: Range<usize>,
    /// What should stand there, in the number that stands there.
    pub(in crate::patent) name: String,
}

impl<'a> Spelling<'a> {
    /// Of two names with the same letters the first holds.
    pub(in crate::patent) fn of(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = HashMap::new();
        for name in names {
            known.entry(squashed(name)).or_insert(name);
        }
        known.remove("");
        Self { names: known }
    }

    /// Where a text spells a term otherwise, outside of quotations.
    pub(in crate::patent) fn variants(&self, text: &str) -> Vec<Variant> {
        let words = words(text);
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let rest = words.get(at..).unwrap_or_default();
            let Some((length, name)) = self.longest(rest) else {
                at += 1;
                continue;
            };
            let before = at.checked_sub(1).and_then(|at| words.get(at));
            found.extend(variant(text, before, rest, length, name));
            at += length;
        }
        found
    }

    /// The longest term that stands at the start of `words`, and how many of them it takes.
    fn longest(&self, words: &[Word<'_>]) -> Option<(usize, &'a str)> {
        let mut joined = String::new();
        let mut found = None;
        for (at, word) in words.iter().take(WORDS).enumerate() {
            if at > 0 && word.after_punctuation {
                break;
            }
            joined.push_str(&letters(word));
            if let Some(name) = self.names.get(&singular(&joined)) {
                found = Some((at + 1, *name));
            }
        }
        found
    }
}

fn variant(
    text: &str,
    before: Option<&Word<'_>>,
    words: &[Word<'_>],
    length: usize,
    name: &str,
) -> Option<Variant> {
    let mention = words.get(..length)?;
    let (first, last) = (mention.first()?, mention.last()?);
    let bytes = first.start..last.end();
    let found = text.get(bytes.clone())?;
    let begins = begins_sentence(text, first.start);
    let mut wanted = in_number_of(name, mention);
    if begins && first.text.starts_with(char::is_uppercase) {
        let mut chars = wanted.chars();
        let capital = chars.next()?.to_uppercase();
        wanted = capital.chain(chars).collect();
    }
    let next = words.get(length).filter(|next| !next.after_punctuation);
    let is_capital = |word: &&Word<'_>| word.text.starts_with(char::is_uppercase);
    // "Liquid Crystal Display": a part of a longer name.
    let in_name = before.is_some_and(|before| {
        is_capital(&before) && !first.after_punctuation && !begins_sentence(text, before.start)
    }) || next.filter(is_capital).is_some();
    let in_name = in_name && first.text.starts_with(char::is_uppercase);
    // "High-concentration supply" is right, and of "high concentration".
    let modifies = found.contains('-')
        && !name.contains('-')
        && next.is_some_and(|next| !is_stop(next) && next.text.starts_with(char::is_alphabetic));
    let phrasal = length > 1 && !name.contains([' ', '-']) && last.is(PARTICLES);
    let kept = found == wanted || in_name || modifies || phrasal || in_quotation(text, first.start);
    (!kept).then_some(Variant {
        bytes,
        name: wanted,
    })
}

/// A name in the singular or plural of a mention.
fn in_number_of(name: &str, mention: &[Word<'_>]) -> String {
    let mentioned: String = mention.iter().map(letters).collect();
    let start = name.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (lead, last) = name.split_at_checked(start).unwrap_or((name, ""));
    let taken: usize = words(lead)
        .iter()
        .map(|word| letters(word).chars().count())
        .sum();
    let tail = mentioned.chars().skip(taken);
    // The name's capitals, the mention's ending.
    let mut own = last.chars();
    let tail = tail.map(|c| match own.next() {
        Some(other) if other.to_lowercase().eq([c]) => other,
        _ => c,
    });
    lead.chars().chain(tail).collect()
}

fn letters(word: &Word<'_>) -> String {
    word.lower.replace(['-', '‐', '‑'], "")
}

fn begins_sentence(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default().trim_end();
    before.is_empty() || before.ends_with(['.', '!', '?', ':'])
}

fn in_quotation(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let mut last = ' ';
    let mut quoted = false;
    for c in before.chars() {
        // `5"` is five inches, unless a quotation ends there.
        quoted ^= c == '"' && (quoted || !last.is_ascii_digit());
        last = c;
    }
    quoted || before.rfind('“') > before.rfind('”')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respelled(names: &[&str], text: &str) -> String {
        let mut out = text.to_owned();
        for variant in Spelling::of(names.iter().copied())
            .variants(text)
            .into_iter()
            .rev()
        {
            out.replace_range(variant.bytes, &variant.name);
        }
        out
    }

    #[test]
    fn a_term_is_spelled_as_the_claims_spell_it() {
        let names = [
            "light-emitting diode",
            "base plate",
            "support arms",
            "CO₂ sensor",
        ];
        for (text, spelled) in [
            (
                "A light emitting diode and the Light-Emitting Diodes (LEDs).",
                "A light-emitting diode and the light-emitting diodes (LEDs).",
            ),
            (
                "Light emitting diodes glow. The LED is a light-emitting-diode.",
                "Light-emitting diodes glow. The LED is a light-emitting diode.",
            ),
            (
                "The baseplate, two base-plates and a Support Arm.",
                "The base plate, two base plates and a support arm.",
            ),
            ("Two co₂-sensors.", "Two CO₂ sensors."),
            // As it is.
            ("Support arms hold.", "Support arms hold."),
            ("The base, plate and arm.", "The base, plate and arm."),
            ("They call it “Base Plate”.", "They call it “Base Plate”."),
            (
                "The \"Type 5\" and a baseplate.",
                "The \"Type 5\" and a base plate.",
            ),
            ("Of 5\", a baseplate.", "Of 5\", a base plate."),
            ("The \"baseplate\" of 1850.", "The \"baseplate\" of 1850."),
            ("A non-light-emitting diode.", "A non-light-emitting diode."),
            (
                "A light emitting diode-based lamp.",
                "A light emitting diode-based lamp.",
            ),
            ("Base-plate bolts hold.", "Base-plate bolts hold."),
            (
                "The ACME Base Plate Company.",
                "The ACME Base Plate Company.",
            ),
        ] {
            assert_eq!(respelled(&names, text), spelled);
            assert_eq!(respelled(&names, spelled), spelled);
        }
        assert_eq!(
            respelled(&["setup"], "They set up a Setup."),
            "They set up a setup."
        );
    }
}
