//! The planner: a PGTree by the model, and one by rule where it makes none.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result, sentences};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    book::Book,
    claims::subject_of,
    components::{MATERIAL, ROOM, material},
    craft::{Craft, left_out},
    glossary::draws,
    ground::Ground,
    prose,
    tree::{PgSection, PgSubsection, PgTree},
    types::{PatentPiece, Planning},
};
use crate::Question;

/// The most words of a model's overview and guide.
const OVERVIEW: usize = 30;
const GUIDE: usize = 45;

/// Plans with the model.
pub(super) struct ModelPlanner {
    pub(super) craft: Craft,
}

#[derive(Serialize)]
struct Variables<'a> {
    title: &'a str,
    terms: String,
    claim: String,
    material: &'a str,
    sections: usize,
    subsections: usize,
}

#[async_trait]
impl Agent for ModelPlanner {
    type Input = Planning;
    type Output = PgTree;

    async fn run(&self, planning: Planning, cx: &Context) -> Result<PgTree> {
        let craft = &self.craft;
        let count = planning.sections * planning.subsections;
        let tokens = 90 * count + 60 * planning.sections;
        let tokens = craft.tokens(u32::try_from(tokens).unwrap_or(u32::MAX));
        let book = Book::of(&planning.draft, &[], &[], craft.orders);
        let passages = material(&book, &MATERIAL, false);
        let claim = planning.claims.first().map_or("", |claim| claim.text());
        let room = craft.tokens(ROOM).max(tokens);
        let (messages, left) = craft.fitted(&passages, room, |material| {
            craft.prompts.plan.render(&Variables {
                title: &planning.title,
                terms: terms(&planning).join(", "),
                claim: prose::one_paragraph(claim),
                material,
                sections: planning.sections,
                subsections: planning.subsections,
            })
        })?;
        left_out(cx, &PatentPiece::Plan, left);
        let schema = schema(planning.sections, planning.subsections);
        let answer: Option<PgTree> = craft.json(cx, messages, tokens, schema).await?;
        let mut tree = answer.unwrap_or_default();
        // Some models write in the plan what they are to plan, and make it up; what is made up here comes
        // back in the text as if it had been planned.
        let claims = planning.claims.iter().map(|claim| claim.text());
        let answers = Question::ALL.map(|question| planning.draft.answer(question));
        let ground = Ground::of(claims.chain(answers));
        // A heading of which no word is known is one of the prompt's example.
        tree.sections
            .retain(|section| ground.touches(&section.heading));
        for section in &mut tree.sections {
            section
                .subsections
                .retain(|child| ground.touches(&child.heading));
            section.overview = known(&section.overview, &ground, OVERVIEW);
            for child in &mut section.subsections {
                child.guide = known(&child.guide, &ground, GUIDE);
            }
        }
        Ok(tree)
    }
}

/// The sentences that say nothing new, up to so many words.
fn known(text: &str, ground: &Ground, words: usize) -> String {
    let kept: Vec<&str> = sentences(text)
        .filter_map(|range| text.get(range))
        .map(str::trim)
        .filter(|sentence| ground.holds_change("", sentence))
        .collect();
    prose::first_words(&kept.join(" "), words)
}

fn terms(planning: &Planning) -> Vec<&str> {
    planning
        .glossary
        .terms
        .iter()
        .map(|term| term.name.as_str())
        .take(20)
        .collect()
}

fn schema(sections: usize, subsections: usize) -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {"sections": {
            "type": "array",
            "minItems": sections.min(2),
            "maxItems": sections,
            "items": {
                "type": "object",
                "properties": {
                    "heading": text,
                    "overview": text,
                    "subsections": {
                        "type": "array",
                        "minItems": subsections.min(2),
                        "maxItems": subsections,
                        "items": {
                            "type": "object",
                            "properties": {"heading": text, "guide": text},
                            "required": ["heading", "guide"],
                            "additionalProperties": false,
                        },
                    },
                },
                "required": ["heading", "overview", "subsections"],
                "additionalProperties": false,
            },
        }},
        "required": ["sections"],
        "additionalProperties": false,
    })
}

/// A plan of which only the beginning could be read, with sections of the other in the place of the rest.
pub(super) fn filled(mut tree: PgTree, planning: &Planning) -> PgTree {
    if tree.sections.len() < planning.sections.min(2) {
        tree.sections.extend(by_rule(planning).sections);
    }
    tree.bounded(planning.sections, planning.subsections)
}

/// A plan that fits every invention: the whole, its parts in groups, how it works, and variants.
pub(super) fn by_rule(planning: &Planning) -> PgTree {
    let subject = planning
        .claims
        .first()
        .and_then(|claim| subject_of(claim.text()))
        .unwrap_or_else(|| "invention".to_owned());
    let child = |heading: &str, guide: String| PgSubsection {
        heading: heading.to_owned(),
        guide,
    };
    let parts: Vec<&str> = terms(planning)
        .into_iter()
        .filter(|term| !term.eq_ignore_ascii_case(&subject))
        .collect();
    let mut whole = vec![child(
        "General arrangement",
        format!(
            "What the {subject} is for, and its main parts or steps: {}.",
            parts.join(", ")
        ),
    )];
    if draws(planning.draft.answer(Question::Drawings)) {
        whole.push(child(
            "Figures",
            "What the figures show, one after the other.".to_owned(),
        ));
    }
    let groups = parts
        .len()
        .div_ceil(4)
        .clamp(1, planning.subsections.max(1));
    let size = parts.len().div_ceil(groups).max(1);
    let structure: Vec<PgSubsection> = parts
        .chunks(size)
        .map(|group| {
            let names = group.join(", ");
            let heading = group.first().copied().unwrap_or(&subject);
            child(
                &capitalised(heading),
                format!("How these are made and how they are connected: {names}."),
            )
        })
        .collect();
    let operation = vec![
        child(
            "Operation",
            format!("How the {subject} works, step by step."),
        ),
        child(
            "Advantages",
            "What is achieved by it, and by which feature.".to_owned(),
        ),
    ];
    let variants = vec![child(
        "Variants",
        "Other forms of the parts or steps that the notes mention.".to_owned(),
    )];
    let section = |heading: &str, overview: &str, subsections: Vec<PgSubsection>| PgSection {
        heading: heading.to_owned(),
        overview: overview.to_owned(),
        subsections,
    };
    let mut sections = vec![
        section("Overview", "The whole.", whole),
        section("Structure", "The parts or steps in detail.", structure),
        section("Operation", "How it works.", operation),
        section("Variants", "Other embodiments.", variants),
    ];
    sections.retain(|section| !section.subsections.is_empty());
    PgTree { sections }.bounded(planning.sections, planning.subsections)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, Glossary, PatentClaim};

    #[test]
    fn there_is_a_plan_for_every_invention() {
        let claims = vec![PatentClaim::new(
            1,
            "A cup, comprising: a foot; a rim; a lid; a hinge; and a weight.",
        )];
        let draft = Draft::new(["", "", "", "", "FIG. 1: the cup"]).unwrap();
        let planning = Planning {
            glossary: Glossary::of(&draft, &claims),
            claims,
            draft,
            sections: 4,
            subsections: 3,
            ..Planning::default()
        };
        let tree = by_rule(&planning);
        let names: Vec<_> = tree
            .subsections()
            .map(|(id, _, child)| format!("{id} {}", child.heading))
            .collect();
        assert_eq!(
            names,
            [
                "1.1 General arrangement",
                "1.2 Figures",
                "2.1 Foot",
                "2.2 Hinge",
                "3.1 Operation",
                "3.2 Advantages",
                "4.1 Variants"
            ]
        );
        for (sections, subsections) in [(1, 1), (2, 2)] {
            let planning = Planning {
                sections,
                subsections,
                ..Planning::default()
            };
            let tree = by_rule(&planning);
            assert!(!tree.sections.is_empty() && tree.sections.len() <= sections);
        }
    }

    #[test]
    fn a_guide_keeps_what_the_notes_know() {
        let ground = Ground::of(["A housing holds a display."]);
        let guide =
            "How the display is held by the housing. It can be made of plastic, metal, or wood.";
        assert_eq!(
            known(guide, &ground, 40),
            "How the display is held by the housing."
        );
        assert_eq!(known("Plastic, metal, or wood.", &ground, 40), "");
    }

    #[test]
    fn a_schema_is_bounded() {
        let schema = schema(3, 2);
        assert_eq!(schema["properties"]["sections"]["maxItems"], 3);
    }
}
