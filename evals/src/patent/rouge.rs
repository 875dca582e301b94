//! ROUGE as the Python package `rouge` computes it, which AutoPatent's figures come from.
//!
//! It differs from the usual ([`rouge_n`](crate::rouge_n), [`rouge_l`](crate::rouge_l)): runs of words
//! are counted once however often they occur, words are what stands between blanks, capitals
//! included, periods divide sentences, and ROUGE-L is the union of what all pairs of sentences share.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// F1 from 0 to 1, of the package `rouge`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AutoPatentRouge {
    /// Single words.
    pub rouge_1: f64,
    /// Pairs of words.
    pub rouge_2: f64,
    /// Longest common subsequences, over pairs of sentences.
    pub rouge_l: f64,
}

/// What `Rouge().get_scores(output, truth)` of the package `rouge` 1.0.1 has under `f`.
///
/// All 0 if one of the texts is empty, of which the package makes an error. Takes time proportional
/// to the product of the two lengths.
pub fn autopatent_rouge(output: &str, truth: &str) -> AutoPatentRouge {
    let (output, truth) = (pieces(output), pieces(truth));
    if output.is_empty() || truth.is_empty() {
        return AutoPatentRouge::default();
    }
    let (all_output, all_truth) = (output.concat(), truth.concat());
    let n_gram = |n| {
        let output: HashSet<&[&str]> = all_output.windows(n).collect();
        let truth: HashSet<&[&str]> = all_truth.windows(n).collect();
        let shared = output.intersection(&truth).count();
        let (precision, recall) = (share(shared, output.len()), share(shared, truth.len()));
        f1(precision, recall)
    };
    AutoPatentRouge {
        rouge_1: n_gram(1),
        rouge_2: n_gram(2),
        rouge_l: union_lcs(&output, &truth),
    }
}

/// The words of each piece between periods; a piece of blanks has one empty word.
fn pieces(text: &str) -> Vec<Vec<&str>> {
    text.split('.')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let words: Vec<&str> = piece.split_whitespace().collect();
            if words.is_empty() { vec![""] } else { words }
        })
        .collect()
}

fn union_lcs(output: &[Vec<&str>], truth: &[Vec<&str>]) -> f64 {
    let mut union: HashSet<&str> = HashSet::new();
    for truth in truth {
        for output in output {
            push_lcs(truth, output, &mut union);
        }
    }
    let count = |texts: &[Vec<&str>]| texts.iter().flatten().collect::<HashSet<_>>().len();
    let recall = share(union.len(), count(truth));
    let precision = share(union.len(), count(output));
    f1(precision, recall)
}

/// Adds the words of a longest common subsequence; which one, where there are several, is as in the
/// package.
fn push_lcs<'a>(x: &[&'a str], y: &[&str], union: &mut HashSet<&'a str>) {
    // A bit for each pair of words: whether the path to its start leaves out the word of `x` rather
    // than that of `y`. A table of lengths would take gigabytes for texts without periods.
    let mut ups: Vec<Vec<u64>> = Vec::with_capacity(x.len());
    let mut above = vec![0_u32; y.len() + 1];
    for word in x {
        let mut bits = vec![0_u64; y.len().div_ceil(64)];
        let mut row = Vec::with_capacity(y.len() + 1);
        let mut left = 0_u32;
        row.push(left);
        for (at, (other, pair)) in y.iter().zip(above.windows(2)).enumerate() {
            let [diagonal, up] = pair else { continue };
            if word == other {
                left = diagonal + 1;
            } else if *up > left {
                left = *up;
                if let Some(bits) = bits.get_mut(at / 64) {
                    *bits |= 1 << (at % 64);
                }
            }
            row.push(left);
        }
        above = row;
        ups.push(bits);
    }
    let (mut i, mut j) = (x.len(), y.len());
    while let (Some(a), Some(b), Some(bits)) = (
        i.checked_sub(1).and_then(|i| x.get(i)),
        j.checked_sub(1).and_then(|j| y.get(j)),
        i.checked_sub(1).and_then(|i| ups.get(i)),
    ) {
        let up = bits
            .get((j - 1) / 64)
            .is_some_and(|bits| bits >> ((j - 1) % 64) & 1 == 1);
        if a == b {
            union.insert(a);
            (i, j) = (i - 1, j - 1);
        } else if up {
            i -= 1;
        } else {
            j -= 1;
        }
    }
}

/// As in the package, with the small number that keeps it from dividing by 0.
fn f1(precision: f64, recall: f64) -> f64 {
    2.0 * (precision * recall / (precision + recall + 1e-8))
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}
