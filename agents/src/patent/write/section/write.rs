//! The text of a subsection, in one or more portions.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};
use serde::Serialize;

use super::{
    super::{
        PatentFlow,
        craft::{Craft, fell_back, left_out},
        paper, prose,
    },
    Piecework,
};

/// Of prose: at 0, a small model repeats a sentence that it likes until the answer is full.
const TEMPERATURE: f32 = 0.3;

pub(super) struct Write {
    pub(super) craft: Craft,
}

#[derive(Serialize)]
struct WriteVariables<'a> {
    title: &'a str,
    terms: String,
    material: &'a str,
    section: &'a str,
    heading: &'a str,
    guide: &'a str,
    others: &'a [String],
    words: u32,
}

#[async_trait]
impl Agent for Write {
    type Input = Piecework;
    type Output = Piecework;

    async fn run(&self, mut work: Piecework, cx: &Context) -> Result<Piecework> {
        if self.craft.flow == PatentFlow::Paper {
            work.text = paper::write(&self.craft, &work, cx).await?;
            return Ok(work);
        }
        let references = work.references();
        let portions = references.len().clamp(1, self.craft.length.portions.max(1));
        let size = references.len().div_ceil(portions).max(1);
        let mut texts = Vec::new();
        for portion in references.chunks(size) {
            texts.push(self.ask(&work, portion, portions, cx).await?);
        }
        if references.is_empty() {
            texts.push(self.ask(&work, &[], 1, cx).await?);
        }
        // Together, so that what comes twice goes.
        work.text = prose::clean(&texts.join("\n\n"), false);
        let brief = &work.brief;
        if work.text.is_empty() {
            // What the inventor wrote says it, if clumsily.
            fell_back(cx, &work.piece(), "the answer is empty");
            let own: Vec<String> = work.references().into_iter().take(3).collect();
            work.text = prose::clean(&own.join("\n\n"), false);
        }
        if work.text.is_empty() {
            work.text = format!("{}.", brief.plan.guide.trim_end_matches('.'));
        }
        Ok(work)
    }
}

impl Write {
    /// What a subsection says of some of its references; as one of so many portions.
    async fn ask(
        &self,
        work: &Piecework,
        references: &[String],
        portions: usize,
        cx: &Context,
    ) -> Result<String> {
        let brief = &work.brief;
        let most = self.craft.length.tokens / u32::try_from(portions).unwrap_or(u32::MAX).max(1);
        let tokens = self.craft.tokens(most);
        let passages: Vec<(usize, &str)> = references
            .iter()
            .enumerate()
            .map(|(at, text)| (at, &**text))
            .collect();
        let (messages, left) = self.craft.fitted(&passages, tokens, |material| {
            self.craft.prompts.write.render(&WriteVariables {
                title: &brief.title,
                terms: brief.terms.join(", "),
                material,
                section: &brief.section,
                heading: &brief.plan.heading,
                guide: &brief.plan.guide,
                others: &brief.others,
                words: tokens * 6 / 10,
            })
        })?;
        left_out(cx, &work.piece(), left);
        let answer = self.craft.text(cx, messages, tokens, TEMPERATURE).await?;
        Ok(prose::clean(&answer.text, answer.cut))
    }
}
