//! The text of a subsection, in one or more portions.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};
use serde::Serialize;

use super::{
    super::{
        PatentFlow,
        craft::{Craft, fell_back, left_out},
        paper, prose,
        work::{NOTE, Piece},
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
        work.text = match self.craft.flow {
            PatentFlow::Paper => paper::write(&self.craft, &work, cx).await?,
            _ => self.write(&work, cx).await?,
        };
        if let Some(id) = work.brief.id {
            // Of a run that ends before it is examined, it can be read.
            cx.note(NOTE, &Piece::Unexamined(id, work.text.clone()));
        }
        Ok(work)
    }
}

impl Write {
    /// The text, of all portions.
    async fn write(&self, work: &Piecework, cx: &Context) -> Result<String> {
        let references = work.references();
        let portions = references.len().clamp(1, self.craft.length.portions.max(1));
        let size = references.len().div_ceil(portions).max(1);
        let mut texts = Vec::new();
        for portion in references.chunks(size) {
            texts.push(self.ask(work, portion, portions, cx).await?);
        }
        if references.is_empty() {
            texts.push(self.ask(work, &[], 1, cx).await?);
        }
        // Together, so that what comes twice goes.
        let mut text = prose::clean(&texts.join("\n\n"), false);
        if !prose::is_said(&text) {
            // What the inventor wrote says it, if clumsily.
            fell_back(cx, &work.piece(), "the answer says nothing");
            let own: Vec<String> = references.into_iter().take(3).collect();
            text = prose::clean(&own.join("\n\n"), false);
        }
        if text.is_empty() {
            text = format!("{}.", work.brief.plan.guide.trim_end_matches('.'));
        }
        Ok(text)
    }

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
