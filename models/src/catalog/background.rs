//! Long blocking work (hashing, unpacking) off the async threads, watched and stoppable.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use catena_core::{Error, Result};

/// How often progress is reported while something runs.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Shared between the work and the future that waits for it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    done: AtomicU64,
    cancelled: AtomicBool,
}

impl Meter {
    /// Counts `bytes` as done; an error means that nobody waits any more and the work must stop.
    pub(super) fn advance(&self, bytes: u64) -> io::Result<()> {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        if self.cancelled.load(Ordering::Relaxed) {
            // Not `Interrupted`: std's helpers retry that kind for ever.
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "cancelled",
            ));
        }
        Ok(())
    }
}

/// Tells the work to stop when the future that waits for it is dropped.
struct StopOnDrop(Arc<Meter>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a blocking thread and calls `tick` with the bytes done, every [`TICK`] and at the end.
///
/// # Cancel safety
///
/// Dropping the future makes the next [`Meter::advance`] fail, so `work` ends within one block.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Meter) -> T + Send + 'static,
    mut tick: impl FnMut(u64),
) -> Result<T> {
    let meter = Arc::new(Meter::default());
    let guard = StopOnDrop(Arc::clone(&meter));
    let mut task = tokio::task::spawn_blocking(move || work(&meter));
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            result = &mut task => {
                tick(guard.0.done.load(Ordering::Relaxed));
                return result.map_err(|error| {
                    Error::panicked("a background task of the model catalogue failed").with_source(error)
                });
            }
            _ = ticks.tick() => tick(guard.0.done.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn the_last_tick_counts_everything() {
        let mut seen = 0;
        let work = |meter: &Meter| (0..10).try_for_each(|_| meter.advance(7));
        run(work, |done| seen = done).await.unwrap().unwrap();
        assert_eq!(seen, 70);
    }

    #[tokio::test]
    async fn dropping_the_future_stops_the_work() {
        let (stopped, wait) = mpsc::channel();
        let work = move |meter: &Meter| {
            while meter.advance(1).is_ok() {
                std::thread::yield_now();
            }
            stopped.send(()).unwrap();
        };
        let future = run(work, |_| {});
        assert!(
            tokio::time::timeout(Duration::from_millis(20), future)
                .await
                .is_err()
        );
        wait.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[tokio::test]
    async fn a_panic_in_the_work_is_an_error() {
        let error = run(|_| -> () { panic!("no") }, |_| {}).await.unwrap_err();
        assert!(error.is_panicked());
    }
}
