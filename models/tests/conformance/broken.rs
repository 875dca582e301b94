//! What the suite notices.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatStream, Delta, FinishReason, ModelProfile, Result, TokenCounter,
    ToolChoice, WordCounter,
};
use catena_models::{ScriptedModel, testing::assert_chat_model_conforms};
use futures::{FutureExt, StreamExt, stream};

use crate::able;

/// A model that breaks the contract in one way.
#[derive(Debug)]
struct Broken {
    inner: ScriptedModel,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    NoEnd,
    TwoEnds,
    IgnoresStop,
    IgnoresLimit,
    CallsItStop,
    NoUsage,
    CallsNoTool,
    CallsItsOwn,
    CallsUnasked,
    CountsNoTools,
}

#[async_trait]
impl ChatModel for Broken {
    fn profile(&self) -> &ModelProfile {
        self.inner.profile()
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        let mut request = request.clone();
        if self.how == How::CountsNoTools {
            request.tools.clear();
        }
        self.inner.prompt_tokens(&request)
    }

    async fn stream(&self, mut request: ChatRequest) -> Result<ChatStream> {
        match self.how {
            How::IgnoresStop => request.stop.clear(),
            How::IgnoresLimit => request.max_tokens = None,
            How::CallsNoTool => request.tool_choice = ToolChoice::Auto,
            How::CallsUnasked if request.tools.is_empty() && request.max_tokens == Some(48) => {
                request.tool_choice = ToolChoice::Required;
            }
            _ => {}
        }
        let mut deltas: Vec<_> = self.inner.stream(request).await?.collect().await;
        match (self.how, deltas.last_mut()) {
            (How::NoEnd, _) => drop(deltas.pop()),
            (How::TwoEnds, Some(Ok(end))) => {
                let end = end.clone();
                deltas.push(Ok(end));
            }
            (How::CallsItStop, Some(Ok(Delta::End { finish, .. }))) => *finish = FinishReason::Stop,
            (How::CallsItsOwn, _) => {
                for delta in &mut deltas {
                    if let Ok(Delta::ToolCall(call)) = delta {
                        call.name = "rm".into();
                    }
                }
            }
            (How::NoUsage, Some(Ok(Delta::End { usage, .. }))) => *usage = Default::default(),
            _ => {}
        }
        Ok(stream::iter(deltas).boxed())
    }
}

#[tokio::test]
async fn a_broken_contract_is_noticed() {
    for (how, said) in [
        (How::NoEnd, "no end"),
        (How::TwoEnds, "after the end"),
        (How::IgnoresStop, "contains the stop sequence"),
        (How::IgnoresLimit, "3 allowed"),
        (How::CallsItStop, "a cut answer finished with Stop"),
        (How::NoUsage, "were counted for one"),
        (How::CallsNoTool, "none was called"),
        (How::CallsItsOwn, "none of the request's tools"),
        (How::CallsUnasked, "though there was none"),
        (How::CountsNoTools, "not counted with the prompt"),
    ] {
        let inner = able();
        let model = Arc::new(Broken { inner, how });
        let check = std::panic::AssertUnwindSafe(assert_chat_model_conforms(model));
        let panic = check.catch_unwind().await.expect_err("the model passed");
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains(said), "{how:?}: {message}");
    }
}
