//! The one thread that writes: what comes in while a commit waits for the disk shares the next one.

use std::{
    path::Path,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use catena_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    schema::failed,
    traces::{self, Traces},
};

/// The most jobs of one transaction, and the most that wait for one.
const GROUP: usize = 256;

/// How soon a log is cut off that a reader kept from it.
const AGAIN: Duration = Duration::from_millis(200);

/// The thread, and the way to it.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts a thread that owns `db`.
    pub(super) fn start(db: Connection, path: &Path) -> Result<Self> {
        let (queue, jobs) = mpsc::sync_channel(GROUP);
        let thread = thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || run(&db, &jobs))
            .map_err(|error| {
                Error::memory(format!(
                    "the archive {} got no thread to write with: {error}",
                    path.display()
                ))
                .with_source(error)
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Has `work` done in a transaction of its own or one shared with others, which is committed when
    /// this returns. A failure of `work` takes back what it did and nothing else.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.send(false, work).await
    }

    /// Like [`write`](Self::write), and nothing of what was deleted stays behind, where `work`
    /// [notes](traces::note) that there is something: the file is written anew, as much work as there is in it,
    /// and the log is emptied once those who read it at the moment are done. If that fails, this does, though
    /// the work is done.
    pub(super) async fn purge<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.send(true, work).await
    }

    async fn send<T: Send + 'static>(
        &self,
        purges: bool,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Task {
            purges,
            work: Some(work),
            done: None,
            answer: Some(answer),
        });
        let Some(queue) = self.queue.clone() else {
            return Err(gone());
        };
        // The queue is full only while a commit waits for the disk.
        let sent = match queue.try_send(job) {
            Ok(()) => true,
            Err(mpsc::TrySendError::Disconnected(_)) => false,
            Err(mpsc::TrySendError::Full(job)) => {
                tokio::task::spawn_blocking(move || queue.send(job).is_ok())
                    .await
                    .unwrap_or(false)
            }
        };
        match sent {
            true => answered.await.unwrap_or_else(|_| Err(gone())),
            false => Err(gone()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> Error {
    Error::memory("the archive is closed").with_help("open it again")
}

/// Something to be written, whatever it returns.
trait Job: Send {
    /// Does it, within a savepoint; `false` when it is to be taken back.
    fn work(&mut self, db: &Connection) -> bool;

    /// Whether it deletes what must not stay behind.
    fn purges(&self) -> bool;

    /// Tells whoever waits what became of it; `after` is what failed when it was done: the transaction, or
    /// ridding the file of what it deleted.
    fn answer(&mut self, after: Option<&Error>);
}

struct Task<F, T> {
    purges: bool,
    work: Option<F>,
    done: Option<Result<T>>,
    answer: Option<oneshot::Sender<Result<T>>>,
}

impl<F, T> Job for Task<F, T>
where
    F: FnOnce(&Connection) -> Result<T> + Send,
    T: Send,
{
    fn work(&mut self, db: &Connection) -> bool {
        self.done = self.work.take().map(|work| work(db));
        matches!(self.done, Some(Ok(_)))
    }

    fn purges(&self) -> bool {
        self.purges
    }

    fn answer(&mut self, after: Option<&Error>) {
        let result = match (after, self.done.take()) {
            (None, Some(done)) => done,
            // It had failed by itself before that did.
            (Some(_), Some(Err(error))) => Err(error),
            (Some(error), _) => Err(error.clone()),
            (None, None) => Err(gone()),
        };
        if let Some(answer) = self.answer.take() {
            // Nobody waits any longer; it is written all the same.
            let _ = answer.send(result);
        }
    }
}

fn run(db: &Connection, queue: &mpsc::Receiver<Box<dyn Job>>) {
    let mut traces = Traces::of(db);
    loop {
        let first = match traces.wait() {
            true => queue.recv_timeout(AGAIN),
            false => queue.recv().map_err(mpsc::RecvTimeoutError::from),
        };
        let mut jobs: Vec<_> = match first {
            Ok(first) => vec![first],
            Err(mpsc::RecvTimeoutError::Timeout) => Vec::new(),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        };
        while jobs.len() < GROUP
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        let result = match jobs.is_empty() {
            true => Ok(()),
            false => transaction(db, &mut jobs).map_err(|error| failed(&error)),
        };
        let mut left = None;
        if result.is_ok() && jobs.iter().any(|job| job.purges()) {
            left = traces.remove(db).err().map(|error| traces::left(&error));
        } else if jobs.is_empty() {
            traces.make_up(db);
        }
        for job in &mut jobs {
            let of_purge = left.as_ref().filter(|_| job.purges());
            job.answer(result.as_ref().err().or(of_purge));
        }
    }
    traces.close(db);
}

fn transaction(db: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let result = jobs
        .iter_mut()
        .try_for_each(|job| {
            db.execute_batch("SAVEPOINT job")?;
            if !job.work(db) {
                db.execute_batch("ROLLBACK TO job")?;
            }
            db.execute_batch("RELEASE job")
        })
        .and_then(|()| db.execute_batch("COMMIT"));
    if result.is_err() && !db.is_autocommit() {
        let _ = db.execute_batch("ROLLBACK");
    }
    result
}
