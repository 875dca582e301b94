//! Nodes: typed handles outside, type-erased agents inside.

use std::{any::Any, fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::engine::{caught, joined};
use crate::{Agent, Context, Error, EventKind, Payload, Result};

/// A node of a graph that is being built: what goes in is an `I`, what comes out an `O`.
pub struct Node<I, O> {
    pub(super) builder: u64,
    pub(super) index: usize,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Node<I, O> {
    pub(super) fn new(builder: u64, index: usize) -> Self {
        Self {
            builder,
            index,
            types: PhantomData,
        }
    }
}

impl<I, O> Clone for Node<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I, O> Copy for Node<I, O> {}

impl<I, O> fmt::Debug for Node<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.index)
    }
}

/// What a [`fold`](super::GraphBuilder::fold) receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold<S, T> {
    /// The state before the first item.
    pub state: S,
    /// The items, in order.
    pub items: Vec<T>,
}

/// What the agent of a [`fold`](super::GraphBuilder::fold) receives for each item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<S, T> {
    /// The state so far.
    pub state: S,
    /// The item.
    pub item: T,
    /// The item's index, from 0.
    pub index: usize,
    /// How many items there are.
    pub total: usize,
}

/// A message on its way; its type was checked when the graph was compiled.
pub(super) type Message = Box<dyn Any + Send>;

pub(super) fn downcast<T: 'static>(message: Message) -> Result<T> {
    // Typed edges make this unreachable; an error all the same, because no panic crosses a node.
    message
        .downcast()
        .map(|value| *value)
        .map_err(|_| Error::graph(format!("a message is no {}", std::any::type_name::<T>())))
}

/// A node without its types.
#[async_trait]
pub(super) trait ErasedNode: Send + Sync {
    async fn run(&self, input: Message, cx: &Context) -> Result<Message>;

    /// Mermaid's delimiters for this kind of node.
    fn delimiters(&self) -> (&'static str, &'static str) {
        ("[", "]")
    }
}

pub(super) struct AgentNode<A>(pub(super) A);

#[async_trait]
impl<A: Agent> ErasedNode for AgentNode<A> {
    async fn run(&self, input: Message, cx: &Context) -> Result<Message> {
        cx.emit(EventKind::NodeStarted { items: None });
        let output = self.0.run(downcast(input)?, cx).await?;
        cx.emit(EventKind::NodeFinished);
        Ok(Box::new(output))
    }
}

pub(super) struct MapNode<A> {
    agent: Arc<A>,
    width: usize,
}

impl<A: Agent> MapNode<A> {
    pub(super) fn new(agent: A, width: usize) -> Self {
        Self {
            agent: Arc::new(agent),
            width,
        }
    }
}

#[async_trait]
impl<A: Agent> ErasedNode for MapNode<A> {
    async fn run(&self, input: Message, cx: &Context) -> Result<Message> {
        let items: Vec<A::Input> = downcast(input)?;
        let total = items.len();
        cx.emit(EventKind::NodeStarted { items: Some(total) });
        let cancel = cx.cancel_token().child_token();
        // Whichever way this ends, what is still running is told to stop.
        let _guard = cancel.clone().drop_guard();
        let mut results: Vec<Option<A::Output>> = (0..total).map(|_| None).collect();
        let mut running = JoinSet::new();
        let mut items = items.into_iter().enumerate();
        loop {
            while running.len() < self.width
                && let Some((index, item)) = items.next()
            {
                let agent = Arc::clone(&self.agent);
                let cx = cx.below(cx.path().item(index), cancel.clone());
                running.spawn(async move {
                    let result = run_item(&*agent, item, &cx).await;
                    (index, result)
                });
            }
            let Some(finished) = running.join_next().await else {
                break;
            };
            let (index, result) = joined(finished)?;
            match (result, results.get_mut(index)) {
                (Ok(output), Some(slot)) => *slot = Some(output),
                (Ok(_), None) => {}
                (Err(error), _) => {
                    cancel.cancel();
                    running.shutdown().await;
                    return Err(error);
                }
            }
        }
        cx.emit(EventKind::NodeFinished);
        let results: Vec<A::Output> = results.into_iter().flatten().collect();
        Ok(Box::new(results))
    }

    fn delimiters(&self) -> (&'static str, &'static str) {
        ("[[", "]]")
    }
}

pub(super) struct FoldNode<S, T, A> {
    agent: A,
    types: PhantomData<fn(S, T)>,
}

impl<S, T, A> FoldNode<S, T, A> {
    pub(super) fn new(agent: A) -> Self {
        Self {
            agent,
            types: PhantomData,
        }
    }
}

#[async_trait]
impl<S, T, A> ErasedNode for FoldNode<S, T, A>
where
    S: Payload,
    T: Payload,
    A: Agent<Input = Step<S, T>, Output = S>,
{
    async fn run(&self, input: Message, cx: &Context) -> Result<Message> {
        let Fold { mut state, items } = downcast::<Fold<S, T>>(input)?;
        let total = items.len();
        cx.emit(EventKind::NodeStarted { items: Some(total) });
        for (index, item) in items.into_iter().enumerate() {
            let step = Step {
                state,
                item,
                index,
                total,
            };
            let cx = cx.below(cx.path().item(index), cx.cancel_token().clone());
            state = run_item(&self.agent, step, &cx).await?;
        }
        cx.emit(EventKind::NodeFinished);
        Ok(Box::new(state))
    }

    fn delimiters(&self) -> (&'static str, &'static str) {
        ("[/", "/]")
    }
}

/// Runs an agent as an item of a node.
async fn run_item<A: Agent>(agent: &A, input: A::Input, cx: &Context) -> Result<A::Output> {
    cx.emit(EventKind::NodeStarted { items: None });
    let output = caught(agent.run(input, cx), cx).await?;
    cx.emit(EventKind::NodeFinished);
    Ok(output)
}
