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
    open: RwLock<Option<Open>>,
}

struct Open {
    shard: EdgeShard,
    stamp: IndexStamp,
}

impl Store {
    pub(crate) fn open(folder: &Path, options: EdgeOptions) -> Result<Self> {
        make_private(folder).map_err(|error| failed(folder, "be made", error))?;
        only_ours(folder)?;
        let lock = lock(folder)?;
        keep_private(folder);
        // Without its stamp it was being made, or removed, when the process ended.
        let (open, otherwise) = match stamp::read(folder)? {
            None => (None, false),
            Some(stamp) => {
                disk::check_room(folder, 0)?;
                let load = || {
                    let loaded = shard::load(folder, &options)?;
                    twice::mend(folder, &loaded.shard)?;
                    Ok(loaded)
                };
                let Loaded { shard, otherwise } = caught(folder, "be opened", load)?;
                (Some(Open { shard, stamp }), otherwise)
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            options,
            otherwise,
            _lock: lock,
            open: RwLock::new(open),
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
        self.state().as_ref().map(|open| open.stamp.clone())
    }

    pub(crate) fn reset(&self, stamp: &IndexStamp) -> Result<()> {
        let mut state = self.state_to_change();
        stamp::remove(&self.folder)?;
        // It is thrown away: whether its last words reach the disk does not matter.
        let _ = close(&self.folder, &mut state);
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
        *state = Some(Open {
            shard,
            stamp: stamp.clone(),
        });
        Ok(())
    }

    pub(crate) fn upsert(&self, points: Vec<Point>) -> Result<()> {
        let state = self.state();
        let Some(Open { shard, stamp }) = state.as_ref() else {
            return Err(Error::invalid("the index was never reset")
                .with_help("reset it with the stamp of an archive first"));
        };
        stamp.check(&points)?;
        disk::check_room(&self.folder, 0)?;
        shard::upsert(shard, points).map_err(|error| failed(&self.folder, "take points", error))
    }

    pub(crate) fn remove(&self, ids: &[ItemId]) -> Result<()> {
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
        // Its files are held as long as the store is open.
        let mut state = self.state_to_change();
        if let Some(stamp) = close(&self.folder, &mut state) {
            let Loaded { shard, .. } = shard::load(&self.folder, &self.options)?;
            twice::mend(&self.folder, &shard)?;
            *state = Some(Open { shard, stamp });
        }
        Ok(())
    }

    /// Puts everything on the disk, and leaves nothing there of points that were removed.
    pub(crate) fn purge(&self) -> Result<()> {
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
        match self.state().as_ref() {
            Some(open) => work(&open.shard),
            None => Ok(T::default()),
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_to_change(&self) -> RwLockWriteGuard<'_, Option<Open>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let state = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        if disk::check_room(&self.folder, 0).is_err() {
            // Closing writes. What was not flushed is told again.
            mem::forget(state.take());
        }
        if close(&self.folder, state).is_some() {
            shard::shorten_log(&self.folder);
        }
    }
}

/// Closes what is open, and gives its stamp. The library flushes as it closes, and panics where that
/// fails; what was not flushed before is told again by the archive.
fn close(folder: &Path, state: &mut Option<Open>) -> Option<IndexStamp> {
    let Open { shard, stamp } = mem::take(state)?;
    let closing = || {
        drop(shard);
        Ok(())
    };
    let _ = caught(folder, "be closed", closing);
    Some(stamp)
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
