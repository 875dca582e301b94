//! ROUGE, as the `rouge-score` package computes it with its defaults.
//!
//! Words are runs of ASCII letters and digits of the lower-cased text; everything else separates.
//! There is no Porter stemming, which is that package's default too; figures published with
//! stemming are a little higher.

use std::collections::HashMap;

use super::{best, f1};

/// F1 of the runs of `n` words that `prediction` and a gold text share; the best over the golds.
///
/// 0 if either has fewer than `n` words, or `n` is 0.
///
/// # Example
///
/// ```
/// use catena_evals::rouge_n;
///
/// assert_eq!(rouge_n("The cat sat.", &["the cat slept"], 2), 0.5);
/// ```
pub fn rouge_n<S: AsRef<str>>(prediction: &str, golds: &[S], n: usize) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let prediction = words(prediction);
    best(golds, |gold| {
        let gold = words(gold);
        let mut left = HashMap::new();
        for gram in gold.windows(n) {
            *left.entry(gram).or_insert(0_usize) += 1;
        }
        let mut shared = 0;
        for gram in prediction.windows(n) {
            if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
                *count -= 1;
                shared += 1;
            }
        }
        f1(
            shared,
            prediction.windows(n).count(),
            gold.windows(n).count(),
        )
    })
}

/// F1 of the longest common subsequence of words, over the whole texts (not summed over
/// sentences, which is ROUGE-Lsum); the best over the golds.
///
/// Takes time proportional to the product of the two lengths.
pub fn rouge_l<S: AsRef<str>>(prediction: &str, golds: &[S]) -> f64 {
    let prediction = words(prediction);
    best(golds, |gold| {
        let gold = words(gold);
        f1(
            longest_common_subsequence(&prediction, &gold),
            prediction.len(),
            gold.len(),
        )
    })
}

/// The geometric mean of ROUGE-1, ROUGE-2 and ROUGE-L, by which the Chain-of-Agents paper scores
/// summaries; the best over the golds.
pub fn rouge_mean<S: AsRef<str>>(prediction: &str, golds: &[S]) -> f64 {
    best(golds, |gold| {
        let gold = [gold];
        (rouge_n(prediction, &gold, 1) * rouge_n(prediction, &gold, 2) * rouge_l(prediction, &gold))
            .cbrt()
    })
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn longest_common_subsequence(a: &[String], b: &[String]) -> usize {
    // `row[j]` is the answer for the words of `a` so far and the first `j` of `b`.
    let mut row = vec![0_usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        let mut left = 0;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let above = *cell;
            *cell = if x == y {
                diagonal + 1
            } else {
                above.max(left)
            };
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subsequence_may_have_gaps_but_keeps_its_order() {
        assert_eq!(rouge_l("a x b y c", &["a b c"]), 0.75);
        assert_eq!(rouge_l("c b a", &["a b c"]), 1.0 / 3.0);
    }

    #[test]
    fn texts_shorter_than_a_gram_score_zero() {
        assert_eq!(rouge_n("word", &["word"], 2), 0.0);
        assert_eq!(rouge_n("word", &["word"], 0), 0.0);
        assert_eq!(rouge_l("", &[""]), 0.0);
        assert_eq!(rouge_mean("word", &["word"]), 0.0);
    }
}
