//! `a` where a claim has `the` without an antecedent.

use super::super::{
    super::{Patent, PatentClaim, check::unintroduced},
    wording::{article, capital},
};

/// The claims with `a` where `the` has no antecedent, as far as that helps.
pub(super) fn with_antecedents(claims: &[PatentClaim]) -> Vec<PatentClaim> {
    let mut patent = Patent::new("");
    patent.claims = claims.to_vec();
    for claim in claims {
        // Each repair may change what comes after it.
        for _ in 0..8 {
            let number = claim.number();
            let found = unintroduced(&patent, number);
            let Some((at, phrase)) = found.first() else {
                break;
            };
            let Some(index) = patent.claims.iter().position(|one| one.number() == number) else {
                break;
            };
            let before = patent.claims.get(index).map(|one| one.text().to_owned());
            let Some(text) = before
                .as_deref()
                .and_then(|text| introduce(text, *at, phrase))
            else {
                break;
            };
            if let Some(slot) = patent.claims.get_mut(index) {
                *slot = PatentClaim::new(number, text);
            }
            if unintroduced(&patent, number).len() >= found.len() {
                if let (Some(slot), Some(before)) = (patent.claims.get_mut(index), before) {
                    *slot = PatentClaim::new(number, before);
                }
                break;
            }
        }
    }
    patent.claims
}

/// `the` or `said` at a byte, turned into an indefinite article, or into nothing before a plural.
fn introduce(text: &str, at: usize, phrase: &str) -> Option<String> {
    let (before, rest) = text.split_at_checked(at)?;
    let word = rest.split_whitespace().next()?;
    let rest = rest.get(word.len()..)?.trim_start();
    // "The plurality of X": the counts between belong to the phrase.
    let head = rest.split_whitespace().next().unwrap_or(phrase);
    // "The arms hold" is plural as well: where the name ends is a guess.
    let plural = phrase.split_whitespace().any(|word| {
        word.len() > 3
            && word.ends_with('s')
            && !["ss", "us", "is"].iter().any(|end| word.ends_with(end))
    });
    let new = match plural && !rest.starts_with("plurality") {
        true => rest.to_owned(),
        false => format!("{} {rest}", article(head)),
    };
    let capitalised = word.starts_with(char::is_uppercase);
    Some(match capitalised {
        true => format!("{before}{}", capital(&new)),
        false => format!("{before}{new}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_introduced_is() {
        let claims = [
            PatentClaim::new(
                1,
                "A cup, comprising: the foot; and a rim above the wide base.",
            ),
            PatentClaim::new(2, "The cup of claim 1, wherein the arms hold the rim."),
        ];
        let texts: Vec<_> = with_antecedents(&claims)
            .into_iter()
            .map(|claim| claim.text().to_owned())
            .collect();
        assert_eq!(
            texts,
            [
                "A cup, comprising: a foot; and a rim above a wide base.",
                "The cup of claim 1, wherein arms hold the rim."
            ]
        );
    }
}
