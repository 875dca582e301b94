//! What a run is recorded with, so that it can be built again.

use std::path::{self, PathBuf};

use catena_agents::Prompts;
use catena_core::ChatModel;
use serde::{Deserialize, Serialize};

use crate::{
    args::{Notes, With},
    config::Config,
    failure::Failure,
};

/// The settings of a chain, as the user named them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) manager_model: Option<String>,
    pub(crate) window: u32,
    pub(crate) notes: Notes,
    pub(crate) prompts: Option<PathBuf>,
    pub(crate) answer_tokens: u32,
    #[serde(default)]
    pub(crate) approve: bool,
    #[serde(default)]
    pub(crate) prefill_ahead: bool,
}

impl Setting {
    /// These settings where `with` says nothing else.
    pub(crate) fn with(&self, with: With) -> With {
        With {
            model: with.model.or_else(|| Some(self.model.clone())),
            manager_model: with.manager_model.or_else(|| self.manager_model.clone()),
            window: with.window.or(Some(self.window)),
            device: with.device,
            prompts: with.prompts.or_else(|| self.prompts.clone()),
            notes: with.notes.or(Some(self.notes)),
        }
    }
}

pub(crate) fn window(with: &With, config: &Config, model: &dyn ChatModel) -> u32 {
    with.window
        .or(config.window)
        .unwrap_or(model.profile().worker_window)
}

/// The folder of templates, from the root: a run may be resumed from another folder.
pub(crate) fn prompts_folder(with: &With, config: &Config) -> Result<Option<PathBuf>, Failure> {
    match with.prompts.as_ref().or(config.prompts.as_ref()) {
        Some(folder) if folder.is_dir() => Ok(Some(
            path::absolute(folder).unwrap_or_else(|_| folder.clone()),
        )),
        Some(folder) => Err(
            Failure::usage(format!("there is no folder {}", folder.display()))
                .help("name the folder that holds chain/worker_query.tera and the like"),
        ),
        None => Ok(None),
    }
}

pub(crate) fn prompts(with: &With, config: &Config) -> Result<Prompts, Failure> {
    Ok(match prompts_folder(with, config)? {
        Some(folder) => Prompts::from_folder(folder),
        None => Prompts::builtin(),
    })
}
