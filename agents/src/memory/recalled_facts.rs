//! The facts that are recalled: which of them, with what held before, and as many as there is room for.

use catena_core::{Context, Result};
use catena_memory::{Filter, Found, Kind};

use super::{
    controller::Controller,
    render::date,
    types::{PastFact, RecalledFact},
};

/// Values of a fact that are told from before: the latest ones, and the first.
const PAST: usize = 4;

/// So near a fact has to be to a message, as a cosine, to have to do with it, unless they share a word.
/// With `minilm`, of eight facts and sixteen messages: what belongs together has 0.26 and more, what does
/// not 0.22 and less.
const NEAR: f32 = 0.25;

impl Controller {
    /// Whether there is any fact. Where there is none, the message's vector need not be paid for.
    pub(super) async fn knows_facts(&self, cx: &Context) -> Result<bool> {
        if self.facts == 0 {
            return Ok(false);
        }
        let archive = self.memory.archive();
        let any = Filter {
            kind: Some(Kind::Fact),
            ..Filter::default()
        };
        cx.tool("facts", &self.namespace, async {
            let first = archive.browse(self.namespace, &any, None, 1).await?;
            Ok(!first.is_empty())
        })
        .await
    }

    /// What holds now about each key that came up, and what held before.
    pub(super) async fn with_history(&self, found: Vec<Found>) -> Result<Vec<RecalledFact>> {
        let mut facts: Vec<RecalledFact> = Vec::new();
        for found in found {
            let near = near(&found);
            let Some(key) = found.item.key.filter(|_| facts.len() < self.facts) else {
                continue;
            };
            if facts.iter().any(|fact| fact.about == key) {
                continue;
            }
            let fact = self.fact(&key).await?;
            facts.extend(fact.map(|fact| RecalledFact { near, ..fact }));
        }
        Ok(facts)
    }

    /// What holds about a key, if anything does, and what held before: the latest values and the first.
    async fn fact(&self, key: &str) -> Result<Option<RecalledFact>> {
        let archive = self.memory.archive();
        let mut all = archive.history(self.namespace, key, 1 + PAST).await?;
        if all.len() > PAST {
            let first = archive.first(self.namespace, key).await?;
            all.truncate(PAST);
            all.extend(first);
        }
        // Told at one moment with another value, it never held.
        all.retain(|item| item.validity.until != Some(item.validity.from));
        let Some(last) = all.first() else {
            return Ok(None);
        };
        let id = last.id;
        let (now, before): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|item| item.validity.until.is_none());
        let now = now.into_iter().next();
        let before = before.into_iter().map(|item| PastFact {
            is: item.observation,
            until: item.validity.until.map(date).unwrap_or_default(),
        });
        Ok(Some(RecalledFact {
            id,
            about: key.to_owned(),
            since: now.as_ref().map(|item| date(item.validity.from)),
            is: now.map(|item| item.observation),
            before: before.collect(),
            near: false,
        }))
    }

    pub(super) fn fact_size(&self, fact: &RecalledFact) -> u64 {
        let about = &fact.about;
        let past = fact.before.iter();
        let past: String = past
            .map(|past| format!("- {about} before that, until {}: {}\n", past.until, past.is))
            .collect();
        let now = fact.is.as_ref().zip(fact.since.as_ref());
        let now = now.map_or_else(String::new, |(is, since)| {
            format!("- {about}: {is} (since {since})\n")
        });
        self.renderer.count(&format!("{now}{past}")) + 2 * (1 + fact.before.len() as u64)
    }

    /// Facts are short, and go in before anything else, up to a quarter of the room; where that does not
    /// do, without what held longest ago.
    pub(super) fn facts_that_fit(&self, facts: Vec<RecalledFact>, limit: u64) -> Vec<RecalledFact> {
        let mut left = limit / 4;
        let fitting = |mut fact: RecalledFact| {
            loop {
                if let Some(rest) = left.checked_sub(self.fact_size(&fact)) {
                    left = rest;
                    return Some(fact);
                }
                fact.before.pop()?;
                if fact.is.is_none() && fact.before.is_empty() {
                    return None;
                }
            }
        };
        facts.into_iter().filter_map(fitting).collect()
    }
}

/// Whether a fact has to do with a message, beyond being the nearest that there is.
pub(super) fn near(fact: &Found) -> bool {
    fact.words.is_some() || fact.cosine.is_some_and(|cosine| cosine >= NEAR)
}
