//! Joins agents into a graph.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Arm, Fold, Graph, Node, Route, Routed, Step,
    branch::BranchNode,
    check,
    fold::FoldNode,
    map::MapNode,
    node::{AgentNode, ErasedNode},
};
use crate::{Agent, Payload, Result};

/// Joins agents into a [`Graph`].
///
/// Mistakes in wiring that types cannot catch are all reported by [`build`](Self::build).
pub struct GraphBuilder {
    id: u64,
    pub(super) name: String,
    pub(super) nodes: Vec<(String, Arc<dyn ErasedNode>)>,
    pub(super) edges: Vec<Edge>,
    pub(super) step_limit: Option<usize>,
}

/// An edge as it was asked for; either end may belong to another builder.
pub(super) struct Edge {
    pub(super) from: Place,
    pub(super) to: Place,
    /// The pattern of a branch's arm.
    pub(super) arm: Option<String>,
}

/// A node of a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) builder: u64,
    pub(super) index: usize,
}

impl GraphBuilder {
    pub(super) fn new(name: String) -> Self {
        static BUILDERS: AtomicU64 = AtomicU64::new(0);
        Self {
            id: BUILDERS.fetch_add(1, Ordering::Relaxed),
            name,
            nodes: Vec::new(),
            edges: Vec::new(),
            step_limit: None,
        }
    }

    /// Adds a node. Nodes can have several edges into them, of which a message comes along one.
    pub fn node<A: Agent>(
        &mut self,
        name: impl Into<String>,
        agent: A,
    ) -> Node<A::Input, A::Output> {
        self.place(name.into(), Arc::new(AgentNode(agent)))
    }

    /// Adds a node that runs `agent` on each item of a list, at most `width` at a time (at least
    /// one), and gives the results in the order of the items. The first failure cancels the rest;
    /// with [`on_failure`](crate::on_failure) each item has a policy of its own. When the budget is
    /// spent no item is begun any more, but the calls under way are finished and kept: they are
    /// paid for, and a run that goes on finds them.
    pub fn map<A: Agent>(
        &mut self,
        name: impl Into<String>,
        width: usize,
        agent: A,
    ) -> Node<Vec<A::Input>, Vec<A::Output>> {
        self.place(name.into(), Arc::new(MapNode::new(agent, width)))
    }

    /// Adds a node that carries a state along a list: `agent` turns the state and an item into
    /// the next state. Gives the last state; without items, the first.
    pub fn fold<S, T, A>(&mut self, name: impl Into<String>, agent: A) -> Node<Fold<S, T>, S>
    where
        S: Payload,
        T: Payload,
        A: Agent<Input = Step<S, T>, Output = S>,
    {
        self.place(name.into(), Arc::new(FoldNode::new(agent)))
    }

    /// What [`branch!`](crate::branch) expands to: write that instead, it checks that every value
    /// has an arm and that `route` takes no other.
    #[doc(hidden)]
    pub fn branch<T, F>(
        &mut self,
        name: impl Into<String>,
        arms: impl IntoIterator<Item = Arm>,
        route: F,
    ) -> Node<T, Routed>
    where
        T: Payload,
        F: Fn(T) -> Route + Send + Sync + 'static,
    {
        let node = self.place(name.into(), Arc::new(BranchNode::new(route)));
        self.edges.extend(arms.into_iter().map(|arm| Edge {
            from: node.place,
            to: arm.to,
            arm: Some(arm.pattern),
        }));
        node
    }

    /// Leads what `from` returns to `to`.
    pub fn edge<A, B, C>(&mut self, from: Node<A, B>, to: Node<B, C>) -> &mut Self {
        self.edges.push(Edge {
            from: from.place,
            to: to.place,
            arm: None,
        });
        self
    }

    /// How often each node may run in one run of the graph: exactly so often, and the attempt at
    /// one more fails with [`is_step_limit`](crate::Error::is_step_limit). A graph whose edges form
    /// a cycle must have one.
    pub fn step_limit(&mut self, limit: usize) -> &mut Self {
        self.step_limit = Some(limit);
        self
    }

    /// Ends the graph: messages enter at `entry` and leave at `exit`.
    ///
    /// # Errors
    ///
    /// [`is_graph`](crate::Error::is_graph), naming the nodes and listing all mistakes, when
    ///
    /// - two nodes have the same name, or a name is empty or holds one of `/ [ ] # ~ :`;
    /// - a node that is no branch has two edges out of it, or the exit has one;
    /// - a node cannot be reached from the entry, or the exit cannot be reached from it;
    /// - the edges form a cycle and there is no step limit, or it is 0;
    /// - a node belongs to another builder.
    pub fn build<I, A, B, O>(self, entry: Node<I, A>, exit: Node<B, O>) -> Result<Graph<I, O>>
    where
        I: Payload,
        O: Payload,
    {
        check::plan(self, entry.place, exit.place).map(Graph::new)
    }

    pub(super) fn owns(&self, place: Place) -> bool {
        place.builder == self.id
    }

    fn place<I, O>(&mut self, name: String, node: Arc<dyn ErasedNode>) -> Node<I, O> {
        self.nodes.push((name, node));
        Node::new(Place {
            builder: self.id,
            index: self.nodes.len() - 1,
        })
    }
}

impl fmt::Debug for GraphBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.nodes.iter().map(|(name, _)| name);
        f.debug_struct("GraphBuilder")
            .field("name", &self.name)
            .field("nodes", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
