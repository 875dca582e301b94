//! Answers that are not whole: cut off at their limit of tokens, withheld by the provider, or empty.

use catena_core::{Context, Error, FinishReason, Result, sentences};
use serde_json::json;

/// The name of the note that says which text ended before its end, and why.
const NOTE: &str = "answer.cut";

/// Whether a text ended before its end.
pub(crate) fn is_cut(finish: FinishReason) -> bool {
    matches!(finish, FinishReason::Length | FinishReason::ContentFilter)
}

/// Tells in a note that `what` ended before its end, if it did.
pub(crate) fn tell_cut(cx: &Context, what: &str, finish: FinishReason) {
    if is_cut(finish) {
        cx.note(NOTE, &json!({ "what": what, "finish": finish }));
    }
}

/// An answer without the blanks around it.
///
/// # Errors
///
/// [`is_refused`](Error::is_refused) where the provider withheld all of it, and
/// [`is_malformed_output`](Error::is_malformed_output) where there is nothing in it for another reason.
pub(crate) fn worded(text: &str, finish: FinishReason) -> Result<String> {
    match (text.trim(), finish) {
        ("", FinishReason::ContentFilter) => {
            Err(Error::refused("the provider withheld the answer")
                .with_help("say it in other words, or use another model"))
        }
        ("", FinishReason::Length) => Err(Error::malformed_output(
            "the answer came to its limit of tokens before its first word",
        )
        .with_help(
            "allow a longer answer, which a model that reasons first needs, or use another model",
        )),
        ("", _) => Err(Error::malformed_output("the model gave an empty answer")
            .with_help("say it in other words, or use another model")),
        (text, _) => Ok(text.to_owned()),
    }
}

/// What a model wrote before it was stopped, without its last, broken sentence. Of a single sentence what there
/// is.
pub(crate) fn whole_sentences(text: &str) -> &str {
    let text = text.trim();
    match sentences(text).last() {
        Some(last) if last.start > 0 => text.get(..last.start).unwrap_or(text).trim_end(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_word_is_none() {
        assert_eq!(worded(" a \n", FinishReason::Length).unwrap(), "a");
        let why = |finish| worded(" \n", finish).unwrap_err();
        assert!(why(FinishReason::ContentFilter).is_refused());
        assert!(why(FinishReason::Length).is_malformed_output());
        assert!(why(FinishReason::Stop).is_malformed_output());
    }

    #[test]
    fn a_broken_last_sentence_is_dropped() {
        assert_eq!(whole_sentences("One is here. Two is th"), "One is here.");
        assert_eq!(whole_sentences("One is h"), "One is h");
    }
}
