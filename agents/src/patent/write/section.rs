//! One subsection: retrieve, write, examine, revise, as a graph with a cycle.

use async_trait::async_trait;
use catena_core::{Agent, Context, Graph, Result, branch};
use serde::{Deserialize, Serialize};

use super::{
    super::PatentClaim,
    ExaminerAgent, PatentFlow, Retrieval,
    claims::as_sentence,
    craft::{Craft, left_out},
    edits::{self, Edits},
    examine::problems,
    ground::Ground,
    paper, prose,
    tree::{PgSubsection, SubsectionId},
    types::{Examination, PatentPiece, Source, Subsection, Verdict},
    work::{NOTE, Piece},
};

/// Tokens that instructions, plan and advice of a prompt about a subsection take at most, about.
const INSTRUCTIONS: u64 = 500;

/// Of prose: at 0, a small model repeats a sentence that it likes until the answer is full.
const TEMPERATURE: f32 = 0.3;

/// What a subsection is written from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Brief {
    pub(super) id: Option<SubsectionId>,
    /// The title of the patent.
    pub(super) title: String,
    /// The heading of the section and what it is for.
    pub(super) section: String,
    pub(super) overview: String,
    pub(super) plan: PgSubsection,
    /// The claims that it has to describe.
    pub(super) claims: Vec<PatentClaim>,
    /// Names of parts that it shares with the others.
    pub(super) terms: Vec<String>,
    /// What the other subsections are about.
    pub(super) others: Vec<String>,
    /// Passages of the reference book, best first; and where each stands in the book.
    pub(super) passages: Vec<(usize, Source, String)>,
    /// The whole draft and the components, in the paper's flow only.
    pub(super) whole: String,
}

/// A subsection under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Piecework {
    pub(super) brief: Brief,
    /// Which of the brief's passages it rests on.
    pub(super) chosen: Vec<usize>,
    /// What the paper's model copied for it.
    pub(super) copied: Option<String>,
    /// The latest text, not examined yet or the best.
    pub(super) text: String,
    /// The best version so far and its verdict.
    pub(super) best: Option<(String, Option<Verdict>)>,
    pub(super) verdict: Option<Verdict>,
    pub(super) rounds: u32,
    pub(super) done: bool,
}

impl Piecework {
    /// The passages and claims that it rests on, word for word, the same for every prompt.
    pub(super) fn references(&self) -> Vec<String> {
        let claims = self.brief.claims.iter().map(|claim| {
            // Without the claim's number, which is no business of the description.
            as_sentence(claim.text()).unwrap_or_else(|| prose::one_paragraph(claim.text()))
        });
        let passages = self
            .chosen
            .iter()
            .filter_map(|at| Some(self.brief.passages.get(*at)?.2.clone()));
        passages.chain(claims).collect()
    }

    fn examination(&self) -> Examination {
        Examination {
            title: self.brief.title.clone(),
            section: self.brief.section.clone(),
            plan: self.brief.plan.clone(),
            text: self.text.clone(),
            references: self.references(),
        }
    }

    pub(super) fn piece(&self) -> Option<PatentPiece> {
        self.brief.id.map(PatentPiece::Subsection)
    }
}

/// The graph of one subsection.
pub(super) fn graph(
    craft: &Craft,
    examiner: &ExaminerAgent,
) -> Result<Graph<Brief, (Option<SubsectionId>, Subsection)>> {
    let mut graph = Graph::builder("subsection");
    let craft = || craft.clone();
    let retrieve = graph.node("retrieve", Retrieve { craft: craft() });
    let write = graph.node("write", Write { craft: craft() });
    let examine = graph.node(
        "examine",
        Examine {
            craft: craft(),
            examiner: examiner.clone(),
        },
    );
    let revise = graph.node("revise", Revise { craft: craft() });
    let hand_over = graph.node("hand over", HandOver);
    let next = branch!(graph, "next", |work: Piecework| match work {
        done if done.done => hand_over(done),
        open => revise(open),
    });
    graph
        .edge(retrieve, write)
        .edge(write, examine)
        .edge(examine, next)
        .edge(revise, examine);
    // `done` ends it before; the limit holds should that ever be wrong.
    graph.step_limit(craft().rounds as usize + 4);
    graph.build(retrieve, hand_over)
}

struct Retrieve {
    craft: Craft,
}

#[derive(Deserialize)]
struct Chosen {
    passages: Vec<usize>,
}

#[async_trait]
impl Agent for Retrieve {
    type Input = Brief;
    type Output = Piecework;

    async fn run(&self, brief: Brief, cx: &Context) -> Result<Piecework> {
        let mut work = Piecework {
            chosen: (0..brief.passages.len()).collect(),
            brief,
            ..Piecework::default()
        };
        if self.craft.flow == PatentFlow::Paper {
            work.copied = paper::retrieve(&self.craft, &work.brief, cx).await?;
        } else if self.craft.retrieval == Retrieval::Chosen && work.chosen.len() > 1 {
            let chosen = self.choose(&work.brief, cx).await?;
            // A choice that names no passage is none.
            if !chosen.is_empty() {
                work.chosen = chosen;
            }
        }
        self.fit(&mut work, cx);
        Ok(work)
    }
}

impl Retrieve {
    /// Keeps as many passages as every prompt about the subsection has room for, best first, and puts them
    /// into the order of the book.
    fn fit(&self, work: &mut Piecework, cx: &Context) {
        let counter = self.craft.model.counter();
        let tokens = u64::from(self.craft.tokens(self.craft.length.tokens).max(240));
        let claims: usize = work
            .brief
            .claims
            .iter()
            .map(|claim| counter.count(claim.text()))
            .sum();
        // A text and an answer of its length, the claims, and the instructions.
        let mut room = self
            .craft
            .window
            .saturating_sub(2 * tokens + claims as u64 + INSTRUCTIONS);
        let passages = &work.brief.passages;
        let before = work.chosen.len();
        work.chosen.retain(|at| {
            let text = passages.get(*at).map_or("", |(.., text)| text.as_str());
            let cost = counter.count(text) as u64 + 2;
            let fits = cost <= room;
            if fits {
                room -= cost;
            }
            fits
        });
        let left = before - work.chosen.len();
        work.chosen
            .sort_by_key(|at| passages.get(*at).map_or(0, |(order, ..)| *order));
        left_out(cx, &work.piece(), left);
    }

    /// The passages that the model names by their numbers; those that do not exist are left out.
    async fn choose(&self, brief: &Brief, cx: &Context) -> Result<Vec<usize>> {
        #[derive(Serialize)]
        struct Variables<'a> {
            material: &'a str,
            heading: &'a str,
            guide: &'a str,
        }
        let numbered: Vec<String> = brief
            .passages
            .iter()
            .zip(1..)
            .map(|((.., text), number)| format!("[{number}] {}", prose::one_paragraph(text)))
            .collect();
        let passages: Vec<(usize, &str)> = numbered
            .iter()
            .enumerate()
            .map(|(at, text)| (at, &**text))
            .collect();
        let tokens = self.craft.tokens(80);
        let (messages, _) = self.craft.fitted(&passages, tokens, |material| {
            self.craft.prompts.choose.render(&Variables {
                material,
                heading: &brief.plan.heading,
                guide: &brief.plan.guide,
            })
        })?;
        let count = brief.passages.len();
        let schema = serde_json::json!({
            "type": "object",
            "properties": {"passages": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": count},
                "minItems": 1,
                "maxItems": count.min(12),
            }},
            "required": ["passages"],
            "additionalProperties": false,
        });
        let answer: Option<Chosen> = self.craft.json(cx, messages, tokens, schema).await?;
        let mut chosen: Vec<usize> = answer
            .map(|answer| answer.passages)
            .unwrap_or_default()
            .into_iter()
            .filter(|number| (1..=count).contains(number))
            .map(|number| number - 1)
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }
}

struct Write {
    craft: Craft,
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
            super::craft::fell_back(cx, &work.piece(), "the answer is empty");
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

struct Examine {
    craft: Craft,
    examiner: ExaminerAgent,
}

#[async_trait]
impl Agent for Examine {
    type Input = Piecework;
    type Output = Piecework;

    async fn run(&self, mut work: Piecework, cx: &Context) -> Result<Piecework> {
        if self.craft.flow == PatentFlow::Paper {
            work.verdict = paper::review(&self.craft, &work, cx).await?;
            work.done = paper::is_done(&work);
            return Ok(work);
        }
        // An approval would change nothing, so none is asked for.
        if self.craft.rounds == 0 {
            work.done = true;
            return Ok(work);
        }
        // No edit could be applied: the verdict on it is known.
        if work
            .best
            .as_ref()
            .is_some_and(|(text, _)| *text == work.text)
        {
            work.done = true;
            return Ok(work);
        }
        let examination = work.examination();
        let verdict = self.examiner.run(examination.clone(), cx).await?;
        let better = match &work.best {
            None => true,
            Some((text, before)) => {
                let of = |text: &str, verdict: &Option<Verdict>| {
                    let fails = verdict.as_ref().map_or(6, |verdict| verdict.fails.len());
                    let examination = Examination {
                        text: text.to_owned(),
                        ..examination.clone()
                    };
                    (fails, problems(&examination, &self.craft.guide).len())
                };
                of(&work.text, &verdict) < of(text, before)
            }
        };
        let passes = verdict.as_ref().is_some_and(Verdict::passes);
        let silent = verdict.is_none();
        if better {
            work.best = Some((work.text.clone(), verdict));
        }
        if let Some((text, verdict)) = &work.best {
            work.text.clone_from(text);
            work.verdict.clone_from(verdict);
        }
        work.done = passes || silent || work.rounds >= self.craft.rounds;
        Ok(work)
    }
}

struct Revise {
    craft: Craft,
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
pub(super) async fn revise(
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

struct HandOver;

#[async_trait]
impl Agent for HandOver {
    type Input = Piecework;
    type Output = (Option<SubsectionId>, Subsection);

    async fn run(&self, work: Piecework, cx: &Context) -> Result<Self::Output> {
        let claims = work
            .brief
            .claims
            .iter()
            .map(|claim| Source::Claim(claim.number()));
        let passages = work
            .chosen
            .iter()
            .filter_map(|at| Some(work.brief.passages.get(*at)?.1.clone()));
        let subsection = Subsection {
            text: work.text.clone(),
            rests_on: claims.chain(passages).collect(),
            verdict: work.verdict.clone(),
            rounds: work.rounds,
        };
        if let Some(id) = work.brief.id {
            cx.note(NOTE, &Piece::Subsection(id, subsection.clone()));
        }
        Ok((work.brief.id, subsection))
    }
}
