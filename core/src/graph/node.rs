//! Nodes: typed handles outside, type-erased agents inside.

use std::{any::Any, fmt, marker::PhantomData};

use async_trait::async_trait;

use super::{
    builder::Place,
    shape::{Inside, NodeKind},
};
use crate::{Agent, Context, Error, EventKind, Result};

/// A node of a graph that is being built: what goes in is an `I`, what comes out an `O`.
pub struct Node<I, O> {
    pub(super) place: Place,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Node<I, O> {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
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
        write!(f, "Node({})", self.place.index)
    }
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

/// What a node made of a message.
pub(super) enum Sent {
    /// For the one node that follows.
    On(Message),
    /// For the node with this index.
    To(usize, Message),
}

/// A node without its types.
#[async_trait]
pub(super) trait ErasedNode: Send + Sync {
    async fn run(&self, input: Message, cx: &Context) -> Result<Sent>;

    fn kind(&self) -> NodeKind;

    fn inside(&self) -> Inside;
}

pub(super) struct AgentNode<A>(pub(super) A);

#[async_trait]
impl<A: Agent> ErasedNode for AgentNode<A> {
    async fn run(&self, input: Message, cx: &Context) -> Result<Sent> {
        cx.emit(EventKind::NodeStarted { items: None });
        let output = self.0.run(downcast(input)?, cx).await?;
        Ok(Sent::On(Box::new(output)))
    }

    fn kind(&self) -> NodeKind {
        NodeKind::Agent
    }

    fn inside(&self) -> Inside {
        self.0.inside()
    }
}
