//! The same text is not embedded twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use catena_core::{Embedder, EmbedderProfile, Embedding, Error, Result};
use sha2::{Digest, Sha256};

/// Around another embedder: keeps the vectors of the last texts in memory, by content, and hands on
/// the others in batches.
///
/// # Cancel safety
///
/// Dropping the future loses the batch under way; the batches before it are kept.
#[derive(Debug)]
pub struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    capacity: usize,
    batch: usize,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    vectors: HashMap<[u8; 32], Embedding>,
    /// The oldest first.
    order: VecDeque<[u8; 32]>,
}

impl CachedEmbedder {
    /// Keeps 4,096 vectors (6 MB at 384 dimensions), and hands on 32 texts at a time.
    pub fn new(inner: Arc<dyn Embedder>) -> Self {
        Self {
            inner,
            capacity: 4096,
            batch: 32,
            cache: Mutex::default(),
        }
    }

    /// Keeps so many vectors.
    #[must_use]
    pub fn capacity(mut self, vectors: usize) -> Self {
        self.capacity = vectors;
        self
    }

    /// Hands on so many texts at a time, at least one.
    #[must_use]
    pub fn batch(mut self, texts: usize) -> Self {
        self.batch = texts.max(1);
        self
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Embedder for CachedEmbedder {
    fn profile(&self) -> &EmbedderProfile {
        self.inner.profile()
    }

    fn provider(&self) -> &str {
        self.inner.provider()
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let keys: Vec<[u8; 32]> = texts
            .iter()
            .map(|text| Sha256::digest(text).into())
            .collect();
        let mut known: HashMap<[u8; 32], Embedding> = {
            let cache = self.cache();
            let of = |key| cache.vectors.get(key).map(|vector| (*key, vector.clone()));
            keys.iter().filter_map(of).collect()
        };
        let mut missing: Vec<([u8; 32], &String)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (key, text) in keys.iter().zip(texts) {
            if !known.contains_key(key) && seen.insert(*key) {
                missing.push((*key, text));
            }
        }
        for batch in missing.chunks(self.batch) {
            let texts: Vec<_> = batch.iter().map(|(_, text)| (*text).clone()).collect();
            let vectors = self.inner.embed(&texts).await?;
            let mut cache = self.cache();
            for ((key, _), vector) in batch.iter().zip(vectors) {
                cache.keep(*key, vector.clone(), self.capacity);
                known.insert(*key, vector);
            }
        }
        keys.iter()
            .map(|key| known.get(key).cloned())
            .collect::<Option<_>>()
            .ok_or_else(|| {
                let name = &self.profile().name;
                Error::malformed_output(format!("'{name}' gave fewer vectors than it got texts"))
            })
    }
}

impl Cache {
    fn keep(&mut self, key: [u8; 32], vector: Embedding, capacity: usize) {
        if self.vectors.insert(key, vector).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.vectors.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HashingEmbedder;

    #[derive(Debug)]
    struct Counting {
        inner: HashingEmbedder,
        batches: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl Embedder for Counting {
        fn profile(&self) -> &EmbedderProfile {
            self.inner.profile()
        }

        async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
            self.batches.lock().unwrap().push(texts.len());
            self.inner.embed(texts).await
        }
    }

    #[tokio::test]
    async fn a_text_is_embedded_once_and_in_batches() {
        let inner = Arc::new(Counting {
            inner: HashingEmbedder::new(),
            batches: Mutex::default(),
        });
        let embedder = CachedEmbedder::new(inner.clone()).batch(2).capacity(3);
        let texts = ["a", "b", "a", "c"].map(String::from);
        let vectors = embedder.embed(&texts).await.unwrap();
        assert_eq!(vectors, inner.inner.embed(&texts).await.unwrap());
        assert_eq!(*inner.batches.lock().unwrap(), [2, 1]);
        embedder.embed(&texts).await.unwrap();
        assert_eq!(inner.batches.lock().unwrap().len(), 2);
        // "a" is the oldest of three, and goes.
        embedder.embed(&["d".to_owned()]).await.unwrap();
        embedder
            .embed(&["b".to_owned(), "a".to_owned()])
            .await
            .unwrap();
        assert_eq!(*inner.batches.lock().unwrap(), [2, 1, 1, 1]);
    }
}
