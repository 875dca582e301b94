//! Whether an answer names something: what exists, what is drawn, what is new.

use super::super::check::{Word, singular, words};

/// With which something is said to exist.
const EXISTING: &[&str] = &[
    "available",
    "commercial",
    "common",
    "commonly",
    "conventional",
    "conventionally",
    "current",
    "currently",
    "existing",
    "known",
    "patent",
    "prior",
    "today",
    "traditional",
    "traditionally",
    "typical",
    "typically",
    "usual",
    "usually",
];

/// Of whom an inventor speaks when nothing else is named.
const OWN: &[&str] = &[
    "me",
    "my",
    "mine",
    "myself",
    "we",
    "our",
    "ours",
    "ourselves",
];

/// With which a sentence begins that names nothing.
const EMPTY: &[&str] = &[
    "it",
    "this",
    "that",
    "they",
    "he",
    "she",
    "all",
    "everybody",
    "everything",
    "anything",
    "something",
];

const DENIALS: &[&str] = &["no", "none", "nobody", "nothing", "nowhere", "neither"];

/// Whether a sentence names something that exists besides the invention. Where it cannot be told, it does: a thing
/// that is the subject of a sentence is taken for one.
pub(super) fn names_what_exists(sentence: &str) -> bool {
    let words = words(sentence);
    let own = |word: &Word<'_>| word.text == "I" || word.is(OWN);
    let denied = |word: &Word<'_>| {
        word.is(DENIALS)
            || word.is(&["not", "never", "cannot"])
            || word.lower.ends_with("n't")
            || word.lower.ends_with("n’t")
    };
    // "Our existing cups do not stand."
    if words.iter().take(3).any(|word| word.is(EXISTING)) {
        return true;
    }
    let (own, denied) = (words.iter().any(own), words.iter().any(denied));
    let begins_empty = words.iter().take(2).any(|word| word.is(DENIALS))
        || words.first().is_some_and(|word| word.is(&["there"])) && denied;
    if begins_empty || own && denied {
        return false;
    }
    // "The cups of Acme".
    let is_name = |word: &Word<'_>| {
        word.text.chars().count() > 1 && word.text.starts_with(char::is_uppercase)
    };
    let named = words.iter().any(|word| word.is(EXISTING)) || words.iter().skip(1).any(is_name);
    let subject = words.first().is_some_and(|first| !first.is(EMPTY));
    let invention = words.iter().any(|word| word.is(&["invention"]));
    named || subject && !own && !invention
}

/// Whether a description of the drawings says that there are none.
pub(super) fn draws_nothing(answer: &str) -> bool {
    let words = words(answer);
    let short = words.len() <= 12;
    let any = |of: &[&str]| words.iter().any(|word| word.is(of));
    const DRAWN: &[&str] = &["drawing", "figure", "image", "picture", "sketch"];
    let denied = |pair: &[Word<'_>]| match pair {
        [no, drawn] => {
            no.is(&["no", "without", "any"]) && DRAWN.contains(&singular(&drawn.lower).as_str())
        }
        _ => false,
    };
    let not_applicable = matches!(words.as_slice(), [n, a] if n.is(&["n"]) && a.is(&["a"]));
    words.is_empty()
        || not_applicable
        || short
            && (any(&["none", "nil"])
                || words.windows(2).any(denied)
                || any(&["not", "no"]) && any(&["applicable", "necessary", "needed", "required"]))
}

/// Whether a description of the drawings without a numbered figure describes one all the same: by a number, or
/// by saying what is shown.
pub(super) fn is_drawn(answer: &str) -> bool {
    const DRAWN: &[&str] = &[
        "chart",
        "depict",
        "diagram",
        "drawing",
        "elevation",
        "fig",
        "figure",
        "flowchart",
        "graph",
        "illustrate",
        "illustration",
        "image",
        "perspective",
        "photo",
        "photograph",
        "picture",
        "plan",
        "schematic",
        "section",
        "show",
        "showing",
        "shown",
        "sketch",
        "view",
    ];
    words(answer).iter().any(|word| {
        word.text.starts_with(|c: char| c.is_ascii_digit())
            || DRAWN.contains(&singular(&word.lower).as_str())
    })
}

/// Whether none of these words names a thing; they are as [`catena_tools::words`] has them.
pub(super) fn says_nothing_but_praise(words: &[&String]) -> bool {
    const PRAISE: &[&str] = &[
        "best",
        "better",
        "cheap",
        "cheaper",
        "easier",
        "easily",
        "easy",
        "else",
        "ever",
        "every",
        "everything",
        "excellent",
        "good",
        "great",
        "idea",
        "invention",
        "just",
        "most",
        "much",
        "never",
        "new",
        "nice",
        "no",
        "not",
        "nothing",
        "novel",
        "only",
        "other",
        "perfect",
        "really",
        "simple",
        "simpler",
        "simply",
        "superior",
        "thing",
        "unique",
        "very",
    ];
    words.iter().all(|word| PRAISE.contains(&word.as_str()))
}
