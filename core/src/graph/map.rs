//! A map: an agent on each item of a list, some at a time.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::JoinSet;

use super::{
    engine::joined,
    node::{ErasedNode, Message, Sent, downcast},
    shape::{Inside, NodeKind},
};
use crate::{Agent, Context, Error, EventKind, Partial, Result};

pub(super) struct MapNode<A> {
    agent: Arc<A>,
    width: usize,
}

impl<A: Agent> MapNode<A> {
    pub(super) fn new(agent: A, width: usize) -> Self {
        Self {
            agent: Arc::new(agent),
            width: width.max(1),
        }
    }
}

#[async_trait]
impl<A: Agent> ErasedNode for MapNode<A> {
    async fn run(&self, input: Message, cx: &Context) -> Result<Sent> {
        let items: Vec<A::Input> = downcast(input)?;
        let total = items.len();
        cx.emit(EventKind::NodeStarted { items: Some(total) });
        let cancel = cx.cancel_token().child_token();
        // Whichever way this ends, what is still running is told to stop.
        let _guard = cancel.clone().drop_guard();
        let mut results = Results::new(total);
        let mut running = JoinSet::new();
        let mut items = items.into_iter().enumerate();
        let mut spent = None;
        loop {
            while running.len() < self.width
                && spent.is_none()
                && !cancel.is_cancelled()
                && let Some((index, item)) = items.next()
            {
                let agent = Arc::clone(&self.agent);
                let cx = cx.below(cx.path().item(index), cancel.clone());
                let tracked = cx.clone();
                let work = async move { (index, cx.run_item(&*agent, item).await) };
                running.spawn(tracked.tracked(work));
            }
            let Some(finished) = running.join_next().await else {
                break;
            };
            let (index, result) = joined(finished)?;
            match results.take(index, result) {
                Ok(()) => {}
                // The calls under way are within the budget and are paid for: cut off, each would
                // be paid once more by the run that goes on. What they call next is refused.
                Err(error) if error.is_budget_exceeded() => spent = spent.or(Some(error)),
                Err(error) => {
                    cancel.cancel();
                    running.shutdown().await;
                    return Err(error.with_partial(results.partial(cx)));
                }
            }
        }
        if cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        if let Some(error) = spent {
            return Err(error.with_partial(results.partial(cx)));
        }
        match results.open() {
            None => Ok(Sent::On(Box::new(results.in_order()))),
            Some(error) => Err(error.with_partial(results.partial(cx))),
        }
    }

    fn kind(&self) -> NodeKind {
        NodeKind::Map
    }

    fn inside(&self) -> Inside {
        self.agent.inside()
    }
}

/// What has come of the items so far.
struct Results<T> {
    outputs: Vec<Option<T>>,
    /// Items that wait for a person: the others go on, so that all questions are asked at once.
    interrupted: Vec<Error>,
    /// An item that the journal says was cancelled: the failure that it was cancelled for comes
    /// from another one.
    cancelled: Option<Error>,
}

impl<T: serde::Serialize> Results<T> {
    fn new(total: usize) -> Self {
        Self {
            outputs: (0..total).map(|_| None).collect(),
            interrupted: Vec::new(),
            cancelled: None,
        }
    }

    /// Takes an item's result; an error that ends the others too comes back.
    fn take(&mut self, index: usize, result: Result<T>) -> Result<()> {
        match result {
            Ok(output) => {
                if let Some(slot) = self.outputs.get_mut(index) {
                    *slot = Some(output);
                }
            }
            Err(error) if error.is_interrupted() => self.interrupted.push(error),
            Err(error) if error.is_cancelled() => self.cancelled = Some(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Why there is no result, although all items have ended.
    fn open(&mut self) -> Option<Error> {
        if let Some(error) = self.cancelled.take() {
            return Some(error);
        }
        let (first, rest) = self.interrupted.split_first()?;
        if rest.is_empty() {
            return Some(first.clone());
        }
        let mut interrupts: Vec<_> = self
            .interrupted
            .iter()
            .flat_map(|error| error.interrupts().to_vec())
            .collect();
        interrupts.sort_by(|a, b| a.id.cmp(&b.id));
        Some(Error::interrupted(interrupts))
    }

    /// The outputs there are, for a failure.
    fn partial(&self, cx: &Context) -> Vec<Partial> {
        let done = self.outputs.iter().enumerate();
        done.filter_map(|(index, output)| {
            Some(Partial {
                path: cx.path().item(index),
                output: serde_json::to_value(output.as_ref()?).ok()?,
            })
        })
        .collect()
    }

    fn in_order(self) -> Vec<T> {
        self.outputs.into_iter().flatten().collect()
    }
}
