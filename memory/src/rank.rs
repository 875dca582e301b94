//! How recent and how relevant: the order in which memories are activated.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Found, MemoryItem};

/// How recency falls with age, which is counted in turns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recency {
    /// Halved after each so many turns.
    HalfLife(f32),
    /// `1 / (1 + age)`.
    Reciprocal,
}

impl Recency {
    /// From 1, for the present turn, towards 0.
    pub fn of(self, age: u64) -> f32 {
        #[allow(
            clippy::cast_precision_loss,
            reason = "nobody counts turns that finely"
        )]
        let age = age as f32;
        match self {
            Self::HalfLife(turns) => 0.5_f32.powf(age / turns.max(f32::MIN_POSITIVE)),
            Self::Reciprocal => 1.0 / (1.0 + age),
        }
    }
}

/// `rank = relevance + weight × recency` (SCM §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// What recency weighs beside relevance.
    pub weight: f32,
    /// How recency falls with age.
    pub recency: Recency,
}

impl Ranking {
    /// The paper's: equal weights. It leaves the recency function open; `1 / (1 + age)` here.
    pub const PAPER: Self = Self {
        weight: 1.0,
        recency: Recency::Reciprocal,
    };

    /// The authors' code: relevance alone.
    pub const RELEVANCE: Self = Self {
        weight: 0.0,
        recency: Recency::Reciprocal,
    };

    /// Whether recency weighs so much, more than 0.1, that a turn may come up by it alone. With less it orders
    /// what is about as relevant, and no more.
    pub fn lifts(&self) -> bool {
        self.weight > 0.1
    }

    /// Adds the latest turns to what was found, which recency [may lift](Self::lifts) above it. One that was not
    /// found is less relevant than all that were; how much less is not known, and it counts as not relevant at all.
    pub fn add_latest(found: &mut Vec<Found>, latest: Vec<MemoryItem>) {
        let mut known: HashSet<_> = found.iter().map(|found| found.item.id).collect();
        let others = latest.into_iter().filter(|item| known.insert(item.id));
        found.extend(others.map(|item| Found {
            item,
            relevance: 0.0,
            cosine: None,
            words: None,
        }));
    }

    /// The rank of what was found, at the turn `now`.
    pub fn score(&self, found: &Found, now: u64) -> f32 {
        let age = now.saturating_sub(found.item.turn());
        found.relevance + self.weight * self.recency.of(age)
    }

    /// Puts what was found into order, the highest rank first; of equals the more recent first.
    pub fn sort(&self, found: &mut [Found], now: u64) {
        found.sort_by(|a, b| {
            let rank = self.score(b, now).total_cmp(&self.score(a, now));
            rank.then(b.item.turn().cmp(&a.item.turn()))
        });
    }
}

impl Default for Ranking {
    /// Relevance, and a little for what was said lately: 0.05, halved after each 20 turns.
    fn default() -> Self {
        Self {
            weight: 0.05,
            recency: Recency::HalfLife(20.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recency_falls_from_1_towards_0() {
        for recency in [Recency::Reciprocal, Recency::HalfLife(20.0)] {
            assert!((recency.of(0) - 1.0).abs() < f32::EPSILON);
            assert!(recency.of(1) > recency.of(2));
            assert!(recency.of(100_000) < 0.001);
        }
        assert!((Recency::HalfLife(20.0).of(20) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn recency_alone_brings_a_turn_up_with_the_papers_weight_and_not_with_a_small_one() {
        assert!(Ranking::PAPER.lifts());
        assert!(!Ranking::default().lifts());
        assert!(!Ranking::RELEVANCE.lifts());
    }
}
