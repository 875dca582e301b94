//! Rows as items.

use rusqlite::{Connection, Row, params};

use crate::{ItemId, Kind, MemoryItem, Moment, Source, Validity};

/// The columns of an item, in the order in which [`item`] reads them.
pub(super) const COLUMNS: &str =
    "id, kind, key, observation, response, summary, valid_from, valid_until, replaced_by";

/// The item of a row of [`COLUMNS`], with its sources.
pub(super) fn item(db: &Connection, row: &Row<'_>) -> rusqlite::Result<MemoryItem> {
    let mut item = item_without_sources(row)?;
    item.sources = sources(db, item.id)?;
    Ok(item)
}

/// The item of a row of [`COLUMNS`].
pub(super) fn item_without_sources(row: &Row<'_>) -> rusqlite::Result<MemoryItem> {
    Ok(MemoryItem {
        id: ItemId(number(row, 0)?),
        kind: kind_of_sql(row.get(1)?),
        key: row.get(2)?,
        observation: row.get(3)?,
        response: row.get(4)?,
        summary: row.get(5)?,
        validity: Validity {
            from: Moment(number(row, 6)?),
            until: optional_number(row, 7)?.map(Moment),
        },
        replaced_by: optional_number(row, 8)?.map(ItemId),
        sources: Vec::new(),
    })
}

fn sources(db: &Connection, id: ItemId) -> rusqlite::Result<Vec<Source>> {
    let sql = "SELECT turn, at, run FROM sources WHERE item = ?1 ORDER BY at, turn";
    db.prepare_cached(sql)?
        .query_map(params![sql_id(id)], |row| {
            Ok(Source {
                turn: number(row, 0)?,
                at: Moment(number(row, 1)?),
                run: row.get(2)?,
            })
        })?
        .collect()
}

fn sql_id(id: ItemId) -> i64 {
    sql(id.0)
}

/// SQLite's integers are signed; what exceeds them is their greatest.
pub(super) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

pub(super) fn optional_number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.map(i64::unsigned_abs))
}

pub(super) fn kind_to_sql(kind: Kind) -> i64 {
    match kind {
        Kind::Turn => 0,
        Kind::Fact => 1,
    }
}

pub(super) fn kind_of_sql(kind: i64) -> Kind {
    match kind {
        1 => Kind::Fact,
        _ => Kind::Turn,
    }
}

/// Numbers as a JSON array, for `json_each`.
pub(super) fn array(ids: &[ItemId]) -> String {
    let ids: Vec<_> = ids.iter().map(|id| id.0.to_string()).collect();
    format!("[{}]", ids.join(","))
}
