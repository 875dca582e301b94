//! The thread, which does what may wait.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    time::Instant,
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

pub(super) struct Thread {
    desk: Arc<Desk>,
    durability: Durability,
    queue: mpsc::Receiver<Sent>,
    /// Answered, and not written yet.
    deferred: Vec<Box<dyn Job>>,
    /// Why something that was answered could not be written later on. From then on everything
    /// fails: what would follow stands on what is lost.
    lost: Option<Error>,
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
        }
    }

    pub(super) fn run(mut self) {
        let mut due = None;
        loop {
            match self.next(due) {
                Ok(Some(job)) => self.take(job),
                Ok(None) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => self.commit(Vec::new()),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            self.checkpoint();
            due = match self.durability {
                Durability::Batched(interval) if !self.deferred.is_empty() => {
                    due.or_else(|| Instant::now().checked_add(interval))
                }
                _ => None,
            };
        }
        self.commit(Vec::new());
    }

    fn next(&self, due: Option<Instant>) -> Result<Sent, mpsc::RecvTimeoutError> {
        match due {
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
        // What else is there already shares the commit.
        while !defers
            && jobs.len() < GROUP
            && let Ok(sent) = self.queue.try_recv()
        {
            jobs.extend(sent);
        }
        let count = jobs.len();
        self.commit(jobs);
        self.desk.queued.fetch_sub(count, Ordering::SeqCst);
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
