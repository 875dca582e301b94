//! What several layers do to a stream.

use catena_core::{ChatModel, ChatRequest, ChatResponse, ChatStream, Delta, Error, Result, Usage};
use futures::{SinkExt, StreamExt, channel::mpsc, stream};

/// `answer` that holds `guard` until it is over: at its end, at an error, or when it is dropped.
pub(super) fn holding(answer: ChatStream, guard: impl Send + 'static) -> ChatStream {
    stream::unfold(Some((answer, guard)), async |held| {
        let (mut answer, guard) = held?;
        match answer.next().await? {
            Ok(delta) if !is_end(&delta) => Some((Ok(delta), Some((answer, guard)))),
            last => Some((last, None)),
        }
    })
    .boxed()
}

/// A stream whose deltas `work` sends. The work is done while the stream is polled, and dropped with
/// it.
pub(super) fn sent<F>(work: impl FnOnce(Sender) -> F) -> ChatStream
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    // Rendezvous: the work gets no further than the one who listens.
    let (sender, deltas) = mpsc::channel(0);
    let mut errors = sender.clone();
    let work = work(Sender(sender));
    let work = async move {
        if let Err(error) = work.await {
            let _ = errors.send(Err(error)).await;
        }
    };
    let nothing = stream::once(work).filter_map(async |()| None);
    stream::select(deltas, nothing).boxed()
}

/// Where the work of [`sent`] sends its deltas.
pub(super) struct Sender(mpsc::Sender<Result<Delta>>);

impl Sender {
    pub(super) async fn send(&mut self, delta: Delta) {
        // While the work is polled, somebody listens.
        let _ = self.0.send(Ok(delta)).await;
    }

    /// Says what was used besides the answer that is to come.
    pub(super) async fn spent(&mut self, usage: Usage) {
        if usage != Usage::default() {
            self.send(Delta::Spent(usage)).await;
        }
    }

    /// Passes `answer` on until it is over. If it fails, also whether anything of it was passed on,
    /// which does not include what it spent.
    pub(super) async fn pass(&mut self, answer: Result<ChatStream>) -> Result<(), Failed> {
        let mut begun = false;
        let mut answer = answer.map_err(|error| Failed { error, begun })?;
        while let Some(delta) = answer.next().await {
            let delta = delta.map_err(|error| Failed { error, begun })?;
            begun |= !matches!(delta, Delta::Spent(_) | Delta::Retry { .. });
            self.send(delta).await;
        }
        Ok(())
    }

    /// The whole answer of `model`; what it spends before, or uses for nothing, is said.
    pub(super) async fn whole(
        &mut self,
        model: &dyn ChatModel,
        request: ChatRequest,
    ) -> Result<ChatResponse> {
        let prompt_tokens = model.prompt_tokens(&request);
        let mut deltas = model.stream(request).await?;
        let mut answer = ChatResponse::default();
        let mut begun = false;
        let error = loop {
            match deltas.next().await {
                Some(Ok(Delta::Spent(usage))) => self.spent(usage).await,
                Some(Ok(retry @ Delta::Retry { .. })) => self.send(retry).await,
                Some(Ok(delta)) => {
                    begun = true;
                    if answer.push(delta) {
                        return Ok(answer);
                    }
                }
                Some(Err(error)) => break error,
                None => {
                    let name = &model.profile().name;
                    let said = format!("the answer of '{name}' broke off before its end");
                    break Error::unavailable(said);
                }
            }
        };
        if begun {
            // A provider charges for the beginning of an answer, and does not say how much.
            let output = model.counter().count(&answer.text) as u64;
            self.wasted(Usage::call(prompt_tokens, output)).await;
        }
        Err(error)
    }

    /// Says what the call used that fails now: the error itself counts as its first call.
    pub(super) async fn wasted(&mut self, usage: Usage) {
        let calls = usage.calls.saturating_sub(1);
        self.spent(Usage { calls, ..usage }).await;
    }
}

/// How an answer ended that was being passed on.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) begun: bool,
}

/// An answer that is there already.
pub(super) fn ready(answer: ChatResponse) -> ChatStream {
    let text = (!answer.text.is_empty()).then_some(Delta::Text(answer.text));
    let logprobs = (!answer.logprobs.is_empty()).then_some(Delta::Logprobs(answer.logprobs));
    let calls = answer.tool_calls.into_iter().map(Delta::ToolCall);
    let end = Delta::End {
        finish: answer.finish,
        usage: answer.usage,
    };
    let deltas: Vec<_> = text
        .into_iter()
        .chain(logprobs)
        .chain(calls)
        .chain([end])
        .map(Ok)
        .collect();
    stream::iter(deltas).boxed()
}

fn is_end(delta: &Delta) -> bool {
    matches!(delta, Delta::End { .. })
}

#[cfg(test)]
mod tests {
    use catena_core::{FinishReason, TokenLogprob, ToolCall};
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn a_ready_answer_says_all_that_it_holds() {
        let mut answer = ChatResponse::new("a", Usage::call(2, 1));
        answer.finish = FinishReason::ToolCalls;
        answer.tool_calls = vec![ToolCall::new("1", "t", "{}"), ToolCall::new("2", "t", "{}")];
        answer.logprobs = vec![TokenLogprob {
            token: "a".into(),
            logprob: -1.0,
            top: Vec::new(),
        }];
        let mut collected = ChatResponse::default();
        let deltas: Vec<Delta> = ready(answer.clone()).try_collect().await.unwrap();
        for delta in deltas {
            collected.push(delta);
        }
        assert_eq!(collected, answer);
    }
}
