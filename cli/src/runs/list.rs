//! `catena runs list`.

use std::{
    io::stdout,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anstyle::{AnsiColor, Style};
use catena_core::{Journal, RunStatus, RunSummary};

use super::subject;
use crate::{
    args,
    failure::Failure,
    journal,
    terminal::{headline, print, styled},
};

pub(super) async fn list(args: &args::Journal, limit: usize, json: bool) -> Result<(), Failure> {
    let Some(journal) = journal::open_known(args)? else {
        print(if json {
            "[]\n"
        } else {
            "no run was recorded yet\n"
        });
        return Ok(());
    };
    let mut runs = journal.list().await?;
    runs.reverse();
    let all = runs.len();
    runs.truncate(limit);
    let mut rows = Vec::new();
    for run in runs {
        let about = match journal.load(&run.id).await? {
            Some((record, _)) => subject(&record),
            None => continue, // Forgotten meanwhile.
        };
        rows.push((run, about));
    }
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(run, about)| {
                let mut row = serde_json::to_value(run).unwrap_or_default();
                row["about"] = about.as_str().into();
                row
            })
            .collect();
        let rows = serde_json::to_string_pretty(&rows).unwrap_or_default();
        print(&format!("{rows}\n"));
        return Ok(());
    }
    if rows.is_empty() {
        print("no run was recorded yet\n");
        return Ok(());
    }
    let mut text = String::new();
    for (run, about) in &rows {
        let (state, style) = state(run);
        text += &format!(
            "{}  {:<9}  {}  {:>5} entries  {:>9}  {}\n",
            run.id,
            run.name,
            styled(&format!("{state:<11}"), style, &stdout()),
            run.entries,
            ago(run.updated_ms),
            headline(about, 60),
        );
    }
    if all > rows.len() {
        text += &format!("and {} older ones; -n {all} shows all\n", all - rows.len());
    }
    print(&text);
    Ok(())
}

/// How far a run came, in a word, and the word's colour.
pub(super) fn state(run: &RunSummary) -> (&'static str, Style) {
    match run.status {
        RunStatus::Running if run.live => ("running", AnsiColor::Cyan.on_default()),
        RunStatus::Running => ("killed", AnsiColor::Red.on_default()),
        RunStatus::Finished => ("finished", AnsiColor::Green.on_default()),
        RunStatus::Failed => ("failed", AnsiColor::Red.on_default()),
        RunStatus::Cancelled => ("stopped", AnsiColor::Yellow.on_default()),
        RunStatus::Interrupted => ("waits", AnsiColor::Magenta.on_default()),
        _ => ("unknown", Style::new()),
    }
}

/// How long ago, in the largest unit that fits.
pub(super) fn ago(then_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let past = now
        .unwrap_or_default()
        .saturating_sub(Duration::from_millis(then_ms))
        .as_secs();
    match past {
        0..60 => format!("{past} s ago"),
        60..3600 => format!("{} min ago", past / 60),
        3600..172_800 => format!("{} h ago", past / 3600),
        _ => format!("{} d ago", past / 86_400),
    }
}
