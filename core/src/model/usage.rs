//! What was used, and what it costs.

use std::{
    fmt,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

/// Calls, tokens and money: of one call, of a node or of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Calls to a model.
    pub calls: u64,
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Of these, tokens that came from a prefix cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Tokens generated.
    pub output_tokens: u64,
    /// What it costs by the model's [`Price`](crate::Price); a model sets 0 and the
    /// [`Context`](crate::Context) fills it in.
    #[serde(default)]
    pub cost: Cost,
}

impl Usage {
    /// The usage of one call.
    pub fn call(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            calls: 1,
            input_tokens,
            output_tokens,
            ..Self::default()
        }
    }

    /// The larger of both, number by number.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            calls: self.calls.max(other.calls),
            input_tokens: self.input_tokens.max(other.input_tokens),
            cached_tokens: self.cached_tokens.max(other.cached_tokens),
            output_tokens: self.output_tokens.max(other.output_tokens),
            cost: self.cost.max(other.cost),
        }
    }

    /// What is left of it without `part`; nothing is less than zero.
    pub(crate) fn without(self, part: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(part.calls),
            input_tokens: self.input_tokens.saturating_sub(part.input_tokens),
            cached_tokens: self.cached_tokens.saturating_sub(part.cached_tokens),
            output_tokens: self.output_tokens.saturating_sub(part.output_tokens),
            cost: Cost(self.cost.0.saturating_sub(part.cost.0)),
        }
    }

    /// Tokens read and generated.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// The most that one chat may use, in each of the ways that it can end.
///
/// # Example: three attempts at most, of which one is answered
///
/// ```
/// use catena_core::{Usage, WorstCase};
///
/// let once = WorstCase::of_one_call(100, 20);
/// let answered = once.failed + once.failed + once.answered;
/// assert_eq!((answered.calls, answered.tokens()), (3, 120));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstCase {
    /// It is answered, or breaks off after its beginning was passed on.
    pub answered: Usage,
    /// It fails before anything of an answer was passed on.
    pub failed: Usage,
}

impl WorstCase {
    /// Of a model that makes one call: one that fails before its answer costs no tokens.
    pub fn of_one_call(prompt_tokens: u64, max_tokens: u32) -> Self {
        Self {
            answered: Usage::call(prompt_tokens, u64::from(max_tokens)),
            failed: Usage::call(0, 0),
        }
    }

    /// What suffices, however it ends.
    pub fn most(&self) -> Usage {
        self.answered.max(self.failed)
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost: self.cost + other.cost,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), Add::add)
    }
}

/// An amount of money in whole nano-dollars (10⁻⁹ US dollars), so that sums are exact: a price of
/// one dollar for a million tokens is 1,000 for each token.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cost(pub u64);

impl Cost {
    /// From US dollars. Negative amounts and NaN are 0.
    pub fn from_dollars(dollars: f64) -> Self {
        // `as` saturates, which is what is wanted of an absurdly large amount.
        Self((dollars.max(0.0) * 1e9).round() as u64)
    }

    /// In US dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Cost {
    /// `$0.0123`: four decimals, or as many as the first significant digit needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("$0"),
            1..100_000 => write!(f, "${:.9}", self.dollars()),
            _ => write!(f, "${:.4}", self.dollars()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_suffices_in_either_case() {
        let worst = WorstCase {
            answered: Usage::call(10, 5),
            failed: Usage::call(0, 0) + Usage::call(2, 7),
        };
        let most = worst.most();
        assert_eq!((most.calls, most.input_tokens), (2, 10));
        assert_eq!(most.output_tokens, 7);
    }

    #[test]
    fn money_adds_up_exactly() {
        let third: Cost = Cost::from_dollars(0.1);
        let sum = (0..10).fold(Cost::default(), |sum, _| sum + third);
        assert_eq!(sum, Cost::from_dollars(1.0));
    }

    #[test]
    fn money_prints_its_first_digit() {
        assert_eq!(Cost(0).to_string(), "$0");
        assert_eq!(Cost(150).to_string(), "$0.000000150");
        assert_eq!(Cost::from_dollars(1.5).to_string(), "$1.5000");
    }
}
