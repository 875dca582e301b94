//! The thread, which does what may wait.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{CHECKPOINT, COMMIT, Desk, Job, Sent, begin, end, execute};
use crate::{
    Error, Result,
    journal::sqlite::{
        Durability,
        claims::Claims,
        schema::{PATIENCE, failed},
    },
};

/// The most jobs of one transaction, and the most that wait for one.
const GROUP: usize = 256;

/// How long whoever wants the log emptied waits for those who read what is in it, and how soon it is tried
/// again then.
const EMPTY: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Thread {
    desk: Arc<Desk>,
    durability: Durability,
    queue: mpsc::Receiver<Sent>,
    /// Answered, and not written yet.
    deferred: Vec<Box<dyn Job>>,
    /// Why something that was answered could not be written later on. From then on everything
    /// fails: what would follow stands on what is lost.
    lost: Option<Error>,
    /// When to try again to empty the log, of which a reader kept it.
    full: Option<Instant>,
}

impl Thread {
    pub(super) fn new(
        desk: Arc<Desk>,
        durability: Durability,
        queue: mpsc::Receiver<Sent>,
    ) -> Self {
        Self {
            desk,
            durability,
            queue,
            deferred: Vec::new(),
            lost: None,
            full: None,
        }
    }

    pub(super) fn run(mut self) {
        let mut due = None;
        loop {
            match self.next(due) {
                Ok(Sent::Job(job)) => self.take(job),
                Ok(Sent::Look) => {}
                Ok(Sent::Empty(answer)) => {
                    self.commit(Vec::new());
                    // Nobody may wait any longer; it is done all the same.
                    let _ = answer.send(self.empty_log(EMPTY));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if due.is_some_and(|due| due <= Instant::now()) {
                        self.commit(Vec::new());
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            self.checkpoint();
            if self.full.is_some_and(|again| again <= Instant::now()) {
                self.empty_log(Duration::ZERO);
            }
            due = match self.durability {
                Durability::Batched(interval) if !self.deferred.is_empty() => {
                    due.or_else(|| Instant::now().checked_add(interval))
                }
                _ => None,
            };
        }
        self.commit(Vec::new());
        if self.full.is_some() {
            self.empty_log(EMPTY);
        }
    }

    fn next(&self, due: Option<Instant>) -> Result<Sent, mpsc::RecvTimeoutError> {
        match due.into_iter().chain(self.full).min() {
            Some(due) => self
                .queue
                .recv_timeout(due.saturating_duration_since(Instant::now())),
            None => self.queue.recv().map_err(Into::into),
        }
    }

    fn take(&mut self, mut job: Box<dyn Job>) {
        if let Some(lost) = &self.lost {
            return job.answer(Some(lost));
        }
        let defers = self.durability != Durability::EveryEffect;
        if defers && job.deferrable() {
            job.answer(None);
            self.deferred.push(job);
            if self.deferred.len() >= GROUP && self.durability != Durability::AtExit {
                self.commit(Vec::new());
            }
            return;
        }
        let mut jobs = vec![job];
        let mut empty = None;
        // What else is there already shares the commit.
        while !defers
            && jobs.len() < GROUP
            && let Ok(sent) = self.queue.try_recv()
        {
            match sent {
                Sent::Job(job) => jobs.push(job),
                Sent::Look => {}
                Sent::Empty(answer) => {
                    // Behind what came before it, and by itself.
                    empty = Some(answer);
                    break;
                }
            }
        }
        let count = jobs.len();
        self.commit(jobs);
        self.desk.queued.fetch_sub(count, Ordering::SeqCst);
        if let Some(answer) = empty {
            let _ = answer.send(self.empty_log(EMPTY));
        }
    }

    /// Copies the log to the database and cuts it off, so that nothing of what was deleted is in it; `false`
    /// while somebody reads what is in it, and then it is tried again.
    fn empty_log(&mut self, patience: Duration) -> bool {
        let db = self.desk.connection();
        let emptied = db.busy_timeout(patience).and_then(|()| {
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        let _ = db.busy_timeout(PATIENCE);
        drop(db);
        let emptied = emptied.is_ok_and(|busy| busy == 0);
        self.full = match emptied {
            true => None,
            false => Instant::now().checked_add(AGAIN),
        };
        emptied
    }

    /// One transaction: what was deferred, then `jobs`, which are answered.
    fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let deferred = std::mem::take(&mut self.deferred);
        let promised = !deferred.is_empty();
        let result = self.transaction(deferred, &mut jobs);
        for job in &mut jobs {
            job.answer(result.as_ref().err());
        }
        if let (Err(error), true) = (result, promised) {
            self.lost = Some(error);
        }
    }

    fn transaction(&self, deferred: Vec<Box<dyn Job>>, jobs: &mut [Box<dyn Job>]) -> Result<()> {
        if deferred.is_empty() && jobs.is_empty() {
            return Ok(());
        }
        let bytes = deferred.iter().chain(&*jobs).map(|job| job.bytes());
        self.desk.log(COMMIT + bytes.sum::<usize>());
        let db = self.desk.connection();
        begin(&db, PATIENCE).map_err(|error| failed(&error))?;
        end(&db, work(&db, &self.desk.claims, deferred, jobs))
    }

    /// Copies the log to the database when it is long. Tasks queue up meanwhile.
    fn checkpoint(&self) {
        if !self.desk.open || self.desk.logged.load(Ordering::Relaxed) <= CHECKPOINT {
            return;
        }
        self.desk.logged.store(0, Ordering::Relaxed);
        // One that fails, or that a reader keeps from its end, is made up for by the next.
        let _ = self
            .desk
            .connection()
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

fn work(
    db: &Connection,
    claims: &Arc<Claims>,
    deferred: Vec<Box<dyn Job>>,
    jobs: &mut [Box<dyn Job>],
) -> Result<()> {
    let alone = deferred.is_empty();
    for mut job in deferred {
        job.work(db, claims)?;
    }
    match jobs {
        // There is nothing else to keep: what it did not do whole is taken back with it.
        [job] if alone => job.work(db, claims),
        jobs => jobs.iter_mut().try_for_each(|job| {
            execute(db, "SAVEPOINT job").map_err(|error| failed(&error))?;
            if job.work(db, claims).is_err() {
                // Its failure is its own answer; the others stand.
                execute(db, "ROLLBACK TO job").map_err(|error| failed(&error))?;
            }
            execute(db, "RELEASE job").map_err(|error| failed(&error))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        Effect, Entry, Journal, RunEnd, RunId, RunRecord, SqliteJournal,
        journal::sqlite::tests::{entry, record},
    };

    const SECRET: &str = "zebrafish";

    /// A run that ended, with words in its input and its effects.
    async fn told(journal: &SqliteJournal) -> RunRecord {
        let run = RunRecord::new(RunId::generate(), "g", SECRET.into());
        let claim = journal.begin(&run).await.unwrap();
        for call in 0..20 {
            let text = format!("{} {SECRET} {call}", "word ".repeat(300));
            let entry = Entry {
                effect: Effect::Tool(text.into()),
                ..entry(call)
            };
            let entries = vec![entry];
            journal.append(&run.id, entries, Vec::new()).await.unwrap();
        }
        let end = RunEnd::finished(SECRET.into());
        journal.finish(&run.id, end, Vec::new()).await.unwrap();
        drop(claim);
        run
    }

    fn is_in_a_file(folder: &Path) -> bool {
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|file| file.unwrap().path());
        // The claims are in a folder of their own.
        files.filter(|file| file.is_file()).any(|file| {
            let bytes = std::fs::read(file).unwrap();
            let mut windows = bytes.windows(SECRET.len());
            windows.any(|window| window == SECRET.as_bytes())
        })
    }

    #[tokio::test]
    async fn nothing_of_a_removed_run_stays_in_the_files_of_a_journal_that_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        for durability in [Durability::EveryEffect, Durability::AtExit] {
            let (one, two) = (
                SqliteJournal::builder(&path).durability(durability).open(),
                SqliteJournal::open(&path),
            );
            let (one, two) = (one.unwrap(), two.unwrap());
            let (run, other) = (told(&one).await, record());
            let _claim = two.begin(&other).await.unwrap();
            assert!(one.remove(&run.id).await.unwrap());
            assert!(is_in_a_file(folder.path()), "it is in the log still");
            assert!(one.purge().await.unwrap());
            assert!(!is_in_a_file(folder.path()));
            // And both go on.
            two.append(&other.id, vec![entry(0)], Vec::new())
                .await
                .unwrap();
            assert_eq!(one.load(&other.id).await.unwrap().unwrap().1.len(), 1);
        }
    }

    #[tokio::test]
    async fn what_a_reader_still_sees_is_gone_when_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        let journal = SqliteJournal::open(&path).unwrap();
        let run = told(&journal).await;
        let reader = rusqlite::Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        let count = "SELECT count(*) FROM runs";
        let seen: i64 = reader.query_row(count, [], |row| row.get(0)).unwrap();
        assert!(journal.remove(&run.id).await.unwrap());
        assert_eq!((seen, journal.purge().await.unwrap()), (1, false));
        assert!(is_in_a_file(folder.path()));
        reader.execute_batch("COMMIT").unwrap();
        let begun = std::time::Instant::now();
        while is_in_a_file(folder.path()) {
            assert!(begun.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
