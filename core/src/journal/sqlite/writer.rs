//! The one thread that has the database. What came in while it was writing it commits all at once,
//! so that many nodes share a commit.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Durability, claims::Claims, schema::failed};
use crate::{Error, Result};

/// The most jobs of one transaction, and the most that wait for one.
const GROUP: usize = 256;

/// The way to the thread, which ends when the last of these is dropped: what waits is written then.
///
/// The queue has no bound of its own. Whoever sends waits for an answer, so it is never longer than
/// the number of tasks.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        claims: Arc<Claims>,
        durability: Durability,
    ) -> Result<(Self, thread::JoinHandle<()>)> {
        let (jobs, queue) = mpsc::channel();
        let thread = Thread {
            connection,
            claims,
            durability,
            queue,
            deferred: Vec::new(),
            lost: None,
        };
        let handle = thread::Builder::new()
            .name("catena-journal".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| {
                Error::journal("the journal's thread cannot be started").with_source(error)
            })?;
        Ok((Self { jobs }, handle))
    }

    /// Has the thread do `work`, whole or not at all; what was deferred is written before it.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Arc<Claims>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.send(work, None).await
    }

    /// As [`ask`](Self::ask), but as durable as was asked for: work that is deferred is answered at
    /// once.
    pub(super) async fn write(
        &self,
        work: impl FnOnce(&Connection, &Arc<Claims>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.send(work, Some(())).await
    }

    async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Arc<Claims>) -> Result<T> + Send + 'static,
        meanwhile: Option<T>,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job = Asked {
            deferrable: meanwhile.is_some(),
            work: Some(work),
            answer: meanwhile.map(Ok),
            sender: Some(sender),
        };
        let gone = || Error::journal("the journal's thread has ended");
        self.jobs.send(Box::new(job)).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

/// Work without its types.
trait Job: Send {
    /// Whether it may be answered before it is done.
    fn deferrable(&self) -> bool;

    /// Does the work; an error means that nothing of it may be kept.
    fn work(&mut self, db: &Connection, claims: &Arc<Claims>) -> Result<()>;

    /// Answers whoever asked, once: with what the work gave, unless `failure` took it back.
    fn answer(&mut self, failure: Option<&Error>);
}

struct Asked<T, F> {
    deferrable: bool,
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

struct Thread {
    connection: Connection,
    claims: Arc<Claims>,
    durability: Durability,
    queue: mpsc::Receiver<Box<dyn Job>>,
    /// Answered, and not written yet.
    deferred: Vec<Box<dyn Job>>,
    /// Why something that was answered could not be written later on. From then on everything
    /// fails: what would follow stands on what is lost.
    lost: Option<Error>,
}

impl Thread {
    fn run(mut self) {
        let mut due = None;
        loop {
            match self.next(due) {
                Ok(job) => self.take(job),
                Err(mpsc::RecvTimeoutError::Timeout) => self.commit(Vec::new()),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            due = match self.durability {
                Durability::Batched(interval) if !self.deferred.is_empty() => {
                    due.or_else(|| Instant::now().checked_add(interval))
                }
                _ => None,
            };
        }
        self.commit(Vec::new());
    }

    fn next(&self, due: Option<Instant>) -> Result<Box<dyn Job>, mpsc::RecvTimeoutError> {
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
            && let Ok(job) = self.queue.try_recv()
        {
            jobs.push(job);
        }
        self.commit(jobs);
    }

    /// One transaction: what was deferred, then `jobs`, which are answered.
    fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let deferred = std::mem::take(&mut self.deferred);
        let promised = !deferred.is_empty();
        let result = transaction(&self.connection, &self.claims, deferred, &mut jobs);
        for job in &mut jobs {
            job.answer(result.as_ref().err());
        }
        if let (Err(error), true) = (result, promised) {
            self.lost = Some(error);
        }
    }
}

fn transaction(
    db: &Connection,
    claims: &Arc<Claims>,
    deferred: Vec<Box<dyn Job>>,
    jobs: &mut [Box<dyn Job>],
) -> Result<()> {
    if deferred.is_empty() && jobs.is_empty() {
        return Ok(());
    }
    // Immediate: of two processes that write, the second waits here, and not in the middle.
    execute(db, "BEGIN IMMEDIATE")?;
    let done = work(db, claims, deferred, jobs).and_then(|()| execute(db, "COMMIT"));
    if done.is_err() {
        // Of some errors SQLite has done it already.
        let _ = execute(db, "ROLLBACK");
    }
    done
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
            execute(db, "SAVEPOINT job")?;
            if job.work(db, claims).is_err() {
                // Its failure is its own answer; the others stand.
                execute(db, "ROLLBACK TO job")?;
            }
            execute(db, "RELEASE job")
        }),
    }
}

fn execute(db: &Connection, statement: &str) -> Result<()> {
    db.prepare_cached(statement)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| failed(&error))
}
