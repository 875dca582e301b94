//! A scripted model with tools that count their calls.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use catena::{
    ChatRequest, Context, Error, Graph, Journal, MemoryJournal, Result, Role, Run, RunId,
    RunOptions, ToolCall,
    agents::{ToolAgent, ToolAnswer},
    models::{Reply, ScriptedModel},
    tools::{DynTool, JsonSchema, Toolbox, tool},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "catena::tools::schemars")]
pub(crate) struct Text {
    /// What to say.
    pub(crate) text: String,
}

/// How often something was done, and with what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done(Arc<Mutex<Vec<String>>>);

impl Done {
    pub(crate) fn add(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A tool that says what it is told, and notes that it was called.
pub(crate) fn noting(name: &str, done: &Done) -> impl DynTool + use<> {
    let done = done.clone();
    let named = name.to_owned();
    tool(name, "Says it again.", move |said: Text, _: Context| {
        done.add(&format!("{named} {}", said.text));
        async move { Ok(format!("it says {}", said.text)) }
    })
}

/// A tool whose calls hang until they are let go, counted.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) begun: Arc<AtomicUsize>,
    open: Arc<tokio::sync::Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            begun: Arc::default(),
            open: Arc::new(tokio::sync::Semaphore::new(0)),
        }
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1000);
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub(crate) async fn until_begun(&self, calls: usize) {
        while self.begun() < calls {
            tokio::task::yield_now().await;
        }
    }

    /// Passes when the gate is open.
    pub(crate) async fn pass(&self) -> Result<String> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let permit = self.open.acquire().await;
        permit.map_err(|_| Error::other("closed"))?.forget();
        Ok("passed".to_owned())
    }
}

pub(crate) fn call(id: &str, name: &str, text: &str) -> ToolCall {
    let arguments = serde_json::json!({ "text": text });
    ToolCall::new(id, name, arguments.to_string())
}

pub(crate) fn calls<const N: usize>(calls: [ToolCall; N]) -> Reply {
    Reply::calling("", calls)
}

/// A model that calls tools by itself.
pub(crate) fn native(replies: impl IntoIterator<Item = Reply>) -> ScriptedModel {
    let model = ScriptedModel::new().configure(|profile| profile.tools = true);
    model.replies(replies)
}

pub(crate) fn agent(model: &ScriptedModel, tools: &Toolbox) -> ToolAgent {
    ToolAgent::new(Arc::new(model.clone()), tools.clone())
}

pub(crate) fn memory() -> Arc<dyn Journal> {
    Arc::new(MemoryJournal::new())
}

pub(crate) fn options(journal: &Arc<dyn Journal>) -> RunOptions {
    RunOptions::new("run").journal(Arc::clone(journal))
}

pub(crate) async fn finish(
    graph: Graph<String, ToolAnswer>,
    options: RunOptions,
) -> (RunId, Result<ToolAnswer>) {
    let run = Run::start(graph, "the task".to_owned(), options);
    let id = run.id().clone();
    (id, run.outcome().await.map(|outcome| outcome.output))
}

/// Runs it without a journal.
pub(crate) async fn answer(agent: ToolAgent) -> ToolAnswer {
    let (_, answer) = finish(agent.build().unwrap(), RunOptions::new("run")).await;
    answer.unwrap()
}

/// What the model was told that tools gave, in its last request.
pub(crate) fn told(request: &ChatRequest) -> Vec<String> {
    let results = request.messages.iter().filter(|it| it.role == Role::Tool);
    results.map(|it| it.content.clone()).collect()
}
