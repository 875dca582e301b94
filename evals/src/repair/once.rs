//! The same request, the same answer.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use catena_core::{
    ChatModel, ChatRequest, ChatResponse, ChatStream, Delta, Error, ModelProfile, Result,
    TokenCounter, WorstCase,
};
use futures::{SinkExt, StreamExt, channel::mpsc, stream};
use tokio::sync::{Mutex, OnceCell};

/// A model that is asked once what has no chance in it, for being likeliest or for its seed. Whoever asks again gets the same answer, with
/// what it used at first and the attempts that came before it: to whoever counts, it was asked again.
///
/// What strategies have in common has to be the same for a comparison of what they have not. A server
/// that answers several requests at a time rounds differently with each number of them, so that neither
/// at temperature 0 nor with a seed an answer is always the same.
#[derive(Debug)]
pub(super) struct Once {
    inner: Arc<dyn ChatModel>,
    answers: Mutex<HashMap<String, Arc<OnceCell<Asked>>>>,
}

/// What a model said.
#[derive(Debug)]
struct Asked {
    /// What was told before: attempts that failed, and what they used.
    before: Vec<Delta>,
    answer: ChatResponse,
}

/// Where whoever asked listens.
type Listener = mpsc::Sender<Result<Delta>>;

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
        // Rendezvous: a budget that has no room for another attempt ends it before it is made.
        let (listener, deltas) = mpsc::channel(0);
        let asking = answer(cell, Arc::clone(&self.inner), request, listener);
        let nothing = stream::once(asking).filter_map(async |()| None);
        Ok(stream::select(deltas, nothing).boxed())
    }
}

/// Tells a listener what was said, or has it said.
async fn answer(
    cell: Arc<OnceCell<Asked>>,
    model: Arc<dyn ChatModel>,
    request: ChatRequest,
    mut listener: Listener,
) {
    let (mut live, mut first) = (listener.clone(), false);
    // A failure is not kept, and whoever waited for it asks for itself.
    let asked = cell.get_or_try_init(|| {
        first = true;
        ask(&*model, request, &mut live)
    });
    let deltas: Vec<Result<Delta>> = match asked.await {
        Err(error) => vec![Err(error)],
        Ok(Asked { before, answer }) => {
            // Who asked first has heard it.
            let before = before.iter().filter(|_| !first).cloned();
            let text = (!answer.text.is_empty()).then(|| Delta::Text(answer.text.clone()));
            let end = Delta::End {
                finish: answer.finish,
                usage: answer.usage,
            };
            before.chain(text).chain([end]).map(Ok).collect()
        }
    };
    for delta in deltas {
        // While this is polled, somebody listens.
        let _ = listener.send(delta).await;
    }
}

/// Asks a model for a whole answer; what comes before it is told as it comes.
async fn ask(model: &dyn ChatModel, request: ChatRequest, live: &mut Listener) -> Result<Asked> {
    let mut deltas = model.stream(request).await?;
    let (mut before, mut answer) = (Vec::new(), ChatResponse::default());
    while let Some(delta) = deltas.next().await {
        let delta = delta?;
        if matches!(delta, Delta::Retry { .. } | Delta::Spent(_)) {
            before.push(delta.clone());
            let _ = live.send(Ok(delta)).await;
        } else if answer.push(delta) {
            return Ok(Asked { before, answer });
        }
    }
    Err(Error::unavailable("the answer broke off before its end"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use catena_core::ChatMessage;
    use catena_models::{Reply, ScriptedModel, layer::Retry};
    use futures::TryStreamExt;

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

    /// Or a budget would not set them aside, and nobody would be told why it takes so long.
    #[tokio::test]
    async fn attempts_that_failed_are_told_to_all() {
        let down = || Reply::from(Error::unavailable("down"));
        let scripted = ScriptedModel::new().replies([down(), down(), Reply::from("up")]);
        let wait = Duration::from_millis(1);
        let model = Once::new(Arc::new(
            Retry::new(Arc::new(scripted.clone())).backoff(wait, wait),
        ));
        let request = ChatRequest::new([ChatMessage::user("a")]);
        let told = async || -> Vec<Delta> {
            let deltas = model.stream(request.clone()).await.unwrap();
            deltas.try_collect().await.unwrap()
        };
        let (first, again) = (told().await, told().await);
        let retries = first
            .iter()
            .filter(|delta| matches!(delta, Delta::Retry { .. }));
        assert_eq!((retries.count(), scripted.calls()), (2, 3));
        assert_eq!(first, again);
        assert_eq!(model.chat(request).await.unwrap().usage.calls, 3);
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
