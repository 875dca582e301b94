//! Finding what belongs to a question: by meaning and by words.

use std::collections::HashMap;

use catena_core::{Embedding, Error, Result};
use serde::{Deserialize, Serialize};

use super::Memory;
use crate::{Hit, ItemId, Kind, MemoryItem, NamespaceId};

/// How to search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Search {
    /// By both, and weighed: see [`Query::words`].
    #[default]
    Hybrid,
    /// By the nearness of vectors alone.
    Dense,
    /// By words alone (BM25).
    Words,
}

/// What to look for.
///
/// # Example
///
/// ```
/// use catena_memory::{Kind, Query, Search};
///
/// let query = Query::new("Where does Ada live?")
///     .limit(3)
///     .search(Search::Words)
///     .kind(Kind::Fact);
/// assert_eq!(query.limit, 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Query {
    /// The question.
    pub text: String,
    /// Its vector, if it was embedded already.
    pub vector: Option<Embedding>,
    /// How many items at the most. Default: 10.
    pub limit: usize,
    /// How to search. Default: [`Search::Hybrid`].
    pub search: Search,
    /// What words weigh in a hybrid search, from 0 to 1; the vectors weigh the rest. Default: 0.4.
    pub words: f32,
    /// Only of this kind. Default: any.
    pub kind: Option<Kind>,
}

impl Query {
    /// A query with the defaults named at each field.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            vector: None,
            limit: 10,
            search: Search::Hybrid,
            words: 0.4,
            kind: None,
        }
    }

    /// Gives the text's vector, so that it is not embedded again.
    #[must_use]
    pub fn vector(mut self, vector: Embedding) -> Self {
        self.vector = Some(vector);
        self
    }

    /// Limits the items found.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Says how to search.
    #[must_use]
    pub fn search(mut self, search: Search) -> Self {
        self.search = search;
        self
    }

    /// Weighs words against vectors.
    #[must_use]
    pub fn words(mut self, weight: f32) -> Self {
        self.words = weight.clamp(0.0, 1.0);
        self
    }

    /// Looks for one kind only.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }
}

/// An item that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The item.
    pub item: MemoryItem,
    /// How much it has to do with the question, from 0 to 1.
    pub relevance: f32,
    /// The cosine of its vector and the question's, if it is among the nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
    /// Its BM25 score, if it is among those that share the rarest words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<f32>,
}

/// The fewest candidates of each search.
const CANDIDATES: usize = 50;

/// The most: however many there are, so much memory and time a search takes.
const MOST_CANDIDATES: usize = 10_000;

impl Memory {
    /// The items of a namespace that have most to do with a question, the most relevant first; of
    /// equals the older first.
    ///
    /// Relevance is the weighted sum of the cosine (negative ones count as 0) and of the BM25 score
    /// divided by the best one. What the vectors did not find is taken to be as far as the last that
    /// they did; what the words did not find is taken to share none.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a vector of another length than the embedder's; those of
    /// the archive, the embedder and the index. In a hybrid search an embedder or index that fails is
    /// told to [`tracing`], and words alone decide.
    pub async fn search(&self, namespace: NamespaceId, query: &Query) -> Result<Vec<Found>> {
        let dimensions = self.0.embedder.profile().dimensions;
        if let Some(vector) = &query.vector
            && vector.len() != dimensions
        {
            return Err(Error::invalid(format!(
                "the query's vector has {} numbers, and the embedder's have {dimensions}",
                vector.len()
            ))
            .with_help("embed the question with the memory's own embedder"));
        }
        if query.search != Search::Words {
            self.tell_before_search().await;
        }
        let most = query.limit.max(MOST_CANDIDATES);
        let wanted = query.limit.saturating_mul(4).clamp(CANDIDATES, most);
        let candidates = self.candidates(namespace, query, wanted).await?;
        self.rate(namespace, query, candidates).await
    }

    async fn candidates(
        &self,
        namespace: NamespaceId,
        query: &Query,
        wanted: usize,
    ) -> Result<Candidates> {
        let dense = match query.search {
            Search::Words => Vec::new(),
            Search::Dense => self.nearest(namespace, query, wanted).await?,
            Search::Hybrid => match self.nearest(namespace, query, wanted).await {
                Ok(hits) => hits,
                Err(error) => {
                    tracing::warn!(%error, "a search goes by words alone");
                    Vec::new()
                }
            },
        };
        let words = match query.search {
            Search::Dense => Vec::new(),
            _ => {
                self.0
                    .archive
                    .by_words(namespace, query.kind, &query.text, wanted)
                    .await?
            }
        };
        Ok(Candidates { dense, words })
    }

    async fn nearest(
        &self,
        namespace: NamespaceId,
        query: &Query,
        wanted: usize,
    ) -> Result<Vec<Hit>> {
        let vector = match &query.vector {
            Some(vector) => vector.clone(),
            None => {
                let vectors = self
                    .0
                    .embedder
                    .embed(std::slice::from_ref(&query.text))
                    .await?;
                vectors.into_iter().next().ok_or_else(|| {
                    Error::malformed_output("the embedder gave no vector for a question")
                })?
            }
        };
        let index = &self.0.index;
        let wanted = match wanted > MOST_CANDIDATES {
            // No more than there are: an index may make room for as many as it is asked for.
            true => wanted.min(usize::try_from(index.count().await?).unwrap_or(usize::MAX)),
            false => wanted,
        };
        let mut hits = index.search(namespace, query.kind, &vector, wanted).await?;
        let all = hits.len();
        hits.retain(|hit| hit.score.is_finite());
        if hits.len() == all {
            return Ok(hits);
        }
        // Of a vector that is damaged. The others are none the worse for it.
        let place = index.describe();
        match hits.is_empty() {
            false => {
                tracing::warn!("vectors in {place} are damaged: `catena memory check` mends them");
                Ok(hits)
            }
            true => Err(Error::other(format!("vectors in {place} are damaged"))
                .with_help("`catena memory check` mends them, `Memory::verify` does in a program")),
        }
    }

    async fn rate(
        &self,
        namespace: NamespaceId,
        query: &Query,
        candidates: Candidates,
    ) -> Result<Vec<Found>> {
        let mut rated = candidates.rated(query);
        rated.sort_by(|a, b| b.relevance.total_cmp(&a.relevance).then(a.id.cmp(&b.id)));
        let mut found = Vec::new();
        // In parts: mostly the first ones are those that are wanted.
        for rated in rated.chunks(query.limit.max(CANDIDATES)) {
            if found.len() >= query.limit {
                break;
            }
            let ids: Vec<_> = rated.iter().map(|rated| rated.id).collect();
            // By namespace: whatever an index might say, nothing of another one comes out.
            let items = self.0.archive.items(namespace, &ids).await?;
            let mut items: HashMap<_, _> = items.into_iter().map(|item| (item.id, item)).collect();
            found.extend(rated.iter().filter_map(|rated| {
                let item = items.remove(&rated.id)?;
                let fits = query.kind.is_none_or(|kind| kind == item.kind);
                fits.then_some(Found {
                    item,
                    relevance: rated.relevance,
                    cosine: rated.cosine,
                    words: rated.words,
                })
            }));
        }
        found.truncate(query.limit);
        Ok(found)
    }
}

/// What the two searches found, the best first.
struct Candidates {
    dense: Vec<Hit>,
    words: Vec<Hit>,
}

struct Rated {
    id: ItemId,
    relevance: f32,
    cosine: Option<f32>,
    words: Option<f32>,
}

impl Candidates {
    fn rated(&self, query: &Query) -> Vec<Rated> {
        let farthest = self
            .dense
            .last()
            .map_or(0.0, |hit| hit.score.clamp(0.0, 1.0));
        let best = self
            .words
            .first()
            .map_or(1.0, |hit| hit.score.max(f32::EPSILON));
        let weight = match query.search {
            Search::Dense => 0.0,
            Search::Words => 1.0,
            Search::Hybrid if self.dense.is_empty() => 1.0,
            Search::Hybrid => query.words,
        };
        let mut by_id: HashMap<ItemId, (Option<f32>, Option<f32>)> = HashMap::new();
        for hit in &self.dense {
            by_id.entry(hit.id).or_default().0 = Some(hit.score);
        }
        for hit in &self.words {
            by_id.entry(hit.id).or_default().1 = Some(hit.score);
        }
        by_id
            .into_iter()
            .map(|(id, (cosine, words))| {
                let near = cosine.map_or(farthest, |cosine| cosine.clamp(0.0, 1.0));
                let said = words.map_or(0.0, |words| (words / best).clamp(0.0, 1.0));
                Rated {
                    id,
                    relevance: (1.0 - weight) * near + weight * said,
                    cosine,
                    words,
                }
            })
            .collect()
    }
}
