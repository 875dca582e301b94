//! A run as lines of JSON.

use std::io::{self, Write};

use serde_json::json;

use super::{Journal, RunId};
use crate::{Error, Result};

/// Writes a run as JSON Lines: `{"run": …}`, then `{"entry": …}` for each effect, then
/// `{"event": …}` for each event.
///
/// # Errors
///
/// [`is_journal`](Error::is_journal) when the journal cannot be read or does not know the run, or
/// when `out` cannot be written.
pub async fn export_run(journal: &dyn Journal, run: &RunId, out: &mut impl Write) -> Result<()> {
    let Some((record, entries)) = journal.load(run).await? else {
        return Err(Error::journal(format!("the journal has no run {run}")));
    };
    let events = journal.events(run).await?;
    let mut line = |value: serde_json::Value| writeln!(out, "{value}").map_err(unwritable);
    line(json!({ "run": record }))?;
    for entry in entries {
        line(json!({ "entry": entry }))?;
    }
    for event in events {
        line(json!({ "event": event }))?;
    }
    out.flush().map_err(unwritable)
}

fn unwritable(error: io::Error) -> Error {
    Error::journal(format!("the export cannot be written: {error}")).with_source(error)
}
