//! What a scripted model remembers of its calls, shared by its clones.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use catena_core::ChatRequest;

use super::script::{Queue, Reply};

#[derive(Debug, Default)]
pub(super) struct Record {
    requests: Mutex<Vec<ChatRequest>>,
    queue: Mutex<Queue>,
    calls: AtomicUsize,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
}

impl Record {
    /// Counts a call as in flight until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight(self.clone())
    }

    pub(super) fn keep(&self, request: ChatRequest) {
        lock(&self.requests).push(request);
    }

    pub(super) fn requests(&self) -> Vec<ChatRequest> {
        lock(&self.requests).clone()
    }

    pub(super) fn enqueue(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.queue).extend(replies);
    }

    pub(super) fn next_reply(&self) -> Option<Reply> {
        lock(&self.queue).pop_front()
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn max_in_flight(&self) -> usize {
        self.max_in_flight.load(Ordering::Relaxed)
    }
}

/// A panic elsewhere leaves a list of whole items behind, which is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Record>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
