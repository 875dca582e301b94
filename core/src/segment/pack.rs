//! Filling chunks greedily with units, at a cost linear in the text.
//!
//! Counting tokens is the expensive part, and counts do not add up: for byte-pair encodings
//! `count(a) + count(b)` may be more or less than `count(a + b)`. So every unit is counted once
//! by itself, the sum of these counts (corrected by how far it was off before) is the estimate
//! that fills a chunk, and the chunk is then counted as a whole. If that is over the limit the
//! last units go back; if it leaves room for the next unit, filling goes on.

use std::{collections::VecDeque, ops::Range};

use super::{Chunk, cut};
use crate::{Error, Result, TokenCounter};

/// How often a chunk that was counted and found to have room is filled further. One round is
/// usual; the bound keeps a counter with absurd counts from making the work quadratic.
const MAX_ROUNDS: usize = 4;

/// A sentence, a line, or a part of one too long for a chunk.
#[derive(Clone, Debug)]
struct Unit {
    range: Range<usize>,
    tokens: usize,
}

/// Packs `units`, which are contiguous and cover `text`, into chunks of at most `max_tokens`.
pub(super) fn pack(
    text: &str,
    units: impl Iterator<Item = Range<usize>>,
    max_tokens: usize,
    counter: &dyn TokenCounter,
) -> Result<Vec<Chunk>> {
    let mut packer = Packer {
        text,
        units,
        max_tokens,
        counter,
        pending: VecDeque::new(),
        correction: Correction::default(),
    };
    let mut chunks = Vec::new();
    while let Some(Unit { range, tokens }) = packer.next_chunk()? {
        let text = packer.slice(&range).to_owned();
        chunks.push(Chunk {
            index: chunks.len(),
            range,
            text,
            tokens,
        });
    }
    Ok(chunks)
}

struct Packer<'a, I> {
    text: &'a str,
    units: I,
    max_tokens: usize,
    counter: &'a dyn TokenCounter,
    /// Units taken from `units` and not yet in a chunk, in the order of the text.
    pending: VecDeque<Unit>,
    correction: Correction,
}

impl<'a, I: Iterator<Item = Range<usize>>> Packer<'a, I> {
    /// The next chunk, with the count of its text as a whole.
    fn next_chunk(&mut self) -> Result<Option<Unit>> {
        // `chunk` is always counted as a whole and within the limit; `added` is on trial.
        let Some(mut chunk) = self.first_unit()? else {
            return Ok(None);
        };
        let mut added = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let mut sum = 0;
            while let Some(unit) = self.next_fitting(chunk.tokens, sum) {
                sum = unit.tokens.saturating_add(sum);
                added.push(unit);
            }
            if added.is_empty() {
                break;
            }
            if !self.settle(&mut chunk, &mut added, sum) {
                break;
            }
        }
        Ok(Some(chunk))
    }

    /// Counts `chunk` with what was `added` to it and grows it by as much of that as fits; the
    /// rest goes back to `pending`. Whether there is a point in adding more.
    fn settle(&mut self, chunk: &mut Unit, added: &mut Vec<Unit>, mut sum: usize) -> bool {
        let mut halve = false;
        while let Some(last) = added.last() {
            let range = chunk.range.start..last.range.end;
            let tokens = self.count(&range);
            // A few tokens show little of how counts add up.
            if sum >= self.max_tokens / 4 {
                self.correction
                    .learn(tokens.saturating_sub(chunk.tokens), sum);
            }
            if tokens <= self.max_tokens {
                *chunk = Unit { range, tokens };
                added.clear();
                return true;
            }
            // First back off by what the excess suggests, then by halves: O(log) counts.
            let room = self.max_tokens - chunk.tokens;
            let target = if halve {
                sum / 2
            } else {
                self.correction.inverse(room).min(sum)
            };
            halve = true;
            while let Some(unit) = added.pop() {
                sum = sum.saturating_sub(unit.tokens);
                self.pending.push_front(unit);
                if sum <= target {
                    break;
                }
            }
        }
        false
    }

    /// The unit that a chunk begins with: the next one, or as much of it as fits.
    fn first_unit(&mut self) -> Result<Option<Unit>> {
        let Some(unit) = self.next_unit() else {
            return Ok(None);
        };
        if unit.tokens <= self.max_tokens {
            return Ok(Some(unit));
        }
        let slice = self.slice(&unit.range);
        match cut::prefix(
            slice,
            unit.tokens,
            self.max_tokens,
            self.counter,
            cut::Finest::Grapheme,
        ) {
            Ok(piece) => Ok(Some(self.divide(unit, piece))),
            Err(cut::TooLong { end, tokens }) => {
                let missing = tokens - self.max_tokens;
                Err(Error::context_overflow(
                    missing as u64,
                    format!(
                        "cutting a text into chunks of {} tokens: the character {:?} at byte {} \
                         is {tokens} tokens, {missing} too many",
                        self.max_tokens,
                        slice
                            .get(..end)
                            .unwrap_or_default()
                            .chars()
                            .take(8)
                            .collect::<String>(),
                        unit.range.start,
                    ),
                )
                .with_help("allow more tokens a chunk, with a larger window or a shorter prompt"))
            }
        }
    }

    /// The next unit if it fits by the estimate on top of a chunk of `base` tokens and units that
    /// are `sum` by themselves.
    fn next_fitting(&mut self, base: usize, sum: usize) -> Option<Unit> {
        let unit = self.next_unit()?;
        if unit.tokens <= self.max_tokens {
            let estimate =
                base.saturating_add(self.correction.apply(unit.tokens.saturating_add(sum)));
            if estimate <= self.max_tokens {
                return Some(unit);
            }
        } else {
            // A long sentence may begin here if at least half of the chunk is free. No more is
            // asked of it than to end at whitespace: a word is not broken to fill a chunk up.
            let used = base.saturating_add(self.correction.apply(sum));
            let room = self.max_tokens.saturating_sub(used);
            if room > 0 && room >= self.max_tokens / 2 {
                let slice = self.slice(&unit.range);
                if let Ok(piece) = cut::prefix(
                    slice,
                    unit.tokens,
                    room,
                    self.counter,
                    cut::Finest::Whitespace,
                ) {
                    return Some(self.divide(unit, piece));
                }
            }
        }
        self.pending.push_front(unit);
        None
    }

    /// The next unit. Its `tokens` are counted if they are at most the limit; above it they may be
    /// an estimate, which is enough to cut it.
    fn next_unit(&mut self) -> Option<Unit> {
        if let Some(unit) = self.pending.pop_front() {
            return Some(unit);
        }
        let range = self.units.next()?;
        let tokens = self.count(&range);
        Some(Unit { range, tokens })
    }

    /// Takes `piece` off the front of `unit`; the rest becomes the next unit.
    fn divide(&mut self, unit: Unit, piece: cut::Piece) -> Unit {
        let middle = unit.range.start + piece.end;
        if middle < unit.range.end {
            let range = middle..unit.range.end;
            // Counting every rest would be quadratic. Only one that may fit has to be exact.
            let mut tokens = unit.tokens.saturating_sub(piece.tokens);
            if tokens <= self.max_tokens {
                tokens = self.count(&range);
            }
            self.pending.push_front(Unit { range, tokens });
        }
        Unit {
            range: unit.range.start..middle,
            tokens: piece.tokens,
        }
    }

    fn count(&self, range: &Range<usize>) -> usize {
        self.counter.count(self.slice(range))
    }

    fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// What the count of several units together was, last time, for the sum of their counts.
#[derive(Clone, Copy, Debug)]
struct Correction {
    whole: usize,
    sum: usize,
}

impl Default for Correction {
    fn default() -> Self {
        Self { whole: 1, sum: 1 }
    }
}

impl Correction {
    /// Beyond a factor of eight either way it is not a tokenizer that is counting.
    const LIMIT: usize = 8;

    fn learn(&mut self, whole: usize, sum: usize) {
        let sum = sum.max(1);
        let highest = sum.saturating_mul(Self::LIMIT);
        *self = Self {
            whole: whole.clamp(sum.div_ceil(Self::LIMIT), highest),
            sum,
        };
    }

    /// The whole that a sum suggests, rounded up.
    fn apply(self, sum: usize) -> usize {
        scale(sum, self.whole, self.sum, true)
    }

    /// The sum that suggests a whole, rounded down.
    fn inverse(self, whole: usize) -> usize {
        scale(whole, self.sum, self.whole, false)
    }
}

/// `value * numerator / denominator`, in a width that does not overflow.
fn scale(value: usize, numerator: usize, denominator: usize, up: bool) -> usize {
    let product = value as u128 * numerator as u128;
    let denominator = denominator.max(1) as u128;
    let scaled = if up {
        product.div_ceil(denominator)
    } else {
        product / denominator
    };
    usize::try_from(scaled).unwrap_or(usize::MAX)
}
