//! A model with a memory, and the conversation that is going on.

use std::sync::Arc;

use catena_agents::{Message, Reply};
use catena_core::{Graph, Run, RunId, RunOptions, RunRecord, SqliteJournal};
use catena_memory::{Memory, Namespace, NamespaceId, NamespaceSummary};
use serde::Serialize;

use super::{
    history,
    interrupts::Interrupts,
    setting::Setting,
    turn::{Ended, Screen, follow},
};
use crate::{
    args::Limits,
    config::Config,
    failure::{Failure, INTERRUPTED},
    memory::{self, Conversation, Fresh, RUN, Recorded},
    model::{self, Loaded, Mostly},
    reading::as_usage,
    stopped::is_empty_answer,
};

/// What outlives a change of the conversation.
pub(super) struct Bot {
    pub(super) memory: Memory,
    /// Whether its archive was there before.
    fresh: Fresh,
    model: Loaded,
    setting: Setting,
    limits: Limits,
    journal: Arc<SqliteJournal>,
}

/// How a bot is made.
pub(super) struct Making {
    pub(super) setting: Setting,
    pub(super) device: Option<String>,
    pub(super) limits: Limits,
    pub(super) journal: Arc<SqliteJournal>,
    pub(super) quiet: bool,
}

impl Making {
    /// Opens the memory and loads the model.
    pub(super) async fn make(
        self,
        interrupts: &mut Interrupts,
        config: &Config,
    ) -> Result<Bot, Failure> {
        let with = self.setting.with(self.device);
        // A model that is none leaves no archive behind.
        model::check(&with, config)?;
        let fresh = Fresh::of(&self.setting.place);
        let making = async {
            // What is wrong with the archive shows before a model is loaded.
            let memory = memory::open(&self.setting.place, config, self.quiet).await?;
            let model = model::load(&with, Mostly::Reads, config, self.quiet).await?;
            Ok::<_, Failure>((memory, model))
        };
        let made = interrupts.unless(making).await.unwrap_or_else(|| {
            let failure = Failure::new("interrupted").help("nothing was said yet");
            Err(failure.code(INTERRUPTED))
        });
        let (memory, model) = match made {
            Ok(made) => made,
            Err(failure) => {
                fresh.discard_if_empty().await;
                return Err(failure);
            }
        };
        Ok(Bot {
            fresh,
            memory,
            model,
            setting: self.setting,
            limits: self.limits,
            journal: self.journal,
        })
    }
}

/// A conversation that is going on.
pub(super) struct Session {
    pub(super) id: NamespaceId,
    pub(super) namespace: Namespace,
    pub(super) recorded: Recorded,
    graph: Graph<Message, Reply>,
    meta: serde_json::Value,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(flatten)]
    conversation: &'a Conversation,
    #[serde(flatten)]
    setting: &'a Setting,
}

/// A turn that came to no answer.
pub(super) enum Unfinished {
    None,
    /// It can go on here.
    Here(RunRecord),
    /// It was begun with other settings.
    Elsewhere(RunRecord),
}

impl Bot {
    /// Takes up a conversation, or begins it.
    pub(super) async fn session(&self, namespace: Namespace) -> Result<Session, Failure> {
        let id = self.memory.namespace(&namespace).await?;
        let conversation = Conversation::new(self.memory.archive(), &namespace);
        let meta = Meta {
            conversation: &conversation,
            setting: &self.setting,
        };
        Ok(Session {
            id,
            graph: self.setting.graph(&self.model, &self.memory, id)?,
            // Names, numbers and paths: serialising cannot fail, but for a path that is no text, and
            // then a turn cannot be resumed.
            meta: serde_json::to_value(meta).unwrap_or_default(),
            recorded: Recorded::of(self.journal.clone(), &conversation).await?,
            namespace,
        })
    }

    /// Whether anything was ever said in a conversation.
    pub(super) async fn is_there(&self, namespace: &Namespace) -> Result<bool, Failure> {
        let all = self.memory.archive().namespaces().await?;
        let mut those = all.iter().filter(|of| of.namespace == *namespace);
        Ok(those.any(NamespaceSummary::is_used))
    }

    /// How much is remembered of a conversation. What was forgotten had turns too, and is not there.
    pub(super) async fn remembered(&self, of: &Session) -> Result<u64, Failure> {
        Ok(self.memory.archive().count(of.id).await?)
    }

    /// Whether the turn of a run is remembered, though the run did not come to its end.
    pub(super) async fn remembers(&self, of: &Session, run: &RunId) -> Result<bool, Failure> {
        let last = self.memory.archive().last_turns(of.id, 1).await?;
        let run = run.to_string();
        let mut sources = last.iter().flat_map(|item| &item.sources);
        Ok(sources.any(|source| source.run.as_deref() == Some(&*run)))
    }

    /// Takes away a conversation in which nothing was said.
    pub(super) async fn leave(&self, of: &Session) -> Result<(), Failure> {
        // A turn that came to no answer is one of this conversation, and is resumed in it.
        let archive = self.memory.archive();
        if of.recorded.is_empty() && archive.forget_unused(of.id).await? {
            history::forget(archive, &of.namespace)?;
        }
        Ok(())
    }

    /// Closes the memory, and takes its archive away again if nothing was said in it.
    pub(super) async fn close(self) {
        let Self { memory, fresh, .. } = self;
        drop(memory);
        fresh.discard_if_empty().await;
    }

    pub(super) fn model(&self) -> &str {
        &self.model.chat.profile().name
    }
}

impl Session {
    /// Says something, or goes on with the turn `resume`, in which the same was said.
    pub(super) async fn turn(
        &mut self,
        bot: &Bot,
        message: &str,
        resume: Option<&RunId>,
        interrupts: &mut Interrupts,
        screen: Screen,
    ) -> Result<Ended, Failure> {
        let mut options = RunOptions::new(RUN)
            .budget(bot.limits.budget())
            .journal(bot.journal.clone())
            .meta(&self.meta);
        if let Some(run) = resume {
            options = options.resume(run.clone());
        }
        let run = Run::start(self.graph.clone(), Message::new(message), options);
        let ended = follow(run, interrupts, screen).await;
        self.recorded.add(&ended.run).await?;
        Ok(ended)
    }

    /// The last turn, if it came to no answer.
    pub(super) async fn unfinished(&self) -> Result<Unfinished, Failure> {
        Ok(match self.recorded.unfinished().await? {
            None => Unfinished::None,
            Some(record) if record.meta == self.meta => Unfinished::Here(record),
            Some(record) => Unfinished::Elsewhere(record),
        })
    }
}

/// What to do with a text that is too long to be said.
pub(super) const LONG_TEXTS: &str = "`catena memory read FILE` takes a text of any length into memory, and a \
                                     conversation about it answers questions";

/// Why a turn came to no answer, with what can be done.
pub(super) fn failure(ended: &Ended, interactive: bool) -> Option<Failure> {
    let error = match &ended.result {
        Ok(outcome) => return outcome.unrecorded.clone().map(Failure::from),
        Err(error) => error.clone(),
    };
    let id = &ended.run;
    let (cancelled, budget) = (error.is_cancelled(), error.is_budget_exceeded());
    let too_long = error.is_context_overflow();
    let retry = match interactive {
        true => "/retry goes on with it".to_owned(),
        false => format!("`catena runs resume {id}` goes on with it"),
    };
    // Of these, going on is not what helps.
    let hopeless = error.is_journal() || error.is_divergence() || is_empty_answer(&error);
    let failure = match cancelled {
        true => Failure::new("stopped").code(INTERRUPTED),
        false => as_usage(error),
    };
    Some(match () {
        () if budget => failure.also(format!(
            "`catena runs resume {id}` with a larger budget goes on where it stopped"
        )),
        () if too_long => failure.also(LONG_TEXTS.to_owned()),
        () if hopeless || failure.is_usage() => failure,
        () => failure.also(retry),
    })
}

/// What was said in a recorded turn.
pub(super) fn said(record: &RunRecord) -> &str {
    record.input["text"].as_str().unwrap_or_default()
}
