//! Self-Controlled Memory: a conversation that never forgets and never overflows.
//!
//! Liang et al., "Enhancing Large Language Model with Self-Controlled Memory Framework", 2023
//! (arXiv 2304.13343).

mod activation;
mod answer;
mod ask;
mod controller;
mod document;
mod facts;
mod packing;
mod recalled_facts;
mod remember;
mod render;
mod spare;
mod summaries;
mod tense;
mod types;

pub use document::{Digest, DocumentMemory};
pub use remember::Summarise;
pub use types::{Activated, Message, Need, NeedReason, PastFact, Recall, RecalledFact, Reply};

use std::sync::Arc;

use catena_core::{ChatModel, Error, Graph, Result, Scorer};
use catena_memory::{Memory, NamespaceId, Ranking, Search};

use self::{
    answer::Answer,
    ask::Asker,
    controller::Controller,
    facts::Facts,
    remember::{Remember, SUMMARISE_ABOVE, Summariser},
    render::Renderer,
};
use crate::Prompts;

/// A part of the system that is left out, to measure what it is worth (table 2 of the paper).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ablation {
    /// Nothing is left out.
    #[default]
    None,
    /// No questions are asked: memory is always searched, and what does not fit is dropped.
    NoController,
    /// The turn before is not always in the prompt.
    NoFlash,
    /// Nothing is activated: the turn before is all there is.
    NoActivation,
}

/// Builds the graph of a turn: `recall` → `answer` → `remember`.
///
/// `recall` asks the model whether the message needs memory at all; searches the archive; ranks what
/// it finds; asks, when not all of it fits, what helps and whether a summary is enough; and packs it
/// into the tokens that there are. The turn before is always in, unless the message leaves no room for a word of it. `answer`
/// asks the model.
/// `remember` has a long turn summarised, learns the facts in the message, and writes both down. A
/// turn takes one call to the model, and one more for each of these that is needed; no prompt
/// exceeds the window, however long the conversation has become.
///
/// Every decision is a note among the run's events, with its reason: `memory.need`,
/// `memory.activated` for each memory, `memory.fact` for each fact, `memory.fact_left_out` for each for which there was no
/// room, `memory.written`, `memory.fact_refused` for each line in which the model gave a fact that is none,
/// `memory.not_learned` where a message was not looked through for facts since it only asks,
/// and `memory.without` for what a turn had to do without. The first ones are
/// in [`Reply::recall`] too. An answer that is cut off at its limit of tokens, or of which the provider withheld
/// the rest, says so ([`Reply::finish`], and the note `answer.cut`); an empty one is an error, and nothing of the
/// turn is remembered.
///
/// A graph is for one conversation; its turns follow one another. Many conversations run side by
/// side, each with a graph of its own over the same [`Memory`].
///
/// # Example: a fact told early is used later
///
/// ```
/// use std::sync::Arc;
/// use catena_agents::{MemoryChat, Message};
/// use catena_core::{Run, RunOptions};
/// use catena_memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace};
/// use catena_models::ScriptedModel;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("memory.db");
/// let archive = Archive::open(path)?;
/// let memory =
///     Memory::open(archive, Arc::new(ExactIndex::new()), Arc::new(HashingEmbedder::new())).await?;
/// let ada = memory.namespace(&Namespace::new("ada", "bot", "home")).await?;
///
/// let model = ScriptedModel::new().otherwise("I see.");
/// let chat = Arc::new(MemoryChat::new(Arc::new(model), memory, ada).learn_facts(false).build()?);
/// for text in ["My dog is called Rex.", "It rains.", "What is my dog called?"] {
///     let run = Run::start(chat.clone(), Message::new(text), RunOptions::new("chat"));
///     let reply = run.outcome().await?.output;
///     println!("{} (from turns {:?})", reply.text, reply.recall.turns());
/// #   if text.contains('?') { assert_eq!(reply.recall.turns(), [1, 2]); }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryChat {
    model: Arc<dyn ChatModel>,
    scorer: Option<Arc<dyn Scorer>>,
    memory: Memory,
    namespace: NamespaceId,
    instructions: String,
    window: Option<u32>,
    answer_tokens: u32,
    memory_tokens: Option<u64>,
    activate: usize,
    facts: usize,
    summarise_above: usize,
    search: Search,
    words: f32,
    ranking: Ranking,
    ablation: Ablation,
    learn_facts: bool,
    remember: bool,
    consolidate_every: u64,
    dates: bool,
    sampling: Option<(f32, u64)>,
    prompts: Prompts,
}

impl MemoryChat {
    /// A conversation with `model`, whose memory is the namespace of `memory`.
    pub fn new(model: Arc<dyn ChatModel>, memory: Memory, namespace: NamespaceId) -> Self {
        Self {
            model,
            scorer: None,
            memory,
            namespace,
            instructions: "You are a helpful assistant.".to_owned(),
            window: None,
            answer_tokens: 512,
            memory_tokens: None,
            activate: 6,
            facts: 5,
            summarise_above: SUMMARISE_ABOVE,
            search: Search::Hybrid,
            words: 0.4,
            ranking: Ranking::default(),
            ablation: Ablation::None,
            learn_facts: true,
            remember: true,
            consolidate_every: 0,
            dates: true,
            sampling: None,
            prompts: Prompts::builtin(),
        }
    }

    /// Has the controller's questions answered by probabilities. Default: by log-probabilities of the
    /// model's answer where its profile says that it gives them, otherwise by what it says.
    #[must_use]
    pub fn scorer(mut self, scorer: Arc<dyn Scorer>) -> Self {
        self.scorer = Some(scorer);
        self
    }

    /// What the bot is told about itself. Default: `You are a helpful assistant.`
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = instructions.into();
        self
    }

    /// The most tokens of a prompt and its answer together. Default: the model's context window, and
    /// at most 4,096 (the paper's 4,000).
    #[must_use]
    pub fn window(mut self, tokens: u32) -> Self {
        self.window = Some(tokens);
        self
    }

    /// The most tokens of an answer. Default: 512, and at most a quarter of the window.
    #[must_use]
    pub fn answer_tokens(mut self, tokens: u32) -> Self {
        self.answer_tokens = tokens;
        self
    }

    /// The most tokens of all memories in a prompt, beside the lines that say what they are (two, in the prompts
    /// that are built in). Default: what the window leaves.
    #[must_use]
    pub fn memory_tokens(mut self, tokens: u64) -> Self {
        self.memory_tokens = Some(tokens);
        self
    }

    /// How many memories are activated at the most. Default: 6 (the paper tries 3 to 10).
    #[must_use]
    pub fn activate(mut self, memories: usize) -> Self {
        self.activate = memories;
        self
    }

    /// How many facts are activated at the most, in up to a quarter of the room for memories; whether or not
    /// memory is needed, and in the first turn too. Default: 5.
    #[must_use]
    pub fn facts(mut self, facts: usize) -> Self {
        self.facts = facts;
        self
    }

    /// Turns of more tokens get a summary. Default: 300, as in the authors' code.
    #[must_use]
    pub fn summarise_above(mut self, tokens: usize) -> Self {
        self.summarise_above = tokens;
        self
    }

    /// How memories are found, and what words weigh in it. Default: hybrid, 0.4.
    #[must_use]
    pub fn search(mut self, search: Search, words: f32) -> Self {
        self.search = search;
        self.words = words;
        self
    }

    /// How what was found is ranked. Default: [`Ranking::default`]; the paper's is
    /// [`Ranking::PAPER`]. Where recency weighs so much that it may bring a turn up by itself
    /// ([`Ranking::lifts`]), the last turns are ranked too, as many as are activated. Those of them that the search
    /// did not find are less relevant than all that it did, and count as not relevant at all.
    #[must_use]
    pub fn ranking(mut self, ranking: Ranking) -> Self {
        self.ranking = ranking;
        self
    }

    /// Leaves a part out. Default: none.
    #[must_use]
    pub fn ablation(mut self, ablation: Ablation) -> Self {
        self.ablation = ablation;
        self
    }

    /// Whether facts are learned from messages, at one call for each message that does more than ask.
    /// Default: yes.
    #[must_use]
    pub fn learn_facts(mut self, learn: bool) -> Self {
        self.learn_facts = learn;
        self
    }

    /// Whether turns are written down. Default: yes.
    #[must_use]
    pub fn remember(mut self, remember: bool) -> Self {
        self.remember = remember;
        self
    }

    /// Consolidates the memories in the background, without a call, each time that so many more turns are
    /// there (see [`Memory::plan_consolidation`] for what that does). Default: 0, never.
    ///
    /// Each time reads all memories, so that the distance grows with the conversation, and the sum of what is read
    /// is linear in its turns: turn n consolidates where n is a multiple of the step that holds for n, which is
    /// `turns` doubled as long as 8 steps of the doubled size are not more than n. So up to turn 16 × `turns` that
    /// is every `turns`, then every 2 × `turns`, and so on.
    #[must_use]
    pub fn consolidate_every(mut self, turns: u64) -> Self {
        self.consolidate_every = turns;
        self
    }

    /// Whether the prompt says what day it is and when memories are from. Default: yes.
    #[must_use]
    pub fn dates(mut self, dates: bool) -> Self {
        self.dates = dates;
        self
    }

    /// Samples answers with a temperature and a seed. Default: the likeliest token each time.
    #[must_use]
    pub fn sampling(mut self, temperature: f32, seed: u64) -> Self {
        self.sampling = Some((temperature, seed));
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
    /// [`is_invalid`](Error::is_invalid) when the window is larger than the model's, and
    /// [`is_prompt`](Error::is_prompt) when a template is missing or broken. A message too long for
    /// the window shows when the graph runs.
    pub fn build(self) -> Result<Graph<Message, Reply>> {
        let profile = self.model.profile();
        let window = self.window.unwrap_or(profile.context_window.min(4096));
        if window > profile.context_window {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is larger than the {} of '{}'",
                profile.context_window, profile.name
            ))
            .with_help("choose a smaller window, or a model with a larger one"));
        }
        let renderer = Renderer {
            model: Arc::clone(&self.model),
            prompt: self.prompts.load("memory/answer")?,
            instructions: self.instructions,
            dates: self.dates,
            answer_tokens: self.answer_tokens.min((window / 4).max(1)),
        };
        let controller = Controller {
            memory: self.memory.clone(),
            namespace: self.namespace,
            renderer: renderer.clone(),
            asker: Asker {
                model: Arc::clone(&self.model),
                scorer: self.scorer,
                window: u64::from(window),
            },
            need: self.prompts.load("memory/need")?,
            enough: self.prompts.load("memory/enough")?,
            ablation: self.ablation,
            search: self.search,
            words: self.words,
            ranking: self.ranking,
            activate: self.activate,
            facts: self.facts,
            window: u64::from(window),
            memory_tokens: self.memory_tokens,
        };
        let facts = Facts {
            model: Arc::clone(&self.model),
            prompt: self.prompts.load("memory/facts")?,
            window: u64::from(window),
        };
        let remember = Remember {
            memory: self.memory,
            namespace: self.namespace,
            summariser: Summariser {
                model: Arc::clone(&self.model),
                prompt: self.prompts.load("memory/summary")?,
                above: self.summarise_above,
                window: u64::from(window),
            },
            facts: self.learn_facts.then_some(facts),
            remember: self.remember,
            consolidate_every: self.consolidate_every,
        };
        let answer = Answer {
            renderer,
            sampling: self.sampling,
        };

        let mut graph = Graph::builder("memory chat");
        let recall = graph.node("recall", controller);
        let answer = graph.node("answer", answer);
        let remember = graph.node("remember", remember);
        graph.edge(recall, answer).edge(answer, remember);
        graph.build(recall, remember)
    }
}
