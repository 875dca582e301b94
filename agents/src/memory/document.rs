//! Long documents through memory: their segments are turns.

use std::{mem, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    Agent, ChatModel, ChatRequest, Context, Error, FinishReason, Fold, Graph, Prompt, Result,
    Segmenter, Step,
};
use catena_memory::{Memory, Moment, NamespaceId, NewItem, Written};
use catena_tools::Document;
use serde::{Deserialize, Serialize};

use crate::{
    Prompts,
    whole::{is_cut, tell_cut, whole_sentences},
};

/// Builds the graph that reads a document into memory: `segment` → fold `read` → `digest`.
///
/// The document is cut into segments, each of which is summarised with the summary of the one before
/// in view and remembered as a turn: afterwards a [`MemoryChat`](crate::MemoryChat) over the same
/// namespace answers questions about it, however long it is. The summaries are then joined, as many
/// at a time as the window holds, until one is left (SCM §4.3). l segments take l calls, and fewer
/// than l more for the digest. No prompt exceeds the window.
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
}

/// A summary, or what stands in its place.
struct Said {
    text: String,
    finish: FinishReason,
    /// Whether the model said nothing.
    empty: bool,
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
}

#[async_trait]
impl Agent for Read {
    type Input = Step<Reading, String>;
    type Output = Reading;

    async fn run(&self, step: Self::Input, cx: &Context) -> Result<Reading> {
        let (mut reading, text) = (step.state, step.item);
        let previous = reading.summaries.last().map_or("", String::as_str);
        let said = self.summariser.summarise(cx, previous, &text).await?;
        let summary = reading.take(said);
        let at = Moment::from(cx.now().await?);
        // A run reads many segments: each is told apart by its place.
        let run = format!("{}/{}", cx.run_id(), step.index);
        let item = NewItem::turn(text, "").summary(&summary).at(at).by_run(run);
        let _: Written = cx
            .tool("remember", &item, async {
                self.memory.remember(self.namespace, item.clone()).await
            })
            .await?;
        reading.summaries.push(summary);
        Ok(reading)
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

/// Asks for summaries, within the window.
#[derive(Clone, Debug)]
struct Summariser {
    model: Arc<dyn ChatModel>,
    segment: Prompt,
    digest: Prompt,
    window: u64,
    summary_tokens: u32,
}

#[derive(Serialize)]
struct SegmentVariables<'a> {
    previous: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct DigestVariables<'a> {
    summaries: &'a [String],
    last: bool,
}

/// For tokenizers that divide a whole differently from its parts.
const SLACK: u64 = 8;

impl Summariser {
    fn request(&self, prompt: &Prompt, variables: &impl Serialize) -> Result<ChatRequest> {
        let messages = prompt.render(variables)?;
        Ok(ChatRequest::new(messages).max_tokens(self.summary_tokens))
    }

    /// The tokens of a segment: what instructions, the summary before and the one to come leave.
    fn room(&self) -> Result<usize> {
        let variables = SegmentVariables {
            previous: "-",
            text: "",
        };
        let fixed = self
            .model
            .prompt_tokens(&self.request(&self.segment, &variables)?);
        let taken = fixed + 2 * u64::from(self.summary_tokens) + SLACK;
        let room = self.window.saturating_sub(taken);
        // Two summaries have to fit beside the instructions, or nothing could be joined.
        let two = 2 * u64::from(self.summary_tokens);
        if room <= two {
            return Err(Error::invalid(format!(
                "a window of {} tokens leaves {room} for a segment, beside summaries of {}",
                self.window, self.summary_tokens
            ))
            .with_help("choose a larger window, or shorter summaries"));
        }
        Ok(usize::try_from(room).unwrap_or(usize::MAX))
    }

    async fn summarise(&self, cx: &Context, previous: &str, text: &str) -> Result<Said> {
        let variables = SegmentVariables { previous, text };
        self.said(cx, self.request(&self.segment, &variables)?, text)
            .await
    }

    async fn join(&self, cx: &Context, summaries: &[String], last: bool) -> Result<Said> {
        let variables = DigestVariables { summaries, last };
        let request = self.request(&self.digest, &variables)?;
        let instead = summaries.first().map_or("", String::as_str);
        self.said(cx, request, instead).await
    }

    /// What the model says, or, if it says nothing, the beginning of `instead`.
    async fn said(&self, cx: &Context, request: ChatRequest, instead: &str) -> Result<Said> {
        let answer = cx.chat(&*self.model, request).await?;
        tell_cut(cx, "a summary", answer.finish);
        let said = match is_cut(answer.finish) {
            true => whole_sentences(&answer.text),
            false => answer.text.trim(),
        };
        let empty = said.is_empty();
        let limit = usize::try_from(self.summary_tokens).unwrap_or(usize::MAX);
        let text = if empty { instead } else { said };
        let chunks = Segmenter::prose(limit).split(text, self.model.counter())?;
        let first = chunks.first().map_or("", |chunk| chunk.text.trim());
        Ok(Said {
            text: first.to_owned(),
            finish: answer.finish,
            empty,
        })
    }

    /// As many summaries together as fit, at least two where there are: each level is shorter than
    /// the one before.
    fn groups<'a>(&self, summaries: &'a [String]) -> Result<Vec<&'a [String]>> {
        let mut groups = Vec::new();
        let mut rest = summaries;
        while !rest.is_empty() {
            let mut count = rest.len().min(2);
            while count < rest.len() && self.fits(&rest[..=count])? {
                count += 1;
            }
            let (group, others) = rest.split_at(count);
            groups.push(group);
            rest = others;
        }
        Ok(groups)
    }

    fn fits(&self, summaries: &[String]) -> Result<bool> {
        let variables = DigestVariables {
            summaries,
            last: false,
        };
        let request = self.request(&self.digest, &variables)?;
        let needed = self.model.prompt_tokens(&request) + u64::from(self.summary_tokens);
        Ok(needed + SLACK <= self.window)
    }
}
