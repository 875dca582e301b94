//! Points that are there twice.
//!
//! Optimising writes a part anew and then removes those that it replaces. Where the process is killed in between,
//! both are there when the store is loaded, and the library takes both: each of their points counts twice, and
//! the older one of a point that was changed since comes up again. A mark says that optimising was not done.

use std::{fs, io::ErrorKind, path::Path};

use catena_core::Result;
use catena_memory::{ItemId, Point};
use qdrant_edge::{
    CountRequest, EdgeShard, OperationResult, PointId, PointOperations, UpdateOperation,
};

use crate::{disk, failure::failed, point, shard};

/// The mark: a file in the index's folder.
pub(crate) const MARK: &str = "optimising";

/// How many points are looked at together.
const PAGE: usize = 1000;

/// Does what makes parts anew, under the mark. One that is there already stays: it is for [`mend`] to remove.
pub(crate) fn marked(folder: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let was_there = folder.join(MARK).exists();
    fs::write(folder.join(MARK), "").map_err(|error| failed(folder, "be marked", error))?;
    work()?;
    match was_there {
        true => Ok(()),
        false => unmark(folder),
    }
}

/// Removes the mark, if it is there.
pub(crate) fn unmark(folder: &Path) -> Result<()> {
    match fs::remove_file(folder.join(MARK)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed(folder, "be marked", error))
        }
        _ => Ok(()),
    }
}

/// Leaves one of each point, the newest, in a store that was just loaded, if it is marked.
pub(crate) fn mend(folder: &Path, shard: &EdgeShard) -> Result<()> {
    if !folder.join(MARK).exists() {
        return Ok(());
    }
    disk::check_room(folder, 0)?;
    let mut from = Some(ItemId(0));
    while let Some(first) = from {
        from = mend_page(folder, shard, first)?;
    }
    shard.flush();
    unmark(folder)
}

/// Mends the points from an id on, and gives the id that the next ones begin with.
fn mend_page(folder: &Path, shard: &EdgeShard, from: ItemId) -> Result<Option<ItemId>> {
    let unreadable = |error| failed(folder, "be read", error);
    let page = |whole| shard.scroll(point::page(from, PAGE, whole));
    let (records, next) = page(false).map_err(unreadable)?;
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    let count = CountRequest {
        filter: Some(point::these(&ids)),
        exact: true,
    };
    if shard.count(count).map_err(unreadable)? > ids.len() {
        let (records, _) = page(true).map_err(unreadable)?;
        let points = records.into_iter().map(point::from_library);
        let points = points.collect::<Result<Vec<_>>>()?;
        once(shard, ids, points).map_err(|error| failed(folder, "be mended", error))?;
    }
    next.map(point::item).transpose()
}

/// Removes points wherever they are, and adds them. If the process ends in between, the archive tells them again.
fn once(shard: &EdgeShard, ids: Vec<PointId>, points: Vec<Point>) -> OperationResult<()> {
    let remove = PointOperations::DeletePoints { ids };
    shard.update(UpdateOperation::PointOperation(remove))?;
    shard::upsert(shard, points)
}
