//! `catena ask` and `catena summarize`, and going on with them.

mod job;
mod session;
mod setting;

pub(crate) use job::{Begin, Job};
pub(crate) use session::as_usage;
pub(crate) use setting::{Setting, prompts, prompts_folder, window};

use std::{
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
};

use catena_agents::{ChainInput, Task};
use catena_tools::Document;

use crate::{
    args::{Ask, Reading, Summarize},
    config::Config,
    failure::Failure,
    journal,
};

pub(crate) async fn ask(args: Ask, config: &Config) -> Result<(), Failure> {
    if args.question.trim().is_empty() {
        return Err(Failure::usage("the question is empty")
            .help("ask something: --question \"Who lit the lamp?\""));
    }
    let task = Task::Question(args.question);
    read(args.reading, task, "ask", config).await
}

pub(crate) async fn summarize(args: Summarize, config: &Config) -> Result<(), Failure> {
    read(args.reading, Task::Summary, "summarize", config).await
}

async fn read(reading: Reading, task: Task, name: &str, config: &Config) -> Result<(), Failure> {
    // What is wrong with the command or a file shows before a model is fetched or loaded.
    let documents = documents(&reading.files)?;
    let journal = match reading.no_journal {
        true => None,
        false => Some(journal::open(&reading.journal)?),
    };
    let job = Job {
        name: name.to_owned(),
        input: ChainInput { documents, task },
        with: reading.with,
        answer_tokens: reading.answer_tokens,
        approve: reading.approve,
        prefill_ahead: reading.prefill_ahead,
        limits: reading.limits,
        journal,
        begin: Begin::Scratch,
        answers: Vec::new(),
        output: reading.output,
    };
    job.run(config).await
}

fn documents(files: &[PathBuf]) -> Result<Vec<Document>, Failure> {
    if files.is_empty() {
        if stdin().is_terminal() {
            return Err(Failure::usage("no file is named")
                .help("name the files to read, or pipe a text in"));
        }
        return Ok(vec![Document::from_reader("stdin", stdin())?]);
    }
    files
        .iter()
        .map(|path| {
            let document = if path == Path::new("-") {
                Document::from_reader("stdin", stdin())
            } else {
                Document::read(path)
            };
            document.map_err(Failure::from)
        })
        .collect()
}
