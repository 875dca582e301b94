//! What a case must come to: a simple interpreter, one step after the other, without any of the
//! runtime.
//!
//! Time decides what the reference cannot know: which of several items fails first, and how far
//! the others have come by then. So it gives every way that a run may go.

use std::cell::Cell;

use catena::{Fold, Step};

use crate::{
    rng::mix,
    spec::{
        Act, Call, Fault, GraphSpec, Job, Key, Kind, Leaf, NodeSpec, Policy, Work, branch, filling,
    },
    value::{Type, Value},
    worlds::{State, Trace, World, finished, first_failure, left_in, made, or_else, then},
};

/// The most calls and ways of a case.
const MOST_CALLS: usize = 150;
const MOST_WORLDS: usize = 12;

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
