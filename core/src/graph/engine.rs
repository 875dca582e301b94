//! Runs a graph: a task for each node, a bounded channel for each edge.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};

use super::{Plan, node::Message};
use crate::{Context, Error, Result};

/// Messages that an edge holds before its producer has to wait.
const EDGE_CAPACITY: usize = 1;

pub(super) async fn run(plan: &Plan, input: Message, cx: &Context) -> Result<Message> {
    let cancel = cx.cancel_token().child_token();
    // Dropping this future (a cancelled run, a failed sibling) stops every node.
    let _guard = cancel.clone().drop_guard();

    let (senders, receivers): (Vec<_>, Vec<_>) = plan
        .nodes
        .iter()
        .map(|_| mpsc::channel::<Message>(EDGE_CAPACITY))
        .unzip();
    let (exit, mut output) = mpsc::channel(EDGE_CAPACITY);
    let entry = senders.get(plan.entry).cloned();

    let mut tasks = JoinSet::new();
    for (node, mut inbox) in plan.nodes.iter().zip(receivers) {
        let next = match node.next {
            Some(next) => senders.get(next).cloned(),
            None => Some(exit.clone()),
        };
        let agent = Arc::clone(&node.agent);
        let cx = cx.below(cx.path().child(&node.name), cancel.clone());
        tasks.spawn(async move {
            while let Some(message) = inbox.recv().await {
                let result = caught(agent.run(message, &cx), &cx).await?;
                match &next {
                    // A closed channel means that the graph has ended: nobody wants the message.
                    Some(next) if next.send(result).await.is_ok() => {}
                    _ => break,
                }
            }
            Ok(())
        });
    }
    // A channel closes when its last sender is gone: only the producing nodes keep theirs.
    drop((senders, exit));
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
            else => break Err(Error::graph(format!("'{}' ended without a result", plan.name))),
        }
    };
    cancel.cancel();
    tasks.shutdown().await;
    result
}

/// Runs a node's future: what fails in it, a panic included, becomes an error with its path.
pub(super) async fn caught<T>(work: impl Future<Output = Result<T>>, cx: &Context) -> Result<T> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(Error::panicked(panic_message(&*panic))))
        .map_err(|error| error.at(cx.path()))
}

/// The value of a task that was not aborted.
pub(super) fn joined<T>(ended: Result<T, JoinError>) -> Result<T> {
    // Tasks catch their own panics, so what is left is an abort.
    ended.map_err(|error| Error::cancelled().with_source(error))
}

/// What a panic said, for an error message.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    format!("a node panicked: {text}")
}
