//! Where runs are recorded, and how a person names one.

use std::{path::PathBuf, sync::Arc};

use catena_core::{Journal, RunId, SqliteJournal};

use crate::{args, config::variable, data, failure::Failure};

/// Opens the journal that flag, environment or default name, and makes its folder if that is the
/// default's.
pub(crate) fn open(args: &args::Journal) -> Result<Arc<SqliteJournal>, Failure> {
    let named = args
        .journal
        .clone()
        .or_else(|| variable("CATENA_JOURNAL").map(PathBuf::from));
    let path = match named {
        Some(path) => path,
        None => default_path()?,
    };
    Ok(Arc::new(SqliteJournal::open(path)?))
}

/// As [`open`], but a journal that is not there is not made: there is nothing in it.
pub(crate) fn open_known(args: &args::Journal) -> Result<Option<Arc<SqliteJournal>>, Failure> {
    let named = args
        .journal
        .clone()
        .or_else(|| variable("CATENA_JOURNAL").map(PathBuf::from));
    match named {
        Some(path) if !path.exists() => Err(Failure::usage(format!(
            "there is no journal {}",
            path.display()
        ))
        .help("--journal names the file in which runs were recorded")),
        Some(_) => open(args).map(Some),
        None if data::folder().is_some_and(|folder| folder.join(FILE).exists()) => {
            open(args).map(Some)
        }
        None => Ok(None),
    }
}

const FILE: &str = "runs.db";

fn default_path() -> Result<PathBuf, Failure> {
    let folder = data::private_folder().map_err(|why| {
        Failure::new(format!("runs cannot be recorded: {why}"))
            .help("name a file with --journal, or go without a record: --no-journal")
    })?;
    Ok(folder.join(FILE))
}

/// Leaves nothing of runs that were removed in the journal's files, or says who keeps it from that.
pub(crate) async fn purge(journal: &SqliteJournal) -> Result<(), Failure> {
    if !journal.purge().await? {
        sayln!(
            "another process reads the journal {0}: until it is done, the words of what was forgotten stay in \
             {0}-wal",
            journal.path().display()
        );
    }
    Ok(())
}

/// The run that `text` means: an id, the beginning or the end of one, or `last`.
pub(crate) async fn find(journal: &SqliteJournal, text: &str) -> Result<RunId, Failure> {
    let runs = journal.list().await?;
    let none = |help: &str| {
        Failure::usage(format!("the journal has no run '{text}'")).help(help.to_owned())
    };
    if text == "last" {
        let last = runs.into_iter().next_back().map(|run| run.id);
        return last.ok_or_else(|| none("no run was recorded yet"));
    }
    let part = text.to_ascii_uppercase();
    let mut matching = runs.into_iter().map(|run| run.id).filter(|id| {
        let id = id.as_str();
        !part.is_empty() && (id.starts_with(&part) || id.ends_with(&part))
    });
    match (matching.next(), matching.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Failure::usage(format!("several runs are named '{text}'"))
            .help("give more of the id; the ends differ most")),
        _ => Err(none("`catena runs list` shows those there are")),
    }
}
