//! IRR, AutoPatent's measure of repetition: how many pairs of sentences share most of their words.

use std::collections::{BTreeSet, HashMap};

use catena_core::sentences;

use super::{stop::is_stop_word, tokens::treebank_words};

/// The thresholds that AutoPatent's script always computes; the paper reports the first two.
pub const IRR_THRESHOLDS: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

/// The share of the pairs of sentences of `text` whose sets of words have a Jaccard similarity of at
/// least `threshold`, from 0 to 1; 0 for fewer than two sentences.
///
/// Words are those of [`treebank_words`](super::treebank_words) without NLTK's English stop words,
/// as they are written: `The` is no stop word. Two sentences without such words have similarity 0.
/// Takes time proportional to the square of the number of sentences.
///
/// The authors divide sentences with NLTK's Punkt model, this with [`sentences`]; they differ in
/// abbreviations and lists.
pub fn repeated_share(text: &str, threshold: f64) -> f64 {
    let (repeated, pairs) = repeated(text, threshold);
    if pairs == 0 {
        return 0.0;
    }
    repeated as f64 / pairs as f64
}

/// IRR of a collection of texts as coded: 100 times one minus the mean of their
/// [`repeated_share`]; 100 means that nothing is repeated. 100 without texts.
///
/// # Example
///
/// ```
/// use catena_evals::irr;
///
/// let text = "Cups tip over often. Cups tip over often. A wide foot helps.";
/// assert!((irr(&[text], 0.2) - 200.0 / 3.0).abs() < 1e-9);
/// ```
pub fn irr<S: AsRef<str>>(texts: &[S], threshold: f64) -> f64 {
    if texts.is_empty() {
        return 100.0;
    }
    let sum: f64 = texts
        .iter()
        .map(|text| repeated_share(text.as_ref(), threshold))
        .sum();
    100.0 * (1.0 - sum / texts.len() as f64)
}

/// IRR as the authors write it, which their tables do not follow: the number of pairs divided by
/// `epsilon` more than the number of repeated pairs. At least about 1, and without a bound.
pub fn irr_ratio(text: &str, threshold: f64, epsilon: f64) -> f64 {
    let (repeated, pairs) = repeated(text, threshold);
    pairs as f64 / (repeated as f64 + epsilon)
}

/// How many pairs of sentences are alike, of how many.
fn repeated(text: &str, threshold: f64) -> (usize, usize) {
    let sets = word_sets(text);
    let mut repeated = 0;
    for (index, a) in sets.iter().enumerate() {
        for b in sets.iter().skip(index + 1) {
            repeated += usize::from(jaccard(a, b) >= threshold);
        }
    }
    (repeated, sets.len() * sets.len().saturating_sub(1) / 2)
}

/// The words of each sentence as sorted numbers.
fn word_sets(text: &str) -> Vec<Vec<usize>> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    sentences(text)
        .filter_map(|range| text.get(range).map(str::trim))
        .filter(|sentence| !sentence.is_empty())
        .map(|sentence| {
            let set: BTreeSet<usize> = treebank_words(sentence)
                .into_iter()
                .filter(|word| !is_stop_word(word))
                .map(|word| {
                    let next = numbers.len();
                    *numbers.entry(word).or_insert(next)
                })
                .collect();
            set.into_iter().collect()
        })
        .collect()
}

fn jaccard(a: &[usize], b: &[usize]) -> f64 {
    let mut shared = 0_usize;
    let mut others = b.iter().peekable();
    for word in a {
        while others.next_if(|other| *other < word).is_some() {}
        shared += usize::from(others.peek() == Some(&word));
    }
    let all = a.len() + b.len() - shared;
    if all == 0 {
        return 0.0;
    }
    shared as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_by_hand() {
        // Sets: {Cups, tip, .}, {Cups, break, .}, {Rims, shine, .}: Jaccard 2/4, 1/5, 1/5.
        let text = "Cups tip. Cups break. Rims shine.";
        assert_eq!(repeated_share(text, 0.2), 1.0);
        assert_eq!(repeated_share(text, 0.21), 1.0 / 3.0);
        assert_eq!(repeated_share(text, 0.5), 1.0 / 3.0);
        assert_eq!(repeated_share(text, 0.51), 0.0);
        assert_eq!(
            irr(&[text, "One sentence."], 0.5),
            100.0 * (1.0 - 1.0 / 6.0)
        );
        assert_eq!(irr_ratio(text, 0.5, 1.0), 1.5);
    }

    #[test]
    fn short_texts_repeat_nothing() {
        assert_eq!(irr(&[""], 0.2), 100.0);
        assert_eq!(irr(&["One sentence."], 0.2), 100.0);
        assert_eq!(irr::<&str>(&[], 0.2), 100.0);
    }
}
