//! Whether a message asks about the past.

/// Words that say so by themselves.
const PAST: [&str; 9] = [
    "before",
    "earlier",
    "previous",
    "previously",
    "former",
    "formerly",
    "old",
    "originally",
    "ago",
];

/// Verbs in the past tense, which small questions are made with.
const VERBS: [&str; 4] = ["was", "were", "did", "had"];

/// Verbs of telling: "what did I say my job is" asks about now.
const TELLING: [&str; 5] = ["say", "said", "tell", "told", "mention"];

/// Whether a message asks about what was, rather than what is. Of English messages; what is said in
/// another language is taken to be about the present.
pub(super) fn asks_about_the_past(message: &str) -> bool {
    let words: Vec<String> = message
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .collect();
    let any = |of: &[&str]| words.iter().any(|word| of.contains(&&**word));
    let used_to = words
        .windows(2)
        .any(|two| matches!(two, [used, to] if used == "used" && to == "to"));
    any(&PAST) || used_to || (any(&VERBS) && !any(&TELLING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_told_from_the_present() {
        for message in [
            "In which city did I live before I moved?",
            "What was my job?",
            "Which instrument did I play earlier?",
            "What is my old phone number?",
            "Where I used to live, was there a river?",
        ] {
            assert!(asks_about_the_past(message), "{message}");
        }
        for message in [
            "In which city do I live?",
            "What did I say my job is?",
            "What did I tell you about my sister?",
            "Wo wohne ich?",
            "Is my parrot a used one, to your mind?",
            "",
        ] {
            assert!(!asks_about_the_past(message), "{message}");
        }
    }
}
