//! What a run may spend, reserved before each call and settled after it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{Cost, Error, Result, Usage};

/// Limits of a run, over all its branches, nested graphs and retries. A limit that is not set does
/// not bind.
///
/// Before each call the [`Context`](crate::Context) reserves the prompt's tokens and the most that
/// the answer may take; a call that does not fit is not made and fails with
/// [`is_budget_exceeded`](Error::is_budget_exceeded). After the call the reservation is replaced
/// by what was really used. So with exact token counts, settled and reserved together never exceed
/// a limit.
///
/// Where an answer that is no good is sent back (a layer that repairs), all of it is reserved first
/// ([`ChatModel::worst_case`](crate::ChatModel::worst_case)). Another attempt after a failure is
/// reserved when it is due ([`Delta::Retry`](crate::Delta::Retry)), so that what suffices for a run
/// without failures suffices with a layer that retries; one that does not fit is not made, and the
/// call fails as its last attempt did.
///
/// Of a run that is resumed, calls, tokens and money count over all its attempts; the time counts
/// anew. What a call had cost that was under way when its process was killed is known to nobody.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use catena_core::Budget;
///
/// let budget = Budget::new().calls(20).tokens(50_000).time(Duration::from_secs(600));
/// assert_eq!(budget.calls, Some(20));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Budget {
    /// Calls to models, failed ones included.
    pub calls: Option<u64>,
    /// Tokens read and generated together.
    pub tokens: Option<u64>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens generated.
    pub output_tokens: Option<u64>,
    /// Money.
    pub cost: Option<Cost>,
    /// Time from the start of the run, or from when it was resumed.
    pub time: Option<Duration>,
}

impl Budget {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the calls.
    #[must_use]
    pub fn calls(mut self, calls: u64) -> Self {
        self.calls = Some(calls);
        self
    }

    /// Limits the tokens read and generated together.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Limits the tokens read.
    #[must_use]
    pub fn input_tokens(mut self, tokens: u64) -> Self {
        self.input_tokens = Some(tokens);
        self
    }

    /// Limits the tokens generated.
    #[must_use]
    pub fn output_tokens(mut self, tokens: u64) -> Self {
        self.output_tokens = Some(tokens);
        self
    }

    /// Limits the money.
    #[must_use]
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Limits the time from the start of the run, or from when it was resumed.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// What is left of each limit after `usage` and `elapsed`.
    pub(crate) fn minus(&self, usage: &Usage, elapsed: Duration) -> Self {
        let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        Self {
            calls: left(self.calls, usage.calls),
            tokens: left(self.tokens, usage.tokens()),
            input_tokens: left(self.input_tokens, usage.input_tokens),
            output_tokens: left(self.output_tokens, usage.output_tokens),
            cost: left(self.cost.map(|cost| cost.0), usage.cost.0).map(Cost),
            time: self.time.map(|limit| limit.saturating_sub(elapsed)),
        }
    }

    /// The first limit that `usage` exceeds: its name, the limit, and what is asked for.
    fn exceeded_by(&self, usage: &Usage) -> Option<(&'static str, String, String)> {
        let counts = [
            ("calls", self.calls, usage.calls),
            ("tokens", self.tokens, usage.tokens()),
            ("input tokens", self.input_tokens, usage.input_tokens),
            ("output tokens", self.output_tokens, usage.output_tokens),
        ];
        for (name, limit, asked) in counts {
            if let Some(limit) = limit.filter(|limit| asked > *limit) {
                return Some((name, limit.to_string(), asked.to_string()));
            }
        }
        self.cost
            .filter(|limit| usage.cost > *limit)
            .map(|limit| ("cost", limit.to_string(), usage.cost.to_string()))
    }
}

/// Limits that are set, in words: `3 calls, 500 tokens`; nothing if none is.
impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = [
            (self.calls, "calls"),
            (self.tokens, "tokens"),
            (self.input_tokens, "input tokens"),
            (self.output_tokens, "output tokens"),
        ];
        let counts = counts
            .into_iter()
            .filter_map(|(limit, what)| Some(format!("{} {what}", limit?)));
        let cost = self.cost.map(|cost| cost.to_string());
        let time = self.time.map(|time| format!("{:.1} s", time.as_secs_f64()));
        let parts: Vec<_> = counts.chain(cost).chain(time).collect();
        f.write_str(&parts.join(", "))
    }
}

/// The account of one run. All methods are short and lock one mutex.
#[derive(Debug)]
pub(crate) struct Ledger {
    budget: Budget,
    started: Instant,
    account: Mutex<Account>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    settled: Usage,
    reserved: Usage,
}

impl Ledger {
    pub(crate) fn new(budget: Budget) -> Arc<Self> {
        Arc::new(Self {
            budget,
            started: Instant::now(),
            account: Mutex::new(Account::default()),
        })
    }

    /// Sets `estimate` aside for one call, or refuses.
    pub(crate) fn reserve(self: &Arc<Self>, estimate: Usage) -> Result<Reservation> {
        if self.time_left() == Some(Duration::ZERO) {
            return Err(self.out_of_time());
        }
        self.set_aside(estimate)?;
        Ok(Reservation {
            ledger: Arc::clone(self),
            estimate,
            used: Usage::call(0, 0),
        })
    }

    fn set_aside(&self, estimate: Usage) -> Result<()> {
        let mut account = self.account();
        let asked = account.settled + account.reserved + estimate;
        if let Some((name, limit, asked)) = self.budget.exceeded_by(&asked) {
            return Err(Error::budget_exceeded(format!(
                "the budget of {limit} {name} does not allow the next call, which could bring the \
                 run to {asked}"
            ))
            .with_help(format!("allow more {name}, or ask for less")));
        }
        account.reserved += estimate;
        Ok(())
    }

    /// Books usage that was paid for earlier: a call replayed from the journal.
    pub(crate) fn book(&self, usage: Usage) {
        self.account().settled += usage;
    }

    /// What the run has spent, open reservations not included.
    pub(crate) fn settled(&self) -> Usage {
        self.account().settled
    }

    /// What the run has spent and set aside.
    pub(crate) fn committed(&self) -> Usage {
        let account = self.account();
        account.settled + account.reserved
    }

    /// What the budget has left.
    pub(crate) fn unspent(&self) -> Budget {
        self.budget.minus(&self.settled(), self.elapsed())
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// `None` without a limit.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let limit = self.budget.time?;
        Some(limit.saturating_sub(self.elapsed()))
    }

    pub(crate) fn out_of_time(&self) -> Error {
        let limit = self.budget.time.unwrap_or_default();
        Error::budget_exceeded(format!("the time limit of {limit:?} has passed"))
            .with_help("allow more time, or ask for less")
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Every critical section leaves the account consistent, whatever panicked around it.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Budget set aside for one call. Given up or dropped unsettled (the call failed or was cancelled),
/// it books what is known to have been used; the call itself, at the least.
#[derive(Debug)]
pub(crate) struct Reservation {
    ledger: Arc<Ledger>,
    estimate: Usage,
    /// So far.
    used: Usage,
}

impl Reservation {
    /// Notes what has been used so far: what is charged if the call ends here.
    pub(crate) fn used(&mut self, usage: Usage) {
        self.used = usage;
    }

    /// Sets `more` aside for another attempt of the same call after `wait`, or refuses.
    pub(crate) fn extend(&mut self, more: Usage, wait: Duration) -> Result<()> {
        if self.ledger.time_left().is_some_and(|left| left <= wait) {
            return Err(self.ledger.out_of_time());
        }
        self.ledger.set_aside(more)?;
        self.estimate += more;
        Ok(())
    }

    /// Replaces the reservation by what was really used.
    pub(crate) fn settle(mut self, usage: Usage) {
        self.close(usage);
    }

    /// Replaces the reservation by what a failed call is charged, and says what that is.
    pub(crate) fn give_up(mut self) -> Usage {
        self.close(self.used);
        self.used
    }

    fn close(&mut self, usage: Usage) {
        let estimate = std::mem::take(&mut self.estimate);
        let mut account = self.ledger.account();
        account.reserved = account.reserved.without(estimate);
        account.settled += usage;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // Settled ones are empty: every estimate has at least its call.
        if self.estimate != Usage::default() {
            self.close(self.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(calls: u64, input: u64, output: u64) -> Usage {
        Usage {
            calls,
            ..Usage::call(input, output)
        }
    }

    #[test]
    fn a_call_that_could_exceed_a_limit_is_refused_before_it_is_made() {
        let ledger = Ledger::new(Budget::new().tokens(100));
        let first = ledger.reserve(Usage::call(50, 30)).unwrap();
        let error = ledger.reserve(Usage::call(10, 11)).unwrap_err();
        assert!(error.is_budget_exceeded());
        assert!(error.to_string().contains("100 tokens"), "{error}");
        first.settle(Usage::call(50, 5));
        ledger.reserve(Usage::call(20, 25)).unwrap();
    }

    #[test]
    fn every_limit_binds() {
        let call = Usage {
            cost: Cost(10),
            ..Usage::call(5, 5)
        };
        for budget in [
            Budget::new().calls(0),
            Budget::new().tokens(9),
            Budget::new().input_tokens(4),
            Budget::new().output_tokens(4),
            Budget::new().cost(Cost(9)),
            Budget::new().time(Duration::ZERO),
        ] {
            let error = Ledger::new(budget).reserve(call).unwrap_err();
            assert!(error.is_budget_exceeded(), "{budget:?}");
            assert!(error.help().is_some());
        }
        let exact = Budget::new()
            .calls(1)
            .tokens(10)
            .input_tokens(5)
            .output_tokens(5)
            .cost(Cost(10));
        assert!(Ledger::new(exact).reserve(call).is_ok());
    }

    #[test]
    fn a_failed_call_is_booked_as_a_call() {
        let ledger = Ledger::new(Budget::new().calls(1));
        drop(ledger.reserve(Usage::call(5, 5)).unwrap());
        assert_eq!(ledger.settled(), usage(1, 0, 0));
        assert!(ledger.reserve(Usage::call(5, 5)).is_err());
    }

    #[test]
    fn what_is_left_is_told() {
        let ledger = Ledger::new(Budget::new().calls(3).tokens(100).cost(Cost(7)));
        ledger.reserve(Usage::call(10, 10)).unwrap().settle(Usage {
            cost: Cost(2),
            ..Usage::call(10, 5)
        });
        let left = ledger.unspent();
        assert_eq!((left.calls, left.tokens), (Some(2), Some(85)));
        assert_eq!((left.cost, left.time), (Some(Cost(5)), None));
        assert_eq!(left.to_string(), "2 calls, 85 tokens, $0.000000005");
        assert_eq!(Budget::new().to_string(), "");
    }

    #[test]
    fn an_answer_cut_off_is_booked_as_far_as_it_came() {
        let ledger = Ledger::new(Budget::new());
        let mut reservation = ledger.reserve(Usage::call(50, 30)).unwrap();
        reservation.used(Usage::call(50, 7));
        drop(reservation);
        assert_eq!(ledger.settled(), usage(1, 50, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn another_attempt_needs_room_and_time() {
        let budget = Budget::new().calls(2).tokens(80);
        let ledger = Ledger::new(budget.time(Duration::from_secs(10)));
        let mut reservation = ledger.reserve(Usage::call(50, 30)).unwrap();
        let (failed, wait) = (Usage::call(0, 0), Duration::from_secs(9));
        assert!(reservation.extend(Usage::call(1, 0), wait).is_err());
        assert!(reservation.extend(failed, Duration::from_secs(10)).is_err());
        reservation.extend(failed, wait).unwrap();
        assert_eq!(ledger.committed(), usage(2, 50, 30));
        assert!(reservation.extend(failed, wait).is_err());
        reservation.settle(usage(2, 50, 1));
        assert_eq!(ledger.committed(), usage(2, 50, 1));
    }

    #[test]
    fn no_interleaving_exceeds_the_limit() {
        let ledger = Ledger::new(Budget::new().calls(100).tokens(1_000));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let ledger = &ledger;
                scope.spawn(move || {
                    for step in 0..50_u64 {
                        let Ok(reservation) = ledger.reserve(Usage::call(10, 10)) else {
                            continue;
                        };
                        let account = *ledger.account();
                        let total = account.settled + account.reserved;
                        assert!(total.calls <= 100 && total.tokens() <= 1_000);
                        reservation.settle(Usage::call(10, (thread + step) % 11));
                    }
                });
            }
        });
        let settled = ledger.settled();
        assert!(settled.tokens() <= 1_000);
        assert_eq!(ledger.account().reserved, Usage::default());
    }
}
