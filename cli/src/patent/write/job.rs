//! One patent, from its settings to its files.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Instant,
};

use catena_agents::{PatentTask, PatentWork, WrittenPatent};
use catena_core::{Error, Graph, Journal, Outcome, Run, RunId, RunOptions, SqliteJournal};
use futures::StreamExt;
use serde_json::Value;

use super::{
    approval::{self, Asked},
    aside::Aside,
    leave::{Left, leave, tell, waiting},
    setting::Setting,
    show::{Show, pieces},
};
use crate::{
    args::PatentRun,
    config::Config,
    failure::{Failure, INTERRUPTED},
    model::{self, Mostly},
    reading::{Begin, as_usage},
    stopped::stopped,
};

/// The name of its runs.
pub(crate) const RUN: &str = "patent";

/// What is to be written, how, and where it begins.
pub(crate) struct Job {
    pub(super) task: PatentTask,
    pub(super) run: PatentRun,
    pub(super) setting: Setting,
    /// `None`: the run is not recorded.
    pub(super) journal: Option<Arc<SqliteJournal>>,
    pub(super) begin: Begin,
    pub(super) answers: Vec<(String, Value)>,
}

/// How many pieces are written.
fn written(work: &PatentWork) -> usize {
    let all = pieces(work);
    all.iter().filter(|piece| work.has(**piece)).count()
}

/// How an attempt ended.
enum Ended {
    Done(Box<Outcome<WrittenPatent>>),
    Failed(Error),
}

impl Job {
    /// Loads the model, builds the graph, runs it, and writes what it gives.
    pub(super) async fn run(mut self, config: &Config) -> Result<(), Failure> {
        // One listener from here to the end: a signal that comes between two waits is not lost.
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        let started = Instant::now();
        let quiet = self.run.output.quiet || self.run.output.json;
        let with = self.run.engine.with();
        let loading = model::load(&with, Mostly::Writes, config, quiet);
        let model = tokio::select! {
            biased;
            _ = &mut interrupt => {
                return Err(Failure::new("interrupted").help("nothing was written yet").code(INTERRUPTED));
            }
            model = loading => model?,
        };
        let graph = self
            .setting
            .builder(Arc::clone(&model.chat), &self.run, config)?
            .build()
            .map_err(as_usage)?;
        loop {
            let mut aside = Aside::default();
            let before = self.earlier(&mut aside).await?;
            let mut work = before.clone();
            let run = self.start(graph.clone());
            let id = run.id().clone();
            let ended = self
                .drive(run, &mut work, &mut aside, interrupt.as_mut())
                .await;
            let error = match ended {
                Ended::Done(outcome) => return tell(&self, &id, *outcome, &aside, started),
                Ended::Failed(error) => error,
            };
            if !error.is_interrupted() {
                // An attempt that ended before it had caught up leaves what the one before had.
                let most = match written(&work) < written(&before) {
                    true => before,
                    false => work,
                };
                let left = leave(&self, &id, most, &error);
                return Err(self.failed(&id, error, left, started));
            }
            let asked = Asked::put(error.interrupts(), &id, &self.setting)?;
            let person = !quiet && self.journal.is_some();
            let waited = async {
                match person {
                    true => approval::wait(&asked).await,
                    false => None,
                }
            };
            let gone_on = tokio::select! {
                biased;
                _ = &mut interrupt => None,
                waited = waited => waited,
            };
            if gone_on.is_none() {
                return Err(waiting(&self, &id, &work, &asked, error, started));
            }
            for one in &asked {
                self.answers.push((one.id.clone(), one.answer()?));
            }
            self.begin = Begin::Resume(id);
        }
    }

    /// What is written before this attempt begins.
    async fn earlier(&self, aside: &mut Aside) -> Result<PatentWork, Failure> {
        let mut work = self.task.earlier.clone();
        for piece in &self.task.again {
            work.forget(*piece);
        }
        if let (Begin::Resume(id), Some(journal)) = (&self.begin, &self.journal) {
            for event in journal.events(id).await? {
                work.see(&event);
                aside.see(&event);
            }
        }
        Ok(work)
    }

    fn start(&self, graph: Graph<PatentTask, WrittenPatent>) -> Run<WrittenPatent> {
        let mut options = RunOptions::new(RUN)
            .budget(self.run.limits.budget())
            .meta(&self.setting);
        if let Some(journal) = &self.journal {
            options = options.journal(journal.clone());
        }
        options = match &self.begin {
            Begin::Scratch => options,
            Begin::Resume(id) => options.resume(id.clone()),
            Begin::Fork(id, at) => options.fork(id.clone(), *at),
        };
        for (id, answer) in &self.answers {
            options = options.answer(id, answer.clone());
        }
        Run::start(graph, self.task.clone(), options)
    }

    /// Follows a run to its end, and keeps what it writes in `work`.
    async fn drive(
        &self,
        mut run: Run<WrittenPatent>,
        work: &mut PatentWork,
        aside: &mut Aside,
        mut interrupt: Pin<&mut impl Future>,
    ) -> Ended {
        let mut show = Show::new(self.run.output.quiet || self.run.output.json);
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt, if !stopped => {
                    stopped = true;
                    run.cancel();
                }
                // Whoever presses it twice does not wait; what is recorded is recorded.
                _ = tokio::signal::ctrl_c(), if stopped => {
                    show.clear();
                    return Ended::Failed(Error::cancelled());
                }
                event = run.next() => {
                    let Some(event) = event else { break };
                    work.see(&event);
                    aside.see(&event);
                    show.event(&event, work);
                }
            }
        }
        show.clear();
        match run.outcome().await {
            Ok(outcome) => Ended::Done(Box::new(outcome)),
            Err(error) => Ended::Failed(error),
        }
    }

    fn failed(
        &self,
        id: &RunId,
        error: Error,
        left: Result<Option<Left>, Failure>,
        started: Instant,
    ) -> Failure {
        let failure = self.failure(error.clone(), id);
        match left {
            Ok(left) => super::leave::failed(self, id, &error, failure, left, started),
            // What there was could not be written either.
            Err(unwritten) => failure.also(unwritten.to_string()),
        }
    }

    /// The failure and what helps.
    pub(super) fn failure(&self, error: Error, id: &RunId) -> Failure {
        stopped(error, id, self.journal.is_some(), "")
    }
}
