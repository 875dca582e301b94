//! What the tests of the runtime share: a model that answers at once, a graph with every way to
//! join, and journals of every kind.

// Each test program uses a part of it.
#![allow(dead_code)]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use catena::{
    Agent, ChatMessage, ChatModel, ChatRequest, Claim, Context, Entry, Error, Event, EventKind,
    Fold, Graph, Journal, MemoryJournal, Outcome, Result, Run, RunEnd, RunId, RunOptions,
    RunRecord, RunSummary, SqliteJournal, Step, agent, branch, models::ScriptedModel,
};
use futures::{StreamExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) fn say(text: impl Into<String>) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(10)
}

/// Repeats what it is told.
pub(crate) fn echo() -> ScriptedModel {
    ScriptedModel::from_fn(|request| Ok(format!("re: {}", request.messages[0].content)))
}

/// Says something else to everything it is told, in three words: what is asked later depends on
/// every answer before.
pub(crate) fn oracle() -> ScriptedModel {
    ScriptedModel::from_fn(|request| Ok(oracle_says(&request.messages)))
}

pub(crate) fn oracle_says(messages: &[ChatMessage]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in messages.iter().flat_map(|message| message.content.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let [a, b, c] = [hash >> 44, (hash >> 24) & 0xf_ffff, hash & 0xff_ffff];
    format!("{a:x} {b:x} {c:x}")
}

/// An agent that asks the model once.
pub(crate) fn asker(model: &ScriptedModel) -> impl Agent<Input = String, Output = String> + use<> {
    let model = model.clone();
    agent(move |text: String, cx: Context| {
        let model = model.clone();
        async move { Ok(cx.chat(&model, say(text)).await?.text) }
    })
}

/// A graph of one node.
pub(crate) fn alone<A: Agent>(name: &str, agent: A) -> Graph<A::Input, A::Output> {
    let mut graph = Graph::builder("alone");
    let node = graph.node(name, agent);
    graph.build(node, node).unwrap()
}

/// A graph of one map.
pub(crate) fn mapped<A: Agent>(
    name: &str,
    width: usize,
    agent: A,
) -> Graph<Vec<A::Input>, Vec<A::Output>> {
    let mut graph = Graph::builder("mapped");
    let node = graph.map(name, width, agent);
    graph.build(node, node).unwrap()
}

/// Asks the model once for each of a list of texts.
pub(crate) fn asking(model: &ScriptedModel, width: usize) -> Graph<Vec<String>, Vec<String>> {
    mapped("ask", width, asker(model))
}

pub(crate) fn texts(count: usize) -> Vec<String> {
    (0..count).map(|index| index.to_string()).collect()
}

/// How the graph of [`everything`] asks.
pub(crate) type Ask =
    Arc<dyn Fn(String, Context) -> BoxFuture<'static, Result<String>> + Send + Sync>;

pub(crate) fn ask(model: Arc<dyn ChatModel>) -> Ask {
    Arc::new(move |text, cx| {
        let model = Arc::clone(&model);
        Box::pin(async move { Ok(cx.chat(&*model, say(text)).await?.text) })
    })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) round: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Verdict {
    Good(String),
    Again(Draft),
}

/// How many calls [`everything`] makes for a list of `items`: one for each in the map and in the
/// fold, three verdicts, two revisions of two calls.
pub(crate) fn calls_of_everything(items: usize) -> usize {
    2 * items + 3 + 4
}

/// A graph with a map, a fold, a branch, a cycle and a graph inside of it. Each node asks once, and
/// the output depends on every answer.
pub(crate) fn everything(ask: &Ask) -> Graph<Vec<String>, String> {
    let asks = || {
        let ask = Arc::clone(ask);
        move |text: String, cx: Context| ask(text, cx)
    };

    let mut revision = Graph::builder("revision");
    let think = asks();
    let think = revision.node(
        "think",
        agent(move |draft: Draft, cx| {
            let answer = think(format!("think {}", draft.text), cx);
            async move {
                let text = answer.await?;
                Ok(Draft { text, ..draft })
            }
        }),
    );
    let write = asks();
    let write = revision.node(
        "write",
        agent(move |draft: Draft, cx| {
            let answer = write(format!("write {}", draft.text), cx);
            async move {
                let (text, round) = (answer.await?, draft.round + 1);
                Ok(Draft { text, round })
            }
        }),
    );
    revision.edge(think, write);
    let revision = revision.build(think, write).unwrap();

    let mut graph = Graph::builder("everything");
    let read = graph.map("read", 4, agent(asks()));
    let line_up = graph.node(
        "line up",
        agent(|items: Vec<String>, _cx| async move {
            let state = "begin".to_owned();
            Ok(Fold { state, items })
        }),
    );
    let link = asks();
    let chain = graph.fold(
        "chain",
        agent(move |step: Step<String, String>, cx| {
            link(format!("{} {}", step.state, step.item), cx)
        }),
    );
    let draft = graph.node(
        "draft",
        agent(|text: String, _cx| async move { Ok(Draft { text, round: 1 }) }),
    );
    let verdict = asks();
    let judge = graph.node(
        "judge",
        agent(move |draft: Draft, cx| {
            let answer = verdict(format!("judge {}", draft.text), cx);
            async move {
                let text = answer.await?;
                Ok(match draft.round {
                    3 => Verdict::Good(text),
                    round => Verdict::Again(Draft { text, round }),
                })
            }
        }),
    );
    let revise = graph.node("revise", revision);
    let end = graph.node("end", agent(|text: String, _cx| async move { Ok(text) }));
    let choose = branch!(graph, "choose", |verdict: Verdict| match verdict {
        Verdict::Good(text) => end(text),
        Verdict::Again(draft) => revise(draft),
    });
    graph
        .edge(read, line_up)
        .edge(line_up, chain)
        .edge(chain, draft)
        .edge(draft, judge)
        .edge(judge, choose)
        .edge(revise, judge)
        .step_limit(3);
    graph.build(read, end).unwrap()
}

/// Reads a run's events to the end, and its outcome.
pub(crate) async fn events<O: Send + 'static>(mut run: Run<O>) -> (Vec<Event>, Result<Outcome<O>>) {
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    (events, run.outcome().await)
}

/// Starts a run and gives its id and how it ended.
pub(crate) async fn finish<A: Agent>(
    agent: A,
    input: A::Input,
    options: RunOptions,
) -> (RunId, Result<A::Output>) {
    let run = Run::start(agent, input, options);
    let id = run.id().clone();
    (id, run.outcome().await.map(|outcome| outcome.output))
}

/// Options of a run in a journal.
pub(crate) fn journaled(journal: &Arc<dyn Journal>) -> RunOptions {
    RunOptions::new("run").journal(Arc::clone(journal))
}

/// An agent that runs `first` and fails behind it, once.
pub(crate) fn then_fails_once<A: Agent>(first: A) -> Graph<A::Input, A::Output>
where
    A::Output: Sync,
{
    let failed = Arc::new(AtomicBool::new(false));
    let mut graph = Graph::builder("then fails once");
    let first = graph.node("first", first);
    let last = graph.node(
        "last",
        agent(move |output: A::Output, _cx: Context| {
            let failed = failed.swap(true, Ordering::SeqCst);
            async move {
                match failed {
                    false => Err(Error::unavailable("once")),
                    true => Ok(output),
                }
            }
        }),
    );
    graph.edge(first, last);
    graph.build(first, last).unwrap()
}

/// Runs a graph that fails once, resumes it, and gives what it gave then.
pub(crate) async fn resumed<I: catena::Payload + Clone, O: catena::Payload>(
    graph: Graph<I, O>,
    input: I,
    journal: &Arc<dyn Journal>,
) -> (RunId, Result<O>) {
    let (id, first) = finish(graph.clone(), input.clone(), journaled(journal)).await;
    let error = first.err().unwrap();
    assert_eq!(error.to_string(), "run/last: once", "the first time");
    finish(graph, input, journaled(journal).resume(id)).await
}

/// Whatever holds of runs holds with every journal.
pub(crate) async fn on_every_journal(test: impl AsyncFn(Arc<dyn Journal>)) {
    eprintln!("with a journal in memory");
    test(memory()).await;
    eprintln!("with a journal that makes every writer wait");
    test(Arc::new(Disk::new(&memory()))).await;
    eprintln!("with a journal in SQLite");
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("runs.db")).unwrap();
    test(Arc::new(journal)).await;
}

pub(crate) fn memory() -> Arc<dyn Journal> {
    Arc::new(MemoryJournal::new())
}

pub(crate) async fn entries(journal: &dyn Journal, run: &RunId) -> Vec<Entry> {
    journal.load(run).await.unwrap().unwrap().1
}

pub(crate) async fn record(journal: &dyn Journal, run: &RunId) -> RunRecord {
    journal.load(run).await.unwrap().unwrap().0
}

pub(crate) fn calls_started(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::CallStarted { .. }))
        .map(|event| event.path.as_str())
        .collect()
}

/// As JSON, without what no two runs have in common: times and the run's id.
pub(crate) fn timeless<T: Serialize>(values: &[T]) -> Vec<Value> {
    let strip = |value: &T| {
        let mut value = serde_json::to_value(value).unwrap();
        if let Value::Object(fields) = &mut value {
            for time in ["at_us", "elapsed", "run"] {
                fields.remove(time);
            }
        }
        value
    };
    values.iter().map(strip).collect()
}

/// Sorted by path, each path's own in their order: items of a map take turns as they like.
pub(crate) fn by_path(mut values: Vec<Value>) -> Vec<Value> {
    for value in &mut values {
        if let Value::Object(fields) = value {
            fields.remove("seq");
        }
    }
    values.sort_by_key(|value| value["path"].as_str().map(str::to_owned));
    values
}

/// A journal that makes every writer wait, as a disk does, and fails for good when it is full.
pub(crate) struct Disk {
    inner: Arc<dyn Journal>,
    left: AtomicUsize,
    /// The most events of one append.
    pub(crate) largest: AtomicUsize,
}

impl Disk {
    pub(crate) fn new(inner: &Arc<dyn Journal>) -> Self {
        Self::full_after(usize::MAX, inner)
    }

    pub(crate) fn full_after(appends: usize, inner: &Arc<dyn Journal>) -> Self {
        Self {
            inner: Arc::clone(inner),
            left: AtomicUsize::new(appends),
            largest: AtomicUsize::new(0),
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

#[async_trait]
impl Journal for Disk {
    async fn begin(&self, run: &RunRecord) -> Result<Claim> {
        self.inner.begin(run).await
    }

    async fn append(&self, run: &RunId, entries: Vec<Entry>, events: Vec<Event>) -> Result<()> {
        self.largest.fetch_max(events.len(), Ordering::SeqCst);
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        let result = match left {
            0 => Err(Error::journal("the disk is full")),
            _ => self.inner.append(run, entries, events).await,
        };
        tokio::task::yield_now().await;
        result
    }

    async fn finish(&self, run: &RunId, end: RunEnd, events: Vec<Event>) -> Result<()> {
        self.inner.finish(run, end, events).await
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
        self.inner.load(run).await
    }

    async fn events(&self, run: &RunId) -> Result<Vec<Event>> {
        self.inner.events(run).await
    }

    async fn list(&self) -> Result<Vec<RunSummary>> {
        self.inner.list().await
    }

    async fn remove(&self, run: &RunId) -> Result<bool> {
        self.inner.remove(run).await
    }
}
