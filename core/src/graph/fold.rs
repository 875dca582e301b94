//! A fold: a state carried along a list, the chain of agents.

use std::marker::PhantomData;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    node::{ErasedNode, Message, Sent, downcast},
    shape::{Inside, NodeKind},
};
use crate::{Agent, Context, EventKind, Payload, Result};

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
    async fn run(&self, input: Message, cx: &Context) -> Result<Sent> {
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
            state = cx.run_item(&self.agent, step).await?;
        }
        Ok(Sent::On(Box::new(state)))
    }

    fn kind(&self) -> NodeKind {
        NodeKind::Fold
    }

    fn inside(&self) -> Inside {
        self.agent.inside()
    }
}
