//! How often an engine that died is started again.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use catena_core::{Error, Result};

/// The most restarts within [`WITHIN`]: enough for accidents, too few for a request that kills the
/// engine whenever it is repeated to keep the machine busy.
const MOST: usize = 3;
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// When an engine was started again.
#[derive(Debug, Default)]
pub(crate) struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// Counts a restart at `now`; an error that is not worth a retry if there were too many.
    pub(crate) fn count(&mut self, now: Instant) -> Result<()> {
        let forgotten = |at: &Instant| now.duration_since(*at) >= WITHIN;
        while self.0.front().is_some_and(forgotten) {
            self.0.pop_front();
        }
        if self.0.len() >= MOST {
            let minutes = WITHIN.as_secs() / 60;
            return Err(Error::other(format!(
                "the local engine died again after {MOST} restarts within {minutes} minutes, \
                 and is left alone for now"
            ))
            .with_help(
                "a request may be what kills it: try a smaller window, or load the model anew",
            ));
        }
        self.0.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_within_ten_minutes_and_then_no_more_until_the_first_is_forgotten() {
        let mut restarts = Restarts::default();
        let begun = Instant::now();
        let minute = |minutes: u64| begun + Duration::from_secs(60 * minutes);
        for at in [0, 3, 6] {
            restarts.count(minute(at)).unwrap();
        }
        let error = restarts.count(minute(9)).unwrap_err();
        assert!(!error.is_retryable(), "{error:?}");
        assert!(error.help().is_some());
        restarts.count(minute(10)).unwrap();
        assert!(restarts.count(minute(12)).is_err());
    }
}
