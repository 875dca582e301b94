//! The journal in a SQLite database.

mod batch;
mod claims;
mod schema;
mod tables;
mod writer;

use std::{
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;

use self::{claims::Claims, tables::json, writer::Writer};
use super::{Claim, Entry, Journal, RunEnd, RunId, RunRecord, RunSummary};
use crate::{Event, Result};

/// When an effect is in the database.
///
/// The end of a run is always there before its outcome is. With the modes other than
/// [`EveryEffect`](Self::EveryEffect), an effect that cannot be written fails a later call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before the call that had it returns. What a killed process repeats are the calls that were
    /// in flight.
    #[default]
    EveryEffect,
    /// After so long at the latest. A killed process loses that much, and repeats it.
    Batched(Duration),
    /// When the run ends. A killed process loses the run. Effects are kept in memory until then.
    AtExit,
}

/// A journal in a SQLite database: a file, and two more beside it while it is open
/// (write-ahead log).
///
/// An effect is written by the task that had it, which takes some 20 µs, or, while the database is
/// busy, by a thread of the journal: effects that come in then share a commit. Several processes
/// may have the same file open. A run is executed by one of them at a time, and another
/// that tries is told so.
///
/// A commit survives the death of the process. It survives the loss of power only with
/// [`fsync`](SqliteJournalBuilder::fsync), at the price of one wait for the disk a commit.
///
/// # Example: a run that survives its process
///
/// ```
/// use std::sync::Arc;
/// use catena_core::{Journal, Run, RunOptions, SqliteJournal, agent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("runs.db");
/// let journal = Arc::new(SqliteJournal::open(&path)?);
/// let dice = agent(|_: (), cx: catena_core::Context| async move { cx.random().await });
/// let run = Run::start(dice, (), RunOptions::new("dice").journal(journal.clone()));
/// let id = run.id().clone();
/// let first = run.outcome().await?.output;
///
/// // Later, perhaps in another process: what was thrown is not thrown again.
/// let dice = agent(|_: (), cx: catena_core::Context| async move { cx.random().await });
/// let run = Run::start(dice, (), RunOptions::new("dice").journal(journal).resume(id));
/// assert_eq!(run.outcome().await?.output, first);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    /// Gone when the journal is dropped: the thread then writes what waits, and ends.
    writer: Option<Writer>,
    thread: Option<JoinHandle<()>>,
}

/// Opens a [`SqliteJournal`] in another way than the default.
#[derive(Clone, Debug)]
pub struct SqliteJournalBuilder {
    path: PathBuf,
    durability: Durability,
    fsync: bool,
}

impl SqliteJournal {
    /// Opens or creates the journal at `path`, with [`Durability::EveryEffect`].
    ///
    /// Reads and writes a few pages: call it before the work begins, or on a thread for blocking
    /// work.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when the file cannot be opened, is no journal, was
    /// written by another version, or is locked by another program for more than five seconds.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open()
    }

    /// Opens it in another way.
    pub fn builder(path: impl AsRef<Path>) -> SqliteJournalBuilder {
        SqliteJournalBuilder {
            path: path.as_ref().to_owned(),
            durability: Durability::default(),
            fsync: false,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves nothing of the runs that were [removed](Journal::remove) in the journal's files: the log is
    /// emptied, in which their words stand as long as any process has the journal open. `false` while somebody
    /// reads what is in it, which is waited for for a second; it is then done as soon as they are through, if
    /// this journal is open still.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when the journal is closed.
    ///
    /// # Cancel safety
    ///
    /// It is done all the same.
    pub async fn purge(&self) -> Result<bool> {
        self.writer()?.empty_log().await
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer
            .as_ref()
            .ok_or_else(|| crate::Error::journal("the journal is closed"))
    }
}

impl SqliteJournalBuilder {
    /// When an effect is in the database. Default: [`Durability::EveryEffect`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Whether a commit waits until the disk has it, so that it survives a loss of power. Default:
    /// no; the file is whole after a loss of power in any case, without its last commits.
    #[must_use]
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// Opens or creates it.
    ///
    /// # Errors
    ///
    /// As [`SqliteJournal::open`].
    pub fn open(self) -> Result<SqliteJournal> {
        let connection = schema::open(&self.path, self.fsync)?;
        let claims = Claims::open(&self.path)?;
        let (writer, thread) = Writer::start(connection, claims, self.durability, self.fsync)?;
        Ok(SqliteJournal {
            path: self.path,
            writer: Some(writer),
            thread: Some(thread),
        })
    }
}

impl Drop for SqliteJournal {
    /// Waits until what was deferred is written.
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Bytes that an event takes, about.
const EVENT: usize = 8;

#[async_trait]
impl Journal for SqliteJournal {
    async fn begin(&self, run: &RunRecord) -> Result<Claim> {
        let run = run.clone();
        let held = self
            .writer()?
            .ask(move |db, claims| tables::begin(db, claims, &run))
            .await?;
        Ok(Claim::new(held))
    }

    async fn append(&self, run: &RunId, entries: Vec<Entry>, events: Vec<Event>) -> Result<()> {
        let run = run.clone();
        // As text already here, where several tasks can do it at the same time.
        let effects: Vec<String> = entries.iter().map(|entry| json(&entry.effect)).collect();
        let bytes = effects.iter().map(String::len).sum::<usize>() + EVENT * events.len();
        self.writer()?
            .write(bytes, move |db, _| {
                tables::append(db, &run, &entries, &effects, &events)
            })
            .await
    }

    async fn finish(&self, run: &RunId, end: RunEnd, events: Vec<Event>) -> Result<()> {
        let run = run.clone();
        self.writer()?
            .ask(move |db, _| tables::finish(db, &run, &end, &events))
            .await
    }

    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
        let run = run.clone();
        self.writer()?
            .ask(move |db, _| tables::load(db, &run))
            .await
    }

    async fn head(&self, run: &RunId) -> Result<Option<RunRecord>> {
        let run = run.clone();
        self.writer()?
            .ask(move |db, _| Ok(tables::head(db, &run)?.map(|(record, _)| record)))
            .await
    }

    async fn events(&self, run: &RunId) -> Result<Vec<Event>> {
        let run = run.clone();
        self.writer()?
            .ask(move |db, _| tables::events(db, &run))
            .await
    }

    async fn list(&self) -> Result<Vec<RunSummary>> {
        self.writer()?
            .ask(|db, claims| tables::list(db, claims))
            .await
    }

    async fn remove(&self, run: &RunId) -> Result<bool> {
        let run = run.clone();
        self.writer()?
            .ask(move |db, claims| tables::remove(db, claims, &run))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effect, Error, Fingerprint, NodePath, RunStatus, Usage, journal::check_journal};

    pub(super) fn entry(call: u32) -> Entry {
        Entry {
            path: NodePath::root("g"),
            call,
            request: Fingerprint::new("m", &[]),
            effect: Effect::Random(7),
            usage: Usage::default(),
            elapsed: Duration::ZERO,
        }
    }

    pub(super) fn record() -> RunRecord {
        RunRecord::new(RunId::generate(), "g", serde_json::Value::Null)
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        check_journal(|| async {
            let name = RunId::generate().to_string();
            SqliteJournal::open(folder.path().join(name))
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn everything_is_there_when_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        for durability in [
            Durability::EveryEffect,
            Durability::Batched(Duration::from_secs(60)),
            Durability::AtExit,
        ] {
            let run = record();
            let journal = SqliteJournal::builder(&path).durability(durability);
            let journal = journal.open().unwrap();
            let _claim = journal.begin(&run).await.unwrap();
            for call in 0..600 {
                journal
                    .append(&run.id, vec![entry(call)], Vec::new())
                    .await
                    .unwrap();
            }
            drop(journal);
            let journal = SqliteJournal::open(&path).unwrap();
            let (found, entries) = journal.load(&run.id).await.unwrap().unwrap();
            assert_eq!(found.status, RunStatus::Running);
            assert_eq!(entries.len(), 600, "{durability:?}");
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing but the database is left: {left:?}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_can_read_a_journal() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("runs.db")).unwrap();
        let _claim = journal.begin(&record()).await.unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap();
        let files = files.map(|file| file.unwrap().metadata().unwrap());
        // The folder beside it holds locks, which say nothing.
        let modes = files.filter(|file| file.is_file());
        let modes: Vec<_> = modes
            .map(|file| format!("{:o}", file.permissions().mode() & 0o777))
            .collect();
        assert!(modes.len() > 1, "it is open: {modes:?}");
        assert!(modes.iter().all(|mode| mode == "600"), "{modes:?}");
    }

    #[tokio::test]
    async fn two_journals_share_a_file_and_no_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let (one, two) = (SqliteJournal::open(&path), SqliteJournal::open(&path));
        let (one, two) = (one.unwrap(), two.unwrap());
        let (first, second) = (record(), record());
        let claim = one.begin(&first).await.unwrap();
        let _second = two.begin(&second).await.unwrap();
        one.append(&first.id, vec![entry(0)], Vec::new())
            .await
            .unwrap();
        two.append(&second.id, vec![entry(0)], Vec::new())
            .await
            .unwrap();
        let error = two.begin(&first).await.unwrap_err();
        assert!(
            error.to_string().contains("is being executed already"),
            "{error}"
        );
        assert!(error.help().is_some());
        // Its holder is gone, without a word.
        drop((claim, one));
        two.begin(&first).await.unwrap();
    }

    #[tokio::test]
    async fn a_run_that_has_ended_is_free_for_others_while_its_journal_stays_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let (one, two) = (SqliteJournal::open(&path), SqliteJournal::open(&path));
        let (one, two) = (one.unwrap(), two.unwrap());
        let run = record();
        let claim = one.begin(&run).await.unwrap();
        assert!(two.remove(&run.id).await.unwrap_err().is_journal());
        let waits = RunEnd::failed(Error::interrupted(Vec::new()));
        one.finish(&run.id, waits, Vec::new()).await.unwrap();
        drop(claim);

        let claim = two.begin(&run).await.unwrap();
        assert!(one.begin(&run).await.is_err(), "now it is the other's");
        let end = RunEnd::finished(serde_json::Value::Null);
        two.finish(&run.id, end, Vec::new()).await.unwrap();
        drop(claim);
        assert!(one.remove(&run.id).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_no_journal_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let error = SqliteJournal::open(&path).unwrap_err();
            assert!(error.is_journal() && error.help().is_some());
            assert_eq!(std::fs::read(&path).unwrap(), content, "it is left alone");
            error.to_string()
        };
        let text = refused("thesis.txt", &b"my thesis, in many words. ".repeat(50));
        assert!(text.ends_with("exists and is no journal"), "{text}");
        refused("scrap.txt", b"x");

        let other = folder.path().join("other.db");
        let db = rusqlite::Connection::open(&other).unwrap();
        db.execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
        drop(db);
        let before = std::fs::read(&other).unwrap();
        let error = SqliteJournal::open(&other).unwrap_err();
        assert_eq!(std::fs::read(&other).unwrap(), before, "it is left alone");
        assert!(
            error.to_string().contains("no journal of Catena"),
            "{error}"
        );

        let error = SqliteJournal::open(folder.path().join("no/runs.db")).unwrap_err();
        assert!(error.to_string().contains("cannot be opened"), "{error}");
    }

    #[tokio::test]
    async fn a_journal_of_version_2_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let run = record();
        let journal = SqliteJournal::open(&path).unwrap();
        drop(journal.begin(&run).await.unwrap());
        drop(journal);
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("ALTER TABLE runs DROP COLUMN lost; PRAGMA user_version = 2")
            .unwrap();
        drop(db);
        for _ in 0..2 {
            let journal = SqliteJournal::open(&path).unwrap();
            let _claim = journal.begin(&run).await.unwrap();
            let lost = Usage::call(1, 2);
            let end = RunEnd::failed(Error::cancelled()).with_lost(lost);
            journal.finish(&run.id, end, Vec::new()).await.unwrap();
            let (known, _) = journal.load(&run.id).await.unwrap().unwrap();
            assert_eq!(known.lost, lost);
        }
    }

    #[tokio::test]
    async fn an_unknown_version_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        drop(SqliteJournal::open(&path).unwrap());
        let db = rusqlite::Connection::open(&path).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        drop(db);
        let error = SqliteJournal::open(&path).unwrap_err();
        assert!(error.to_string().contains("has version 99"), "{error}");
        assert!(error.help().unwrap().contains("newer program"), "{error:?}");
    }

    #[tokio::test]
    async fn a_deferred_effect_that_cannot_be_written_fails_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::builder(folder.path().join("runs.db"));
        let journal = journal.durability(Durability::AtExit).open().unwrap();
        let run = record();
        let _claim = journal.begin(&run).await.unwrap();
        for _ in 0..2 {
            journal
                .append(&run.id, vec![entry(0)], Vec::new())
                .await
                .unwrap();
        }
        let end = RunEnd::failed(Error::cancelled());
        let error = journal.finish(&run.id, end, Vec::new()).await.unwrap_err();
        assert!(error.is_journal());
        assert!(journal.load(&run.id).await.unwrap_err().is_journal());
    }
}
