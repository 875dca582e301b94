//! Which passages a subsection is written from.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        PatentFlow, Retrieval,
        craft::{Craft, left_out},
        paper, prose,
    },
    Brief, Piecework,
};

/// Tokens that instructions, plan and advice of a prompt about a subsection take at most, about.
const INSTRUCTIONS: u64 = 500;

pub(super) struct Retrieve {
    pub(super) craft: Craft,
}

#[derive(Deserialize)]
struct Chosen {
    passages: Vec<usize>,
}

#[async_trait]
impl Agent for Retrieve {
    type Input = Brief;
    type Output = Piecework;

    async fn run(&self, brief: Brief, cx: &Context) -> Result<Piecework> {
        let mut work = Piecework {
            chosen: (0..brief.passages.len()).collect(),
            brief,
            ..Piecework::default()
        };
        if self.craft.flow == PatentFlow::Paper {
            work.copied = paper::retrieve(&self.craft, &work.brief, cx).await?;
        } else if self.craft.retrieval == Retrieval::Chosen && work.chosen.len() > 1 {
            let chosen = self.choose(&work.brief, cx).await?;
            // A choice that names no passage is none.
            if !chosen.is_empty() {
                work.chosen = chosen;
            }
        }
        self.fit(&mut work, cx);
        Ok(work)
    }
}

impl Retrieve {
    /// Keeps as many passages as every prompt about the subsection has room for, best first, and puts them
    /// into the order of the book.
    fn fit(&self, work: &mut Piecework, cx: &Context) {
        let counter = self.craft.model.counter();
        let tokens = u64::from(self.craft.tokens(self.craft.length.tokens).max(240));
        let claims: usize = work
            .brief
            .claims
            .iter()
            .map(|claim| counter.count(claim.text()))
            .sum();
        // A text and an answer of its length, the claims, and the instructions.
        let mut room = self
            .craft
            .window
            .saturating_sub(2 * tokens + claims as u64 + INSTRUCTIONS);
        let passages = &work.brief.passages;
        let before = work.chosen.len();
        work.chosen.retain(|at| {
            let text = passages.get(*at).map_or("", |(.., text)| text.as_str());
            let cost = counter.count(text) as u64 + 2;
            let fits = cost <= room;
            if fits {
                room -= cost;
            }
            fits
        });
        let left = before - work.chosen.len();
        work.chosen
            .sort_by_key(|at| passages.get(*at).map_or(0, |(order, ..)| *order));
        left_out(cx, &work.piece(), left);
    }

    /// The passages that the model names by their numbers; those that do not exist are left out.
    async fn choose(&self, brief: &Brief, cx: &Context) -> Result<Vec<usize>> {
        #[derive(Serialize)]
        struct Variables<'a> {
            material: &'a str,
            heading: &'a str,
            guide: &'a str,
        }
        let numbered: Vec<String> = brief
            .passages
            .iter()
            .zip(1..)
            .map(|((.., text), number)| format!("[{number}] {}", prose::one_paragraph(text)))
            .collect();
        let passages: Vec<(usize, &str)> = numbered
            .iter()
            .enumerate()
            .map(|(at, text)| (at, &**text))
            .collect();
        let tokens = self.craft.tokens(80);
        let (messages, _) = self.craft.fitted(&passages, tokens, |material| {
            self.craft.prompts.choose.render(&Variables {
                material,
                heading: &brief.plan.heading,
                guide: &brief.plan.guide,
            })
        })?;
        let count = brief.passages.len();
        let schema = serde_json::json!({
            "type": "object",
            "properties": {"passages": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": count},
                "minItems": 1,
                "maxItems": count.min(12),
            }},
            "required": ["passages"],
            "additionalProperties": false,
        });
        let answer: Option<Chosen> = self.craft.json(cx, messages, tokens, schema).await?;
        let mut chosen: Vec<usize> = answer
            .map(|answer| answer.passages)
            .unwrap_or_default()
            .into_iter()
            .filter(|number| (1..=count).contains(number))
            .map(|number| number - 1)
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }
}
