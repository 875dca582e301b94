//! Opening a database: settings, form, version.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::{Error, Result};

/// Marks the file as one of Catena's: the letters "CTNA".
const APPLICATION: i64 = 0x4354_4e41;

/// The form of the tables; another number is refused.
const VERSION: i64 = 2;

/// How long a write waits for another process to finish its own.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A record is an effect with the events that were told since the record before it, so that a commit
/// changes two pages; or events alone, and then it has no path. Whoever takes a run up forgets the
/// events up to the record `told`. A path, an index and a digest are all that grows with the number
/// of calls beside their answers and a few bytes for each event.
const TABLES: &str = "
    CREATE TABLE runs (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        shape TEXT,
        input TEXT NOT NULL,
        meta TEXT NOT NULL,
        forked TEXT,
        status TEXT NOT NULL,
        output TEXT,
        error TEXT,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        owner TEXT NOT NULL,
        told INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE records (
        n INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (n) ON DELETE CASCADE,
        path TEXT,
        call INTEGER,
        request TEXT,
        effect TEXT,
        usage TEXT,
        elapsed_us INTEGER,
        events BLOB,
        UNIQUE (run, path, call)
    ) STRICT;
";

/// Opens or creates the database at `path`. With `fsync`, a commit waits for the disk.
pub(super) fn open(path: &Path, fsync: bool) -> Result<Connection> {
    let failed = |error: rusqlite::Error| unopenable(path, &error);
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // Reads the file for the first time: anything that is no database shows here.
    write_ahead(&connection).map_err(failed)?;
    let synchronous = if fsync { "FULL" } else { "NORMAL" };
    connection
        .pragma_update(None, "synchronous", synchronous)
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    // Immediate, because two processes may open a new file at the same time.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let number = |name: &str| transaction.pragma_query_value(None, name, |row| row.get(0));
    let application: i64 = number("application_id").map_err(failed)?;
    let version: i64 = number("user_version").map_err(failed)?;
    let tables: i64 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    match (application, version) {
        (0, 0) if tables == 0 => {
            transaction.execute_batch(TABLES).map_err(failed)?;
            transaction
                .pragma_update(None, "application_id", APPLICATION)
                .map_err(failed)?;
            transaction
                .pragma_update(None, "user_version", VERSION)
                .map_err(failed)?;
        }
        (APPLICATION, VERSION) => {}
        (APPLICATION, other) => {
            return Err(Error::journal(format!(
                "the journal {} has version {other}, and this program knows version {VERSION}",
                path.display()
            ))
            .with_help(if other > VERSION {
                "open it with the newer program that wrote it, or name another file"
            } else {
                "name another file, or remove this one"
            }));
        }
        _ => {
            return Err(Error::journal(format!(
                "{} is a database, and no journal of Catena",
                path.display()
            ))
            .with_help("name another file"));
        }
    }
    transaction.commit().map_err(failed)?;
    Ok(connection)
}

/// Turns the write-ahead log on. Of processes that do so to a new file at the same time, SQLite
/// refuses some at once, whatever the timeout.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        let busy = match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                ) =>
            {
                error
            }
            done => return done,
        };
        if started.elapsed() > PATIENCE {
            return Err(busy);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn unopenable(path: &Path, error: &rusqlite::Error) -> Error {
    let path = path.display();
    let of = |message: String, help: &str| {
        Error::journal(message)
            .with_help(help)
            .with_source(error.to_string())
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => of(
            format!("{path} exists and is no journal"),
            "name another file",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => of(
            format!("the journal {path} is locked by another program"),
            "wait for that program to end, or name another file",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => of(
            format!("the journal {path} cannot be opened: {error}"),
            "name a file in a folder that is there and can be written",
        ),
        Some(ErrorCode::DatabaseCorrupt) => of(
            format!("the journal {path} is damaged: {error}"),
            "name another file; `sqlite3 FILE .recover` may save what is in this one",
        ),
        _ => of(
            format!("the journal {path} cannot be opened: {error}"),
            "name another file",
        ),
    }
}

/// The error for a read or a write that failed.
pub(super) fn failed(error: &rusqlite::Error) -> Error {
    let help = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on the disk, and resume the run",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the journal: wait for it to end, and resume the run"
        }
        _ => "see to the file, and resume the run",
    };
    Error::journal(format!("the journal failed: {error}"))
        .with_help(help)
        .with_source(error.to_string())
}
