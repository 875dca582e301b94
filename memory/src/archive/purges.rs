//! Which indexes may still hold vectors of what was forgotten, in their files. What the archive's own files may
//! hold is in `traces`.
//!
//! Forgetting notes the change with which it deletes, in the transaction that does; an index that was purged
//! notes the change up to which it was. Whatever ends the process between the two, and whichever index was in
//! use, the others owe a purge until they had one.

use catena_core::Result;
use rusqlite::{Connection, params};

use super::{
    changes, rows,
    schema::{failed, meta},
};
use crate::{Archive, ItemId, VectorIndex};

/// The last change that forgot something.
const FORGOTTEN: &str = "forgotten";

/// Before the description of an index: the change up to which its files hold nothing of what was forgotten.
const PURGED: &str = "purged ";

impl Archive {
    /// Whether files of `index` may still hold vectors of what was forgotten: it was forgotten with another
    /// index, or the process ended before this one was rid of them. Opening a [`Memory`](crate::Memory) with
    /// it sees to that.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory), and those of the index.
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn owes_purge(&self, index: &dyn VectorIndex) -> Result<bool> {
        // One that was never stamped holds nothing, or is emptied before it is used.
        Ok(index.stamp().await?.is_some() && self.purge_due(&index.describe()).await?.is_some())
    }

    pub(crate) async fn purge_due(&self, index: &str) -> Result<Option<u64>> {
        let index = index.to_owned();
        self.read(move |db| due(db, &index)).await
    }

    pub(crate) async fn set_purged(&self, index: String, change: u64) -> Result<()> {
        self.0
            .writer
            .write(move |db| note_purged(db, &index, change).map_err(|error| failed(&error)))
            .await
    }

    pub(crate) async fn removed_since(&self, change: u64) -> Result<Vec<ItemId>> {
        self.read(move |db| removed_since(db, change)).await
    }
}

/// Notes that all indexes owe a purge, for what was removed last.
pub(super) fn note_due(db: &Connection) -> rusqlite::Result<()> {
    set(db, FORGOTTEN, changes::last(db)?)
}

/// The change up to which the index of this description owes a purge; `None` where it owes none.
fn due(db: &Connection, index: &str) -> rusqlite::Result<Option<u64>> {
    let Some(forgotten) = number(db, FORGOTTEN)? else {
        return Ok(None);
    };
    let purged = number(db, &format!("{PURGED}{index}"))?.unwrap_or(0);
    Ok((purged < forgotten).then_some(forgotten))
}

/// Notes up to which change an index was purged.
fn note_purged(db: &Connection, index: &str, change: u64) -> rusqlite::Result<()> {
    set(db, &format!("{PURGED}{index}"), change)
}

/// The items that were removed after a change.
fn removed_since(db: &Connection, change: u64) -> rusqlite::Result<Vec<ItemId>> {
    db.prepare_cached("SELECT item FROM removed WHERE change > ?1 ORDER BY change")?
        .query_map([rows::sql(change)], |row| rows::number(row, 0).map(ItemId))?
        .collect()
}

fn number(db: &Connection, key: &str) -> rusqlite::Result<Option<u64>> {
    Ok(meta::<i64>(db, key)?.map(i64::unsigned_abs))
}

fn set(db: &Connection, key: &str, number: u64) -> rusqlite::Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
        params![key, rows::sql(number)],
    )?;
    Ok(())
}
