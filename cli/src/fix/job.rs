//! One repair, from its settings to its report.

use std::{path::PathBuf, pin::pin, sync::Arc, time::Instant};

use catena_agents::{RepairTask, Repaired, Repairer, Report, Round};
use catena_core::{Error, Graph, Outcome, Run, RunId, RunOptions, RunRecord, SqliteJournal};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    save::save,
    show::{Show, why},
    tree::changed,
};
use crate::{
    args::{Engine, How, Layer, Limits, Method, Output},
    boxed,
    config::Config,
    failure::{Failure, INTERRUPTED},
    model::{self, Mostly},
    reading::{Begin, as_usage, prompts, prompts_folder},
    report::usage_line,
    signals,
    stopped::{of_another_program, stopped},
    terminal::print,
};

/// The name of its runs.
pub(crate) const RUN: &str = "fix";

/// What a run is recorded with, so that it can be built again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) model: String,
    pub(crate) window: Option<u32>,
    pub(crate) prompts: Option<PathBuf>,
    pub(crate) rounds: u32,
    pub(crate) candidates: u32,
    /// Whether candidates take the place of rounds.
    #[serde(default)]
    pub(crate) equal_cost: bool,
    pub(crate) method: Method,
    /// The project's folder; a snippet has none.
    pub(crate) root: Option<PathBuf>,
    pub(crate) keep_best: bool,
    pub(crate) dry_run: bool,
    /// Layers of the sandbox that are done without.
    #[serde(default)]
    pub(crate) without: Vec<Layer>,
    /// What else programs read.
    #[serde(default)]
    pub(crate) readable: Vec<PathBuf>,
    /// Whether programs run in a copy of the project's folder.
    #[serde(default)]
    pub(crate) is_copied: bool,
}

impl Setting {
    pub(super) fn new(
        how: &How,
        root: Option<PathBuf>,
        keep_best: bool,
        dry_run: bool,
        config: &Config,
    ) -> Result<Self, Failure> {
        let with = how.engine.with();
        Ok(Self {
            model: model::name(&with, config).to_owned(),
            window: how.engine.window.or(config.window),
            prompts: prompts_folder(&with, config)?,
            rounds: how.rounds.unwrap_or(2),
            candidates: how.candidates.unwrap_or(1),
            equal_cost: how.equal_cost,
            method: how.method.unwrap_or_default(),
            root,
            keep_best,
            dry_run,
            without: how.boxed.without.clone(),
            readable: Vec::new(),
            is_copied: false,
        })
    }
}

/// What is to be repaired, how, and where it begins.
pub(crate) struct Job {
    pub(crate) task: RepairTask,
    pub(crate) how: How,
    pub(crate) setting: Setting,
    pub(crate) limits: Limits,
    /// `None`: the run is not recorded.
    pub(crate) journal: Option<Arc<SqliteJournal>>,
    pub(crate) begin: Begin,
    pub(crate) output: Output,
}

/// Goes on with a recorded repair.
pub(crate) async fn resume(
    record: RunRecord,
    journal: Arc<SqliteJournal>,
    limits: Limits,
    output: Output,
    config: &Config,
) -> Result<(), Failure> {
    let unknown = |error| of_another_program(&record.id, &error);
    let setting: Setting = serde_json::from_value(record.meta.clone()).map_err(unknown)?;
    let task: RepairTask = serde_json::from_value(record.input.clone()).map_err(unknown)?;
    if let Some(root) = &setting.root
        && let Some(path) = changed(root, &task)?
    {
        let path = root.join(path);
        return Err(Failure::new(format!(
            "{} is not as it was when the run began: it would mix two sets of tests",
            path.display()
        ))
        .help("begin anew with catena fix"));
    }
    let how = How {
        engine: Engine {
            model: Some(setting.model.clone()),
            window: setting.window,
            prompts: setting.prompts.clone(),
            device: None,
        },
        ..How::default()
    };
    Job {
        task,
        how,
        setting,
        limits,
        journal: Some(journal),
        begin: Begin::Resume(record.id),
        output,
    }
    .run(config)
    .await
}

/// What came of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Repaired,
    /// It passes, and so did the given program: the error that a person told did not come up.
    Unverified,
    #[serde(rename = "not repaired")]
    NotRepaired,
}

impl Job {
    /// Loads the model, builds the graph, runs it, and writes what it gives.
    pub(crate) async fn run(self, config: &Config) -> Result<(), Failure> {
        // One listener from here to the end: a signal that comes between two waits is not lost.
        let mut interrupt = pin!(signals::end());
        let started = Instant::now();
        let quiet = self.output.quiet || self.output.json;
        let show = match (quiet, &self.setting.root) {
            (true, _) => Show::Nothing,
            (false, None) => Show::Err,
            (false, Some(_)) => Show::Out,
        };
        // Without a sandbox nothing is run, and then no model is needed.
        let mut runner = boxed::runner(&self.setting.without, &self.setting.readable)?
            .keeping_build_files(self.builds());
        if let Some(root) = self
            .setting
            .root
            .as_ref()
            .filter(|_| self.setting.is_copied)
        {
            runner = runner.beside(root);
        }
        let runner = Arc::new(runner);
        let with = self.how.engine.with();
        let loading = model::load(&with, Mostly::Writes, config, quiet);
        let model = tokio::select! {
            biased;
            _ = &mut interrupt => {
                return Err(Failure::new("interrupted").help("nothing was run yet").code(INTERRUPTED));
            }
            model = loading => model?,
        };
        let mut repairer = Repairer::new(Arc::clone(&model.chat), runner)
            .method(self.setting.method.into())
            .rounds(self.setting.rounds)
            .candidates(self.setting.candidates)
            .equal_cost(self.setting.equal_cost)
            .prompts(prompts(&with, config)?);
        if let Some(window) = self.setting.window {
            repairer = repairer.window(window);
        }
        let graph = repairer.build().map_err(as_usage)?;
        show.waiting("running the test");
        let mut run = self.start(graph);
        let id = run.id().clone();
        let mut stopped = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt, if !stopped => {
                    stopped = true;
                    run.cancel();
                }
                // Whoever presses it twice does not wait; what is recorded is recorded.
                _ = signals::end(), if stopped => {
                    return Err(self.failure(Error::cancelled(), &id));
                }
                event = run.next() => {
                    let Some(event) = event else { break };
                    show.event(&event);
                }
            }
        }
        match run.outcome().await {
            Ok(outcome) => self.finish(&id, outcome, show, started),
            Err(error) => Err(self.failure(error, &id)),
        }
    }

    /// Whether what a build leaves is worth keeping from one run to the next.
    fn builds(&self) -> bool {
        let steps = &self.task.visible.steps;
        steps.iter().any(|step| {
            step.command
                .first()
                .is_some_and(|program| program == "cargo")
        })
    }

    fn start(&self, graph: Graph<RepairTask, Repaired>) -> Run<Repaired> {
        let mut options = RunOptions::new(RUN)
            .budget(self.limits.budget())
            .meta(&self.setting);
        if let Some(journal) = &self.journal {
            options = options.journal(journal.clone());
        }
        options = match &self.begin {
            Begin::Scratch => options,
            Begin::Resume(id) => options.resume(id.clone()),
            Begin::Fork(id, at) => options.fork(id.clone(), *at),
        };
        Run::start(graph, self.task.clone(), options)
    }

    fn finish(
        &self,
        id: &RunId,
        outcome: Outcome<Repaired>,
        show: Show,
        started: Instant,
    ) -> Result<(), Failure> {
        let repaired = &outcome.output;
        let fixed = self.status(repaired) == Status::Repaired;
        let keep = fixed || self.setting.keep_best;
        let mut written = Vec::new();
        let mut saved = Ok(());
        if keep && !self.setting.dry_run {
            match &self.setting.root {
                Some(root) => match save(root, &self.task.files, &repaired.files) {
                    Ok(paths) => written = paths,
                    Err(failure) => saved = Err(failure),
                },
                None if !self.output.json => {
                    let code = repaired.files.first().map_or("", |file| &file.text);
                    print(code);
                }
                None => {}
            }
        }
        if self.output.json {
            let object = self.json(id, &outcome, &written, saved.as_ref().err(), started);
            print(&format!("{object:#}\n"));
        } else {
            if self.setting.dry_run && keep && !repaired.diff.is_empty() {
                show.say(&format!(
                    "\nWould be changed:\n{}",
                    show.diff(&repaired.diff)
                ));
            }
            for path in &written {
                show.say(&format!("{path}: written\n"));
            }
            if !self.output.quiet {
                sayln!(
                    "{}",
                    usage_line(&outcome.usage, &outcome.unspent, started.elapsed())
                );
            }
        }
        // The object tells of it.
        let told = |failure: Failure| match self.output.json {
            true => failure.told(),
            false => failure,
        };
        saved.map_err(told)?;
        if let Some(error) = outcome.unrecorded {
            return Err(told(error.into()));
        }
        let failure = match self.status(repaired) {
            Status::Repaired => return Ok(()),
            Status::Unverified => Failure::new(
                "unverified: the error that was told did not come up here, so that it passes says nothing",
            )
            .also("name a command that fails: --test 'COMMAND'".to_owned()),
            Status::NotRepaired => Failure::new(format!("not repaired: {}", why(repaired.stopped))),
        };
        let failure = match (keep, self.setting.root.is_some()) {
            (false, true) => failure.also(
                "nothing was written; --keep-best writes the best version, --rounds and --candidates allow more tries"
                    .to_owned(),
            ),
            (false, false) => failure.also("--keep-best prints the best version".to_owned()),
            (true, _) => failure,
        };
        Err(told(failure))
    }

    fn status(&self, repaired: &Repaired) -> Status {
        let told = self.task.reported.as_deref().map(Report::reported);
        let given = repaired.rounds.iter().find(|round| round.number == 0);
        let came_up = given.is_none_or(|given| told.is_none_or(|told| given.report != told));
        match (repaired.passes, came_up) {
            (true, true) => Status::Repaired,
            (true, false) => Status::Unverified,
            (false, _) => Status::NotRepaired,
        }
    }

    fn json(
        &self,
        id: &RunId,
        outcome: &Outcome<Repaired>,
        written: &[String],
        failure: Option<&Failure>,
        started: Instant,
    ) -> Value {
        let repaired = &outcome.output;
        let round = |round: &Round| {
            json!({
                "number": round.number,
                "candidate": round.candidate,
                "critique": round.critique,
                "unapplied": round.unapplied,
                "diff": round.diff,
                "passes": round.report.passes,
                "stage": round.report.stage,
                "passed": round.report.passed,
                "failed": round.report.failed,
                "diagnostics": round.report.diagnostics,
                "usage": round.usage,
            })
        };
        json!({
            "run": id,
            "status": self.status(repaired),
            "passes": repaired.passes,
            "stopped": repaired.stopped,
            "best": repaired.best,
            "diff": repaired.diff,
            "snippet": match self.setting.root {
                Some(_) => None,
                None => repaired.files.first().map(|file| &file.text),
            },
            "written": written,
            "rounds": repaired.rounds.iter().map(round).collect::<Vec<_>>(),
            "unapplied": repaired.unapplied,
            "model": self.setting.model,
            "usage": outcome.usage,
            "cost_dollars": outcome.usage.cost.dollars(),
            "elapsed_seconds": started.elapsed().as_secs_f64(),
            "error": failure.map(ToString::to_string),
        })
    }

    fn failure(&self, error: Error, id: &RunId) -> Failure {
        stopped(error, id, self.journal.is_some(), "nothing was written; ")
    }
}
