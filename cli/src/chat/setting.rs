//! What a turn is recorded with, so that it can be built again.

use std::path::PathBuf;

use catena_agents::{MemoryChat, Message, Prompts, Reply};
use catena_core::Graph;
use catena_memory::{Memory, NamespaceId};
use serde::{Deserialize, Serialize};

use crate::{
    args::{Store, Talk, With},
    config::Config,
    failure::Failure,
    memory::Place,
    model::{self, Loaded},
    reading::{as_usage, prompts_folder},
};

/// The settings of a conversation, as the user named them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Setting {
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) model: String,
    window: Option<u32>,
    prompts: Option<PathBuf>,
    instructions: Option<String>,
    answer_tokens: Option<u32>,
    facts: bool,
    temperature: Option<f32>,
    seed: u64,
}

/// The turns after which what says the same becomes one.
const CONSOLIDATE: u64 = 100;

impl Setting {
    pub(super) fn of(talk: &Talk, store: &Store, config: &Config) -> Result<Self, Failure> {
        let with = talk.with();
        Ok(Self {
            place: Place::of(store, config)?.absolute(),
            model: model::name(&with, config).to_owned(),
            window: talk.window.or(config.window),
            prompts: prompts_folder(&with, config)?,
            instructions: talk
                .instructions
                .clone()
                .or_else(|| config.instructions.clone()),
            answer_tokens: talk.answer_tokens,
            facts: !talk.no_facts,
            temperature: talk.temperature,
            seed: talk.seed,
        })
    }

    /// What there is to say about loading its model.
    pub(super) fn with(&self, device: Option<String>) -> With {
        With {
            model: Some(self.model.clone()),
            device,
            ..With::default()
        }
    }

    /// The graph of a turn.
    pub(super) fn graph(
        &self,
        model: &Loaded,
        memory: &Memory,
        namespace: NamespaceId,
    ) -> Result<Graph<Message, Reply>, Failure> {
        let mut chat = MemoryChat::new(model.chat.clone(), memory.clone(), namespace)
            .learn_facts(self.facts)
            .consolidate_every(CONSOLIDATE)
            .prompts(match &self.prompts {
                Some(folder) => Prompts::from_folder(folder),
                None => Prompts::builtin(),
            });
        if let Some(scorer) = &model.scorer {
            chat = chat.scorer(scorer.clone());
        }
        if let Some(tokens) = self.window {
            chat = chat.window(tokens);
        }
        if let Some(text) = &self.instructions {
            chat = chat.instructions(text);
        }
        if let Some(tokens) = self.answer_tokens {
            chat = chat.answer_tokens(tokens);
        }
        if let Some(temperature) = self.temperature {
            chat = chat.sampling(temperature, self.seed);
        }
        chat.build().map_err(as_usage)
    }
}
