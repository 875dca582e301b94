//! What each subsection is written from, and the step that has all of them written.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use catena_core::{Agent, Context, Graph, Inside, Result};

use super::{
    PatentFlow,
    book::Book,
    craft::Craft,
    paper,
    section::Brief,
    steps::State,
    tree::{PgSection, PgSubsection, SubsectionId},
    types::{PatentPiece, PatentWork, Source, Subsection},
};
use crate::Question;

/// Passages of a subsection besides those that nobody else has.
const MORE_PASSAGES: usize = 4;

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
        let (draft, components) = match self.craft.flow {
            PatentFlow::Paper => paper::book(&self.craft, &task.draft, work),
            _ => Default::default(),
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
                    draft: draft.clone(),
                    components: components.clone(),
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
