//! The same request, the same answer.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatResponse, ChatStream, Delta, ModelProfile, Result, TokenCounter,
    WorstCase,
};
use futures::{StreamExt, stream};
use tokio::sync::{Mutex, OnceCell};

/// A model that is asked once what has no chance in it, for being likeliest or for its seed. Whoever asks again gets the same answer, with
/// what it used at first: to whoever counts, it was asked again.
///
/// What strategies have in common has to be the same for a comparison of what they have not. A server
/// that answers several requests at a time rounds differently with each number of them, so that neither
/// at temperature 0 nor with a seed an answer is always the same.
#[derive(Debug)]
pub(super) struct Once {
    inner: Arc<dyn ChatModel>,
    answers: Mutex<HashMap<String, Arc<OnceCell<ChatResponse>>>>,
}

impl Once {
    pub(super) fn new(inner: Arc<dyn ChatModel>) -> Self {
        Self {
            inner,
            answers: Mutex::default(),
        }
    }
}

#[async_trait]
impl ChatModel for Once {
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
        if request.temperature > 0.0 && request.seed.is_none() {
            return self.inner.stream(request).await;
        }
        let digest = request.digest(&self.inner.profile().name);
        let cell = Arc::clone(self.answers.lock().await.entry(digest).or_default());
        // A failure is not kept, and whoever waited for it asks for itself.
        let answer = cell.get_or_try_init(|| self.inner.chat(request)).await?;
        let text = (!answer.text.is_empty()).then(|| Delta::Text(answer.text.clone()));
        let end = Delta::End {
            finish: answer.finish,
            usage: answer.usage,
        };
        Ok(stream::iter(text.into_iter().chain([end]).map(Ok)).boxed())
    }
}

#[cfg(test)]
mod tests {
    use catena_core::ChatMessage;
    use catena_models::ScriptedModel;

    use super::*;

    #[tokio::test]
    async fn what_has_no_chance_in_it_is_asked_once_and_paid_by_all() {
        let scripted = ScriptedModel::new().otherwise("an answer");
        let model = Once::new(Arc::new(scripted.clone()));
        let request = |text: &str| ChatRequest::new([ChatMessage::user(text)]);
        let first = model.chat(request("a")).await.unwrap();
        let again = model.chat(request("a")).await.unwrap();
        assert_eq!((first.text.as_str(), scripted.calls()), ("an answer", 1));
        assert_eq!(first, again);
        assert_eq!(again.usage.calls, 1);
        model.chat(request("b")).await.unwrap();
        assert_eq!(scripted.calls(), 2);
    }

    #[tokio::test]
    async fn samples_are_each_their_own() {
        let scripted = ScriptedModel::new().otherwise("an answer");
        let model = Once::new(Arc::new(scripted.clone()));
        let request = ChatRequest::new([ChatMessage::user("a")]).temperature(0.7);
        model.chat(request.clone()).await.unwrap();
        model.chat(request.clone()).await.unwrap();
        assert_eq!(scripted.calls(), 2);
        for seed in [1, 2, 1] {
            model.chat(request.clone().seed(seed)).await.unwrap();
        }
        assert_eq!(scripted.calls(), 4);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let scripted = ScriptedModel::new().otherwise("an answer");
        let failing = ScriptedModel::new();
        let request = ChatRequest::new([ChatMessage::user("a")]);
        let model = Once::new(Arc::new(failing));
        model.chat(request.clone()).await.unwrap_err();
        assert!(
            !model
                .answers
                .lock()
                .await
                .values()
                .any(|cell| cell.initialized())
        );
        let model = Once::new(Arc::new(scripted));
        model.chat(request).await.unwrap();
    }
}
