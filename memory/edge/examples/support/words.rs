//! Texts of made-up words.

/// Sentences of words as common as in a language: the rank of a word times its number is about the
/// same for all. The commonest are those of `everyday`.
pub(crate) fn words(random: &mut fastrand::Rng, everyday: &[&str], letters: usize) -> String {
    let mut text = String::new();
    while text.len() < letters {
        let rank = 30_000_f64.powf(random.f64()) as usize;
        match everyday.get(rank - 1) {
            Some(word) => text.push_str(word),
            None => spell(rank, &mut text),
        }
        text.push(if random.u8(..12) == 0 { '.' } else { ' ' });
    }
    text
}

fn spell(mut rank: usize, text: &mut String) {
    const SYLLABLES: [&str; 16] = [
        "ba", "de", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi", "yo", "za",
        "che",
    ];
    loop {
        *text += SYLLABLES[rank % SYLLABLES.len()];
        rank /= SYLLABLES.len();
        if rank == 0 {
            break;
        }
    }
}
