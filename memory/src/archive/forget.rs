//! Forgetting, which really deletes.

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{Filter, purges, record::next_change, rows};
use crate::{ItemId, NamespaceId};

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Forgotten {
    /// The items.
    pub items: Vec<ItemId>,
    /// The runs that had written them. Their journal holds the same words: have it forget them too.
    pub runs: Vec<String>,
}

/// The items of a namespace that satisfy `filter`, and, where `ids` are given, are among them.
pub(super) fn select(
    db: &Connection,
    namespace: NamespaceId,
    filter: &Filter,
    ids: Option<&[ItemId]>,
) -> rusqlite::Result<Vec<ItemId>> {
    let (mut condition, values) = filter.sql();
    let mut all = vec![Value::from(rows::sql(namespace.0))];
    all.extend(values);
    if let Some(ids) = ids {
        all.push(rows::array(ids).into());
        condition += &format!(" AND id IN (SELECT value FROM json_each(?{}))", all.len());
    }
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND {condition} ORDER BY id",
        rows::COLUMNS
    );
    let mut statement = db.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(all))?;
    let mut ids = Vec::new();
    while let Some(row) = found.next()? {
        if filter.contained(row)? {
            ids.push(ItemId(rows::number(row, 0)?));
        }
    }
    Ok(ids)
}

/// Deletes items.
pub(super) fn forget(db: &Connection, items: Vec<ItemId>) -> rusqlite::Result<Forgotten> {
    let ids = rows::array(&items);
    let runs = "SELECT DISTINCT run FROM sources WHERE run IS NOT NULL
        AND item IN (SELECT value FROM json_each(?1)) ORDER BY run";
    let runs = db
        .prepare(runs)?
        .query_map([&ids], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &items {
        db.prepare_cached("UPDATE items SET replaced_by = NULL WHERE replaced_by = ?1")?
            .execute([rows::sql(id.0)])?;
        remove(db, *id)?;
    }
    if !items.is_empty() {
        purges::note_due(db)?;
    }
    Ok(Forgotten { items, runs })
}

/// Deletes an item, and has the indexes told.
pub(super) fn remove(db: &Connection, id: ItemId) -> rusqlite::Result<()> {
    delete(db, id)?;
    note_removed(db, id)
}

/// Has the indexes told that an item is gone.
pub(super) fn note_removed(db: &Connection, id: ItemId) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO removed VALUES (?1, ?2)")?
        .execute([next_change(db)?, rows::sql(id.0)])?;
    Ok(())
}

/// Deletes an item whose number stays in use.
pub(super) fn delete(db: &Connection, id: ItemId) -> rusqlite::Result<()> {
    let id = rows::sql(id.0);
    let words = "INSERT INTO words (words, rowid, said, place)
        SELECT 'delete', id, said, place FROM items WHERE id = ?1";
    db.prepare_cached(words)?.execute([id])?;
    db.prepare_cached("DELETE FROM items WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
