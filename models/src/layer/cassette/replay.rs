//! Replaying.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use catena_core::{
    ApproximateCounter, ChatModel, ChatRequest, ChatStream, Error, ModelProfile, Result,
    TokenCounter, WorstCase,
};
use serde_json::Value;

use super::{
    difference::{differences, likeness},
    tape::{Exchange, Outcome, Tape},
};
use crate::layer::stream::ready;

/// Answers from a file that [`Record`](super::Record) wrote, without any model.
///
/// A request must be equal to a recorded one, field by field. One that was recorded several times
/// gets those answers in their order, and then the last of them again. An answer comes in one piece,
/// and one that failed in the middle fails at once.
///
/// # Errors of [`stream`](ChatModel::stream)
///
/// Those that were recorded. [`is_invalid`](Error::is_invalid) for a request that was not: it names
/// the recorded request that is the most alike, and where the two differ.
pub struct Replay {
    path: PathBuf,
    profile: ModelProfile,
    counter: Arc<dyn TokenCounter>,
    takes: Vec<Takes>,
}

/// A request and all that was recorded of it.
struct Takes {
    request: ChatRequest,
    outcomes: Vec<Outcome>,
    asked: AtomicUsize,
}

impl Replay {
    /// Reads the cassette in the file `path`.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) if there is no such file, or it is not a cassette.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let tape = Tape::read(&path)?;
        let mut takes: Vec<Takes> = Vec::new();
        for Exchange { request, outcome } in tape.exchanges {
            match takes.iter_mut().find(|takes| takes.request == request) {
                Some(takes) => takes.outcomes.push(outcome),
                None => takes.push(Takes {
                    request,
                    outcomes: vec![outcome],
                    asked: AtomicUsize::new(0),
                }),
            }
        }
        Ok(Self {
            path,
            profile: tape.profile,
            counter: Arc::new(ApproximateCounter),
            takes,
        })
    }

    /// Counts tokens with `counter`; a cassette holds none. Default: [`ApproximateCounter`].
    #[must_use]
    pub fn counter(mut self, counter: Arc<dyn TokenCounter>) -> Self {
        self.counter = counter;
        self
    }

    /// How many recorded exchanges were not asked for: 0 once everything was replayed.
    pub fn unused(&self) -> usize {
        let unused = self.takes.iter().map(|takes| {
            let asked = takes.asked.load(Ordering::Relaxed);
            takes.outcomes.len().saturating_sub(asked)
        });
        unused.sum()
    }

    fn miss(&self, request: &ChatRequest) -> Error {
        // A request holds strings, numbers and JSON: serialising it cannot fail.
        let json = |request| serde_json::to_value(request).unwrap_or(Value::Null);
        let asked = json(request);
        let recorded = self.takes.iter().map(|takes| json(&takes.request));
        let alike = recorded
            .enumerate()
            .map(|(index, recorded)| (likeness(&recorded, &asked), index, recorded))
            .max_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let path = self.path.display();
        let help = "if the request is meant to be as it is, record the cassette again";
        let Some((_, index, recorded)) = alike else {
            return Error::invalid(format!("the cassette {path} is empty")).with_help(help);
        };
        let differences = differences(&recorded, &asked).join("\n  ");
        Error::invalid(format!(
            "the cassette {path} has no such request; the nearest is number {} of {}, which \
             differs in\n  {differences}",
            index + 1,
            self.takes.len()
        ))
        .with_help(help)
    }
}

#[async_trait]
impl ChatModel for Replay {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &self.counter
    }

    /// The recorded answers may have taken more than one call each.
    fn worst_case(&self, request: &ChatRequest) -> WorstCase {
        let most = request.max_tokens.unwrap_or(self.profile.max_output_tokens);
        let mut worst = WorstCase::of_one_call(self.prompt_tokens(request), most);
        let takes = self.takes.iter().filter(|takes| takes.request == *request);
        for outcome in takes.flat_map(|takes| &takes.outcomes) {
            if let Outcome::Answer(answer) = outcome {
                worst.answered = worst.answered.max(answer.usage);
            }
        }
        worst
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let takes = self.takes.iter().find(|takes| takes.request == request);
        let Some(takes) = takes else {
            return Err(self.miss(&request));
        };
        let asked = takes.asked.fetch_add(1, Ordering::Relaxed);
        match takes.outcomes.get(asked).or(takes.outcomes.last()) {
            Some(Outcome::Answer(answer)) => Ok(ready(answer.clone())),
            Some(Outcome::Error(failure)) => Err(failure.into()),
            None => Err(self.miss(&request)),
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("path", &self.path)
            .field("model", &self.profile.name)
            .field("requests", &self.takes.len())
            .field("unused", &self.unused())
            .finish_non_exhaustive()
    }
}
