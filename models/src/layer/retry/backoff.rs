//! How long to wait.

use std::time::Duration;

/// Exponential backoff with full jitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    /// The bound of the first wait.
    pub(super) first: Duration,
    /// The largest bound.
    pub(super) most: Duration,
    pub(super) max_retry_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            most: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The wait after the failure of `attempt`, counted from 1; `None` if it is not worth it.
    pub(super) fn wait(
        &self,
        attempt: u32,
        retry_after: Option<Duration>,
        random: &mut fastrand::Rng,
    ) -> Option<Duration> {
        let asked = retry_after.unwrap_or_default();
        if asked > self.max_retry_after {
            return None;
        }
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1));
        let bound = doubled.map_or(self.most, |factor| self.first.saturating_mul(factor));
        // On top of what was asked for: all who were told the same must not come back together.
        Some(asked.saturating_add(bound.min(self.most).mul_f64(random.f64())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_is_within_its_bound(attempt in 1..80_u32, asked in 0..70_u64, seed: u64) {
            let backoff = Backoff::default();
            let asked = Duration::from_secs(asked);
            let mut random = fastrand::Rng::with_seed(seed);
            let wait = backoff.wait(attempt, Some(asked), &mut random);
            let bound = Duration::from_millis(500 << attempt.min(20).saturating_sub(1));
            match wait {
                Some(wait) => prop_assert!(wait >= asked && wait - asked <= bound.min(backoff.most)),
                None => prop_assert!(asked > backoff.max_retry_after),
            }
        }
    }

    #[test]
    fn waits_spread_over_the_whole_range() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut waits = (0..1000).map(|_| Backoff::default().wait(3, None, &mut random).unwrap());
        let within = |wait: &Duration| *wait < Duration::from_millis(200);
        // The bound is 2 s: a tenth of the waits is below 0.2 s.
        let low = waits.by_ref().filter(within).count();
        assert!((60..140).contains(&low), "{low}");
    }
}
