//! Opening an archive: its form, its settings, and refusing what is none.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use catena_core::{Error, Result, RunId};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use super::words;

/// Marks the file as one of Catena's archives: the letters "CTNM".
const APPLICATION: i64 = 0x4354_4e4d;
const VERSION: i64 = 4;

/// Bytes of a page of a new archive: a turn of a thousand letters fills a page of 4,096, the default,
/// so badly that a quarter of the file stays empty; a twentieth of these does.
const PAGE: i64 = 8192;

/// How long a reader and the writer wait for each other.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// `change` numbers everything that an index has to be told, `removed` what it has to be told and is no
/// longer there.
const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user TEXT NOT NULL,
        bot TEXT NOT NULL,
        conversation TEXT NOT NULL,
        next_turn INTEGER NOT NULL DEFAULT 1,
        UNIQUE (user, bot, conversation)
    ) STRICT;
    CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        namespace INTEGER NOT NULL REFERENCES namespaces (id),
        kind INTEGER NOT NULL,
        key TEXT,
        observation TEXT NOT NULL,
        response TEXT NOT NULL,
        summary TEXT NOT NULL,
        digest BLOB NOT NULL,
        valid_from INTEGER NOT NULL,
        valid_until INTEGER,
        replaced_by INTEGER,
        change INTEGER NOT NULL,
        place TEXT AS (namespace || CASE kind WHEN 1 THEN 'f' ELSE 't' END) VIRTUAL,
        said TEXT AS (coalesce(key || char(10), '') || observation || char(10) || response) VIRTUAL
    ) STRICT;
    CREATE INDEX items_by_namespace ON items (namespace, kind);
    CREATE INDEX items_by_key ON items (namespace, key, valid_from) WHERE key IS NOT NULL;
    CREATE INDEX items_by_digest ON items (namespace, substr(digest, 1, 8));
    CREATE INDEX items_by_change ON items (change);
    CREATE INDEX items_by_successor ON items (replaced_by) WHERE replaced_by IS NOT NULL;
    CREATE TABLE sources (
        namespace INTEGER NOT NULL,
        turn INTEGER NOT NULL,
        item INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
        at INTEGER NOT NULL,
        run TEXT,
        PRIMARY KEY (namespace, turn, item, at)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sources_by_item ON sources (item);
    CREATE TABLE removed (change INTEGER PRIMARY KEY, item INTEGER NOT NULL) STRICT;
    INSERT INTO meta VALUES ('change', 0);
";

/// An item's text is kept once: the full-text index refers to the table. Its parts are one column there, the
/// first, since a word in any other takes two bytes more, a tenth of all that the archive takes. A word of
/// the other column says where the item is, `12f` for a fact of namespace 12, so that a search among few
/// items of a kind does not come by the many of another. What is indexed is not always letter by letter what is
/// said: `words` alone adds and removes it.
const WORDS: &str = "
    CREATE VIRTUAL TABLE words USING fts5 (
        said, place,
        content = 'items', content_rowid = 'id', tokenize = 'porter unicode61'
    );
    INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
    INSERT INTO words (words, rank) VALUES ('pgsz', 8146);
";

/// From version 1, whose words knew the namespace alone.
const FROM_1: &str = "
    ALTER TABLE items ADD COLUMN
        place TEXT AS (namespace || CASE kind WHEN 1 THEN 'f' ELSE 't' END) VIRTUAL;
";

/// From version 2, whose words were in a column for each part of a text.
const FROM_2: &str = "
    ALTER TABLE items ADD COLUMN
        said TEXT AS (coalesce(key || char(10), '') || observation || char(10) || response) VIRTUAL;
";

/// Whoever holds it is the archive's only process: of the file beside it, and of its own, which has the same
/// lock by whatever name it is opened.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "held for their locks")] (File, Option<File>));

/// Where an archive really is, whatever links lead there, so that it has one lock; and a refusal of
/// what is certainly none, before anything is written beside it.
pub(super) fn locate(path: &Path) -> Result<PathBuf> {
    let unusable = |error: std::io::Error| {
        Error::memory(format!(
            "the archive {} cannot be opened: {error}",
            path.display()
        ))
        .with_help("name a file in a folder that is there and can be written")
        .with_source(error)
    };
    let file = match path.canonicalize() {
        Ok(file) => file,
        // Not there yet: its folder is.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = path.file_name().ok_or(error).map_err(unusable)?;
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            return Ok(folder.canonicalize().map_err(unusable)?.join(name));
        }
        Err(error) => return Err(unusable(error)),
    };
    if file.is_dir() {
        return Err(Error::memory(format!("{} is a folder", path.display()))
            .with_help("name a file in it: the archive is created if it is not there"));
    }
    let mut head = Vec::new();
    File::open(&file)
        .and_then(|file| file.take(100).read_to_end(&mut head))
        .map_err(unusable)?;
    match head.is_empty() || may_be_archive(&head) {
        true => Ok(file),
        false => Err(no_archive(path)),
    }
}

/// Whether a file that begins like this may be an archive
/// ([the format](https://www.sqlite.org/fileformat.html#the_database_header)): its application, or
/// none as yet and no table, when it was created a moment ago and all is in the log.
fn may_be_archive(head: &[u8]) -> bool {
    let number = |at: usize| {
        head.get(at..at + 4).map(|bytes| {
            bytes
                .iter()
                .fold(0, |all, byte| all << 8 | i64::from(*byte))
        })
    };
    let (tables, application) = (number(40), number(68));
    head.starts_with(b"SQLite format 3\0")
        && (application == Some(APPLICATION) || (application, tables) == (Some(0), Some(0)))
}

/// Takes the lock of the archive at `path`.
pub(super) fn lock(path: &Path) -> Result<Lock> {
    let beside = beside(path, ".lock");
    let unusable = |error: std::io::Error| {
        Error::memory(format!(
            "the archive {} cannot be locked: {error}",
            path.display()
        ))
        .with_help("name an archive in a folder that is there and can be written")
        .with_source(error)
    };
    let mut tries = 0;
    loop {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&beside)
            .map_err(unusable)?;
        match file.try_lock() {
            // It was removed with its archive after it was opened here: the lock is another file by now.
            Ok(()) if !is_at(&file, &beside) && tries < TRIES => tries += 1,
            Ok(()) => {
                let itself = itself(path)?;
                // Who it is, for the message of others; nothing depends on it.
                let _ = file
                    .set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| write!(file, "{}", std::process::id()));
                return Ok(Lock((file, itself)));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
            Err(TryLockError::WouldBlock) => return Err(is_open(path, file)),
        }
    }
}

/// How often a lock is opened again that was removed in between: not for ever, since there are file systems that
/// number a file anew each time.
const TRIES: u32 = 100;

/// Whether an open file is the one at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        (_, Err(error)) => error.kind() != ErrorKind::NotFound,
        (Err(_), _) => true,
    }
}

/// Elsewhere the lock stays where it is.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// The error for whoever finds the archive locked; `lock` says by whom.
fn is_open(path: &Path, mut lock: File) -> Error {
    let mut owner = String::new();
    let _ = lock.read_to_string(&mut owner);
    let (owner, help) = match owner.trim() {
        id if id == std::process::id().to_string() => (
            "in this process".to_owned(),
            "use the archive that is open: its clones are the same",
        ),
        "" => ("in another process".to_owned(), END_IT),
        id => (format!("in another process (number {id})"), END_IT),
    };
    let message = format!("the archive {} is open {owner}", path.display());
    Error::memory(message).with_help(help)
}

/// Removes the files of an archive that is closed, and gives up its lock.
pub(super) fn remove(path: &Path, lock: Lock) -> Result<()> {
    // The log first: what is left where it breaks off is an empty archive still.
    for ending in ["-wal", "-shm", ""] {
        let file = beside(path, ending);
        if let Err(error) = fs::remove_file(&file)
            && error.kind() != ErrorKind::NotFound
        {
            let message = format!("{} cannot be removed: {error}", file.display());
            return Err(Error::memory(message)
                .with_help("remove it yourself: nothing is in it")
                .with_source(error));
        }
    }
    // While it is locked: whoever has opened it sees, once it has the lock, that the file is no longer there.
    if cfg!(unix) {
        let _ = fs::remove_file(beside(path, ".lock"));
    }
    drop(lock);
    Ok(())
}

/// The archive's own file, locked, since another name may lead to it (a hard link). Only where that lock is
/// another than those of SQLite, and not where the file system has none of the kind.
fn itself(path: &Path) -> Result<Option<File>> {
    if cfg!(not(target_os = "linux")) {
        return Ok(None);
    }
    make_private(path);
    let Ok(file) = File::open(path) else {
        return Ok(None);
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::Error(_)) => Ok(None),
        Err(TryLockError::WouldBlock) => Err(Error::memory(format!(
            "the archive {} is open by another name",
            path.display()
        ))
        .with_help("close it there, or name another archive")),
    }
}

const END_IT: &str = "end that process, or name another archive";

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Makes the file, if it is not there, for its user alone: what is said is nobody else's business. The
/// files that SQLite puts beside it have the rights of this one.
fn make_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Whatever keeps it from being made is told when it is opened.
    drop(options.open(path));
}

/// Opens or creates the archive at `path`, for writing.
pub(super) fn open(path: &Path, fsync: bool) -> Result<Connection> {
    let failed = |error: rusqlite::Error| unopenable(path, &error);
    make_private(path);
    let db = Connection::open(path).map_err(failed)?;
    db.busy_timeout(PATIENCE).map_err(failed)?;
    let whose = "SELECT (SELECT application_id FROM pragma_application_id),
        (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)";
    let whose: (i64, i64, i64) = db
        .query_row(whose, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(failed)?;
    match whose {
        (0, 0, 0) | (APPLICATION, 1..=VERSION, _) => {}
        (APPLICATION, other, _) => {
            return Err(Error::memory(format!(
                "the archive {} has version {other}, and this program knows version {VERSION}",
                path.display()
            ))
            .with_help("open it with the program that wrote it, or name another file"));
        }
        _ => return Err(no_archive(path)),
    }
    if whose.2 == 0 {
        db.pragma_update(None, "page_size", PAGE).map_err(failed)?;
    }
    db.pragma_update(None, "journal_mode", "WAL")
        .map_err(failed)?;
    let synchronous = if fsync { "FULL" } else { "NORMAL" };
    db.pragma_update(None, "synchronous", synchronous)
        .map_err(failed)?;
    db.pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    // What is forgotten is written over, not only taken out of the books.
    db.pragma_update(None, "secure_delete", true)
        .map_err(failed)?;
    match whose {
        (_, 0, _) => create(&db).map_err(failed)?,
        (_, VERSION, _) => {}
        (_, older, _) => renew(&db, older).map_err(failed)?,
    }
    Ok(db)
}

fn create(db: &Connection) -> rusqlite::Result<()> {
    let transaction = db.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(WORDS)?;
    transaction.execute(
        "INSERT INTO meta VALUES ('id', ?1)",
        [RunId::generate().to_string()],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Brings an archive of an older version to this one. In version 3 only the words were others: a run of letters
/// without spaces was one.
fn renew(db: &Connection, version: i64) -> rusqlite::Result<()> {
    let transaction = db.unchecked_transaction()?;
    transaction.execute_batch("DROP TABLE words")?;
    if version < 2 {
        transaction.execute_batch(FROM_1)?;
    }
    if version < 3 {
        transaction.execute_batch(FROM_2)?;
    }
    transaction.execute_batch(WORDS)?;
    words::fill(&transaction)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Opens another connection to an archive that is open, for reading.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    Ok(db)
}

/// A value of the table `meta`.
pub(super) fn meta<T: rusqlite::types::FromSql>(
    db: &Connection,
    key: &str,
) -> rusqlite::Result<Option<T>> {
    db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
        row.get(0)
    })
    .optional()
}

fn no_archive(path: &Path) -> Error {
    Error::memory(format!(
        "{} exists and is no archive of memories",
        path.display()
    ))
    .with_help("name another file")
}

fn unopenable(path: &Path, error: &rusqlite::Error) -> Error {
    let help = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => return no_archive(path).with_source(error.to_string()),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "name a file in a folder that is there and can be written"
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            "name another file; `sqlite3 FILE .recover` may save what is in this one"
        }
        Some(ErrorCode::DiskFull) => "make room on the disk",
        _ => "name another file",
    };
    Error::memory(format!(
        "the archive {} cannot be opened: {error}",
        path.display()
    ))
    .with_help(help)
    .with_source(error.to_string())
}

/// The error for a read or a write that failed.
pub(super) fn failed(error: &rusqlite::Error) -> Error {
    let help = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on the disk, and try again",
        Some(ErrorCode::DatabaseCorrupt) => {
            "`sqlite3 FILE .recover` may save what is in the archive"
        }
        _ => "see to the archive's file, and try again",
    };
    Error::memory(format!("the archive failed: {error}"))
        .with_help(help)
        .with_source(error.to_string())
}
