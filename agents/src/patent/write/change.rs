//! Claims that change, and what has to change with them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    super::{PatentClaim, check::introduced},
    claims::{is_independent, subject_of},
    glossary::{Glossary, Term, places},
    types::{PatentPiece, PatentWork, Source},
};

/// What other claims mean for the rest of a patent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimChange {
    /// The claims that are new, gone or different.
    pub claims: Vec<u32>,
    /// The terms that what is different names.
    pub terms: Vec<String>,
    /// What has to be written anew, and why.
    pub pieces: Vec<(PatentPiece, String)>,
}

/// What has to be written anew when `claims` take the place of those of `work`, told without a model: the
/// subsections that rest on a claim which is different, every piece that uses a term which what is different
/// names, and abstract and summary where an independent claim is different in its terms or its subject.
///
/// With `work.claims` replaced, [`PatentTask::redo`](super::PatentTask::redo) takes the pieces and leaves
/// everything else as it is.
///
/// # Example
///
/// ```
/// use catena_agents::{PatentClaim, PatentPiece, PatentWork, claims_changed};
///
/// let work = PatentWork {
///     summary: "A cup with a foot.".into(),
///     background: "Mugs tip over.".into(),
///     claims: vec![PatentClaim::new(1, "A cup, comprising: a rim; and a foot.")],
///     ..PatentWork::default()
/// };
/// let change = claims_changed(&work, &[PatentClaim::new(1, "A cup, comprising: a rim; and a wide foot.")]);
/// assert_eq!(change.claims, [1]);
/// let pieces: Vec<_> = change.pieces.iter().map(|(piece, _)| *piece).collect();
/// assert_eq!(pieces, [PatentPiece::Summary]);
/// ```
pub fn claims_changed(work: &PatentWork, claims: &[PatentClaim]) -> ClaimChange {
    let text = |claims: &[PatentClaim], number: u32| {
        let found = claims.iter().find(|claim| claim.number() == number);
        found.map_or(String::new(), |claim| claim.text().to_owned())
    };
    let numbers: BTreeSet<u32> = work
        .claims
        .iter()
        .chain(claims)
        .map(PatentClaim::number)
        .collect();
    let changed: Vec<u32> = numbers
        .into_iter()
        .filter(|number| text(&work.claims, *number) != text(claims, *number))
        .collect();
    // What the claims are about stands everywhere; that tells nothing.
    let subjects: Vec<String> = work
        .claims
        .iter()
        .chain(claims)
        .filter_map(|claim| subject_of(claim.text()))
        .collect();
    let is_subject = |name: &str| {
        subjects
            .iter()
            .any(|subject| subject.eq_ignore_ascii_case(name))
    };
    let known: Vec<&Term> = work.glossary.terms.iter().collect();
    let mut terms: Vec<String> = Vec::new();
    // The first independent claim that claims something else now.
    let mut main: Option<u32> = None;
    for number in &changed {
        let (before, after) = (text(&work.claims, *number), text(claims, *number));
        let independent = [&before, &after]
            .into_iter()
            .any(|text| !text.is_empty() && is_independent(text));
        let mut other = subject_of(&before) != subject_of(&after);
        for clause in different_clauses(&before, &after) {
            let named = known
                .iter()
                .map(|term| term.name.clone())
                .filter(|name| !places(&clause, name).is_empty())
                .chain(introduced(&clause));
            for name in named {
                if is_subject(&name) {
                    continue;
                }
                other = true;
                if !terms.iter().any(|term| term.eq_ignore_ascii_case(&name)) {
                    terms.push(name);
                }
            }
        }
        if independent && other {
            main.get_or_insert(*number);
        }
    }
    let subject =
        |claims: &[PatentClaim]| claims.first().and_then(|claim| subject_of(claim.text()));
    let renamed = !changed.is_empty() && subject(&work.claims) != subject(claims);
    let mut pieces = Vec::new();
    if renamed {
        let why = "what claim 1 is for has another name".to_owned();
        pieces.push((PatentPiece::Title, why));
    }
    let texts = [
        (PatentPiece::Abstract, &work.abstract_text),
        (PatentPiece::Background, &work.background),
        (PatentPiece::Summary, &work.summary),
    ];
    for (piece, text) in texts {
        // They say what is claimed, in whichever words.
        let says = match piece {
            PatentPiece::Background => None,
            _ => main.filter(|_| !text.is_empty()),
        };
        let why = used(&terms, text, &work.glossary)
            .or_else(|| says.map(|number| format!("says what claim {number} claims")));
        if let Some(why) = why {
            pieces.push((piece, why));
        }
    }
    for (id, subsection) in &work.subsections {
        let rests = subsection.rests_on.iter().find_map(|source| match source {
            Source::Claim(number) if changed.contains(number) => Some(*number),
            _ => None,
        });
        let why = match rests {
            Some(number) => Some(format!("rests on claim {number}")),
            None => used(&terms, &subsection.text, &work.glossary),
        };
        if let Some(why) = why {
            pieces.push((PatentPiece::Subsection(*id), why));
        }
    }
    ClaimChange {
        claims: changed,
        terms,
        pieces,
    }
}

/// The clauses that only one of two texts has.
fn different_clauses(before: &str, after: &str) -> Vec<String> {
    let clauses = |text: &str| -> Vec<String> {
        text.split([';', ',', ':', '\n'])
            .map(|clause| {
                let clause = clause.trim().trim_end_matches('.');
                clause.strip_prefix("and ").unwrap_or(clause).to_owned()
            })
            .filter(|clause| !clause.is_empty())
            .collect()
    };
    let (before, after) = (clauses(before), clauses(after));
    let gone = before.iter().filter(|clause| !after.contains(clause));
    let new = after.iter().filter(|clause| !before.contains(clause));
    gone.chain(new).cloned().collect()
}

fn used(terms: &[String], text: &str, glossary: &Glossary) -> Option<String> {
    let name = terms.iter().find(|name| !places(text, name).is_empty())?;
    let numeral = glossary.find(name).and_then(|term| term.numeral.as_deref());
    Some(match numeral {
        Some(numeral) => format!("uses '{name}' ({numeral})"),
        None => format!("uses '{name}'"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, Subsection};

    fn work() -> PatentWork {
        let claims = vec![
            PatentClaim::new(1, "A cup, comprising: a rim; a foot; and a lid."),
            PatentClaim::new(2, "The cup of claim 1, wherein the rim is red."),
        ];
        let draft = Draft::new(["", "", "", "", "FIG. 1: the cup"]).unwrap();
        let mut work = PatentWork {
            abstract_text: "A cup with a foot.".into(),
            summary: "A cup with a lid.".into(),
            glossary: Glossary::of(&draft, &claims),
            claims,
            ..PatentWork::default()
        };
        for (id, text, claim) in [
            ("1.1", "The foot 104 is wide.", 1),
            ("1.2", "The rim 102 is thin.", 2),
            ("2.1", "The lid 106 closes the cup 100.", 3),
        ] {
            let subsection = Subsection {
                text: text.into(),
                rests_on: vec![Source::Claim(claim)],
                ..Subsection::default()
            };
            work.subsections.insert(id.parse().unwrap(), subsection);
        }
        work
    }

    fn pieces(change: &ClaimChange) -> Vec<String> {
        change
            .pieces
            .iter()
            .map(|(piece, why)| format!("{piece}: {why}"))
            .collect()
    }

    #[test]
    fn what_uses_a_changed_term_has_to_change() {
        let mut claims = work().claims;
        claims[1] = PatentClaim::new(2, "The cup of claim 1, wherein the foot is heavy.");
        let change = claims_changed(&work(), &claims);
        assert_eq!(change.claims, [2]);
        assert_eq!(change.terms, ["rim", "foot"]);
        assert_eq!(
            pieces(&change),
            [
                "abstract: uses 'foot' (104)",
                "1.1: uses 'foot' (104)",
                "1.2: rests on claim 2"
            ]
        );
    }

    #[test]
    fn a_claim_more_or_less_counts() {
        let mut claims = work().claims;
        claims.push(PatentClaim::new(
            3,
            "The cup of claim 1, further comprising a hinge.",
        ));
        let change = claims_changed(&work(), &claims);
        assert_eq!(
            (change.claims.as_slice(), change.terms.as_slice()),
            (&[3][..], &["hinge".to_owned()][..])
        );
        assert_eq!(pieces(&change), ["2.1: rests on claim 3"]);
        let change = claims_changed(&work(), &claims[..1]);
        assert_eq!(change.claims, [2]);
    }

    #[test]
    fn abstract_and_summary_say_what_independent_claims_claim() {
        let mut work = work();
        work.background = "Cups tip over.".into();
        let mut claims = work.claims.clone();
        claims[0] = PatentClaim::new(1, "A cup, comprising: a rim; a foot; a lid; and a hinge.");
        let change = claims_changed(&work, &claims);
        assert_eq!(change.terms, ["hinge"]);
        assert_eq!(
            pieces(&change),
            [
                "abstract: says what claim 1 claims",
                "summary: says what claim 1 claims",
                "1.1: rests on claim 1"
            ]
        );
        // Another order of words is no other claim.
        claims[0] = PatentClaim::new(1, "A cup, comprising: a rim, a foot, and a lid.");
        assert_eq!(
            pieces(&claims_changed(&work, &claims)),
            ["1.1: rests on claim 1"]
        );
        // Neither is a dependent claim.
        claims = work.claims.clone();
        claims[1] = PatentClaim::new(2, "The cup of claim 1, wherein a hinge is red.");
        let told = pieces(&claims_changed(&work, &claims));
        assert!(
            told.iter().all(|piece| !piece.contains("says what")),
            "{told:?}"
        );
    }

    #[test]
    fn the_same_claims_change_nothing_and_another_subject_the_title() {
        assert_eq!(
            claims_changed(&work(), &work().claims),
            ClaimChange::default()
        );
        let mut claims = work().claims;
        claims[0] = PatentClaim::new(1, "A mug, comprising: a rim; a foot; and a lid.");
        let change = claims_changed(&work(), &claims);
        assert!(pieces(&change)[0].starts_with("title:"), "{change:?}");
    }
}
