//! Opening a database: settings, form, version.

use std::{
    fs::{self, OpenOptions},
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::{Error, Result};

/// Marks the file as one of Catena's: the letters "CTNA".
const APPLICATION: i64 = 0x4354_4e41;

/// The form of the tables. A journal of version 2 is brought to it; another number is refused.
const VERSION: i64 = 3;

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
        lost TEXT,
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

/// What a journal of version 2 lacks.
const SINCE_2: &str = "ALTER TABLE runs ADD COLUMN lost TEXT";

/// Opens or creates the database at `path`. With `fsync`, a commit waits for the disk.
pub(super) fn open(path: &Path, fsync: bool) -> Result<Connection> {
    let failed = |error: rusqlite::Error| unopenable(path, &error);
    if is_scrap(path) {
        return Err(no_journal(path));
    }
    make_private(path);
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // Reads the file for the first time, and changes nothing: anything that is not ours shows here.
    patiently(|| identify(&connection))
        .map_err(failed)?
        .check(path)?;
    patiently(|| connection.pragma_update(None, "journal_mode", "WAL")).map_err(failed)?;
    let synchronous = if fsync { "FULL" } else { "NORMAL" };
    connection
        .pragma_update(None, "synchronous", synchronous)
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    // A run that is forgotten is written over, not only taken out of the books.
    connection
        .pragma_update(None, "secure_delete", true)
        .map_err(failed)?;
    // Immediate, because two processes may open a new file at the same time.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    if let Some(missing) = identify(&transaction).map_err(failed)?.check(path)? {
        transaction.execute_batch(missing).map_err(failed)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION)
            .map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", VERSION)
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(connection)
}

/// Makes the file, if it is not there, for its user alone: a run holds what was read and said. The files
/// that SQLite puts beside it have the rights of this one.
fn make_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Whatever keeps it from being made is told when it is opened.
    drop(options.open(path));
}

/// Too short for a database, and something all the same, which SQLite would write over.
fn is_scrap(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && (1..512).contains(&file.len()))
}

/// Whose a database is.
struct Identity {
    application: i64,
    version: i64,
    tables: i64,
}

fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    // In one statement, or another process could create it in between.
    let all = "SELECT (SELECT application_id FROM pragma_application_id),
        (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)";
    connection.query_row(all, [], |row| {
        Ok(Identity {
            application: row.get(0)?,
            version: row.get(1)?,
            tables: row.get(2)?,
        })
    })
}

impl Identity {
    /// What it lacks, as statements; refuses what is not ours.
    fn check(&self, path: &Path) -> Result<Option<&'static str>> {
        let path = path.display();
        match (self.application, self.version) {
            (0, 0) if self.tables == 0 => Ok(Some(TABLES)),
            (APPLICATION, 2) => Ok(Some(SINCE_2)),
            (APPLICATION, VERSION) => Ok(None),
            (APPLICATION, other) => Err(Error::journal(format!(
                "the journal {path} has version {other}, and this program knows version {VERSION}",
            ))
            .with_help(if other > VERSION {
                "open it with the newer program that wrote it, or name another file"
            } else {
                "name another file, or remove this one"
            })),
            _ => Err(
                Error::journal(format!("{path} is a database, and no journal of Catena"))
                    .with_help("name another file"),
            ),
        }
    }
}

/// Does something to a file that others may be opening too. Of processes that turn the write-ahead
/// log of a new file on at the same time, SQLite refuses some at once, whatever the timeout.
fn patiently<T>(mut work: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let started = Instant::now();
    loop {
        let busy = match work() {
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

fn no_journal(path: &Path) -> Error {
    Error::journal(format!("{} exists and is no journal", path.display()))
        .with_help("name another file")
}

fn unopenable(path: &Path, error: &rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return no_journal(path).with_source(error.to_string());
    }
    let path = path.display();
    let of = |message: String, help: &str| {
        Error::journal(message)
            .with_help(help)
            .with_source(error.to_string())
    };
    match error.sqlite_error_code() {
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
