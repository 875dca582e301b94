//! What a run is recorded with, so that it can be built again.

use std::path::PathBuf;

use catena_agents::{AutoPatent, PatentFlow};
use catena_core::ChatModel;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::super::output::{Form, Target};
use crate::{
    args::{Approve, Length, Office, PatentRun},
    config::Config,
    failure::Failure,
    model,
    reading::{prompts, prompts_folder},
};

/// The settings of a patent, as the user named them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(super) model: String,
    pub(super) window: Option<u32>,
    pub(super) prompts: Option<PathBuf>,
    pub(super) jurisdiction: Office,
    pub(super) flow: Flow,
    pub(super) length: Length,
    pub(super) rounds: Option<u32>,
    pub(super) approve: Vec<Approve>,
    /// Where the patent goes.
    pub(super) targets: Vec<Target>,
}

/// How the patent comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flow {
    #[default]
    Planned,
    Paper,
    ZeroShot,
}

impl Setting {
    pub(super) fn new(
        run: &PatentRun,
        jurisdiction: Office,
        flow: Flow,
        targets: Vec<Target>,
        config: &Config,
    ) -> Result<Self, Failure> {
        let with = run.engine.with();
        Ok(Self {
            model: model::name(&with, config).to_owned(),
            window: run.engine.window.or(config.window),
            prompts: prompts_folder(&with, config)?,
            jurisdiction,
            flow,
            length: run.length.unwrap_or_default(),
            rounds: run.rounds,
            approve: run.approve.clone(),
            targets,
        })
    }

    /// The files named by a person, and one with everything beside the first if none of them has it.
    pub(super) fn targets(named: Vec<Target>) -> Result<Vec<Target>, Failure> {
        let mut targets = named;
        if targets.iter().any(|target| target.form == Form::Json) {
            return Ok(targets);
        }
        if let Some(first) = targets.first() {
            let everything = first.beside(Form::Json);
            everything.check()?;
            targets.push(everything);
        }
        Ok(targets)
    }

    pub(super) fn builder(
        &self,
        model: Arc<dyn ChatModel>,
        run: &PatentRun,
        config: &Config,
    ) -> Result<AutoPatent, Failure> {
        let mut patent = AutoPatent::new(model)
            .guide(catena_agents::Jurisdiction::from(self.jurisdiction).guide())
            .flow(match self.flow {
                Flow::Planned => PatentFlow::Planned,
                Flow::Paper => PatentFlow::Paper,
                Flow::ZeroShot => PatentFlow::ZeroShot,
            })
            .length(self.length.into())
            .approve_plan(self.approve.contains(&Approve::Plan))
            .approve_claims(self.approve.contains(&Approve::Claims))
            .prompts(prompts(&run.engine.with(), config)?);
        if let Some(rounds) = self.rounds {
            patent = patent.rounds(rounds);
        }
        if let Some(window) = self.window {
            patent = patent.window(window);
        }
        Ok(patent)
    }
}
