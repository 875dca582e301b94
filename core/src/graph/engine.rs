//! Runs a graph: a task for each node, a bounded channel for each node's inbox.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc};

use futures::FutureExt;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};

use super::{
    Next, Placed, Plan,
    node::{Message, Sent},
};
use crate::{Context, Error, EventKind, Result, telemetry};

/// Messages that an inbox holds before their senders have to wait.
const CAPACITY: usize = 1;

pub(super) async fn run(plan: &Plan, input: Message, cx: &Context) -> Result<Message> {
    let cx = cx.enter();
    let cancel = cx.cancel_token().child_token();
    // Dropping this future (a cancelled run, a failed sibling) stops every node.
    let _guard = cancel.clone().drop_guard();

    let (inboxes, receivers): (Vec<_>, Vec<_>) = plan
        .nodes
        .iter()
        .map(|_| mpsc::channel::<Message>(CAPACITY))
        .unzip();
    let (exit, mut output) = mpsc::channel(CAPACITY);

    let mut tasks = JoinSet::new();
    for ((index, placed), inbox) in plan.nodes.iter().enumerate().zip(receivers) {
        let Placed { node, next } = placed;
        let outlets = match next {
            Next::Exit => Outlets::One(exit.clone()),
            Next::Node(next) => match inboxes.get(*next) {
                Some(inbox) => Outlets::One(inbox.clone()),
                None => continue,
            },
            Next::Arms(arms) => Outlets::Arms(
                arms.iter()
                    .filter_map(|arm| Some((*arm, inboxes.get(*arm)?.clone())))
                    .collect(),
            ),
        };
        let node = Arc::clone(node);
        let cx = cx.below(cx.path().child(plan.shape.node_name(index)), cancel.clone());
        let limit = plan.shape.step_limit;
        let tracked = cx.clone();
        tasks.spawn(tracked.tracked(async move {
            let mut inbox = inbox;
            let mut visit = 0;
            while let Some(message) = inbox.recv().await {
                visit += 1;
                let cx = match visit {
                    1 => cx.clone(),
                    visit => cx.below(cx.path().visit(visit), cx.cancel_token().clone()),
                };
                let work = async {
                    match limit {
                        Some(limit) if visit > limit => Err(too_often(limit)),
                        _ => node.run(message, &cx).await,
                    }
                };
                let sent = cx.run_node(work).await?;
                if !outlets.send(sent, &cx).await? {
                    break;
                }
            }
            Ok(())
        }));
    }
    let entry = inboxes.get(plan.shape.entry).cloned();
    // A channel closes when its last sender is gone: only the producing nodes keep theirs.
    drop((inboxes, exit));
    if let Some(entry) = entry {
        // The inbox is empty and its node is running, so this never waits.
        let _ = entry.send(input).await;
    }

    let result = loop {
        tokio::select! {
            biased;
            Some(message) = output.recv() => break Ok(message),
            Some(ended) = tasks.join_next() => {
                if let Err(error) = joined(ended).and_then(|result| result) {
                    break Err(error);
                }
            }
            else => break Err(Error::graph(format!("'{}' ended without a result", plan.shape.name))),
        }
    };
    cancel.cancel();
    tasks.shutdown().await;
    // Of the graphs in it too, which were dropped with its tasks.
    cx.tasks_ended().await;
    result
}

/// Where a node's messages go.
enum Outlets {
    One(mpsc::Sender<Message>),
    Arms(Vec<(usize, mpsc::Sender<Message>)>),
}

impl Outlets {
    /// Sends a message on; `false` when the graph has ended and nobody wants it.
    async fn send(&self, sent: Sent, cx: &Context) -> Result<bool> {
        let (to, message) = match (self, sent) {
            (Self::One(next), Sent::On(message)) => (Some(next), message),
            (Self::Arms(arms), Sent::To(index, message)) => (
                arms.iter().find(|(arm, _)| *arm == index).map(|(_, to)| to),
                message,
            ),
            (_, Sent::On(message) | Sent::To(_, message)) => (None, message),
        };
        match to {
            Some(to) => Ok(to.send(message).await.is_ok()),
            None => Err(
                Error::graph("a message was sent along an edge that is not there").at(cx.path()),
            ),
        }
    }
}

fn too_often(limit: usize) -> Error {
    Error::step_limit(format!("the step limit of {limit} is reached"))
        .with_help("raise the graph's step limit, or see why its cycle does not end")
}

impl Context {
    /// Runs a node, or an item of one, to its end: what fails in it, a panic included, becomes an
    /// error with its path, and its end is told.
    pub(super) async fn run_node<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let span = telemetry::node(self.path());
        // Pinned here: a future that is handed on has a place in each that it passes through.
        let work = pin!(caught(work));
        let result = match telemetry::within(&span, work).await {
            Ok(output) => self.keep_failures().await.map(|()| output),
            Err(error) => Err(error),
        };
        match result {
            Ok(output) => {
                self.emit(EventKind::NodeFinished);
                self.tell().await?;
                Ok(output)
            }
            Err(error) => {
                let error = error.at(self.path());
                telemetry::failed(&span, &error);
                if !error.is_cancelled() && !error.is_interrupted() {
                    self.emit(EventKind::NodeFailed {
                        error: error.clone(),
                    });
                }
                Err(error)
            }
        }
    }

    /// Runs an agent as an item of a node.
    pub(super) async fn run_item<A: crate::Agent>(
        &self,
        agent: &A,
        input: A::Input,
    ) -> Result<A::Output> {
        self.emit(EventKind::NodeStarted { items: None });
        self.run_node(agent.run(input, self)).await
    }
}

/// Runs a future; a panic in it becomes an error.
pub(crate) fn caught<T>(work: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
    let panicked = |panic: Box<dyn Any + Send>| Err(Error::panicked(panic_message(&*panic)));
    AssertUnwindSafe(work)
        .catch_unwind()
        .map(move |ended| ended.unwrap_or_else(panicked))
}

/// The value of a task that was not aborted.
pub(super) fn joined<T>(ended: Result<T, JoinError>) -> Result<T> {
    // Tasks catch their own panics, so what is left is an abort.
    ended.map_err(|error| Error::cancelled().with_source(error))
}

/// What a panic said, for an error message.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    format!("a node panicked: {text}")
}
