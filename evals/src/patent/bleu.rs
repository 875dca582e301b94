//! BLEU of one text, as `nltk.translate.bleu_score.sentence_bleu` computes it with four equal
//! weights and smoothing method 1.

use std::{collections::HashMap, hash::Hash};

use super::tokens::words_of_text;

/// What a count of 0 becomes (NLTK's `epsilon`).
const EPSILON: f64 = 0.1;

/// BLEU over the runs of one to four items that `output` and `truth` share, from 0 to 1.
///
/// 0 without a common item. Takes time proportional to the two lengths.
pub fn bleu<T: Eq + Hash>(output: &[T], truth: &[T]) -> f64 {
    let mut log_sum = 0.0;
    for n in 1..=4 {
        let mut left: HashMap<&[T], usize> = HashMap::new();
        for gram in truth.windows(n) {
            *left.entry(gram).or_default() += 1;
        }
        let mut shared = 0_usize;
        for gram in output.windows(n) {
            if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
                *count -= 1;
                shared += 1;
            }
        }
        if n == 1 && shared == 0 {
            return 0.0;
        }
        let shared = if shared == 0 { EPSILON } else { shared as f64 };
        let all = output.windows(n).count().max(1) as f64;
        log_sum += (shared / all).ln() / 4.0;
    }
    let penalty = if output.len() > truth.len() {
        1.0
    } else {
        (1.0 - truth.len() as f64 / output.len() as f64).exp()
    };
    penalty * log_sum.exp()
}

/// BLEU over characters: what AutoPatent's script computes, since it hands texts to a function that
/// wants words (specification §5). Mostly a measure of length.
pub fn char_bleu(output: &str, truth: &str) -> f64 {
    let output: Vec<char> = output.chars().collect();
    let truth: Vec<char> = truth.chars().collect();
    bleu(&output, &truth)
}

/// BLEU over words, which is what is usually meant; the words are those of
/// [`treebank_words`](super::treebank_words), sentence by sentence.
pub fn word_bleu(output: &str, truth: &str) -> f64 {
    bleu(&words_of_text(output), &words_of_text(truth))
}
