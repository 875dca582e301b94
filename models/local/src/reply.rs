//! What the engine does, as the deltas of an answer.

use std::{collections::VecDeque, sync::Arc};

use catena_core::{ChatStream, Delta, Error, FinishReason, Result, TokenLogprob, Usage};
use futures::stream;
use mistralrs::Response;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;

use crate::{
    counter::Tokens,
    decode::Decoder,
    engine::Permit,
    json::JsonEnd,
    sampling::{Sampler, Step},
    stop::StopMatcher,
};

/// After the sampler has asked for the end, the engine needs a step or two to come to it.
const STEPS_TO_END: u32 = 3;

/// What is known of a request once it is admitted.
pub(crate) struct Order {
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) prompt_tokens: u64,
    pub(crate) max_tokens: u32,
    pub(crate) stop: Vec<String>,
    pub(crate) json: bool,
    /// The tokens that end an answer.
    pub(crate) ends: Arc<[u32]>,
}

/// One answer in the making. Dropping it abandons the work and lets the next request in.
pub(crate) struct Reply {
    order: Order,
    tokens: Arc<Tokens>,
    work: Option<Work>,
    decoder: Decoder,
    json: Option<JsonEnd>,
    stop: StopMatcher,
    /// The whole text given out, when it has to be checked at the end.
    text: String,
    /// Bytes of text that were decoded, and that were given out.
    decoded: usize,
    given: usize,
    /// Log-probabilities of tokens that begin at this byte, until their text is given out.
    logprobs: VecDeque<(usize, TokenLogprob)>,
    output_tokens: u64,
    ready: VecDeque<Delta>,
}

/// What is given back when the answer is complete. The fields are dropped in this order: first
/// the engine is told, then the next request is let in.
struct Work {
    responses: mpsc::Receiver<Response>,
    permit: Permit,
}

impl Reply {
    pub(crate) fn new(
        order: Order,
        tokens: Arc<Tokens>,
        responses: mpsc::Receiver<Response>,
        permit: Permit,
    ) -> Self {
        Self {
            json: order.json.then(JsonEnd::default),
            stop: StopMatcher::new(order.stop.clone()),
            order,
            tokens,
            work: Some(Work { responses, permit }),
            decoder: Decoder::default(),
            text: String::new(),
            decoded: 0,
            given: 0,
            logprobs: VecDeque::new(),
            output_tokens: 0,
            ready: VecDeque::new(),
        }
    }

    pub(crate) fn into_stream(self) -> ChatStream {
        Box::pin(stream::try_unfold(self, |mut reply| async move {
            let delta = reply.next().await?;
            Ok(delta.map(|delta| (delta, reply)))
        }))
    }

    /// Waits for the engine to be done without making text of it; the usage.
    pub(crate) async fn run(mut self) -> Result<Usage> {
        while self.next().await?.is_some() {}
        Ok(self.usage())
    }

    async fn next(&mut self) -> Result<Option<Delta>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            let Some(work) = &mut self.work else {
                return Ok(None);
            };
            let done = match work.responses.recv().await {
                Some(Response::CompletionChunk(chunk)) => chunk
                    .choices
                    .first()
                    .is_none_or(|choice| choice.finish_reason.is_some()),
                Some(response) => return Err(failed(response)),
                // The last token may be half a character, of which the engine says nothing.
                None => true,
            };
            let sampler = &self.order.sampler;
            let steps = if done {
                sampler.take_all()
            } else {
                sampler.take()
            };
            if let Some(finish) = self.absorb(steps, done)? {
                self.end(finish, done).await?;
            }
        }
    }

    /// Makes text of `steps`; the reason to end, if there is one.
    fn absorb(&mut self, steps: Vec<Step>, done: bool) -> Result<Option<FinishReason>> {
        for step in steps {
            self.output_tokens += 1;
            if self.order.ends.contains(&step.token) {
                return Ok(Some(FinishReason::Stop));
            }
            let text = self.decoder.push(self.tokens.tokenizer(), step.token);
            self.note_logprobs(step);
            if self.give(&text) {
                return Ok(Some(FinishReason::Stop));
            }
            if self.output_tokens >= u64::from(self.order.max_tokens) {
                return Ok(Some(FinishReason::Length));
            }
        }
        // The engine ends at an end token or at the limit, which both were met above.
        match &mut self.work {
            Some(work) if done => Err(work.permit.dead()),
            _ => Ok(None),
        }
    }

    /// Passes decoded text on; whether the answer ends with it.
    fn give(&mut self, decoded: &str) -> bool {
        self.decoded += decoded.len();
        let complete = self.json.as_mut().and_then(|json| json.push(decoded));
        let kept = complete.map_or(decoded, |end| decoded.get(..end).unwrap_or(decoded));
        let text = self.stop.push(kept);
        self.emit(text);
        complete.is_some() || self.stop.stopped()
    }

    fn emit(&mut self, text: String) {
        self.given += text.len();
        if self.json.is_some() {
            self.text.push_str(&text);
        }
        if !text.is_empty() {
            self.ready.push_back(Delta::Text(text));
        }
        let given = self.given;
        let known = self
            .logprobs
            .iter()
            .take_while(|(start, _)| *start < given)
            .count();
        let logprobs: Vec<_> = self
            .logprobs
            .drain(..known)
            .map(|(_, logprob)| logprob)
            .collect();
        if !logprobs.is_empty() {
            self.ready.push_back(Delta::Logprobs(logprobs));
        }
    }

    fn note_logprobs(&mut self, step: Step) {
        let Some(logprobs) = step.logprobs else {
            return;
        };
        let tokenizer = self.tokens.tokenizer();
        let text = |token: u32| tokenizer.decode(&[token], false).unwrap_or_default();
        let token = TokenLogprob {
            token: text(step.token),
            logprob: logprobs.chosen,
            top: logprobs
                .top
                .into_iter()
                .map(|(token, logprob)| (text(token), logprob))
                .collect(),
        };
        self.logprobs.push_back((self.decoded, token));
    }

    /// Gives out the rest and lets the next request in. `done` says that the engine is through.
    async fn end(&mut self, finish: FinishReason, done: bool) -> Result<()> {
        let cut = self.stop.stopped();
        if !cut
            && self
                .json
                .as_ref()
                .is_none_or(|_| finish == FinishReason::Length)
        {
            let rest = self.decoder.finish(self.tokens.tokenizer());
            self.give(&rest);
        }
        let held = self.stop.finish();
        self.emit(held);
        self.close(done).await;

        let checked = self.json.is_some() && finish == FinishReason::Stop && !cut;
        if checked && serde_json::from_str::<IgnoredAny>(&self.text).is_err() {
            return Err(Error::malformed_output(
                "the local model ended its answer before the JSON value was complete",
            ));
        }
        let usage = self.usage();
        self.ready.push_back(Delta::End { finish, usage });
        Ok(())
    }

    /// Ends the engine's work. An abandoned sequence is not kept in the prefix cache, so where there
    /// is one, the engine is made to finish: a step more, instead of the whole prompt next time.
    async fn close(&mut self, mut done: bool) {
        let Some(work) = &mut self.work else { return };
        if !done && work.permit.caches() {
            self.order.sampler.end_now();
            for _ in 0..STEPS_TO_END {
                done = match work.responses.recv().await {
                    Some(Response::CompletionChunk(chunk)) => chunk
                        .choices
                        .first()
                        .is_none_or(|choice| choice.finish_reason.is_some()),
                    _ => true,
                };
                if done {
                    break;
                }
            }
        }
        if done {
            work.permit
                .finished(self.order.prompt_tokens + self.output_tokens);
        }
        self.work = None;
    }

    fn usage(&self) -> Usage {
        let read = self.order.sampler.tokens_read();
        let read = read.map_or(self.order.prompt_tokens, |read| read as u64);
        Usage {
            cached_tokens: self.order.prompt_tokens.saturating_sub(read),
            ..Usage::call(self.order.prompt_tokens, self.output_tokens)
        }
    }
}

/// A response of the engine that is no progress.
fn failed(response: Response) -> Error {
    match response {
        Response::ValidationError(error) => {
            Error::invalid(format!("the local engine refuses the request: {error}"))
        }
        Response::InternalError(error) => Error::other(format!("the local engine failed: {error}")),
        Response::CompletionModelError(error, _) => {
            Error::other(format!("the local model failed: {error}"))
        }
        _ => Error::other("the local engine sent something that was not asked for"),
    }
}
