//! The plan by rule: sections that fit every invention, as many as the length has room for.

use super::{
    claims::{as_sentence, subject_of},
    figures::figures,
    glossary::is_drawn,
    prose,
    tree::{PgSection, PgSubsection, PgTree},
    types::Planning,
    wording::capital,
};
use crate::Question;

/// The most words of a guide.
const GUIDE: usize = 45;

/// The most parts that are described together where there is room for more subsections.
const TOGETHER: usize = 2;

pub(super) fn terms(planning: &Planning) -> Vec<&str> {
    planning
        .glossary
        .terms
        .iter()
        .map(|term| term.name.as_str())
        .take(20)
        .collect()
}

/// The whole, its parts in groups, how it works, the embodiments of the dependent claims, and variants. Parts
/// that one of `named` names are left out.
pub(super) fn by_rule(planning: &Planning, named: &[String]) -> PgTree {
    let subject = planning
        .claims
        .first()
        .and_then(|claim| subject_of(claim.text()))
        .unwrap_or_else(|| "invention".to_owned());
    let most = planning.subsections.max(1);
    let all: Vec<&str> = terms(planning)
        .into_iter()
        .filter(|term| !term.eq_ignore_ascii_case(&subject))
        .collect();
    let named = named.join("\n").to_lowercase();
    let parts: Vec<&str> = all
        .iter()
        .copied()
        .filter(|term| !named.contains(&term.to_lowercase()) && is_drawn(term))
        .collect();

    let mut whole = vec![child(
        "General arrangement",
        format!(
            "What the {subject} is for, and its main parts or steps: {}.",
            all.join(", ")
        ),
    )];
    let drawn = figures(planning.draft.answer(Question::Drawings));
    whole.extend(
        groups(&drawn, most.saturating_sub(1).min(2))
            .zip(1..)
            .map(|(group, number)| {
                let heading = match number {
                    1 => "Figures".to_owned(),
                    _ => "Further figures".to_owned(),
                };
                child(&heading, prose::first_words(&group.join(" "), GUIDE))
            }),
    );

    // Two sections of parts where one would be crowded.
    let wide = planning.sections > 4 && parts.len() > most * TOGETHER;
    let room = if wide { 2 * most } else { most };
    let mut structure: Vec<PgSubsection> = groups(&parts, room.min(parts.len().div_ceil(TOGETHER)))
        .map(|group| {
            let names = group.join(", ");
            child(
                &capital(group.first().copied().unwrap_or(&subject)),
                format!("What these are, what each does, and with which others it works together: {names}."),
            )
        })
        .collect();
    let further = structure.split_off(structure.len().min(most));

    let operation = vec![
        child(
            "Operation",
            format!("How the {subject} works, step by step."),
        ),
        child(
            "Advantages",
            "What is achieved by it, and by which feature.".to_owned(),
        ),
        child(
            "Interaction of the parts",
            "Which part or step acts on which other, and what passes between them.".to_owned(),
        ),
        child(
            "Use",
            format!("Where and by whom the {subject} is used, and what is done with it."),
        ),
    ];
    let features: Vec<String> = planning
        .claims
        .iter()
        .filter(|claim| claim.text().contains(" claim "))
        .filter_map(|claim| as_sentence(claim.text()))
        .collect();
    let mut used: Vec<&str> = Vec::new();
    let embodiments = groups(&features, most.min(features.len().div_ceil(TOGETHER)))
        .map(|group| {
            let text = group.join(" ");
            let lower = text.to_lowercase();
            // Named by the first part that is in it and in no name yet.
            let named = all
                .iter()
                .copied()
                .find(|term| !used.contains(term) && lower.contains(&term.to_lowercase()));
            used.extend(named);
            let heading = named.map_or_else(
                || "Further embodiments".to_owned(),
                |term| format!("Embodiments of the {term}"),
            );
            child(&heading, prose::first_words(&text, GUIDE))
        })
        .collect();
    let variants = vec![
        child(
            "Variants",
            "Other forms of the parts or steps that the notes mention.".to_owned(),
        ),
        child(
            "Combinations",
            "Which parts or steps may be left out, combined or arranged in another way.".to_owned(),
        ),
    ];
    let mut sections = vec![
        section("Overview", "The whole.", whole),
        section("Structure", "The parts or steps in detail.", structure),
        section("Further parts", "More parts or steps in detail.", further),
        section("Operation", "How it works.", operation),
        section("Embodiments", "What may be added.", embodiments),
        section("Variants", "What may be different.", variants),
    ];
    sections.retain(|section| !section.subsections.is_empty());
    // Where there is no room for all, variants matter more than a list of embodiments.
    while sections.len() > planning.sections.max(1)
        && let Some(at) = ["Embodiments", "Further parts"]
            .iter()
            .find_map(|name| sections.iter().position(|section| section.heading == *name))
    {
        sections.remove(at);
    }
    PgTree { sections }.bounded(planning.sections, planning.subsections)
}

/// As many groups of about the same size, in their order; fewer where there are fewer things.
fn groups<T>(things: &[T], count: usize) -> std::slice::Chunks<'_, T> {
    things.chunks(things.len().div_ceil(count.max(1)).max(1))
}

fn child(heading: &str, guide: String) -> PgSubsection {
    PgSubsection {
        heading: heading.to_owned(),
        guide,
    }
}

fn section(heading: &str, overview: &str, subsections: Vec<PgSubsection>) -> PgSection {
    PgSection {
        heading: heading.to_owned(),
        overview: overview.to_owned(),
        subsections,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, Glossary, PatentClaim};

    fn planning(claims: Vec<PatentClaim>, sections: usize, subsections: usize) -> Planning {
        let draft = Draft::new(["", "", "", "", "FIG. 1: the cup\nFIG. 2: the foot"]).unwrap();
        Planning {
            glossary: Glossary::of(&draft, &claims),
            claims,
            draft,
            sections,
            subsections,
            ..Planning::default()
        }
    }

    fn names(planning: &Planning) -> Vec<String> {
        by_rule(planning, &[])
            .subsections()
            .map(|(id, _, child)| format!("{id} {}", child.heading))
            .collect()
    }

    #[test]
    fn there_is_a_plan_for_every_invention() {
        let claims = vec![PatentClaim::new(
            1,
            "A cup, comprising: a foot; a rim; a lid; a hinge; and a weight.",
        )];
        assert_eq!(
            names(&planning(claims.clone(), 4, 3)),
            [
                "1.1 General arrangement",
                "1.2 Figures",
                "1.3 Further figures",
                "2.1 Foot",
                "2.2 Lid",
                "2.3 Weight",
                "3.1 Operation",
                "3.2 Advantages",
                "3.3 Interaction of the parts",
                "4.1 Variants",
                "4.2 Combinations",
            ]
        );
        for (sections, subsections) in [(1, 1), (2, 2)] {
            let found = names(&planning(Vec::new(), sections, subsections));
            assert!(
                !found.is_empty() && found.len() <= sections * subsections,
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_long_plan_is_as_long_as_it_may_be() {
        let parts: Vec<String> = [
            "foot", "rim", "lid", "hinge", "weight", "ring", "handle", "spout", "sieve", "base",
        ]
        .iter()
        .map(|part| format!("a {part}"))
        .collect();
        let mut claims = vec![PatentClaim::new(
            1,
            format!("A cup, comprising: {}.", parts.join("; ")),
        )];
        for (number, part) in (2..).zip(["foot", "rim", "lid", "hinge", "weight", "ring", "handle"])
        {
            let text = format!("The cup of claim 1, wherein the {part} is made of iron.");
            claims.push(PatentClaim::new(number, text));
        }
        let found = names(&planning(claims, 6, 4));
        assert!(found.len() >= 18, "{found:#?}");
    }
}
