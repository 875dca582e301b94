//! Knows a sentence that says that nothing was found.

use catena_core::sentences;

/// Whatever they are said of, these tell that nothing was found. In lower case; appendix F.4 of
/// the paper gives two, the others are from transcripts of small models.
const PLAIN: &[&str] = &[
    "i don't know",
    "i do not know",
    "i cannot answer",
    "i can't answer",
    "i'm sorry",
    "i am sorry",
    "cannot be determined",
    "no relevant",
    "no specific information",
    "no additional information",
    "no new information",
    "no new facts",
    "nothing useful",
    "nothing was found",
    "(none)",
    "(nothing",
];

/// These tell it when they are said of the text: "The passage does not mention the key", but not
/// "Ann did not mention the key".
const OF_THE_TEXT: &[&str] = &[
    " not mention",
    "n't mention",
    "no mention of",
    " not specif",
    "n't specif",
    " not state",
    " not provide",
    "n't provide",
    " not contain",
    "n't contain",
    " not include",
    " not answer",
    " not give",
    " not explicitly",
    "no information",
];

/// Words for the text.
const TEXT: &[&str] = &[
    "text",
    "passage",
    "part",
    "notes",
    "excerpt",
    "section",
    "document",
    "article",
    "information",
    "context",
    "story",
];

/// `text` without the sentences that say that nothing was found; empty if it has no others. What
/// is left stands as it stood.
pub(super) fn without_refusals(text: &str) -> String {
    let text = text.trim();
    let kept: String = sentences(text)
        .filter_map(|range| text.get(range))
        .filter(|sentence| !is_refusal(sentence))
        .collect();
    let kept = kept.trim();
    // Left-over bullets and quotes are no evidence.
    if kept.chars().any(char::is_alphanumeric) {
        kept.to_owned()
    } else {
        String::new()
    }
}

fn is_refusal(sentence: &str) -> bool {
    let lower = sentence.to_lowercase().replace('\u{2019}', "'");
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let has = |list: &[&str]| list.iter().any(|phrase| lower.contains(phrase));
    let of_the_text = || {
        lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| TEXT.contains(&word))
    };
    bare == "none" || has(PLAIN) || (has(OF_THE_TEXT) && of_the_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_go_and_evidence_stays() {
        assert_eq!(without_refusals("The text does not mention the key."), "");
        assert_eq!(without_refusals("I don\u{2019}t know. None."), "");
        assert_eq!(without_refusals("(none)"), "");
        assert_eq!(
            without_refusals("The key is 42. The text does not mention its owner."),
            "The key is 42."
        );
    }

    #[test]
    fn what_is_no_refusal_is_untouched() {
        let notes = "- Ann knows nothing of it.\n- She did not mention the key.\n";
        assert_eq!(without_refusals(notes), notes.trim());
    }
}
