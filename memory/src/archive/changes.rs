//! What an index has to be told.

use catena_core::Result;
use rusqlite::{Connection, OptionalExtension, params};

use super::{rows, schema::failed};
use crate::{Archive, ItemId, Kind, NamespaceId, Partition, item::text};

/// Something that an index has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An item was added.
    Added(Unindexed),
    /// An item was removed.
    Removed(ItemId),
}

/// An item without its vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unindexed {
    pub(crate) id: ItemId,
    pub(crate) namespace: NamespaceId,
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// Up to which change which index knows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watermark {
    /// See [`VectorIndex::describe`](crate::VectorIndex::describe).
    pub(crate) index: String,
    pub(crate) change: u64,
    /// Up to which change it was there when the index was last optimised.
    pub(crate) optimised: u64,
}

impl Archive {
    pub(crate) async fn changes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Change)>> {
        self.read(move |db| since(db, after, limit)).await
    }

    pub(crate) async fn last_change(&self) -> Result<u64> {
        self.read(last).await
    }

    pub(crate) async fn count_until(&self, change: u64) -> Result<u64> {
        self.read(move |db| count_until(db, change)).await
    }

    pub(crate) async fn watermark(&self) -> Result<Option<Watermark>> {
        self.read(watermark).await
    }

    pub(crate) async fn set_watermark(&self, watermark: Watermark) -> Result<()> {
        self.0
            .writer
            .write(move |db| set_watermark(db, &watermark).map_err(|error| failed(&error)))
            .await
    }

    pub(crate) async fn numbers(
        &self,
        after: Option<ItemId>,
        limit: usize,
    ) -> Result<Vec<(ItemId, Partition)>> {
        self.read(move |db| numbers(db, after, limit)).await
    }

    pub(crate) async fn numbers_until(&self, change: u64) -> Result<Vec<ItemId>> {
        self.read(move |db| numbers_until(db, change)).await
    }

    pub(crate) async fn numbers_since(&self, change: u64) -> Result<Vec<ItemId>> {
        self.read(move |db| numbers_since(db, change)).await
    }

    pub(crate) async fn unindexed(&self, ids: &[ItemId]) -> Result<Vec<Unindexed>> {
        let ids = ids.to_vec();
        self.read(move |db| unindexed_items(db, &ids)).await
    }
}

/// The changes after `after`, with their numbers, in their order.
fn since(db: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<(u64, Change)>> {
    let sql = "SELECT change, id, namespace, key, observation, response, kind FROM items
            WHERE change > ?1
        UNION ALL SELECT change, item, NULL, NULL, NULL, NULL, NULL FROM removed WHERE change > ?1
        ORDER BY change LIMIT ?2";
    db.prepare_cached(sql)?
        .query_map(params![rows::sql(after), rows::sql(limit as u64)], |row| {
            let id = ItemId(rows::number(row, 1)?);
            let change = match rows::optional_number(row, 2)? {
                None => Change::Removed(id),
                Some(namespace) => Change::Added(unindexed(row, id, namespace)?),
            };
            Ok((rows::number(row, 0)?, change))
        })?
        .collect()
}

fn unindexed(row: &rusqlite::Row<'_>, id: ItemId, namespace: u64) -> rusqlite::Result<Unindexed> {
    let key: Option<String> = row.get(3)?;
    let (observation, response): (String, String) = (row.get(4)?, row.get(5)?);
    Ok(Unindexed {
        id,
        namespace: NamespaceId(namespace),
        kind: rows::kind_of_sql(row.get(6)?),
        text: text(key.as_deref(), &observation, &response),
    })
}

/// The items with these numbers, of all namespaces.
fn unindexed_items(db: &Connection, ids: &[ItemId]) -> rusqlite::Result<Vec<Unindexed>> {
    let sql = "SELECT 0, id, namespace, key, observation, response, kind FROM items
        WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id";
    db.prepare_cached(sql)?
        .query_map([rows::array(ids)], |row| {
            unindexed(row, ItemId(rows::number(row, 1)?), rows::number(row, 2)?)
        })?
        .collect()
}

/// The items after `after` by ascending number, and where in an index they belong.
fn numbers(
    db: &Connection,
    after: Option<ItemId>,
    limit: usize,
) -> rusqlite::Result<Vec<(ItemId, Partition)>> {
    let sql = "SELECT id, namespace, kind FROM items WHERE id > ?1 ORDER BY id LIMIT ?2";
    let after = after.map_or(0, |id| rows::sql(id.0));
    db.prepare_cached(sql)?
        .query_map([after, rows::sql(limit as u64)], numbered)?
        .collect()
}

fn numbered(row: &rusqlite::Row<'_>) -> rusqlite::Result<(ItemId, Partition)> {
    let partition = Partition {
        namespace: NamespaceId(rows::number(row, 1)?),
        kind: rows::kind_of_sql(row.get(2)?),
    };
    Ok((ItemId(rows::number(row, 0)?), partition))
}

/// The numbers of the items that were added up to the change `until`, ascending.
fn numbers_until(db: &Connection, until: u64) -> rusqlite::Result<Vec<ItemId>> {
    // From the index alone: the table has the texts, and is a hundred times as large.
    let sql = "SELECT id FROM items INDEXED BY items_by_change WHERE change <= ?1";
    ascending(db, sql, until)
}

/// The numbers of the items that were added or removed after the change `since`, ascending.
fn numbers_since(db: &Connection, since: u64) -> rusqlite::Result<Vec<ItemId>> {
    let sql = "SELECT id FROM items WHERE change > ?1
        UNION SELECT item FROM removed WHERE change > ?1";
    ascending(db, sql, since)
}

fn ascending(db: &Connection, sql: &str, change: u64) -> rusqlite::Result<Vec<ItemId>> {
    let mut ids: Vec<ItemId> = db
        .prepare_cached(sql)?
        .query_map([rows::sql(change)], |row| Ok(ItemId(rows::number(row, 0)?)))?
        .collect::<rusqlite::Result<_>>()?;
    ids.sort_unstable();
    Ok(ids)
}

/// How many items were added up to the change `until`, and are there still.
fn count_until(db: &Connection, until: u64) -> rusqlite::Result<u64> {
    db.query_row(
        "SELECT count(*) FROM items WHERE change <= ?1",
        [rows::sql(until)],
        |row| rows::number(row, 0),
    )
}

/// The number of the last change.
pub(super) fn last(db: &Connection) -> rusqlite::Result<u64> {
    db.query_row("SELECT value FROM meta WHERE key = 'change'", [], |row| {
        rows::number(row, 0)
    })
}

/// Which index was told everything up to where.
fn watermark(db: &Connection) -> rusqlite::Result<Option<Watermark>> {
    let sql = "SELECT (SELECT value FROM meta WHERE key = 'index'), value,
        (SELECT value FROM meta WHERE key = 'optimised') FROM meta WHERE key = 'indexed'";
    db.query_row(sql, [], |row| {
        Ok(Watermark {
            index: row.get(0)?,
            change: rows::number(row, 1)?,
            optimised: rows::optional_number(row, 2)?.unwrap_or(0),
        })
    })
    .optional()
}

/// Notes that an index knows everything up to a change; what was removed before then is forgotten for
/// good.
fn set_watermark(db: &Connection, watermark: &Watermark) -> rusqlite::Result<()> {
    let set = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
    db.execute(set, params!["index", watermark.index])?;
    db.execute(set, params!["indexed", rows::sql(watermark.change)])?;
    db.execute(set, params!["optimised", rows::sql(watermark.optimised)])?;
    db.execute(
        "DELETE FROM removed WHERE change <= ?1",
        [rows::sql(watermark.change)],
    )?;
    Ok(())
}
