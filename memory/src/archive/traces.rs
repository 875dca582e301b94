//! Ridding the archive's own files of what was forgotten.
//!
//! SQLite writes over the rows that it deletes (`secure_delete`), but where it moves rows from page to page, to
//! fill them evenly, copies stay behind between those that are in use; and its log has what was before. So the
//! file is written anew, and the log cut off. Forgetting notes that this is owed, in the transaction that deletes,
//! and nothing is owed any longer when both are done. Whatever ends the process between, or keeps it from that, it
//! is made up for when the archive is opened next, or something else is forgotten.

use std::{mem, time::Duration};

use catena_core::Error;
use rusqlite::Connection;

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
    /// In the file, which could not be written anew.
    in_file: bool,
    /// In the log, which somebody reads.
    in_log: bool,
}

impl Traces {
    pub(super) fn are_in_log(&self) -> bool {
        self.in_log
    }

    /// Removes them if that is owed; from the log as soon as nobody reads what was before.
    pub(super) fn remove(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if meta::<i64>(db, OWED)?.is_none() {
            return Ok(());
        }
        let rewritten = db.execute_batch("VACUUM");
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

    /// Cuts off the log before the archive is closed, whatever is in it.
    pub(super) fn close(mut self, db: &Connection) {
        self.cut_log(db, PURGE);
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
