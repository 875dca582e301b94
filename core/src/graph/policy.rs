//! What happens when a node fails.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Inside, caught};
use crate::{Agent, Context, Error, EventKind, NodePath, Recovery, Result};

/// Gives an agent a failure policy: what happens before its failure becomes the run's.
///
/// The policies apply in this order: the agent is retried, then the fallback is asked, then the
/// gap is filled; each is optional. Every attempt pays from the same budget. A policy never goes on
/// after a cancellation, an interrupt, a spent budget, or a failure of the journal. A panic is a
/// failure like any other. A resumed run does not make again what was given up, nor wait for it.
///
/// The agent's input must be `Clone`, since every attempt needs one.
///
/// # Example: two more tries, then another agent, then a gap
///
/// ```
/// use std::time::Duration;
/// use catena_core::{Error, Graph, Retry, Run, RunOptions, agent, on_failure};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let shaky = agent(|_: u32, _cx| async { Err::<String, _>(Error::unavailable("down")) });
/// let other = agent(|_: u32, _cx| async { Err::<String, _>(Error::refused("no")) });
///
/// let mut graph = Graph::builder("patient");
/// let ask = graph.map("ask", 2, on_failure(shaky)
///     .retry(Retry::times(2).backoff(Duration::from_millis(1)))
///     .fallback(other)
///     .skip(|gap| format!("({})", gap.error)));
/// let graph = graph.build(ask, ask)?;
///
/// let outcome = Run::start(graph, vec![7], RunOptions::new("patient")).outcome().await?;
/// assert_eq!(outcome.output, ["(patient/ask[0]~4: no)"]);
/// assert_eq!(outcome.gaps.len(), 1);
/// # Ok(())
/// # }
/// ```
pub fn on_failure<A: Agent>(agent: A) -> OnFailure<A> {
    OnFailure {
        agent,
        retry: None,
        fallback: None,
        skip: None,
    }
}

/// An agent with a failure policy; see [`on_failure`].
pub struct OnFailure<A: Agent> {
    agent: A,
    retry: Option<Retry>,
    fallback: Option<Arc<dyn Agent<Input = A::Input, Output = A::Output>>>,
    skip: Option<Fill<A::Output>>,
}

type Fill<O> = Arc<dyn Fn(&Gap) -> O + Send + Sync>;

/// A result that is missing, and was filled by [`OnFailure::skip`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// The node, or the item of one.
    pub path: NodePath,
    /// Why it has no result of its own.
    pub error: Error,
}

impl<A: Agent> OnFailure<A> {
    /// Runs the agent again when it fails with an error that the policy takes.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Runs another agent on the same input when the agent, with its retries, has failed.
    #[must_use]
    pub fn fallback(mut self, agent: impl Agent<Input = A::Input, Output = A::Output>) -> Self {
        self.fallback = Some(Arc::new(agent));
        self
    }

    /// Puts what `fill` gives in the place of a result that is missing, and records a [`Gap`] in
    /// the run's [`Outcome`](crate::Outcome) and its events. It must give the same for the same
    /// gap, or the run cannot be resumed.
    #[must_use]
    pub fn skip(mut self, fill: impl Fn(&Gap) -> A::Output + Send + Sync + 'static) -> Self {
        self.skip = Some(Arc::new(fill));
        self
    }
}

#[async_trait]
impl<A> Agent for OnFailure<A>
where
    A: Agent,
    A::Input: Clone + Sync,
{
    type Input = A::Input;
    type Output = A::Output;

    async fn run(&self, input: A::Input, cx: &Context) -> Result<A::Output> {
        let mut retries = 0;
        let mut failed = loop {
            let failed = match attempt(&self.agent, &input, cx).await {
                Ok(output) => return Ok(output),
                Err(failed) => failed,
            };
            match &self.retry {
                Some(retry) if retries < retry.times && retry.takes(&failed.error) => {
                    retries += 1;
                    let delay = retry.delay(retries, &failed.error);
                    let (attempt, known) = (failed.number + 1, failed.known);
                    let retry = Recovery::Retry { attempt, delay };
                    failed.recover(cx, retry).await?;
                    // Since then a resumed run has waited long enough.
                    if !known {
                        cx.sleep(delay).await?;
                    }
                }
                _ => break failed,
            }
        };
        if let Some(fallback) = &self.fallback {
            failed.recover(cx, Recovery::Fallback).await?;
            failed = match attempt(&**fallback, &input, cx).await {
                Ok(output) => return Ok(output),
                Err(failed) => failed,
            };
        }
        let Some(fill) = &self.skip else {
            return Err(failed.error);
        };
        let gap = Gap {
            path: cx.path().clone(),
            error: failed.error.clone(),
        };
        failed.recover(cx, Recovery::Skip).await?;
        let output = fill(&gap);
        cx.keep_gap(gap);
        Ok(output)
    }

    fn inside(&self) -> Inside {
        let mut inside = self.agent.inside();
        if let Some(retry) = &self.retry {
            inside
                .on_failure
                .push(format!("retry {}\u{d7}", retry.times));
        }
        if self.fallback.is_some() {
            inside.on_failure.push("fall back".to_owned());
        }
        if self.skip.is_some() {
            inside.on_failure.push("skip".to_owned());
        }
        inside
    }
}

/// An attempt that failed.
struct Failed {
    error: Error,
    /// The how-manieth it was.
    number: u32,
    /// Whether that was known from the journal, and it was not made.
    known: bool,
}

/// One attempt, under a path of its own.
async fn attempt<A>(agent: &A, input: &A::Input, cx: &Context) -> Result<A::Output, Failed>
where
    A: Agent + ?Sized,
    A::Input: Clone,
{
    let (here, number) = cx.again();
    let (result, known) = match cx.gave_up(number) {
        Some(error) => (Err(error), true),
        None => (caught(agent.run(input.clone(), &here)).await, false),
    };
    result.map_err(|error| Failed {
        error: error.at(here.path()),
        number,
        known,
    })
}

impl Failed {
    /// Writes down that the policy goes on behind this failure, and tells it; unless the failure
    /// ends the run: then it comes back.
    async fn recover(self, cx: &Context, by: Recovery) -> Result<()> {
        let Self {
            error,
            number,
            known,
        } = self;
        if error.ends_the_run() {
            return Err(error);
        }
        if !known {
            cx.give_up(number, &error).await?;
        }
        cx.forget_gaps();
        cx.emit(EventKind::Recovered { by, error });
        Ok(())
    }
}

impl<A: Agent> fmt::Debug for OnFailure<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnFailure")
            .field("retry", &self.retry)
            .field("fallback", &self.fallback.is_some())
            .field("skip", &self.skip.is_some())
            .finish_non_exhaustive()
    }
}

/// How an agent is tried again.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use catena_core::{Error, Retry};
///
/// let retry = Retry::times(3).backoff(Duration::from_secs(1)).when(|error| error.is_retryable());
/// # let _ = retry;
/// ```
#[derive(Clone)]
pub struct Retry {
    times: u32,
    backoff: Duration,
    when: Arc<dyn Fn(&Error) -> bool + Send + Sync>,
}

impl Retry {
    /// The longest wait, unless a provider asks for a longer one.
    const LONGEST: Duration = Duration::from_secs(60);

    /// Tries again at most so many times after the first attempt, when the error
    /// [`is_retryable`](Error::is_retryable).
    pub fn times(times: u32) -> Self {
        Self {
            times,
            backoff: Duration::from_millis(500),
            when: Arc::new(Error::is_retryable),
        }
    }

    /// The wait before the second attempt; it doubles with each that follows, up to a minute.
    /// Where a provider asked to wait longer, that is what is waited. Default: half a second.
    #[must_use]
    pub fn backoff(mut self, first: Duration) -> Self {
        self.backoff = first;
        self
    }

    /// Which errors are worth another try. Default: those that
    /// [`is_retryable`](Error::is_retryable).
    #[must_use]
    pub fn when(mut self, takes: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.when = Arc::new(takes);
        self
    }

    fn takes(&self, error: &Error) -> bool {
        !error.ends_the_run() && (self.when)(error)
    }

    /// The wait after attempt `attempt` (from 1) failed.
    fn delay(&self, attempt: u32, error: &Error) -> Duration {
        let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        let doubled = self.backoff.saturating_mul(factor).min(Self::LONGEST);
        doubled.max(error.retry_after().unwrap_or_default())
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("times", &self.times)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{Effect, Graph, Journal, MemoryJournal, Run, RunOptions, agent};

    /// Every attempt has calls of its own, whatever is nested in what: no two have the same key.
    #[tokio::test(start_paused = true)]
    async fn policies_nest_and_graphs_run_again() {
        let failures = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&failures);
        let mut graph = Graph::builder("inner");
        let shaky = graph.node(
            "shaky",
            agent(move |_: u32, cx: Context| {
                let failures = Arc::clone(&counted);
                async move {
                    let bits = cx.random().await?;
                    match failures.fetch_add(1, Ordering::SeqCst) {
                        0..5 => Err(Error::unavailable("down")),
                        _ => Ok(bits),
                    }
                }
            }),
        );
        let graph = graph.build(shaky, shaky).unwrap();
        let twice = agent(move |x: u32, cx: Context| {
            let graph = graph.clone();
            async move { Ok((graph.run(x, &cx).await?, graph.run(x, &cx).await?)) }
        });
        let patient = on_failure(on_failure(twice).retry(Retry::times(1))).retry(Retry::times(2));
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let options = RunOptions::new("r").journal(Arc::clone(&journal));
        let outcome = Run::start(patient, 1, options).outcome().await.unwrap();
        let (_, entries) = journal.load(&outcome.run).await.unwrap().unwrap();
        let thrown = entries
            .iter()
            .filter(|entry| matches!(entry.effect, Effect::Random(_)))
            .map(|entry| entry.path.to_string());
        assert_eq!(
            thrown.collect::<Vec<_>>(),
            [
                "r~2/shaky",
                "r~3/shaky",
                "r~4/shaky",
                "r~4~2/shaky",
                "r~5/shaky",
                "r~5~2/shaky",
                "r~5~2~2/shaky",
            ]
        );
    }

    #[test]
    fn waits_double_up_to_a_minute_and_heed_the_provider() {
        let retry = Retry::times(9).backoff(Duration::from_secs(8));
        let down = Error::unavailable("down");
        let delays: Vec<u64> = (1..6).map(|n| retry.delay(n, &down).as_secs()).collect();
        assert_eq!(delays, [8, 16, 32, 60, 60]);
        let asked = Error::rate_limited(Some(Duration::from_secs(90)), "slow");
        assert_eq!(retry.delay(1, &asked).as_secs(), 90);
        assert_eq!(retry.delay(200, &down).as_secs(), 60);
    }

    #[test]
    fn what_ends_the_run_is_never_tried_again() {
        let retry = Retry::times(1).when(|_| true);
        assert!(retry.takes(&Error::other("x")));
        assert!(!retry.takes(&Error::budget_exceeded("x")));
        assert!(!retry.takes(&Error::cancelled()));
    }
}
