//! The only door from an agent to the outside world.

mod call;
mod chat;
mod effects;
mod failures;
mod interrupt;
mod scope;
mod tasks;

pub(crate) use failures::Failures;
pub(crate) use scope::RunScope;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::{scope::NodeScope, tasks::Tasks};
use crate::{
    Budget, Entry, Error, EventKind, Fingerprint, Gap, NodePath, Result, RunId, Usage,
    event::CallKey,
};

/// What an agent gets to reach models with, and everything else outside of itself.
///
/// Each call through it
///
/// 1. gets the next call index of its node, at the moment the method is called and first polled;
/// 2. is answered from the journal if the run is a resumed one and got this far before;
/// 3. is counted with the model's own tokenizer and refused if it does not fit the window;
/// 4. reserves budget, or is refused;
/// 5. is raced against cancellation and the run's time limit;
/// 6. settles what it really used, is written to the journal, and only then returns.
///
/// So that a run can be resumed, an agent must do the same when it gets the same: whatever is not
/// certain (the time, chance, files, a tool's result) it asks through its context.
///
/// Cloning is cheap; clones are the same node.
///
/// # Cancel safety
///
/// Dropping the future of a call stops it. What it had cost by then is booked.
#[derive(Clone, Debug)]
pub struct Context {
    run: Arc<RunScope>,
    node: Arc<NodeScope>,
    tasks: Tasks,
}

impl Context {
    pub(crate) fn root(run: Arc<RunScope>, path: NodePath, cancel: CancellationToken) -> Self {
        Self {
            run,
            node: Arc::new(NodeScope::new(path, cancel)),
            tasks: Tasks::new(),
        }
    }

    /// The context of another node of this run, cancelled with this one.
    pub(crate) fn below(&self, path: NodePath, cancel: CancellationToken) -> Self {
        Self {
            run: Arc::clone(&self.run),
            node: Arc::new(NodeScope::new(path, cancel)),
            tasks: self.tasks.clone(),
        }
    }

    /// The context for an attempt at this node's work, and the how-manieth it is: the first is the
    /// node's own, those after it have paths of their own, so that no two calls have the same key in
    /// the journal.
    pub(crate) fn again(&self) -> (Self, u32) {
        let run = self.node.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let cx = match run {
            1 => self.clone(),
            _ => self.below(self.path().attempt(run), self.cancel_token().clone()),
        };
        (cx, run)
    }

    /// The context for a graph that is run in this node. An agent may run several, or one several
    /// times; those after the first count as attempts do.
    pub(crate) fn enter(&self) -> Self {
        let cx = if self.node.entered.swap(true, Ordering::Relaxed) {
            self.again().0
        } else {
            self.node.runs.fetch_max(1, Ordering::Relaxed);
            self.clone()
        };
        Self {
            tasks: self.tasks.inner(),
            ..cx
        }
    }

    /// The fingerprint of a request, if anybody wants to know it.
    fn fingerprint(&self, make: impl FnOnce() -> Fingerprint) -> Fingerprint {
        match self.run.journal {
            Some(_) => make(),
            None => Fingerprint::new("", &[]),
        }
    }

    /// `work`, for a task: neither the run nor the graph that this is in ends before it is done or
    /// dropped.
    pub(crate) fn tracked<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.tasks.track(work)
    }

    /// Waits for the tasks of the graph that was entered with this context; of the whole run, if it
    /// is the run's own.
    pub(crate) async fn tasks_ended(&self) {
        self.tasks.ended().await;
    }

    pub(crate) fn cancel_token(&self) -> &CancellationToken {
        &self.node.cancel
    }

    pub(crate) fn emit(&self, kind: EventKind) {
        self.run.events.emit(&self.node.path, kind);
    }

    pub(crate) fn keep_gap(&self, gap: Gap) {
        self.run.keep_gap(gap);
    }

    /// Forgets the gaps in this node: what had them is thrown away.
    pub(crate) fn forget_gaps(&self) {
        self.run.forget_gaps(self.path());
    }

    /// Tells the journal what was told the consumer, when there is much of it: so that a run
    /// without effects holds no more than that.
    pub(crate) async fn tell(&self) -> Result<()> {
        /// Events that wait for an effect to be written with.
        const WAITING: usize = 256;
        if self.run.journal.is_none() {
            return Ok(());
        }
        let events = self.run.events.untold(WAITING, None);
        if events.is_empty() {
            return Ok(());
        }
        self.run.append(Vec::new(), events).await
    }

    /// Writes an effect down, with what was told since the last one.
    async fn keep(&self, entry: Entry) -> Result<()> {
        if self.run.journal.is_none() {
            return Ok(());
        }
        let key = CallKey::new(&entry.path, entry.call);
        let events = self.run.events.untold(1, Some(&key));
        self.run
            .append(vec![entry], events)
            .await
            .map_err(|error| error.at(&self.node.path))
    }

    /// The numbers of the next `count` calls: the first of them.
    fn next_calls(&self, count: u32) -> u32 {
        self.node.calls.fetch_add(count, Ordering::Relaxed)
    }

    /// The node's place in the run.
    pub fn path(&self) -> &NodePath {
        &self.node.path
    }

    /// The run.
    pub fn run_id(&self) -> &RunId {
        &self.run.id
    }

    /// The run's limits.
    pub fn budget(&self) -> &Budget {
        self.run.ledger.budget()
    }

    /// What the run has spent so far, over all its nodes. Calls under way are not in it.
    pub fn spent(&self) -> Usage {
        self.run.ledger.settled()
    }

    /// What the run has spent so far and what is set aside for the calls under way, together: at
    /// no instant more than the budget allows.
    pub fn committed(&self) -> Usage {
        self.run.ledger.committed()
    }

    /// Tells the run's consumer something, as an [`EventKind::Note`]. Data that cannot be
    /// expressed in JSON is told as `null`.
    pub fn note(&self, name: &str, data: &impl Serialize) {
        self.emit(EventKind::Note {
            name: name.to_owned(),
            data: serde_json::to_value(data).unwrap_or_default(),
        });
    }

    /// Waits; the run's cancellation and its time limit end the wait.
    ///
    /// # Errors
    ///
    /// [`is_cancelled`](Error::is_cancelled) and [`is_budget_exceeded`](Error::is_budget_exceeded).
    pub async fn sleep(&self, time: Duration) -> Result<()> {
        self.guarded(async {
            tokio::time::sleep(time).await;
            Ok(())
        })
        .await
    }

    /// Runs `work` until it is done, the run is cancelled, or its time has passed.
    async fn guarded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        // Caught here, or the call would look given up, and what it said be lost to the journal.
        let work = crate::graph::caught(work);
        let limited = async {
            match self.run.ledger.time_left() {
                None => work.await,
                Some(left) => tokio::time::timeout(left, work)
                    .await
                    .unwrap_or_else(|_| Err(self.run.ledger.out_of_time())),
            }
        };
        let result = tokio::select! {
            biased;
            () = self.node.cancel.cancelled() => Err(Error::cancelled()),
            result = limited => result,
        };
        result.map_err(|error| error.at(&self.node.path))
    }
}
