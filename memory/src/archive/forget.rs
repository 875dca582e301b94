//! Forgetting, which really deletes.

use rusqlite::{Connection, params, params_from_iter, types::Value};

use super::{Filter, purges, record::next_change, rows};
use crate::{ItemId, Kind, NamespaceId};

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Forgotten {
    /// The items.
    pub items: Vec<ItemId>,
    /// The runs that had written them. Their journal holds the same words: have it forget them too.
    pub runs: Vec<String>,
}

/// The items of a namespace that satisfy `filter`, and, where `ids` are given, are among them; and the facts
/// that were learned from these turns alone.
pub(super) fn select(
    db: &Connection,
    namespace: NamespaceId,
    filter: &Filter,
    ids: Option<&[ItemId]>,
) -> rusqlite::Result<Vec<ItemId>> {
    let mut chosen = named(db, namespace, filter, ids)?;
    chosen.extend(told_there_alone(db, &chosen)?);
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// Where those of the items `?1` that are turns, of the kind `?2`, were said, by runs: namespace, turn and run. Not
/// where another turn was said too that stays.
const TURNS: &str = "WITH turns AS MATERIALIZED (
        SELECT DISTINCT sources.namespace, sources.turn, sources.run FROM sources
        JOIN items ON items.id = sources.item AND items.kind = ?2
        WHERE sources.item IN (SELECT value FROM json_each(?1)) AND sources.run IS NOT NULL
            AND NOT EXISTS (
                SELECT 1 FROM sources AS kept JOIN items AS turn ON turn.id = kept.item AND turn.kind = ?2
                WHERE kept.namespace = sources.namespace AND kept.turn = sources.turn
                    AND kept.run = sources.run
                    AND kept.item NOT IN (SELECT value FROM json_each(?1))
            )
    )";

/// The facts that were learned from those of the `chosen` items that are turns, by the runs that had them, and
/// from no other: they say again what is forgotten.
fn told_there_alone(db: &Connection, chosen: &[ItemId]) -> rusqlite::Result<Vec<ItemId>> {
    let sql = format!(
        "{TURNS} SELECT DISTINCT fact.item FROM turns
        JOIN sources AS fact ON (fact.namespace, fact.turn, fact.run) = (turns.namespace, turns.turn, turns.run)
        JOIN items ON items.id = fact.item AND items.kind = ?3
        WHERE NOT EXISTS (
            SELECT 1 FROM sources AS other WHERE other.item = fact.item
            AND (other.namespace, other.turn, coalesce(other.run, ''))
                NOT IN (SELECT namespace, turn, run FROM turns)
        )"
    );
    let kinds = (rows::kind_to_sql(Kind::Turn), rows::kind_to_sql(Kind::Fact));
    db.prepare_cached(&sql)?
        .query_map(params![rows::array(chosen), kinds.0, kinds.1], |row| {
            Ok(ItemId(rows::number(row, 0)?))
        })?
        .collect()
}

/// Leaves facts that were told elsewhere too without those of their sources that are forgotten, so that they go
/// with the last of the others.
fn forget_sources(db: &Connection, chosen: &[ItemId]) -> rusqlite::Result<()> {
    let sql = format!(
        "{TURNS} DELETE FROM sources WHERE (namespace, turn, run) IN (SELECT namespace, turn, run FROM turns)
            AND item IN (SELECT id FROM items WHERE kind = ?3)
            AND item NOT IN (SELECT value FROM json_each(?1))"
    );
    let kinds = (rows::kind_to_sql(Kind::Turn), rows::kind_to_sql(Kind::Fact));
    db.prepare_cached(&sql)?
        .execute(params![rows::array(chosen), kinds.0, kinds.1])?;
    Ok(())
}

/// The items of a namespace that satisfy `filter`, and, where `ids` are given, are among them.
fn named(
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
    forget_sources(db, &items)?;
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
