//! Words of a text that is not parsed.

/// Whether it is a part of a name, a keyword or a number.
pub(super) fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of a text, in their order.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c)).filter(|word| !word.is_empty())
}

/// The word that a text begins with; empty where it begins with something else.
pub(super) fn first(text: &str) -> &str {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_divided_at_all_that_is_part_of_no_word() {
        let all: Vec<&str> = words("a_1(é)  - 'b', ").collect();
        assert_eq!(all, ["a_1", "é", "b"]);
        assert_eq!(first("def f"), "def");
        assert_eq!(first("é"), "é");
        assert_eq!(first("(a"), "");
    }
}
