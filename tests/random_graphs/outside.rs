//! What is outside of a run, and sees all that comes out of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{Budget, Context, NodePath, Usage};

use crate::{
    rng::{hash, mix},
    spec::{Case, Key, Pace},
};

/// The world that the attempts of one run share.
#[derive(Debug)]
pub(crate) struct Outside {
    seed: u64,
    pace: Pace,
    latency: u64,
    /// Which attempt it is, from 1.
    attempt: AtomicU32,
    /// Calls and agents that are under way.
    under_way: AtomicUsize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// How often the current attempt reached each model and tool.
    called: BTreeMap<Key, u32>,
    /// The same of all attempts.
    ever: BTreeMap<Key, u32>,
    /// Calls that returned to their agents; those that failed, when another was made behind them.
    returned: BTreeSet<Key>,
    failed: BTreeSet<Key>,
    /// Calls that failed although they do not always, since it was last asked.
    outages: Vec<Key>,
    /// What time and chance gave.
    given: BTreeMap<Key, u64>,
    wrong: Vec<String>,
}

/// Something is under way as long as this lives.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a Outside);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Outside {
    pub(crate) fn new(case: &Case, schedule: u64) -> Self {
        Self {
            seed: mix(case.seed, schedule),
            pace: case.pace,
            latency: case.latency,
            attempt: AtomicU32::new(0),
            under_way: AtomicUsize::new(0),
            seen: Mutex::default(),
        }
    }

    /// Another attempt begins.
    pub(crate) fn next_attempt(&self) {
        self.attempt.fetch_add(1, Ordering::SeqCst);
        let mut seen = self.seen();
        seen.called.clear();
        seen.failed.clear();
    }

    /// Lets time pass: how much, depends on the attempt, the place and the `point` in it.
    pub(crate) async fn pause(&self, place: &str, point: u64) {
        let attempt = u64::from(self.attempt.load(Ordering::SeqCst));
        let chance = mix(mix(self.seed, attempt), mix(hash(place), point));
        match self.pace {
            Pace::Paused => {
                let time = chance % (self.latency + 1);
                tokio::time::sleep(Duration::from_millis(time)).await;
            }
            Pace::Threads => {
                for _ in 0..chance % (self.latency.min(6) + 1) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Notes that something is wrong.
    pub(crate) fn wrong(&self, what: String) {
        self.seen().wrong.push(what);
    }

    /// Checks the budget at this instant.
    pub(crate) fn check(&self, cx: &Context) {
        let committed = cx.committed();
        if let Some(what) = exceeded(cx.budget(), &committed) {
            let attempt = self.attempt.load(Ordering::SeqCst);
            self.wrong(format!(
                "at {} in attempt {attempt}: committed {committed:?} exceeds {what}",
                cx.path()
            ));
        }
    }

    pub(crate) fn enter(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        UnderWay(self)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// A model or a tool is reached; gives whether for the first time by this call.
    pub(crate) fn called(&self, key: &Key) -> bool {
        let mut seen = self.seen();
        *seen.called.entry(key.clone()).or_default() += 1;
        let ever = seen.ever.entry(key.clone()).or_default();
        *ever += 1;
        *ever == 1
    }

    /// Whether some attempt reached its model or tool.
    pub(crate) fn was_called(&self, key: &Key) -> bool {
        self.seen().ever.contains_key(key)
    }

    /// A call of `path` behind those before the index is made: what failed of those, and of the
    /// agents around it, is now a part of what happened.
    pub(crate) fn goes_on(&self, path: &NodePath, behind: u32) {
        let mut seen = self.seen();
        if seen.failed.is_empty() {
            return;
        }
        let is_behind = |key: &Key| {
            let other = NodePath::from(key.0.clone());
            path.is_within(&other) && (*path != other || key.1 < behind)
        };
        let failed = std::mem::take(&mut seen.failed);
        let (behind, open): (BTreeSet<_>, BTreeSet<_>) = failed.into_iter().partition(is_behind);
        seen.failed = open;
        seen.returned.extend(behind);
    }

    pub(crate) fn returned(&self, key: &Key) {
        self.seen().returned.insert(key.clone());
    }

    pub(crate) fn failed(&self, key: &Key) {
        self.seen().failed.insert(key.clone());
    }

    /// A call fails that will not fail again.
    pub(crate) fn outage(&self, key: &Key) {
        self.seen().outages.push(key.clone());
    }

    pub(crate) fn take_outages(&self) -> Vec<Key> {
        std::mem::take(&mut self.seen().outages)
    }

    /// Time or chance gave `value`, which it must always give here.
    pub(crate) fn given(&self, key: &Key, value: u64) {
        let mut seen = self.seen();
        let before = *seen.given.entry(key.clone()).or_insert(value);
        if before != value {
            seen.wrong
                .push(format!("{key:?} gave {before}, and later {value}"));
        }
    }

    pub(crate) fn all_called(&self) -> BTreeMap<Key, u32> {
        self.seen().called.clone()
    }

    pub(crate) fn all_returned(&self) -> BTreeSet<Key> {
        self.seen().returned.clone()
    }

    pub(crate) fn all_given(&self) -> BTreeMap<Key, u64> {
        self.seen().given.clone()
    }

    pub(crate) fn take_wrong(&self) -> Vec<String> {
        std::mem::take(&mut self.seen().wrong)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

/// The first limit that `usage` exceeds.
pub(crate) fn exceeded(budget: &Budget, usage: &Usage) -> Option<String> {
    [
        ("calls", budget.calls, usage.calls),
        ("tokens", budget.tokens, usage.tokens()),
        ("input tokens", budget.input_tokens, usage.input_tokens),
        ("output tokens", budget.output_tokens, usage.output_tokens),
        ("cost", budget.cost.map(|cost| cost.0), usage.cost.0),
    ]
    .into_iter()
    .find_map(|(name, limit, used)| {
        let limit = limit.filter(|limit| used > *limit)?;
        Some(format!("the limit of {limit} {name}"))
    })
}
