//! Holds an attempt against the reference.

use std::collections::BTreeSet;

use catena::{Effect, Error, EventKind, Usage};

use crate::{
    attempt::Ended,
    books::Record,
    outside::{Outside, exceeded},
    spec::{Case, Fault, Key},
    value::Value,
    worlds::{Made, Trace, World},
};

/// What is known of an attempt that came to its end, and of those before it.
pub(crate) struct Facts<'a> {
    pub(crate) ended: &'a Ended,
    pub(crate) record: &'a Record,
    pub(crate) outside: &'a Outside,
    /// Whether it is the first attempt.
    pub(crate) fresh: bool,
}

/// What is wrong; nothing if one of the ways that the run may go is the one that it went.
pub(crate) fn mistakes(facts: &Facts<'_>, worlds: &[World<Value>]) -> Vec<String> {
    let each = worlds.iter().map(|world| facts.against(world));
    each.min_by_key(Vec::len)
        .unwrap_or_else(|| vec!["the reference knows no way".to_owned()])
}

/// What is wrong with a run that its budget stopped. `needed`: more than this it never sets aside and
/// spends together, if that is known.
pub(crate) fn stopped(case: &Case, error: &Error, needed: Option<Usage>) -> Vec<String> {
    let mut wrong = Vec::new();
    let spent = error.spent().copied().unwrap_or_default();
    if let Some(what) = exceeded(&case.budget, &spent) {
        wrong.push(format!("{spent:?} was spent, which exceeds {what}"));
    }
    if needed.is_some_and(|needed| exceeded(&case.budget, &needed).is_none()) {
        wrong.push(format!("the budget was enough: {error}"));
    }
    wrong
}

/// Whether the failure is one of those that a run may come to.
pub(crate) fn is_expected(error: &Error, worlds: &[World<Value>]) -> bool {
    let mut failures = worlds
        .iter()
        .filter_map(|world| world.result.as_ref().err());
    failures.any(|failure| same(failure, error))
}

fn same((fault, path): &(Fault, String), error: &Error) -> bool {
    fault.is(error) && error.path().is_some_and(|at| at.as_str() == path)
}

impl Facts<'_> {
    fn against(&self, world: &World<Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        match (&self.ended.result, &world.result) {
            (Some(Ok(done)), Ok(value)) => {
                let output = Value::Many(done.output.clone());
                if output != *value {
                    wrong.push(format!("the output is {output:?}, and not {value:?}"));
                }
                let gaps: Vec<_> = done.gaps.iter().map(|gap| gap.path.as_str()).collect();
                let expected: Vec<_> = world.gaps.iter().map(String::as_str).collect();
                if gaps != expected {
                    wrong.push(format!("the gaps are {gaps:?}, and not {expected:?}"));
                }
            }
            (Some(Err(error)), Err(failure)) if same(failure, error) => {
                self.partial(error, world, &mut wrong);
            }
            (result, expected) => {
                let result = result.as_ref().map(|result| {
                    let done = result.as_ref();
                    done.map(|done| &done.output).map_err(ToString::to_string)
                });
                wrong.push(format!("it gave {result:?}, and not {expected:?}"));
                // Another way may fit better.
                wrong.extend(["".to_owned(), "".to_owned()]);
                return wrong;
            }
        }
        self.calls(world, &mut wrong);
        self.nodes(world, &mut wrong);
        wrong
    }

    fn calls(&self, world: &World<Value>, wrong: &mut Vec<String>) {
        let succeeded = world.result.is_ok();
        let called: BTreeSet<Key> = self.outside.all_called().into_keys().collect();
        let kept: BTreeSet<Key> = keys(self.record);
        for (key, made) in both(world) {
            if self.fresh && made.told && !called.contains(key) {
                wrong.push(format!("{key:?} was not made"));
            }
            // A failure that ended the run is no entry: it may pass.
            if !kept.contains(key) && (succeeded || !made.failed && self.fresh) {
                wrong.push(format!("{key:?} is not kept"));
            }
        }
        let known = |key: &&Key| {
            let traces = [&world.done, &world.given_up, &world.may];
            traces.iter().any(|trace| trace.calls.contains_key(key))
        };
        for key in called.iter().filter(|key| !known(key)) {
            wrong.push(format!("{key:?} was made, and should not be"));
        }
        for key in kept.iter().filter(|key| !known(key)) {
            wrong.push(format!("{key:?} is kept, and should not be"));
        }
        for entry in &self.record.entries {
            let key = Key(entry.path.to_string(), entry.call);
            let cancelled = matches!(&entry.effect, Effect::Failed(error) if error.is_cancelled());
            let expected = both(world).find(|(known, _)| **known == key);
            if let Some((_, made)) = expected
                && !cancelled
                && made.usage != entry.usage
            {
                let (usage, expected) = (entry.usage, made.usage);
                wrong.push(format!("{key:?} cost {usage:?}, and not {expected:?}"));
            }
        }
    }

    fn nodes(&self, world: &World<Value>, wrong: &mut Vec<String>) {
        if self.ended.events.is_empty() {
            return;
        }
        let finished: BTreeSet<&str> = self
            .ended
            .events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::NodeFinished))
            .map(|event| event.path.as_str())
            .collect();
        let has = |trace: &Trace, path: &str| trace.nodes.contains(path);
        for path in &world.done.nodes {
            if !finished.contains(&**path) {
                wrong.push(format!("{path} did not finish"));
            }
        }
        for path in &world.given_up.nodes {
            // An attempt that failed need not be gone through again.
            if self.fresh && !finished.contains(&**path) {
                wrong.push(format!("{path} did not finish"));
            }
        }
        for path in finished {
            let traces = [&world.done, &world.given_up, &world.may];
            if !traces.iter().any(|trace| has(trace, path)) {
                wrong.push(format!("{path} finished, and should not be there"));
            }
        }
    }

    /// What an error says was done is what was done.
    fn partial(&self, error: &Error, world: &World<Value>, wrong: &mut Vec<String>) {
        for partial in error.partial() {
            let path = partial.path.to_string();
            let Some(output) = partial.output.as_u64() else {
                wrong.push(format!("{path} gave {}", partial.output));
                continue;
            };
            let item = (path, output);
            let traces = [&world.done, &world.given_up, &world.may];
            if !traces.iter().any(|trace| trace.items.contains(&item)) {
                wrong.push(format!("{item:?} is no partial result"));
            }
        }
    }
}

fn both(world: &World<Value>) -> impl Iterator<Item = (&Key, &Made)> {
    world.done.calls.iter().chain(&world.given_up.calls)
}

/// The calls that are kept. Policies keep under the last indices there are that they went on.
pub(crate) fn keys(record: &Record) -> BTreeSet<Key> {
    let calls = record
        .entries
        .iter()
        .filter(|entry| entry.call < u32::MAX / 2);
    calls
        .map(|entry| Key(entry.path.to_string(), entry.call))
        .collect()
}
