//! Who writes the database: whoever has an effect, when nobody else is writing; otherwise one thread,
//! for all that came in meanwhile at once, so that many nodes share a commit.
//!
//! A commit that need not wait for the disk takes some 20 µs. Handing it to another thread and
//! waking up with its answer takes longer than that, and on a busy machine much longer. What may
//! wait goes to the thread: for the disk, for another process that writes, for a checkpoint, for a
//! large effect.

mod thread;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use self::thread::Thread;
use super::{Durability, claims::Claims, schema::failed};
use crate::{Error, Result};

/// The most bytes that a task writes itself.
const LIGHT: usize = 16 * 1024;

/// The log is copied to the database after about so many bytes: SQLite's own default.
const CHECKPOINT: usize = 1000 * 4096;

/// What a small commit adds to the log: two pages.
const COMMIT: usize = 2 * 4096;

/// The way to the database. The thread ends when the last of these is dropped: what waits is
/// written then.
///
/// The queue has no bound of its own. Whoever sends waits for an answer, so it is never longer than
/// the number of tasks.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    desk: Arc<Desk>,
    jobs: mpsc::Sender<Sent>,
}

/// What the thread and the tasks share.
#[derive(Debug)]
struct Desk {
    connection: Mutex<Connection>,
    claims: Arc<Claims>,
    /// Whether tasks may write themselves.
    open: bool,
    /// Jobs of the thread. While it has some, whoever comes joins them: they share its commit, and
    /// it is not kept from the database.
    queued: AtomicUsize,
    /// Bytes written since the last checkpoint, about.
    logged: AtomicUsize,
}

impl Writer {
    /// `waits`: whether a commit waits for the disk.
    pub(super) fn start(
        connection: Connection,
        claims: Arc<Claims>,
        durability: Durability,
        waits: bool,
    ) -> Result<(Self, std::thread::JoinHandle<()>)> {
        // Tasks write only what nothing else depends on having been written before.
        let open = durability == Durability::EveryEffect && !waits;
        if open {
            connection
                .pragma_update(None, "wal_autocheckpoint", 0)
                .map_err(|error| failed(&error))?;
        }
        let (jobs, queue) = mpsc::channel();
        let desk = Arc::new(Desk {
            connection: Mutex::new(connection),
            claims,
            open,
            queued: AtomicUsize::new(0),
            logged: AtomicUsize::new(0),
        });
        let thread = Thread::new(Arc::clone(&desk), durability, queue);
        let handle = std::thread::Builder::new()
            .name("catena-journal".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| {
                Error::journal("the journal's thread cannot be started").with_source(error)
            })?;
        Ok((Self { desk, jobs }, handle))
    }

    /// Has the thread do `work`, whole or not at all; what was deferred is written before it.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Arc<Claims>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.send(0, work, None).await
    }

    /// As [`ask`](Self::ask), but as durable as was asked for: work that is deferred is answered at
    /// once, and work of few `bytes` is done at once.
    pub(super) async fn write(
        &self,
        bytes: usize,
        work: impl FnOnce(&Connection, &Arc<Claims>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        if bytes > LIGHT {
            return self.send(bytes, work, Some(())).await;
        }
        // Work that never waits lets others have their turn all the same.
        tokio::task::consume_budget().await;
        match self.desk.at_once(work) {
            Ok(result) => {
                if self.desk.log(COMMIT + bytes) {
                    let _ = self.jobs.send(Sent::Look);
                }
                result
            }
            Err(work) => self.send(bytes, work, Some(())).await,
        }
    }

    /// Has the log emptied behind everything that was written; `false` where somebody reads what is in it:
    /// then it is as soon as they are done, while this journal is open.
    pub(super) async fn empty_log(&self) -> Result<bool> {
        let gone = || Error::journal("the journal's thread has ended");
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Sent::Empty(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    async fn send<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&Connection, &Arc<Claims>) -> Result<T> + Send + 'static,
        meanwhile: Option<T>,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job = Asked {
            deferrable: meanwhile.is_some(),
            bytes,
            work: Some(work),
            answer: meanwhile.map(Ok),
            sender: Some(sender),
        };
        let gone = || Error::journal("the journal's thread has ended");
        self.desk.queued.fetch_add(1, Ordering::SeqCst);
        let job = Sent::Job(Box::new(job));
        self.jobs.send(job).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

impl Desk {
    /// Does `work` here and now; gives it back when it would have to wait.
    fn at_once<F>(&self, work: F) -> std::result::Result<Result<()>, F>
    where
        F: FnOnce(&Connection, &Arc<Claims>) -> Result<()>,
    {
        if !self.open || self.queued.load(Ordering::SeqCst) > 0 {
            return Err(work);
        }
        let db = match self.connection.try_lock() {
            Ok(db) => db,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(work),
        };
        match begin(&db, Duration::ZERO) {
            Ok(()) => {}
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                return Err(work);
            }
            Err(error) => return Ok(Err(failed(&error))),
        }
        Ok(end(&db, work(&db, &self.claims)))
    }

    /// Notes that so much was written; whether a checkpoint has come due with it.
    fn log(&self, bytes: usize) -> bool {
        let before = self.logged.fetch_add(bytes, Ordering::Relaxed);
        before <= CHECKPOINT && before + bytes > CHECKPOINT
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // Whatever panicked in the middle of a transaction: the next one takes it back.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work without its types.
trait Job: Send {
    /// Whether it may be answered before it is done.
    fn deferrable(&self) -> bool;

    /// About how much it writes.
    fn bytes(&self) -> usize;

    /// Does the work; an error means that nothing of it may be kept.
    fn work(&mut self, db: &Connection, claims: &Arc<Claims>) -> Result<()>;

    /// Answers whoever asked, once: with what the work gave, unless `failure` took it back.
    fn answer(&mut self, failure: Option<&Error>);
}

/// What the thread is sent.
enum Sent {
    Job(Box<dyn Job>),
    /// To look whether a checkpoint is due.
    Look,
    /// To empty the log, and to say whether nobody kept it from that.
    Empty(oneshot::Sender<bool>),
}

struct Asked<T, F> {
    deferrable: bool,
    bytes: usize,
    work: Option<F>,
    answer: Option<Result<T>>,
    sender: Option<oneshot::Sender<Result<T>>>,
}

impl<T, F> Job for Asked<T, F>
where
    T: Send,
    F: FnOnce(&Connection, &Arc<Claims>) -> Result<T> + Send,
{
    fn deferrable(&self) -> bool {
        self.deferrable
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn work(&mut self, db: &Connection, claims: &Arc<Claims>) -> Result<()> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let result = work(db, claims);
        let failure = result.as_ref().err().cloned();
        self.answer = Some(result);
        failure.map_or(Ok(()), Err)
    }

    fn answer(&mut self, failure: Option<&Error>) {
        let answer = match failure {
            Some(error) => Some(Err(error.clone())),
            None => self.answer.take(),
        };
        if let (Some(sender), Some(answer)) = (self.sender.take(), answer) {
            // Whoever asked may have been cancelled; what it asked for is done all the same.
            let _ = sender.send(answer);
        }
    }
}

/// Begins a transaction that writes. Immediate: of two processes that write, the second waits here,
/// as long as its `patience`, and not in the middle.
fn begin(db: &Connection, patience: Duration) -> rusqlite::Result<()> {
    if !db.is_autocommit() {
        execute(db, "ROLLBACK")?;
    }
    db.busy_timeout(patience)?;
    execute(db, "BEGIN IMMEDIATE")
}

/// Ends it: with what was done, or as if nothing had been.
fn end(db: &Connection, done: Result<()>) -> Result<()> {
    let done = done.and_then(|()| execute(db, "COMMIT").map_err(|error| failed(&error)));
    if done.is_err() {
        // Of some errors SQLite has done it already.
        let _ = execute(db, "ROLLBACK");
    }
    done
}

fn execute(db: &Connection, statement: &str) -> rusqlite::Result<()> {
    db.prepare_cached(statement)?.execute([]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::{Effect, Entry, Fingerprint, Journal, NodePath, RunRecord, SqliteJournal, Usage};

    fn entry(call: u32, text: &str) -> Entry {
        Entry {
            path: NodePath::root("g"),
            call,
            request: Fingerprint::new("m", &[]),
            effect: Effect::Tool(text.into()),
            usage: Usage::default(),
            elapsed: Duration::ZERO,
        }
    }

    fn record() -> RunRecord {
        RunRecord::new(crate::RunId::generate(), "g", serde_json::Value::Null)
    }

    #[tokio::test]
    async fn a_task_that_meets_another_process_in_the_database_waits_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let journal = Arc::new(SqliteJournal::open(&path).unwrap());
        let run = record();
        let _claim = journal.begin(&run).await.unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();

        let (writing, id) = (journal.clone(), run.id.clone());
        let write =
            tokio::spawn(async move { writing.append(&id, vec![entry(0, "")], Vec::new()).await });
        // On this test's single thread a task that blocks would keep us from here until the other
        // process gives up, which it does only now.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!write.is_finished());
        other.execute_batch("COMMIT").unwrap();
        write.await.unwrap().unwrap();
        assert_eq!(journal.load(&run.id).await.unwrap().unwrap().1.len(), 1);
    }

    #[tokio::test]
    async fn an_append_that_fails_leaves_nothing_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("runs.db")).unwrap();
        let run = record();
        let _claim = journal.begin(&run).await.unwrap();
        let twice = vec![entry(0, "a"), entry(0, "b")];
        let error = journal.append(&run.id, twice, Vec::new()).await;
        assert!(error.unwrap_err().is_journal());
        // Large ones take the other way, over the thread.
        let large = "x".repeat(2 * LIGHT);
        let twice = vec![entry(0, &large), entry(0, "b")];
        let error = journal.append(&run.id, twice, Vec::new()).await;
        assert!(error.unwrap_err().is_journal());
        for (call, text) in [(0, "small"), (1, &large)] {
            let entries = vec![entry(call, text)];
            journal.append(&run.id, entries, Vec::new()).await.unwrap();
        }
        assert_eq!(journal.load(&run.id).await.unwrap().unwrap().1.len(), 2);
    }

    #[tokio::test]
    async fn effects_without_a_pause_leave_others_their_turn_and_the_log_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let journal = SqliteJournal::open(&path).unwrap();
        let run = record();
        let _claim = journal.begin(&run).await.unwrap();
        let turns = Arc::new(AtomicU32::new(0));
        let counter = turns.clone();
        let other = tokio::spawn(async move {
            loop {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let text = "x".repeat(4096);
        for call in 0..3000 {
            let entries = vec![entry(call, &text)];
            journal.append(&run.id, entries, Vec::new()).await.unwrap();
        }
        assert!(turns.load(Ordering::Relaxed) > 10);
        other.abort();
        let log = std::fs::metadata(path.with_extension("db-wal")).unwrap();
        assert!(log.len() < 3 * CHECKPOINT as u64, "{}", log.len());
    }

    #[test]
    fn tasks_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("runs.db")).unwrap();
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
        };
        let run = record();
        let _claim = runtime().block_on(journal.begin(&run)).unwrap();
        let write = &|first: u32| {
            runtime().block_on(async {
                for call in first..first + 100 {
                    // Small and large ones, so that both ways are taken.
                    let text = "x".repeat(if call % 9 == 0 { 2 * LIGHT } else { 9 });
                    let entries = vec![entry(call, &text)];
                    journal.append(&run.id, entries, Vec::new()).await.unwrap();
                }
            });
        };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || write(thread * 100));
            }
        });
        let (_, entries) = runtime().block_on(journal.load(&run.id)).unwrap().unwrap();
        let mut calls: Vec<_> = entries.iter().map(|entry| entry.call).collect();
        calls.sort_unstable();
        assert_eq!(calls, (0..800).collect::<Vec<_>>());
    }
}
