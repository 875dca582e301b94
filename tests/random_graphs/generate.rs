//! Makes a case of a seed.

use std::sync::Arc;

use catena::Budget;

use crate::{
    reference,
    rng::{Rng, mix},
    spec::{
        Act, Call, CallSpec, Case, Fault, GraphSpec, Job, Kind, Leaf, NodeSpec, Pace, Policy,
        Store, Work,
    },
    value::Type,
    worlds::Needed,
};

/// The case of a seed: the same each time. Seeds of every hundred: three on disk, seventeen on
/// several threads, the others on the paused clock.
pub(crate) fn case(seed: u64) -> Case {
    let mut rng = Rng::new(seed);
    let (pace, store) = match seed % 100 {
        0..3 => (Pace::Threads, Store::Sqlite),
        3..20 => (Pace::Threads, Store::Memory { slow: false }),
        _ => {
            let slow = rng.chance(50);
            (Pace::Paused, Store::Memory { slow })
        }
    };
    let (input, latency) = (rng.next(), rng.pick(&[0, 0, 3, 20, 300]));
    // What is too much for the reference is thrown away.
    let (job, needed) = (0..)
        .find_map(|again| {
            let job = Maker::new(mix(seed, again)).root();
            let worlds = reference::worlds(&job, input, &|key, call| call.fails(key))?;
            let needed = Needed::of(&worlds);
            Some((job, needed))
        })
        .expect("some case is small enough");
    Case {
        seed,
        job,
        input,
        pace,
        store,
        latency,
        budget: budget(&mut rng, &needed),
    }
}

/// Often none, often one that is just enough or not quite.
fn budget(rng: &mut Rng, needed: &Needed) -> Budget {
    let mut budget = Budget::new();
    if rng.chance(50) {
        return budget;
    }
    let mut share = |of: u64| of * rng.between(30, 120) as u64 / 100;
    let at_most = needed.at_most;
    let (calls, tokens) = (share(at_most.calls), share(at_most.tokens()));
    let (input, output) = (share(at_most.input_tokens), share(at_most.output_tokens));
    let cost = share(at_most.cost.0);
    match rng.below(6) {
        0 => budget = budget.calls(calls),
        1 => budget = budget.tokens(tokens),
        2 => budget = budget.input_tokens(input),
        3 => budget = budget.output_tokens(output),
        4 => budget = budget.cost(catena::Cost(cost)),
        _ => budget = budget.calls(calls).tokens(tokens),
    }
    budget
}

/// Makes jobs.
struct Maker {
    rng: Rng,
    /// How often calls and agents fail, in a hundred.
    failing: usize,
    /// How often a job has a policy, in a hundred.
    caring: usize,
    /// How many nodes may still be made.
    nodes: usize,
    names: usize,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(mix(seed, 2));
        let failing = rng.pick(&[0, 0, 3, 10, 25]);
        Self {
            failing,
            caring: rng.pick(&[0, 20, 50]),
            nodes: rng.between(2, 12),
            names: 0,
            rng,
        }
    }

    fn root(&mut self) -> Job {
        let graph = self.graph(Type::One, Type::Many, 0);
        let mut job = self.bare(Type::One, Type::Many, Work::Graph(graph));
        if self.rng.chance(10) {
            job.policy = Some(self.policy(Type::One, Type::Many, 1));
        }
        job
    }

    fn bare(&self, from: Type, to: Type, work: Work) -> Job {
        Job {
            from,
            to,
            work,
            policy: None,
        }
    }

    /// A job inside so many graphs.
    fn job(&mut self, from: Type, to: Type, depth: usize) -> Job {
        let work = if depth < 3 && self.nodes > 0 && self.rng.chance(25) {
            Work::Graph(self.graph(from, to, depth))
        } else {
            Work::Leaf(Arc::new(self.leaf(depth)))
        };
        let mut job = self.bare(from, to, work);
        if self.rng.chance(self.caring) {
            job.policy = Some(self.policy(from, to, depth));
        }
        if job.policy.is_some() && self.rng.chance(15) {
            let policy = Some(self.policy(from, to, depth));
            job = Job {
                policy,
                ..self.bare(from, to, Work::Job(Box::new(job)))
            };
        }
        job
    }

    fn policy(&mut self, from: Type, to: Type, depth: usize) -> Policy {
        let fallback = self.rng.chance(30).then(|| {
            let depth = depth.max(2);
            Box::new(self.job(from, to, depth))
        });
        Policy {
            retries: self.rng.chance(60).then(|| self.rng.between(0, 2) as u32),
            fallback,
            skip: self.rng.chance(50),
        }
    }

    /// A graph: a spine of nodes, edges and arms that jump ahead on it, arms that lead back.
    fn graph(&mut self, from: Type, to: Type, depth: usize) -> GraphSpec {
        let count = self.rng.between(1, 5).min(self.nodes.max(1));
        self.nodes = self.nodes.saturating_sub(count);
        let mut nodes: Vec<NodeSpec> = Vec::new();
        let mut from = from;
        for index in 0..count {
            let last = index + 1 == count;
            let (node, out) = self.node(from, to, last, depth);
            nodes.push(node);
            from = out;
        }
        self.wire(&mut nodes);
        self.names += 1;
        GraphSpec {
            name: format!("g{}", self.names),
            step_limit: (cyclic(&nodes) || self.rng.chance(10)).then(|| self.rng.between(1, 5)),
            nodes,
        }
    }

    /// A node without its ways on, and the type of what it sends.
    fn node(&mut self, from: Type, to: Type, last: bool, depth: usize) -> (NodeSpec, Type) {
        let any = [Type::One, Type::Many, Type::Pair];
        let out = if last { to } else { self.rng.pick(&any) };
        let (kind, out) = match (from, self.rng.below(10)) {
            (_, 0..3) if !last => {
                let salt = self.rng.next();
                (Kind::Branch { salt, arms: vec![] }, out)
            }
            (Type::Many, 3..9) if !last || to == Type::Many => {
                let job = self.job(Type::One, Type::One, depth + 1);
                let width = self.rng.between(1, 5);
                let next = None;
                (Kind::Map { width, job, next }, Type::Many)
            }
            (Type::Pair, 3..9) if !last || to == Type::One => {
                let job = self.job(Type::Step, Type::One, depth + 1);
                (Kind::Fold { job, next: None }, Type::One)
            }
            _ => {
                let job = self.job(from, out, depth + 1);
                (Kind::Agent { job, next: None }, out)
            }
        };
        self.names += 1;
        let name = format!("n{}", self.names);
        (NodeSpec { name, from, kind }, out)
    }

    /// Joins nodes whose types fit in their order, so that each is reached.
    fn wire(&mut self, nodes: &mut [NodeSpec]) {
        let types: Vec<Type> = nodes.iter().map(|node| node.from).collect();
        let forks: Vec<bool> = nodes
            .iter()
            .map(|node| matches!(node.kind, Kind::Branch { .. }))
            .collect();
        let mut branches: Vec<usize> = Vec::new();
        for index in 0..nodes.len() {
            let (ahead, rng) = (index + 1..nodes.len(), &mut self.rng);
            match &mut nodes[index].kind {
                Kind::Branch { arms, .. } => {
                    arms.push(index + 1);
                    for _ in 0..rng.between(1, 2) {
                        // No branch leads to one that is made after it.
                        let arm = rng.below(types.len());
                        arms.push(match arm {
                            back if back <= index && !forks[back] => back,
                            _ => rng.between(index + 1, types.len() - 1),
                        });
                    }
                    branches.push(index);
                }
                Kind::Agent { next, .. } | Kind::Map { next, .. } | Kind::Fold { next, .. } => {
                    if ahead.is_empty() {
                        continue;
                    }
                    // A branch that came before leads to the node that is jumped over.
                    let fitting: Vec<usize> = ahead
                        .skip(1)
                        .filter(|to| types[*to] == types[index + 1])
                        .collect();
                    if !branches.is_empty() && !fitting.is_empty() && rng.chance(60) {
                        *next = Some(rng.pick(&fitting));
                        let from = rng.pick(&branches);
                        if let Kind::Branch { arms, .. } = &mut nodes[from].kind {
                            arms.push(index + 1);
                        }
                    } else {
                        *next = Some(index + 1);
                    }
                }
            }
        }
    }

    fn leaf(&mut self, depth: usize) -> Leaf {
        let mut acts = Vec::new();
        for _ in 0..self.rng.pick(&[0, 1, 1, 2, 2, 3]) {
            acts.push(match self.rng.below(20) {
                0 => Act::Wait,
                1 => Act::Sleep,
                2..6 => Act::Together((0..self.rng.between(2, 3)).map(|_| self.call()).collect()),
                6..8 if depth < 3 && self.nodes > 0 => {
                    Act::Inner(self.graph(Type::One, Type::One, depth))
                }
                _ => Act::Call(self.call()),
            });
        }
        if self.rng.chance(10) {
            acts.push(Act::Racing((0..2).map(|_| self.call()).collect()));
        }
        let faults = [
            Fault::Unavailable,
            Fault::Refused,
            Fault::Other,
            Fault::Panic,
        ];
        let fault = self.rng.pick(&faults);
        let rate = if self.rng.chance(20) { self.failing } else { 0 };
        Leaf {
            salt: self.rng.next(),
            acts,
            fails: (rate as u64, fault),
        }
    }

    fn call(&mut self) -> Call {
        let limit = self.rng.between(1, 6);
        let kind = match self.rng.below(10) {
            0..6 => CallSpec::Chat {
                asked: self.rng.below(4) as u64,
                said: self.rng.between(1, limit) as u64,
                limit: limit as u32,
                midway: self.rng.chance(40),
            },
            6..8 => CallSpec::Tool,
            8 => CallSpec::Random,
            _ => CallSpec::Now,
        };
        let fault = match kind {
            CallSpec::Chat { midway: true, .. } => Fault::Unavailable,
            _ => self.rng.pick(&[
                Fault::Unavailable,
                Fault::Unavailable,
                Fault::RateLimited,
                Fault::Refused,
                Fault::Other,
            ]),
        };
        let sure = matches!(kind, CallSpec::Random | CallSpec::Now);
        Call {
            salt: self.rng.next(),
            kind,
            fails: (if sure { 0 } else { self.failing as u64 }, fault),
            passing: self.rng.chance(30),
            tolerated: self.rng.chance(30),
        }
    }
}

/// Whether some arm leads back.
fn cyclic(nodes: &[NodeSpec]) -> bool {
    nodes.iter().enumerate().any(|(index, node)| {
        matches!(&node.kind, Kind::Branch { arms, .. } if arms.iter().any(|to| *to <= index))
    })
}
