//! AutoPatent: a whole patent draft from an inventor's answers.
//!
//! Wang et al., "AutoPatent: A Multi-Agent Framework for Automatic Patent Generation", 2024
//! (arXiv 2412.09796).

mod approve;
mod basis;
mod book;
mod briefs;
mod change;
mod claims;
mod components;
mod craft;
mod edits;
mod examine;
mod figures;
mod glossary;
mod ground;
mod json;
mod outline;
mod paper;
mod phrase;
mod plan;
mod polish;
mod prose;
mod section;
mod steps;
mod tree;
mod types;
mod wording;
mod work;
mod zero_shot;

pub use basis::{ParagraphBasis, SourceShare, patent_basis};
pub use change::{ClaimChange, claims_changed};
pub use glossary::{Glossary, Term};
pub use tree::{PgSection, PgSubsection, PgTree, SubsectionId};
pub use types::{
    Criterion, Examination, PatentPiece, PatentTask, PatentWork, Planning, Source, Subsection,
    Verdict, WrittenPatent,
};

use std::{fmt, sync::Arc};

use catena_core::{Agent, ChatModel, Embedder, Graph, Result};

use self::{
    briefs::Sections,
    components::ComponentWriter,
    craft::Craft,
    examine::ModelExaminer,
    plan::ModelPlanner,
    steps::{Begin, Claims, Components, Finish, Plan},
    zero_shot::ZeroShot,
};
use super::{Guide, Jurisdiction};
use crate::Prompts;

/// How a patent comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PatentFlow {
    /// Five components, plan, and for each subsection: passages are retrieved, the text is written,
    /// examined, and revised by edits where it fails; then a last pass over the whole.
    #[default]
    Planned,
    /// The paper's flow, for comparison: passages are copied by the model, every text is rewritten once
    /// whatever its verdict and once more if it fails, and nothing looks at the whole.
    Paper,
    /// One call for everything, for comparison.
    ZeroShot,
}

/// How long a patent becomes, as numbers of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatentLength {
    /// The most sections of the detailed description.
    pub sections: usize,
    /// The most subsections of each.
    pub subsections: usize,
    /// The most tokens of a subsection.
    pub tokens: u32,
    /// In how many portions a subsection is written, each from passages of its own: a small model that is to write
    /// much of little goes round in circles.
    pub portions: usize,
    /// The most dependent claims.
    pub dependents: usize,
}

impl PatentLength {
    /// For a test with a small model on two cores: up to 1 × 2 subsections of 100 tokens.
    pub const BRIEF: Self = Self {
        sections: 1,
        subsections: 2,
        tokens: 100,
        portions: 1,
        dependents: 2,
    };
    /// For a look, or a machine without a GPU: up to 2 × 2 subsections of 160 tokens.
    pub const SHORT: Self = Self {
        sections: 2,
        subsections: 2,
        tokens: 160,
        portions: 1,
        dependents: 4,
    };
    /// Up to 4 × 3 subsections of 400 tokens in two portions.
    pub const MEDIUM: Self = Self {
        sections: 4,
        subsections: 3,
        tokens: 400,
        portions: 2,
        dependents: 8,
    };
    /// As long as real ones: up to 6 × 4 subsections of 960 tokens in four portions, which makes 10,000
    /// tokens and more (the paper's have 17,000).
    pub const FULL: Self = Self {
        sections: 6,
        subsections: 4,
        tokens: 960,
        portions: 4,
        dependents: 14,
    };
}

impl Default for PatentLength {
    fn default() -> Self {
        Self::MEDIUM
    }
}

/// Where the passages come from that a subsection is written from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retrieval {
    /// The nearest ones that fit: by words (BM25), and by meaning too where there is an embedder. No call.
    #[default]
    Ranked,
    /// The model chooses of the nearest ones by their numbers: a call for each subsection.
    Chosen,
}

type PlannerAgent = Arc<dyn Agent<Input = Planning, Output = PgTree>>;
type ExaminerAgent = Arc<dyn Agent<Input = Examination, Output = Option<Verdict>>>;

/// Builds the graph of a patent: `begin` → `components` → `claims` → `plan` → `sections` → `finish`.
#[derive(Clone)]
pub struct AutoPatent {
    model: Arc<dyn ChatModel>,
    guide: Guide,
    flow: PatentFlow,
    length: PatentLength,
    rounds: u32,
    retrieval: Retrieval,
    embedder: Option<Arc<dyn Embedder>>,
    planner: Option<PlannerAgent>,
    examiner: Option<ExaminerAgent>,
    width: Option<usize>,
    window: Option<u32>,
    approve_plan: bool,
    approve_claims: bool,
    orders: bool,
    polish_calls: u32,
    prompts: Prompts,
}

impl AutoPatent {
    /// Writes with `model`, for the United States.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self {
            model,
            guide: Jurisdiction::Us.guide(),
            flow: PatentFlow::default(),
            length: PatentLength::default(),
            rounds: 2,
            retrieval: Retrieval::default(),
            embedder: None,
            planner: None,
            examiner: None,
            width: None,
            window: None,
            approve_plan: false,
            approve_claims: false,
            orders: false,
            polish_calls: 4,
            prompts: Prompts::builtin(),
        }
    }

    /// Whose rules the document follows. Default: the United States.
    #[must_use]
    pub fn guide(mut self, guide: Guide) -> Self {
        self.guide = guide;
        self
    }

    /// How the patent comes about. Default: [`PatentFlow::Planned`].
    #[must_use]
    pub fn flow(mut self, flow: PatentFlow) -> Self {
        self.flow = flow;
        self
    }

    /// How long it becomes. Default: [`PatentLength::MEDIUM`].
    #[must_use]
    pub fn length(mut self, length: PatentLength) -> Self {
        self.length = length;
        self
    }

    /// How often a subsection that fails its examination is revised, at most; without rounds nothing is
    /// examined. Default: 2.
    #[must_use]
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = rounds;
        self
    }

    /// Where passages come from. Default: [`Retrieval::Ranked`].
    #[must_use]
    pub fn retrieval(mut self, retrieval: Retrieval) -> Self {
        self.retrieval = retrieval;
        self
    }

    /// Ranks passages by meaning, too. Default: by words alone.
    #[must_use]
    pub fn embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// Has another agent make the plan; what it makes is bounded as any other. Default: the model makes
    /// it, and rules do where it cannot.
    #[must_use]
    pub fn planner(mut self, agent: impl Agent<Input = Planning, Output = PgTree>) -> Self {
        self.planner = Some(Arc::new(agent));
        self
    }

    /// Has another agent examine; `None` is no verdict, and leaves the text as it is. Default: the model
    /// does, by the paper's six criteria.
    #[must_use]
    pub fn examiner(
        mut self,
        agent: impl Agent<Input = Examination, Output = Option<Verdict>>,
    ) -> Self {
        self.examiner = Some(Arc::new(agent));
        self
    }

    /// How many components and subsections are written side by side. Default: as many as the model is
    /// [`parallel`](catena_core::ModelProfile::parallel).
    #[must_use]
    pub fn width(mut self, width: usize) -> Self {
        self.width = Some(width);
        self
    }

    /// The most tokens of a prompt and its answer together. Default: the model's context window, and at
    /// most 8,192.
    #[must_use]
    pub fn window(mut self, tokens: u32) -> Self {
        self.window = Some(tokens);
        self
    }

    /// Stops for a person to approve or change the plan: the question `plan`, whose `text` is the plan as
    /// [`PgTree::to_markdown`] writes it. The answer is `true`, or the changed text. Default: no.
    #[must_use]
    pub fn approve_plan(mut self, approve: bool) -> Self {
        self.approve_plan = approve;
        self
    }

    /// Stops for a person to approve or change the claims: the question `claims`, whose `text` has the
    /// numbered claims. The answer is `true`, or the changed text. Default: no.
    #[must_use]
    pub fn approve_claims(mut self, approve: bool) -> Self {
        self.approve_claims = approve;
        self
    }

    /// Whether sentences of draft and references that give orders to a model are shown to it all the
    /// same, as material; see [`DraftRule::Order`](crate::DraftRule::Order). Default: no.
    #[must_use]
    pub fn show_orders(mut self, show: bool) -> Self {
        self.orders = show;
        self
    }

    /// How many calls the last pass may take for findings that no rule repairs. Default: 4.
    #[must_use]
    pub fn polish_calls(mut self, calls: u32) -> Self {
        self.polish_calls = calls;
        self
    }

    /// Takes the prompts from elsewhere.
    #[must_use]
    pub fn prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = prompts;
        self
    }

    /// Builds the graph.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) when the window is larger than the model's or smaller than
    /// 256 tokens or the length is nothing, and [`is_prompt`](catena_core::Error::is_prompt) when a template is missing or broken. A draft without
    /// solution and key points is refused when the graph runs.
    pub fn build(self) -> Result<Graph<PatentTask, WrittenPatent>> {
        let craft = Craft::new(&self)?;
        let width = self.width.unwrap_or(self.model.profile().parallel);
        let mut graph = Graph::builder("patent");
        let begin = graph.node("begin", Begin);
        let finish = graph.node(
            "finish",
            Finish {
                craft: craft.clone(),
            },
        );
        if self.flow == PatentFlow::ZeroShot {
            let whole = graph.node("zero shot", ZeroShot { craft });
            graph.edge(begin, whole).edge(whole, finish);
            return graph.build(begin, finish);
        }

        let mut writers = Graph::builder("components");
        let writer = ComponentWriter {
            craft: craft.clone(),
        };
        let component = writers.map("component", width, writer);
        let components = Components {
            writers: Arc::new(writers.build(component, component)?),
        };
        let examiner = self.examiner.unwrap_or_else(|| {
            Arc::new(ModelExaminer {
                craft: craft.clone(),
            })
        });
        let fill = self.planner.is_none() && self.flow == PatentFlow::Planned;
        let planner = self.planner.unwrap_or_else(|| {
            Arc::new(ModelPlanner {
                craft: craft.clone(),
            })
        });
        let mut writers = Graph::builder("sections");
        let subsection = writers.map("subsection", width, section::graph(&craft, &examiner)?);
        let sections = Sections {
            craft: craft.clone(),
            writers: Arc::new(writers.build(subsection, subsection)?),
        };

        let components = graph.node("components", components);
        let claims = graph.node(
            "claims",
            Claims {
                craft: craft.clone(),
                approve: self.approve_claims,
            },
        );
        let plan = graph.node(
            "plan",
            Plan {
                craft,
                planner,
                fill,
                approve: self.approve_plan,
            },
        );
        let sections = graph.node("sections", sections);
        graph
            .edge(begin, components)
            .edge(components, claims)
            .edge(claims, plan)
            .edge(plan, sections)
            .edge(sections, finish);
        graph.build(begin, finish)
    }
}

impl fmt::Debug for AutoPatent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoPatent")
            .field("flow", &self.flow)
            .field("length", &self.length)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
