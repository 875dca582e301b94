//! `catena ask` and `catena summarize`.

use std::{
    io::{IsTerminal, stdin},
    path::Path,
    pin::{Pin, pin},
    sync::Arc,
    time::Instant,
};

use catena_agents::{ChainAnswer, ChainInput, ChainOfAgents, Prompts, Task, Unit};
use catena_core::{Budget, ChatModel, Cost, Error, Event, EventKind, Run, RunOptions};
use catena_tools::Document;
use futures::StreamExt;

use crate::{
    args::{Ask, Reading, Summarize, With},
    config::Config,
    failure::{Failure, INTERRUPTED, USAGE},
    model,
    progress::Display,
    report::{Report, print_partial, print_support, usage_line},
    saved::Saved,
    terminal::{harmless, print},
};

pub(crate) async fn ask(args: Ask, config: &Config) -> Result<(), Failure> {
    if args.question.trim().is_empty() {
        return Err(Failure::usage("the question is empty")
            .help("ask something: --question \"Who lit the lamp?\""));
    }
    read(args.reading, Task::Question(args.question), "ask", config).await
}

pub(crate) async fn summarize(args: Summarize, config: &Config) -> Result<(), Failure> {
    read(args.reading, Task::Summary, "summarize", config).await
}

async fn read(reading: Reading, task: Task, name: &str, config: &Config) -> Result<(), Failure> {
    // What is wrong with the command or a file shows before a model is fetched or loaded.
    let documents = documents(&reading.files)?;
    // One listener from here to the end: a signal that comes between two waits is not lost.
    let mut interrupt = pin!(tokio::signal::ctrl_c());
    let loading = model::load(&reading.with, config, reading.quiet || reading.json);
    let model = tokio::select! {
        biased;
        _ = &mut interrupt => {
            return Err(Failure::new("interrupted").help("nothing was read yet").code(INTERRUPTED));
        }
        model = loading => model?,
    };
    let window = window(&reading.with, config, &*model);
    let chain = ChainOfAgents::new(model.clone())
        .window(window)
        .answer_tokens(reading.answer_tokens)
        .notes(reading.with.notes.into())
        .prompts(prompts(&reading.with, config)?)
        .build()
        .map_err(as_usage)?;

    let input = ChainInput { documents, task };
    let notes = format!("{:?}", reading.with.notes).to_lowercase();
    let setting = format!(
        "model {}, window {window}, notes {notes}",
        model.profile().name
    );
    let saved = Arc::new(Saved::open(reading.save.as_deref(), setting, &input).await?);
    let mut options = RunOptions::new(name)
        .budget(budget(&reading))
        .journal(saved.clone());
    if let Some(id) = saved.resume.clone() {
        options = options.resume(id);
    }
    let mut session = Session {
        input: input.clone(),
        model: model.profile().name.clone(),
        window,
        reading,
        saved,
        units: Vec::new(),
        started: Instant::now(),
        came: String::new(),
    };
    let run = Run::start(chain, input, options);
    session.drive(run, interrupt).await
}

/// One run, from its start to its report.
struct Session {
    input: ChainInput,
    model: String,
    window: u32,
    reading: Reading,
    saved: Arc<Saved>,
    /// What has been handed on so far, for a run that does not finish.
    units: Vec<Unit>,
    started: Instant,
    /// What has come of the answer; printed as it came, unless the output is JSON.
    came: String,
}

impl Session {
    async fn drive(
        &mut self,
        mut run: Run<ChainAnswer>,
        mut interrupt: Pin<&mut impl Future>,
    ) -> Result<(), Failure> {
        let mut display = Display::new(self.reading.quiet || self.reading.json);
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt, if !stopped => {
                    stopped = true;
                    run.cancel();
                }
                // Whoever presses it twice does not wait for a run that will not stop; what is
                // saved is saved.
                _ = tokio::signal::ctrl_c(), if stopped => {
                    return Err(self.failure(Error::cancelled()));
                }
                event = run.next() => {
                    let Some(event) = event else { break };
                    display.show(&event);
                    self.follow(&event, &display);
                }
            }
        }
        display.clear();
        let id = run.id().clone();
        let result = run.outcome().await;
        let elapsed = self.started.elapsed();
        match result {
            Ok(outcome) => {
                if self.reading.json {
                    let answer = &outcome.output;
                    let unfinished = self.saved.unfinished();
                    Report {
                        answer: Some(&answer.text),
                        passages: &answer.passages,
                        error: unfinished.as_ref().map(Error::to_string),
                        ..self.report(&id, "finished", &answer.units, outcome.usage)
                    }
                    .print();
                    return unfinished.map_or(Ok(()), |error| Err(Failure::from(error).told()));
                }
                print(&format!("{}\n", self.unprinted(&outcome.output.text)));
                if self.input.task != Task::Summary {
                    print_support(&outcome.output);
                }
                if !self.reading.quiet {
                    eprintln!("\n{}", usage_line(&outcome.usage, elapsed));
                }
                self.saved
                    .unfinished()
                    .map_or(Ok(()), |error| Err(error.into()))
            }
            Err(error) => {
                if !self.came.is_empty() {
                    print("\n");
                }
                if self.reading.json {
                    let status = if error.is_cancelled() {
                        "cancelled"
                    } else {
                        "failed"
                    };
                    let usage = error.spent().copied().unwrap_or_default();
                    Report {
                        answer: Some(&*self.came).filter(|answer| !answer.is_empty()),
                        error: Some(error.to_string()),
                        help: error.help().map(str::to_owned),
                        ..self.report(&id, status, &self.units, usage)
                    }
                    .print();
                    return Err(self.failure(error).told());
                }
                print_partial(&self.units, &error, elapsed);
                Err(self.failure(error))
            }
        }
    }

    /// Streams the answer, and keeps the units.
    fn follow(&mut self, event: &Event, display: &Display) {
        match &event.kind {
            EventKind::Text { text, .. } if event.path.as_str().ends_with("/manager") => {
                let text = harmless(text);
                if !self.reading.json {
                    display.clear();
                    print(&text);
                }
                self.came += &text;
            }
            EventKind::Note { name, data } if name == "unit" => {
                self.units
                    .extend(serde_json::from_value::<Unit>(data.clone()));
            }
            _ => {}
        }
    }

    /// What is left to print of the answer: of a stream that nobody could read fast enough, events
    /// are missing, and then it is printed anew.
    fn unprinted(&self, answer: &str) -> String {
        let answer = harmless(answer);
        match answer.strip_prefix(self.came.trim()) {
            Some(rest) => rest.to_owned(),
            None => format!("\n{answer}"),
        }
    }

    fn report<'a>(
        &'a self,
        run: &'a catena_core::RunId,
        status: &'static str,
        units: &'a [Unit],
        usage: catena_core::Usage,
    ) -> Report<'a> {
        Report {
            run,
            status,
            model: &self.model,
            window: self.window,
            documents: self
                .input
                .documents
                .iter()
                .map(|document| &*document.name)
                .collect(),
            question: match &self.input.task {
                Task::Question(question) => Some(question),
                Task::Summary => None,
            },
            answer: None,
            passages: &[],
            units,
            usage,
            cost_dollars: usage.cost.dollars(),
            elapsed_seconds: self.started.elapsed().as_secs_f64(),
            error: None,
            help: None,
        }
    }

    fn failure(&self, error: Error) -> Failure {
        let save = self.reading.save.as_deref();
        if error.is_cancelled() {
            return interrupted(save);
        }
        let budget = error.is_budget_exceeded();
        let failure = as_usage(error);
        match save {
            Some(path) if budget => failure.help(format!(
                "what was read is in {}: the same command with a larger budget goes on from there",
                path.display()
            )),
            _ => failure,
        }
    }
}

fn interrupted(save: Option<&Path>) -> Failure {
    let help = match save {
        Some(path) => format!(
            "what was read is in {}: the same command goes on from there",
            path.display()
        ),
        None => "with --save RUN.json the same command would go on where it stopped".to_owned(),
    };
    Failure::new("interrupted").help(help).code(INTERRUPTED)
}

/// A window or a question that does not fit is the command's fault, not the run's.
pub(crate) fn as_usage(error: Error) -> Failure {
    let code = error.is_invalid() || error.is_context_overflow();
    let failure = Failure::from(error);
    if code { failure.code(USAGE) } else { failure }
}

fn documents(files: &[std::path::PathBuf]) -> Result<Vec<Document>, Failure> {
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

pub(crate) fn window(with: &With, config: &Config, model: &dyn ChatModel) -> u32 {
    with.window
        .or(config.window)
        .unwrap_or(model.profile().worker_window)
}

pub(crate) fn prompts(with: &With, config: &Config) -> Result<Prompts, Failure> {
    match with.prompts.as_ref().or(config.prompts.as_ref()) {
        Some(folder) if folder.is_dir() => Ok(Prompts::from_folder(folder)),
        Some(folder) => Err(
            Failure::usage(format!("there is no folder {}", folder.display()))
                .help("name the folder that holds chain/worker_query.tera and the like"),
        ),
        None => Ok(Prompts::builtin()),
    }
}

fn budget(reading: &Reading) -> Budget {
    let mut budget = Budget::new();
    budget.calls = reading.max_calls;
    budget.tokens = reading.max_tokens;
    budget.cost = reading.max_cost.map(Cost::from_dollars);
    budget.time = reading.max_time;
    budget
}
