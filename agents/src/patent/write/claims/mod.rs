//! Claims out of parts and details: a model names them, rules make sentences, numbers and articles.

mod antecedents;
mod dependent;
mod independent;
mod text;

pub(super) use independent::fallback;
pub(super) use text::{as_sentence, is_independent, listed, parse, subject_of};

use catena_core::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    super::PatentClaim,
    book::Book,
    components::{Job, MATERIAL, ROOM, material, title_of, whole_of},
    craft::{Craft, fell_back, left_out},
    ground::Ground,
    phrase::{self, as_step, is_method, is_step},
    prose,
};

/// The fewest and the most parts of an independent claim.
const PARTS: (usize, usize) = (2, 8);

/// What a model answers for an independent claim.
#[derive(Debug, Default, Deserialize)]
struct Independent {
    #[serde(default)]
    subject: String,
    /// What is known already, where claims have two parts.
    #[serde(default)]
    known: Vec<String>,
    #[serde(default)]
    parts: Vec<String>,
}

/// What it answers for the dependent ones.
#[derive(Debug, Default, Deserialize)]
struct Details {
    #[serde(default)]
    details: Vec<String>,
}

#[derive(Default, Serialize)]
struct Variables<'a> {
    material: &'a str,
    /// What is claimed besides the first claim; empty for that.
    subject: &'a str,
    method: bool,
    two_parts: bool,
    claims: &'a str,
    count: usize,
}

fn independent_schema(two_parts: bool) -> Value {
    let part = json!({"type": "string", "maxLength": 200});
    let list = json!({"type": "array", "items": part, "minItems": PARTS.0, "maxItems": PARTS.1});
    let mut schema = json!({
        "type": "object",
        "properties": {"subject": {"type": "string", "maxLength": 100}, "parts": list},
        "required": ["subject", "parts"],
        "additionalProperties": false,
    });
    if two_parts && let Some(properties) = schema.get_mut("properties") {
        properties["known"] = json!({"type": "array", "items": part, "minItems": 1, "maxItems": 4});
        schema["required"] = json!(["subject", "known", "parts"]);
    }
    schema
}

fn details_schema(count: usize) -> Value {
    json!({
        "type": "object",
        "properties": {
            "details": {"type": "array", "items": {"type": "string", "maxLength": 200}, "minItems": 1, "maxItems": count},
        },
        "required": ["details"],
        "additionalProperties": false,
    })
}

/// The claims: an independent one, another of another kind if the draft tells of it and the guide allows it,
/// and dependent ones of both.
pub(super) async fn write(
    craft: &Craft,
    job: &Job,
    book: &Book,
    cx: &Context,
) -> Result<Vec<PatentClaim>> {
    let passages = material(book, &MATERIAL, false);
    let ground = Ground::of_draft(&job.draft);
    let asking = Asking {
        craft,
        job,
        passages: &passages,
        ground: &ground,
    };
    let (first, mut details) = asking.independent("", cx).await?;
    let first = first.unwrap_or_else(|| {
        fell_back(cx, &job.piece, "no claim can be made of the answer");
        fallback(&job.draft, &title_of(&job.draft), &craft.guide)
    });
    let mut independents = vec![first];
    if craft.guide.independent_claims > 1
        && let Some(subject) = independents
            .first()
            .and_then(|claim| subject_of(claim.text()))
        && let Some(other) = independent::other_subject(&job.draft, &subject)
    {
        let (claim, more) = asking.independent(&other, cx).await?;
        match claim {
            Some(claim) => {
                independents.push(claim);
                details.extend(more);
            }
            None => fell_back(
                cx,
                &job.piece,
                "no second independent claim can be made of the answer",
            ),
        }
    }
    let count = craft.length.dependents;
    if count > 0 {
        // What the inventor wants to protect comes before what a model finds.
        details.splice(0..0, dependent::key_points(&job.draft));
        details.extend(asking.details(&independents, count, cx).await?);
    }
    let claims = dependent::with_dependents(&independents, &details, count, &craft.guide);
    Ok(antecedents::with_antecedents(&claims))
}

/// What all questions about claims share.
struct Asking<'a> {
    craft: &'a Craft,
    job: &'a Job,
    passages: &'a [(usize, &'a str)],
    ground: &'a Ground,
}

impl Asking<'_> {
    /// An independent claim, for the invention or for `subject`; and what was said of its parts.
    async fn independent(
        &self,
        subject: &str,
        cx: &Context,
    ) -> Result<(Option<PatentClaim>, Vec<String>)> {
        let craft = self.craft;
        let two_parts = craft.guide.two_part_claims;
        let tokens = craft.tokens(400);
        let room = craft.tokens(ROOM).max(tokens);
        let (messages, left) = craft.fitted(self.passages, room, |material| {
            craft.prompts.claims.render(&Variables {
                material,
                subject,
                method: is_method(subject),
                two_parts,
                ..Variables::default()
            })
        })?;
        left_out(cx, &self.job.piece, left);
        let schema = independent_schema(two_parts);
        let answer: Option<Independent> = craft.json(cx, messages, tokens, schema).await?;
        let Some(mut answer) = answer else {
            return Ok((None, Vec::new()));
        };
        // What a model made up, or copied from the examples of its prompt, is no part of the invention.
        answer.known.retain(|part| self.ground.holds(part));
        answer.parts.retain(|part| self.ground.holds(part));
        if !subject.is_empty() {
            subject.clone_into(&mut answer.subject);
        } else if !self.ground.touches(&answer.subject)
            || self.ground.is_foreign(&answer.subject)
            || whole_of(&self.job.draft)
                .is_some_and(|whole| !Ground::of([&*whole]).touches_any(&answer.subject))
        {
            // What has parts is claimed, and no part of it.
            answer.subject = title_of(&self.job.draft);
        }
        // "A method", with its article.
        let named = phrase::subject(&answer.subject).unwrap_or_default();
        if is_method(&named) {
            answer.parts = answer.parts.iter().map(|part| as_step(part)).collect();
        }
        // A method that was asked for has nothing but steps.
        if is_method(subject) {
            answer.parts.retain(|part| is_step(part));
        }
        if answer.parts.is_empty() || answer.known.len() + answer.parts.len() < PARTS.0 {
            return Ok((None, Vec::new()));
        }
        // What is said of a part is a dependent claim, as long as parts are left.
        let (clauses, parts): (Vec<String>, Vec<String>) = answer
            .parts
            .drain(..)
            .partition(|part| dependent::is_clause(part));
        let details = match parts.len() {
            0 | 1 => {
                answer.parts = [parts, clauses].concat();
                Vec::new()
            }
            _ => {
                answer.parts = parts;
                clauses
            }
        };
        Ok((independent::independent(&answer, &craft.guide), details))
    }

    /// What the draft says of what is claimed, in the model's words.
    async fn details(
        &self,
        independents: &[PatentClaim],
        count: usize,
        cx: &Context,
    ) -> Result<Vec<String>> {
        let craft = self.craft;
        let texts: Vec<&str> = independents.iter().map(PatentClaim::text).collect();
        let claims = prose::fenced(&texts.join("\n\n"));
        let tokens = craft.tokens(u32::try_from(40 * count).unwrap_or(u32::MAX).max(160));
        let room = craft.tokens(ROOM).max(tokens);
        let (messages, _) = craft.fitted(self.passages, room, |material| {
            craft.prompts.details.render(&Variables {
                material,
                claims: &claims,
                count,
                ..Variables::default()
            })
        })?;
        let schema = details_schema(count);
        let answer: Option<Details> = craft.json(cx, messages, tokens, schema).await?;
        if answer.is_none() {
            fell_back(cx, &self.job.piece, "no details can be made of the answer");
        }
        let details = answer.unwrap_or_default().details;
        let mut details: Vec<String> = details
            .iter()
            .map(|detail| dependent::without_echo(detail))
            .collect();
        // Notes of which nothing is told are the prompt's, unless the invention has some.
        let notes = self.ground.touches_any("notes");
        details.retain(|detail| {
            self.ground.holds(detail)
                && !dependent::is_vague(detail)
                && !dependent::tells_of_notes(detail)
                && (notes || !catena_tools::words(detail).any(|word| word == "notes"))
        });
        Ok(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Guide, Jurisdiction, Patent, Rule, check_patent};

    fn us() -> Guide {
        Jurisdiction::Us.guide()
    }

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn holder() -> PatentClaim {
        let answer = Independent {
            subject: "A Cup holder.".into(),
            known: Vec::new(),
            parts: strings(&[
                "1. Base plate that stands on a table;",
                "the support arms hinged to the base plate. They are long.",
                "a ring, and",
                "A ring",
            ]),
        };
        independent::independent(&answer, &us()).unwrap()
    }

    fn method() -> PatentClaim {
        let answer = Independent {
            subject: "Method for washing a cup".into(),
            known: Vec::new(),
            parts: strings(&["Filling a basin with water", "A basin", "Dipping the cup"]),
        };
        independent::independent(&answer, &us()).unwrap()
    }

    fn written(independents: &[PatentClaim], details: &[&str], guide: &Guide) -> Vec<PatentClaim> {
        let claims = dependent::with_dependents(independents, &strings(details), 5, guide);
        antecedents::with_antecedents(&claims)
    }

    const DETAILS: [&str; 6] = [
        "wherein the support arms are made of brass.",
        "The ring has a lining of cork",
        "a second ring",
        "the lining is glued to the ring",
        "the ring",
        "base plate is weighted with iron",
    ];

    #[track_caller]
    fn assert_sound(claims: &[PatentClaim]) {
        let mut patent = Patent::new("Cup holder");
        patent.claims = claims.to_vec();
        let rules = [
            Rule::ClaimNumbers,
            Rule::ClaimReferences,
            Rule::ClaimSentence,
            Rule::AntecedentBasis,
        ];
        let found: Vec<_> = check_patent(&patent, &us())
            .into_iter()
            .filter(|finding| rules.contains(&finding.rule))
            .collect();
        assert_eq!(found, []);
    }

    #[test]
    fn parts_and_details_become_claims() {
        let claims = written(&[holder()], &DETAILS, &us());
        let texts: Vec<_> = claims.iter().map(PatentClaim::text).collect();
        assert_eq!(
            texts,
            [
                "A cup holder, comprising:\na base plate that stands on a table;\nsupport arms hinged to \
                 the base plate; and\na ring.",
                "The cup holder of claim 1, wherein the support arms are made of brass.",
                "The cup holder of claim 1, wherein the ring has a lining of cork.",
                "The cup holder of claim 1, further comprising a second ring.",
                "The cup holder of claim 3, wherein the lining is glued to the ring.",
                "The cup holder of claim 1, wherein the base plate is weighted with iron.",
            ]
        );
        assert_sound(&claims);
    }

    #[test]
    fn each_kind_has_its_own_dependent_claims() {
        let details = [
            "the ring has a lining of cork",
            "drying the cup with a cloth",
            "the basin is made of steel",
        ];
        let claims = written(&[holder(), method()], &details, &us());
        let texts: Vec<_> = claims.iter().skip(1).map(PatentClaim::text).collect();
        assert_eq!(
            texts,
            [
                "The cup holder of claim 1, wherein the ring has a lining of cork.",
                "A method for washing a cup, comprising:\nfilling a basin with water; and\ndipping the cup.",
                "The method for washing a cup of claim 3, further comprising drying the cup with a cloth.",
                "The method for washing a cup of claim 3, wherein the basin is made of steel.",
            ]
        );
        assert_sound(&claims);
        let claims = written(&[holder(), method()], &details, &Jurisdiction::Ep.guide());
        let last = claims.last().unwrap().text();
        assert!(last.contains("according to claim 3, wherein"), "{last}");
        assert_sound(&claims);
    }

    #[test]
    fn clauses_are_no_parts() {
        for clause in [
            "the evaluation of the blood sugar levels causes a change in the creature",
            "the device is integrated into another apparatus",
        ] {
            assert!(dependent::is_clause(clause), "{clause}");
        }
        for part in [
            "the support arms",
            "a display means",
            "a lid that closes the cup",
        ] {
            assert!(!dependent::is_clause(part), "{part}");
        }
    }

    #[test]
    fn schemas_have_what_a_guide_wants() {
        assert!(independent_schema(true)["properties"]["known"].is_object());
        assert!(independent_schema(false)["properties"]["known"].is_null());
    }
}
