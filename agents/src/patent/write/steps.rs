//! The steps of the whole: begin, components, claims, plan, sections.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use catena_core::{Agent, Context, Error, Graph, Inside, Result};
use serde::{Deserialize, Serialize};

use super::{
    super::{Patent, PatentPlace, check_patent},
    PatentFlow, PlannerAgent, approve,
    basis::patent_basis,
    components::Job,
    craft::Craft,
    glossary::Glossary,
    outline, paper, plan, polish,
    tree::SubsectionId,
    types::{PatentPiece, PatentTask, PatentWork, Planning, WrittenPatent},
    work::{NOTE, Piece},
};
use crate::Question;

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
