//! A branch: by value, with an arm for every value.

use std::{any::Any, fmt, marker::PhantomData};

use async_trait::async_trait;

use super::{
    Node,
    builder::Place,
    node::{ErasedNode, Message, Sent, downcast},
    shape::{Inside, NodeKind},
};
use crate::{Context, EventKind, Payload, Result};

/// Adds a node to a graph that sends a value along one of several arms, by `match`.
///
/// Each arm names a node and what it is sent. The compiler checks that every value has an arm and
/// that what is sent is what the node receives; patterns can have guards. Gives the branch's own
/// node, for an edge into it.
///
/// # Example
///
/// ```
/// use catena_core::{Graph, agent, branch};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// enum Verdict { Good(String), Bad { draft: String, why: String } }
///
/// let mut graph = Graph::builder("review");
/// let publish = graph.node("publish", agent(|draft: String, _cx| async move { Ok(draft) }));
/// let revise = graph.node("revise", agent(|(draft, why): (String, String), _cx| async move {
///     Ok(Verdict::Good(format!("{draft} ({why})")))
/// }));
/// let verdict = branch!(graph, "verdict", |verdict: Verdict| match verdict {
///     Verdict::Good(draft) if draft.is_empty() => revise((draft, "empty".to_owned())),
///     Verdict::Good(draft) => publish(draft),
///     Verdict::Bad { draft, why } => revise((draft, why)),
/// });
/// graph.edge(revise, verdict).step_limit(3);
/// # graph.build(verdict, publish)?;
/// # Ok::<(), catena_core::Error>(())
/// ```
#[macro_export]
macro_rules! branch {
    ($graph:expr, $name:expr, |$value:ident: $type:ty| match $scrutinee:ident {
        $($pattern:pat $(if $guard:expr)? => $node:ident($message:expr)),+ $(,)?
    }) => {
        $graph.branch(
            $name,
            [$($node.arm(concat!(stringify!($pattern) $(, " if ", stringify!($guard))?))),+],
            move |$value: $type| match $scrutinee {
                $($pattern $(if $guard)? => $node.route($message)),+
            },
        )
    };
}

/// What a branch "returns": nothing that an edge could lead on, since its arms do that.
#[derive(Debug)]
pub enum Routed {}

/// An arm of a branch, before it is wired. Made by [`branch!`](crate::branch).
#[derive(Debug)]
pub struct Arm {
    pub(super) to: Place,
    pub(super) pattern: String,
}

/// The way that a message takes from a branch. Made by [`branch!`](crate::branch).
pub struct Route {
    to: Place,
    message: Message,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({})", self.to.index)
    }
}

/// For the expansion of [`branch!`](crate::branch).
#[doc(hidden)]
impl<I: Any + Send, O> Node<I, O> {
    pub fn arm(self, pattern: &str) -> Arm {
        Arm {
            to: self.place,
            pattern: pattern.to_owned(),
        }
    }

    pub fn route(self, message: I) -> Route {
        Route {
            to: self.place,
            message: Box::new(message),
        }
    }
}

pub(super) struct BranchNode<T, F> {
    route: F,
    types: PhantomData<fn(T)>,
}

impl<T, F> BranchNode<T, F> {
    pub(super) fn new(route: F) -> Self {
        Self {
            route,
            types: PhantomData,
        }
    }
}

#[async_trait]
impl<T, F> ErasedNode for BranchNode<T, F>
where
    T: Payload,
    F: Fn(T) -> Route + Send + Sync + 'static,
{
    async fn run(&self, input: Message, cx: &Context) -> Result<Sent> {
        cx.emit(EventKind::NodeStarted { items: None });
        let Route { to, message } = (self.route)(downcast(input)?);
        Ok(Sent::To(to.index, message))
    }

    fn kind(&self) -> NodeKind {
        NodeKind::Branch
    }

    fn inside(&self) -> Inside {
        Inside::default()
    }
}
