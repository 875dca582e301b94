//! `catena runs prune`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catena_core::{Journal, RunId, RunStatus, RunSummary};
use serde_json::json;

use crate::{args, failure::Failure, journal, terminal::print};

/// Which runs are forgotten.
pub(super) struct Which {
    pub(super) older_than: Option<Duration>,
    pub(super) keep: Option<usize>,
    pub(super) all: bool,
}

pub(super) async fn prune(
    args: &args::Journal,
    which: Which,
    dry_run: bool,
    json: bool,
) -> Result<(), Failure> {
    if which.older_than.is_none() && which.keep.is_none() {
        return Err(Failure::usage("nothing says which runs to forget")
            .help("--older-than 30d, --keep 100, or both: a run goes if either says so"));
    }
    let mut forgotten = Vec::new();
    if let Some(journal) = journal::open_known(args)? {
        for id in which.of(journal.list().await?) {
            if dry_run || journal.remove(&id).await? {
                forgotten.push(id);
            }
        }
        if !dry_run {
            journal::purge(&journal).await?;
        }
    }
    if json {
        let object = json!({ "forgotten": forgotten, "dry_run": dry_run });
        print(&format!("{object:#}\n"));
        return Ok(());
    }
    let mut text: String = forgotten.iter().map(|id| format!("{id}\n")).collect();
    let (s, were) = if forgotten.len() == 1 {
        ("", "was")
    } else {
        ("s", "were")
    };
    let verb = if dry_run { "would be" } else { were };
    text += &format!("{} run{s} {verb} forgotten\n", forgotten.len());
    print(&text);
    Ok(())
}

impl Which {
    /// Of `runs`, oldest first, those to be forgotten.
    fn of(&self, runs: Vec<RunSummary>) -> Vec<RunId> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = now.map_or(0, |now| now.as_millis() as u64);
        let may_go: Vec<_> = runs
            .into_iter()
            .filter(|run| !run.live && (self.all || run.status == RunStatus::Finished))
            .collect();
        let newest = may_go.len() - self.keep.unwrap_or(may_go.len()).min(may_go.len());
        may_go
            .into_iter()
            .enumerate()
            .filter(|(index, run)| {
                let old = self.older_than.is_some_and(|limit| {
                    u128::from(now_ms.saturating_sub(run.updated_ms)) > limit.as_millis()
                });
                old || *index < newest
            })
            .map(|(_, run)| run.id)
            .collect()
    }
}
