//! Numbers, references and form of the claims.

use super::{
    super::{Guide, Patent, PatentClaim},
    Finding, PatentPlace, Rule, Severity, finding,
    references::references,
    words::words,
};

pub(super) fn check(patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    if patent.claims.is_empty() {
        findings.push(finding(
            Rule::ClaimNumbers,
            Severity::Error,
            PatentPlace::Document,
            "there are no claims",
            "write at least one independent claim",
        ));
    }
    for (claim, expected) in patent.claims.iter().zip(1..) {
        numbered(claim, expected, findings);
        refers(claim, patent, guide, findings);
        sentence(claim, findings);
        if guide.two_part_claims && references(claim.number(), claim.text()).is_empty() {
            two_parts(claim, findings);
        }
    }
}

fn numbered(claim: &PatentClaim, expected: u32, findings: &mut Vec<Finding>) {
    if claim.number() != expected {
        findings.push(finding(
            Rule::ClaimNumbers,
            Severity::Error,
            PatentPlace::Claim(claim.number()),
            format!(
                "the claim in place {expected} has the number {}",
                claim.number()
            ),
            "number the claims from 1 without gaps, and change the references to them",
        ));
    }
}

fn refers(claim: &PatentClaim, patent: &Patent, guide: &Guide, findings: &mut Vec<Finding>) {
    let number = claim.number();
    let mut error = |message: String, advice: &str| {
        findings.push(finding(
            Rule::ClaimReferences,
            Severity::Error,
            PatentPlace::Claim(number),
            message,
            advice,
        ));
    };
    for reference in references(number, claim.text()) {
        for &other in &reference.claims {
            if other == number {
                error("it refers to itself".into(), "refer to an earlier claim");
            } else if other > number && patent.claim(other).is_some() {
                error(
                    format!("it refers to claim {other}, which comes later"),
                    "refer to an earlier claim, or change the order",
                );
            }
        }
        // "Claims 1 to 4000" is one mistake, not thousands.
        for (first, last) in absent(&reference.claims, patent) {
            let message = match first == last {
                true => format!("it refers to claim {first}, which does not exist"),
                false => format!("it refers to claims {first} to {last}, which do not exist"),
            };
            error(message, "refer to an earlier claim");
        }
        if reference.claims.len() < 2 {
            continue;
        }
        if !reference.alternative && !guide.cumulative_references {
            error(
                "it refers to several claims together".into(),
                "refer to them in the alternative: 'any one of claims …'",
            );
        }
        let multiple = reference
            .claims
            .iter()
            .find(|other| **other < number && is_multiple(patent, **other));
        if let (Some(other), false) = (multiple, guide.multiple_on_multiple) {
            error(
                format!("it refers to several claims, one of which ({other}) does so too"),
                "refer to one claim, or only to claims that refer to one",
            );
        }
    }
}

/// The runs of numbers, first and last, of which there is no claim.
fn absent(numbers: &[u32], patent: &Patent) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        if patent.claim(number).is_some() {
            continue;
        }
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// Whether a claim refers to several.
fn is_multiple(patent: &Patent, number: u32) -> bool {
    patent.claim(number).is_some_and(|claim| {
        references(number, claim.text())
            .iter()
            .any(|reference| reference.claims.len() > 1)
    })
}

fn sentence(claim: &PatentClaim, findings: &mut Vec<Finding>) {
    let place = PatentPlace::Claim(claim.number());
    let text = claim.text();
    if text.is_empty() {
        findings.push(finding(
            Rule::ClaimSentence,
            Severity::Error,
            place,
            "the claim is empty",
            "write it or delete it",
        ));
        return;
    }
    if !text.ends_with('.') {
        findings.push(finding(
            Rule::ClaimSentence,
            Severity::Error,
            place.clone(),
            "the claim does not end with a period",
            "end it with one",
        ));
    }
    if text.chars().next().is_some_and(char::is_lowercase) {
        findings.push(finding(
            Rule::ClaimSentence,
            Severity::Warning,
            place.clone(),
            "the claim does not begin with a capital letter",
            "begin it with one",
        ));
    }
    if let Some(next) = second_sentence(text) {
        findings.push(finding(
            Rule::ClaimSentence,
            Severity::Error,
            place,
            format!("the claim is more than one sentence: another begins with '{next}'"),
            "join them with semicolons or 'wherein'",
        ));
    }
}

/// The first word of a second sentence.
fn second_sentence(text: &str) -> Option<&str> {
    const ABBREVIATIONS: [&str; 15] = [
        "fig", "figs", "no", "nos", "approx", "etc", "vs", "eq", "eqs", "ref", "pat", "app", "vol",
        "sec", "wt",
    ];
    let words = words(text);
    words.windows(2).find_map(|pair| {
        let [before, next] = pair else { return None };
        let gap = text.get(before.end()..next.start)?;
        let (punctuation, space) = gap.split_at_checked(gap.find(char::is_whitespace)?)?;
        let ends = punctuation.ends_with(['.', '!', '?']) && space.trim().is_empty();
        let capital = next.text.chars().next().is_some_and(char::is_uppercase);
        // Single letters are initials, list marks ("a. Heating") and units ("80° C. The"); so are
        // numbers behind punctuation list marks.
        let mark = match before.text.chars().next() {
            Some(c) if c.is_ascii_digit() => before.after_punctuation,
            _ => before.text.chars().count() == 1,
        };
        let ordinary = !mark && !before.is(&ABBREVIATIONS);
        (ends && capital && ordinary).then_some(next.text)
    })
}

fn two_parts(claim: &PatentClaim, findings: &mut Vec<Finding>) {
    let text = claim.text().to_lowercase();
    let divided = [
        "characterised in that",
        "characterized in that",
        "characterised by",
        "characterized by",
    ]
    .iter()
    .any(|phrase| text.contains(phrase));
    if !divided {
        findings.push(finding(
            Rule::TwoPartForm,
            Severity::Advice,
            PatentPlace::Claim(claim.number()),
            "the independent claim has one part",
            "where it fits, put what is known first, then 'characterised in that' and what is new \
             (rule 43(1) EPC)",
        ));
    }
}
