//! The ways that a run may go, what there is in each, and what they take of a budget.

use std::collections::{BTreeMap, BTreeSet};

use catena::{Cost, Usage};

use crate::spec::{Call, CallSpec, Fault, Key};

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
    pub(crate) state: State,
}

/// What has been tried in a place, because each time has a path of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub(crate) runs: u32,
    /// Whether a graph was run under the path itself.
    pub(crate) entered: bool,
}

/// The same, in a place of which the state is this.
pub(crate) fn left_in<T>(mut worlds: Vec<World<T>>, state: State) -> Vec<World<T>> {
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
    pub(crate) fn certain(result: Result<T, (Fault, String)>) -> Self {
        Self::new(result, State::default())
    }

    pub(crate) fn new(result: Result<T, (Fault, String)>, state: State) -> Self {
        Self {
            result,
            done: Trace::default(),
            given_up: Trace::default(),
            may: Trace::default(),
            gaps: BTreeSet::new(),
            state,
        }
    }

    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> World<U> {
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
    pub(crate) fn after<U>(mut self, before: &World<U>) -> Self {
        self.done.extend(&before.done);
        self.given_up.extend(&before.given_up);
        self.may.extend(&before.may);
        self.gaps.extend(before.gaps.iter().cloned());
        self
    }
}

/// Goes on behind successes.
pub(crate) fn then<T, U>(
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
pub(crate) fn or_else<T>(
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
pub(crate) fn finished<T>(mut worlds: Vec<World<T>>, path: &str) -> Vec<World<T>> {
    for world in worlds.iter_mut().filter(|world| world.result.is_ok()) {
        world.done.nodes.insert(path.to_owned());
    }
    worlds
}

/// The ways in which one of several that run at a time fails, and the others are cancelled.
pub(crate) fn first_failure<T: Clone>(each: &[Vec<World<T>>]) -> Vec<World<T>> {
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
