//! Which pieces must change when the claims do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    super::PatentClaim,
    types::{PatentPiece, PatentWork, Source},
};

/// What changed claims mean for the rest of a patent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimChanges {
    /// Claims that say something else than before.
    pub changed: Vec<u32>,
    /// Claims whose numbers were not there.
    pub added: Vec<u32>,
    /// Claims that are gone.
    pub removed: Vec<u32>,
    /// What has to be written anew, and why.
    pub pieces: Vec<AffectedPiece>,
}

impl ClaimChanges {
    /// Whether the claims say what they said.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }
}

/// A piece that rests on a claim that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffectedPiece {
    /// Which one.
    pub piece: PatentPiece,
    /// The claims that changed, or whose claims changed that they refer to.
    pub claims: Vec<u32>,
    /// Terms in it that no claim has any more.
    pub lost_terms: Vec<String>,
}

impl PatentWork {
    /// What must change when the claims become `claims`.
    ///
    /// A subsection must that was written from a claim that changed, or uses a term that no claim has any
    /// more. The summary and the abstract must when an independent claim changed: they say what it says.
    /// What a new claim demands of the description is told by [`Rule::ClaimSupport`](crate::Rule) of the
    /// document with the new claims.
    ///
    /// # Example
    ///
    /// ```
    /// use catena_agents::{PatentClaim, PatentWork};
    ///
    /// let mut work = PatentWork::default();
    /// work.abstract_text = "A cup with a foot.".into();
    /// work.claims = vec![PatentClaim::new(1, "A cup comprising a foot.")];
    /// let changes = work.claim_changes(&[PatentClaim::new(1, "A cup comprising a heavy foot.")]);
    /// assert_eq!(changes.changed, [1]);
    /// assert_eq!(changes.pieces[0].piece.to_string(), "abstract");
    /// ```
    pub fn claim_changes(&self, claims: &[PatentClaim]) -> ClaimChanges {
        let before = by_number(&self.claims);
        let after = by_number(claims);
        let of = |wanted: fn(Option<&&str>, Option<&&str>) -> bool| -> Vec<u32> {
            let numbers: BTreeSet<u32> = before.keys().chain(after.keys()).copied().collect();
            let is = |number: &u32| wanted(before.get(number), after.get(number));
            numbers.into_iter().filter(is).collect()
        };
        let mut changes = ClaimChanges {
            changed: of(|old, new| matches!((old, new), (Some(old), Some(new)) if !same(old, new))),
            added: of(|old, new| old.is_none() && new.is_some()),
            removed: of(|old, new| old.is_some() && new.is_none()),
            pieces: Vec::new(),
        };
        if changes.is_empty() {
            return changes;
        }
        let touched: BTreeSet<u32> = [&changes.changed, &changes.added, &changes.removed]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let lost = self.lost_terms(claims);
        // What an independent claim says is said again in summary and abstract.
        let independent: Vec<u32> = touched
            .iter()
            .copied()
            .filter(|number| {
                let texts = [before.get(number), after.get(number)];
                texts.into_iter().flatten().any(|text| !refers(text))
            })
            .collect();
        for (piece, text) in [
            (PatentPiece::Abstract, &self.abstract_text),
            (PatentPiece::Summary, &self.summary),
        ] {
            let lost_terms = used(&lost, text);
            if self.has(piece) && !(independent.is_empty() && lost_terms.is_empty()) {
                changes.pieces.push(AffectedPiece {
                    piece,
                    claims: independent.clone(),
                    lost_terms,
                });
            }
        }
        for (id, subsection) in &self.subsections {
            let rests_on = subsection
                .rests_on
                .iter()
                .filter_map(|source| match source {
                    Source::Claim(number) => Some(*number),
                    _ => None,
                });
            let claims: BTreeSet<u32> =
                rests_on.filter(|number| touched.contains(number)).collect();
            let lost_terms = used(&lost, &subsection.text);
            if !(claims.is_empty() && lost_terms.is_empty()) {
                changes.pieces.push(AffectedPiece {
                    piece: PatentPiece::Subsection(*id),
                    claims: claims.into_iter().collect(),
                    lost_terms,
                });
            }
        }
        changes
    }

    /// Terms of claims that no claim has any more.
    fn lost_terms(&self, claims: &[PatentClaim]) -> Vec<String> {
        let text: Vec<&str> = claims.iter().map(PatentClaim::text).collect();
        let text = text.join("\n");
        self.glossary
            .terms
            .iter()
            .filter(|term| !term.claims.is_empty() && !has(&text, &term.name))
            .map(|term| term.name.clone())
            .collect()
    }
}

fn by_number(claims: &[PatentClaim]) -> BTreeMap<u32, &str> {
    claims
        .iter()
        .map(|claim| (claim.number(), claim.text()))
        .collect()
}

/// Line breaks say nothing.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// Whether a claim refers to another.
fn refers(text: &str) -> bool {
    let mut words = text.split_whitespace().map(|word| {
        word.trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase()
    });
    words.any(|word| word == "claim" || word == "claims")
}

fn used(terms: &[String], text: &str) -> Vec<String> {
    let used = terms.iter().filter(|term| has(text, term));
    used.cloned().collect()
}

/// Whether `term` stands in `text`, in any case, as whole words.
fn has(text: &str, term: &str) -> bool {
    let flat = |text: &str| {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        format!(" {} ", words.join(" "))
    };
    let term = flat(term);
    term.trim() != "" && flat(text).contains(&term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, Glossary, Subsection};

    fn claims(texts: &[&str]) -> Vec<PatentClaim> {
        let numbered = texts.iter().zip(1..);
        numbered
            .map(|(text, number)| PatentClaim::new(number, text))
            .collect()
    }

    fn work() -> PatentWork {
        let mut work = PatentWork {
            abstract_text: "A cup has a foot.".into(),
            summary: "The cup has a foot and a rim.".into(),
            claims: claims(&[
                "A cup comprising a foot and a rim.",
                "The cup of claim 1, wherein the foot has a magnet.",
            ]),
            ..PatentWork::default()
        };
        work.glossary = Glossary::of(&Draft::default(), &work.claims);
        for (id, text, claim) in [
            ("1.1", "The foot is wide.", Some(1)),
            ("1.2", "The magnet holds the foot.", Some(2)),
            ("2.1", "The kiln is hot.", None),
        ] {
            let subsection = Subsection {
                text: text.into(),
                rests_on: claim.map(Source::Claim).into_iter().collect(),
                ..Subsection::default()
            };
            work.subsections.insert(id.parse().unwrap(), subsection);
        }
        work
    }

    fn affected(changes: &ClaimChanges) -> Vec<String> {
        let pieces = changes.pieces.iter();
        pieces.map(|affected| affected.piece.to_string()).collect()
    }

    #[test]
    fn the_same_claims_change_nothing() {
        let mut same = work().claims;
        same[0] = PatentClaim::new(1, "A cup comprising\na foot and a rim.");
        let changes = work().claim_changes(&same);
        assert!(changes.is_empty());
        assert_eq!(changes, ClaimChanges::default());
    }

    #[test]
    fn an_independent_claim_is_said_again_in_summary_and_abstract() {
        let mut new = work().claims;
        new[0] = PatentClaim::new(1, "A cup comprising a heavy foot and a rim.");
        let changes = work().claim_changes(&new);
        assert_eq!(changes.changed, [1]);
        assert_eq!(affected(&changes), ["abstract", "summary", "1.1"]);
    }

    #[test]
    fn a_claim_that_is_gone_takes_its_terms_with_it() {
        let changes = work().claim_changes(&claims(&["A cup comprising a foot and a rim."]));
        assert_eq!(changes.removed, [2]);
        assert_eq!(affected(&changes), ["1.2"]);
        assert_eq!(changes.pieces[0].claims, [2]);
        assert_eq!(changes.pieces[0].lost_terms, ["magnet"]);
    }

    #[test]
    fn a_new_dependent_claim_touches_nothing_that_is_written() {
        let mut new = work().claims;
        new.push(PatentClaim::new(
            3,
            "The cup of claim 1, wherein the rim is thin.",
        ));
        let changes = work().claim_changes(&new);
        assert_eq!(
            (changes.added.as_slice(), changes.pieces.len()),
            (&[3][..], 0)
        );
    }
}
