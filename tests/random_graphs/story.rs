//! What the events of one attempt must be like, whatever the graph.

use std::collections::{BTreeMap, BTreeSet};

use catena::{CallKind, Effect, Error, Event, EventKind, RunStatus, Usage};

use crate::{
    attempt::{Done, Ended},
    books::Record,
    outside::Outside,
    spec::{Key, Pace},
};

/// Where something began, and how often it ended.
#[derive(Debug, Default)]
struct Span {
    from: Option<u64>,
    ends: usize,
}

/// Tells what is wrong with the events of an attempt. `before`: the calls that were in the journal
/// when it began.
pub(crate) fn mistakes(
    ended: &Ended,
    record: Option<&Record>,
    before: &BTreeSet<Key>,
    outside: &Outside,
) -> Vec<String> {
    let mut story = Story {
        wrong: Vec::new(),
        recovered: ended
            .events
            .iter()
            .filter(|event| is_recovery(event))
            .collect(),
        ended,
    };
    story.numbers();
    story.ends(before);
    story.nodes();
    story.calls(before, outside);
    story.bill(outside);
    if let Some(record) = record {
        story.recorded(record, outside);
    }
    story.wrong
}

struct Story<'a> {
    wrong: Vec<String>,
    ended: &'a Ended,
    recovered: Vec<&'a Event>,
}

impl Story<'_> {
    fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    fn numbers(&mut self) {
        for (index, event) in self.ended.events.iter().enumerate() {
            if event.seq != index as u64 {
                let seq = event.seq;
                return self.wrong(format!("event {index} has the number {seq}"));
            }
        }
        if !self.ended.events.is_sorted_by_key(|event| event.at_us) {
            self.wrong("the times of events go back".to_owned());
        }
    }

    fn ends(&mut self, before: &BTreeSet<Key>) {
        let events = &self.ended.events;
        match events.first().map(|event| &event.kind) {
            Some(EventKind::RunStarted { resumed, .. }) => {
                if !before.is_empty() && !resumed {
                    self.wrong("it is resumed and does not say so".to_owned());
                }
            }
            None if self.ended.result.is_none() => {}
            other => self.wrong(format!("the first event is {other:?}")),
        }
        let last = events.last().map(|event| &event.kind);
        let fits = match (&self.ended.result, last) {
            (Some(Ok(done)), Some(EventKind::RunFinished { usage, .. })) => *usage == done.usage,
            (Some(Err(error)), Some(EventKind::RunFailed { error: told, .. })) => error == told,
            (Some(_), _) => false,
            (None, _) => true,
        };
        if !fits {
            self.wrong(format!("the last event is {last:?}"));
        }
    }

    /// What was going on in an attempt that failed may have been cancelled without a word.
    fn may_be_cut_off(&self, event: &Event) -> bool {
        !matches!(self.ended.result, Some(Ok(_)))
            || self
                .recovered
                .iter()
                .any(|later| later.seq > event.seq && event.path.is_within(&later.path))
    }

    fn nodes(&mut self) {
        let mut nodes: BTreeMap<&str, Span> = BTreeMap::new();
        for event in &self.ended.events {
            let path = event.path.as_str();
            match &event.kind {
                EventKind::NodeStarted { .. } => {
                    let node = nodes.entry(path).or_default();
                    if node.from.replace(event.seq).is_some() {
                        self.wrong(format!("{path} started twice"));
                    }
                }
                EventKind::NodeFinished | EventKind::NodeFailed { .. } => {
                    let node = nodes.entry(path).or_default();
                    node.ends += 1;
                    let ends = node.ends;
                    let unstarted = node.from.is_none();
                    if ends > 1 {
                        self.wrong(format!("{path} ended {ends} times"));
                    }
                    let limit = matches!(&event.kind, EventKind::NodeFailed { error }
                        if error.is_step_limit());
                    if unstarted && !limit {
                        self.wrong(format!("{path} ended and never started"));
                    }
                    let failed = matches!(event.kind, EventKind::NodeFailed { .. });
                    if failed && !self.may_be_cut_off(event) {
                        self.wrong(format!("{path} failed in a run that did not"));
                    }
                }
                _ => {}
            }
        }
        for (path, node) in nodes {
            let started = node
                .from
                .and_then(|seq| self.ended.events.get(seq as usize));
            if node.ends == 0 && started.is_some_and(|event| !self.may_be_cut_off(event)) {
                self.wrong(format!("{path} started and never ended"));
            }
        }
    }

    fn calls(&mut self, before: &BTreeSet<Key>, outside: &Outside) {
        let mut calls: BTreeMap<Key, Span> = BTreeMap::new();
        for event in &self.ended.events {
            let key = |call: &u32| Key(event.path.to_string(), *call);
            match &event.kind {
                EventKind::CallStarted { call, .. } => {
                    let call = key(call);
                    let span = calls.entry(call.clone()).or_default();
                    if span.from.replace(event.seq).is_some() {
                        self.wrong(format!("{call:?} started twice"));
                    }
                }
                EventKind::CallFinished { call, replayed, .. }
                | EventKind::CallFailed { call, replayed, .. } => {
                    let call = key(call);
                    let span = calls.entry(call.clone()).or_default();
                    span.ends += 1;
                    let (unstarted, ends) = (span.from.is_none(), span.ends);
                    if unstarted || ends > 1 {
                        self.wrong(format!("{call:?} ended {ends} times"));
                    }
                    if *replayed != before.contains(&call) {
                        self.wrong(format!("{call:?} says replayed: {replayed}"));
                    }
                }
                _ => {}
            }
        }
        for (key, call) in &calls {
            let started = call
                .from
                .and_then(|seq| self.ended.events.get(seq as usize));
            if call.ends == 0 && started.is_some_and(|event| !self.may_be_cut_off(event)) {
                self.wrong(format!("{key:?} started and never ended"));
            }
        }
        let called = outside.all_called();
        for (key, times) in &called {
            if *times != 1 {
                self.wrong(format!("{key:?} was made {times} times"));
            }
            if before.contains(key) {
                self.wrong(format!("{key:?} was in the journal and was made again"));
            }
            if !calls.contains_key(key) && self.ended.result.is_some() {
                self.wrong(format!("{key:?} was made and is not told"));
            }
        }
        // Where only one thing happens at a time, what is told is made.
        if outside.pace() == Pace::Paused {
            for key in calls.keys() {
                if !called.contains_key(key) && !before.contains(key) && self.ended.result.is_some()
                {
                    self.wrong(format!("{key:?} is told and was never made"));
                }
            }
        }
    }

    /// What is told of each call adds up to what the run says that it spent.
    fn bill(&mut self, outside: &Outside) {
        let mut told = Usage::default();
        for event in &self.ended.events {
            if let EventKind::CallFinished { usage, .. } | EventKind::CallFailed { usage, .. } =
                &event.kind
            {
                told += *usage;
            }
        }
        let asked = |event: &&Event| {
            matches!(
                &event.kind,
                EventKind::CallStarted {
                    kind: CallKind::Chat,
                    ..
                }
            )
        };
        let asked = self.ended.events.iter().filter(asked).count() as u64;
        let spent = match &self.ended.result {
            Some(Ok(done)) => done.usage,
            Some(Err(error)) => match error.spent() {
                Some(spent) => *spent,
                None => return self.wrong(format!("what was spent is missing: {error:?}")),
            },
            None => return,
        };
        let resumed = matches!(
            self.ended.events.first().map(|event| &event.kind),
            Some(EventKind::RunStarted { resumed: true, .. })
        );
        if resumed {
            // What the journal holds is spent, whether the run comes there again or not.
            if spent.calls < asked {
                self.wrong(format!("{asked} calls are told, {} are paid", spent.calls));
            }
        } else if spent != told || spent.calls != asked {
            // A call whose answer was being written down when it was cancelled is paid untold.
            let cancelled = !matches!(self.ended.result, Some(Ok(_))) || !self.recovered.is_empty();
            let untold = spent.calls == asked && cancelled;
            if !untold || outside.pace() == Pace::Paused && !cancelled {
                self.wrong(format!(
                    "{asked} calls of {told:?} are told, {spent:?} is paid"
                ));
            }
        }
    }

    fn recorded(&mut self, record: &Record, outside: &Outside) {
        let events = &self.ended.events;
        if self.ended.result.is_some() && !events.is_empty() && record.events != *events {
            let first = events.iter().zip(&record.events).find(|(a, b)| a != b);
            let (told, kept) = (events.len(), record.events.len());
            self.wrong(format!(
                "{told} events were told and {kept} kept; the first that differ: {first:?}"
            ));
        }
        // One that was killed before it began has left the events of the one before it.
        let begun = record.events.first() == events.first();
        for kept in record.events.iter().filter(|_| begun) {
            let told = events.get(kept.seq as usize);
            if told.is_some_and(|told| told != kept) {
                self.wrong(format!("{told:?} was told and {kept:?} kept"));
            }
        }
        let status = match &self.ended.result {
            Some(Ok(_)) => RunStatus::Finished,
            Some(Err(error)) if error.is_cancelled() => RunStatus::Cancelled,
            Some(Err(_)) => RunStatus::Failed,
            None => return self.entries(record, outside),
        };
        if record.head.status != status {
            self.wrong(format!("{} stands for {status}", record.head.status));
        }
        self.entries(record, outside);
    }

    fn entries(&mut self, record: &Record, outside: &Outside) {
        let mut keys = BTreeSet::new();
        let given = outside.all_given();
        for entry in &record.entries {
            let key = Key(entry.path.to_string(), entry.call);
            if let (Effect::Random(value) | Effect::Time(value), Some(given)) =
                (&entry.effect, given.get(&key))
                && value != given
            {
                self.wrong(format!("{key:?} gave {given}, and {value} is kept"));
            }
            if !keys.insert(key.clone()) {
                self.wrong(format!("{key:?} is kept twice"));
            }
        }
        let text = |event: &Event, of: &Key| match &event.kind {
            EventKind::Text { call, text } if event.path.as_str() == of.0 && *call == of.1 => {
                Some(text.clone())
            }
            _ => None,
        };
        for key in outside.all_returned() {
            if !keys.contains(&key) {
                self.wrong(format!("{key:?} returned and is not kept"));
            }
        }
        if !matches!(self.ended.result, Some(Ok(_))) || self.ended.events.is_empty() {
            return;
        }
        for entry in &record.entries {
            if let Effect::Chat(answer) = &entry.effect {
                let key = Key(entry.path.to_string(), entry.call);
                let pieces = self
                    .ended
                    .events
                    .iter()
                    .filter_map(|event| text(event, &key));
                let streamed: String = pieces.collect();
                if streamed != answer.text && !streamed.is_empty() {
                    let kept = &answer.text;
                    self.wrong(format!("{key:?} said {streamed:?}, and {kept:?} is kept"));
                }
            }
        }
    }
}

fn is_recovery(event: &Event) -> bool {
    matches!(event.kind, EventKind::Recovered { .. })
}

impl Ended {
    pub(crate) fn done(&self) -> Option<&Done> {
        self.result.as_ref()?.as_ref().ok()
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        self.result.as_ref()?.as_ref().err()
    }
}
