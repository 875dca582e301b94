//! What each case goes through.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use catena::{Budget, Effect, RunId, RunOptions, Usage};

use crate::{
    attempt::{At, Cut, Ended, attempt},
    books::{Books, Record},
    judge::{self, Facts, keys},
    outside::{Outside, exceeded},
    reference,
    rng::{Rng, mix},
    spec::{Call, Case, Key, Pace},
    story,
    value::Value,
    worlds::{Needed, World},
};

/// Runs a case in all ways, and tells what is wrong.
pub(crate) fn mistakes(case: &Case) -> Vec<String> {
    let worlds = reference::worlds(&case.job, case.input, &|key, call| call.fails(key))
        .expect("the generator leaves out what is too much");
    let trial = Trial {
        case,
        needed: Needed::of(&worlds),
        worlds,
        rng: Rng::new(mix(case.seed, 7)),
        wrong: Vec::new(),
    };
    trial.go()
}

struct Trial<'a> {
    case: &'a Case,
    worlds: Vec<World<Value>>,
    needed: Needed,
    rng: Rng,
    wrong: Vec<String>,
}

/// A run, over its attempts.
struct Life {
    outside: Arc<Outside>,
    books: Books,
    id: Option<RunId>,
}

impl Life {
    fn new(case: &Case, schedule: u64) -> Self {
        Self {
            outside: Arc::new(Outside::new(case, schedule)),
            books: Books::new(case),
            id: None,
        }
    }

    fn record(&self) -> Option<Record> {
        self.books.read(self.id.as_ref()?)
    }
}

impl Trial<'_> {
    fn go(mut self) -> Vec<String> {
        let mut undisturbed = Life::new(self.case, 0);
        let first = self.attempt(&mut undisturbed, self.case.budget, None, true);
        self.first(&first, &undisturbed, "undisturbed");
        if self.rng.chance(20) {
            let mut unread = Life::new(self.case, 0);
            let ended = self.attempt(&mut unread, self.case.budget, None, false);
            self.first(&ended, &unread, "with nobody reading");
        }
        self.conclude(
            &mut undisturbed,
            first.done().is_some(),
            "resumed at its end",
        );
        self.disturbed(&first);
        if self.wrong.is_empty() && first.done().is_some() && self.rng.chance(20) {
            self.forked(&undisturbed);
        }
        self.wrong
    }

    fn wrong(&mut self, when: &str, what: Vec<String>) {
        let what = what.into_iter().filter(|what| !what.is_empty());
        self.wrong
            .extend(what.map(|what| format!("{when}: {what}")));
    }

    /// Makes the next attempt at a run, and checks what must be so in any case.
    fn attempt(
        &mut self,
        life: &mut Life,
        budget: Budget,
        cut: Option<Cut>,
        reading: bool,
    ) -> Ended {
        let before = life.record();
        let again = before
            .as_ref()
            .map(|before| ended_by(before, &life.outside));
        let mut options = RunOptions::new("run").budget(budget);
        if let (Some(id), Some(_)) = (&life.id, &before) {
            options = options.resume(id.clone());
        }
        let journal = life.books.open(&life.outside);
        let ended = attempt(self.case, &life.outside, options, journal, cut, reading);
        life.id = Some(ended.run.clone());
        let record = life.record();
        let mut known = before.map(|before| keys(&before)).unwrap_or_default();
        // What ended the run is asked again, even where something else had gone on behind it.
        let (again, called) = (again.unwrap_or_default(), life.outside.all_called());
        known.retain(|key| !(again.contains(key) && called.contains_key(key)));
        if record.is_none() && ended.result.is_some() {
            self.wrong("an attempt", vec!["the journal has no run".to_owned()]);
        }
        let mut wrong = life.outside.take_wrong();
        if reading {
            let told = story::mistakes(&ended, record.as_ref(), &known, &life.outside);
            wrong.extend(told);
        }
        let how = cut.map_or("an attempt".to_owned(), |cut| format!("{cut:?}"));
        self.wrong(&how, wrong);
        ended
    }

    /// Judges a first attempt that was left alone.
    fn first(&mut self, ended: &Ended, life: &Life, when: &str) {
        let Some(record) = life.record() else {
            return;
        };
        let wrong = match ended.error() {
            Some(error) if error.is_budget_exceeded() => {
                judge::stopped(self.case, error, Some(self.needed.at_most))
            }
            _ if exceeded(&self.case.budget, &self.needed.at_least).is_some() => {
                vec![format!("its budget did not stop it: {:?}", ended.result)]
            }
            _ => judge::mistakes(&self.facts(ended, life, &record, true), &self.worlds),
        };
        self.wrong(when, wrong);
    }

    fn facts<'a>(
        &'a self,
        ended: &'a Ended,
        life: &'a Life,
        record: &'a Record,
        fresh: bool,
    ) -> Facts<'a> {
        Facts {
            ended,
            record,
            outside: &life.outside,
            fresh,
        }
    }

    /// Cuts a run off, up to three times, and brings it to its end.
    fn disturbed(&mut self, first: &Ended) {
        let mut life = Life::new(self.case, 0);
        for _ in 0..self.rng.between(1, 3) {
            let cut = self.cut(first);
            let needed = self.needed_with(life.record());
            let ended = self.attempt(&mut life, self.case.budget, Some(cut), true);
            let passing = life.outside.take_outages();
            let wrong = match (&ended.result, ended.error()) {
                (None, _) | (Some(Ok(_)), _) => Vec::new(),
                (_, Some(error)) if error.is_budget_exceeded() => {
                    judge::stopped(self.case, error, needed)
                }
                (_, Some(error)) if error.is_cancelled() && ended.cut => self.grace(&ended, cut),
                (_, Some(error)) => {
                    let outage = passing.iter().any(|key| Some(&*key.0) == path(error));
                    let expected = outage || {
                        let worlds = life.record().and_then(|record| self.after(&record));
                        worlds.is_none_or(|worlds| judge::is_expected(error, &worlds))
                    };
                    let wrong = format!("it failed: {error}");
                    if expected { vec![] } else { vec![wrong] }
                }
                _ => Vec::new(),
            };
            self.wrong(&format!("{cut:?}"), wrong);
        }
        self.conclude(&mut life, false, "after it was disturbed");
    }

    /// The most that a run can need over all its attempts, if it is known: what was lost in those
    /// before is paid besides.
    fn needed_with(&self, before: Option<Record>) -> Option<Usage> {
        let lost = before.map(|record| record.head.lost).unwrap_or_default();
        (!self.case.job.has_passing()).then_some(self.needed.at_most + lost)
    }

    /// A cancelled run has to end at once.
    fn grace(&self, ended: &Ended, cut: Cut) -> Vec<String> {
        let Cut::Cancel(At::Time(at)) = cut else {
            return Vec::new();
        };
        let late = ended.elapsed.saturating_sub(at);
        if self.case.pace == Pace::Paused && late > Duration::from_millis(300) {
            return vec![format!("it went on for {late:?}")];
        }
        Vec::new()
    }

    /// A disturbance at some moment of what was an undisturbed run.
    fn cut(&mut self, first: &Ended) -> Cut {
        let event = self.rng.below(first.events.len() + 1);
        let at = match (self.case.pace, first.events.get(event)) {
            (Pace::Paused, Some(event)) if self.rng.chance(60) => {
                let more = self.rng.pick(&[0, 0, 0, 1]);
                At::Time(Duration::from_millis(event.at_us / 1000 + more))
            }
            _ => At::Events(event),
        };
        match self.rng.below(5) {
            0..2 => Cut::Cancel(at),
            2..4 => Cut::Kill(at),
            _ => Cut::Drop(at),
        }
    }

    /// Brings a run to its end, however often what is outside fails, and judges the end.
    fn conclude(&mut self, life: &mut Life, finished: bool, when: &str) {
        let Some(mut before) = life.record() else {
            // It was cut off before it began.
            return;
        };
        let mut budget = self.case.budget;
        // Each time, a call that failed will not fail any more.
        for _ in 0..200 {
            let needed = self.needed_with(life.record());
            let ended = self.attempt(life, budget, None, true);
            let passing = life.outside.take_outages();
            let Some(record) = life.record() else {
                return;
            };
            let calls = life.outside.all_called();
            if finished && !(calls.is_empty() && record.entries == before.entries) {
                let wrong = format!("a finished run went on: {calls:?}");
                return self.wrong(when, vec![wrong]);
            }
            match ended.error() {
                Some(error) if error.is_budget_exceeded() => {
                    let wrong = judge::stopped(self.case, error, needed);
                    if budget == Budget::new() || !wrong.is_empty() {
                        let wrong = [wrong, vec![format!("{error}")]].concat();
                        return self.wrong(when, wrong);
                    }
                    budget = Budget::new();
                    before = record;
                    continue;
                }
                Some(error) if passing.iter().any(|key| Some(&*key.0) == path(error)) => {
                    before = record;
                    continue;
                }
                _ => {}
            }
            let Some(worlds) = self.after(&record) else {
                // With what has passed, it is more than the reference can follow.
                return;
            };
            let facts = self.facts(&ended, life, &record, false);
            let wrong = judge::mistakes(&facts, &worlds);
            return self.wrong(when, wrong);
        }
        self.wrong(when, vec!["it never ends".to_owned()]);
    }

    /// The ways that a run may have gone in view of which calls failed that do not always.
    fn after(&self, record: &Record) -> Option<Vec<World<Value>>> {
        let failed: BTreeSet<Key> = record
            .entries
            .iter()
            .filter(|entry| matches!(&entry.effect, Effect::Failed(error) if !error.is_cancelled()))
            .map(|entry| Key(entry.path.to_string(), entry.call))
            .collect();
        let fails = |key: &Key, call: &Call| match call.passing {
            true => failed.contains(key),
            false => call.fails(key),
        };
        reference::worlds(&self.case.job, self.case.input, &fails)
    }

    /// Forks a finished run behind one of its entries: the rest is made again, the same.
    fn forked(&mut self, life: &Life) {
        let Some(record) = life.record() else {
            return;
        };
        let count = self.rng.below(record.entries.len() + 1);
        let options = RunOptions::new("run").fork(record.head.id.clone(), count);
        let journal = life.books.open(&life.outside);
        let ended = attempt(self.case, &life.outside, options, journal, None, true);
        let when = format!("forked behind entry {count}");
        let mut wrong = match (ended.done(), &record.head.output) {
            _ if self.case.job.has_passing() => Vec::new(),
            (Some(done), Some(output)) if serde_json::json!(done.output) == *output => Vec::new(),
            _ => vec![format!("it gave {:?}", ended.result)],
        };
        let taken = &record.entries[..count];
        for key in life.outside.all_called().keys() {
            if taken
                .iter()
                .any(|entry| entry.path.as_str() == key.0 && entry.call == key.1)
            {
                wrong.push(format!("{key:?} was taken over, and made again"));
            }
        }
        if life
            .record()
            .is_none_or(|now| now.entries != record.entries)
        {
            wrong.push("the run itself has changed".to_owned());
        }
        self.wrong(&when, wrong);
    }
}

/// The calls of a record that may be the one whose failure ended the run: those that failed with
/// its error, and that no agent went on from.
fn ended_by(record: &Record, outside: &Outside) -> BTreeSet<Key> {
    let returned = outside.all_returned();
    let entries = record.entries.iter().filter(|entry| match &entry.effect {
        Effect::Failed(error) => record.head.error.as_ref() == Some(error),
        _ => false,
    });
    entries
        .map(|entry| Key(entry.path.to_string(), entry.call))
        .filter(|key| !returned.contains(key))
        .collect()
}

fn path(error: &catena::Error) -> Option<&str> {
    error.path().map(catena::NodePath::as_str)
}
