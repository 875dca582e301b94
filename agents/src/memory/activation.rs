//! What is searched for a message: turns by their rank, and facts.

use catena_core::{Context, Embedding, Result};
use catena_memory::{Found, Kind, MemoryItem, Query, Ranking, Search};

use super::{
    Ablation,
    controller::Controller,
    recalled_facts::near,
    spare::without,
    types::{Message, RecalledFact},
};

/// What came of a search, as it stands in the journal: a resumed run recalls the same.
pub(super) type Searched = (Vec<Found>, Vec<RecalledFact>);

impl Controller {
    /// Searches turns where memory is needed, and facts in any case: a question about the user's home is
    /// taken for one of general knowledge easily. The turn before is no part of it.
    pub(super) async fn recall(
        &self,
        cx: &Context,
        message: &Message,
        flash: Option<&MemoryItem>,
        needed: bool,
    ) -> Result<Searched> {
        if !needed && self.facts == 0 {
            return Ok(Searched::default());
        }
        let vector = self.embed(cx, message).await?;
        let search = match (&vector, needed) {
            (Some(_), true) => self.search,
            // The index has facts apart from turns, so that this costs the same in every turn; the words of
            // both are together.
            (Some(_), false) => Search::Dense,
            // Words alone decide.
            (None, _) => Search::Words,
        };
        let query = |kind, limit| {
            let query = Query::new(&message.text)
                .search(search)
                .words(self.words)
                .kind(kind)
                .limit(limit);
            match &vector {
                Some(vector) => query.vector(vector.clone()),
                None => query,
            }
        };
        cx.tool("recall", &(self.namespace, &message.text, needed), async {
            let memory = &self.memory;
            // More than are activated, since rank is not relevance alone.
            let wanted = self.activate.saturating_mul(2).saturating_add(1);
            let mut found = match needed {
                true => {
                    memory
                        .search(self.namespace, &query(Kind::Turn, wanted))
                        .await?
                }
                false => Vec::new(),
            };
            if needed && self.ranking.lifts() {
                // The turn before is one of them.
                let count = self.activate.saturating_add(1);
                let latest = memory.archive().last_turns(self.namespace, count).await?;
                Ranking::add_latest(&mut found, latest);
            }
            // Without a flash memory in the prompt, the turn before is a memory as any other.
            if self.ablation != Ablation::NoFlash {
                found.retain(|found| flash.is_none_or(|flash| flash.id != found.item.id));
            }
            let now = flash.map_or(0, MemoryItem::turn) + 1;
            self.ranking.sort(&mut found, now);
            found.truncate(self.activate);
            let mut facts = match self.facts {
                0 => Vec::new(),
                limit => {
                    let wanted = limit.saturating_mul(2);
                    memory
                        .search(self.namespace, &query(Kind::Fact, wanted))
                        .await?
                }
            };
            // Beside one that is near, others only lead a small model astray.
            if !needed || facts.iter().any(near) {
                facts.retain(near);
            }
            Ok((found, self.with_history(facts).await?))
        })
        .await
    }

    /// The message's vector; `None` where words decide, because they are to or the embedder fails.
    async fn embed(&self, cx: &Context, message: &Message) -> Result<Option<Embedding>> {
        if self.search == Search::Words {
            return Ok(None);
        }
        let embedder = self.memory.embedder();
        let texts = [message.text.clone()];
        match cx.embed(&**embedder, &texts).await {
            Ok(vectors) => Ok(vectors.into_iter().next()),
            Err(error) => without(cx, "the search by meaning", error).map(|()| None),
        }
    }
}
