//! The record from which a run is resumed.

mod conformance;
mod export;
mod fingerprint;
mod memory;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use conformance::check_journal;
pub use export::export_run;
pub use fingerprint::Fingerprint;
pub use memory::MemoryJournal;
pub(crate) use record::now_ms;
pub use record::{Effect, Entry, Numbered, RunEnd, RunId, RunRecord, RunStatus, RunSummary};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteJournal, SqliteJournalBuilder};

use std::{any::Any, fmt};

use async_trait::async_trait;

use crate::{Event, Result};

/// Keeps the effects and the events of runs, in the order in which they happened.
///
/// # Contract
///
/// - [`append`](Self::append) and [`finish`](Self::finish) return when what they were given is as
///   durable as the implementation promises; an append is kept whole or not at all.
/// - Entries of a run come back in the order in which they were appended, each exactly once;
///   events in the order of their numbers.
/// - Appending to a run that was never begun, or a second entry with the same node and call
///   index, is an error: it would make the record ambiguous. Only an entry of a failed call makes
///   way for another, since a resumed run may ask again.
/// - One [`Claim`] to a run exists at a time. A claim ends when it is dropped and when its process
///   ends, however it ends.
///
/// [`check_journal`] tests an implementation against it.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// Begins a run's record, or takes up one that exists: its status becomes running, its events
    /// are forgotten (they will be told again), its head and its entries stay.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be written, or when the run is
    /// being executed elsewhere.
    async fn begin(&self, run: &RunRecord) -> Result<Claim>;

    /// Adds effects and events, in order.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be written, or contradicts the
    /// record.
    async fn append(&self, run: &RunId, entries: Vec<Entry>, events: Vec<Event>) -> Result<()>;

    /// Adds the last events, and how the run ended.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be written.
    async fn finish(&self, run: &RunId, end: RunEnd, events: Vec<Event>) -> Result<()>;

    /// A run's record and its effects; `None` for a run that it does not know.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be read.
    async fn load(&self, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>>;

    /// A run's record without its effects, of which there may be a thousand; `None` for a run that it does
    /// not know. The default loads all of it.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be read.
    async fn head(&self, run: &RunId) -> Result<Option<RunRecord>> {
        Ok(self.load(run).await?.map(|(record, _)| record))
    }

    /// The events of a run, as they were told; of a run that was resumed, those since then. Empty
    /// for a run that it does not know.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be read.
    async fn events(&self, run: &RunId) -> Result<Vec<Event>>;

    /// The runs that it knows, oldest first.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be read.
    async fn list(&self) -> Result<Vec<RunSummary>>;

    /// Forgets a run; `false` if it did not know it.
    ///
    /// # Errors
    ///
    /// [`is_journal`](crate::Error::is_journal) when it cannot be written, or when the run is
    /// being executed.
    async fn remove(&self, run: &RunId) -> Result<bool>;
}

/// The right to execute a run; given up by dropping it.
pub struct Claim(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send>);

impl Claim {
    /// A claim that is given up when `guard` is dropped.
    pub fn new(guard: impl Any + Send) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim")
    }
}
