//! Long documents through memory: their segments are turns.

use std::{collections::BTreeSet, mem, sync::Arc};

use async_trait::async_trait;
use catena_core::{Agent, ChatModel, Context, Error, Fold, Graph, Result, Segmenter, Step};
use catena_memory::{
    Form, ItemId, Kind, Memory, Moment, NamespaceId, NewItem, Query, Reason, Verdict, Written,
};
use catena_tools::Document;
use serde::{Deserialize, Serialize};

use super::{
    controller::beginning,
    summaries::{Said, Summariser, View},
    types::Activated,
};
use crate::{Prompts, whole::is_cut};

/// Builds the graph that reads a document into memory: `segment` → fold `read` → `digest`.
///
/// The document is cut into segments, each of which is summarised and remembered as a turn: afterwards a
/// [`MemoryChat`](crate::MemoryChat) over the same namespace answers questions about it, however long it
/// is. In view of the model are the summary of the segment before and those of the earlier segments that
/// have most to do with this one (SCM's flash and activation memory), each of the latter with a note
/// `memory.activated`. The summaries are then joined, as many at a time as the window holds, until one is
/// left (SCM §4.3). l segments take l calls, and fewer than l more for the digest. No prompt exceeds the
/// window.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use catena_agents::DocumentMemory;
/// use catena_core::{Run, RunOptions};
/// use catena_memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace};
/// use catena_models::ScriptedModel;
/// use catena_tools::Document;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), catena_core::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("memory.db");
/// let archive = Archive::open(path)?;
/// let memory =
///     Memory::open(archive, Arc::new(ExactIndex::new()), Arc::new(HashingEmbedder::new())).await?;
/// let whale = memory.namespace(&Namespace::new("ada", "reader", "whale.txt")).await?;
///
/// let model = ScriptedModel::new().otherwise("A whale is white.");
/// let graph = DocumentMemory::new(Arc::new(model), memory, whale).build()?;
/// let document = Document::new("whale.txt", "The whale is white. The sea is blue.");
/// let digest = Run::start(graph, document, RunOptions::new("read")).outcome().await?.output;
/// assert_eq!(digest.segments, 1);
/// assert_eq!(digest.summary, "A whale is white.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DocumentMemory {
    model: Arc<dyn ChatModel>,
    memory: Memory,
    namespace: NamespaceId,
    window: Option<u32>,
    summary_tokens: Option<u32>,
    activate: usize,
    prompts: Prompts,
}

/// What is left of a document when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The summary of the whole.
    pub summary: String,
    /// How many segments were remembered.
    pub segments: usize,
    /// How many times summaries were joined, level by level.
    pub levels: usize,
    /// How many summaries, of segments and joined ones, ended before their end: at their limit of tokens, or
    /// because the provider withheld the rest. Each is told in a note, `answer.cut`.
    #[serde(default)]
    pub cut: usize,
    /// How many of those before the last the model gave without a word. In their place stands the beginning
    /// of what was to be summarised.
    #[serde(default)]
    pub empty: usize,
}

impl DocumentMemory {
    /// Reads documents with `model` into a namespace of `memory`.
    pub fn new(model: Arc<dyn ChatModel>, memory: Memory, namespace: NamespaceId) -> Self {
        Self {
            model,
            memory,
            namespace,
            window: None,
            summary_tokens: None,
            activate: 2,
            prompts: Prompts::builtin(),
        }
    }

    /// The most tokens of a prompt and its answer together. Default: the model's
    /// [`worker_window`](catena_core::ModelProfile::worker_window), and at most 4,096 (the paper's
    /// 4,000).
    #[must_use]
    pub fn window(mut self, tokens: u32) -> Self {
        self.window = Some(tokens);
        self
    }

    /// The most tokens of a summary. Default: an eighth of the window, at least 48.
    #[must_use]
    pub fn summary_tokens(mut self, tokens: u32) -> Self {
        self.summary_tokens = Some(tokens);
        self
    }

    /// How many earlier segments are activated at the most, beside the one before. They take nothing of a
    /// segment's room: their summaries go in as far as the window has room beside it. Default: 2. The
    /// authors' code has none.
    #[must_use]
    pub fn activate(mut self, segments: usize) -> Self {
        self.activate = segments;
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
    /// [`is_invalid`](Error::is_invalid) when the window is larger than the model's or leaves no room
    /// for a segment, and [`is_prompt`](Error::is_prompt) when a template is missing or broken.
    pub fn build(self) -> Result<Graph<Document, Digest>> {
        let profile = self.model.profile();
        let window = self.window.unwrap_or(profile.worker_window.min(4096));
        if window > profile.context_window {
            return Err(Error::invalid(format!(
                "a window of {window} tokens is larger than the {} of '{}'",
                profile.context_window, profile.name
            ))
            .with_help("choose a smaller window, or a model with a larger one"));
        }
        let summariser = Summariser {
            window: u64::from(window),
            summary_tokens: self.summary_tokens.unwrap_or((window / 8).max(48)),
            segment: self.prompts.load("memory/segment")?,
            digest: self.prompts.load("memory/digest")?,
            model: self.model,
        };
        let segment = Segment {
            room: summariser.room()?,
            model: Arc::clone(&summariser.model),
        };
        let read = Read {
            summariser: summariser.clone(),
            memory: self.memory,
            namespace: self.namespace,
            activate: self.activate,
        };
        let mut graph = Graph::builder("document memory");
        let segment = graph.node("segment", segment);
        let read = graph.fold("read", read);
        let digest = graph.node("digest", Join { summariser });
        graph.edge(segment, read).edge(read, digest);
        graph.build(segment, digest)
    }
}

/// What is carried from segment to segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Reading {
    summaries: Vec<String>,
    /// The segments that they are of, as they are remembered.
    segments: Vec<ItemId>,
    cut: usize,
    empty: usize,
}

impl Reading {
    /// Counts what a summary lacks, and gives what there is of it.
    fn take(&mut self, said: Said) -> String {
        self.cut += usize::from(is_cut(said.finish));
        self.empty += usize::from(said.empty);
        said.text
    }

    /// A segment, with the summary of the one before and those at `places`, in the order of the document.
    fn view<'a>(&'a self, places: &BTreeSet<usize>, text: &'a str) -> View<'a> {
        let earlier = places.iter().filter_map(|place| self.summaries.get(*place));
        View {
            earlier: earlier.map(String::as_str).collect(),
            previous: self.summaries.last().map_or("", String::as_str),
            text,
        }
    }
}

/// Cuts the document.
#[derive(Clone, Debug)]
struct Segment {
    model: Arc<dyn ChatModel>,
    room: usize,
}

#[async_trait]
impl Agent for Segment {
    type Input = Document;
    type Output = Fold<Reading, String>;

    async fn run(&self, document: Document, _: &Context) -> Result<Self::Output> {
        let chunks = Segmenter::prose(self.room).split(&document.text, self.model.counter())?;
        let texts = chunks.into_iter().map(|chunk| chunk.text);
        let texts: Vec<_> = texts.filter(|text| !text.trim().is_empty()).collect();
        if texts.is_empty() {
            return Err(Error::invalid(format!(
                "there is nothing in {}",
                document.name
            )));
        }
        Ok(Fold {
            state: Reading::default(),
            items: texts,
        })
    }
}

/// Summarises a segment and remembers it.
#[derive(Clone, Debug)]
struct Read {
    summariser: Summariser,
    memory: Memory,
    namespace: NamespaceId,
    activate: usize,
}

/// Among so many of the nearest memories are earlier segments looked for, so that other documents and talk
/// in the namespace seldom crowd them out. A search loads no fewer.
const SEARCHED: usize = 50;

#[async_trait]
impl Agent for Read {
    type Input = Step<Reading, String>;
    type Output = Reading;

    async fn run(&self, step: Self::Input, cx: &Context) -> Result<Reading> {
        let (mut reading, text) = (step.state, step.item);
        let mut activated = self.search(cx, &reading, &text).await?;
        let view = self.view(&reading, &mut activated, &text)?;
        for activated in &activated {
            cx.note("memory.activated", activated);
        }
        let said = self.summariser.summarise(cx, &view).await?;
        let summary = reading.take(said);
        let at = Moment::from(cx.now().await?);
        // A run reads many segments: each is told apart by its place.
        let run = format!("{}/{}", cx.run_id(), step.index);
        let item = NewItem::turn(text, "").summary(&summary).at(at).by_run(run);
        let written: Written = cx
            .tool("remember", &item, async {
                self.memory.remember(self.namespace, item.clone()).await
            })
            .await?;
        reading.summaries.push(summary);
        reading.segments.push(written.id);
        Ok(reading)
    }
}

impl Read {
    /// The earlier segments that have most to do with this one, the most relevant first. Recency has no
    /// part in it, as in the authors' code: the one before is in view anyhow. Nor has what else is in the
    /// namespace: the summary is to say what the document says.
    async fn search(&self, cx: &Context, reading: &Reading, text: &str) -> Result<Vec<Activated>> {
        let Some((last, earlier)) = reading.segments.split_last() else {
            return Ok(Vec::new());
        };
        if earlier.is_empty() || self.activate == 0 {
            return Ok(Vec::new());
        }
        // Of the words the first ones decide, as many as a search looks for; the vector is of all of them,
        // and a `CachedEmbedder` has it when the segment is remembered.
        let query = Query::new(text)
            .kind(Kind::Turn)
            .limit(SEARCHED.max(self.activate));
        cx.tool("activate", &(self.namespace, text), async {
            let found = self.memory.search(self.namespace, &query).await?;
            let found = found.into_iter().filter(|found| {
                let id = found.item.id;
                earlier.contains(&id) && id != *last
            });
            let activated = found.take(self.activate).map(|found| Activated {
                id: found.item.id,
                turn: found.item.turn(),
                at: found.item.at(),
                begins: beginning(&found.item.observation),
                relevance: found.relevance,
                rank: found.relevance,
                verdict: Verdict::Unasked,
                form: Form::Summary,
                reason: Reason::NoRoom,
            });
            Ok(activated.collect::<Vec<_>>())
        })
        .await
    }

    /// What is in view beside a segment: of what was activated as much as fits.
    fn view<'a>(
        &self,
        reading: &'a Reading,
        activated: &mut [Activated],
        text: &'a str,
    ) -> Result<View<'a>> {
        let mut places = BTreeSet::new();
        for activated in activated {
            let mut segments = reading.segments.iter();
            let Some(place) = segments.position(|id| *id == activated.id) else {
                continue;
            };
            places.insert(place);
            if !self.summariser.holds(&reading.view(&places, text))? {
                places.remove(&place);
                activated.form = Form::Dropped;
            }
        }
        Ok(reading.view(&places, text))
    }
}

/// Joins the summaries.
#[derive(Clone, Debug)]
struct Join {
    summariser: Summariser,
}

#[async_trait]
impl Agent for Join {
    type Input = Reading;
    type Output = Digest;

    async fn run(&self, mut reading: Reading, cx: &Context) -> Result<Digest> {
        let mut summaries = mem::take(&mut reading.summaries);
        let segments = summaries.len();
        let mut levels = 0;
        let mut last_is_empty = segments == 1 && reading.empty == 1;
        while summaries.len() > 1 {
            let groups = self.summariser.groups(&summaries)?;
            let last = groups.len() == 1;
            let mut joined = Vec::with_capacity(groups.len());
            for group in groups {
                let said = self.summariser.join(cx, group, last).await?;
                last_is_empty = said.empty;
                joined.push(reading.take(said));
            }
            levels += 1;
            cx.note("memory.digest", &(levels, joined.len()));
            summaries = joined;
        }
        if last_is_empty {
            return Err(Error::malformed_output(
                "the document was read, and of the summary of the whole the model said nothing",
            )
            .with_help("what was read is remembered, and questions about it can be asked"));
        }
        Ok(Digest {
            summary: summaries.pop().unwrap_or_default(),
            segments,
            levels,
            cut: reading.cut,
            empty: reading.empty,
        })
    }
}
