//! Conversations in an archive.

use std::{fs, path::Path, sync::Arc};

use catena_agents::Summarise;
use catena_core::{Embedder, Error, Result};
use catena_memory::{
    Archive, ExactIndex, Filter, Memory, MemoryItem, Namespace, NamespaceId, NewItem,
};

use crate::{Conversation, strategy::run};

/// A conversation that is remembered, and nothing else in its namespace.
#[derive(Clone, Debug)]
pub struct Filled {
    memory: Memory,
    namespace: NamespaceId,
    turns: u64,
}

impl Filled {
    /// Remembers conversations in the archive at `path`, each in a namespace of its own; what is
    /// there already is not written again. Turns are found by an index in memory, which is exact. Each
    /// strategy embeds the questions: see [`CachedEmbedder`](catena_memory::CachedEmbedder).
    ///
    /// # Errors
    ///
    /// Those of the archive and the embedder.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future keeps what was written; the next call goes on from there.
    pub async fn open(
        path: &Path,
        conversations: &[Conversation],
        embedder: Arc<dyn Embedder>,
    ) -> Result<Vec<Self>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| {
                Error::other(format!("{} cannot be made: {error}", folder.display()))
                    .with_help("name a folder that can be written")
                    .with_source(error)
            })?;
        }
        let archive = Archive::open(path)?;
        let memory = Memory::open(archive, Arc::new(ExactIndex::new()), embedder).await?;
        let mut all = Vec::with_capacity(conversations.len());
        for conversation in conversations {
            let namespace = Namespace::new("eval", "catena", &conversation.id);
            let namespace = memory.namespace(&namespace).await?;
            let items = (1..)
                .zip(&conversation.turns)
                .map(|(number, turn)| NewItem {
                    at: turn.at,
                    ..NewItem::turn(&turn.observation, &turn.response)
                        .in_turn(number)
                        .by_run(format!("turn {number}"))
                });
            memory.remember_all(namespace, items.collect()).await?;
            all.push(Self {
                memory: memory.clone(),
                namespace,
                turns: conversation.turns.len() as u64,
            });
        }
        Ok(all)
    }

    /// Gives the long turns that have none a summary, and tells `progress` of each how many are done
    /// and how many there are.
    ///
    /// # Errors
    ///
    /// Those of the archive and the model. What is summarised by then stays so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the summary under way and no other.
    pub async fn summarise(
        &self,
        summarise: &Arc<Summarise>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        let archive = self.memory.archive();
        let mut long = self.items().await?;
        long.retain(|item| {
            item.summary.is_empty() && summarise.is_long(&item.observation, &item.response)
        });
        let total = long.len();
        for (done, item) in (1..).zip(long) {
            let input = (item.observation, item.response);
            let summary = run(summarise, input, "summarise").await.0?;
            archive.summarise(self.namespace, item.id, summary).await?;
            progress(done, total);
        }
        Ok(())
    }

    /// The memory that holds it.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Its namespace.
    pub fn namespace(&self) -> NamespaceId {
        self.namespace
    }

    /// How many turns it has.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// The items of the last `count` turns, the last first.
    ///
    /// # Errors
    ///
    /// Those of the archive.
    pub async fn lately(&self, count: usize) -> Result<Vec<MemoryItem>> {
        let archive = self.memory.archive();
        let mut items = archive.last_turns(self.namespace, count).await?;
        items.reverse();
        Ok(items)
    }

    async fn items(&self) -> Result<Vec<MemoryItem>> {
        let archive = self.memory.archive();
        archive
            .browse(self.namespace, &Filter::default(), None, usize::MAX)
            .await
    }
}
