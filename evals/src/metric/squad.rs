//! Exact match and token F1 as SQuAD v1.1 defines them; HotpotQA, MuSiQue and 2WikiMultihopQA
//! use the same.

use std::collections::HashMap;

use super::{best, f1};

/// An answer with what SQuAD v1.1 ignores taken away: case, ASCII punctuation, the articles *a*,
/// *an* and *the*, and all white space but single blanks between words.
///
/// # Example
///
/// ```
/// assert_eq!(catena_evals::normalize_answer(" The  U.S. Navy,\n1914"), "us navy 1914");
/// ```
pub fn normalize_answer(answer: &str) -> String {
    let lower = answer.to_lowercase();
    let bare: String = lower
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    let words = without_articles(&bare);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` with each article that stands between word boundaries replaced by a blank: in `the—end`
/// too, whose dash is not ASCII and still there.
fn without_articles(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        kept.push_str(if matches!(word, "a" | "an" | "the") {
            " "
        } else {
            word
        });
        let next = tail.find(char::is_alphanumeric).unwrap_or(tail.len());
        let (between, after) = tail.split_at(next);
        kept.push_str(between);
        rest = after;
    }
    kept
}

/// 1 if `prediction` equals one of the gold answers after [`normalize_answer`], else 0.
pub fn exact_match<S: AsRef<str>>(prediction: &str, golds: &[S]) -> f64 {
    let prediction = normalize_answer(prediction);
    best(golds, |gold| {
        f64::from(normalize_answer(gold) == prediction)
    })
}

/// The F1 of the words that `prediction` and a gold answer share after [`normalize_answer`], the
/// best over the gold answers.
///
/// As in SQuAD v1.1, two answers of which nothing is left after normalisation score 0, not 1.
/// HotpotQA's own script also gives 0 to a longer answer that contains *yes* or *no*; this does not.
///
/// # Example
///
/// ```
/// use catena_evals::token_f1;
///
/// assert_eq!(token_f1("the red house", &["House", "a big red house"]), 0.8);
/// ```
pub fn token_f1<S: AsRef<str>>(prediction: &str, golds: &[S]) -> f64 {
    let prediction = normalize_answer(prediction);
    best(golds, |gold| {
        let gold = normalize_answer(gold);
        let mut left = HashMap::new();
        for word in gold.split_whitespace() {
            *left.entry(word).or_insert(0_usize) += 1;
        }
        let mut shared = 0;
        for word in prediction.split_whitespace() {
            if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
                *count -= 1;
                shared += 1;
            }
        }
        f1(
            shared,
            prediction.split_whitespace().count(),
            gold.split_whitespace().count(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_a_whole_word() {
        assert_eq!(
            normalize_answer("Then an apple; the_a theatre"),
            "then apple thea theatre"
        );
        assert_eq!(normalize_answer("the—end"), "—end");
        assert_eq!(normalize_answer("A"), "");
    }

    #[test]
    fn a_shared_word_counts_as_often_as_both_have_it() {
        assert_eq!(token_f1("red red red", &["red red blue"]), 2.0 / 3.0);
    }

    #[test]
    fn nothing_left_is_a_match_without_f1() {
        assert_eq!(exact_match("the", &["..."]), 1.0);
        assert_eq!(token_f1("the", &["..."]), 0.0);
    }
}
