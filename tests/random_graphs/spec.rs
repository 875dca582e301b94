//! What a case is made of, as data: the graph is built from it, and the reference reads it.

use std::{sync::Arc, time::Duration};

use catena::{Budget, Error};

use crate::{
    rng::{hash, mix},
    value::Type,
};

/// A graph: its nodes, entered at the first and left at the last.
#[derive(Clone, Debug)]
pub(crate) struct GraphSpec {
    pub(crate) name: String,
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) step_limit: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeSpec {
    pub(crate) name: String,
    pub(crate) from: Type,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Agent {
        job: Job,
        next: Option<usize>,
    },
    Map {
        width: usize,
        job: Job,
        next: Option<usize>,
    },
    Fold {
        job: Job,
        next: Option<usize>,
    },
    /// Sends on what `salt` and the value determine, along the arm that they determine.
    Branch {
        salt: u64,
        arms: Vec<usize>,
    },
}

impl NodeSpec {
    /// The node behind it, for one that is no branch.
    pub(crate) fn next(&self) -> Option<usize> {
        match &self.kind {
            Kind::Agent { next, .. } | Kind::Map { next, .. } | Kind::Fold { next, .. } => *next,
            Kind::Branch { .. } => None,
        }
    }
}

/// What an agent does with a message, and what happens when it fails.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) from: Type,
    pub(crate) to: Type,
    pub(crate) work: Work,
    pub(crate) policy: Option<Policy>,
}

impl Job {
    /// How many nodes, acts and policies it has.
    pub(crate) fn size(&self) -> usize {
        let work = match &self.work {
            Work::Leaf(leaf) => leaf.acts.iter().map(Act::size).sum(),
            Work::Graph(graph) => graph.size(),
            Work::Job(job) => job.size(),
        };
        let policy = self.policy.as_ref().map_or(0, |policy| {
            1 + policy.fallback.as_ref().map_or(0, |job| job.size())
        });
        work + policy
    }

    /// Whether some call fails the first time only.
    pub(crate) fn has_passing(&self) -> bool {
        let fallback = self
            .policy
            .as_ref()
            .and_then(|policy| policy.fallback.as_ref());
        let here = match &self.work {
            Work::Leaf(leaf) => leaf.acts.iter().any(Act::has_passing),
            Work::Graph(graph) => graph.has_passing(),
            Work::Job(job) => job.has_passing(),
        };
        here || fallback.is_some_and(|job| job.has_passing())
    }
}

impl GraphSpec {
    fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Agent { job, .. } | Kind::Map { job, .. } | Kind::Fold { job, .. } => Some(job),
            Kind::Branch { .. } => None,
        })
    }

    fn size(&self) -> usize {
        self.nodes.len() + self.jobs().map(Job::size).sum::<usize>()
    }

    fn has_passing(&self) -> bool {
        self.jobs().any(Job::has_passing)
    }
}

impl Act {
    fn size(&self) -> usize {
        match self {
            Self::Wait | Self::Sleep | Self::Call(_) => 1,
            Self::Together(calls) | Self::Racing(calls) => calls.len(),
            Self::Inner(graph) => graph.size(),
        }
    }

    fn has_passing(&self) -> bool {
        match self {
            Self::Wait | Self::Sleep => false,
            Self::Call(call) => call.may_pass(),
            Self::Together(calls) | Self::Racing(calls) => calls.iter().any(Call::may_pass),
            Self::Inner(graph) => graph.has_passing(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Work {
    Leaf(Arc<Leaf>),
    Graph(GraphSpec),
    /// A job with a policy, in a policy of its own.
    Job(Box<Job>),
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) retries: Option<u32>,
    pub(crate) fallback: Option<Box<Job>>,
    pub(crate) skip: bool,
}

/// An agent without others inside, but perhaps graphs that it runs itself.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) salt: u64,
    pub(crate) acts: Vec<Act>,
    /// How it fails at its end, and so many times in a hundred.
    pub(crate) fails: (u64, Fault),
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Waits behind the context's back.
    Wait,
    /// Waits by the context.
    Sleep,
    Call(Call),
    /// All at a time, each to its end.
    Together(Vec<Call>),
    /// All at a time, until one fails: the others are dropped. Always the last act.
    Racing(Vec<Call>),
    /// Runs a graph on what it has, in its own context.
    Inner(GraphSpec),
}

/// A call through the context.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) salt: u64,
    pub(crate) kind: CallSpec,
    /// How it fails, and so many times in a hundred.
    pub(crate) fails: (u64, Fault),
    /// Whether it fails the first time only that it is really made.
    pub(crate) passing: bool,
    /// Whether the agent goes on with a substitute when it fails.
    pub(crate) tolerated: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum CallSpec {
    Chat {
        /// Words of the question, beside four that are always there.
        asked: u64,
        /// Words of the answer, at most `limit`.
        said: u64,
        limit: u32,
        /// Whether a failure comes behind the answer's first word.
        midway: bool,
    },
    Tool,
    Random,
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    Unavailable,
    RateLimited,
    Refused,
    Other,
    Panic,
    StepLimit,
}

impl Fault {
    /// The error; a panic is no error yet.
    pub(crate) fn error(self) -> Error {
        match self {
            Self::Unavailable => Error::unavailable("it is down"),
            Self::RateLimited => Error::rate_limited(Some(Duration::from_millis(7)), "too many"),
            Self::Refused => Error::refused("no"),
            Self::Other => Error::other("it does not work"),
            Self::Panic => panic!("it panics"),
            Self::StepLimit => Error::step_limit("too often"),
        }
    }

    pub(crate) fn is(self, error: &Error) -> bool {
        match self {
            Self::Unavailable => error.is_retryable() && !error.is_rate_limited(),
            Self::RateLimited => error.is_rate_limited(),
            Self::Refused => error.is_refused(),
            Self::Other => error.to_string().ends_with("it does not work"),
            Self::Panic => error.is_panicked() && error.to_string().ends_with("it panics"),
            Self::StepLimit => error.is_step_limit(),
        }
    }

    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::RateLimited)
    }
}

/// A call's place in a run: the node's path, and the call's index in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) String, pub(crate) u32);

impl Key {
    pub(crate) fn digest(&self) -> u64 {
        mix(hash(&self.0), self.1.into())
    }
}

impl Call {
    /// Whether it fails at this place, the first time that it is made.
    pub(crate) fn fails(&self, key: &Key) -> bool {
        mix(self.salt, key.digest()) % 100 < self.fails.0
    }

    /// Whether it may fail the first time only.
    fn may_pass(&self) -> bool {
        self.passing && self.fails.0 > 0
    }

    /// What it gives for `asked`.
    pub(crate) fn answer(&self, asked: u64) -> u64 {
        match self.kind {
            CallSpec::Chat { .. } | CallSpec::Tool => mix(self.salt, asked),
            CallSpec::Random | CallSpec::Now => self.salt,
        }
    }

    /// What the agent goes on with when it failed.
    pub(crate) fn substitute(&self) -> u64 {
        mix(self.salt, 13)
    }
}

impl Leaf {
    pub(crate) fn fails(&self, path: &str) -> bool {
        mix(self.salt, hash(path)) % 100 < self.fails.0
    }
}

/// The arm that a branch takes, of so many, and what it sends.
pub(crate) fn branch(salt: u64, value: u64, arms: usize) -> (usize, u64) {
    let chosen = (mix(salt, value) % arms as u64) as usize;
    (chosen, mix(salt, mix(value, 5)))
}

/// What takes the place of a missing result.
pub(crate) fn filling(path: &str) -> u64 {
    mix(hash(path), 17)
}

/// In what time a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One thread, on a clock that jumps: latencies are milliseconds.
    Paused,
    /// Several threads: latencies are turns that are given up.
    Threads,
}

/// Where a case's runs are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// In memory; with `slow`, an append takes its time to say that it is done.
    Memory {
        slow: bool,
    },
    Sqlite,
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) job: Job,
    pub(crate) input: u64,
    pub(crate) pace: Pace,
    pub(crate) store: Store,
    /// The longest latency.
    pub(crate) latency: u64,
    pub(crate) budget: Budget,
}
