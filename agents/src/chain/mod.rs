//! Chain-of-Agents: workers read a text chunk by chunk, handing on what they found; a manager
//! answers from what the last one hands over.
//!
//! Zhang et al., "Chain of Agents: Large Language Models Collaborating on Long-Context Tasks",
//! NeurIPS 2024 (arXiv 2406.02818), Algorithms 1 and 2.

mod cite;
mod guard;
mod manager;
mod multi;
mod notes;
mod plan;
mod types;
mod words;
mod worker;

pub use cite::{Passage, Place};
pub use multi::{MultiPath, Select};
pub use types::{ChainAnswer, ChainInput, Planned, Task, Unit};

use std::sync::Arc;

use catena_core::{ChatModel, Error, Graph, Result};

use self::{cite::Cite, manager::Manager, plan::Plan, worker::Worker};
use crate::Prompts;

/// Builds the graph of a chain: `plan` → fold `chain` → `manager` → `cite`.
///
/// l chunks take l + 1 calls; one chunk takes two. No prompt exceeds the window: a chunk leaves
/// room for the instructions, the question, the unit handed on and the one to be written.
///
/// An answer that is cut off at its limit of tokens, or of which the provider withheld the rest, says so
/// ([`ChainAnswer::finish`], and the note `answer.cut` among the run's events); an empty one is an error.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use catena_agents::{ChainInput, ChainOfAgents};
/// use catena_core::{Run, RunOptions};
/// use catena_models::ScriptedModel;
/// use catena_tools::Document;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// let model = ScriptedModel::new()
///     .reply_to("Copy the sentence", "The whale is white.")
///     .reply_to("these notes were taken", "White.");
/// let graph = ChainOfAgents::new(Arc::new(model)).build()?;
/// let input = ChainInput::question(
///     vec![Document::new("whale.txt", "The whale is white. The sea is blue.")],
///     "What colour is the whale?",
/// );
/// let outcome = Run::start(graph, input, RunOptions::new("ask")).outcome().await?;
/// assert_eq!(outcome.output.text, "White.");
/// assert_eq!(outcome.output.passages[0].quote, "The whale is white.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ChainOfAgents {
    worker: Arc<dyn ChatModel>,
    manager: Arc<dyn ChatModel>,
    window: Option<u32>,
    unit_tokens: Option<u32>,
    answer_tokens: u32,
    order: Order,
    notes: Notes,
    on_refusal: OnRefusal,
    sampling: Option<(f32, u64)>,
    requirement: Option<String>,
    approve: bool,
    prefill_ahead: bool,
    /// Whether an answer without a word is one: of several chains, another may have answered.
    may_be_empty: bool,
    prompts: Prompts,
}

/// In which order the chunks are read (§5.5 of the paper).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// As they stand.
    #[default]
    LeftToRight,
    /// The last one first.
    RightToLeft,
    /// In a random order; the same seed gives the same one.
    Shuffled(u64),
}

/// How the notes for a question come about. A summary is always written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notes {
    /// Each worker copies the sentences of its chunk that help to answer; they are traced to the
    /// text, and those that help most are kept. Nothing invented goes on. For small models, and
    /// where every note has to stand in the text.
    #[default]
    Copied,
    /// Each worker writes the notes anew, in its own words (the paper's form). For models that can
    /// be trusted to summarise: nothing but refusals is kept out.
    Written,
}

/// What becomes of a unit that says nothing but that nothing was found. Left alone it spreads to
/// all later workers (appendix F.4 of the paper).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnRefusal {
    /// The unit before it goes on.
    KeepPrevious,
    /// The worker is asked again with another seed, up to so many times; then as `KeepPrevious`.
    Retry(u32),
}

impl ChainOfAgents {
    /// A chain whose workers and manager are `model`.
    pub fn new(model: Arc<dyn ChatModel>) -> Self {
        Self {
            worker: Arc::clone(&model),
            manager: model,
            window: None,
            unit_tokens: None,
            answer_tokens: 256,
            order: Order::LeftToRight,
            notes: Notes::Copied,
            on_refusal: OnRefusal::KeepPrevious,
            sampling: None,
            requirement: None,
            approve: false,
            prefill_ahead: false,
            may_be_empty: false,
            prompts: Prompts::builtin(),
        }
    }

    /// Lets another model give the answer.
    #[must_use]
    pub fn manager(mut self, model: Arc<dyn ChatModel>) -> Self {
        self.manager = model;
        self
    }

    /// The tokens of a worker's prompt and answer together. Default: the model's
    /// [`worker_window`](catena_core::ModelProfile::worker_window).
    #[must_use]
    pub fn window(mut self, tokens: u32) -> Self {
        self.window = Some(tokens);
        self
    }

    /// The most tokens of a unit. Default: an eighth of the window and at most 1024 (the paper's
    /// limit for all but one model); 128 in windows from 768 to 1024, and below a sixth, at least 48.
    #[must_use]
    pub fn unit_tokens(mut self, tokens: u32) -> Self {
        self.unit_tokens = Some(tokens);
        self
    }

    /// The most tokens of the answer. Default: 256.
    #[must_use]
    pub fn answer_tokens(mut self, tokens: u32) -> Self {
        self.answer_tokens = tokens;
        self
    }

    /// In which order the chunks are read. Default: as they stand.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How notes come about. Default: [`Notes::Copied`].
    #[must_use]
    pub fn notes(mut self, notes: Notes) -> Self {
        self.notes = notes;
        self
    }

    /// What becomes of a refusal. Default: [`OnRefusal::KeepPrevious`].
    #[must_use]
    pub fn on_refusal(mut self, on_refusal: OnRefusal) -> Self {
        self.on_refusal = on_refusal;
        self
    }

    /// Lets workers sample with a temperature and a seed. Default: the likeliest token each time.
    #[must_use]
    pub fn sampling(mut self, temperature: f32, seed: u64) -> Self {
        self.sampling = Some((temperature, seed));
        self
    }

    /// What the manager is told about the answer wanted (the paper's R). The default asks for one
    /// or two sentences, or for a summary of several.
    #[must_use]
    pub fn requirement(mut self, requirement: impl Into<String>) -> Self {
        self.requirement = Some(requirement.into());
        self
    }

    /// Asks a person before the first call: the run waits with the question `plan`, a [`Planned`],
    /// and goes on when it is resumed with the answer `true`. Default: it does not ask.
    #[must_use]
    pub fn approve(mut self, approve: bool) -> Self {
        self.approve = approve;
        self
    }

    /// Has the model read the next chunk while a worker still writes: a second call beside each but
    /// the last, of one token, whose prompt the next worker's then finds in the prefix cache. Each
    /// chunk is read once and billed twice, the second time as cached. Default: no. It is worth while
    /// with a server on a GPU that has a prefix cache and two slots for it; on a CPU, reading and
    /// writing are in each other's way.
    #[must_use]
    pub fn prefill_ahead(mut self, ahead: bool) -> Self {
        self.prefill_ahead = ahead;
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
    /// [`is_invalid`](Error::is_invalid) when the window is larger than the model's, or is to be
    /// filled ahead by a model that answers one request at a time, and
    /// [`is_prompt`](Error::is_prompt) when a template is missing or broken. A window too small
    /// for the prompt shows when the graph runs, since the question is part of it.
    pub fn build(self) -> Result<Graph<ChainInput, ChainAnswer>> {
        let profile = self.worker.profile();
        let window = self.window.unwrap_or(profile.worker_window);
        if window > profile.context_window {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is larger than the {} of '{}'",
                profile.context_window, profile.name
            ))
            .with_help("choose a smaller window, or a model with a larger one"));
        }
        if self.prefill_ahead && profile.parallel < 2 {
            return Err(Error::invalid(format!(
                "'{}' cannot read the next chunk while it writes: it answers one request at a time",
                profile.name,
            ))
            .with_help(
                "leave out prefilling ahead, or use a server with two slots and a prefix cache",
            ));
        }
        let unit_tokens = self.unit_tokens.unwrap_or(default_unit(window));
        let worker = Worker::new(&self, window, unit_tokens)?;
        let manager = Manager::new(&self, unit_tokens)?;
        let plan = Plan::new(worker.clone(), manager.clone(), &self);

        let mut graph = Graph::builder("chain of agents");
        let plan = graph.node("plan", plan);
        let chain = graph.fold("chain", worker);
        let manager = graph.node("manager", manager);
        let cite = graph.node("cite", Cite);
        graph
            .edge(plan, chain)
            .edge(chain, manager)
            .edge(manager, cite);
        graph.build(plan, cite)
    }
}

/// Two or three sentences of an old novel take 128 tokens; notes that cannot hold them lose what was
/// found.
fn default_unit(window: u32) -> u32 {
    (window / 8).max((window / 6).min(128)).clamp(48, 1024)
}
