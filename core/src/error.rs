//! One opaque error for the whole of `catena-core`.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Budget, Interrupt, NodePath, Usage};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for a person and for a program.
///
/// The kind is private; ask with the `is_…` predicates. [`Display`](fmt::Display) gives what was
/// being done and what went wrong, [`help`](Error::help) what to do about it, [`path`](Error::path)
/// the node in which it happened. The cause, if there is one, is the
/// [`source`](StdError::source). Cloning is cheap.
///
/// # Example: tell a spent budget from any other failure
///
/// ```
/// use catena_core::Error;
///
/// let error = Error::budget_exceeded("the call needs 900 tokens, 120 are left")
///     .with_help("raise --max-tokens");
/// assert!(error.is_budget_exceeded());
/// assert!(!error.is_retryable());
/// assert_eq!(error.help(), Some("raise --max-tokens"));
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    help: Option<String>,
    path: Option<NodePath>,
    call: Option<u32>,
    spent: Option<Usage>,
    unspent: Option<Budget>,
    interrupts: Vec<Interrupt>,
    partial: Vec<Partial>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What was already done when a node failed: the output of an item of a `map` that was finished by
/// then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Partial {
    /// The item's path.
    pub path: NodePath,
    /// What it returned.
    pub output: serde_json::Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Invalid,
    /// A person's answer that cannot be read.
    WrongAnswer,
    Graph,
    Prompt,
    ContextOverflow {
        missing: u64,
    },
    BudgetExceeded,
    Cancelled,
    Interrupted,
    RateLimited {
        retry_after: Option<Duration>,
    },
    Unavailable {
        retry_after: Option<Duration>,
    },
    Refused,
    MalformedOutput,
    Journal,
    Memory,
    Divergence,
    StepLimit,
    Panicked,
    Other,
}

/// Constructors, one for each kind. Implementors of [`ChatModel`](crate::ChatModel),
/// [`Journal`](crate::Journal) and [`Agent`](crate::Agent) use them to say which kind it is.
impl Error {
    /// Anything that no other constructor describes; never retried.
    pub fn other(message: impl Into<String>) -> Self {
        Self::of(Kind::Other, message)
    }

    /// The caller passed something that cannot work, whatever is tried.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::of(Kind::Invalid, message)
    }

    /// A person's answer that is not of the type that was asked for.
    pub(crate) fn wrong_answer(message: impl Into<String>) -> Self {
        Self::of(Kind::WrongAnswer, message)
    }

    /// A graph that is not well-formed.
    pub fn graph(message: impl Into<String>) -> Self {
        Self::of(Kind::Graph, message)
    }

    /// A template that does not parse or whose variables are not all given.
    pub fn prompt(message: impl Into<String>) -> Self {
        Self::of(Kind::Prompt, message)
    }

    /// A prompt that does not fit its window; `missing` is how many tokens too long it is.
    pub fn context_overflow(missing: u64, message: impl Into<String>) -> Self {
        Self::of(Kind::ContextOverflow { missing }, message)
    }

    /// A call that the budget does not allow. The call was not made.
    pub fn budget_exceeded(message: impl Into<String>) -> Self {
        Self::of(Kind::BudgetExceeded, message)
    }

    /// The run was cancelled, by its handle or because a sibling failed.
    pub fn cancelled() -> Self {
        Self::of(Kind::Cancelled, "the run was cancelled")
    }

    /// The run waits for a person's answers to `interrupts`.
    pub fn interrupted(interrupts: Vec<Interrupt>) -> Self {
        let message = match interrupts.as_slice() {
            [one] => format!("the run waits for an answer to '{}'", one.id),
            all => format!(
                "the run waits for {} answers: {}",
                all.len(),
                all.iter()
                    .map(|interrupt| format!("'{}'", interrupt.id))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        Self::of(Kind::Interrupted, message)
            .with_help("resume the run with an answer to each")
            .edit(|inner| inner.interrupts = interrupts)
    }

    /// The provider asks for fewer requests; `retry_after` is what it asked to wait, if it said.
    pub fn rate_limited(retry_after: Option<Duration>, message: impl Into<String>) -> Self {
        Self::of(Kind::RateLimited { retry_after }, message)
    }

    /// The provider could not be reached, or failed on its side: the same call may succeed later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::of(Kind::Unavailable { retry_after: None }, message)
    }

    /// The provider understood and said no (credentials, content policy, unknown model).
    pub fn refused(message: impl Into<String>) -> Self {
        Self::of(Kind::Refused, message)
    }

    /// A model or provider answered with something that does not have the form agreed on.
    pub fn malformed_output(message: impl Into<String>) -> Self {
        Self::of(Kind::MalformedOutput, message)
    }

    /// The journal could not be read or written.
    pub fn journal(message: impl Into<String>) -> Self {
        Self::of(Kind::Journal, message)
    }

    /// An archive or an index of memories could not be read or written.
    pub fn memory(message: impl Into<String>) -> Self {
        Self::of(Kind::Memory, message)
    }

    /// The program that resumes a run is not the one that began it.
    pub fn divergence(message: impl Into<String>) -> Self {
        Self::of(Kind::Divergence, message)
    }

    /// A cycle came to its step limit.
    pub fn step_limit(message: impl Into<String>) -> Self {
        Self::of(Kind::StepLimit, message)
    }

    /// A node panicked.
    pub fn panicked(message: impl Into<String>) -> Self {
        Self::of(Kind::Panicked, message)
    }

    fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            help: None,
            path: None,
            call: None,
            spent: None,
            unspent: None,
            interrupts: Vec::new(),
            partial: Vec::new(),
            source: None,
        }))
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        self.edit(|inner| inner.help = Some(help.into()))
    }

    /// Adds how long the provider asked to wait; an error that is not
    /// [retryable](Self::is_retryable) stays as it is.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.edit(|inner| {
            if let Kind::RateLimited { retry_after } | Kind::Unavailable { retry_after } =
                &mut inner.kind
            {
                *retry_after = Some(wait);
            }
        })
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.edit(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// Adds the node in which it happened; an inner node that is already named stays.
    #[must_use]
    pub fn at(self, path: &NodePath) -> Self {
        if self.0.path.is_some() {
            return self;
        }
        self.edit(|inner| inner.path = Some(path.clone()))
    }

    /// Adds the index of the call that failed, of those of its node; one that is named stays.
    #[must_use]
    pub(crate) fn in_call(self, call: u32) -> Self {
        if self.0.call.is_some() {
            return self;
        }
        self.edit(|inner| inner.call = Some(call))
    }

    /// Adds what the run had spent when it failed.
    #[must_use]
    pub fn with_spent(self, spent: Usage) -> Self {
        self.edit(|inner| inner.spent = Some(spent))
    }

    /// Adds what the run's budget had left when it failed.
    #[must_use]
    pub(crate) fn with_unspent(self, unspent: Budget) -> Self {
        self.edit(|inner| inner.unspent = Some(unspent))
    }

    /// Adds what was already done.
    #[must_use]
    pub(crate) fn with_partial(self, partial: impl IntoIterator<Item = Partial>) -> Self {
        self.edit(|inner| inner.partial.extend(partial))
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// What a program can ask.
impl Error {
    /// What a person can do about it, in one sentence.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The node in which it happened.
    pub fn path(&self) -> Option<&NodePath> {
        self.0.path.as_ref()
    }

    /// Which call of the node failed, from 0; `None` when the failure is not that of a call.
    pub fn call(&self) -> Option<u32> {
        self.0.call
    }

    /// What the run had spent when it failed; `None` outside a run.
    pub fn spent(&self) -> Option<&Usage> {
        self.0.spent.as_ref()
    }

    /// What the run's budget had left when it failed; `None` outside a run.
    pub fn unspent(&self) -> Option<&Budget> {
        self.0.unspent.as_ref()
    }

    /// What was already done: the outputs of the items that were finished when another item of
    /// their `map` failed. With a journal nothing else is lost either: resuming goes on there.
    pub fn partial(&self) -> &[Partial] {
        &self.0.partial
    }

    /// The questions that the run waits for, if it [`is_interrupted`](Self::is_interrupted).
    pub fn interrupts(&self) -> &[Interrupt] {
        &self.0.interrupts
    }

    /// The caller passed something that cannot work.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, Kind::Invalid | Kind::WrongAnswer)
    }

    /// The graph is not well-formed.
    pub fn is_graph(&self) -> bool {
        self.0.kind == Kind::Graph
    }

    /// A template does not parse, or a variable is missing.
    pub fn is_prompt(&self) -> bool {
        self.0.kind == Kind::Prompt
    }

    /// A prompt does not fit; [`missing_tokens`](Self::missing_tokens) says by how much.
    pub fn is_context_overflow(&self) -> bool {
        matches!(self.0.kind, Kind::ContextOverflow { .. })
    }

    /// How many tokens too long the prompt was.
    pub fn missing_tokens(&self) -> Option<u64> {
        match self.0.kind {
            Kind::ContextOverflow { missing } => Some(missing),
            _ => None,
        }
    }

    /// The budget does not allow the call.
    pub fn is_budget_exceeded(&self) -> bool {
        self.0.kind == Kind::BudgetExceeded
    }

    /// The run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == Kind::Cancelled
    }

    /// The run waits for a person's answer.
    pub fn is_interrupted(&self) -> bool {
        self.0.kind == Kind::Interrupted
    }

    /// The provider asks for fewer requests.
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.0.kind, Kind::RateLimited { .. })
    }

    /// How long the provider asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.0.kind {
            Kind::RateLimited { retry_after } | Kind::Unavailable { retry_after } => retry_after,
            _ => None,
        }
    }

    /// The provider said no for good.
    pub fn is_refused(&self) -> bool {
        self.0.kind == Kind::Refused
    }

    /// The answer did not have the form agreed on.
    pub fn is_malformed_output(&self) -> bool {
        self.0.kind == Kind::MalformedOutput
    }

    /// The journal could not be read or written.
    pub fn is_journal(&self) -> bool {
        self.0.kind == Kind::Journal
    }

    /// An archive or an index of memories could not be read or written.
    pub fn is_memory(&self) -> bool {
        self.0.kind == Kind::Memory
    }

    /// The resuming program differs from the one that began the run.
    pub fn is_divergence(&self) -> bool {
        self.0.kind == Kind::Divergence
    }

    /// A cycle came to its step limit.
    pub fn is_step_limit(&self) -> bool {
        self.0.kind == Kind::StepLimit
    }

    /// A node panicked.
    pub fn is_panicked(&self) -> bool {
        self.0.kind == Kind::Panicked
    }

    /// The same call may succeed if it is made again later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::RateLimited { .. } | Kind::Unavailable { .. }
        )
    }

    /// Its kind in one word, of which there are few: for traces.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.0.kind {
            Kind::Invalid | Kind::WrongAnswer => "invalid",
            Kind::Graph => "graph",
            Kind::Prompt => "prompt",
            Kind::ContextOverflow { .. } => "context_overflow",
            Kind::BudgetExceeded => "budget_exceeded",
            Kind::Cancelled => "cancelled",
            Kind::Interrupted => "interrupted",
            Kind::RateLimited { .. } => "rate_limited",
            Kind::Unavailable { .. } => "unavailable",
            Kind::Refused => "refused",
            Kind::MalformedOutput => "malformed_output",
            Kind::Journal => "journal",
            Kind::Memory => "memory",
            Kind::Divergence => "divergence",
            Kind::StepLimit => "step_limit",
            Kind::Panicked => "panicked",
            Kind::Other => "other",
        }
    }

    /// Nothing may go on after it, no failure policy and no agent that catches errors: the run is
    /// being stopped, waits, has spent what it may, or could not be recorded.
    pub fn ends_the_run(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Cancelled
                | Kind::Interrupted
                | Kind::WrongAnswer
                | Kind::BudgetExceeded
                | Kind::Journal
                | Kind::Divergence
        )
    }
}

/// An error as it stands in a journal: what a program may ask of it, and its causes as text.
#[derive(Serialize, Deserialize)]
struct Recorded {
    kind: Kind,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<NodePath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Recorded {
            kind: self.0.kind,
            message: self.0.message.clone(),
            help: self.0.help.clone(),
            path: self.0.path.clone(),
            call: self.0.call,
            cause: self.0.source.as_ref().map(ToString::to_string),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let recorded = Recorded::deserialize(deserializer)?;
        Ok(Self::of(recorded.kind, recorded.message).edit(|inner| {
            inner.help = recorded.help;
            inner.path = recorded.path;
            inner.call = recorded.call;
            inner.source = recorded
                .cause
                .map(|cause| Box::<dyn StdError + Send + Sync>::from(cause).into());
        }))
    }
}

/// Errors are equal when they say the same: kind, message, help, path and call.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        fn said(error: &Error) -> (Kind, &str, Option<&str>, Option<&NodePath>, Option<u32>) {
            let inner = &error.0;
            let (help, path) = (error.help(), error.path());
            (inner.kind, &inner.message, help, path, inner.call)
        }
        said(self) == said(other)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.0.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("help", &self.0.help)
            .field("path", &self.0.path)
            .field("call", &self.0.call)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests;
