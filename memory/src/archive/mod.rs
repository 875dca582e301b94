//! The records of truth, in a SQLite database.

mod browse;
mod changes;
mod consolidate;
mod forget;
mod namespaces;
mod purges;
mod record;
mod remove;
mod rows;
mod schema;
mod timeline;
mod traces;
mod transfer;
mod words;
mod writer;

pub use browse::Filter;
pub use forget::Forgotten;
pub use namespaces::NamespaceSummary;
pub use transfer::{Imported, check_export};
pub use words::stands_apart;

pub(crate) use changes::{Change, Unindexed, Watermark};
pub(crate) use consolidate::mergeable;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use catena_core::{Error, Result};
use rusqlite::{Connection, params};

use self::{schema::failed, writer::Writer};
use crate::{Hit, ItemId, Kind, MemoryItem, Moment, NamespaceId, NewItem, Written};

/// All that is remembered: items with their sources and the time for which they hold, in
/// namespaces that are isolated from each other.
///
/// A SQLite database, with a lock beside it: one process at a time has it open, and in it one
/// thread writes. A write is acknowledged when it is on the disk, and then survives the death of
/// the process and the loss of power. Writes that come in at the same time share a wait for the
/// disk. Reads go on beside them. Nothing of its size is kept in memory.
///
/// Cloning is cheap; clones are the same archive. It is closed when the last one is dropped.
///
/// # Example: what holds now, and what held before
///
/// ```
/// use catena_memory::{Archive, Moment, Namespace, NewItem};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> catena_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("memory.db");
/// let archive = Archive::open(&path)?;
/// let ada = archive.namespace(&Namespace::new("ada", "catena", "home")).await?;
/// let fact = |city: &str, at| NewItem::fact("home", city).at(Moment(at));
/// let rome = archive.remember(ada, fact("Rome", 1_000)).await?;
/// let oslo = archive.remember(ada, fact("Oslo", 2_000)).await?;
///
/// assert_eq!(oslo.supersedes, Some(rome.id));
/// let items = archive.items(ada, &[rome.id]).await?;
/// assert!(items[0].validity.holds_at(Moment(1_500)));
/// assert!(!items[0].validity.holds_at(Moment(2_000)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Archive(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    id: String,
    writer: Writer,
    /// Connections for reading that nobody uses at the moment.
    readers: Mutex<Vec<Connection>>,
    /// Given up last.
    lock: schema::Lock,
}

/// The most connections for reading that are kept.
const READERS: usize = 8;

impl Archive {
    /// Opens or creates the archive at `path`.
    ///
    /// Reads and writes a few pages, unless another version wrote it last: call it before the work begins, or
    /// on a thread for blocking work. A file that still has traces of what was [forgotten](Self::forget) is
    /// written anew when there is nothing else to write, or when it is closed.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory) when the file cannot be opened, is no archive, was written by
    /// another version, or is open already, in this process or another.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), true)
    }

    /// Opens it without waiting for the disk at each write: an acknowledged write survives the death
    /// of the process, and not the loss of power. Some hundred times as fast.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_without_fsync(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), false)
    }

    fn open_with(path: &Path, fsync: bool) -> Result<Self> {
        let path = &schema::locate(path)?;
        let lock = schema::lock(path)?;
        let db = schema::open(path, fsync)?;
        let id = schema::meta(&db, "id").map_err(|error| failed(&error))?;
        let id: String = id.ok_or_else(|| {
            Error::memory(format!("the archive {} has no id", path.display()))
                .with_help("it is damaged: name another file")
        })?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            id,
            writer: Writer::start(db, path)?,
            readers: Mutex::default(),
            lock,
        })))
    }

    /// Where it is, in full, with links resolved.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What tells it from all other archives.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Remembers an item.
    ///
    /// A turn or segment that is there word for word gets another source. A fact takes the place of
    /// what held about its key before; one that comes late is put in its place among the others.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for a fact without a key, a key of more than one line, a turn with
    /// one, an item without words, a turn or moment out of range, and for a namespace that the archive does
    /// not have; [`is_memory`](Error::is_memory) when it cannot be written.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the item is written or not; nothing in between. What was begun goes on in
    /// the thread that writes. A turn that says its [`run`](NewItem::run) can be written again, word for word,
    /// without being there twice.
    pub async fn remember(&self, namespace: NamespaceId, item: NewItem) -> Result<Written> {
        let mut written = self.remember_all(namespace, vec![item]).await?;
        written
            .pop()
            .ok_or_else(|| Error::memory("nothing was written"))
    }

    /// Remembers items, all or none of them, in order.
    ///
    /// # Errors
    ///
    /// Those of [`remember`](Self::remember).
    ///
    /// # Cancel safety
    ///
    /// As [`remember`](Self::remember): all of them are written or none.
    pub async fn remember_all(
        &self,
        namespace: NamespaceId,
        items: Vec<NewItem>,
    ) -> Result<Vec<Written>> {
        items.iter().try_for_each(check)?;
        let now = Moment::from(SystemTime::now());
        self.0
            .writer
            .write(move |db| {
                items
                    .iter()
                    .map(|item| record::remember(db, namespace, item, now))
                    .collect()
            })
            .await
    }

    /// Gives an item a summary in the place of the one that it has. Its words are not touched.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the item has the one summary or the other.
    pub async fn summarise(
        &self,
        namespace: NamespaceId,
        id: ItemId,
        summary: String,
    ) -> Result<bool> {
        let set = "UPDATE items SET summary = ?3 WHERE id = ?1 AND namespace = ?2";
        self.0
            .writer
            .write(move |db| {
                db.execute(
                    set,
                    params![rows::sql(id.0), rows::sql(namespace.0), summary],
                )
                .map(|changed| changed > 0)
                .map_err(|error| failed(&error))
            })
            .await
    }

    /// Says that a fact holds no longer from `at` on, though nothing takes its place, and whatever was
    /// said of it by then; `false` when there is none that holds then.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the fact holds or not; who says it again gets `false` if it does not.
    pub async fn retire(&self, namespace: NamespaceId, id: ItemId, at: Moment) -> Result<bool> {
        let set = "UPDATE items SET valid_until = ?3, replaced_by = NULL
            WHERE id = ?1 AND namespace = ?2 AND kind = ?4 AND valid_from <= ?3 AND (valid_until IS NULL OR valid_until > ?3)";
        let kind = rows::kind_to_sql(Kind::Fact);
        self.0
            .writer
            .write(move |db| {
                let (id, namespace, at) =
                    (rows::sql(id.0), rows::sql(namespace.0), rows::sql(at.0));
                db.execute(set, params![id, namespace, at, kind])
                    .map(|changed| changed > 0)
                    .map_err(|error| failed(&error))
            })
            .await
    }

    /// Items by number, in the order asked for and as often; those that the namespace has not are left
    /// out.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn items(&self, namespace: NamespaceId, ids: &[ItemId]) -> Result<Vec<MemoryItem>> {
        let ids = ids.to_vec();
        self.read(move |db| browse::items(db, namespace, &ids))
            .await
    }

    /// The items of the last `count` turns, the oldest first. What was said in several of them, word
    /// for word, is there for each.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn last_turns(
        &self,
        namespace: NamespaceId,
        count: usize,
    ) -> Result<Vec<MemoryItem>> {
        self.read(move |db| browse::last_turns(db, namespace, count))
            .await
    }

    /// Items that satisfy `filter`, by ascending number, those after `after`, no more than `count`.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn browse(
        &self,
        namespace: NamespaceId,
        filter: &Filter,
        after: Option<ItemId>,
        count: usize,
    ) -> Result<Vec<MemoryItem>> {
        let filter = filter.clone();
        self.read(move |db| browse::browse(db, namespace, &filter, after, count))
            .await
    }

    /// The facts that held and hold about `key`, the latest first, no more than `count`.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn history(
        &self,
        namespace: NamespaceId,
        key: &str,
        count: usize,
    ) -> Result<Vec<MemoryItem>> {
        let key = key.to_owned();
        self.read(move |db| browse::history(db, namespace, &key, count))
            .await
    }

    /// The fact that held first about `key`.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn first(&self, namespace: NamespaceId, key: &str) -> Result<Option<MemoryItem>> {
        let key = key.to_owned();
        self.read(move |db| browse::first(db, namespace, &key))
            .await
    }

    /// The items, of one kind or of all, that share the rarest words with `query` (BM25), the best
    /// first. A score is comparable with others of the same query only.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn by_words(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        query: &str,
        count: usize,
    ) -> Result<Vec<Hit>> {
        let query = query.to_owned();
        self.read(move |db| words::search(db, namespace, kind, &query, count))
            .await
    }

    /// Reads on a connection that is not writing, on a thread for blocking work.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let result = tokio::task::spawn_blocking(move || {
            let idle = inner.readers().pop();
            let db = match idle {
                Some(db) => db,
                None => schema::reader(&inner.path)?,
            };
            let result = work(&db);
            let mut readers = inner.readers();
            if readers.len() < READERS {
                readers.push(db);
            }
            result
        })
        .await;
        match result {
            Ok(result) => result.map_err(|error| failed(&error)),
            Err(error) => Err(Error::memory("reading the archive broke off").with_source(error)),
        }
    }
}

impl Inner {
    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The greatest number of a turn that may be said: all numbers up to it are exact in JSON, and there are enough
/// behind it for the turns that say none.
const LAST_TURN: u64 = 1 << 53;

/// The last moment: SQLite's integers are signed.
const LAST_MOMENT: Moment = Moment(i64::MAX.unsigned_abs() - 1);

fn check(item: &NewItem) -> Result<()> {
    if item.observation.trim().is_empty() && item.response.trim().is_empty() {
        return Err(Error::invalid(
            "there is nothing to remember: the item has no words",
        ));
    }
    match (item.kind, item.key.as_deref().map(str::trim)) {
        (Kind::Fact, None | Some("")) => {
            return Err(Error::invalid(
                "a fact needs a key, which says what it is about",
            ));
        }
        (Kind::Turn, Some(_)) => {
            return Err(Error::invalid("a turn has no key: facts have"));
        }
        _ => {}
    }
    // A prompt tells it at the beginning of a line: with another in it, it would forge lines.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if item.key.as_deref().is_some_and(|key| key.contains(breaks)) {
        return Err(
            Error::invalid("the key of a fact is one line, without control characters")
                .with_help("a key is a few words: `name of the dog`; its value may be many lines"),
        );
    }
    let (turn, at) = (item.turn.unwrap_or(1), item.at.unwrap_or_default());
    if turn == 0 || turn > LAST_TURN || at > LAST_MOMENT {
        return Err(Error::invalid(format!(
            "turn {turn} at {} microseconds is out of range",
            at.0
        ))
        .with_help(
            "turns are counted from 1, up to 2^53, and moments in microseconds since 1970",
        ));
    }
    Ok(())
}
