//! How much the engine's prefix cache holds, as far as that can be known from outside.

use std::collections::VecDeque;

use crate::options::Device;

/// The engine keeps the state of a sequence in steps of this many tokens.
const STEP: u64 = 512;

/// On a GPU the engine keeps as many sequences, and forgets the oldest for a new one. On a CPU it
/// forgets none.
pub(crate) const ON_A_GPU: usize = 16;

/// The sequences in the cache, and how much room they may take.
#[derive(Debug)]
pub(crate) struct Ledger {
    bytes_per_token: u64,
    /// The most bytes; 0 turns the cache off.
    limit: u64,
    /// The most sequences, if the engine itself forgets any.
    most: Option<usize>,
    /// Their bytes, the oldest first.
    kept: VecDeque<u64>,
}

impl Ledger {
    pub(crate) fn new(bytes_per_token: u64, limit: u64, device: Device) -> Self {
        Self {
            bytes_per_token,
            limit,
            most: (device != Device::Cpu).then_some(ON_A_GPU),
            kept: VecDeque::new(),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// Whether a sequence of `tokens` fits beside the others. A cache that holds nothing takes any.
    pub(crate) fn has_room(&self, tokens: u64) -> bool {
        let forgotten = match self.most {
            Some(most) => (self.kept.len() + 1).saturating_sub(most),
            None => 0,
        };
        let others: u64 = self.kept.iter().skip(forgotten).sum();
        let more = others.saturating_add(self.bytes(tokens));
        !self.is_on() || others == 0 || more <= self.limit
    }

    /// Notes a sequence of `tokens` that the engine has finished.
    pub(crate) fn keep(&mut self, tokens: u64) {
        if self.is_on() {
            self.kept.push_back(self.bytes(tokens));
        }
        if self.most.is_some_and(|most| self.kept.len() > most) {
            self.kept.pop_front();
        }
    }

    /// Notes that the cache was emptied.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    fn bytes(&self, tokens: u64) -> u64 {
        tokens
            .div_ceil(STEP)
            .saturating_mul(STEP * self.bytes_per_token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for `steps` steps of a model of one byte a token.
    fn ledger(steps: u64, most: Option<usize>) -> Ledger {
        let ledger = Ledger::new(1, steps * STEP, Device::Cpu);
        Ledger { most, ..ledger }
    }

    #[test]
    fn a_full_cache_has_no_room_until_it_is_emptied() {
        let mut ledger = ledger(3, None);
        ledger.keep(1);
        ledger.keep(513);
        assert!(!ledger.has_room(1));
        ledger.clear();
        assert!(ledger.has_room(512));
        assert!(ledger.has_room(u64::MAX), "into an empty one");
    }

    /// As it was on an H100: after a hundred prompts the cache was emptied between two questions
    /// about one document, though the engine had long forgotten most of what was counted.
    #[test]
    fn what_the_engine_forgot_takes_no_room() {
        let mut ledger = ledger(16, Some(4));
        for _ in 0..100 {
            assert!(ledger.has_room(2048));
            ledger.keep(2048);
        }
        assert!(
            !ledger.has_room(2049),
            "three that stay, and one that is larger"
        );
    }

    #[test]
    fn a_cache_that_is_off_holds_nothing() {
        let mut ledger = ledger(0, None);
        ledger.keep(9999);
        assert!(ledger.has_room(9999) && !ledger.is_on());
    }
}
