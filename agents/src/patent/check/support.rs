//! Support: the words of the claims stand in the description.
//!
//! By stem, so that `measuring` supports `measured`; a word that the description uses only inside a
//! longer one counts as well.

use std::collections::HashSet;

use super::{
    super::Patent,
    Finding, PatentPlace, Rule, Severity, finding,
    words::{Word, stem, words},
};

/// Words of claim language, which no description needs to have.
const CLAIM_WORDS: &[&str] = &[
    "wherein",
    "whereby",
    "thereof",
    "therein",
    "thereto",
    "therefrom",
    "therewith",
    "comprising",
    "comprises",
    "comprise",
    "comprised",
    "consisting",
    "consists",
    "claim",
    "claims",
    "claimed",
    "said",
    "according",
    "characterised",
    "characterized",
    "least",
    "plurality",
    "respective",
    "respectively",
    "further",
    "having",
    "including",
    "includes",
    "which",
    "that",
    "with",
    "when",
    "where",
    "being",
    "from",
    "into",
    "than",
    "then",
    "each",
    "such",
    "more",
    "them",
    "they",
    "their",
    "these",
    "those",
    "forth",
    "responsive",
    "configured",
    "selected",
    "group",
    "preceding",
    "method",
    "system",
    "apparatus",
    "device",
    "step",
    "steps",
    "first",
    "second",
    "third",
    "fourth",
    "another",
    "other",
    "based",
    "also",
    "between",
    "using",
    "cause",
    "causes",
    "causing",
    "caused",
    "used",
];

pub(super) fn check(patent: &Patent, findings: &mut Vec<Finding>) {
    if patent.sections.is_empty() {
        return;
    }
    let mut known: HashSet<String> = HashSet::new();
    for (_, _, text) in patent.numbered() {
        for word in words(text) {
            known.extend(stems(&word));
        }
    }
    let mut reported = HashSet::new();
    for claim in &patent.claims {
        for word in words(claim.text()) {
            let short = word.lower.chars().count() < 4;
            let digits = word.lower.chars().any(char::is_numeric);
            if short || digits || word.is(CLAIM_WORDS) {
                continue;
            }
            if stems(&word).all(|stem| supported(&known, &stem)) {
                continue;
            }
            if reported.insert(stem(&word.lower)) {
                findings.push(finding(
                    Rule::ClaimSupport,
                    Severity::Warning,
                    PatentPlace::Claim(claim.number()),
                    format!("'{}' does not occur in the description", word.text),
                    "use the description's word, or describe it there",
                ));
            }
        }
    }
}

/// The stems of a word's parts.
fn stems(word: &Word<'_>) -> impl Iterator<Item = String> {
    word.lower
        .split(['-', '‐', '‑', '_'])
        .filter(|part| part.chars().count() > 2)
        .map(stem)
}

/// Whether the description has the stem, or a word with the same long beginning.
fn supported(known: &HashSet<String>, stem: &str) -> bool {
    if known.contains(stem) {
        return true;
    }
    // What is described succeeds, so that it is clear what does not.
    if let Some(opposite) = stem.strip_prefix("un").filter(|rest| rest.len() > 4) {
        return supported(known, opposite);
    }
    let length = stem.chars().count();
    length >= 5
        && known.iter().any(|other| {
            other.starts_with(stem)
                || (other.chars().count() >= 5 && stem.starts_with(other.as_str()))
        })
}
