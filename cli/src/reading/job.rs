//! A chain over documents, from its settings to a run.

use std::{pin::pin, sync::Arc};

use catena_agents::{ChainAnswer, ChainInput, ChainOfAgents};
use catena_core::{Graph, RunId, RunOptions, SqliteJournal};
use serde_json::Value;

use super::{
    as_usage,
    session::Session,
    setting::{Setting, prompts, prompts_folder, window},
};
use crate::{
    args::{Limits, Output, With},
    config::Config,
    failure::{Failure, INTERRUPTED},
    model::{self, Mostly},
};

/// What is to be read, how, and where it begins.
pub(crate) struct Job {
    /// `ask` or `summarize`.
    pub(crate) name: String,
    pub(crate) input: ChainInput,
    pub(crate) with: With,
    pub(crate) answer_tokens: u32,
    pub(crate) approve: bool,
    pub(crate) prefill_ahead: bool,
    pub(crate) limits: Limits,
    /// `None`: the run is not recorded.
    pub(crate) journal: Option<Arc<SqliteJournal>>,
    pub(crate) begin: Begin,
    pub(crate) answers: Vec<(String, Value)>,
    pub(crate) output: Output,
}

/// Where a run begins.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    Scratch,
    Resume(RunId),
    Fork(RunId, usize),
}

impl Job {
    /// Loads the model, builds the chain and runs it to its report.
    pub(crate) async fn run(mut self, config: &Config) -> Result<(), Failure> {
        // One listener from here to the end: a signal that comes between two waits is not lost.
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        let quiet = self.output.quiet || self.output.json;
        let loading = async {
            let model = model::load(&self.with, Mostly::Reads, config, quiet)
                .await?
                .chat;
            let manager = model::manager(&model, &self.with, config, quiet).await?;
            Ok::<_, Failure>((model, manager))
        };
        let (model, manager) = tokio::select! {
            biased;
            _ = &mut interrupt => {
                return Err(Failure::new("interrupted").help("nothing was read yet").code(INTERRUPTED));
            }
            models = loading => models?,
        };
        let window = window(&self.with, config, &*model);
        let notes = self.with.notes.unwrap_or_default();
        let chain = ChainOfAgents::new(model.clone())
            .manager(manager)
            .window(window)
            .answer_tokens(self.answer_tokens)
            .notes(notes.into())
            .approve(self.approve)
            .prefill_ahead(self.prefill_ahead)
            .prompts(prompts(&self.with, config)?)
            .build()
            .map_err(as_usage)?;
        let setting = Setting {
            model: model::name(&self.with, config).to_owned(),
            manager_model: self.with.manager_model.clone(),
            window,
            notes,
            prompts: prompts_folder(&self.with, config)?,
            answer_tokens: self.answer_tokens,
            approve: self.approve,
            prefill_ahead: self.prefill_ahead,
        };
        let mut session = Session::new(&self, model.profile().name.clone(), window);
        loop {
            let run = self.start(chain.clone(), &setting);
            let Some((id, answers)) = session.drive(run, interrupt.as_mut()).await? else {
                return Ok(());
            };
            self.begin = Begin::Resume(id);
            self.answers = answers;
        }
    }

    fn start(
        &self,
        chain: Graph<ChainInput, ChainAnswer>,
        setting: &Setting,
    ) -> catena_core::Run<ChainAnswer> {
        let mut options = RunOptions::new(&self.name)
            .budget(self.limits.budget())
            .meta(setting);
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
        catena_core::Run::start(chain, self.input.clone(), options)
    }
}
