//! Waiting for tasks, the aborted ones too.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

/// The tasks of a run, and of each graph in it that is being run.
///
/// Dropping a graph's future aborts its tasks and waits for none of them: on another thread one may
/// still be at work, up to its next await. So a graph that ends waits for all that is in it, however
/// deep, and nothing of what was given up is told or written down behind what comes after it.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    /// From the run to the innermost graph.
    trackers: Arc<[TaskTracker]>,
}

impl Tasks {
    /// Those of a run.
    pub(super) fn new() -> Self {
        Self {
            trackers: Arc::new([TaskTracker::new()]),
        }
    }

    /// Those of a graph in this one.
    pub(super) fn inner(&self) -> Self {
        let inner = TaskTracker::new();
        Self {
            trackers: self.trackers.iter().cloned().chain([inner]).collect(),
        }
    }

    /// `work`, for a task of the innermost graph.
    pub(super) fn track<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        let tokens: Vec<_> = self.trackers.iter().map(TaskTracker::token).collect();
        async move {
            // Dropped behind the work.
            let _tokens = tokens;
            work.await
        }
    }

    /// Waits until none of the innermost graph's tasks is left, and none of the graphs in it.
    pub(super) async fn ended(&self) {
        if let Some(innermost) = self.trackers.last() {
            innermost.close();
            innermost.wait().await;
        }
    }
}
