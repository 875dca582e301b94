//! Words that carry meaning.

use std::collections::HashSet;

/// The words of a text that carry meaning, in lower case and without a plural's or a genitive's s.
pub(super) fn words(text: &str) -> HashSet<String> {
    const EMPTY: &[&str] = &[
        "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been",
        "but", "by", "can", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her",
        "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "me", "more",
        "my", "no", "not", "of", "on", "one", "or", "our", "out", "she", "so", "some", "such",
        "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to",
        "up", "was", "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why",
        "will", "with", "yes", "would", "you", "your", "s", "t", "text", "say", "says",
    ];
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| !EMPTY.contains(&word.as_str()))
        .map(|word| match word.strip_suffix('s') {
            Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem.to_owned(),
            _ => word,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_words_and_endings_do_not_count() {
        let expected: HashSet<String> = ["dog", "house", "glass"].map(str::to_owned).into();
        assert_eq!(words("The dog's houses, and their GLASS!"), expected);
    }
}
