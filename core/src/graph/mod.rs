//! Agents joined by typed edges.

mod engine;
mod node;
mod shape;

pub(crate) use engine::panic_message;
pub use node::{Fold, Node, Step};

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;

use self::node::{AgentNode, ErasedNode, FoldNode, MapNode};
use crate::{Agent, Context, Payload, Result};

/// Agents joined by typed edges; itself an [`Agent`].
///
/// A message enters at one node, goes along the edges and leaves at another. Every node runs in a
/// task of its own and every edge is a bounded channel. When a node fails or panics, the others
/// are cancelled and the error carries the node's path.
///
/// An edge between nodes whose types do not fit does not compile:
///
/// ```compile_fail
/// use catena_core::{Graph, agent};
///
/// let mut graph = Graph::builder("wrong");
/// let length = graph.node("length", agent(|text: String, _cx| async move { Ok(text.len()) }));
/// let shout = graph.node("shout", agent(|text: String, _cx| async move { Ok(text + "!") }));
/// graph.edge(length, shout); // a number does not go into a text
/// ```
///
/// # Example: one after the other
///
/// ```
/// use catena_core::{Graph, Run, RunOptions, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let mut graph = Graph::builder("shout");
/// let trim = graph.node("trim", agent(|text: String, _cx| async move { Ok(text.trim().to_owned()) }));
/// let shout = graph.node("shout", agent(|text: String, _cx| async move { Ok(text + "!") }));
/// graph.edge(trim, shout);
/// let graph = graph.build(trim, shout)?;
///
/// let run = Run::start(graph, "  hello ".to_owned(), RunOptions::new("shout"));
/// assert_eq!(run.outcome().await?.output, "hello!");
/// # Ok(())
/// # }
/// ```
///
/// # Example: a list in parallel, then a chain
///
/// ```
/// use catena_core::{Fold, Graph, Run, RunOptions, Step, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let mut graph = Graph::builder("sum of squares");
/// let square = graph.map("square", 4, agent(|x: u32, _cx| async move { Ok(x * x) }));
/// let begin = graph.node("begin", agent(|items: Vec<u32>, _cx| async move {
///     Ok(Fold { state: 0, items })
/// }));
/// let add = graph.fold("add", agent(|step: Step<u32, u32>, _cx| async move {
///     Ok(step.state + step.item)
/// }));
/// graph.edge(square, begin);
/// graph.edge(begin, add);
/// let graph = graph.build(square, add)?;
///
/// let run = Run::start(graph, vec![1, 2, 3], RunOptions::new("sum"));
/// assert_eq!(run.outcome().await?.output, 14);
/// # Ok(())
/// # }
/// ```
pub struct Graph<I, O> {
    plan: Arc<Plan>,
    types: PhantomData<fn(I) -> O>,
}

/// A well-formed graph: every node has one successor, but for the exit, which has none.
pub(crate) struct Plan {
    name: String,
    nodes: Vec<Placed>,
    entry: usize,
    exit: usize,
}

struct Placed {
    name: String,
    agent: Arc<dyn ErasedNode>,
    next: Option<usize>,
}

impl Graph<(), ()> {
    /// Begins a graph. `name` is for errors and pictures.
    pub fn builder(name: impl Into<String>) -> GraphBuilder {
        static BUILDERS: AtomicU64 = AtomicU64::new(0);
        GraphBuilder {
            id: BUILDERS.fetch_add(1, Ordering::Relaxed),
            name: name.into(),
            nodes: Vec::new(),
            edges: Vec::new(),
        }
    }
}

impl<I, O> Graph<I, O> {
    /// The graph's name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// The graph as a [Mermaid](https://mermaid.js.org) flowchart.
    pub fn mermaid(&self) -> String {
        self.plan.mermaid()
    }
}

#[async_trait]
impl<I: Payload, O: Payload> Agent for Graph<I, O> {
    type Input = I;
    type Output = O;

    async fn run(&self, input: I, cx: &Context) -> Result<O> {
        let output = engine::run(&self.plan, Box::new(input), cx).await?;
        node::downcast(output)
    }
}

impl<I, O> Clone for Graph<I, O> {
    fn clone(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            types: PhantomData,
        }
    }
}

impl<I, O> fmt::Debug for Graph<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("name", &self.plan.name)
            .field(
                "nodes",
                &self
                    .plan
                    .nodes
                    .iter()
                    .map(|node| &node.name)
                    .collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

/// Joins agents into a [`Graph`].
///
/// Mistakes in wiring that types cannot catch are all reported by [`build`](Self::build).
pub struct GraphBuilder {
    id: u64,
    name: String,
    nodes: Vec<(String, Arc<dyn ErasedNode>)>,
    edges: Vec<Edge>,
}

/// An edge as it was asked for; either end may belong to another builder.
#[derive(Clone, Copy)]
struct Edge {
    from: (u64, usize),
    to: (u64, usize),
}

impl GraphBuilder {
    /// Adds a node.
    pub fn node<A: Agent>(
        &mut self,
        name: impl Into<String>,
        agent: A,
    ) -> Node<A::Input, A::Output> {
        self.place(name.into(), Arc::new(AgentNode(agent)))
    }

    /// Adds a node that runs `agent` on each item of a list, at most `width` at a time (at least
    /// one), and gives the results in the order of the items. The first failure cancels the rest.
    pub fn map<A: Agent>(
        &mut self,
        name: impl Into<String>,
        width: usize,
        agent: A,
    ) -> Node<Vec<A::Input>, Vec<A::Output>> {
        let node = MapNode::new(agent, width.max(1));
        self.place(name.into(), Arc::new(node))
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

    /// Leads what `from` returns to `to`.
    pub fn edge<A, B, C>(&mut self, from: Node<A, B>, to: Node<B, C>) -> &mut Self {
        self.edges.push(Edge {
            from: (from.builder, from.index),
            to: (to.builder, to.index),
        });
        self
    }

    /// Ends the graph: messages enter at `entry` and leave at `exit`.
    ///
    /// # Errors
    ///
    /// [`is_graph`](crate::Error::is_graph), naming the nodes, when two nodes have the same name,
    /// a node has more than one edge out of it, cannot be reached from the entry or leads nowhere,
    /// edges form a cycle, or a node belongs to another builder.
    pub fn build<I, A, B, O>(self, entry: Node<I, A>, exit: Node<B, O>) -> Result<Graph<I, O>> {
        let plan = shape::plan(
            self,
            (entry.builder, entry.index),
            (exit.builder, exit.index),
        )?;
        Ok(Graph {
            plan: Arc::new(plan),
            types: PhantomData,
        })
    }

    fn place<I, O>(&mut self, name: String, node: Arc<dyn ErasedNode>) -> Node<I, O> {
        self.nodes.push((name, node));
        Node::new(self.id, self.nodes.len() - 1)
    }
}

impl fmt::Debug for GraphBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphBuilder")
            .field("name", &self.name)
            .field(
                "nodes",
                &self.nodes.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}
