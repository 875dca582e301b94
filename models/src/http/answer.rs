//! From the events of a response to the deltas of an answer.

use std::{collections::VecDeque, sync::Arc};

use catena_core::{ChatModel, ChatRequest, ChatStream, Delta, Error, FinishReason, Result};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Chunk, Failure, Reported,
    body::{self, Event},
    calls::Calls,
    connection::{Accepted, Endpoint, after, overflow},
};
use crate::stop::StopFilter;

/// Reads the JSON of an event in the protocol of one provider.
pub(crate) type Decoder = Box<dyn FnMut(&Value) -> Result<Chunk, Failure> + Send>;

/// A server that keeps the connection alive with pings alone is given up after this many timeouts.
const PATIENCE: u32 = 10;

/// The state between two deltas. Dropping it drops the response, which closes the connection.
pub(crate) struct Answer {
    /// Counts what a server does not report.
    model: Arc<dyn ChatModel>,
    request: ChatRequest,
    endpoint: Arc<Endpoint>,
    decode: Decoder,
    until: Instant,
    events: BoxStream<'static, Result<Event>>,
    stops: StopFilter,
    /// The text so far, to estimate what a server does not report.
    text: String,
    refusal: String,
    calls: Calls,
    finish: Option<FinishReason>,
    reported: Reported,
    /// Deltas that are ready.
    ready: VecDeque<Delta>,
    ended: bool,
}

impl Answer {
    pub(crate) fn new(
        model: Arc<dyn ChatModel>,
        request: ChatRequest,
        endpoint: Arc<Endpoint>,
        accepted: Accepted,
        decode: Decoder,
    ) -> Self {
        Self {
            stops: StopFilter::new(&request.stop),
            model,
            request,
            events: body::events(accepted.response, endpoint.clone()),
            endpoint,
            decode,
            until: accepted.until,
            text: String::new(),
            refusal: String::new(),
            calls: Calls::default(),
            finish: None,
            reported: Reported::default(),
            ready: VecDeque::new(),
            ended: false,
        }
    }

    pub(crate) fn into_stream(self) -> ChatStream {
        stream::try_unfold(self, async |mut answer| {
            let delta = answer.next().await?;
            Ok(delta.map(|delta| (delta, answer)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Delta>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if self.ended {
                return Ok(None);
            }
            match self.event().await {
                Some(Ok(event)) => self.take(&event)?,
                Some(Err(error)) if self.finish.is_none() => return Err(error),
                // The answer is whole: how the connection ends does not matter.
                Some(Err(_)) | None => self.close()?,
            }
        }
    }

    /// The next event, if it comes in time.
    async fn event(&mut self) -> Option<Result<Event>> {
        let patience = self.endpoint.timeout.saturating_mul(PATIENCE);
        let silent = after(patience);
        let event = tokio::time::timeout_at(silent.min(self.until), self.events.next()).await;
        event.unwrap_or_else(|_| {
            Some(Err(match silent < self.until {
                true => self.endpoint.silent(patience),
                false => self.endpoint.endless(),
            }))
        })
    }

    fn take(&mut self, event: &Event) -> Result<()> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        if data == "[DONE]" {
            // Not every server gives a reason.
            self.finish.get_or_insert(FinishReason::Stop);
            return self.close();
        }
        let json: Value = serde_json::from_str(data).map_err(|error| {
            if error.is_eof() {
                return self.cut_off();
            }
            let asking = self.endpoint.asking();
            Error::malformed_output(format!("{asking}: the answer is not JSON")).with_source(error)
        })?;
        let chunk = (self.decode)(&json).map_err(|failure| {
            let missing = || overflow(&*self.model, &self.request);
            let status = failure.implied_status();
            self.endpoint.refusal(status, &failure, None, missing)
        })?;
        if event.whole {
            if !chunk.has_answer {
                let asking = self.endpoint.asking();
                return Err(Error::malformed_output(format!(
                    "{asking}: there is no answer in what came"
                )));
            }
            self.finish = Some(FinishReason::Stop);
        }
        let done = chunk.done;
        self.append(chunk);
        if done && !self.ended {
            // Not every gateway gives a reason.
            self.finish.get_or_insert(FinishReason::Stop);
            return self.close();
        }
        Ok(())
    }

    fn append(&mut self, chunk: Chunk) {
        self.finish = chunk.finish.or(self.finish);
        self.reported.update(chunk.usage);
        self.calls.append(chunk.calls);
        self.refusal.push_str(&chunk.refusal);
        let (text, stopped) = self.stops.push(chunk.text);
        self.say(text);
        if !chunk.logprobs.is_empty() {
            self.ready.push_back(Delta::Logprobs(chunk.logprobs));
        }
        if stopped {
            // Only a server that does not know the stop sequence sends it: no need to wait for more.
            self.finish = Some(FinishReason::Stop);
            self.end();
        }
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.text.push_str(&text);
            self.ready.push_back(Delta::Text(text));
        }
    }

    /// Nothing follows.
    fn close(&mut self) -> Result<()> {
        if self.finish.is_none() {
            return Err(self.cut_off());
        }
        let held = self.stops.finish();
        self.say(held);
        if self.text.is_empty() && !self.refusal.is_empty() {
            let asking = self.endpoint.asking();
            return Err(Error::refused(format!(
                "{asking}: the model refused: {}",
                self.refusal
            )));
        }
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        for call in std::mem::take(&mut self.calls).finish() {
            // Not every server says so.
            if self.finish == Some(FinishReason::Stop) {
                self.finish = Some(FinishReason::ToolCalls);
            }
            self.ready.push_back(Delta::ToolCall(call));
        }
        let input = || self.model.prompt_tokens(&self.request);
        let output = || {
            let calls = self.ready.iter().filter_map(|delta| match delta {
                Delta::ToolCall(call) => Some(format!("{} {}\n", call.name, call.arguments)),
                _ => None,
            });
            let said: String = calls.chain([self.text.clone()]).collect();
            self.model.counter().count(&said) as u64
        };
        let usage = self.reported.usage(input, output);
        self.ready.push_back(Delta::End {
            finish: self.finish.unwrap_or_default(),
            usage,
        });
        self.ended = true;
        // What is left of the response is not wanted.
        self.events = stream::empty().boxed();
    }

    fn cut_off(&self) -> Error {
        Error::unavailable(format!(
            "{}: the answer was cut off after {} bytes of text",
            self.endpoint.asking(),
            self.text.len()
        ))
    }
}
