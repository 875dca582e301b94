//! `catena memory read`: a long document becomes a conversation's memory, segment by segment.

use std::{
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Instant,
};

use catena_agents::{Digest, DocumentMemory, Prompts};
use catena_core::{Error, Graph, Outcome, Run, RunId, RunOptions, RunRecord, SqliteJournal};
use catena_memory::{Memory, Namespace};
use catena_tools::Document;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Conversation, Fresh, Place, namespace, open};
use crate::{
    args::{Limits, MemoryRead, Output, With},
    config::Config,
    failure::{Failure, INTERRUPTED},
    journal,
    model::{self, Mostly},
    progress::Display,
    reading::{as_usage, prompts_folder},
    report::usage_line,
    stopped::{of_another_program, stopped},
    terminal::{harmless, print},
};

/// The name of its runs.
pub(crate) const READ: &str = "memory-read";

/// What whoever interrupts it is told first.
const BEFORE: &str = "what was read is remembered; ";

/// The settings of a run, as the user named them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Setting {
    #[serde(flatten)]
    place: Place,
    model: String,
    window: Option<u32>,
    prompts: Option<PathBuf>,
}

/// What is read, by what, and into which conversation.
struct Job {
    document: Document,
    setting: Setting,
    namespace: Namespace,
    device: Option<String>,
    limits: Limits,
    journal: Arc<SqliteJournal>,
    /// The run that it goes on with.
    begun: Option<Begun>,
    output: Output,
}

/// A recorded run, and the id of the archive that it reads into.
struct Begun {
    run: RunId,
    archive: String,
}

pub(super) async fn read(args: MemoryRead, config: &Config) -> Result<(), Failure> {
    let document = match args.file == Path::new("-") {
        true => Document::from_reader("stdin", std::io::stdin())?,
        false => Document::read(&args.file)?,
    };
    let name = args.conversation.unwrap_or_else(|| document.name.clone());
    let with = args.engine.with();
    Job {
        namespace: namespace(&args.whose, &name, config)?,
        setting: Setting {
            place: Place::of(&args.store, config)?.absolute(),
            model: model::name(&with, config).to_owned(),
            window: args.engine.window.or(config.window),
            prompts: prompts_folder(&with, config)?,
        },
        document,
        device: args.engine.device,
        limits: args.limits,
        journal: journal::open(&args.journal)?,
        begun: None,
        output: args.output,
    }
    .run(config)
    .await
}

/// Goes on with a recorded run, for `catena runs resume`.
pub(crate) async fn resume(
    record: RunRecord,
    journal: Arc<SqliteJournal>,
    limits: Limits,
    output: Output,
    config: &Config,
) -> Result<(), Failure> {
    let unknown = |error| of_another_program(&record.id, &error);
    let of: Conversation = serde_json::from_value(record.meta.clone()).map_err(unknown)?;
    Job {
        document: serde_json::from_value(record.input.clone()).map_err(unknown)?,
        setting: serde_json::from_value(record.meta.clone()).map_err(unknown)?,
        namespace: of.namespace,
        device: None,
        limits,
        journal,
        begun: Some(Begun {
            run: record.id,
            archive: of.archive,
        }),
        output,
    }
    .run(config)
    .await
}

impl Job {
    /// Opens the memory, loads the model, and reads.
    async fn run(self, config: &Config) -> Result<(), Failure> {
        // One listener from here to the end: a signal that comes between two waits is not lost.
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        let started = Instant::now();
        let quiet = self.output.quiet || self.output.json;
        let with = With {
            model: Some(self.setting.model.clone()),
            device: self.device.clone(),
            ..With::default()
        };
        // A model that is none leaves no archive behind, nor does what fails before anything is read.
        model::check(&with, config)?;
        let fresh = Fresh::of(&self.setting.place);
        let made = tokio::select! {
            biased;
            _ = &mut interrupt => {
                Err(Failure::new("interrupted").help("nothing was read yet").code(INTERRUPTED))
            }
            made = self.make(&with, config, quiet) => made,
        };
        let (memory, graph) = match made {
            Ok(made) => made,
            Err(failure) => {
                fresh.discard_if_empty().await;
                return Err(failure);
            }
        };
        let mut run = Run::start(graph, self.document.clone(), self.options(&memory));
        let id = run.id().clone();
        let mut display = Display::new(quiet);
        let mut cancelled = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt, if !cancelled => {
                    cancelled = true;
                    run.cancel();
                }
                // Whoever presses it twice does not wait for a run that will not stop; what is
                // recorded is recorded.
                _ = tokio::signal::ctrl_c(), if cancelled => {
                    return Err(stopped(Error::cancelled(), &id, true, BEFORE));
                }
                event = run.next() => match event {
                    Some(event) => display.show(&event),
                    None => break,
                },
            }
        }
        display.clear();
        let ended = run.outcome().await;
        // Or what was read would have to be embedded again the next time. That it lags is told by then.
        let _ = memory.sync(&mut |_, _| {}).await;
        match ended {
            Ok(outcome) => self.tell(&id, &outcome, started),
            Err(error) => Err(stopped(error, &id, true, BEFORE)),
        }
    }

    /// Opens the memory, loads the model, and builds the graph that reads.
    async fn make(
        &self,
        with: &With,
        config: &Config,
        quiet: bool,
    ) -> Result<(Memory, Graph<Document, Digest>), Failure> {
        // What is wrong with the archive shows before a model is loaded.
        let memory = open(&self.setting.place, config, quiet).await?;
        self.same(memory.archive().id())?;
        let model = model::load(with, Mostly::Reads, config, quiet).await?;
        let conversation = memory.namespace(&self.namespace).await?;
        let mut graph = DocumentMemory::new(model.chat, memory.clone(), conversation).prompts(
            match &self.setting.prompts {
                Some(folder) => Prompts::from_folder(folder),
                None => Prompts::builtin(),
            },
        );
        if let Some(tokens) = self.setting.window {
            graph = graph.window(tokens);
        }
        match graph.build() {
            Ok(graph) => Ok((memory, graph)),
            Err(error) => {
                memory.archive().forget_unused(conversation).await?;
                Err(as_usage(error))
            }
        }
    }

    /// Refuses to go on in another archive.
    fn same(&self, archive: &str) -> Result<(), Failure> {
        match &self.begun {
            Some(begun) if begun.archive != archive => Err(Failure::usage(format!(
                "{} is another archive than that of the run",
                self.setting.place.archive.display()
            ))
            .help("put the archive back where it was, or read the document again")),
            _ => Ok(()),
        }
    }

    fn options(&self, memory: &Memory) -> RunOptions {
        #[derive(Serialize)]
        struct Meta<'a> {
            #[serde(flatten)]
            setting: &'a Setting,
            #[serde(flatten)]
            of: Conversation,
        }
        let options = RunOptions::new(READ)
            .budget(self.limits.budget())
            .journal(self.journal.clone())
            .meta(&Meta {
                setting: &self.setting,
                of: Conversation::new(memory.archive(), &self.namespace),
            });
        match &self.begun {
            Some(begun) => options.resume(begun.run.clone()),
            None => options,
        }
    }

    fn tell(&self, id: &RunId, outcome: &Outcome<Digest>, started: Instant) -> Result<(), Failure> {
        let (digest, name) = (&outcome.output, &self.namespace.conversation);
        if self.output.json {
            let told = json!({
                "run": id,
                "status": "finished",
                "document": self.document.name,
                "conversation": name,
                "segments": digest.segments,
                "levels": digest.levels,
                "cut": digest.cut,
                "empty": digest.empty,
                "summary": digest.summary,
                "usage": outcome.usage,
                "cost_dollars": outcome.usage.cost.dollars(),
                "elapsed_seconds": started.elapsed().as_secs_f64(),
            });
            print(&format!("{told:#}\n"));
        } else {
            print(&format!("{}\n", harmless(&digest.summary)));
            if let Some(lacking) = lacking(digest) {
                sayln!("\n{lacking}");
            }
        }
        if !self.output.quiet && !self.output.json {
            sayln!(
                "\n{} segments are remembered; `catena chat '{}'` answers questions about them\n{}",
                digest.segments,
                harmless(name),
                usage_line(&outcome.usage, &outcome.unspent, started.elapsed())
            );
        }
        match &outcome.unrecorded {
            Some(error) => Err(error.clone().into()),
            None => Ok(()),
        }
    }
}

/// What the summaries lack, if they do.
fn lacking(digest: &Digest) -> Option<String> {
    let many = |count: usize| match count {
        1 => "1 summary".to_owned(),
        count => format!("{count} summaries"),
    };
    let cut = (digest.cut > 0).then(|| format!("{} ended before the end", many(digest.cut)));
    let empty = (digest.empty > 0).then(|| {
        let empty = many(digest.empty);
        format!("in the place of {empty} that had no words stands the beginning of the text")
    });
    match (cut, empty) {
        (Some(cut), Some(empty)) => Some(format!("{cut}; {empty}")),
        (cut, empty) => cut.or(empty),
    }
}
