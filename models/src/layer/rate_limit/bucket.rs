//! A governor on tokio's clock.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

/// Time since its making, on tokio's clock: governor's own would not stand still in a test.
#[derive(Clone, Copy, Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A minute's worth of something, refilled steadily.
pub(super) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    clock: TokioClock,
    size: NonZeroU32,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn per_minute(size: u32) -> Self {
        let size = NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
        let clock = TokioClock(Instant::now());
        Self {
            limiter: RateLimiter::direct_with_clock(Quota::per_minute(size), clock),
            clock,
            size,
        }
    }

    pub(super) fn size(&self) -> u32 {
        self.size.get()
    }

    /// Waits until `amount` is there and takes it; the size of the bucket if that is less.
    pub(super) async fn take(&self, amount: u64) -> Result<(), u32> {
        let Ok(amount) = u32::try_from(amount) else {
            return Err(self.size());
        };
        let Some(amount) = NonZeroU32::new(amount) else {
            return Ok(());
        };
        loop {
            match self.limiter.check_n(amount) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(not_until)) => {
                    let wait = not_until.wait_time_from(self.clock.now());
                    tokio::time::sleep(wait).await;
                }
                Err(_) => return Err(self.size()),
            }
        }
    }
}
