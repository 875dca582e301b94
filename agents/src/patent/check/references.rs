//! The claims that a claim refers to.

use super::words::{Word, words};

/// A mention of other claims, such as `any one of claims 1 to 3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// The claims; of `the preceding claims`, all before it.
    pub(super) claims: Vec<u32>,
    /// Whether it takes one of them, rather than all.
    pub(super) alternative: bool,
}

/// Ranges are not spelled out beyond this many claims.
const RANGE_LIMIT: u32 = 1_000;

/// What the claim with this number and text refers to.
pub(super) fn references(number: u32, text: &str) -> Vec<Reference> {
    let words = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if !word.is(&["claim", "claims"]) {
            continue;
        }
        let before = words.get(at.saturating_sub(6)..at - 1).unwrap_or_default();
        if before
            .last()
            .is_some_and(|word| word.is(&["preceding", "previous", "foregoing", "above"]))
        {
            found.push(Reference {
                claims: (1..number.min(RANGE_LIMIT)).collect(),
                alternative: before
                    .iter()
                    .any(|word| word.is(&["any", "one", "either", "a", "each"]))
                    || word.lower == "claim",
            });
            continue;
        }
        let (claims, length, joined) = listed(text, words.get(at..).unwrap_or_default());
        if claims.is_empty() {
            continue;
        }
        let chosen = before.iter().any(|word| word.is(&["any", "one", "either"]));
        found.push(Reference {
            claims,
            alternative: chosen || !joined,
        });
        at += length;
    }
    found
}

/// The numbers at the start of `words`, how many words they take, and whether it is all of them.
fn listed(text: &str, words: &[Word<'_>]) -> (Vec<u32>, usize, bool) {
    let mut claims: Vec<u32> = Vec::new();
    let mut length = 0;
    let mut joined = false;
    let mut range = false;
    let mut pending = 0;
    let mut saw_or = false;
    for (index, word) in words.iter().enumerate() {
        if word.is(&["to", "through", "or", "and", "and/or", "claim", "claims"]) {
            // Two words may link numbers: "1 or claim 2".
            pending += 1;
            if claims.is_empty() || pending > 2 {
                break;
            }
            range |= word.is(&["to", "through"]);
            saw_or |= word.lower == "or";
            joined |= word.lower == "and";
            continue;
        }
        let digits: Vec<&str> = word.text.split(['-', '–', '—']).collect();
        let Some(numbers) = digits
            .iter()
            .map(|digits| digits.parse::<u32>().ok())
            .collect::<Option<Vec<_>>>()
        else {
            break;
        };
        let gap = words
            .get(index.wrapping_sub(1))
            .and_then(|before| text.get(before.end()..word.start))
            .unwrap_or_default();
        if !claims.is_empty() && pending == 0 && !gap.contains([',', '-', '–', '—', '/']) {
            break;
        }
        if gap.contains(['-', '–', '—']) && pending == 0 {
            range = true;
        }
        let mut numbers = numbers.into_iter();
        let first = numbers.next();
        if let (true, Some(from), Some(to)) = (range, claims.last().copied(), first) {
            claims.extend((from.saturating_add(1)..=to).take(RANGE_LIMIT as usize));
            if to <= from {
                claims.push(to);
            }
        } else {
            claims.extend(first);
        }
        if let (Some(from), Some(to)) = (first, numbers.next()) {
            claims.extend((from.saturating_add(1)..=to).take(RANGE_LIMIT as usize));
        }
        (range, pending) = (false, 0);
        length = index + 1;
    }
    claims.dedup();
    (claims, length, joined && !saw_or)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refers(text: &str, claims: &[u32], alternative: bool) {
        assert_eq!(
            references(9, text),
            [Reference {
                claims: claims.to_vec(),
                alternative
            }],
            "{text}"
        );
    }

    #[test]
    fn usual_wordings() {
        assert_refers("The cup of claim 1, having 2 feet.", &[1], true);
        assert_refers(
            "The cup as claimed in claims 1 or 2, wherein",
            &[1, 2],
            true,
        );
        assert_refers(
            "The cup of any one of claims 1 to 4, wherein",
            &[1, 2, 3, 4],
            true,
        );
        assert_refers("The cup of any of claims 1-3 wherein 5", &[1, 2, 3], true);
        assert_refers("The cup of claims 1, 3, and 5, wherein", &[1, 3, 5], false);
        assert_refers("The cup of claim 1 or claim 3 and a foot", &[1, 3], true);
        assert_refers(
            "The cup of one of the preceding claims",
            &[1, 2, 3, 4, 5, 6, 7, 8],
            true,
        );
        assert_refers("Cup of claims 2 and 4", &[2, 4], false);
        assert_refers("Cup of any of claims 1 – 3", &[1, 2, 3], true);
    }

    #[test]
    fn several_mentions_and_none() {
        let found = references(
            9,
            "A cup made by the method of claim 1 with the tool of claim 3.",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(references(9, "A claim check for 3 coats."), []);
    }
}
