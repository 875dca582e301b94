//! What each paragraph of a patent rests on.

use std::collections::HashSet;

use catena_tools::{Document, words};
use serde::{Deserialize, Serialize};

use super::{
    super::{Draft, Patent},
    book::Book,
    types::Source,
};

/// The most sources that are named for a paragraph.
const SOURCES: usize = 3;

/// A source has to hold this share of a paragraph's words to be named.
const SHARE: f64 = 0.2;

/// What a paragraph rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParagraphBasis {
    /// The paragraph's number, as it is printed.
    pub paragraph: u32,
    /// Where its words come from, best first; none: nothing of the draft, the claims or the references
    /// says it, and somebody should look whether it is true.
    pub sources: Vec<SourceShare>,
}

/// A source of a paragraph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceShare {
    /// Where.
    pub source: Source,
    /// What stands there.
    pub quote: String,
    /// Which share of the paragraph's words stands there, from 0 to 1.
    pub share: f64,
}

/// For each numbered paragraph the places of draft, claims and references that share its words.
///
/// Found, not asked for: words that carry meaning are compared, and what shares less than a fifth of them
/// with a place does not rest on it.
pub fn patent_basis(
    patent: &Patent,
    draft: &Draft,
    references: &[Document],
) -> Vec<ParagraphBasis> {
    let book = Book::of(draft, &patent.claims, references, true);
    let known: Vec<HashSet<String>> = book
        .passages
        .iter()
        .map(|passage| words(&passage.text).collect())
        .collect();
    patent
        .numbered()
        .map(|(paragraph, _, text)| {
            let own: HashSet<String> = words(text).filter(|word| !is_number(word)).collect();
            let mut sources: Vec<SourceShare> = book
                .search(text)
                .into_iter()
                .filter_map(|index| {
                    let (passage, words) = (book.passages.get(index)?, known.get(index)?);
                    let share = own.intersection(words).count() as f64 / own.len().max(1) as f64;
                    (share >= SHARE).then(|| SourceShare {
                        source: passage.source.clone(),
                        quote: passage.text.clone(),
                        share,
                    })
                })
                .collect();
            sources.sort_by(|a, b| b.share.total_cmp(&a.share));
            sources.truncate(SOURCES);
            ParagraphBasis { paragraph, sources }
        })
        .collect()
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PatentClaim, PatentSection, Question};

    #[test]
    fn a_paragraph_rests_on_what_says_the_same() {
        let draft = Draft::new(["", "", "The foot of the cup is made of cork.", "", ""]).unwrap();
        let references = [Document::new("oak.txt", "Oak barrels hold wine.")];
        let mut patent = Patent::new("Cup");
        let mut section = PatentSection::new("Detailed description").unwrap();
        section.push_paragraph("In an embodiment the foot 12 is made of cork.");
        section.push_paragraph("Wine may be held in oak barrels.");
        section.push_paragraph("Quantum entanglement is exploited.");
        patent.sections.push(section);
        patent
            .claims
            .push(PatentClaim::new(1, "A cup having a rim."));
        let basis = patent_basis(&patent, &draft, &references);
        assert_eq!(basis.len(), 3);
        assert!(matches!(
            basis[0].sources[0].source,
            Source::Answer {
                question: Question::Solution,
                ..
            }
        ));
        assert_eq!(basis[1].sources[0].quote, "Oak barrels hold wine.");
        assert!(basis[1].sources[0].share > 0.5);
        assert_eq!(basis[2].sources, []);
        assert_eq!(basis[2].paragraph, 3);
    }
}
