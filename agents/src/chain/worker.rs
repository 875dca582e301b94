//! A worker: reads one chunk and hands on a unit.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{
    Agent, ChatModel, ChatRequest, Context, Error, Prompt, Result, Step, TokenCounter,
};
use serde::Serialize;

use super::{
    ChainOfAgents, Notes, OnRefusal, Task, Unit,
    guard::{evidence, without_refusals},
    notes::collected,
    types::{Part, State},
};
use crate::whole::{is_cut, whole_sentences};

/// Tokens left free in every window: the tokens of a whole prompt can be a few more than those of
/// its parts, since a tokenizer may divide differently where they meet.
const SLACK: u64 = 8;

/// The fewest tokens of a chunk with which a chain is worth while: what a message advises.
const CHUNK: u64 = 64;

/// A question is given room in steps of this many tokens, so that two questions of about the same
/// length find the same chunks: with a prefix cache, the second then reads only what stands behind
/// them. Windows below [`ROOMY`] have no tokens to give away.
const STEP: u64 = 32;
const ROOMY: u64 = 1024;

#[derive(Clone)]
pub(super) struct Worker {
    pub(super) model: Arc<dyn ChatModel>,
    query: Prompt,
    summary: Prompt,
    window: u32,
    unit_tokens: u32,
    /// Whether a larger window makes units larger.
    units_grow: bool,
    notes: Notes,
    on_refusal: OnRefusal,
    sampling: Option<(f32, u64)>,
    prefill_ahead: bool,
}

/// The variables of the templates.
#[derive(Serialize)]
struct Variables<'a> {
    chunk: &'a str,
    unit: &'a str,
    question: Option<&'a str>,
}

impl Worker {
    pub(super) fn new(chain: &ChainOfAgents, window: u32, unit_tokens: u32) -> Result<Self> {
        Ok(Self {
            model: Arc::clone(&chain.worker),
            query: chain.prompts.load(match chain.notes {
                Notes::Copied => "chain/worker_query",
                Notes::Written => "chain/worker_query_written",
            })?,
            summary: chain.prompts.load("chain/worker_summary")?,
            window,
            unit_tokens,
            units_grow: chain.unit_tokens.is_none(),
            notes: chain.notes,
            on_refusal: chain.on_refusal,
            sampling: chain.sampling,
            prefill_ahead: chain.prefill_ahead,
        })
    }

    /// Whether a chunk is prefilled while the one before it is read.
    pub(super) fn prefills(&self) -> bool {
        self.prefill_ahead
    }

    /// How many tokens a chunk may have: what the window leaves after the instructions, the
    /// question, the unit handed on and the unit to be written (the paper's Algorithm 2 forgets
    /// the last two).
    pub(super) fn chunk_tokens(&self, task: &Task) -> Result<usize> {
        // With a unit, because what introduces it takes tokens too.
        let fixed = self.model.prompt_tokens(&self.request(task, "", "-")?);
        let reserved = fixed + 2 * u64::from(self.unit_tokens) + SLACK;
        let window = u64::from(self.window);
        if window <= reserved {
            let missing = reserved + 1 - window;
            let enough = match self.units_grow {
                // Two units of at most a sixth of the window: the rest is two thirds of it.
                true => ((fixed + SLACK + CHUNK) * 3)
                    .div_ceil(2)
                    .max(reserved + CHUNK),
                false => reserved + CHUNK,
            };
            return Err(Error::context_overflow(
                missing,
                format!(
                    "a window of {window} tokens leaves no room for the text: instructions and \
                     question take {fixed}, two units of {} each {}",
                    self.unit_tokens,
                    2 * self.unit_tokens,
                ),
            )
            .with_help(format!("use a window of at least {enough} tokens")));
        }
        let room = window - reserved;
        let spare = match task.question() {
            Some(question) if window >= ROOMY => {
                let question = self.model.counter().count(question) as u64;
                question.next_multiple_of(STEP) - question
            }
            _ => 0,
        };
        // A question that fills the window leaves less than a step.
        let chunk = if room > spare { room - spare } else { room };
        Ok(usize::try_from(chunk).unwrap_or(usize::MAX))
    }

    /// The tokens that a worker may use.
    pub(super) fn window(&self) -> u32 {
        self.window
    }

    fn request(&self, task: &Task, chunk: &str, unit: &str) -> Result<ChatRequest> {
        let prompt = match task {
            Task::Question(_) => &self.query,
            Task::Summary => &self.summary,
        };
        let question = task.question();
        let messages = prompt.render(&Variables {
            chunk,
            unit,
            question,
        })?;
        let request = ChatRequest::new(messages).max_tokens(self.unit_tokens);
        Ok(match self.sampling {
            Some((temperature, seed)) => request.temperature(temperature).seed(seed),
            None => request,
        })
    }

    async fn read(&self, step: &Step<State, Part>, cx: &Context) -> Result<Unit> {
        let State { input, .. } = &step.state;
        let previous = step.state.unit();
        let request = self.request(&input.task, &step.item.text, previous)?;
        let tries = match self.on_refusal {
            OnRefusal::KeepPrevious => 0,
            OnRefusal::Retry(tries) => tries,
        };
        let mut text = String::new();
        let mut cut = false;
        for attempt in 0..=tries {
            let request = match attempt {
                0 => request.clone(),
                // Another seed for each try, and for the tries of each of several sampled chains.
                tried => request.clone().temperature(0.7).seed(
                    self.sampling
                        .map_or(0, |(_, seed)| seed)
                        .wrapping_mul(1_000)
                        .wrapping_add(u64::from(tried)),
                ),
            };
            let answer = match self.prefill(step, attempt)? {
                None => cx.chat(&*self.model, request).await?,
                Some(ahead) => {
                    let read = cx.chat(&*self.model, request);
                    // What comes of it is in the model's cache, or is not: the chain goes on either way.
                    let (answer, _) = futures::join!(read, cx.chat(&*self.model, ahead));
                    answer?
                }
            };
            cut = is_cut(answer.finish);
            let written = match cut {
                true => whole_sentences(&answer.text),
                false => answer.text.trim(),
            };
            text = self.unit(&input.task, written, previous, &step.item);
            if !text.is_empty() {
                break;
            }
        }
        let refused = text.is_empty();
        if refused {
            previous.clone_into(&mut text);
        }
        let text = capped(text, self.unit_tokens as usize, self.model.counter());
        Ok(Unit {
            tokens: self.model.counter().count(&text),
            text,
            document: step.item.document,
            range: step.item.range.clone(),
            refused,
            cut,
        })
    }

    /// The request that has the model read the beginning of the next worker's prompt: all of it up to
    /// the unit, which is being written.
    fn prefill(&self, step: &Step<State, Part>, attempt: u32) -> Result<Option<ChatRequest>> {
        let Some((document, range)) = step.item.next.as_ref().filter(|_| attempt == 0) else {
            return Ok(None);
        };
        let Some(chunk) = step.state.chunk(*document, range) else {
            return Ok(None);
        };
        let request = self.request(&step.state.input.task, chunk, "")?;
        Ok(Some(request.max_tokens(1)))
    }

    /// What is handed on when the worker has `written` this; empty if that is of no use.
    fn unit(&self, task: &Task, written: &str, previous: &str, part: &Part) -> String {
        match (task, self.notes) {
            (Task::Summary, _) => written.to_owned(),
            (Task::Question(_), Notes::Written) => without_refusals(written),
            (Task::Question(question), Notes::Copied) => {
                let found = evidence(written, question, previous, part);
                if found.is_empty() {
                    return String::new();
                }
                let limit = self.unit_tokens as usize;
                collected(previous, &found, question, limit, self.model.counter())
            }
        }
    }
}

#[async_trait]
impl Agent for Worker {
    type Input = Step<State, Part>;
    type Output = State;

    async fn run(&self, step: Step<State, Part>, cx: &Context) -> Result<State> {
        let unit = self.read(&step, cx).await?;
        cx.note("unit", &unit);
        let mut state = step.state;
        state.units.push(unit);
        Ok(state)
    }
}

/// `text` within `limit` tokens: decoding and encoding again can make a few tokens more.
fn capped(mut text: String, limit: usize, counter: &dyn TokenCounter) -> String {
    while counter.count(&text) > limit {
        let rest = text.trim_end();
        // Where there are no blanks, a character goes.
        let end = rest.rfind(char::is_whitespace);
        let end = end.or_else(|| rest.char_indices().next_back().map(|(at, _)| at));
        text.truncate(end.unwrap_or(0));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use catena_core::WordCounter;

    #[test]
    fn a_unit_is_never_longer_than_its_cap() {
        assert_eq!(capped("a b c d".into(), 3, &WordCounter), "a b c");
        assert_eq!(capped("a b".into(), 3, &WordCounter), "a b");
        assert_eq!(capped("abc".into(), 0, &WordCounter), "");
        let without_blanks = "\u{5317}\u{4eac}".repeat(40);
        let cut = capped(without_blanks, 10, &catena_core::ApproximateCounter);
        assert!(!cut.is_empty() && catena_core::ApproximateCounter.count(&cut) <= 10);
    }
}
