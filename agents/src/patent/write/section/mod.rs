//! One subsection: retrieve, write, examine, revise, as a graph with a cycle.

mod examine;
mod retrieve;
mod revise;
mod write;

pub(super) use revise::revise;

use async_trait::async_trait;
use catena_core::{Agent, Context, Graph, Result, branch};
use serde::{Deserialize, Serialize};

use self::{examine::Examine, retrieve::Retrieve, revise::Revise, write::Write};
use super::{
    super::PatentClaim,
    ExaminerAgent,
    claims::as_sentence,
    craft::Craft,
    prose,
    tree::{PgSubsection, SubsectionId},
    types::{Examination, PatentPiece, Source, Subsection, Verdict},
    work::{NOTE, Piece},
};

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
    /// The whole draft, in the paper's flow only.
    pub(super) draft: String,
    /// Title, abstract, background, summary and claims, in the paper's flow only.
    pub(super) components: String,
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
