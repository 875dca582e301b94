//! Picks each token from the engine's logits.
//!
//! The engine has one generator for all requests, reports log-probabilities to the base of 10 and
//! only after its own filters, and hands out text cut to its own taste. So the choice is made
//! here, where the logits come by: [`Sampler`] sees them, notes its choice in a log that the
//! [`Reply`](crate::reply::Reply) reads, and leaves the engine no other candidate.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Tensor};
use mistralrs::CustomLogitsProcessor;

/// How to choose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampling {
    /// 0 takes the likeliest.
    pub(crate) temperature: f32,
    /// The share of the probability from which to sample.
    pub(crate) top_p: f32,
    /// Of the noise, with a temperature above 0.
    pub(crate) seed: u64,
    /// How many alternatives to note for each step, if log-probabilities are wanted.
    pub(crate) logprobs: Option<usize>,
    /// Tokens whose log-probability at the first step is wanted.
    pub(crate) probes: Vec<u32>,
    /// Whether a grammar may reject a choice, so that it is only certain at the next step.
    pub(crate) constrained: bool,
    /// The token that ends an answer.
    pub(crate) end: Option<u32>,
}

/// One chosen token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) token: u32,
    pub(crate) logprobs: Option<StepLogprobs>,
}

/// Natural logarithms of probabilities at one step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepLogprobs {
    /// Of the token that was chosen.
    pub(crate) chosen: f32,
    /// Of the likeliest, likeliest first.
    pub(crate) top: Vec<(u32, f32)>,
}

/// The sampler of one request. The engine holds it and the reply reads it.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// Steps whose token is certain and not yet taken.
    settled: Vec<Step>,
    /// The last choice, while a grammar may still reject it.
    open: Option<Step>,
    /// Steps so far.
    steps: u64,
    /// The length of the engine's context at the last step: the same length again is the same step
    /// again, with what the grammar forbids taken out.
    context: Option<usize>,
    /// The length at the first step.
    first_context: Option<usize>,
    probed: Vec<f32>,
    end_now: bool,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self {
            sampling,
            log: Mutex::default(),
        }
    }

    /// The certain tokens since the last call.
    pub(crate) fn take(&self) -> Vec<Step> {
        std::mem::take(&mut self.log().settled)
    }

    /// All tokens since the last call, now that the engine is done.
    pub(crate) fn take_all(&self) -> Vec<Step> {
        let mut log = self.log();
        let open = log.open.take();
        let mut steps = std::mem::take(&mut log.settled);
        steps.extend(open);
        steps
    }

    /// Tokens that the engine read for the first step: those of the prompt, without what came
    /// from the prefix cache. `None` before it.
    pub(crate) fn tokens_read(&self) -> Option<usize> {
        self.log().first_context
    }

    /// The log-probabilities of [`Sampling::probes`]; empty before the first step.
    pub(crate) fn probed(&self) -> Vec<f32> {
        self.log().probed.clone()
    }

    /// Makes the answer end at the next step.
    pub(crate) fn end_now(&self) {
        self.log().end_now = true;
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses from `logits`; `context` is the length of the engine's context.
    fn step(&self, logits: &[f32], context: usize) -> Option<u32> {
        let mut log = self.log();
        if log.context == Some(context) {
            log.open = None;
        } else {
            log.context = Some(context);
            log.first_context.get_or_insert(context);
            log.steps += 1;
            let settled = log.open.take();
            log.settled.extend(settled);
        }
        let finite = |token: &u32| {
            let logit = logits.get(*token as usize);
            logit.is_some_and(|logit| logit.is_finite())
        };
        let end = self.sampling.end.filter(|end| log.end_now && finite(end));
        let token = match end {
            Some(end) => end,
            None => choose(logits, &self.sampling, log.steps)?,
        };
        if log.steps == 1 && log.probed.is_empty() && !self.sampling.probes.is_empty() {
            let total = log_sum_exp(logits);
            let logprob = |&token: &u32| logprob(logits, token, total);
            log.probed = self.sampling.probes.iter().map(logprob).collect();
        }
        let logprobs = self.sampling.logprobs.map(|alternatives| {
            let total = log_sum_exp(logits);
            StepLogprobs {
                chosen: logprob(logits, token, total),
                top: likeliest(logits, alternatives)
                    .into_iter()
                    .map(|token| (token, logprob(logits, token, total)))
                    .collect(),
            }
        });
        let step = Step { token, logprobs };
        if self.sampling.constrained {
            log.open = Some(step);
        } else {
            log.settled.push(step);
        }
        Some(token)
    }
}

impl CustomLogitsProcessor for Sampler {
    fn apply(&self, logits: &Tensor, context: &[u32]) -> candle_core::Result<Tensor> {
        let logits: Vec<f32> = logits.to_vec1()?;
        let Some(token) = self.step(&logits, context.len()) else {
            candle_core::bail!("the model gave no usable probability to any token");
        };
        // The engine takes the largest: the choice, and nothing else.
        let mut choice = vec![0f32; logits.len()];
        if let Some(chosen) = choice.get_mut(token as usize) {
            *chosen = 1.0;
        }
        let length = choice.len();
        Tensor::from_vec(choice, length, &Device::Cpu)
    }
}

/// The token at step number `step`; `None` if no logit is a number.
///
/// Sampling adds noise to the logits and takes the largest (the Gumbel-max trick). The noise
/// depends on the seed, the step and the token alone, so that a second choice at a step, with the
/// tokens that a grammar forbids taken out, is the same draw from fewer candidates.
fn choose(logits: &[f32], sampling: &Sampling, step: u64) -> Option<u32> {
    let likeliest = best(logits.iter().map(|&logit| f64::from(logit)))?;
    if sampling.temperature <= 0.0 {
        return Some(likeliest);
    }
    let temperature = f64::from(sampling.temperature);
    let scaled = logits.iter().map(|&logit| f64::from(logit) / temperature);
    let floor = if sampling.top_p < 1.0 {
        nucleus_floor(scaled.clone(), f64::from(sampling.top_p))
    } else {
        f64::NEG_INFINITY
    };
    let noisy = scaled.zip(0u64..).map(|(logit, token)| {
        if logit < floor {
            f64::NEG_INFINITY
        } else {
            logit + gumbel(sampling.seed, step, token)
        }
    });
    best(noisy)
}

/// The index of the largest finite number; the first of equals.
fn best(numbers: impl Iterator<Item = f64>) -> Option<u32> {
    let mut best = None;
    for (index, number) in (0u32..).zip(numbers) {
        if number.is_finite() && best.is_none_or(|(_, most)| number > most) {
            best = Some((index, number));
        }
    }
    best.map(|(index, _)| index)
}

/// The least logit among the fewest tokens that together have the probability `share`.
fn nucleus_floor(logits: impl Iterator<Item = f64> + Clone, share: f64) -> f64 {
    let max = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let weights = logits.clone().map(|logit| (logit - max).exp());
    let (total, count) = weights
        .clone()
        .filter(|weight| weight.is_finite())
        .fold((0.0, 0.0), |(sum, count), weight| {
            (sum + weight, count + 1.0)
        });
    // Tokens below this weight have less than 1 - share in all, so none of them is needed: sorting
    // the others is far cheaper than sorting a whole vocabulary.
    let negligible = total * (1.0 - share) / count;
    let mut candidates: Vec<(f64, f64)> = weights
        .zip(logits)
        .filter(|&(weight, _)| weight.is_finite() && weight >= negligible)
        .collect();
    candidates.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut sum = 0.0;
    for (weight, logit) in candidates {
        sum += weight;
        if sum >= share * total {
            return logit;
        }
    }
    f64::NEG_INFINITY
}

/// Standard Gumbel noise, a function of its arguments alone.
fn gumbel(seed: u64, step: u64, token: u64) -> f64 {
    let bits = mix(mix(mix(seed).wrapping_add(step)).wrapping_add(token));
    // The upper 53 bits, as a number strictly between 0 and 1.
    let uniform = ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -(-uniform.ln()).ln()
}

/// SplitMix64's output function.
fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let finite = logits.iter().filter(|logit| logit.is_finite());
    let max = finite
        .clone()
        .fold(f32::NEG_INFINITY, |max, &logit| max.max(logit));
    let sum: f64 = finite.map(|&logit| f64::from(logit - max).exp()).sum();
    f64::from(max) + sum.ln()
}

fn logprob(logits: &[f32], token: u32, total: f64) -> f32 {
    let logit = logits.get(token as usize).copied();
    (f64::from(logit.unwrap_or(f32::NEG_INFINITY)) - total) as f32
}

/// The `count` tokens with the largest logits, largest first; the lower of equals first.
fn likeliest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut tokens: Vec<(u32, f32)> = (0u32..)
        .zip(logits.iter().copied())
        .filter(|(_, logit)| logit.is_finite())
        .collect();
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if count < tokens.len() {
        tokens.select_nth_unstable_by(count, order);
        tokens.truncate(count);
    }
    tokens.sort_unstable_by(order);
    tokens.into_iter().map(|(token, _)| token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f32, top_p: f32, seed: u64) -> Sampling {
        Sampling {
            temperature,
            top_p,
            seed,
            ..Sampling::default()
        }
    }

    fn shares(logits: &[f32], temperature: f32, top_p: f32) -> Vec<f64> {
        let draws = 20_000;
        let mut counts = vec![0.0; logits.len()];
        for step in 0..draws {
            let token = choose(logits, &sampling(temperature, top_p, 7), step).unwrap();
            counts[token as usize] += 1.0 / draws as f64;
        }
        counts
    }

    #[test]
    fn without_temperature_the_first_of_the_likeliest_is_taken() {
        assert_eq!(choose(&[1.0, 3.0, 3.0], &sampling(0.0, 1.0, 0), 1), Some(1));
        assert_eq!(
            choose(&[f32::NAN, -1.0], &sampling(0.0, 1.0, 0), 1),
            Some(1)
        );
        assert_eq!(choose(&[f32::NAN], &sampling(0.0, 1.0, 0), 1), None);
        assert_eq!(
            choose(&[f32::NEG_INFINITY], &sampling(1.0, 1.0, 0), 1),
            None
        );
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        let drawn = shares(&logits, 1.0, 1.0);
        for (share, expected) in drawn.iter().zip([0.5, 0.3, 0.2]) {
            assert!((share - expected).abs() < 0.015, "{drawn:?}");
        }
        // A temperature of 1/2 squares the probabilities.
        let drawn = shares(&logits, 0.5, 1.0);
        for (share, expected) in drawn.iter().zip([25.0, 9.0, 4.0]) {
            assert!((share - expected / 38.0).abs() < 0.015, "{drawn:?}");
        }
    }

    #[test]
    fn the_nucleus_is_the_smallest_set_with_its_share() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.3f32.ln()];
        let drawn = shares(&logits, 1.0, 0.7);
        assert_eq!(drawn[0], 0.0, "{drawn:?}");
        assert!((drawn[1] - 0.625).abs() < 0.015, "{drawn:?}");
        let drawn = shares(&logits, 1.0, 0.4);
        assert!((drawn[1] - 1.0).abs() < 1e-9, "{drawn:?}");
    }

    #[test]
    fn a_seed_repeats_itself_and_another_does_not() {
        let logits = [0.0; 64];
        let draw = |seed| -> Vec<u32> {
            (0..32)
                .map(|step| choose(&logits, &sampling(1.0, 1.0, seed), step).unwrap())
                .collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_rejected_choice_is_replaced_by_the_same_draw_from_fewer() {
        let sampler = Sampler::new(Sampling {
            constrained: true,
            ..sampling(1.0, 1.0, 3)
        });
        let mut logits = vec![0.0; 16];
        let first = sampler.step(&logits, 5).unwrap();
        logits[first as usize] = f32::NEG_INFINITY;
        let second = sampler.step(&logits, 5).unwrap();
        assert_ne!(first, second);
        assert!(
            sampler.take().is_empty(),
            "not certain before the next step"
        );
        sampler.step(&logits, 6).unwrap();
        let tokens: Vec<u32> = sampler.take().iter().map(|step| step.token).collect();
        assert_eq!(tokens, [second]);
        assert_eq!(sampler.take_all().len(), 1);
        assert_eq!(sampler.tokens_read(), Some(5));
    }

    #[test]
    fn logprobs_are_natural_and_sorted() {
        let sampler = Sampler::new(Sampling {
            logprobs: Some(2),
            probes: vec![2, 0],
            ..Sampling::default()
        });
        sampler
            .step(&[0.25f32.ln(), 0.5f32.ln(), 0.25f32.ln()], 1)
            .unwrap();
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        let steps = sampler.take();
        let logprobs = steps[0].logprobs.as_ref().unwrap();
        assert!(near(logprobs.chosen, 0.5f32.ln()));
        assert_eq!([logprobs.top[0].0, logprobs.top[1].0], [1, 0]);
        assert!(near(logprobs.top[1].1, 0.25f32.ln()));
        assert!(
            sampler
                .probed()
                .iter()
                .all(|&logprob| near(logprob, 0.25f32.ln()))
        );
    }

    #[test]
    fn an_answer_can_be_ended() {
        let sampler = Sampler::new(Sampling {
            end: Some(0),
            ..Sampling::default()
        });
        assert_eq!(sampler.step(&[0.0, 1.0], 1), Some(1));
        sampler.end_now();
        assert_eq!(sampler.step(&[0.0, 1.0], 2), Some(0));
        assert_eq!(sampler.step(&[f32::NEG_INFINITY, 1.0], 3), Some(1));
    }
}
