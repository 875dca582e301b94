//! A draft out of a granted patent, so that what is written from it can be laid beside the patent.
//!
//! The paper had a model write its drafts. This derivation only selects sentences, by rule, so that
//! anybody gets the same draft from the same patent.

use catena_agents::{Draft, Patent, SectionKind};
use catena_core::{Result, sentences};

/// The most words of an answer.
const BACKGROUND_WORDS: usize = 260;
const PROBLEM_WORDS: usize = 90;
const SOLUTION_WORDS: usize = 900;

/// What a sentence has that says what is lacking.
const LACKS: &[&str] = &[
    "need",
    "needs",
    "problem",
    "problems",
    "drawback",
    "drawbacks",
    "disadvantage",
    "disadvantages",
    "however",
    "difficult",
    "difficulty",
    "cannot",
    "expensive",
    "limited",
    "insufficient",
    "lack",
    "lacks",
    "unfortunately",
    "inefficient",
    "time-consuming",
    "error-prone",
    "costly",
    "desirable",
    "undesirable",
    "object",
    "challenge",
    "challenging",
];

/// The answers that an inventor of `patent` could have given.
///
/// 1. *Technical problem*: the sentences of the background that say what is lacking or desired, in their
///    order, up to 90 words; without any, its last two sentences.
/// 2. *Background*: field and background without these sentences, up to 260 words.
/// 3. *Technical solution*: the summary, and then of each paragraph of the detailed description the first
///    two sentences, up to 900 words.
/// 4. *Key points*: a line for each clause of the first claim and for what each other claim adds.
/// 5. *Drawings*: the brief description of the drawings, a line a paragraph.
///
/// Sentences are copied as they are; only claim language (`The X of claim 1, wherein`) is left out. What
/// the draft says is part of the patent, so a text that only repeats the draft is like the patent to that
/// extent: compare flows with each other, not with 0.
///
/// # Errors
///
/// An answer that is too long for a draft, which these limits exclude.
pub fn derive_draft(patent: &Patent) -> Result<Draft> {
    let of_kind = |kinds: &[SectionKind]| -> Vec<String> {
        patent
            .sections
            .iter()
            .filter(|section| kinds.contains(&section.kind()))
            .flat_map(|section| section.paragraphs())
            .flat_map(sentences_of)
            .collect()
    };
    let background = of_kind(&[SectionKind::Field, SectionKind::Background]);
    let lacking = |sentence: &String| {
        words_of(sentence)
            .iter()
            .any(|word| LACKS.contains(&word.as_str()))
    };
    let mut problem: Vec<String> = background
        .iter()
        .filter(|one| lacking(one))
        .cloned()
        .collect();
    if problem.is_empty() {
        let last_two = background.len().saturating_sub(2);
        problem = background.iter().skip(last_two).cloned().collect();
    }
    let problem = up_to(problem, PROBLEM_WORDS);
    let rest: Vec<String> = background
        .into_iter()
        .filter(|sentence| !problem.contains(sentence))
        .collect();

    let mut solution = of_kind(&[SectionKind::Summary]);
    for section in &patent.sections {
        if matches!(
            section.kind(),
            SectionKind::Description | SectionKind::Other
        ) {
            for paragraph in section.paragraphs() {
                solution.extend(sentences_of(paragraph).take(2));
            }
        }
    }
    let drawings: Vec<&str> = patent
        .sections
        .iter()
        .filter(|section| section.kind() == SectionKind::Drawings)
        .flat_map(|section| section.paragraphs())
        .collect();
    Draft::new([
        problem.join(" "),
        up_to(rest, BACKGROUND_WORDS).join(" "),
        up_to(solution, SOLUTION_WORDS).join(" "),
        key_points(patent).join("\n"),
        drawings.join("\n"),
    ])
}

fn sentences_of(paragraph: &str) -> impl Iterator<Item = String> + '_ {
    sentences(paragraph)
        .filter_map(|range| paragraph.get(range))
        .map(|sentence| sentence.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|sentence| !sentence.is_empty())
}

fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '-')
        .map(str::to_lowercase)
        .collect()
}

/// Whole sentences up to so many words, at least one; in their order, each once.
fn up_to(sentences: Vec<String>, limit: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut count = 0;
    for sentence in sentences {
        let words = sentence.split_whitespace().count();
        if kept.contains(&sentence) {
            continue;
        }
        if !kept.is_empty() && count + words > limit {
            break;
        }
        count += words;
        kept.push(sentence);
    }
    kept
}

/// The clauses of the first claim, and what the others add, as lines of a list.
fn key_points(patent: &Patent) -> Vec<String> {
    let mut points: Vec<String> = Vec::new();
    let mut push = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.trim_matches(|c: char| c.is_whitespace() || ".,;:".contains(c));
        let text = text.strip_prefix("and ").unwrap_or(text);
        let point = format!("- {text}.");
        if text.split_whitespace().count() > 2 && !points.contains(&point) {
            points.push(point);
        }
    };
    for claim in &patent.claims {
        let text = claim.text();
        let dependent = text.contains("claim ") || text.contains("claims ");
        let body = match dependent {
            true => [
                "wherein",
                "further comprising",
                "further including",
                "characterized in that",
            ]
            .iter()
            .find_map(|mark| {
                let (_, rest) = text.split_once(mark)?;
                Some(rest)
            }),
            false if claim.number() == 1 => Some(match text.split_once("comprising") {
                Some((_, rest)) => rest,
                None => text,
            }),
            // Other independent claims say the same in another category.
            false => None,
        };
        for clause in body.unwrap_or_default().split([';', '\n']) {
            push(clause);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use catena_agents::{PatentClaim, PatentSection, Question};

    use super::*;

    fn patent() -> Patent {
        let mut patent = Patent::new("Cup");
        for (heading, text) in [
            (
                "Background",
                "Cups are old. However, they tip over. Mugs are heavier.",
            ),
            ("Summary", "A cup with a foot is disclosed."),
            ("Brief description of the drawings", "FIG. 1 shows the cup."),
            (
                "Detailed description",
                "The foot is wide. It is made of cork. It is round.\n\nThe rim is thin.",
            ),
        ] {
            let mut section = PatentSection::new(heading).unwrap();
            section.push_paragraph(text);
            patent.sections.push(section);
        }
        patent.claims = vec![
            PatentClaim::new(
                1,
                "A cup, comprising:\na thin rim; and\na foot made of cork.",
            ),
            PatentClaim::new(2, "The cup of claim 1, wherein the foot is round."),
            PatentClaim::new(3, "A method of making a cup, comprising turning a foot."),
        ];
        patent
    }

    #[test]
    fn sentences_answer_the_questions() {
        let draft = derive_draft(&patent()).unwrap();
        let answers = Question::ALL.map(|question| draft.answer(question));
        assert_eq!(
            answers,
            [
                "However, they tip over.",
                "Cups are old. Mugs are heavier.",
                "A cup with a foot is disclosed. The foot is wide. It is made of cork. The rim is thin.",
                "- a thin rim.\n- a foot made of cork.\n- the foot is round.",
                "FIG. 1 shows the cup.",
            ]
        );
        assert_eq!(derive_draft(&patent()).unwrap(), draft);
    }

    #[test]
    fn answers_are_bounded() {
        let mut patent = patent();
        let mut long = PatentSection::new("Detailed description").unwrap();
        for number in 0..500 {
            long.push_paragraph(format!(
                "Part {number} has a long and detailed description here."
            ));
        }
        patent.sections.push(long);
        let draft = derive_draft(&patent).unwrap();
        let count = draft.answer(Question::Solution).split_whitespace().count();
        assert!((800..=SOLUTION_WORDS).contains(&count), "{count}");
    }
}
