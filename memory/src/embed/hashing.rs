//! Vectors of words, without a model.

use async_trait::async_trait;
use catena_core::{Embedder, EmbedderProfile, Embedding, Result};
use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

/// An embedder that gives each word a direction by its digest and adds them up: texts that share
/// words are near each other. It knows nothing of meaning; it is for tests and examples, is the same
/// everywhere, and takes microseconds.
#[derive(Clone, Debug)]
pub struct HashingEmbedder {
    profile: EmbedderProfile,
}

impl HashingEmbedder {
    /// With 256 dimensions.
    pub fn new() -> Self {
        Self::with_dimensions(256)
    }

    /// With so many dimensions, at least one: the fewer, the more words collide.
    pub fn with_dimensions(dimensions: usize) -> Self {
        let dimensions = dimensions.max(1);
        Self {
            profile: EmbedderProfile {
                name: format!("hashing-{dimensions}"),
                dimensions,
                max_tokens: usize::MAX,
            },
        }
    }

    fn embed_one(&self, text: &str) -> Embedding {
        let mut vector = vec![0.0; self.profile.dimensions];
        for word in text.unicode_words() {
            let digest = Sha256::digest(word.to_lowercase());
            for bytes in digest.chunks_exact(8) {
                let number = bytes
                    .iter()
                    .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
                let place = (number >> 1) % self.profile.dimensions as u64;
                let sign = if number & 1 == 0 { 1.0 } else { -1.0 };
                // Less than the number of dimensions, which is a usize.
                vector[usize::try_from(place).unwrap_or(0)] += sign;
            }
        }
        let length = vector
            .iter()
            .map(|number| number * number)
            .sum::<f32>()
            .sqrt();
        match length > 0.0 {
            true => vector.iter_mut().for_each(|number| *number /= length),
            // A text without words: one direction for all of them.
            false => vector[0] = 1.0,
        }
        vector
    }
}

impl Default for HashingEmbedder {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Embedder for HashingEmbedder {
    fn profile(&self) -> &EmbedderProfile {
        &self.profile
    }

    fn provider(&self) -> &str {
        "catena"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        Ok(texts.iter().map(|text| self.embed_one(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::cosine;

    #[tokio::test]
    async fn texts_that_share_words_are_nearer() {
        let texts = [
            "the dog is called Rex",
            "what is the DOG called?",
            "rain in spring",
        ];
        let vectors = HashingEmbedder::new()
            .embed(&texts.map(String::from))
            .await
            .unwrap();
        assert!(cosine(&vectors[0], &vectors[1]) > 0.5);
        assert!(cosine(&vectors[0], &vectors[2]).abs() < 0.3);
    }

    #[tokio::test]
    async fn every_vector_has_length_1() {
        let texts = ["", "…", "a", "a a a b"].map(String::from);
        for vector in HashingEmbedder::with_dimensions(3)
            .embed(&texts)
            .await
            .unwrap()
        {
            assert!((vector.iter().map(|n| n * n).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
