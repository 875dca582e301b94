//! What several layers do to a stream.

use catena_core::{ChatResponse, ChatStream, Delta, Result, Usage};
use futures::{StreamExt, stream};

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

/// `answer` from its first delta on. A failure before it is the failure of the call.
pub(super) async fn begun(mut answer: ChatStream) -> Result<ChatStream> {
    let first = answer.next().await.transpose()?;
    Ok(stream::iter(first.map(Ok)).chain(answer).boxed())
}

/// `answer` whose end reports `before` as well.
pub(super) fn paying(answer: ChatStream, before: Usage) -> ChatStream {
    if before == Usage::default() {
        return answer;
    }
    answer
        .map(move |delta| match delta {
            Ok(Delta::End { finish, usage }) => Ok(Delta::End {
                finish,
                usage: before + usage,
            }),
            delta => delta,
        })
        .boxed()
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

pub(super) fn is_end(delta: &Delta) -> bool {
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
