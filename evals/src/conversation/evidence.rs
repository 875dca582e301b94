//! Which turn an answer comes from, where a data set does not say.

use std::collections::HashSet;

use super::Turn;
use crate::normalize_answer;

/// The usual parameters of BM25.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.75;

/// The number of the turn whose words have most to do with those of `answer`, by BM25; of equals the
/// first. `None` if no turn has one of them.
pub(super) fn best_turn(answer: &str, turns: &[Turn]) -> Option<u64> {
    let turns: Vec<Vec<String>> = turns
        .iter()
        .map(|turn| words(&format!("{}\n{}", turn.observation, turn.response)))
        .collect();
    let n = turns.len() as f64;
    let usual = turns.iter().map(Vec::len).sum::<usize>() as f64 / n;
    let mut scores = vec![0.0; turns.len()];
    for word in words(answer).into_iter().collect::<HashSet<_>>() {
        let counts: Vec<f64> = turns
            .iter()
            .map(|turn| turn.iter().filter(|other| **other == word).count() as f64)
            .collect();
        let having = counts.iter().filter(|count| **count > 0.0).count() as f64;
        let rarity = (1.0 + (n - having + 0.5) / (having + 0.5)).ln();
        for ((score, count), turn) in scores.iter_mut().zip(counts).zip(&turns) {
            let length = 1.0 - LENGTH + LENGTH * turn.len() as f64 / usual;
            *score += rarity * count * (SATURATION + 1.0) / (count + SATURATION * length);
        }
    }
    let best = scores.iter().copied().fold(0.0, f64::max);
    (1..)
        .zip(scores)
        .find(|(_, score)| best > 0.0 && *score == best)
        .map(|(turn, _)| turn)
}

fn words(text: &str) -> Vec<String> {
    // Words that a hyphen or a slash joins are two.
    let apart = text.replace(|c: char| !c.is_alphanumeric(), " ");
    let words = normalize_answer(&apart);
    words.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(observation: &str, response: &str) -> Turn {
        Turn {
            observation: observation.into(),
            response: response.into(),
            ..Turn::default()
        }
    }

    #[test]
    fn rare_words_decide_and_of_equals_the_first() {
        let turns = [
            turn("What is a mill?", "The mill turns in the river."),
            turn("And a kiln?", "The kiln burns in the yard, by the river."),
            turn("And a kiln?", "The kiln burns in the yard, by the river."),
        ];
        assert_eq!(best_turn("It burns in a kiln.", &turns), Some(2));
        assert_eq!(best_turn("the river's mill", &turns), Some(1));
        assert_eq!(best_turn("a barn", &turns), None);
        assert_eq!(best_turn("a barn", &[]), None);
    }
}
