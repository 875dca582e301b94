//! What goes into a chain, along it, and out of it.

use std::{fmt, ops::Range};

use catena_core::FinishReason;
use catena_tools::{Document, DocumentKind};
use serde::{Deserialize, Serialize};

use super::Passage;

/// What a chain is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainInput {
    /// The texts, read one after the other.
    pub documents: Vec<Document>,
    /// What is wanted of them.
    pub task: Task,
}

/// What is wanted of the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The answer to a question.
    Question(String),
    /// A summary.
    Summary,
}

impl ChainInput {
    /// A question about documents.
    pub fn question(documents: Vec<Document>, question: impl Into<String>) -> Self {
        Self {
            documents,
            task: Task::Question(question.into()),
        }
    }

    /// A summary of documents.
    pub fn summary(documents: Vec<Document>) -> Self {
        Self {
            documents,
            task: Task::Summary,
        }
    }
}

impl Task {
    pub(super) fn question(&self) -> Option<&str> {
        match self {
            Self::Question(question) => Some(question),
            Self::Summary => None,
        }
    }
}

/// What a person is asked to approve; see [`ChainOfAgents::approve`](super::ChainOfAgents::approve).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Planned {
    /// The chunks that there are to read.
    pub chunks: usize,
    /// The calls to models that this takes, if none is repeated.
    pub calls: usize,
    /// The most tokens that these read and write together.
    pub max_tokens: u64,
}

impl Planned {
    pub(super) fn new(chunks: usize, window: u32, prefill_ahead: bool) -> Self {
        let ahead = match prefill_ahead {
            true => chunks.saturating_sub(1),
            false => 0,
        };
        let calls = chunks + 1 + ahead;
        Self {
            chunks,
            calls,
            max_tokens: calls as u64 * u64::from(window),
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.chunks == 1 { "" } else { "s" };
        write!(
            f,
            "There are {} chunk{s} to read, in {} calls and at most {} tokens.",
            self.chunks, self.calls, self.max_tokens
        )
    }
}

/// A chunk of one of the documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// The document's index.
    pub(super) document: usize,
    pub(super) kind: DocumentKind,
    pub(super) range: Range<usize>,
    pub(super) text: String,
    /// Where the chunk that is read after it stands, if that is to be prefilled meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<(usize, Range<usize>)>,
}

/// What a chain carries from chunk to chunk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) input: ChainInput,
    pub(super) units: Vec<Unit>,
}

impl State {
    /// What the next agent is handed: the last unit's text, empty at the start.
    pub(super) fn unit(&self) -> &str {
        self.units.last().map_or("", |unit| &unit.text)
    }

    /// The text of a chunk.
    pub(super) fn chunk(&self, document: usize, range: &Range<usize>) -> Option<&str> {
        self.input.documents.get(document)?.text.get(range.clone())
    }
}

/// The communication unit that a worker hands on (the paper's CU), with the chunk it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// What was handed on. Of a question with [`Notes::Copied`](super::Notes::Copied): sentences or
    /// lines of the documents, one a line, those of the workers before among them. Otherwise what
    /// this worker wrote, or what it was handed if that was no use.
    pub text: String,
    /// Its tokens.
    pub tokens: usize,
    /// The index of the document.
    pub document: usize,
    /// The bytes of the document that the worker read.
    pub range: Range<usize>,
    /// Whether this worker added nothing: it wrote that nothing was found, or, with copied notes,
    /// nothing that stands in its chunk and has to do with the question.
    pub refused: bool,
    /// Whether the model was stopped at the most tokens that a unit may have, or its provider withheld
    /// the rest; its last, broken sentence was dropped.
    pub cut: bool,
}

/// What a chain returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainAnswer {
    /// The answer.
    pub text: String,
    /// Why it ended: an answer that came to its limit of tokens, or of which the provider withheld the
    /// rest, is not whole.
    #[serde(default)]
    pub finish: FinishReason,
    /// Sentences of the documents that support it, the strongest first.
    pub passages: Vec<Passage>,
    /// What each worker handed on, in the order of reading.
    pub units: Vec<Unit>,
}
