//! One run, from its start to its report.

use std::{
    io::{self, BufRead, IsTerminal},
    pin::Pin,
    time::Instant,
};

use catena_agents::{ChainAnswer, ChainInput, Planned, Task, Unit};
use catena_core::{Error, Event, EventKind, Interrupt, Outcome, Run, RunId, Usage};
use futures::StreamExt;
use serde_json::Value;

use super::Job;
use crate::{
    args::Output,
    failure::{Failure, USAGE},
    progress::Display,
    report::{Report, cut_answer, print_partial, print_support, usage_line},
    stopped::stopped,
    terminal::{harmless, print},
};

/// A run that waits, and the answers that a person gave on the spot.
pub(super) type Answered = (RunId, Vec<(String, Value)>);

/// What is kept of a run while it goes on.
pub(super) struct Session {
    input: ChainInput,
    model: String,
    window: u32,
    output: Output,
    recorded: bool,
    /// What has been handed on so far, for a run that does not finish.
    units: Vec<Unit>,
    started: Instant,
    /// What has come of the answer; printed as it came, unless the output is JSON.
    came: String,
}

impl Session {
    pub(super) fn new(job: &Job, model: String, window: u32) -> Self {
        Self {
            input: job.input.clone(),
            model,
            window,
            output: job.output,
            recorded: job.journal.is_some(),
            units: Vec::new(),
            started: Instant::now(),
            came: String::new(),
        }
    }

    /// Follows a run to its end and reports it; or gives the answers with which it is to go on.
    pub(super) async fn drive(
        &mut self,
        mut run: Run<ChainAnswer>,
        mut interrupt: Pin<&mut impl Future>,
    ) -> Result<Option<Answered>, Failure> {
        let mut display = Display::new(self.output.quiet || self.output.json);
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt, if !stopped => {
                    stopped = true;
                    run.cancel();
                }
                // Whoever presses it twice does not wait for a run that will not stop; what is
                // recorded is recorded.
                _ = tokio::signal::ctrl_c(), if stopped => {
                    return Err(self.failure(Error::cancelled(), run.id()));
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
        match run.outcome().await {
            Ok(outcome) => self.answered(&id, &outcome).map(|()| None),
            Err(error) if error.is_interrupted() => match self.ask(error.interrupts()).await {
                Some(answers) => Ok(Some((id, answers))),
                None => Err(self.failed(&id, error)),
            },
            Err(error) => Err(self.failed(&id, error)),
        }
    }

    fn answered(&self, id: &RunId, outcome: &Outcome<ChainAnswer>) -> Result<(), Failure> {
        let answer = &outcome.output;
        let unrecorded = outcome.unrecorded.as_ref();
        if self.output.json {
            Report {
                answer: Some(&answer.text),
                finish: Some(answer.finish),
                passages: &answer.passages,
                error: unrecorded.map(Error::to_string),
                ..self.report(id, "finished", &answer.units, outcome.usage)
            }
            .print();
            return match unrecorded {
                Some(error) => Err(Failure::from(error.clone()).told()),
                None => Ok(()),
            };
        }
        print(&format!("{}\n", self.unprinted(&answer.text)));
        if self.input.task != Task::Summary {
            print_support(answer);
        }
        if let Some(told) = cut_answer(answer.finish) {
            sayln!("\n{told}");
        }
        if !self.output.quiet {
            sayln!(
                "\n{}",
                usage_line(&outcome.usage, &outcome.unspent, self.started.elapsed())
            );
        }
        match unrecorded {
            Some(error) => Err(error.clone().into()),
            None => Ok(()),
        }
    }

    fn failed(&self, id: &RunId, error: Error) -> Failure {
        if !self.came.is_empty() {
            print("\n");
        }
        if !self.output.json {
            print_partial(&self.units, &error, self.started.elapsed());
            return self.failure(error, id);
        }
        let status = match () {
            () if error.is_cancelled() => "cancelled",
            () if error.is_interrupted() => "interrupted",
            () => "failed",
        };
        let usage = error.spent().copied().unwrap_or_default();
        let failure = self.failure(error.clone(), id);
        Report {
            answer: Some(&*self.came).filter(|answer| !answer.is_empty()),
            error: Some(error.to_string()),
            help: failure.help_text().map(str::to_owned),
            interrupts: error.interrupts(),
            ..self.report(id, status, &self.units, usage)
        }
        .print();
        failure.told()
    }

    /// Asks the person at the terminal; `None` where there is none.
    async fn ask(&self, interrupts: &[Interrupt]) -> Option<Vec<(String, Value)>> {
        if self.output.json || !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let mut answers = Vec::new();
        for interrupt in interrupts {
            let planned: Planned = serde_json::from_value(interrupt.question.clone()).ok()?;
            say!("{planned} Go on? [y/N] ");
            let line = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line).map(|_| line)
            });
            let line = line.await.ok()?.ok()?;
            let yes = matches!(line.trim().to_lowercase().as_str(), "y" | "yes");
            answers.push((interrupt.id.clone(), yes.into()));
        }
        Some(answers)
    }

    /// Streams the answer, and keeps the units.
    fn follow(&mut self, event: &Event, display: &Display) {
        match &event.kind {
            EventKind::Text { text, .. } if event.path.as_str().ends_with("/manager") => {
                let text = harmless(text);
                if !self.output.json {
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
        run: &'a RunId,
        status: &'static str,
        units: &'a [Unit],
        usage: Usage,
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
            finish: None,
            passages: &[],
            units,
            usage,
            cost_dollars: usage.cost.dollars(),
            elapsed_seconds: self.started.elapsed().as_secs_f64(),
            error: None,
            help: None,
            interrupts: &[],
        }
    }

    fn failure(&self, error: Error, id: &RunId) -> Failure {
        let question = error.interrupts().first();
        let question = question.map(|interrupt| interrupt.id.clone());
        let failure = stopped(error, id, self.recorded, "");
        match question.filter(|_| self.recorded) {
            Some(question) => failure.help(format!(
                "`catena runs resume {id} --answer {question}=true` goes on"
            )),
            None => failure,
        }
    }
}

/// A window or a question that does not fit is the command's fault, not the run's.
pub(crate) fn as_usage(error: Error) -> Failure {
    let code = error.is_invalid() || error.is_context_overflow();
    let failure = Failure::from(error);
    if code { failure.code(USAGE) } else { failure }
}
