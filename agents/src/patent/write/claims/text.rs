//! Claims as text: read, listed, their subject, and what they say as a sentence of the description.

use catena_core::{Error, Result};

use super::super::{
    super::{Patent, PatentClaim, check::words},
    phrase::subject,
    prose,
    wording::lowered,
};

/// Reads claims as a person or a model writes them: each begins with its number.
///
/// # Errors
///
/// A text without a numbered claim, or with text before the first.
pub(in crate::patent::write) fn parse(text: &str) -> Result<Vec<PatentClaim>> {
    // The document's own reader knows how claims go on over lines.
    let patent = Patent::from_markdown(&format!("# Claims\n\n## Claims\n\n{}\n", text.trim()))?;
    let empty = patent
        .claims
        .iter()
        .any(|claim| claim.text().trim().is_empty());
    if patent.claims.is_empty() || empty || !patent.sections.is_empty() {
        return Err(
            Error::invalid("there is no claim, or an empty one").with_help(
                "write each claim on a line of its own behind its number, as in '1. A cup …'",
            ),
        );
    }
    Ok(patent.claims)
}

/// The claims as a person reads and changes them.
pub(in crate::patent::write) fn listed(claims: &[PatentClaim]) -> String {
    claims
        .iter()
        .map(|claim| {
            format!(
                "{}. {}\n",
                claim.number(),
                claim.text().replace('\n', "\n   ")
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is claimed: what stands between the article and the transition, or the reference to another claim.
pub(in crate::patent::write) fn subject_of(claim: &str) -> Option<String> {
    let claim = match reference_at(claim) {
        Some(at) => claim.get(..at)?,
        None => claim,
    };
    let found = words(claim);
    let end = found.iter().position(|word| {
        word.is(&[
            "comprising",
            "comprises",
            "including",
            "includes",
            "having",
            "consisting",
            "wherein",
            "characterised",
            "characterized",
            "which",
            "that",
        ])
    });
    let last = found.get(end.unwrap_or(found.len().min(12)).checked_sub(1)?)?;
    subject(claim.get(..last.end())?)
}

/// Whether a claim refers to no other.
pub(in crate::patent::write) fn is_independent(claim: &str) -> bool {
    reference_at(claim).is_none()
}

/// The byte at which `of claim 1` or `according to any one of claims 1 to 3` begins.
fn reference_at(claim: &str) -> Option<usize> {
    let found = words(claim);
    let at = found.windows(2).position(|pair| match pair {
        [word, number] => {
            word.is(&["claim", "claims"]) && number.text.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    })?;
    let before = found.get(..at)?;
    let linking = before.iter().rev().take_while(|word| {
        word.is(&[
            "of",
            "according",
            "to",
            "as",
            "claimed",
            "defined",
            "recited",
            "set",
            "forth",
            "in",
            "any",
            "one",
        ])
    });
    found.get(at - linking.count()).map(|word| word.start)
}

/// A claim as a sentence of the description, without its number and references; `None` where it says
/// nothing without them.
pub(in crate::patent::write) fn as_sentence(claim: &str) -> Option<String> {
    let text = prose::one_paragraph(claim);
    let text = text.trim_end_matches('.');
    if reference_at(text).is_none() {
        let text = text
            .replace(", comprising: ", " comprises ")
            .replace(", comprising ", " comprises ")
            .replace(';', ",");
        return Some(format!("In one aspect, {}.", lowered(&text)));
    }
    // Of a dependent claim, only what it adds.
    let (added, further) = [(", wherein ", false), (", further comprising ", true)]
        .into_iter()
        .find_map(|(mark, further)| {
            let (head, rest) = text.split_once(mark)?;
            reference_at(head)?;
            // What refers once more cannot stand alone.
            reference_at(rest).is_none().then_some((rest, further))
        })?;
    Some(match further {
        false => format!("In some embodiments, {added}."),
        true => format!(
            "In some embodiments, the {} further comprises {added}.",
            subject_of(text)?
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_as_people_write_them() {
        let claims = parse("1. A cup:\n   a foot.\n\n2) The cup of claim 1, being red.").unwrap();
        assert_eq!(claims.len(), 2);
        assert_eq!(claims[0].text(), "A cup:\na foot.");
        assert_eq!(parse(&listed(&claims)).unwrap(), claims);
        assert!(parse("").is_err());
        assert!(parse("A cup.").is_err());
        assert!(parse("1. A cup.\n## Other\ntext").is_err());
    }

    #[test]
    fn claims_have_subjects() {
        for (claim, subject) in [
            ("A cup holder, comprising: a rim.", "cup holder"),
            (
                "The cup of any one of claims 1 to 3, wherein it is red.",
                "cup",
            ),
            (
                "The cup according to claim 2, further comprising a lid.",
                "cup",
            ),
        ] {
            assert_eq!(subject_of(claim).unwrap(), subject);
        }
    }

    #[test]
    fn claims_become_sentences() {
        assert_eq!(
            as_sentence("A cup, comprising:\na rim; and\na foot.").unwrap(),
            "In one aspect, a cup comprises a rim, and a foot."
        );
        assert_eq!(
            as_sentence("The cup according to claim 1, wherein the rim is red.").unwrap(),
            "In some embodiments, the rim is red."
        );
        assert_eq!(
            as_sentence("The cup of claim 1, further comprising a lid.").unwrap(),
            "In some embodiments, the cup further comprises a lid."
        );
        assert_eq!(as_sentence("Use of the cup as claimed in claim 1"), None);
    }
}
