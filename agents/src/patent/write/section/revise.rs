//! Revision of a subsection by edits.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};
use serde::Serialize;

use super::{
    super::{
        PatentFlow,
        craft::Craft,
        edits::{self, Edits},
        examine::problems,
        ground::Ground,
        paper, prose,
        tree::PgSubsection,
        types::PatentPiece,
    },
    Piecework,
};

pub(super) struct Revise {
    pub(super) craft: Craft,
}

#[derive(Serialize)]
struct ReviseVariables<'a> {
    title: &'a str,
    material: &'a str,
    heading: &'a str,
    guide: &'a str,
    text: String,
    advice: String,
}

/// What is told of a revision.
#[derive(Serialize)]
struct Revised<'a> {
    piece: Option<PatentPiece>,
    applied: usize,
    refused: &'a [String],
}

#[async_trait]
impl Agent for Revise {
    type Input = Piecework;
    type Output = Piecework;

    async fn run(&self, mut work: Piecework, cx: &Context) -> Result<Piecework> {
        work.rounds += 1;
        if self.craft.flow == PatentFlow::Paper {
            work.text = paper::revise(&self.craft, &work, cx).await?;
            return Ok(work);
        }
        let advice = advice(&work, &self.craft);
        let brief = &work.brief;
        let edited = revise(
            &self.craft,
            &work.text,
            &brief.title,
            &brief.plan,
            &work.references(),
            &advice,
            cx,
        )
        .await?;
        cx.note(
            "patent.revised",
            &Revised {
                piece: work.piece(),
                applied: edited.applied,
                refused: &edited.refused,
            },
        );
        work.text = edited.text;
        Ok(work)
    }
}

/// Asks for edits of a text and applies those that can be.
pub(in crate::patent::write) async fn revise(
    craft: &Craft,
    text: &str,
    title: &str,
    plan: &PgSubsection,
    references: &[String],
    advice: &str,
    cx: &Context,
) -> Result<edits::Edited> {
    let count = craft.model.counter().count(text);
    let tokens = craft.tokens(u32::try_from(count).unwrap_or(u32::MAX).max(240));
    let passages: Vec<(usize, &str)> = references
        .iter()
        .enumerate()
        .map(|(at, text)| (at, &**text))
        .collect();
    let (messages, _) = craft.fitted(&passages, tokens, |material| {
        craft.prompts.revise.render(&ReviseVariables {
            title,
            material,
            heading: &plan.heading,
            guide: &plan.guide,
            text: prose::fenced(text),
            advice: prose::fenced(advice),
        })
    })?;
    let answer: Option<Edits> = craft.json(cx, messages, tokens, edits::schema()).await?;
    let mut edits = answer.unwrap_or_default().edits;
    for edit in &mut edits {
        // What takes a piece's place is prose like the rest.
        edit.replace = prose::clean(&edit.replace, false);
    }
    // And it says nothing that the notes do not; where there are none, only the text is known.
    let known = references.iter().map(String::as_str);
    let ground = Ground::of(known.chain([text, title, &*plan.heading, &*plan.guide]));
    edits.retain(|edit| ground.holds_change(&edit.find, &edit.replace));
    Ok(edits::apply(text, &edits))
}

/// What the examiner and the rules say.
fn advice(work: &Piecework, craft: &Craft) -> String {
    let mut lines = Vec::new();
    if let Some(verdict) = &work.verdict {
        let failed: Vec<&str> = verdict.fails.iter().map(|fail| fail.name()).collect();
        if !failed.is_empty() {
            lines.push(format!("Lacking: {}.", failed.join(", ")));
        }
        if !verdict.advice.trim().is_empty() {
            lines.push(verdict.advice.trim().to_owned());
        }
    }
    lines.extend(problems(&work.examination(), &craft.guide));
    lines.join("\n")
}
