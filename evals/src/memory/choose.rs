//! The strategies by name.

use std::sync::Arc;

use catena_agents::{Ablation, Prompts, Summarise};
use catena_core::{ChatModel, Error, Result, Scorer};
use catena_memory::{Query, Ranking, Search};

use super::{
    MemoryStrategy,
    chat::Chat,
    plain::{AnswerFromTurns, Choice, Plain},
};
use crate::Conversations;

/// The names of the strategies that answer; see [`memory_strategies`].
pub const MEMORY_STRATEGIES: [&str; 10] = [
    "scm",
    "scm-no-controller",
    "scm-no-flash",
    "scm-no-activation",
    "scm-paper-ranking",
    "dense",
    "words",
    "hybrid",
    "last-k",
    "full-context",
];

/// The names of the strategies that only look for turns; see [`retrievals`].
pub const RETRIEVALS: [&str; 6] = [
    "dense",
    "words",
    "hybrid",
    "ranked",
    "paper-ranking",
    "last-k",
];

/// What all strategies that answer have in common.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The model that answers, and that controls.
    pub model: Arc<dyn ChatModel>,
    /// What answers the controller's questions by probabilities, if anything does.
    pub scorer: Option<Arc<dyn Scorer>>,
    /// The most tokens of a prompt and its answer together; `full-context` has all that the model takes.
    pub window: u32,
    /// The data set: it says how answers are to be.
    pub set: Conversations,
    /// How many turns are activated at the most.
    pub activate: usize,
    /// Where prompts come from.
    pub prompts: Prompts,
}

impl Asking {
    /// What gives long turns their summaries.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](Error::is_prompt) when the prompt is missing or broken.
    pub fn summarise(&self) -> Result<Summarise> {
        Summarise::new(self.model.clone(), self.window, &self.prompts)
    }

    /// All that summaries depend on, as part of a file's name.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](Error::is_prompt) when the prompt is missing or broken.
    pub fn summaries(&self) -> Result<String> {
        let prompt = self.digest("summary")?;
        let label = format!("{}-{}-{prompt}", self.model.profile().name, self.window);
        Ok(label.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-"))
    }

    fn digest(&self, prompt: &str) -> Result<String> {
        let prompt = self.prompts.load(&format!("memory/{prompt}"))?;
        Ok(prompt.digest().chars().take(8).collect())
    }

    /// What answers from turns, in prompts of up to `window` tokens with their answers.
    fn answering(&self, window: u32) -> Result<Arc<AnswerFromTurns>> {
        let answer = AnswerFromTurns::new(
            self.model.clone(),
            window,
            self.set.answer_tokens(),
            self.set.instructions(),
            self.set.has_dates(),
            &self.prompts,
        )?;
        Ok(Arc::new(answer))
    }

    fn setting(&self, embedder: &str, window: u32) -> Result<String> {
        let prompts = ["answer", "need", "enough", "summary"];
        let digests = prompts
            .map(|name| self.digest(name))
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let scorer = if self.scorer.is_some() {
            ", scorer"
        } else {
            ""
        };
        Ok(format!(
            "{}, model {}{scorer}, window {}, {} tokens, '{}', prompts {}",
            found(embedder, self.activate),
            self.model.profile().name,
            window,
            self.set.answer_tokens(),
            self.set.instructions(),
            digests.join(" ")
        ))
    }
}

/// Strategies by their names:
///
/// - `scm`: a turn of [`MemoryChat`](catena_agents::MemoryChat); `scm-no-controller`, `scm-no-flash` and `scm-no-activation`
///   leave a part of it out ([`Ablation`]), `scm-paper-ranking` has [`Ranking::PAPER`];
/// - `dense`, `words`, `hybrid`: what a search by vectors, by words (BM25), or by both finds, without
///   controller, recency and flash memory; `hybrid@0.2` has words weigh 0.2 in it;
/// - `last-k`: as many of the last turns as the others activate;
/// - `full-context`: all turns, in the largest window that the model has.
///
/// All answer with the same prompt, and but for the last one from within the same window; of plain strategies
/// the turns of the lowest rank, or the oldest, are dropped until the rest fits. `embedder` is the name of
/// the memory's.
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid) for an unknown name, and for a window that is larger than the
/// model's.
pub fn memory_strategies(
    names: &[String],
    asking: &Asking,
    embedder: &str,
) -> Result<Vec<Box<dyn MemoryStrategy>>> {
    let setting = asking.setting(embedder, asking.window)?;
    let answer = asking.answering(asking.window)?;
    let most = asking.model.profile().context_window;
    names
        .iter()
        .map(|name| -> Result<Box<dyn MemoryStrategy>> {
            let ablation = match name.as_str() {
                "scm" | "scm-paper-ranking" => Some(Ablation::None),
                "scm-no-controller" => Some(Ablation::NoController),
                "scm-no-flash" => Some(Ablation::NoFlash),
                "scm-no-activation" => Some(Ablation::NoActivation),
                _ => None,
            };
            if let Some(ablation) = ablation {
                let ranking = match name.as_str() {
                    "scm-paper-ranking" => Ranking::PAPER,
                    _ => Ranking::default(),
                };
                return Ok(Box::new(Chat {
                    name: name.clone(),
                    setting: format!("{setting}, ranking {ranking:?}"),
                    asking: asking.clone(),
                    ablation,
                    ranking,
                }));
            }
            let plain = match name.as_str() {
                "full-context" => Plain {
                    name: name.clone(),
                    setting: format!("{}, all", asking.setting(embedder, most)?),
                    choice: Choice::Last,
                    count: usize::MAX,
                    answer: Some(asking.answering(most)?),
                },
                _ => {
                    let choice = choice(name, &MEMORY_STRATEGIES)?;
                    Plain {
                        name: name.clone(),
                        setting: format!("{setting}, {choice:?}"),
                        choice,
                        count: asking.activate,
                        answer: Some(answer.clone()),
                    }
                }
            };
            Ok(Box::new(plain))
        })
        .collect()
}

/// Strategies that only look for turns, which takes no model but the embedder: `dense`, `words`,
/// `hybrid`, `hybrid@0.2` and `last-k` as in [`memory_strategies`]; `ranked` and `paper-ranking` are
/// `hybrid` with recency: [`Ranking::default`], which is what SCM activates, and [`Ranking::PAPER`].
///
/// # Errors
///
/// [`is_invalid`](Error::is_invalid) for an unknown name.
pub fn retrievals(
    names: &[String],
    activate: usize,
    embedder: &str,
) -> Result<Vec<Box<dyn MemoryStrategy>>> {
    names
        .iter()
        .map(|name| -> Result<Box<dyn MemoryStrategy>> {
            let choice = choice(name, &RETRIEVALS)?;
            Ok(Box::new(Plain {
                name: name.clone(),
                setting: format!("{}, {choice:?}", found(embedder, activate)),
                choice,
                count: activate,
                answer: None,
            }))
        })
        .collect()
}

fn found(embedder: &str, activate: usize) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("catena {version}, embedder {embedder}, {activate} turns")
}

fn choice(name: &str, known: &[&str]) -> Result<Choice> {
    let (base, weight) = match name.split_once('@') {
        Some((base, weight)) => (base, Some(weight)),
        None => (name, None),
    };
    let unknown = || {
        Error::invalid(format!("there is no strategy '{name}'")).with_help(format!(
            "the strategies are {}; hybrid@0.2 has words weigh 0.2",
            known.join(", ")
        ))
    };
    let usual = Query::new("").words;
    let words = match weight.map(str::parse) {
        None => usual,
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) && base == "hybrid" => weight,
        Some(_) => return Err(unknown()),
    };
    let (search, ranking) = match base {
        _ if !known.contains(&base) => return Err(unknown()),
        "dense" => (Search::Dense, Ranking::RELEVANCE),
        "words" => (Search::Words, Ranking::RELEVANCE),
        "hybrid" => (Search::Hybrid, Ranking::RELEVANCE),
        "ranked" => (Search::Hybrid, Ranking::default()),
        "paper-ranking" => (Search::Hybrid, Ranking::PAPER),
        _ => return Ok(Choice::Last),
    };
    Ok(Choice::Found {
        search,
        words,
        ranking,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in RETRIEVALS {
            choice(name, &RETRIEVALS).unwrap();
        }
        for name in [
            "scm",
            "full-context",
            "dense@0.2",
            "hybrid@2",
            "hybrid@x",
            "",
        ] {
            let error = choice(name, &RETRIEVALS).unwrap_err();
            assert!(error.is_invalid(), "{name}");
        }
        let Choice::Found { words, .. } = choice("hybrid@0.2", &RETRIEVALS).unwrap() else {
            panic!("a search");
        };
        assert!((words - 0.2).abs() < 1e-6);
    }
}
