//! The folder of an index, and everything that blocks.

use std::{
    fs::{self, File, TryLockError},
    io, mem,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use catena_core::{Embedding, Error, Result};
use catena_memory::{Hit, IndexStamp, ItemId, Kind, NamespaceId, Point};
use qdrant_edge::{
    CountRequest, EdgeShard, PointOperations, QuantizationSearchParams, Record, SearchParams,
    UpdateOperation,
};

use crate::{
    EdgeOptions, disk,
    failure::{caught, failed},
    heap, point,
    shard::{self, Loaded},
    stamp, twice,
};

const LOCK: &str = "lock";

/// A folder of this process alone. Changes, [`flush`](Self::flush) and [`optimize`](Self::optimize)
/// must be called one at a time, reading may go on meanwhile.
pub(crate) struct Store {
    folder: PathBuf,
    options: EdgeOptions,
    /// Whether it was made with other options than it was opened with.
    otherwise: bool,
    /// Held as long as the store is: one process at a time.
    _lock: File,
    /// Locked for writing only while the library's store is taken away and put back.
    state: RwLock<State>,
}

enum State {
    /// Never reset: without a stamp, and nothing in it.
    New,
    Open(Box<Open>),
    /// It could not be loaded again after it was closed for a moment. What is in it cannot be told, and the next
    /// change tries again.
    Closed(IndexStamp),
}

struct Open {
    shard: EdgeShard,
    stamp: IndexStamp,
}

impl State {
    fn open(shard: EdgeShard, stamp: IndexStamp) -> Self {
        Self::Open(Box::new(Open { shard, stamp }))
    }
}

impl Store {
    pub(crate) fn open(folder: &Path, options: EdgeOptions) -> Result<Self> {
        make_private(folder).map_err(|error| failed(folder, "be made", error))?;
        only_ours(folder)?;
        let lock = lock(folder)?;
        keep_private(folder);
        // Without its stamp it was being made, or removed, when the process ended.
        let (state, otherwise) = match stamp::read(folder)? {
            None => (State::New, false),
            Some(stamp) => {
                disk::check_room(folder, 0)?;
                let Loaded { shard, otherwise } =
                    caught(folder, "be opened", || load(folder, &options))?;
                (State::open(shard, stamp), otherwise)
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            options,
            otherwise,
            _lock: lock,
            state: RwLock::new(state),
        })
    }

    /// Removes what is in `folder`, if it is an index that nobody has open.
    pub(crate) fn discard(folder: &Path) -> Result<()> {
        only_ours(folder)?;
        let _lock = lock(folder)?;
        stamp::remove(folder)?;
        twice::unmark(folder)?;
        let points = folder.join(shard::FOLDER);
        match points.exists() {
            true => {
                fs::remove_dir_all(&points).map_err(|error| failed(folder, "be emptied", error))
            }
            false => Ok(()),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn was_otherwise(&self) -> bool {
        self.otherwise
    }

    pub(crate) fn stamp(&self) -> Option<IndexStamp> {
        match &*self.state() {
            State::New => None,
            State::Open(open) => Some(open.stamp.clone()),
            State::Closed(stamp) => Some(stamp.clone()),
        }
    }

    pub(crate) fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        let mut state = self.state_to_change();
        stamp::remove(&self.folder)?;
        // It is thrown away: whether its last words reach the disk does not matter.
        close(&self.folder, &mut state);
        *state = State::New;
        let points = self.folder.join(shard::FOLDER);
        if points.exists() {
            fs::remove_dir_all(&points)
                .map_err(|error| failed(&self.folder, "be emptied", error))?;
        }
        twice::unmark(&self.folder)?;
        disk::check_room(&self.folder, shard::NEW)?;
        let shard = shard::create(&self.folder, stamp.dimensions, &self.options)?;
        shard.flush();
        stamp::write(&self.folder, stamp)?;
        *state = State::open(shard, stamp.clone());
        Ok(())
    }

    pub(crate) fn upsert(&self, points: Vec<Point>) -> Result<()> {
        self.open_again()?;
        let Some(stamp) = self.stamp() else {
            return Err(Error::invalid("the index was never reset")
                .with_help("reset it with the stamp of an archive first"));
        };
        stamp.check(&points)?;
        disk::check_room(&self.folder, 0)?;
        self.with(|shard| {
            shard::upsert(shard, points).map_err(|error| failed(&self.folder, "take points", error))
        })
    }

    pub(crate) fn remove(&self, ids: &[ItemId]) -> Result<()> {
        self.open_again()?;
        disk::check_room(&self.folder, 0)?;
        self.with(|shard| {
            let ids = ids.iter().copied().map(point::id).collect();
            shard
                .update(UpdateOperation::PointOperation(
                    PointOperations::DeletePoints { ids },
                ))
                .map_err(|error| failed(&self.folder, "remove points", error))
        })
    }

    pub(crate) fn search(
        &self,
        namespace: NamespaceId,
        kind: Option<Kind>,
        vector: Embedding,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        self.with(|shard| {
            let params = SearchParams {
                // Where there are copies they only choose; the vectors themselves give order and score.
                quantization: Some(QuantizationSearchParams {
                    ignore: false,
                    rescore: Some(true),
                    oversampling: Some(2.0),
                }),
                ..SearchParams::default()
            };
            let found = shard
                .query(point::nearest(namespace, kind, vector, limit, params)?)
                .map_err(|error| failed(&self.folder, "be searched", error))?;
            point::hits(&found)
        })
    }

    pub(crate) fn scan(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Point>> {
        let records = self.page(after, limit, true)?;
        records.into_iter().map(point::from_library).collect()
    }

    pub(crate) fn ids(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<ItemId>> {
        let records = self.page(after, limit, false)?;
        records
            .into_iter()
            .map(|record| point::item(record.id))
            .collect()
    }

    fn page(&self, after: Option<ItemId>, limit: usize, whole: bool) -> Result<Vec<Record>> {
        let Some(from) = after.map_or(Some(0), |id| id.0.checked_add(1)) else {
            return Ok(Vec::new());
        };
        self.with(|shard| {
            let page = shard.scroll(point::page(ItemId(from), limit, whole));
            let (records, _) = page.map_err(|error| failed(&self.folder, "be read", error))?;
            Ok(records)
        })
    }

    pub(crate) fn count(&self) -> Result<u64> {
        self.with(|shard| {
            let all = CountRequest {
                filter: None,
                exact: true,
            };
            let count = shard.count(all);
            let count = count.map_err(|error| failed(&self.folder, "be counted", error))?;
            Ok(count as u64)
        })
    }

    /// Puts everything on the disk, and shortens the log where it has grown long.
    pub(crate) fn flush(&self) -> Result<()> {
        self.open_again()?;
        disk::check_room(&self.folder, 0)?;
        self.with(|shard| {
            shard.flush();
            Ok(())
        })?;
        if !self.folder.join(shard::FOLDER).exists() || !shard::log_is_long(&self.folder)? {
            return Ok(());
        }
        self.shorten_log()
    }

    fn shorten_log(&self) -> Result<()> {
        // Its files are held as long as the store is open; loading shortens it.
        let mut state = self.state_to_change();
        close(&self.folder, &mut state);
        self.load_closed(&mut state)
    }

    /// Loads what could not be loaded before.
    fn open_again(&self) -> Result<()> {
        match *self.state() {
            State::New | State::Open(_) => return Ok(()),
            State::Closed(_) => {}
        }
        self.load_closed(&mut self.state_to_change())
    }

    fn load_closed(&self, state: &mut State) -> Result<()> {
        if let State::Closed(stamp) = state {
            let Loaded { shard, .. } = load(&self.folder, &self.options)?;
            *state = State::open(shard, stamp.clone());
        }
        Ok(())
    }

    /// Puts everything on the disk, and leaves nothing there of points that were removed.
    pub(crate) fn purge(&self) -> Result<()> {
        self.open_again()?;
        disk::check_room(&self.folder, shard::size_of(&self.folder)?)?;
        self.with(|shard| {
            twice::marked(&self.folder, || {
                shard::rewrite(shard)
                    .map_err(|error| failed(&self.folder, "be rid of what was removed", error))?;
                shard.flush();
                Ok(())
            })
        })?;
        self.shorten_log()
    }

    pub(crate) fn optimize(&self) -> Result<()> {
        self.open_again()?;
        // Parts are written anew before the old ones go.
        disk::check_room(&self.folder, shard::size_of(&self.folder)?)?;
        self.with(|shard| {
            twice::marked(&self.folder, || {
                shard
                    .optimize()
                    .map_err(|error| failed(&self.folder, "be optimised", error))?;
                shard.flush();
                heap::give_back();
                Ok(())
            })
        })
    }

    /// An index that was never reset holds nothing: reading it, or removing from it, gives nothing.
    fn with<T: Default>(&self, work: impl FnOnce(&EdgeShard) -> Result<T>) -> Result<T> {
        match &*self.state() {
            State::Open(open) => work(&open.shard),
            State::New => Ok(T::default()),
            State::Closed(_) => Err(Error::unavailable(format!(
                "the vector index in {} could not be opened again after its log was shortened",
                self.folder.display()
            ))
            .with_help("the next change tries again; so does opening it anew")),
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_to_change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if disk::check_room(&self.folder, 0).is_err() {
            // Closing writes. What was not flushed is told again.
            mem::forget(mem::replace(state, State::New));
        }
        if close(&self.folder, state) {
            shard::shorten_log(&self.folder);
        }
    }
}

/// Loads what is in the folder, each point once.
fn load(folder: &Path, options: &EdgeOptions) -> Result<Loaded> {
    let loaded = shard::load(folder, options)?;
    twice::mend(folder, &loaded.shard)?;
    Ok(loaded)
}

/// Closes what is open; whether anything was. The library flushes as it closes, and panics where that fails; what
/// was not flushed before is told again by the archive.
fn close(folder: &Path, state: &mut State) -> bool {
    match mem::replace(state, State::New) {
        State::Open(open) => {
            let Open { shard, stamp } = *open;
            *state = State::Closed(stamp);
            let closing = || {
                drop(shard);
                Ok(())
            };
            let _ = caught(folder, "be closed", closing);
            true
        }
        other => {
            *state = other;
            false
        }
    }
}

/// Makes a folder, if it is not there, for its user alone: vectors tell much of what was said.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Takes away the rights of others in the folder of an index that was made with them.
fn keep_private(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(mode) = fs::metadata(folder).map(|folder| folder.permissions().mode()) else {
            return;
        };
        if mode & 0o077 != 0 {
            // Who may not change it keeps it as it is: it is somebody else's.
            let _ = fs::set_permissions(folder, fs::Permissions::from_mode(mode & 0o7700));
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// Refuses a folder with anything in it that is not of an index.
fn only_ours(folder: &Path) -> Result<()> {
    let ours = [LOCK, twice::MARK, stamp::FILE, stamp::FRESH, shard::FOLDER];
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, "be read", error))?;
    for entry in entries {
        let name = entry
            .map_err(|error| failed(folder, "be read", error))?
            .file_name();
        if !ours.iter().any(|ours| name == *ours) {
            return Err(Error::invalid(format!(
                "{} holds something else than a vector index: {}",
                folder.display(),
                name.display()
            ))
            .with_help("give the index a folder of its own"));
        }
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File> {
    let file = File::create(folder.join(LOCK))
        .map_err(|error| failed(folder, "be opened for writing", error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::unavailable(format!(
            "the vector index in {} is open in another process",
            folder.display()
        ))
        .with_help(
            "close that one first, or keep the index on a Qdrant server, which many may use at once",
        )),
        Err(TryLockError::Error(error)) => Err(failed(folder, "be locked", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> IndexStamp {
        IndexStamp {
            archive: "a".to_owned(),
            embedder: "e".to_owned(),
            dimensions: 2,
        }
    }

    /// As where the disk fills while the store is closed for a moment. It was taken for an empty one, and what
    /// was forgotten for removed.
    #[test]
    fn what_cannot_be_loaded_again_is_not_empty() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("index");
        let store = Store::open(&folder, EdgeOptions::new()).unwrap();
        store.reset(&stamp()).unwrap();
        let (namespace, kind) = (NamespaceId(1), Kind::Turn);
        let point = Point {
            id: ItemId(1),
            namespace,
            kind,
            vector: vec![0.6, 0.8],
        };
        store.upsert(vec![point]).unwrap();
        store.flush().unwrap();

        close(&folder, &mut store.state_to_change());
        let (points, aside) = (folder.join(shard::FOLDER), place.path().join("aside"));
        fs::rename(&points, &aside).unwrap();
        let failing = |store: &Store| caught(&folder, "be opened", || store.open_again());
        failing(&store).unwrap_err();

        assert_eq!(store.stamp(), Some(stamp()));
        let search = || store.search(namespace, None, vec![0.6, 0.8], 1);
        search().unwrap_err();
        store.count().unwrap_err();
        store.ids(None, 1).unwrap_err();
        caught(&folder, "be purged", || store.purge()).unwrap_err();

        let _ = fs::remove_dir_all(&points);
        fs::rename(&aside, &points).unwrap();
        store.remove(&[ItemId(2)]).unwrap();
        assert_eq!(search().unwrap()[0].id, ItemId(1));
    }
}
