//! Words that carry meaning.

use std::collections::HashSet;

/// The words of a text that carry meaning, each once.
pub(super) fn words(text: &str) -> HashSet<String> {
    catena_tools::words(text).collect()
}
