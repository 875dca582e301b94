//! The steps of the whole: begin, components, claims, plan, sections.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use catena_core::{Agent, Context, Error, Graph, Inside, Result};
use serde::{Deserialize, Serialize};

use super::{
    super::{Patent, PatentPlace, check_patent},
    PatentFlow, PlannerAgent, approve,
    basis::patent_basis,
    book::Book,
    components::Job,
    craft::Craft,
    glossary::Glossary,
    outline, paper, plan, polish,
    section::Brief,
    tree::{PgSection, PgSubsection, SubsectionId},
    types::{PatentPiece, PatentTask, PatentWork, Planning, Source, Subsection, WrittenPatent},
    work::{NOTE, Piece},
};
use crate::Question;

/// Passages of a subsection besides those that nobody else has.
const MORE_PASSAGES: usize = 4;

/// What goes from step to step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) task: PatentTask,
    pub(super) work: PatentWork,
    /// What stood already and is left as it is.
    pub(super) kept: BTreeSet<PatentPiece>,
    /// What the last pass has asked the model about.
    pub(super) tried: BTreeSet<SubsectionId>,
}

impl State {
    fn written(&mut self, piece: Piece, cx: &Context) {
        cx.note(NOTE, &piece);
        self.work.take(piece);
    }
}

/// Ends: a last look at the whole, and everything that is handed over.
pub(super) struct Finish {
    pub(super) craft: Craft,
}

#[async_trait]
impl Agent for Finish {
    type Input = State;
    type Output = WrittenPatent;

    async fn run(&self, mut state: State, cx: &Context) -> Result<WrittenPatent> {
        let craft = &self.craft;
        if craft.flow == PatentFlow::Planned {
            polish::polish(&mut state, craft, cx).await?;
        }
        // A reference is one only if it can be looked up: of work that came from elsewhere as well.
        let (task, claims) = (&state.task, state.work.claims.clone());
        for own in state.work.subsections.values_mut() {
            own.rests_on.retain(|source| {
                source
                    .quote(&task.draft, &claims, &task.references)
                    .is_some()
            });
        }
        cx.note(NOTE, &Piece::Whole(Box::new(state.work.clone())));
        // What one call for everything left out is missing, and no mark is part of its text.
        let marks = craft.flow != PatentFlow::ZeroShot;
        let State { task, work, .. } = state;
        let patent = work.document(&task.draft, &craft.guide, marks);
        Ok(WrittenPatent {
            findings: check_patent(&patent, &craft.guide),
            basis: patent_basis(&patent, &task.draft, &task.references),
            usage: cx.spent(),
            patent,
            work,
        })
    }
}

/// Begins: checks the task, and keeps what stands and is not to be written anew.
pub(super) struct Begin;

#[async_trait]
impl Agent for Begin {
    type Input = PatentTask;
    type Output = State;

    async fn run(&self, mut task: PatentTask, cx: &Context) -> Result<State> {
        let draft = &task.draft;
        if draft.answer(Question::Solution).is_empty()
            && draft.answer(Question::KeyPoints).is_empty()
        {
            return Err(Error::invalid(
                "the draft says neither how the invention works nor what is new in it",
            )
            .with_help("answer question 3 (technical solution) or 4 (key points)")
            .at(cx.path()));
        }
        let mut work = std::mem::take(&mut task.earlier);
        for piece in &task.again {
            if let PatentPiece::Subsection(id) = piece
                && !work.plan.subsections().any(|(known, ..)| known == *id)
            {
                return Err(
                    Error::invalid(format!("there is no subsection {id} in the plan"))
                        .with_help("see the plan for the places that there are")
                        .at(cx.path()),
                );
            }
            work.forget(*piece);
        }
        // Whoever listens has everything from here on.
        cx.note(NOTE, &Piece::Whole(Box::new(work.clone())));
        let subsections = work
            .plan
            .subsections()
            .map(|(id, ..)| PatentPiece::Subsection(id));
        let kept = PatentPiece::COMPONENTS
            .into_iter()
            .chain(subsections)
            .filter(|piece| work.has(*piece))
            .collect();
        Ok(State {
            task,
            work,
            kept,
            ..State::default()
        })
    }
}

/// Writes the components that are missing, side by side.
pub(super) struct Components {
    pub(super) writers: Arc<Graph<Vec<Job>, Vec<Piece>>>,
}

#[async_trait]
impl Agent for Components {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        // The background has passages of its own; the others follow each other with the same.
        let order = [
            PatentPiece::Background,
            PatentPiece::Title,
            PatentPiece::Abstract,
            PatentPiece::Summary,
            PatentPiece::Claims,
        ];
        let jobs: Vec<Job> = order
            .into_iter()
            .filter(|piece| !state.work.has(*piece))
            .map(|piece| Job {
                piece,
                draft: state.task.draft.clone(),
                references: match piece {
                    // Only there is prior art of use.
                    PatentPiece::Background => state.task.references.clone(),
                    _ => Vec::new(),
                },
            })
            .collect();
        if !jobs.is_empty() {
            for piece in self.writers.run(jobs, cx).await? {
                state.work.take(piece);
            }
        }
        Ok(state)
    }

    fn inside(&self) -> Inside {
        self.writers.inside()
    }
}

/// Has the claims approved, and makes the glossary of them.
pub(super) struct Claims {
    pub(super) craft: Craft,
    pub(super) approve: bool,
}

#[async_trait]
impl Agent for Claims {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        // Claims that stood before were approved before.
        if self.approve && !state.kept.contains(&PatentPiece::Claims) {
            let mut patent = Patent::new("");
            patent.claims.clone_from(&state.work.claims);
            let findings: Vec<_> = check_patent(&patent, &self.craft.guide)
                .into_iter()
                .filter(|finding| matches!(finding.place, PatentPlace::Claim(_)))
                .collect();
            let claims = approve::claims(state.work.claims.clone(), &findings, cx).await?;
            if claims != state.work.claims {
                state.written(Piece::Claims(claims), cx);
            }
        }
        // Numerals that were given stay with their terms, or finished sections would be wrong.
        let mut glossary = Glossary::of(&state.task.draft, &state.work.claims);
        glossary.keep(&state.work.glossary);
        state.written(Piece::Glossary(glossary), cx);
        Ok(state)
    }
}

/// Makes the plan where there is none, and has it approved.
pub(super) struct Plan {
    pub(super) craft: Craft,
    pub(super) planner: PlannerAgent,
    /// Whether a plan that is too short is filled up.
    pub(super) fill: bool,
    pub(super) approve: bool,
}

#[async_trait]
impl Agent for Plan {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        if state.work.has(PatentPiece::Plan) {
            return Ok(state);
        }
        let length = self.craft.length;
        let planning = Planning {
            draft: state.task.draft.clone(),
            title: state.work.title.clone(),
            claims: state.work.claims.clone(),
            glossary: state.work.glossary.clone(),
            sections: length.sections,
            subsections: length.subsections,
        };
        let made = match self.craft.flow {
            PatentFlow::Paper => paper::plan(&self.craft, &planning, cx).await?,
            _ => self.planner.run(planning.clone(), cx).await?,
        };
        let mut tree = made.bounded(length.sections, length.subsections);
        if tree.sections.is_empty() {
            super::craft::fell_back(cx, &PatentPiece::Plan, "no plan can be made of the answer");
            tree = outline::by_rule(&planning, &[]);
        }
        // A planner of somebody's own may want less.
        if self.fill {
            tree = plan::filled(tree, &planning);
        }
        if self.approve {
            // A person may plan more than a model.
            tree = approve::plan(tree, cx)
                .await?
                .bounded(usize::MAX, usize::MAX);
        }
        state.written(Piece::Plan(tree), cx);
        Ok(state)
    }
}

/// A subsection, and which of the plan it is.
type WrittenSubsection = (Option<SubsectionId>, Subsection);

/// Writes the subsections that are missing, side by side.
pub(super) struct Sections {
    pub(super) craft: Craft,
    pub(super) writers: Arc<Graph<Vec<Brief>, Vec<WrittenSubsection>>>,
}

#[async_trait]
impl Agent for Sections {
    type Input = State;
    type Output = State;

    async fn run(&self, mut state: State, cx: &Context) -> Result<State> {
        let open: Vec<SubsectionId> = state
            .work
            .plan
            .subsections()
            .map(|(id, ..)| id)
            .filter(|id| !state.work.has(PatentPiece::Subsection(*id)))
            .collect();
        if open.is_empty() {
            return Ok(state);
        }
        let briefs = self.briefs(&state, &open, cx).await?;
        for (id, subsection) in self.writers.run(briefs, cx).await? {
            if let Some(id) = id {
                state.work.subsections.insert(id, subsection);
            }
        }
        Ok(state)
    }

    fn inside(&self) -> Inside {
        self.writers.inside()
    }
}

impl Sections {
    /// What each open subsection is written from: the passages that are nearest to it and to no other, so
    /// that all of the draft goes into the text once; and some more that are near.
    async fn briefs(
        &self,
        state: &State,
        open: &[SubsectionId],
        cx: &Context,
    ) -> Result<Vec<Brief>> {
        let (task, work) = (&state.task, &state.work);
        let book = Book::of(&task.draft, &[], &task.references, self.craft.orders);
        let children: Vec<(SubsectionId, &PgSection, &PgSubsection)> =
            work.plan.subsections().collect();
        let queries: Vec<String> = children
            .iter()
            .map(|(_, section, child)| {
                format!("{} {} {}", section.heading, child.heading, child.guide)
            })
            .collect();
        let near = self.nearest(&book, &queries, cx).await?;
        let own = own_passages(&book, &queries);
        let covered = covered_claims(work, &queries);
        let whole = match self.craft.flow {
            PatentFlow::Paper => paper::book(&self.craft, &task.draft, work),
            _ => String::new(),
        };
        let briefs = children
            .iter()
            .enumerate()
            .map(|(index, (id, section, child))| {
                let first = own.get(index).cloned().unwrap_or_default();
                let claims: Vec<_> = work
                    .claims
                    .iter()
                    .filter(|claim| covered.get(&claim.number()) == Some(&index))
                    .cloned()
                    .collect();
                // What other subsections have too is for understanding; of many portions, for want of more.
                let wanted = match self.craft.length.portions {
                    0 | 1 => MORE_PASSAGES,
                    portions => (portions + 2)
                        .saturating_sub(first.len() + claims.len())
                        .min(MORE_PASSAGES),
                };
                let more = near
                    .get(index)
                    .into_iter()
                    .flatten()
                    .copied()
                    .filter(|at| !first.contains(at))
                    .take(wanted);
                let chosen: Vec<usize> = first.iter().copied().chain(more).collect();
                let passages: Vec<(usize, Source, String)> = chosen
                    .into_iter()
                    .filter_map(|at| {
                        let passage = book.passages.get(at)?;
                        Some((at, passage.source.clone(), passage.text.clone()))
                    })
                    .collect();
                Brief {
                    id: Some(*id),
                    title: work.title.clone(),
                    section: section.heading.clone(),
                    overview: section.overview.clone(),
                    plan: (*child).clone(),
                    claims,
                    terms: work
                        .glossary
                        .terms
                        .iter()
                        .map(|term| term.name.clone())
                        .take(20)
                        .collect(),
                    others: children
                        .iter()
                        .filter(|(other, ..)| other != id)
                        .map(|(_, _, other)| other.heading.clone())
                        .take(12)
                        .collect(),
                    passages,
                    whole: whole.clone(),
                }
            });
        Ok(briefs
            .filter(|brief| brief.id.is_some_and(|id| open.contains(&id)))
            .collect())
    }

    /// For each query the passages near it, best first: by words, and where there is an embedder by
    /// meaning, the two rankings fused (reciprocal ranks, Cormack et al. 2009).
    async fn nearest(
        &self,
        book: &Book,
        queries: &[String],
        cx: &Context,
    ) -> Result<Vec<Vec<usize>>> {
        let by_words: Vec<Vec<usize>> = queries.iter().map(|query| book.search(query)).collect();
        let Some(embedder) = &self.craft.embedder else {
            return Ok(by_words);
        };
        let texts: Vec<String> = book
            .passages
            .iter()
            .map(|passage| passage.text.clone())
            .chain(queries.iter().cloned())
            .collect();
        let vectors = cx.embed(&**embedder, &texts).await?;
        let (passages, queries) = vectors
            .split_at_checked(book.passages.len())
            .unwrap_or((&[], &[]));
        Ok(queries
            .iter()
            .zip(by_words)
            .map(|(query, by_words)| {
                let mut by_meaning: Vec<(usize, f32)> = passages
                    .iter()
                    .map(|passage| passage.iter().zip(query).map(|(a, b)| a * b).sum())
                    .enumerate()
                    .collect();
                by_meaning.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                let by_meaning: Vec<usize> = by_meaning.into_iter().map(|(at, _)| at).collect();
                fused(&[by_words, by_meaning])
            })
            .collect())
    }
}

fn fused(rankings: &[Vec<usize>]) -> Vec<usize> {
    let mut scores: HashMap<usize, f64> = HashMap::new();
    for ranking in rankings {
        for (rank, at) in ranking.iter().enumerate() {
            *scores.entry(*at).or_default() += 1.0 / (60.0 + rank as f64);
        }
    }
    let mut found: Vec<(usize, f64)> = scores.into_iter().collect();
    found.sort_by(|(at, a), (other, b)| b.total_cmp(a).then(at.cmp(other)));
    found.into_iter().map(|(at, _)| at).collect()
}

/// For each query the passages of the solution and the key points of which it is the nearest, in their
/// order. What is near to none goes where the text around it went.
fn own_passages(book: &Book, queries: &[String]) -> Vec<Vec<usize>> {
    let index = Book::of_texts(queries);
    let mut own = vec![Vec::new(); queries.len()];
    let mut last = 0;
    for (at, passage) in book.passages.iter().enumerate() {
        let described = matches!(
            passage.source,
            Source::Answer {
                question: Question::Solution | Question::KeyPoints,
                ..
            }
        );
        if !described {
            continue;
        }
        last = index.search(&passage.text).first().copied().unwrap_or(last);
        if let Some(own) = own.get_mut(last) {
            own.push(at);
        }
    }
    own
}

/// For each claim the subsection that has to describe it.
fn covered_claims(work: &PatentWork, queries: &[String]) -> HashMap<u32, usize> {
    let index = Book::of_texts(queries);
    let mut load = vec![0_usize; queries.len()];
    work.claims
        .iter()
        .map(|claim| {
            let found = index.search(claim.text());
            // Of those that fit, the one that has the least to describe; of equals the nearest.
            let best = found
                .iter()
                .take(3)
                .copied()
                .min_by_key(|at| load.get(*at).copied().unwrap_or(0))
                .unwrap_or_else(|| {
                    let least = load.iter().enumerate().min_by_key(|(_, load)| **load);
                    least.map_or(0, |(at, _)| at)
                });
            if let Some(load) = load.get_mut(best) {
                *load += 1;
            }
            (claim.number(), best)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Draft, PatentClaim};

    #[test]
    fn every_passage_of_the_solution_has_a_subsection() {
        let draft = Draft::new([
            "Cups tip.",
            "",
            "The foot is wide.\n\nThe rim is thin.\n\nZebras are striped.",
            "",
            "",
        ])
        .unwrap();
        let book = Book::of(&draft, &[], &[], false);
        let queries = ["The foot".to_owned(), "The rim".to_owned()];
        assert_eq!(own_passages(&book, &queries), [vec![1], vec![2, 3]]);
    }

    #[test]
    fn claims_are_shared_out() {
        let work = PatentWork {
            claims: vec![
                PatentClaim::new(1, "A cup having a foot and a rim."),
                PatentClaim::new(2, "The cup of claim 1, wherein the foot is round."),
                PatentClaim::new(3, "The cup of claim 1, wherein it is blue."),
            ],
            ..PatentWork::default()
        };
        let queries = ["The foot".to_owned(), "The rim".to_owned()];
        let covered = covered_claims(&work, &queries);
        assert_eq!(covered.len(), 3);
        assert_eq!(covered[&2], 0);
        assert!(covered.values().any(|at| *at == 1), "{covered:?}");
    }

    #[test]
    fn two_rankings_become_one() {
        assert_eq!(fused(&[vec![1, 2, 3], vec![2, 3, 1]]), [2, 1, 3]);
        assert_eq!(fused(&[vec![4], vec![]]), [4]);
    }
}
