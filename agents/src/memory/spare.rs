//! What a turn can do without.

use catena_core::{Context, Error, Result};
use serde_json::json;

/// The name of the note that says what a turn went without, and why.
const NOTE: &str = "memory.without";

/// Goes on without `what`, because of `error`, and says so in a note; unless it is the run that has to end.
pub(super) fn without(cx: &Context, what: &str, error: Error) -> Result<()> {
    if error.is_cancelled() || error.is_journal() || error.is_divergence() || error.is_interrupted()
    {
        return Err(error);
    }
    short_of(cx, what, &error.to_string());
    Ok(())
}

/// Says in a note what a turn goes without, and why.
pub(super) fn short_of(cx: &Context, what: &str, why: &str) {
    cx.note(NOTE, &json!({ "what": what, "error": why }));
}
