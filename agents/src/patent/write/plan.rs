//! The planner: a PGTree by the model, filled up by rule.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result, sentences};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    book::Book,
    components::{MATERIAL, ROOM, material},
    craft::{Craft, left_out},
    ground::Ground,
    outline, prose,
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

/// As the model answers. Held to a schema, it writes the fields in the order of the alphabet, and a guide
/// before its heading is one of nothing.
#[derive(Default, Deserialize)]
struct Outline {
    #[serde(default)]
    sections: Vec<OutlineSection>,
}

#[derive(Deserialize)]
struct OutlineSection {
    heading: String,
    #[serde(default)]
    overview: String,
    #[serde(default)]
    subsections: Vec<OutlineSubsection>,
}

#[derive(Deserialize)]
struct OutlineSubsection {
    heading: String,
    #[serde(default)]
    topics: String,
}

impl Outline {
    fn tree(self) -> PgTree {
        let child = |child: OutlineSubsection| PgSubsection {
            heading: child.heading,
            guide: child.topics,
        };
        let sections = self.sections.into_iter().map(|section| PgSection {
            heading: section.heading,
            overview: section.overview,
            subsections: section.subsections.into_iter().map(child).collect(),
        });
        PgTree {
            sections: sections.collect(),
        }
    }
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
                terms: outline::terms(&planning).join(", "),
                claim: prose::one_paragraph(claim),
                material,
                sections: planning.sections,
                subsections: planning.subsections,
            })
        })?;
        left_out(cx, &PatentPiece::Plan, left);
        let schema = schema(planning.sections, planning.subsections);
        let answer: Option<Outline> = craft.json(cx, messages, tokens, schema).await?;
        let mut tree = answer.unwrap_or_default().tree();
        // Some models write in the plan what they are to plan, and make it up; what is made up here comes
        // back in the text as if it had been planned.
        let claims = planning.claims.iter().map(|claim| claim.text());
        let answers = Question::ALL.map(|question| planning.draft.answer(question));
        let ground = Ground::of(claims.chain(answers));
        // The names of fields are no headings.
        let named = |heading: &str| {
            let heading = heading.trim().to_lowercase();
            !["heading", "topics", "sections", "subsections"].contains(&heading.as_str())
        };
        tree.sections.retain(|section| named(&section.heading));
        // A heading of which no word is known is made up.
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

fn schema(sections: usize, subsections: usize) -> Value {
    // Without these a small model goes on and on.
    let heading = json!({"type": "string", "maxLength": 60});
    let text = json!({"type": "string", "maxLength": 160});
    json!({
        "type": "object",
        "properties": {"sections": {
            "type": "array",
            "minItems": sections.min(2),
            "maxItems": sections,
            "items": {
                "type": "object",
                "properties": {
                    "heading": heading,
                    "overview": text,
                    "subsections": {
                        "type": "array",
                        "minItems": subsections.min(2),
                        "maxItems": subsections,
                        "items": {
                            "type": "object",
                            "properties": {"heading": heading, "topics": text},
                            "required": ["heading", "topics"],
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

/// A plan that is too short for the length that is wanted, with sections of the plan by rule behind its own,
/// and what has no room there in sections that have.
pub(super) fn filled(mut tree: PgTree, planning: &Planning) -> PgTree {
    let (sections, subsections) = (planning.sections, planning.subsections);
    let enough = |tree: &PgTree| tree.subsections().count() * 4 >= sections * subsections * 3;
    if enough(&tree) {
        return tree;
    }
    let named: Vec<String> = tree
        .subsections()
        .map(|(_, section, child)| format!("{} {}", section.heading, child.heading))
        .collect();
    let mut open: Vec<PgSubsection> = Vec::new();
    for section in outline::by_rule(planning, &named).sections {
        let known = tree
            .sections
            .iter()
            .position(|own| own.heading.eq_ignore_ascii_case(&section.heading));
        let room = tree.sections.len() < sections;
        match known.and_then(|at| tree.sections.get_mut(at)) {
            Some(own) => own.subsections.extend(section.subsections),
            None if room => tree.sections.push(section),
            None => open.extend(section.subsections),
        }
        tree = tree.bounded(sections, subsections);
    }
    for child in open {
        let Some(own) = tree
            .sections
            .iter_mut()
            .rev()
            .find(|own| own.subsections.len() < subsections)
        else {
            break;
        };
        own.subsections.push(child);
        tree = tree.bounded(sections, subsections);
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, Glossary, PatentClaim};

    #[test]
    fn a_plan_that_is_too_short_is_filled() {
        let claims = vec![PatentClaim::new(
            1,
            "A cup, comprising: a foot; a rim; a lid; a hinge; and a weight.",
        )];
        let draft = Draft::new(["", "", "", "", "FIG. 1: the cup"]).unwrap();
        let planning = Planning {
            glossary: Glossary::of(&draft, &claims),
            claims,
            draft,
            sections: 3,
            subsections: 3,
            ..Planning::default()
        };
        let own =
            PgTree::from_markdown("## Structure\n### Foot and rim\nHow they are made.").unwrap();
        let tree = filled(own.clone(), &planning);
        let names: Vec<_> = tree
            .subsections()
            .map(|(id, section, child)| format!("{id} {} / {}", section.heading, child.heading))
            .collect();
        assert_eq!(names[0], "1.1 Structure / Foot and rim");
        assert!(names.len() >= 7, "{names:#?}");
        // What the plan has is not planned again.
        assert!(
            !names.iter().skip(1).any(|name| name.contains("Foot")),
            "{names:#?}"
        );
        let enough = Planning {
            sections: 1,
            subsections: 1,
            ..planning
        };
        assert_eq!(filled(own.clone(), &enough), own);
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
