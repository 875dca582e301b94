//! What a case must come to: a simple interpreter, one step after the other, without any of the
//! runtime.
//!
//! Time decides what the reference cannot know: which of several items fails first, and how far
//! the others have come by then. So it gives every way that a run may go.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use catena::{Cost, Fold, Step, Usage};

use crate::{
    rng::mix,
    spec::{
        Act, Call, CallSpec, Fault, GraphSpec, Job, Key, Kind, Leaf, NodeSpec, Policy, Work,
        branch, filling,
    },
    value::{Type, Value},
};

/// Nano-dollars for a token of a question, and of an answer.
pub(crate) const PRICES: (u64, u64) = (3, 5);

/// What there is in a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) calls: BTreeMap<Key, Made>,
    /// Nodes and items that come to their end.
    pub(crate) nodes: BTreeSet<String>,
    /// What items of maps give.
    pub(crate) items: BTreeSet<(String, u64)>,
}

/// A call that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// Whether it is a call to a model or a tool: one that is told.
    pub(crate) told: bool,
    /// What is set aside for it.
    pub(crate) estimate: Usage,
    /// What is booked for it if it comes to its end.
    pub(crate) usage: Usage,
    pub(crate) failed: bool,
}

/// One way that a run may go.
#[derive(Clone, Debug)]
pub(crate) struct World<T> {
    pub(crate) result: Result<T, (Fault, String)>,
    /// What there is for certain.
    pub(crate) done: Trace,
    /// What there is for certain, in attempts that came to nothing.
    pub(crate) given_up: Trace,
    /// What there may be besides: it was going on when it was cancelled.
    pub(crate) may: Trace,
    pub(crate) gaps: BTreeSet<String>,
    /// How its place is left.
    state: State,
}

/// The ways that a job may go as the agent of a run; `None` if they are too many or too long.
/// `fails` tells which calls do.
pub(crate) fn worlds(
    job: &Job,
    input: u64,
    fails: &dyn Fn(&Key, &Call) -> bool,
) -> Option<Vec<World<Value>>> {
    let reference = Reference {
        fails,
        calls: Cell::new(0),
        too_much: Cell::new(false),
    };
    let worlds = reference.job(job, Value::One(input), "run", State::default());
    (!reference.too_much.get()).then_some(worlds)
}

struct Reference<'a> {
    fails: &'a dyn Fn(&Key, &Call) -> bool,
    calls: Cell<usize>,
    too_much: Cell<bool>,
}

impl Reference<'_> {
    /// What comes of a job in the place of `path`, of which `state` is known.
    fn job(&self, job: &Job, input: Value, path: &str, state: State) -> Vec<World<Value>> {
        match &job.policy {
            None => self.work(job, input, path, state),
            Some(policy) => self.attempt(job, policy, input, path, state, 0),
        }
    }

    fn work(&self, job: &Job, input: Value, path: &str, state: State) -> Vec<World<Value>> {
        match &job.work {
            Work::Leaf(leaf) => self.leaf(leaf, input, job.to, path, state),
            Work::Graph(graph) => self.graph(graph, input, path, state),
            Work::Job(job) => self.job(job, input, path, state),
        }
    }

    /// An attempt behind so many retries, and all that may come after it.
    fn attempt(
        &self,
        job: &Job,
        policy: &Policy,
        input: Value,
        path: &str,
        state: State,
        retried: u32,
    ) -> Vec<World<Value>> {
        let worlds = again(path, state, |here, state| {
            self.work(job, input.clone(), here, state)
        });
        or_else(worlds, |fault, state| {
            let retries = policy.retries.unwrap_or(0);
            if retried < retries && fault.0.is_retryable() {
                return self.attempt(job, policy, input.clone(), path, state, retried + 1);
            }
            let Some(fallback) = &policy.fallback else {
                return skip(policy, job, path, fault, state);
            };
            let worlds = again(path, state, |here, state| {
                self.job(fallback, input.clone(), here, state)
            });
            or_else(worlds, |fault, state| skip(policy, job, path, fault, state))
        })
    }

    fn leaf(
        &self,
        leaf: &Leaf,
        input: Value,
        to: Type,
        path: &str,
        state: State,
    ) -> Vec<World<Value>> {
        let start = (mix(leaf.salt, input.digest()), 0);
        let mut worlds = vec![World::new(Ok(start), state)];
        for act in &leaf.acts {
            worlds = then(worlds, |(h, next), state| {
                self.act(act, h, next, path, state)
            });
        }
        then(worlds, |(h, _), state| {
            let result = match leaf.fails(path) {
                true => Err((leaf.fails.1, path.to_owned())),
                false => Ok(Value::make(to, h)),
            };
            vec![World::new(result, state)]
        })
    }

    /// What the agent knows, and the index of its next call, after one act.
    fn act(
        &self,
        act: &Act,
        h: u64,
        next: u32,
        path: &str,
        state: State,
    ) -> Vec<World<(u64, u32)>> {
        let worlds = match act {
            Act::Wait | Act::Sleep => vec![World::certain(Ok((h, next)))],
            Act::Call(call) => self.together(std::slice::from_ref(call), h, next, path),
            Act::Together(calls) => self.together(calls, h, next, path),
            Act::Racing(calls) => self.racing(calls, h, next, path),
            Act::Inner(graph) => {
                let worlds = self.graph(graph, Value::One(h), path, state);
                return then(worlds, |value, state| {
                    vec![World::new(Ok((value.digest(), next)), state)]
                });
            }
        };
        left_in(worlds, state)
    }

    fn together(&self, calls: &[Call], h: u64, next: u32, path: &str) -> Vec<World<(u64, u32)>> {
        let mut world = World::certain(Ok((h, next)));
        for (index, call) in calls.iter().enumerate() {
            let key = Key(path.to_owned(), next + index as u32);
            let answer = self.call(call, h, &key, &mut world.done);
            world.result = match (world.result, answer) {
                (Ok((h, next)), Ok(answer)) => Ok((mix(h, answer), next + 1)),
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            };
        }
        vec![world]
    }

    fn racing(&self, calls: &[Call], h: u64, next: u32, path: &str) -> Vec<World<(u64, u32)>> {
        let all = self.together(calls, h, next, path);
        if all.iter().all(|world| world.result.is_ok()) {
            return all;
        }
        let mut each = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let key = Key(path.to_owned(), next + index as u32);
            let mut done = Trace::default();
            let answer = self.call(call, h, &key, &mut done);
            each.push(World {
                result: answer.map(|_| (h, next)),
                done,
                ..World::certain(Ok((h, next)))
            });
        }
        first_failure(
            &each
                .into_iter()
                .map(|world| vec![world])
                .collect::<Vec<_>>(),
        )
    }

    fn call(
        &self,
        call: &Call,
        h: u64,
        key: &Key,
        trace: &mut Trace,
    ) -> Result<u64, (Fault, String)> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() > MOST_CALLS {
            self.too_much.set(true);
        }
        let failed = (self.fails)(key, call);
        trace.calls.insert(key.clone(), made(call, failed));
        match failed {
            false => Ok(call.answer(h)),
            true if call.tolerated => Ok(call.substitute()),
            true => Err((call.fails.1, key.0.clone())),
        }
    }

    fn graph(
        &self,
        graph: &GraphSpec,
        input: Value,
        path: &str,
        mut state: State,
    ) -> Vec<World<Value>> {
        let enter = |path: &str| self.visit(graph, 0, input, vec![0; graph.nodes.len()], path);
        if state.entered {
            return again(path, state, |here, state| left_in(enter(here), state));
        }
        state.entered = true;
        state.runs = state.runs.max(1);
        left_in(enter(path), state)
    }

    /// A message comes to a node, and goes on from there to the exit.
    fn visit(
        &self,
        graph: &GraphSpec,
        at: usize,
        message: Value,
        mut visits: Vec<usize>,
        graph_path: &str,
    ) -> Vec<World<Value>> {
        if self.too_much.get() {
            return Vec::new();
        }
        let node = &graph.nodes[at];
        visits[at] += 1;
        let path = match visits[at] {
            1 => format!("{graph_path}/{}", node.name),
            visit => format!("{graph_path}/{}#{visit}", node.name),
        };
        if graph.step_limit.is_some_and(|limit| visits[at] > limit) {
            return vec![World::certain(Err((Fault::StepLimit, path)))];
        }
        let worlds = finished(self.node(graph, node, message, &path), &path);
        then(worlds, |(value, next), _| match next {
            Some(next) => self.visit(graph, next, value, visits.clone(), graph_path),
            None => vec![World::certain(Ok(value))],
        })
    }

    /// What a node makes of a message, and the node that gets it.
    fn node(
        &self,
        graph: &GraphSpec,
        node: &NodeSpec,
        message: Value,
        path: &str,
    ) -> Vec<World<(Value, Option<usize>)>> {
        let (worlds, next) = match &node.kind {
            Kind::Agent { job, next } => (self.job(job, message, path, State::default()), *next),
            Kind::Map { job, next, .. } => (self.map(job, message, path), *next),
            Kind::Fold { job, next } => (self.fold(job, message, path), *next),
            Kind::Branch { salt, arms } => {
                let (arm, sent) = branch(*salt, message.digest(), arms.len());
                let to = arms[arm];
                let sent = Value::make(graph.nodes[to].from, sent);
                return vec![World::certain(Ok((sent, Some(to))))];
            }
        };
        then(worlds, |value, _| vec![World::certain(Ok((value, next)))])
    }

    fn map(&self, job: &Job, message: Value, path: &str) -> Vec<World<Value>> {
        let Value::Many(items) = message else {
            unreachable!("a map receives a list")
        };
        let each: Vec<_> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let path = format!("{path}[{index}]");
                let worlds = self.job(job, Value::One(item), &path, State::default());
                then(finished(worlds, &path), |value, _| {
                    let one = value.digest();
                    let mut world = World::certain(Ok(one));
                    world.done.items.insert((path.clone(), one));
                    vec![world]
                })
            })
            .collect();
        let mut worlds = self.all(&each);
        worlds.extend(then(first_failure(&each), |_, _| Vec::new()));
        if worlds.len() > MOST_WORLDS {
            self.too_much.set(true);
        }
        worlds
    }

    /// The ways in which all items succeed.
    fn all(&self, each: &[Vec<World<u64>>]) -> Vec<World<Value>> {
        let mut worlds = vec![World::certain(Ok(Vec::new()))];
        for item in each {
            let successes: Vec<_> = item.iter().filter(|world| world.result.is_ok()).collect();
            if worlds.len() * successes.len() > MOST_WORLDS {
                self.too_much.set(true);
                return Vec::new();
            }
            worlds = then(worlds, |outputs: Vec<u64>, _| {
                successes
                    .iter()
                    .map(|world| (*world).clone().map(|one| [&*outputs, &[one]].concat()))
                    .collect()
            });
        }
        then(worlds, |outputs, _| {
            vec![World::certain(Ok(Value::Many(outputs)))]
        })
    }

    fn fold(&self, job: &Job, message: Value, path: &str) -> Vec<World<Value>> {
        let Value::Pair(Fold { state, items }) = message else {
            unreachable!("a fold receives a state and a list")
        };
        let total = items.len();
        let mut worlds = vec![World::certain(Ok(state))];
        for (index, item) in items.into_iter().enumerate() {
            worlds = then(worlds, |state, _| {
                let step = Step {
                    state,
                    item,
                    index,
                    total,
                };
                let path = format!("{path}[{index}]");
                let worlds = self.job(job, Value::Step(step), &path, State::default());
                then(finished(worlds, &path), |value, _| {
                    vec![World::certain(Ok(value.digest()))]
                })
            });
        }
        then(worlds, |state, _| {
            vec![World::certain(Ok(Value::One(state)))]
        })
    }
}

/// The most calls and ways of a case.
const MOST_CALLS: usize = 150;
const MOST_WORLDS: usize = 12;

/// The ways in which one of several that run at a time fails, and the others are cancelled.
fn first_failure<T: Clone>(each: &[Vec<World<T>>]) -> Vec<World<T>> {
    let mut failures = Vec::new();
    for (index, item) in each.iter().enumerate() {
        for world in item.iter().filter(|world| world.result.is_err()) {
            let mut world = world.clone();
            let others = each.iter().enumerate().filter(|(other, _)| *other != index);
            for other in others.flat_map(|(_, other)| other) {
                world.may.extend(&other.done);
                world.may.extend(&other.given_up);
                world.may.extend(&other.may);
            }
            failures.push(world);
        }
    }
    failures
}

fn skip(
    policy: &Policy,
    job: &Job,
    path: &str,
    fault: (Fault, String),
    state: State,
) -> Vec<World<Value>> {
    if !policy.skip {
        return vec![World::new(Err(fault), state)];
    }
    let mut world = World::new(Ok(Value::make(job.to, filling(path))), state);
    world.gaps.insert(path.to_owned());
    vec![world]
}

/// What has been tried in a place, because each time has a path of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    runs: u32,
    /// Whether a graph was run under the path itself.
    entered: bool,
}

/// Another attempt: the first is the place itself, the others are places of their own.
fn again<T>(
    path: &str,
    mut state: State,
    work: impl FnOnce(&str, State) -> Vec<World<T>>,
) -> Vec<World<T>> {
    state.runs += 1;
    match state.runs {
        1 => work(path, state),
        run => left_in(work(&format!("{path}~{run}"), State::default()), state),
    }
}

/// The same, in a place of which the state is this.
fn left_in<T>(mut worlds: Vec<World<T>>, state: State) -> Vec<World<T>> {
    for world in &mut worlds {
        world.state = state;
    }
    worlds
}

pub(crate) fn made(call: &Call, failed: bool) -> Made {
    let priced = |input, output| Usage {
        cost: Cost(input * PRICES.0 + output * PRICES.1),
        ..Usage::call(input, output)
    };
    let (told, estimate, usage) = match call.kind {
        CallSpec::Chat {
            asked,
            said,
            limit,
            midway,
        } => {
            let asked = asked + 4;
            let estimate = priced(asked, u64::from(limit));
            let usage = match (failed, midway) {
                (false, _) => priced(asked, said),
                (true, false) => Usage::call(0, 0),
                // What had come of it when it broke off: a piece, which has a token at the least.
                (true, true) => priced(asked, 1),
            };
            (true, estimate, usage)
        }
        CallSpec::Tool => (true, Usage::default(), Usage::default()),
        CallSpec::Random | CallSpec::Now => (false, Usage::default(), Usage::default()),
    };
    Made {
        told,
        estimate,
        usage,
        failed,
    }
}

impl Trace {
    pub(crate) fn extend(&mut self, other: &Self) {
        let calls = other.calls.iter().map(|(key, made)| (key.clone(), *made));
        self.calls.extend(calls);
        self.nodes.extend(other.nodes.iter().cloned());
        self.items.extend(other.items.iter().cloned());
    }
}

impl<T> World<T> {
    fn certain(result: Result<T, (Fault, String)>) -> Self {
        Self::new(result, State::default())
    }

    fn new(result: Result<T, (Fault, String)>, state: State) -> Self {
        Self {
            result,
            done: Trace::default(),
            given_up: Trace::default(),
            may: Trace::default(),
            gaps: BTreeSet::new(),
            state,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> World<U> {
        World {
            result: self.result.map(change),
            done: self.done,
            given_up: self.given_up,
            may: self.may,
            gaps: self.gaps,
            state: self.state,
        }
    }

    /// The same, with what there was before.
    fn after<U>(mut self, before: &World<U>) -> Self {
        self.done.extend(&before.done);
        self.given_up.extend(&before.given_up);
        self.may.extend(&before.may);
        self.gaps.extend(before.gaps.iter().cloned());
        self
    }
}

/// Goes on behind successes.
fn then<T, U>(
    worlds: Vec<World<T>>,
    mut next: impl FnMut(T, State) -> Vec<World<U>>,
) -> Vec<World<U>> {
    let mut all = Vec::new();
    for mut world in worlds {
        match std::mem::replace(&mut world.result, Err((Fault::Other, String::new()))) {
            Ok(value) => {
                let worlds = next(value, world.state).into_iter();
                all.extend(worlds.map(|after| after.after(&world)));
            }
            Err(error) => {
                world.result = Err(error);
                all.push(world.map(|_| unreachable!("it failed")));
            }
        }
    }
    all
}

/// Goes on behind failures: what there was is given up, and its gaps are none.
fn or_else<T>(
    worlds: Vec<World<T>>,
    mut next: impl FnMut((Fault, String), State) -> Vec<World<T>>,
) -> Vec<World<T>> {
    let mut all = Vec::new();
    for mut world in worlds {
        match world.result {
            Ok(_) => all.push(world),
            Err(fault) => {
                let done = std::mem::take(&mut world.done);
                let mut before = World::<()>::certain(Ok(()));
                before.given_up = world.given_up;
                before.given_up.extend(&done);
                before.may = world.may;
                all.extend(
                    next(fault, world.state)
                        .into_iter()
                        .map(|after| after.after(&before)),
                );
            }
        }
    }
    all
}

/// Notes that a node came to its end.
fn finished<T>(mut worlds: Vec<World<T>>, path: &str) -> Vec<World<T>> {
    for world in worlds.iter_mut().filter(|world| world.result.is_ok()) {
        world.done.nodes.insert(path.to_owned());
    }
    worlds
}

/// What the ways of a case take of a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needed {
    /// More than this is never set aside and spent together.
    pub(crate) at_most: Usage,
    /// This is spent whichever way it goes, so far as each count is concerned.
    pub(crate) at_least: Usage,
}

impl Needed {
    pub(crate) fn of<T>(worlds: &[World<T>]) -> Self {
        let each = |of: &dyn Fn(&World<T>) -> Usage, choose: &dyn Fn(u64, u64) -> u64| {
            let usages = worlds.iter().map(of);
            let usage = usages.reduce(|a, b| Usage {
                calls: choose(a.calls, b.calls),
                input_tokens: choose(a.input_tokens, b.input_tokens),
                cached_tokens: 0,
                output_tokens: choose(a.output_tokens, b.output_tokens),
                cost: Cost(choose(a.cost.0, b.cost.0)),
            });
            usage.unwrap_or_default()
        };
        Self {
            at_most: each(
                &|world| {
                    let mut all = world.done.clone();
                    all.extend(&world.given_up);
                    all.extend(&world.may);
                    all.calls.values().map(|made| made.estimate).sum()
                },
                &u64::max,
            ),
            at_least: each(
                &|world| {
                    let done = world.done.calls.values();
                    let given_up = world.given_up.calls.values();
                    done.chain(given_up).map(|made| made.usage).sum()
                },
                &u64::min,
            ),
        }
    }
}
