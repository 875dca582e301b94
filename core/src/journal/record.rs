//! What a journal holds of a run.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    ChatResponse, Embedding, Error, Fingerprint, Interrupt, NodePath, Result, Score, Shape, Usage,
};

/// The name of a run: 26 characters that sort by time of creation (a ULID).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// A new one.
    pub fn generate() -> Self {
        Self(ulid::Ulid::generate().to_string())
    }

    /// From text.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when it has not the form of a run's id.
    pub fn parse(text: &str) -> Result<Self> {
        ulid::Ulid::from_string(text)
            .map(|id| Self(id.to_string()))
            .map_err(|error| {
                Error::invalid(format!("'{text}' is no run id"))
                    .with_help("a run's id has 26 letters and digits")
                    .with_source(error)
            })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({})", self.0)
    }
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// It goes on, or its process died.
    Running,
    /// It gave its result.
    Finished,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It waits for a person's answer.
    Interrupted,
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        })
    }
}

/// The head of a run's record: what is needed to tell runs apart and to start one again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run.
    pub id: RunId,
    /// Its name; see [`RunOptions::new`](crate::RunOptions::new).
    pub name: String,
    /// How its graph is wired; `None` when its agent is no graph.
    pub shape: Option<Shape>,
    /// Its input.
    pub input: serde_json::Value,
    /// What the program wants to find again; see [`RunOptions::meta`](crate::RunOptions::meta).
    pub meta: serde_json::Value,
    /// The run that it was forked from, and how many of that run's entries it took over.
    pub forked: Option<(RunId, usize)>,
    /// How far it came.
    pub status: RunStatus,
    /// What it returned, when it is finished.
    pub output: Option<serde_json::Value>,
    /// Why it failed or waits.
    pub error: Option<Error>,
    /// What it spent on calls that have no entry, in all attempts that came to an end: calls whose
    /// failure ended it, and those that were cut off with it.
    pub lost: Usage,
    /// When it began, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last written to, in milliseconds since 1970.
    pub updated_ms: u64,
}

impl RunRecord {
    /// A run that begins now.
    pub fn new(id: RunId, name: impl Into<String>, input: serde_json::Value) -> Self {
        let now = now_ms();
        Self {
            id,
            name: name.into(),
            shape: None,
            input,
            meta: serde_json::Value::Null,
            forked: None,
            status: RunStatus::Running,
            output: None,
            error: None,
            lost: Usage::default(),
            created_ms: now,
            updated_ms: now,
        }
    }
}

/// A line of a list of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// How far it came.
    pub status: RunStatus,
    /// Whether it is being executed at this moment, here or in another process. A run whose
    /// status is [`Running`](RunStatus::Running) and that is not live was killed.
    pub live: bool,
    /// How many effects are recorded.
    pub entries: usize,
    /// When it began, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last written to, in milliseconds since 1970.
    pub updated_ms: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunEnd {
    /// How far it came.
    pub status: RunStatus,
    /// What it returned.
    pub output: Option<serde_json::Value>,
    /// Why it failed or waits.
    pub error: Option<Error>,
    /// What it spent so far on calls that have no entry; see [`RunRecord::lost`].
    pub lost: Usage,
}

impl RunEnd {
    /// It gave its result.
    pub fn finished(output: serde_json::Value) -> Self {
        Self {
            status: RunStatus::Finished,
            output: Some(output),
            error: None,
            lost: Usage::default(),
        }
    }

    /// It ended without one.
    pub fn failed(error: Error) -> Self {
        let status = match &error {
            error if error.is_interrupted() => RunStatus::Interrupted,
            error if error.is_cancelled() => RunStatus::Cancelled,
            _ => RunStatus::Failed,
        };
        Self {
            status,
            output: None,
            error: Some(error),
            lost: Usage::default(),
        }
    }

    /// Adds what was spent on calls that have no entry.
    #[must_use]
    pub fn with_lost(mut self, lost: Usage) -> Self {
        self.lost = lost;
        self
    }
}

/// One effect: something that came from outside and must not be asked for twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The node.
    pub path: NodePath,
    /// The call's index in its node, from 0.
    pub call: u32,
    /// What was asked.
    pub request: Fingerprint,
    /// What came.
    pub effect: Effect,
    /// What was booked for it.
    #[serde(default)]
    pub usage: Usage,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// A chat model's answer.
    Chat(ChatResponse),
    /// An embedder's vectors.
    Embed(Vec<Embedding>),
    /// A scorer's log-probabilities.
    Score(Score),
    /// A tool's result.
    Tool(serde_json::Value),
    /// A reading of the clock, in microseconds since 1970.
    Time(u64),
    /// Random bits.
    Random(u64),
    /// A question to a person. Its answer is the next entry of the node.
    Question(Interrupt),
    /// A person's answer.
    Answer(serde_json::Value),
    /// A call that failed, after which its node went on.
    Failed(Error),
    /// An attempt that failed, after which its failure policy went on. Its call index counts down
    /// from `u32::MAX`: that less the number of the attempt.
    GaveUp {
        /// Why.
        error: Error,
        /// How far things in its place were numbered by then.
        numbered: Numbered,
    },
}

impl Effect {
    /// Its kind, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Chat(_) => "chat",
            Self::Embed(_) => "embed",
            Self::Score(_) => "score",
            Self::Tool(_) => "tool",
            Self::Time(_) => "time",
            Self::Random(_) => "random",
            Self::Question(_) => "question",
            Self::Answer(_) => "answer",
            Self::Failed(_) => "failed",
            Self::GaveUp { .. } => "gave up",
        }
    }
}

/// How far what happens in one place of a run was numbered: for a run that is resumed without doing
/// it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Numbered {
    /// Calls.
    pub calls: u32,
    /// Attempts, and graphs that an agent ran.
    pub runs: u32,
    /// Whether one of those graphs was run under the path itself.
    pub entered: bool,
    /// The names of the questions that were asked.
    pub asked: Vec<String>,
}

/// Milliseconds since 1970; 0 before that.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_are_checked() {
        let (first, second) = (RunId::generate(), RunId::generate());
        assert_eq!(RunId::parse(first.as_str()).unwrap(), first);
        assert!(first.as_str().len() == 26 && first != second);
        assert!(RunId::parse("../etc/passwd").unwrap_err().is_invalid());
    }

    #[test]
    fn an_end_says_why() {
        assert_eq!(
            RunEnd::failed(Error::cancelled()).status,
            RunStatus::Cancelled
        );
        let waits = Error::interrupted(Vec::new());
        assert_eq!(RunEnd::failed(waits).status, RunStatus::Interrupted);
        assert_eq!(RunEnd::failed(Error::other("x")).status, RunStatus::Failed);
    }
}
