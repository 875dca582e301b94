//! Evaluating, and what is read off.

use std::{collections::BTreeMap, path::Path};

use catena_agents::Round;
use catena_core::Result;
use futures::{StreamExt, stream};

use super::{RepairItem, RepairStrategy, RepairSuite, RepairedItem};
use crate::{Row, Summary, kept::Kept, stats::SEED};

impl RepairSuite {
    /// Repairs the items that have no result in `folder` yet, and tells `progress` of each. An item that
    /// fails is kept with its error, counts as not repaired, and is tried again the next time.
    ///
    /// So many are repaired at a time as the strategy says; results come in the order of the items.
    ///
    /// Results, with the transcripts, are in `folder/SUITE/STRATEGY.jsonl`, a line each.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) when the file holds results of another setting;
    /// otherwise when the file cannot be read or written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the items under way, and those that wait for one before them.
    pub async fn evaluate(
        &self,
        strategy: &dyn RepairStrategy,
        folder: &Path,
        mut progress: impl FnMut(&RepairedItem, usize),
    ) -> Result<RepairEvaluation> {
        let mut kept = Kept::open(folder, &self.name, strategy.name(), &strategy.setting())?;
        let mut items = Vec::with_capacity(self.items.len());
        let work: Vec<(&RepairItem, Option<RepairedItem>)> = self
            .items
            .iter()
            .map(|item| (item, kept.take(&item.id)))
            .collect();
        let work = work.into_iter().map(async |(item, known)| match known {
            Some(repaired) => (repaired, false),
            None => (strategy.repair(item).await, true),
        });
        let mut work = stream::iter(work).buffered(strategy.width().max(1));
        while let Some((repaired, is_new)) = work.next().await {
            let repaired = match is_new {
                true => kept.keep(repaired)?,
                false => repaired,
            };
            progress(&repaired, items.len() + 1);
            items.push(repaired);
        }
        Ok(RepairEvaluation {
            strategy: strategy.name().to_owned(),
            is_resampling: strategy.is_resampling(),
            items,
        })
    }
}

impl RepairSuite {
    /// What is kept in `folder` of a strategy, without repairing anything: the items that have a result.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub fn kept(&self, strategy: &dyn RepairStrategy, folder: &Path) -> Result<RepairEvaluation> {
        let mut kept = Kept::open(folder, &self.name, strategy.name(), &strategy.setting())?;
        Ok(RepairEvaluation {
            strategy: strategy.name().to_owned(),
            is_resampling: strategy.is_resampling(),
            items: self
                .items
                .iter()
                .filter_map(|item| kept.take(&item.id))
                .collect(),
        })
    }
}

/// The results of one strategy on a suite.
#[derive(Clone, Debug)]
pub struct RepairEvaluation {
    /// The strategy's name.
    pub strategy: String,
    /// Whether its rounds are independent samples.
    pub is_resampling: bool,
    /// A result for each item, in their order.
    pub items: Vec<RepairedItem>,
}

/// Items that have something in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// Items whose first attempt failed.
    pub failing: usize,
    /// Those of them that were repaired.
    pub repaired: usize,
}

/// A limit of tokens for each item.
type Cap = Option<u64>;

impl RepairEvaluation {
    /// Whether each item passes its hidden tests, as 1 or 0, after so many rounds: the version is the one
    /// that was best by the visible tests up to then.
    pub fn passes(&self, rounds: u32) -> Vec<f64> {
        let upto = |round: &Round| round.number <= rounds;
        self.items.iter().map(|item| score(item, upto)).collect()
    }

    /// The same at the end: after all rounds, or those that a limit of tokens for each item allows.
    pub fn passes_within(&self, tokens: Cap) -> Vec<f64> {
        self.items
            .iter()
            .map(|item| score(item, |round| within(round, tokens)))
            .collect()
    }

    /// Of the items whose first attempt fails, whether each passes at the end.
    pub fn repaired(&self, tokens: Cap) -> Vec<f64> {
        let first = self.passes(0);
        let last = self.passes_within(tokens);
        let both = first.into_iter().zip(last);
        both.filter(|(first, _)| *first == 0.0)
            .map(|(_, last)| last)
            .collect()
    }

    /// Items that passed at first and do not at the end.
    pub fn regressions(&self, tokens: Cap) -> usize {
        let both = self.passes(0).into_iter().zip(self.passes_within(tokens));
        both.filter(|(first, last)| first > last).count()
    }

    /// Items whose first attempt passes the visible tests and not the hidden ones: no round sees that.
    pub fn unseen(&self) -> usize {
        let first = self.items.iter().filter_map(|item| item.rounds.first());
        first
            .filter(|round| round.report.passes && round.hidden == Some(false))
            .count()
    }

    /// How many items failed.
    pub fn failures(&self) -> usize {
        let failed = self
            .items
            .iter()
            .filter(|item| item.answered.error.is_some());
        failed.count()
    }

    /// Calls and tokens an item, on average.
    pub fn cost(&self, tokens: Cap) -> (f64, f64) {
        let n = self.items.len().max(1) as f64;
        let (mut calls, mut spent) = (0, 0);
        for item in &self.items {
            let (of_calls, of_tokens) = spent_on(item, tokens);
            calls += of_calls;
            spent += of_tokens;
        }
        (calls as f64 / n, spent as f64 / n)
    }

    /// The row of a table: pass rates after each of so many rounds and at the end, and of those that
    /// failed at first the share that was repaired, each with its interval.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) without items.
    pub fn row(&self, rounds: u32, tokens: Cap) -> Result<Row> {
        let name = match tokens {
            Some(_) => format!("{} (equal tokens)", self.strategy),
            None => self.strategy.clone(),
        };
        let mut row = Row::new(name);
        for round in 0..=rounds {
            let column = format!("round {round}");
            // A sample is no round: only the first attempt is the same for all.
            if round == 0 || !self.is_resampling {
                row.push(column, Summary::bootstrap(&self.passes(round), SEED)?);
            }
        }
        row.push(
            "end",
            Summary::bootstrap(&self.passes_within(tokens), SEED)?,
        );
        let repaired = self.repaired(tokens);
        if !repaired.is_empty() {
            row.push("repaired", Summary::bootstrap(&repaired, SEED)?);
        }
        Ok(row)
    }

    /// Of the items whose first attempt failed, how many were repaired, in groups.
    pub fn repaired_by<K: Ord>(
        &self,
        tokens: Cap,
        group: impl Fn(&RepairedItem) -> K,
    ) -> BTreeMap<K, Kind> {
        let mut kinds: BTreeMap<K, Kind> = BTreeMap::new();
        let scores = self.passes(0).into_iter().zip(self.passes_within(tokens));
        for (item, (first, last)) in self.items.iter().zip(scores) {
            if first == 0.0 {
                let kind = kinds.entry(group(item)).or_default();
                kind.failing += 1;
                kind.repaired += usize::from(last > 0.0);
            }
        }
        kinds
    }

    /// The results of several suites as those of one.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut parts = parts.into_iter().cloned();
        let mut all = parts.next().unwrap_or(Self {
            strategy: String::new(),
            is_resampling: false,
            items: Vec::new(),
        });
        all.items.extend(parts.flat_map(|part| part.items));
        all
    }
}

/// Whether the version that the visible tests make the best of those that are looked at passes the
/// hidden ones. Of equals the earlier one counts, as it does in the repair.
fn score(item: &RepairedItem, looked_at: impl Fn(&Round) -> bool) -> f64 {
    let rounds = item.rounds.iter().enumerate();
    let best = rounds
        .filter(|(index, round)| *index == 0 || looked_at(round))
        // The last of equals is the largest.
        .rev()
        .max_by_key(|(_, round)| round.report.rank());
    match best.and_then(|(_, round)| round.hidden) {
        Some(true) => 1.0,
        _ => 0.0,
    }
}

fn within(round: &Round, tokens: Cap) -> bool {
    tokens.is_none_or(|tokens| round.usage.tokens() <= tokens)
}

/// Calls and tokens of an item up to a limit.
fn spent_on(item: &RepairedItem, tokens: Cap) -> (u64, u64) {
    let Some(_) = tokens else {
        return (item.answered.usage.calls, item.answered.usage.tokens());
    };
    let first = item.rounds.first().into_iter();
    let rounds = first.chain(item.rounds.iter().filter(|round| within(round, tokens)));
    let spent = rounds.map(|round| (round.usage.calls, round.usage.tokens()));
    spent.max_by_key(|(_, tokens)| *tokens).unwrap_or_default()
}

/// The limit of tokens an item with which samples take no more tokens on average than `tokens`: the
/// largest there is. Samples stop at the first that passes the visible tests, as rounds do.
pub fn equal_tokens(samples: &RepairEvaluation, tokens: f64) -> u64 {
    let all = samples.items.iter().flat_map(|item| &item.rounds);
    let mut caps: Vec<u64> = all.map(|round| round.usage.tokens()).collect();
    caps.sort_unstable();
    let affordable = |cap: &u64| samples.cost(Some(*cap)).1 <= tokens;
    caps.into_iter().rev().find(affordable).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use catena_agents::Report;
    use catena_core::Usage;

    use super::*;
    use crate::Answered;

    /// A version: its number, tests passed, whether hidden tests pass, and tokens up to it.
    fn version(number: u32, visible: bool, hidden: bool, tokens: u64) -> Round {
        let report = match visible {
            true => Report::passing(2),
            false => Report::reported("AssertionError: 1 != 2"),
        };
        Round {
            number,
            candidate: 0,
            critique: None,
            unapplied: Vec::new(),
            diff: String::new(),
            report,
            hidden: Some(hidden),
            usage: Usage::call(tokens, 0),
            files: Vec::new(),
        }
    }

    fn evaluation(items: Vec<Vec<Round>>) -> RepairEvaluation {
        let item = |rounds: Vec<Round>| {
            let mut answered = Answered::unanswered("", "", "", &[]);
            answered.usage = rounds.last().map(|round| round.usage).unwrap_or_default();
            RepairedItem {
                rounds,
                stopped: None,
                unapplied: Vec::new(),
                bug: None,
                answered,
            }
        };
        RepairEvaluation {
            strategy: "x".to_owned(),
            is_resampling: true,
            items: items.into_iter().map(item).collect(),
        }
    }

    #[test]
    fn rounds_are_scored_by_hidden_tests_and_chosen_by_visible_ones() {
        let all = evaluation(vec![
            vec![version(0, true, true, 10)],
            vec![version(0, true, false, 10)],
            vec![version(0, false, false, 10), version(1, true, true, 30)],
            vec![
                version(0, false, false, 10),
                version(1, false, false, 30),
                version(2, true, true, 50),
            ],
        ]);
        assert_eq!(all.passes(0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(all.passes(1), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(all.passes(2), [1.0, 0.0, 1.0, 1.0]);
        assert_eq!(all.repaired(None), [0.0, 1.0, 1.0]);
        assert_eq!((all.unseen(), all.regressions(None)), (1, 0));
    }

    #[test]
    fn samples_are_cut_where_they_cost_as_much() {
        let all = evaluation(vec![
            vec![version(0, true, true, 10)],
            vec![
                version(0, false, false, 10),
                version(1, false, false, 20),
                version(2, true, true, 30),
            ],
        ]);
        assert_eq!(equal_tokens(&all, 15.0), 20);
        assert_eq!(all.cost(Some(20)).1, 15.0);
        assert_eq!(all.passes_within(Some(20)), [1.0, 0.0]);
        assert_eq!(equal_tokens(&all, 19.0), 20);
        assert_eq!(equal_tokens(&all, 20.0), 30);
        assert_eq!(all.passes_within(Some(30)), [1.0, 1.0]);
        // The first attempt is always made.
        assert_eq!(all.cost(Some(0)).1, 10.0);
    }
}
