//! What a text leaves to be filled in.

/// Marks of a place to be filled in, in lower case.
const OPENINGS: [&str; 13] = [
    "[insert",
    "[placeholder",
    "[to be",
    "[describe",
    "[your",
    "[add ",
    "[name",
    "[date",
    "<insert",
    "{{",
    "lorem ipsum",
    "[...]",
    "[…]",
];

/// Words that stand for what is not written yet.
pub(super) const GAP_WORDS: [&str; 5] = ["TODO", "TBD", "FIXME", "XXX", "XXXX"];

/// The first mark of a text, if it has one.
pub(super) fn opening(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    OPENINGS
        .into_iter()
        .find(|opening| lower.contains(opening))
        .map(str::trim)
}
