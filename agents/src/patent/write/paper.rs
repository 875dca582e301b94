//! The paper's flow, for comparison: after the specification's tables of what each agent gets and is asked
//! for. The prompts are ours.
//!
//! Kept: components and plan from the whole draft, passages copied by the model out of draft and components, an
//! examiner that sees the draft alone, unconditional first revision, a second one on a failure, revisions that
//! see neither draft nor passages, no examination of the whole. Not kept, because they are slips of the code: a
//! verdict that cannot be read has the text rewritten from nothing, and a plan that cannot be read leaves the
//! description empty. Nor what a window has no room for: an answer takes at most half of it, where the paper allows
//! 16,384 tokens; a plan has at most as many sections as the length allows, and a title as many words as the guide.

use catena_core::{Context, Prompt, Result};
use serde::Serialize;

use super::{
    super::{Draft, check::words},
    claims,
    components::{Job, title},
    craft::{Answer, Craft},
    prose,
    section::{Brief, Piecework},
    tree::{PgSection, PgSubsection, PgTree},
    types::{Criterion, PatentPiece, PatentWork, Planning, Verdict},
    wording::capital,
    work::Piece,
};

/// The paper's, for all agents.
const TEMPERATURE: f32 = 0.5;

/// How often the model is asked to copy before the text is written without, and for a summary in its tag.
const COPIES: usize = 5;

/// How often it is asked for a verdict.
const REVIEWS: usize = 2;

#[derive(Clone, Default, Serialize)]
struct Variables<'a> {
    component: &'a str,
    rules: &'a str,
    material: &'a str,
    section: String,
    heading: &'a str,
    guide: &'a str,
    text: String,
    advice: String,
}

/// What the paper's prompts want of a component.
fn rules(piece: PatentPiece) -> &'static str {
    match piece {
        PatentPiece::Title => "concise and specific, without praise",
        PatentPiece::Abstract => "one paragraph of at most 150 words that says what is disclosed",
        PatentPiece::Background => {
            "the field, the prior art, its deficiencies and the purpose of the invention, without \
             disparagement"
        }
        PatentPiece::Summary => {
            "the problem and the key features of the solution, without details of implementation"
        }
        _ => {
            "numbered claims, one sentence each; independent claims cover the core features, dependent \
             claims refer back to them; all belong to one invention"
        }
    }
}

pub(super) async fn component(craft: &Craft, job: &Job, cx: &Context) -> Result<Piece> {
    let name = job.piece.to_string();
    let draft = craft.seen(&job.draft).to_tagged();
    let tries = match job.piece {
        PatentPiece::Summary => COPIES,
        _ => 1,
    };
    let mut asked = 0;
    let answer = loop {
        asked += 1;
        let variables = Variables {
            component: &name,
            rules: rules(job.piece),
            ..Variables::default()
        };
        let answer = ask(craft, &craft.prompts.paper_component, &draft, cx, variables).await?;
        if asked == tries || between(&answer.text, &capital(&name)).is_some() {
            break answer;
        }
    };
    let text = tagged(&answer.text, &name);
    let prose = || prose::clean(&text, answer.cut);
    Ok(match job.piece {
        PatentPiece::Title => Piece::Title(title(&text, craft.guide.title_words)),
        PatentPiece::Abstract => Piece::Abstract(prose()),
        PatentPiece::Background => Piece::Background(prose()),
        PatentPiece::Summary => Piece::Summary(prose()),
        _ => Piece::Claims(match claims::parse(&from_first_claim(&text)) {
            Ok(claims) => claims,
            Err(_) => vec![claims::fallback(&job.draft, "", &craft.guide)],
        }),
    })
}

pub(super) async fn plan(craft: &Craft, planning: &Planning, cx: &Context) -> Result<PgTree> {
    let draft = craft.seen(&planning.draft).to_tagged();
    let prompt = &craft.prompts.paper_plan;
    let answer = ask(craft, prompt, &draft, cx, Variables::default()).await?;
    Ok(tree(&answer.text))
}

/// The draft as the paper's agents see it, and the components: together its reference book.
pub(super) fn book(craft: &Craft, draft: &Draft, work: &PatentWork) -> (String, String) {
    let components = format!(
        "<Title>{}</Title>\n<Abstract>{}</Abstract>\n<Background>{}</Background>\n<Summary>{}</Summary>\
         \n<Claims>\n{}</Claims>",
        work.title,
        work.abstract_text,
        work.background,
        work.summary,
        claims::listed(&work.claims)
    );
    (craft.seen(draft).to_tagged(), components)
}

/// What the model copies of the reference book; `None` when it did not in five tries.
pub(super) async fn retrieve(craft: &Craft, brief: &Brief, cx: &Context) -> Result<Option<String>> {
    let book = format!("{}\n{}", brief.draft, brief.components);
    for _ in 0..COPIES {
        let prompt = &craft.prompts.paper_retrieve;
        let answer = ask(
            craft,
            prompt,
            &book,
            cx,
            Variables {
                heading: &brief.plan.heading,
                guide: &brief.plan.guide,
                ..Variables::default()
            },
        )
        .await?;
        if let Some(copied) = between(&answer.text, "Reference") {
            // The paper trusts it; how much of it is copied is worth knowing.
            cx.note("patent.copied", &share_copied(&copied, &book));
            return Ok(Some(copied));
        }
    }
    Ok(None)
}

pub(super) async fn write(craft: &Craft, work: &Piecework, cx: &Context) -> Result<String> {
    let brief = &work.brief;
    let copied = work.copied.as_deref().unwrap_or_default();
    let answer = ask(
        craft,
        &craft.prompts.paper_write,
        copied,
        cx,
        Variables {
            section: section(brief),
            heading: &brief.plan.heading,
            guide: &brief.plan.guide,
            ..Variables::default()
        },
    )
    .await?;
    Ok(or_guide(prose::clean(&answer.text, answer.cut), brief))
}

pub(super) async fn review(
    craft: &Craft,
    work: &Piecework,
    cx: &Context,
) -> Result<Option<Verdict>> {
    let brief = &work.brief;
    for _ in 0..REVIEWS {
        let prompt = &craft.prompts.paper_review;
        let answer = ask(
            craft,
            prompt,
            &brief.draft,
            cx,
            Variables {
                heading: &brief.plan.heading,
                guide: &brief.plan.guide,
                text: prose::fenced(&work.text),
                ..Variables::default()
            },
        )
        .await?;
        let Some(passes) = between(&answer.text, "Result").and_then(|result| passes(&result))
        else {
            continue;
        };
        return Ok(Some(Verdict {
            fails: match passes {
                true => Vec::new(),
                // The paper's verdict does not say which.
                false => Criterion::ALL.to_vec(),
            },
            advice: between(&answer.text, "Advice").unwrap_or_default(),
        }));
    }
    Ok(None)
}

/// What a verdict says first: "Fail: it does not pass" fails. The authors compared with "Pass" letter by letter, so that
/// "Pass." failed; what says neither is no verdict, as one without a tag.
fn passes(result: &str) -> Option<bool> {
    words(result).iter().find_map(|word| {
        let passes = word.is(&["pass", "passes", "passed"]);
        let fails = word.is(&["fail", "fails", "failed", "not", "cannot"]);
        (passes || fails).then_some(passes)
    })
}

/// One revision always, one more after a failure; what comes of that one is not looked at.
pub(super) fn is_done(work: &Piecework) -> bool {
    let passes = work.verdict.as_ref().is_some_and(Verdict::passes);
    work.rounds >= 2 || work.rounds == 1 && passes
}

pub(super) async fn revise(craft: &Craft, work: &Piecework, cx: &Context) -> Result<String> {
    let Some(verdict) = &work.verdict else {
        // Without advice there is nothing to revise by.
        return Ok(work.text.clone());
    };
    let brief = &work.brief;
    let answer = ask(
        craft,
        &craft.prompts.paper_revise,
        &work.text,
        cx,
        Variables {
            section: section(brief),
            heading: &brief.plan.heading,
            guide: &brief.plan.guide,
            advice: prose::fenced(&verdict.advice),
            ..Variables::default()
        },
    )
    .await?;
    let text = prose::clean(&answer.text, answer.cut);
    Ok(match text.is_empty() {
        true => work.text.clone(),
        false => text,
    })
}

fn section(brief: &Brief) -> String {
    format!("{}: {}", brief.section, brief.overview)
}

fn or_guide(text: String, brief: &Brief) -> String {
    match text.is_empty() {
        true => format!("{}.", brief.plan.guide.trim_end_matches('.')),
        false => text,
    }
}

/// Asks over a text, of which the lines are shown that the window has room for.
async fn ask(
    craft: &Craft,
    prompt: &Prompt,
    text: &str,
    cx: &Context,
    variables: Variables<'_>,
) -> Result<Answer> {
    // The other half is for what it is written from.
    let half = u32::try_from(craft.window / 2).unwrap_or(u32::MAX);
    let tokens = half.max(1);
    let lines: Vec<(usize, &str)> = text.lines().enumerate().collect();
    let (messages, left) = craft.fitted(&lines, tokens, |material| {
        prompt.render(&Variables {
            material,
            ..variables.clone()
        })
    })?;
    super::craft::left_out(cx, &prompt.name(), left);
    craft.text(cx, messages, tokens, TEMPERATURE).await
}

/// What stands inside a tag, or the whole where there is none.
fn tagged(text: &str, name: &str) -> String {
    between(text, &capital(name)).unwrap_or_else(|| text.trim().to_owned())
}

/// What stands between `<tag>` and `</tag>`, or the end.
fn between(text: &str, tag: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let inner = rest.split_once("</").map_or(rest, |(inner, _)| inner);
    let inner = inner.trim();
    (!inner.is_empty()).then(|| inner.to_owned())
}

/// Talk before the first claim goes.
fn from_first_claim(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    lines.join("\n")
}

/// `<Section-1> overview <Subsection-1> … </Subsection-1> … </Section-1>`: a scanner, since the numbers of
/// tags that belong together cannot be told by Rust's regular expressions.
fn tree(text: &str) -> PgTree {
    let mut tree = PgTree::default();
    for section in text.split("<Section-").skip(1) {
        let Some((_, body)) = section.split_once('>') else {
            continue;
        };
        let body = body.split_once("</Section-").map_or(body, |(body, _)| body);
        let (overview, _) = body.split_once("<Subsection-").unwrap_or((body, ""));
        let (heading, overview) = headed(overview);
        let subsections: Vec<PgSubsection> = body
            .split("<Subsection-")
            .skip(1)
            .filter_map(|child| {
                let (_, body) = child.split_once('>')?;
                let body = body.split_once("</").map_or(body, |(body, _)| body);
                let (heading, guide) = headed(body);
                (!heading.is_empty()).then_some(PgSubsection { heading, guide })
            })
            .collect();
        tree.sections.push(PgSection {
            heading,
            overview,
            subsections,
        });
    }
    tree
}

/// A heading and what follows: the first line, or the words before the first colon or full stop.
fn headed(text: &str) -> (String, String) {
    let text = text.trim();
    let end = text.find(['\n', ':', '.']).unwrap_or(text.len());
    let (heading, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let heading: Vec<&str> = heading.split_whitespace().take(12).collect();
    let rest = rest.trim_start_matches(['\n', ':', '.', ' ']);
    (heading.join(" "), prose::one_paragraph(rest))
}

/// Which share of the words of a copy stand in the original in runs of three.
fn share_copied(copy: &str, original: &str) -> f64 {
    let of =
        |text: &str| -> Vec<String> { words(text).into_iter().map(|word| word.lower).collect() };
    let (copy, original) = (of(copy), of(original));
    let known: std::collections::HashSet<&[String]> = original.windows(3).collect();
    let runs = copy.windows(3).count();
    let found = copy.windows(3).filter(|run| known.contains(run)).count();
    found as f64 / runs.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_tags_is_read_even_if_it_is_broken() {
        let tree = tree(
            "Here it is: <Section-1> Structure: the parts.\n<Subsection-1>The foot. Say how wide.</Subsection-1>\
             <Subsection-2>The rim\nSay how thin.</Subsection-1></Section-2>\n<Section-2>Use\n\
             <Subsection-1>Pouring",
        );
        let names: Vec<_> = tree
            .subsections()
            .map(|(id, section, child)| {
                format!(
                    "{id} {} / {} / {}",
                    section.heading, child.heading, child.guide
                )
            })
            .collect();
        assert_eq!(
            names,
            [
                "1.1 Structure / The foot / Say how wide.",
                "1.2 Structure / The rim / Say how thin.",
                "2.1 Use / Pouring / "
            ]
        );
        assert_eq!(super::tree("no plan"), PgTree::default());
    }

    #[test]
    fn tags_are_found_and_their_lack_forgiven() {
        assert_eq!(tagged("Sure: <Title>A cup</Title>", "title"), "A cup");
        assert_eq!(tagged(" A cup ", "title"), "A cup");
        assert_eq!(between("<Result>Pass", "Result").unwrap(), "Pass");
        assert_eq!(between("<Result></Result>", "Result"), None);
        assert_eq!(from_first_claim("Claims:\n1. A cup.\n"), "1. A cup.");
    }

    #[test]
    fn a_verdict_is_what_it_says_first() {
        for (result, verdict) in [
            ("Pass", Some(true)),
            ("**PASS.** It does not fail.", Some(true)),
            ("The text passes.", Some(true)),
            ("Fail: it does not pass", Some(false)),
            ("It does not pass.", Some(false)),
            ("Good.", None),
            ("A compass is missing.", None),
        ] {
            assert_eq!(passes(result), verdict, "{result}");
        }
    }

    #[test]
    fn how_much_is_copied_is_measured() {
        let original = "The foot of the cup is wide and round.";
        assert!((share_copied("the foot of the cup", original) - 1.0).abs() < 1e-9);
        assert!(share_copied("a wide round foot made of cork", original) < 0.1);
    }
}
