//! Builds what a specification says.

use std::{any::Any, sync::Arc, time::Duration};

use catena::{Agent, Arm, Fold, Graph, GraphBuilder, Node, Retry, Route, Routed, Step, on_failure};

use crate::{
    leaf::LeafAgent,
    outside::Outside,
    spec::{Act, GraphSpec, Job, Kind, NodeSpec, Work, branch, filling},
    value::{Plain, Type},
};

/// Finds the output's type of a node of which the input's type is known.
macro_rules! with_output {
    ($placed:expr, $input:ty, |$node:ident| $body:expr) => {
        with_output!($placed, $input, |$node| $body, u64, Vec<u64>, Fold<u64, u64>, Routed)
    };
    ($placed:expr, $input:ty, |$node:ident| $body:expr, $($output:ty),+) => {
        $(if let Some($node) = $placed.node.downcast_ref::<Node<$input, $output>>() { $body } else)+
        { unreachable!("a node of other types") }
    };
}

/// The other way round.
macro_rules! with_input {
    ($placed:expr, $output:ty, |$node:ident| $body:expr) => {
        with_input!($placed, $output, |$node| $body, u64, Vec<u64>, Fold<u64, u64>, Step<u64, u64>)
    };
    ($placed:expr, $output:ty, |$node:ident| $body:expr, $($input:ty),+) => {
        $(if let Some($node) = $placed.node.downcast_ref::<Node<$input, $output>>() { $body } else)+
        { unreachable!("a node of other types") }
    };
}

/// An agent without its class.
pub(crate) type Boxed<I, O> = Arc<dyn Agent<Input = I, Output = O>>;

pub(crate) fn job<I: Plain, O: Plain>(job: &Job, outside: &Arc<Outside>) -> Boxed<I, O> {
    let agent: Boxed<I, O> = match &job.work {
        Work::Leaf(leaf) => {
            let inner = leaf.acts.iter().filter_map(|act| match act {
                Act::Inner(spec) => Some(graph(spec, outside)),
                _ => None,
            });
            Arc::new(LeafAgent::new(
                leaf.clone(),
                inner.collect(),
                outside.clone(),
            ))
        }
        Work::Graph(spec) => Arc::new(graph::<I, O>(spec, outside)),
        Work::Job(inner) => self::job(inner, outside),
    };
    let Some(policy) = &job.policy else {
        return agent;
    };
    let mut careful = on_failure(agent);
    if let Some(times) = policy.retries {
        careful = careful.retry(Retry::times(times).backoff(Duration::from_millis(3)));
    }
    if let Some(fallback) = &policy.fallback {
        careful = careful.fallback(self::job::<I, O>(fallback, outside));
    }
    if policy.skip {
        careful = careful.skip(|gap| O::make(filling(gap.path.as_str())));
    }
    Arc::new(careful)
}

fn graph<I: Plain, O: Plain>(spec: &GraphSpec, outside: &Arc<Outside>) -> Graph<I, O> {
    let mut builder = Graph::builder(&spec.name);
    let mut placed: Vec<Option<Placed>> = spec
        .nodes
        .iter()
        .map(|node| place(&mut builder, node, outside))
        .collect();
    // A branch is made when the nodes of its arms are there.
    for (index, node) in spec.nodes.iter().enumerate().rev() {
        if let Kind::Branch { salt, arms } = &node.kind {
            let arms: Vec<&Placed> = arms.iter().map(|to| at(&placed, *to)).collect();
            let made = match node.from {
                Type::One => fork::<u64>(&mut builder, &node.name, *salt, &arms),
                Type::Many => fork::<Vec<u64>>(&mut builder, &node.name, *salt, &arms),
                Type::Pair => fork::<Fold<u64, u64>>(&mut builder, &node.name, *salt, &arms),
                Type::Step => fork::<Step<u64, u64>>(&mut builder, &node.name, *salt, &arms),
            };
            placed[index] = Some(made);
        }
    }
    for (index, node) in spec.nodes.iter().enumerate() {
        if let Some(next) = node.next() {
            let (from, to) = (at(&placed, index), at(&placed, next));
            match spec.nodes[next].from {
                Type::One => edge::<u64>(&mut builder, from, to),
                Type::Many => edge::<Vec<u64>>(&mut builder, from, to),
                Type::Pair => edge::<Fold<u64, u64>>(&mut builder, from, to),
                Type::Step => unreachable!("no node gives a step"),
            }
        }
    }
    if let Some(limit) = spec.step_limit {
        builder.step_limit(limit);
    }
    let (entry, exit) = (at(&placed, 0), at(&placed, spec.nodes.len() - 1));
    let built = with_output!(entry, I, |entry| with_input!(exit, O, |exit| {
        builder.build(*entry, *exit)
    }));
    built.expect("it is well-formed")
}

/// A node of a builder, without its types.
struct Placed {
    node: Box<dyn Any>,
    arm: Box<dyn Fn(&str) -> Arm>,
    /// Sends it what a seed determines.
    route: Arc<dyn Fn(u64) -> Route + Send + Sync>,
}

impl Placed {
    fn new<I: Plain, O: 'static>(node: Node<I, O>) -> Self {
        Self {
            node: Box::new(node),
            arm: Box::new(move |pattern| node.arm(pattern)),
            route: Arc::new(move |seed| node.route(I::make(seed))),
        }
    }
}

fn at(placed: &[Option<Placed>], index: usize) -> &Placed {
    placed[index].as_ref().expect("it is placed before")
}

/// Adds a node that is no branch.
fn place(builder: &mut GraphBuilder, node: &NodeSpec, outside: &Arc<Outside>) -> Option<Placed> {
    let name = &node.name;
    match &node.kind {
        Kind::Agent { job, .. } => Some(match job.from {
            Type::One => agent::<u64>(builder, name, job, outside),
            Type::Many => agent::<Vec<u64>>(builder, name, job, outside),
            Type::Pair => agent::<Fold<u64, u64>>(builder, name, job, outside),
            Type::Step => agent::<Step<u64, u64>>(builder, name, job, outside),
        }),
        Kind::Map { width, job, .. } => {
            let agent = self::job::<u64, u64>(job, outside);
            Some(Placed::new(builder.map(name, *width, agent)))
        }
        Kind::Fold { job, .. } => {
            let agent = self::job::<Step<u64, u64>, u64>(job, outside);
            Some(Placed::new(builder.fold(name, agent)))
        }
        Kind::Branch { .. } => None,
    }
}

fn agent<I: Plain>(
    builder: &mut GraphBuilder,
    name: &str,
    job: &Job,
    outside: &Arc<Outside>,
) -> Placed {
    match job.to {
        Type::One => Placed::new(builder.node(name, self::job::<I, u64>(job, outside))),
        Type::Many => Placed::new(builder.node(name, self::job::<I, Vec<u64>>(job, outside))),
        Type::Pair => Placed::new(builder.node(name, self::job::<I, Fold<u64, u64>>(job, outside))),
        Type::Step => unreachable!("no agent gives a step"),
    }
}

/// Adds a branch: what `branch!` expands to, which cannot be written for arms of any number.
fn fork<I: Plain>(builder: &mut GraphBuilder, name: &str, salt: u64, arms: &[&Placed]) -> Placed {
    let routes: Vec<_> = arms.iter().map(|arm| arm.route.clone()).collect();
    let arms = arms
        .iter()
        .enumerate()
        .map(|(index, placed)| (placed.arm)(&index.to_string()));
    let node: Node<I, Routed> = builder.branch(name, arms.collect::<Vec<_>>(), move |value: I| {
        let (arm, sent) = branch(salt, value.value().digest(), routes.len());
        routes[arm](sent)
    });
    Placed::new(node)
}

fn edge<T: Plain>(builder: &mut GraphBuilder, from: &Placed, to: &Placed) {
    with_input!(from, T, |from| with_output!(to, T, |to| {
        builder.edge(*from, *to);
    }));
}
