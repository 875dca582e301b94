//! Agents joined by typed edges.

mod branch;
mod builder;
mod check;
mod engine;
mod fold;
mod map;
mod node;
mod picture;
mod policy;
mod shape;

pub use branch::{Arm, Route, Routed};
pub use builder::GraphBuilder;
pub(crate) use engine::caught;
pub use fold::{Fold, Step};
pub use node::Node;
pub use policy::{Gap, OnFailure, Retry, on_failure};
pub use shape::{EdgeShape, Inside, NodeKind, NodeShape, Shape};

use std::{fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;

use self::node::{ErasedNode, downcast};
use crate::{Agent, Context, Payload, Result};

/// Agents joined by typed edges; itself an [`Agent`], so graphs nest.
///
/// A message enters at one node, goes along the edges and leaves at another. Every node runs in a
/// task of its own and every edge is a bounded channel. When a node fails or panics, the others
/// are cancelled and the error carries the node's path. There are five ways to join, each shown
/// below: an edge, a branch, a map, a fold, and a cycle made of edges.
///
/// Wrong wiring does not compile; what types cannot tell, [`build`](GraphBuilder::build) refuses,
/// naming the nodes:
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
/// # Example: an edge, one after the other
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
/// # Example: a branch, by value
///
/// ```
/// use catena_core::{Graph, Run, RunOptions, agent, branch};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// enum Size { Short(String), Long(String) }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let mut graph = Graph::builder("measure");
/// let measure = graph.node("measure", agent(|text: String, _cx| async move {
///     Ok(if text.len() < 10 { Size::Short(text) } else { Size::Long(text) })
/// }));
/// let keep = graph.node("keep", agent(|text: String, _cx| async move { Ok(text) }));
/// let cut = graph.node("cut", agent(|mut text: String, _cx| async move {
///     text.truncate(10);
///     Ok(text)
/// }));
/// let size = branch!(graph, "size", |size: Size| match size {
///     Size::Short(text) => keep(text),
///     Size::Long(text) => cut(text),
/// });
/// let end = graph.node("end", agent(|text: String, _cx| async move { Ok(text + ".") }));
/// graph.edge(measure, size).edge(keep, end).edge(cut, end);
/// let graph = graph.build(measure, end)?;
///
/// let run = Run::start(graph, "a very long text".to_owned(), RunOptions::new("measure"));
/// assert_eq!(run.outcome().await?.output, "a very lon.");
/// # Ok(())
/// # }
/// ```
///
/// # Example: a map, over a list in parallel
///
/// ```
/// use catena_core::{Graph, Run, RunOptions, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let mut graph = Graph::builder("squares");
/// let square = graph.map("square", 4, agent(|x: u32, _cx| async move { Ok(x * x) }));
/// let graph = graph.build(square, square)?;
///
/// let run = Run::start(graph, vec![1, 2, 3], RunOptions::new("squares"));
/// assert_eq!(run.outcome().await?.output, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
///
/// # Example: a fold, a state carried along a list
///
/// ```
/// use catena_core::{Fold, Graph, Run, RunOptions, Step, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let mut graph = Graph::builder("sum");
/// let add = graph.fold("add", agent(|step: Step<u32, u32>, _cx| async move {
///     Ok(step.state + step.item)
/// }));
/// let graph = graph.build(add, add)?;
///
/// let input = Fold { state: 0, items: vec![1, 2, 3] };
/// let run = Run::start(graph, input, RunOptions::new("sum"));
/// assert_eq!(run.outcome().await?.output, 6);
/// # Ok(())
/// # }
/// ```
///
/// # Example: a cycle, with the step limit that it must have
///
/// ```
/// use catena_core::{Graph, Run, RunOptions, agent, branch};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let mut graph = Graph::builder("halve");
/// let halve = graph.node("halve", agent(|x: u32, _cx| async move { Ok(x / 2) }));
/// let done = graph.node("done", agent(|x: u32, _cx| async move { Ok(x) }));
/// let small = branch!(graph, "small", |x: u32| match x {
///     0..10 => done(x),
///     _ => halve(x),
/// });
/// graph.edge(halve, small).step_limit(8);
/// let graph = graph.build(halve, done)?;
///
/// let run = Run::start(graph.clone(), 100, RunOptions::new("halve"));
/// assert_eq!(run.outcome().await?.output, 6);
/// // Eight halvings are not enough for this one.
/// let run = Run::start(graph, 1_000_000, RunOptions::new("halve"));
/// assert!(run.outcome().await.unwrap_err().is_step_limit());
/// # Ok(())
/// # }
/// ```
pub struct Graph<I, O> {
    plan: Arc<Plan>,
    types: PhantomData<fn(I) -> O>,
}

/// A well-formed graph: from every node a message comes to the exit, and from nowhere else.
struct Plan {
    shape: Shape,
    nodes: Vec<Placed>,
}

struct Placed {
    node: Arc<dyn ErasedNode>,
    next: Next,
}

/// Where a node's messages may go.
enum Next {
    Exit,
    Node(usize),
    /// The nodes of a branch's arms.
    Arms(Vec<usize>),
}

impl Graph<(), ()> {
    /// Begins a graph. `name` is for errors and pictures.
    pub fn builder(name: impl Into<String>) -> GraphBuilder {
        GraphBuilder::new(name.into())
    }
}

impl<I, O> Graph<I, O> {
    fn new(plan: Plan) -> Self {
        Self {
            plan: Arc::new(plan),
            types: PhantomData,
        }
    }

    /// The graph's name.
    pub fn name(&self) -> &str {
        &self.plan.shape.name
    }

    /// How it is wired: for pictures, see [`Shape::mermaid`] and [`Shape::dot`].
    pub fn shape(&self) -> &Shape {
        &self.plan.shape
    }
}

#[async_trait]
impl<I: Payload, O: Payload> Agent for Graph<I, O> {
    type Input = I;
    type Output = O;

    async fn run(&self, input: I, cx: &Context) -> Result<O> {
        let output = engine::run(&self.plan, Box::new(input), cx).await?;
        downcast(output)
    }

    fn inside(&self) -> Inside {
        Inside {
            graph: Some(self.plan.shape.clone()),
            ..Inside::default()
        }
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
        let names = self.plan.shape.nodes.iter().map(|node| &node.name);
        f.debug_struct("Graph")
            .field("name", &self.plan.shape.name)
            .field("nodes", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
