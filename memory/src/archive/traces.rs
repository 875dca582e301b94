//! Ridding the archive's own files of what was forgotten.
//!
//! SQLite writes over the rows that it deletes (`secure_delete`), but where it moves rows from page to page, to
//! fill them evenly, copies stay behind between those that are in use; and its log has what was before. So the
//! file is written anew, and the log cut off. Forgetting notes that this is owed, in the transaction that deletes,
//! and nothing is owed any longer when both are done. Whatever ends the process between, or keeps it from that, it
//! is made up for by whoever opens the archive next, when there is nothing to write or it is closed, or when
//! something else is forgotten.

use std::{fs, mem, path::Path, time::Duration};

use catena_core::Error;
use rusqlite::{Connection, ffi};

use super::schema::{PATIENCE, meta};

/// The mark, in the table `meta`.
const OWED: &str = "traces";

/// How long it waits for those who read.
const PURGE: Duration = Duration::from_secs(1);

/// Notes that what this transaction deletes has to leave the files.
pub(super) fn note(db: &Connection) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO meta VALUES (?1, 1)", [OWED])?;
    Ok(())
}

/// Where traces may be, as far as the thread that writes knows.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Of a process that ended before it was rid of them, or could not be; not looked for yet.
    older: bool,
    /// In the file, which could not be written anew.
    in_file: bool,
    /// In the log, which somebody reads.
    in_log: bool,
}

impl Traces {
    pub(super) fn of(db: &Connection) -> Self {
        Self {
            older: is_owed(db).unwrap_or(false),
            ..Self::default()
        }
    }

    /// Whether there is something to do when there is time.
    pub(super) fn wait(&self) -> bool {
        self.older || self.in_log
    }

    /// Does it.
    pub(super) fn make_up(&mut self, db: &Connection) {
        if !self.older {
            return self.cut_log(db, Duration::ZERO);
        }
        if let Err(error) = self.remove(db) {
            tracing::warn!(%error, "traces of what was forgotten are left in the archive's file");
        }
    }

    /// Removes them if that is owed; from the log as soon as nobody reads what was before.
    pub(super) fn remove(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.older = false;
        if !is_owed(db)? {
            return Ok(());
        }
        let rewritten = check_room(db).and_then(|()| db.execute_batch("VACUUM"));
        self.in_file = rewritten.is_err();
        self.in_log = true;
        self.cut_log(db, PURGE);
        rewritten
    }

    /// Cuts off the log, unless it is read for longer than `patience`.
    pub(super) fn cut_log(&mut self, db: &Connection, patience: Duration) {
        if cut_log(db, patience) && mem::take(&mut self.in_log) && !self.in_file {
            // If it stays, it is owed once more than is needed.
            let _ = db.execute("DELETE FROM meta WHERE key = ?1", [OWED]);
            cut_log(db, Duration::ZERO);
        }
    }

    /// Makes up for what there was no time for, and cuts off the log before the archive is closed.
    pub(super) fn close(mut self, db: &Connection) {
        if self.older {
            self.make_up(db);
        }
        self.cut_log(db, PURGE);
    }
}

fn is_owed(db: &Connection) -> rusqlite::Result<bool> {
    Ok(meta::<i64>(db, OWED)?.is_some())
}

/// Refuses what would fill the disk in vain: all of the file goes through its log.
fn check_room(db: &Connection) -> rusqlite::Result<()> {
    let Some(path) = db.path().map(Path::new) else {
        return Ok(());
    };
    let folder = path.parent().unwrap_or(path);
    // What cannot be told is tried.
    match (fs::metadata(path), fs4::available_space(folder)) {
        (Ok(file), Ok(free)) if free < file.len() => Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_FULL),
            Some("there is too little room to write it anew".to_owned()),
        )),
        _ => Ok(()),
    }
}

/// The error for whoever forgot something of which traces are left.
pub(super) fn left(error: &rusqlite::Error) -> Error {
    Error::memory(format!(
        "it is forgotten, but the archive's file still has traces of it: {error}"
    ))
    .with_help(
        "that is made up for when there is room: when the archive is opened next, or something else is \
         forgotten",
    )
    .with_source(error.to_string())
}

/// Copies the log into the database and cuts it off; `false` while a reader keeps it from that, which
/// may be an export that takes minutes.
fn cut_log(db: &Connection, patience: Duration) -> bool {
    let emptied = db.busy_timeout(patience).and_then(|()| {
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, i64>(0)
        })
    });
    let _ = db.busy_timeout(PATIENCE);
    emptied.is_ok_and(|busy| busy == 0)
}
