//! Words that carry meaning.

/// The words of a text that carry meaning, in lower case and without a plural's or a genitive's s, in
/// their order. In scripts that put no blanks between words, each character is one.
///
/// # Example
///
/// ```
/// let words: Vec<String> = catena_tools::words("The dog's houses").collect();
/// assert_eq!(words, ["dog", "house"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = String> {
    const EMPTY: &[&str] = &[
        "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been",
        "but", "by", "can", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her",
        "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "me", "more",
        "my", "of", "on", "or", "our", "out", "she", "so", "some", "such", "than", "that", "the",
        "their", "them", "then", "there", "these", "they", "this", "to", "up", "was", "we", "were",
        "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "yes",
        "would", "you", "your", "s", "t", "text", "say", "says",
    ];
    text.split(|c: char| !c.is_alphanumeric())
        .flat_map(pieces)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| !EMPTY.contains(&word.as_str()))
        .map(|word| match word.strip_suffix('s') {
            Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem.to_owned(),
            _ => word,
        })
}

/// A run of letters, or its characters where they are words of their own.
fn pieces(run: &str) -> Vec<&str> {
    // Thai, kana and Chinese characters.
    let is_word = |c: char| matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, c) in run.char_indices().filter(|(_, c)| is_word(*c)) {
        let end = at + c.len_utf8();
        pieces.extend(run.get(start..at));
        pieces.extend(run.get(at..end));
        start = end;
    }
    pieces.extend(run.get(start..));
    pieces
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn set(text: &str) -> HashSet<String> {
        words(text).collect()
    }

    #[test]
    fn form_words_and_endings_do_not_count() {
        let expected: HashSet<String> = ["dog", "house", "glass"].map(str::to_owned).into();
        assert_eq!(set("The dog's houses, and their GLASS!"), expected);
    }

    #[test]
    fn where_no_blanks_are_written_each_character_counts() {
        let expected: HashSet<String> = ["\u{5317}", "\u{4eac}", "2024"].map(str::to_owned).into();
        assert_eq!(set("\u{5317}2024\u{4eac}"), expected);
    }
}
