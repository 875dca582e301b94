//! A conversation with a scripted model, over an archive in a folder of its own.

use std::sync::Arc;

use catena::{
    ChatRequest, Event, EventKind, ModelProfile, Run, RunOptions,
    agents::{MemoryChat, Message, Reply},
    memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace, NamespaceId},
    models::ScriptedModel,
};
use futures::StreamExt;

pub(crate) const WINDOW: u32 = 600;

/// What a request of [`MemoryChat`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Need,
    Enough,
    Answer,
    Summary,
    Facts,
}

pub(crate) fn purpose(request: &ChatRequest) -> Purpose {
    let system = &request.messages[0].content;
    let begins = |text: &str| system.starts_with(text);
    if begins("You sort messages") {
        Purpose::Need
    } else if begins("You decide whether a note") {
        Purpose::Enough
    } else if begins("You shorten texts") {
        Purpose::Summary
    } else if begins("You write down") {
        Purpose::Facts
    } else {
        Purpose::Answer
    }
}

/// All that the model is shown.
pub(crate) fn shown(request: &ChatRequest) -> String {
    let contents = request.messages.iter().map(|message| &*message.content);
    contents.collect::<Vec<_>>().join("\n")
}

/// A model that needs memory for whatever asks, answers by `answer`, and learns nothing.
pub(crate) fn model(
    answer: impl Fn(&ChatRequest) -> String + Send + Sync + 'static,
) -> ScriptedModel {
    ScriptedModel::from_fn(move |request| {
        let last = &request.messages.last().unwrap().content;
        Ok(match purpose(request) {
            Purpose::Need if last.ends_with('?') => "notes".to_owned(),
            Purpose::Need => "general".to_owned(),
            Purpose::Enough => "Yes".to_owned(),
            Purpose::Summary => last
                .split_whitespace()
                .take(12)
                .collect::<Vec<_>>()
                .join(" "),
            Purpose::Facts => "none".to_owned(),
            Purpose::Answer => answer(request),
        })
    })
    .with_profile(ModelProfile::new("scripted", WINDOW))
}

pub(crate) struct Bot {
    pub(crate) memory: Memory,
    pub(crate) namespace: NamespaceId,
    pub(crate) model: ScriptedModel,
    pub(crate) _folder: Arc<tempfile::TempDir>,
}

impl Bot {
    pub(crate) async fn new(model: ScriptedModel) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Thousands of turns are not to wait for the disk.
        let archive = Archive::open_without_fsync(folder.path().join("memory.db")).unwrap();
        let index = Arc::new(ExactIndex::new());
        let memory = Memory::open(archive, index, Arc::new(HashingEmbedder::new()));
        let memory = memory.await.unwrap();
        let ada = Namespace::new("ada", "bot", "home");
        Self {
            namespace: memory.namespace(&ada).await.unwrap(),
            memory,
            model,
            _folder: Arc::new(folder),
        }
    }

    pub(crate) fn chat(&self) -> MemoryChat {
        let model = Arc::new(self.model.clone());
        MemoryChat::new(model, self.memory.clone(), self.namespace)
            .answer_tokens(40)
            .summarise_above(60)
    }

    pub(crate) async fn say(&self, text: &str) -> Reply {
        self.say_to(self.chat(), text).await
    }

    pub(crate) async fn say_to(&self, chat: MemoryChat, text: &str) -> Reply {
        let graph = chat.build().unwrap();
        let run = Run::start(graph, Message::new(text), RunOptions::new("chat"));
        run.outcome().await.unwrap().output
    }

    /// The answer's request of the last turn.
    pub(crate) fn last_answer(&self) -> ChatRequest {
        let requests = self.model.requests();
        let answer = |request: &&ChatRequest| purpose(request) == Purpose::Answer;
        requests.iter().rev().find(answer).unwrap().clone()
    }
}

/// The notes of a run, by name.
pub(crate) async fn notes(chat: MemoryChat, text: &str) -> Vec<(String, serde_json::Value)> {
    let graph = chat.build().unwrap();
    let run = Run::start(graph, Message::new(text), RunOptions::new("chat"));
    let events: Vec<Event> = run.collect().await;
    let note = |event: Event| match event.kind {
        EventKind::Note { name, data } => Some((name, data)),
        _ => None,
    };
    events.into_iter().filter_map(note).collect()
}
