//! Long texts in pieces of as many tokens as the model reads.
//!
//! A model of this size reads 256 tokens, and a turn may have thousands: what it reads of it would decide
//! alone. A text's vector is that of its pieces together, each with the weight of its tokens. What that is
//! worth, docs/memory-index.md tells.

use catena_core::Embedding;
use fastembed::TextEmbedding;

use crate::files::MAX_TOKENS;

/// The most pieces of a text; what is behind them is cut. With them a text takes as long as so many short
/// ones.
pub(crate) const MOST: usize = 32;

/// A piece is looked for among so many bytes: in words no token has as many as 64.
const NEAR: usize = 64 * MAX_TOKENS;

/// What decides about a vector beside the model's files: it is a part of the embedder's name.
pub(crate) const MAKING: &str = "the mean of 32 pieces of 256 tokens, by tokens";

/// A part of the text of this number, and how many tokens it has.
pub(crate) struct Piece {
    pub(crate) text: usize,
    pub(crate) tokens: usize,
    pub(crate) words: String,
}

/// The pieces of `text`, at least one.
pub(crate) fn pieces(
    model: &TextEmbedding,
    number: usize,
    text: &str,
) -> Result<Vec<Piece>, Box<dyn std::error::Error + Send + Sync>> {
    let whole = || Piece {
        text: number,
        tokens: 1,
        words: text.to_owned(),
    };
    // A token has a byte at least, and two tokens are the model's own.
    if text.len() <= MAX_TOKENS - 2 {
        return Ok(vec![whole()]);
    }
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && pieces.len() < MOST {
        let near = rest.get(..rest.floor_char_boundary(NEAR)).unwrap_or(rest);
        // It stops where the model does, and tells nothing of what is behind.
        let encoding = model.tokenizer.encode(near, true)?;
        // The model's own tokens are nowhere in the text.
        let places = encoding.get_offsets().iter().filter(|(from, to)| from < to);
        let end = places.clone().map(|(_, to)| *to).max();
        let Some((words, behind)) = end.and_then(|end| rest.split_at_checked(end)) else {
            break;
        };
        pieces.push(Piece {
            text: number,
            tokens: places.count(),
            words: words.to_owned(),
        });
        rest = behind.trim_start();
    }
    Ok(match pieces.is_empty() {
        true => vec![whole()],
        false => pieces,
    })
}

/// Adds the vector of a piece to what there is of its text.
pub(crate) fn add(sum: &mut Embedding, vector: &[f32], tokens: usize) {
    sum.resize(vector.len(), 0.0);
    for (sum, number) in sum.iter_mut().zip(vector) {
        *sum += number * tokens as f32;
    }
}

/// The direction of a sum.
pub(crate) fn mean(mut sum: Embedding) -> Embedding {
    let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|number| *number /= length);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_piece_weighs_more() {
        let mut sum = Embedding::new();
        add(&mut sum, &[1.0, 0.0], 30);
        add(&mut sum, &[0.0, 1.0], 40);
        assert_eq!(mean(sum), [0.6, 0.8]);
        assert_eq!(mean(vec![0.0, 0.0]), [0.0, 0.0]);
    }

    #[test]
    fn the_name_says_how_many_pieces() {
        assert!(MAKING.contains(&format!("{MOST} pieces of {MAX_TOKENS} tokens")));
    }
}
