//! Means with 95 % confidence intervals.

use catena_core::{Error, Result};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use serde::{Deserialize, Serialize};

/// How many resamples an interval is read from. At 2,000 each of its ends has a standard error
/// of about 1.5 % of its width.
const RESAMPLES: usize = 2_000;

/// The seed of the intervals in tables: the same answers give the same table.
pub(crate) const SEED: u64 = 2026;

/// A mean over items and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many items.
    pub n: usize,
    /// The mean over them.
    pub mean: f64,
    /// The lower end of the interval, its 2.5th percentile.
    pub low: f64,
    /// The upper end of the interval, its 97.5th percentile.
    pub high: f64,
}

impl Summary {
    /// The mean of `scores` and its percentile bootstrap interval from 2,000 resamples.
    ///
    /// The same scores and seed give the same interval on every machine.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if there are no scores or one is not a finite number.
    ///
    /// # Example
    ///
    /// ```
    /// use catena_evals::Summary;
    ///
    /// let summary = Summary::bootstrap(&[0.0, 1.0, 1.0, 0.5], 1)?;
    /// assert_eq!((summary.n, summary.mean), (4, 0.625));
    /// assert!(summary.low < 0.625 && 0.625 < summary.high);
    /// # Ok::<(), catena_core::Error>(())
    /// ```
    pub fn bootstrap(scores: &[f64], seed: u64) -> Result<Self> {
        if scores.is_empty() {
            return Err(Error::invalid(
                "computing a confidence interval: there are no scores",
            ));
        }
        if let Some(score) = scores.iter().find(|score| !score.is_finite()) {
            return Err(Error::invalid(format!(
                "computing a confidence interval: {score} is not a finite number"
            )));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|_| resampled_mean(scores, &mut rng))
            .collect();
        means.sort_by(f64::total_cmp);
        Ok(Self {
            n: scores.len(),
            mean: scores.iter().sum::<f64>() / scores.len() as f64,
            low: percentile(&means, 2.5),
            high: percentile(&means, 97.5),
        })
    }
}

/// How much better `scores` are than `baseline` on the same items, in the same order: the mean of
/// the differences, and its interval from resampling items in pairs.
///
/// The interval is narrower than those of the two means apart, since an item that is hard is hard
/// for both. If it excludes 0, the difference is significant at 5 %.
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid) if the two differ in length, are empty, or hold a number that
/// is not finite.
pub fn paired_difference(scores: &[f64], baseline: &[f64], seed: u64) -> Result<Summary> {
    if scores.len() != baseline.len() {
        return Err(Error::invalid(format!(
            "comparing two strategies: one has scores for {} items, the other for {}",
            scores.len(),
            baseline.len()
        ))
        .with_help("compare them on the items that both have answered"));
    }
    let differences: Vec<f64> = scores.iter().zip(baseline).map(|(a, b)| a - b).collect();
    Summary::bootstrap(&differences, seed)
}

fn resampled_mean(scores: &[f64], rng: &mut ChaCha8Rng) -> f64 {
    let n = scores.len();
    let sum: f64 = (0..n)
        .filter_map(|_| {
            // Multiply and shift: a bias below n / 2^64, and the same on every platform.
            let index = (u128::from(rng.next_u64()) * n as u128) >> 64;
            scores.get(index as usize)
        })
        .sum();
    sum / n as f64
}

/// The percentile of sorted values, linear between its two neighbours.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let position = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    let below = position.floor();
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or(f64::NAN);
    at(below) + (at(position.ceil()) - at(below)) * (position - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_linear_between_neighbours() {
        // As numpy.percentile gives them.
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(percentile(&sorted, 50.0), 4.0);
        assert!((percentile(&sorted, 2.5) - 1.1).abs() < 1e-12);
        assert!((percentile(&sorted, 97.5) - 15.2).abs() < 1e-12);
        assert_eq!(percentile(&[3.0], 97.5), 3.0);
    }

    #[test]
    fn the_interval_is_that_of_the_normal_approximation_for_many_items() {
        let scores: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let summary = Summary::bootstrap(&scores, 3).unwrap();
        // 1.96 * sqrt(0.25 / 400) = 0.049
        assert!((summary.low - 0.451).abs() < 0.006, "{summary:?}");
        assert!((summary.high - 0.549).abs() < 0.006, "{summary:?}");
    }

    #[test]
    fn a_seed_gives_one_interval() {
        let scores: Vec<f64> = (0..40).map(|i| f64::from(i * i % 41) / 41.0).collect();
        let first = Summary::bootstrap(&scores, 11).unwrap();
        assert_eq!(first, Summary::bootstrap(&scores, 11).unwrap());
        assert_ne!(first, Summary::bootstrap(&scores, 12).unwrap());
        // Pinned: a table printed last year can be printed again.
        let pinned = (first.low * 1e9).round() / 1e9;
        assert_eq!(pinned, 0.403033537);
    }

    #[test]
    fn equal_scores_have_no_spread() {
        let summary = Summary::bootstrap(&[0.5; 7], 0).unwrap();
        assert_eq!(
            summary,
            Summary {
                n: 7,
                mean: 0.5,
                low: 0.5,
                high: 0.5
            }
        );
    }

    #[test]
    fn pairing_removes_what_items_share() {
        // Hard and easy items, and a strategy that is a little better on each.
        let baseline: Vec<f64> = (0..30).map(|i| f64::from(i % 10) / 10.0).collect();
        let scores: Vec<f64> = baseline
            .iter()
            .enumerate()
            .map(|(i, b)| b + 0.02 + i as f64 / 1e4)
            .collect();
        let difference = paired_difference(&scores, &baseline, 5).unwrap();
        assert!(difference.low > 0.0, "{difference:?}");
        let apart = Summary::bootstrap(&scores, 5).unwrap();
        assert!(apart.high - apart.low > 10.0 * (difference.high - difference.low));
    }

    #[test]
    fn what_cannot_be_averaged_is_refused() {
        assert!(Summary::bootstrap(&[], 0).unwrap_err().is_invalid());
        assert!(
            Summary::bootstrap(&[0.1, f64::NAN], 0)
                .unwrap_err()
                .is_invalid()
        );
        let error = paired_difference(&[1.0, 0.0], &[1.0], 0).unwrap_err();
        assert!(
            error.to_string().contains("2 items, the other for 1"),
            "{error}"
        );
    }
}
