//! Consolidation: what was said twice becomes one, and a dry run tells it before.

use std::collections::BTreeSet;

use catena_core::Result;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::Memory;
use crate::{ItemId, MemoryItem, NamespaceId, Validity, archive::mergeable};

/// The most proposals of a plan of each kind.
const MOST: usize = 10_000;

/// What consolidation would do.
///
/// # Example: a dry run
///
/// ```
/// use std::sync::Arc;
/// use catena_memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace, NewItem};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> catena_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let archive = Archive::open(folder.path().join("memory.db"))?;
/// let memory = Memory::open(archive, Arc::new(ExactIndex::new()), Arc::new(HashingEmbedder::new()))
///     .await?;
/// let ada = memory.namespace(&Namespace::new("ada", "catena", "garden")).await?;
/// memory.remember(ada, NewItem::turn("The roses are white.", "")).await?;
/// memory.remember(ada, NewItem::turn("the roses are WHITE!", "")).await?;
///
/// let plan = memory.plan_consolidation(ada).await?;
/// assert_eq!(plan.proposals[0].reason, "they say the same");
/// assert_eq!(memory.consolidate(ada, &plan).await?.merged, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they are carried out.
    pub proposals: Vec<Proposal>,
    /// There is more to propose than a plan holds: carry it out and plan again.
    #[serde(default)]
    pub more: bool,
}

/// One thing that consolidation would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// What.
    pub action: Action,
    /// The items concerned. Of those that are merged the first stays.
    pub items: Vec<ItemId>,
    /// Why, for a person.
    pub reason: String,
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Items that say the same become the oldest of them, which gets their sources.
    Merge,
    /// Facts get another key, that of older ones which are about the same, and take their place among
    /// those. Each is told again for each time that it was told, so that none is lost; one that was
    /// told of both keys at the same moment, in other words, gives way.
    Rename {
        /// Their key.
        from: String,
        /// The key of the older ones.
        to: String,
    },
}

/// What consolidation did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Consolidated {
    /// Items that became a part of an older one.
    pub merged: u64,
    /// Facts that got another key.
    pub renamed: u64,
    /// What was proposed and does not hold any longer.
    pub skipped: Vec<Proposal>,
}

impl Memory {
    /// What there is to consolidate in a namespace; nothing is changed.
    ///
    /// - Items that say the same but for case, white space and a last full stop or exclamation mark, to be
    ///   merged. Facts only where one took the place of the other: what held twice, with something else in
    ///   between, stays.
    /// - Keys of facts that are the same but for that and for English articles, to be made one. Keys that
    ///   only mean nearly the same are left alone: to a sentence model the left knee is the right one.
    ///
    /// Takes time in proportion to the items, and memory in proportion to what is proposed, 10,000 of
    /// each at the most.
    ///
    /// # Errors
    ///
    /// Those of the archive.
    pub async fn plan_consolidation(&self, namespace: NamespaceId) -> Result<Plan> {
        let mut plan = Plan::default();
        self.plan_merges(namespace, &mut plan).await?;
        self.plan_renames(namespace, &mut plan).await?;
        Ok(plan)
    }

    /// Carries out what of a plan still holds, each proposal whole or not at all. Nothing that was
    /// told is lost; what a plan proposes and holds no longer, because items are gone or others by
    /// now, is skipped and told.
    ///
    /// # Errors
    ///
    /// Those of the archive. The index is told as with [`remember`](Self::remember).
    ///
    /// # Cancel safety
    ///
    /// What was carried out by then stays.
    pub async fn consolidate(&self, namespace: NamespaceId, plan: &Plan) -> Result<Consolidated> {
        let archive = &self.0.archive;
        let mut done = Consolidated::default();
        for proposal in &plan.proposals {
            let count = match &proposal.action {
                Action::Merge => archive.merge(namespace, proposal.items.clone()).await?,
                Action::Rename { from, to } => {
                    let items = proposal.items.clone();
                    archive
                        .rename(namespace, from.clone(), to.clone(), items)
                        .await?
                }
            };
            match (count, &proposal.action) {
                (0, _) => done.skipped.push(proposal.clone()),
                (count, Action::Merge) => done.merged += count,
                (count, _) => done.renamed += count,
            }
        }
        self.tell_or_warn().await;
        Ok(done)
    }

    /// Plans and carries it out beside everything else, on a task of its own. What it could not do is told
    /// to [`tracing`], and done by the next one.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn consolidate_in_background(&self, namespace: NamespaceId) -> JoinHandle<Consolidated> {
        let memory = self.clone();
        tokio::spawn(async move {
            let done = match memory.plan_consolidation(namespace).await {
                Ok(plan) => memory.consolidate(namespace, &plan).await,
                Err(error) => Err(error),
            };
            done.unwrap_or_else(|error| {
                tracing::warn!("memories are not consolidated: {error}");
                Consolidated::default()
            })
        })
    }

    async fn plan_merges(&self, namespace: NamespaceId, plan: &mut Plan) -> Result<()> {
        let groups = self.0.archive.alike(namespace, MOST).await?;
        plan.more |= groups.len() == MOST;
        for group in groups {
            let mut items = self.0.archive.items(namespace, &group).await?;
            items.sort_by_key(|item| {
                let Validity { from, until } = item.validity;
                (from, until.is_none(), until, item.id)
            });
            let runs = items.chunk_by(mergeable);
            let runs = runs.filter(|run| run.len() > 1);
            plan.proposals
                .extend(runs.map(|run: &[MemoryItem]| Proposal {
                    action: Action::Merge,
                    items: run.iter().map(|item| item.id).collect(),
                    reason: "they say the same".to_owned(),
                }));
        }
        Ok(())
    }

    async fn plan_renames(&self, namespace: NamespaceId, plan: &mut Plan) -> Result<()> {
        let archive = &self.0.archive;
        let pairs = archive.same_keys(namespace, MOST).await?;
        plan.more |= pairs.len() == MOST;
        let ids = pairs
            .iter()
            .flat_map(|(younger, oldest)| [*younger, *oldest]);
        let ids: BTreeSet<_> = ids.collect();
        let keys = archive
            .keys_of(namespace, ids.into_iter().collect())
            .await?;
        for (younger, oldest) in pairs {
            let (Some(from), Some(to)) = (keys.get(&younger), keys.get(&oldest)) else {
                continue;
            };
            plan.proposals.push(Proposal {
                items: archive.about(namespace, from.clone()).await?,
                reason: format!("\"{from}\" and \"{to}\" are the same name"),
                action: Action::Rename {
                    from: from.clone(),
                    to: to.clone(),
                },
            });
        }
        Ok(())
    }
}
