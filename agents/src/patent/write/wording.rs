//! Words as they go into a sentence: articles, lower case, full stops.

/// A title inside a sentence: with an article where it seems to need one, and in lower case but for words
/// with several capitals.
pub(super) fn inside(title: &str) -> String {
    let words: Vec<String> = title
        .split_whitespace()
        .map(|word| {
            let capitals = word.chars().filter(|c| c.is_uppercase()).count();
            match capitals {
                1 if word.chars().count() > 1 => word.to_lowercase(),
                _ => word.to_owned(),
            }
        })
        .collect();
    let text = words.join(" ");
    let first = words.first().map_or("", String::as_str);
    let head = words
        .iter()
        .position(|word| {
            matches!(
                word.as_str(),
                "for" | "of" | "with" | "having" | "and" | "to" | "in"
            )
        })
        .and_then(|at| words.get(at.checked_sub(1)?))
        .or(words.last())
        .map_or("", String::as_str);
    let bare = matches!(first, "a" | "an" | "the")
        || head.ends_with('s') && !head.ends_with("ss") && !head.ends_with("us")
        || head.ends_with("ing");
    match bare {
        true => text,
        false => format!("{} {text}", article(first)),
    }
}

/// The indefinite article of a word.
pub(super) fn article(word: &str) -> &'static str {
    let lower = word.to_lowercase();
    let vowel = lower.starts_with(['a', 'e', 'i', 'o', 'u']);
    let consonant = [
        "uni", "use", "usa", "usu", "uti", "eu", "one", "once", "ubi",
    ]
    .iter()
    .any(|start| lower.starts_with(start));
    let exception = ["hour", "honest"]
        .iter()
        .any(|start| lower.starts_with(start));
    match vowel && !consonant || exception {
        true => "an",
        false => "a",
    }
}

/// A first word in lower case, unless it is all capitals.
pub(super) fn lowered(text: &str) -> String {
    let mut chars = text.chars();
    let (first, second) = (chars.next(), chars.next());
    match (first, second) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            let rest = text.get(first.len_utf8()..).unwrap_or_default();
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_owned(),
    }
}

pub(super) fn ended(text: &str) -> String {
    let text = text.trim().trim_end_matches([';', ',', '.', ' ']);
    format!("{text}.")
}

/// A first letter as a capital.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_goes_into_a_sentence() {
        for (title, text) in [
            ("Cup With a Wide Foot", "a cup with a wide foot"),
            (
                "Apparatus for DNA Analysis",
                "an apparatus for DNA analysis",
            ),
            ("Methods of Washing", "methods of washing"),
            ("Electric pump", "an electric pump"),
            ("Washing Machine", "a washing machine"),
        ] {
            assert_eq!(inside(title), text);
        }
    }
}
