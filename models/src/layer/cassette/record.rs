//! Recording.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatResponse, ChatStream, Delta, Error, ModelProfile, Result,
    TokenCounter, WorstCase,
};
use futures::{StreamExt, stream};

use super::{
    failure::Failure,
    tape::{Exchange, Outcome, Tape},
};

/// Records every exchange with a model in a file, for [`Replay`](super::Replay).
///
/// The file is JSON that a person can read and edit. It begins empty, and is written anew with each
/// exchange that ends, before its end is passed on; a long recording belongs into several files.
/// Failures of the model are recorded as well. An answer whose stream is dropped is not.
///
/// # Errors of [`stream`](ChatModel::stream)
///
/// Those of the model, and an error if the file cannot be written.
///
/// # Example: record and replay
///
/// ```
/// use std::sync::Arc;
///
/// use catena_core::{ChatMessage, ChatModel, ChatRequest};
/// use catena_models::{ScriptedModel, layer::{Record, Replay}};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> catena_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("capital.json");
/// let question = ChatRequest::new([ChatMessage::user("The capital of France?")]);
/// let scripted = ScriptedModel::new().otherwise("Paris");
/// Record::new(Arc::new(scripted), &file).chat(question.clone()).await?;
///
/// let replay = Replay::open(&file)?;
/// assert_eq!(replay.chat(question).await?.text, "Paris");
/// let error = replay.chat(ChatRequest::new([ChatMessage::user("Of Peru?")])).await.unwrap_err();
/// assert!(error.to_string().contains("The capital of France?"));
/// # Ok(()) }
/// ```
pub struct Record {
    inner: Arc<dyn ChatModel>,
    tape: Arc<Recording>,
}

struct Recording {
    path: PathBuf,
    tape: Mutex<Tape>,
}

impl Record {
    /// Records exchanges with `model` in the file `path`, which is replaced.
    pub fn new(model: Arc<dyn ChatModel>, path: impl Into<PathBuf>) -> Self {
        let tape = Tape::new(model.profile().clone());
        Self {
            inner: model,
            tape: Arc::new(Recording {
                path: path.into(),
                tape: Mutex::new(tape),
            }),
        }
    }
}

impl Recording {
    fn add(&self, request: ChatRequest, outcome: Outcome) -> Result<()> {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        tape.exchanges.push(Exchange { request, outcome });
        // Under the lock: an older state must not replace a newer one.
        tape.write(&self.path)
    }

    fn failed(&self, request: ChatRequest, error: Error) -> Error {
        match self.add(request, Outcome::Error(Failure::from(&error))) {
            Ok(()) => error,
            Err(unwritten) => unwritten,
        }
    }
}

/// The request and what came of it so far.
struct Open {
    tape: Arc<Recording>,
    request: ChatRequest,
    answer: ChatResponse,
}

impl Open {
    /// `delta`, written down if it is the last.
    fn take(mut self, delta: Result<Delta>) -> (Result<Delta>, Option<Self>) {
        match delta {
            Ok(delta) if self.answer.push(delta.clone()) => {
                let written = self.tape.add(self.request, Outcome::Answer(self.answer));
                (written.map(|()| delta), None)
            }
            Ok(delta) => (Ok(delta), Some(self)),
            Err(error) => (Err(self.tape.failed(self.request, error)), None),
        }
    }
}

#[async_trait]
impl ChatModel for Record {
    fn profile(&self) -> &ModelProfile {
        self.inner.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.inner.counter()
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        self.inner.prompt_tokens(request)
    }

    fn worst_case(&self, request: &ChatRequest) -> WorstCase {
        self.inner.worst_case(request)
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let deltas = match self.inner.stream(request.clone()).await {
            Ok(deltas) => deltas,
            Err(error) => return Err(self.tape.failed(request, error)),
        };
        let open = Open {
            tape: self.tape.clone(),
            request,
            answer: ChatResponse::default(),
        };
        Ok(stream::unfold(Some((deltas, open)), async |state| {
            let (mut deltas, open) = state?;
            let (delta, open) = open.take(deltas.next().await?);
            Some((delta, open.map(|open| (deltas, open))))
        })
        .boxed())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("inner", &self.inner)
            .field("path", &self.tape.path)
            .finish_non_exhaustive()
    }
}
