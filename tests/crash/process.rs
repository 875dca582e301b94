//! The process that is killed.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use catena::{
    ChatMessage, ChatModel, ChatRequest, ChatStream, Context, Delta, FinishReason, Graph, Journal,
    ModelProfile, Result, Run, RunOptions, SqliteJournal, TokenCounter, Usage, WordCounter,
};
use futures::{StreamExt, stream};

use crate::support::{Ask, calls_of_everything, everything, oracle_says, texts};

const FOLDER: &str = "CATENA_CRASH_FOLDER";
const NAME: &str = "CATENA_CRASH_NAME";

/// How many items the map and the fold go through.
const ITEMS: usize = 12;

/// How many calls a run makes.
pub(crate) fn calls() -> usize {
    calls_of_everything(ITEMS)
}

/// A process that executes the run of its name in the journal of its folder, from wherever it is.
pub(crate) struct Worker {
    folder: PathBuf,
    name: String,
}

impl Worker {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(crate) fn spawn(&self) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "process::the_process_that_is_killed",
                "--nocapture",
            ])
            .env(FOLDER, &self.folder)
            .env(NAME, &self.name)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// What its processes wrote down, one after the other.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// What the run gave.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(self.file("out")).unwrap()
    }
}

pub(crate) fn journal_of(folder: &Path) -> PathBuf {
    folder.join("runs.db")
}

/// What a run gives, computed without a journal and without a break.
pub(crate) fn undisturbed() -> String {
    let ask: Ask =
        Arc::new(|text, cx| Box::pin(async move { Ok(oracle_says(&request(text, &cx).messages)) }));
    block_on(async {
        let run = Run::start(everything(&ask), texts(ITEMS), RunOptions::new("one"));
        run.outcome().await.unwrap().output
    })
}

/// The node asks in the name of its path, so that each call is told from every other. All runs ask
/// the same, whatever their name is.
fn request(text: String, cx: &Context) -> ChatRequest {
    let path = cx.path().as_str();
    let place = path.split_once('/').map_or("", |(_, place)| place);
    ChatRequest::new([ChatMessage::system(place), ChatMessage::user(text)]).max_tokens(10)
}

/// Lines that are there when the process is not: each is one write at the end of the file.
struct Log(Mutex<File>);

impl Log {
    fn open(path: &Path) -> Arc<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Arc::new(Self(Mutex::new(file.unwrap())))
    }

    fn write(&self, what: &str, call: &str) {
        let line = format!("{what} {call}\n");
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// Answers after one to three milliseconds, always the same to the same.
struct Slow {
    profile: ModelProfile,
    log: Arc<Log>,
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slow")
    }
}

#[async_trait]
impl ChatModel for Slow {
    fn profile(&self) -> &ModelProfile {
        &self.profile
    }

    fn counter(&self) -> &dyn TokenCounter {
        &WordCounter
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        self.log.write("start", &request.messages[0].content);
        let answer = oracle_says(&request.messages);
        let half = 1 + u64::from(answer.bytes().next().unwrap_or_default() % 3);
        let pause = move || tokio::time::sleep(Duration::from_micros(500 * half));
        pause().await;
        let words: Vec<_> = answer.split_inclusive(' ').map(str::to_owned).collect();
        let pieces = stream::iter(words.into_iter().map(|word| Ok(Delta::Text(word))));
        let end = stream::once(async move {
            pause().await;
            Ok(Delta::End {
                finish: FinishReason::Stop,
                usage: Usage::call(5, 3),
            })
        });
        Ok(pieces.chain(end).boxed())
    }
}

fn graph(log: &Arc<Log>) -> Graph<Vec<String>, String> {
    let model = Arc::new(Slow {
        profile: ModelProfile::new("slow", 1000),
        log: Arc::clone(log),
    });
    let log = Arc::clone(log);
    let ask: Ask = Arc::new(move |text, cx| {
        let (model, log) = (Arc::clone(&model), Arc::clone(&log));
        Box::pin(async move {
            let request = request(text, &cx);
            let place = request.messages[0].content.clone();
            let answer = cx.chat(&*model, request).await?.text;
            log.write("done", &place);
            Ok(answer)
        })
    });
    everything(&ask)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Does nothing in this process: [`Worker::spawn`] executes it in another.
#[test]
fn the_process_that_is_killed() {
    let (Ok(folder), Ok(name)) = (std::env::var(FOLDER), std::env::var(NAME)) else {
        return;
    };
    let worker = Worker::new(Path::new(&folder), &name);
    let log = Log::open(&worker.file("log"));
    log.write("begin", &std::process::id().to_string());
    let journal = Arc::new(SqliteJournal::open(journal_of(&worker.folder)).unwrap());
    let output = block_on(async {
        let runs = journal.list().await.unwrap();
        let known = runs.into_iter().find(|run| run.name == name);
        let mut options = RunOptions::new(&name).journal(journal.clone());
        if let Some(run) = known {
            assert!(!run.live, "its process is dead");
            options = options.resume(run.id);
        }
        let run = Run::start(graph(&log), texts(ITEMS), options);
        run.outcome().await.unwrap().output
    });
    std::fs::write(worker.file("out"), output).unwrap();
    log.write("end", &name);
}
