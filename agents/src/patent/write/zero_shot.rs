//! One call for everything, for comparison.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};
use serde::Serialize;

use super::{
    super::{Patent, SectionKind},
    book::Book,
    claims,
    components::title,
    craft::{Craft, left_out},
    prose,
    steps::State,
    tree::{PgSection, PgSubsection, PgTree},
    types::{PatentWork, Subsection},
};

pub(super) struct ZeroShot {
    pub(super) craft: Craft,
}

#[derive(Serialize)]
struct Variables<'a> {
    material: &'a str,
}

#[async_trait]
impl Agent for ZeroShot {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        let craft = &self.craft;
        let book = Book::of(&state.task.draft, &[], &state.task.references, craft.orders);
        let passages: Vec<(usize, &str)> = book
            .passages
            .iter()
            .enumerate()
            .map(|(at, passage)| (at, &*passage.text))
            .collect();
        // All that the window leaves: the answer is everything.
        let window = u32::try_from(craft.window).unwrap_or(u32::MAX);
        let most = craft.model.profile().max_output_tokens.max(window / 2);
        let tokens = most.min(window * 2 / 3).max(1);
        let (messages, left) = craft.fitted(&passages, tokens, |material| {
            craft.prompts.zero_shot.render(&Variables { material })
        })?;
        left_out(cx, &"zero shot", left);
        let answer = craft.text(cx, messages, tokens, 0.0).await?;
        state.work = read(&answer.text, answer.cut, craft.guide.title_words);
        Ok(state)
    }
}

/// The pieces of a document in Markdown, as far as there are any.
fn read(text: &str, cut: bool, title_words: usize) -> PatentWork {
    let mut work = PatentWork::default();
    let mut description = String::new();
    let mut claimed = String::new();
    let mut kind = None;
    for line in text.lines() {
        let marked = line.trim_start().starts_with('#') || line.trim().starts_with("**");
        let name = line.trim().trim_matches(|c: char| "#*: ".contains(c));
        let known = match name.to_lowercase().as_str() {
            "title" => Some(None),
            _ => Some(Some(SectionKind::of(name))).filter(|kind| *kind != Some(SectionKind::Other)),
        };
        if marked && let Some(known) = known {
            kind = known;
            continue;
        }
        if work.title.is_empty() && kind.is_none() && !name.is_empty() {
            work.title = title(name, title_words);
            continue;
        }
        let into = match kind {
            Some(SectionKind::Abstract) => &mut work.abstract_text,
            Some(SectionKind::Background | SectionKind::Field) => &mut work.background,
            Some(SectionKind::Summary) => &mut work.summary,
            Some(SectionKind::Claims) => &mut claimed,
            Some(_) => &mut description,
            None => continue,
        };
        into.push_str(line);
        into.push('\n');
    }
    for text in [
        &mut work.abstract_text,
        &mut work.background,
        &mut work.summary,
    ] {
        *text = prose::clean(text, cut);
    }
    work.abstract_text = prose::one_paragraph(&work.abstract_text);
    work.claims = claims::parse(&claimed)
        .or_else(|_| {
            Patent::from_markdown(&format!("## Claims\n{claimed}")).map(|patent| patent.claims)
        })
        .unwrap_or_default();
    let description = prose::clean(&description, cut);
    if !description.is_empty() {
        let heading = "Description".to_owned();
        work.plan = PgTree {
            sections: vec![PgSection {
                heading: heading.clone(),
                overview: String::new(),
                subsections: vec![PgSubsection {
                    guide: heading.clone(),
                    heading,
                }],
            }],
        };
        if let Some((id, ..)) = work.plan.subsections().next() {
            let subsection = Subsection {
                text: description,
                ..Subsection::default()
            };
            work.subsections.insert(id, subsection);
        }
    }
    work
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_call_writes_is_divided() {
        let work = read(
            "# A Cup\n\n## Abstract\nA cup.\n\n**Background**\nCups tip.\n\n## Summary\nA foot.\n\n## Detailed \
             Description\n### The foot\nThe foot is wide.\n\n## Claims\n1. A cup.\n2. The cup of claim 1, being \
             red.\n",
            false,
            15,
        );
        assert_eq!(work.title, "A Cup");
        assert_eq!(work.abstract_text, "A cup.");
        assert_eq!(work.background, "Cups tip.");
        assert_eq!(work.claims.len(), 2);
        assert_eq!(work.missing(), []);
        let text = &work.subsections.values().next().unwrap().text;
        assert_eq!(text, "The foot is wide.");
        assert!(read("", false, 15).missing().len() >= 5);
    }
}
