//! Forgetting, which really deletes.

use std::collections::BTreeSet;

use catena_core::Result;
use rusqlite::{Connection, params, params_from_iter, types::Value};

use super::{Filter, purges, record::next_change, rows, schema::failed, timeline, traces, words};
use crate::{Archive, ItemId, Kind, Moment, NamespaceId};

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Forgotten {
    /// The items.
    pub items: Vec<ItemId>,
    /// The runs that had written them, without the [part](crate::Source::run) of the run, each once and in
    /// order. Their journal holds the same words: have it forget them too.
    pub runs: Vec<String>,
}

impl Archive {
    /// What [`forget`](Self::forget) would forget.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn would_forget(
        &self,
        namespace: NamespaceId,
        filter: &Filter,
        ids: Option<&[ItemId]>,
    ) -> Result<Vec<ItemId>> {
        let (filter, ids) = (filter.clone(), ids.map(<[ItemId]>::to_vec));
        self.read(move |db| select(db, namespace, &filter, ids.as_deref()))
            .await
    }

    /// Forgets the items that satisfy `filter` and, where `ids` are given, are among them, and the facts that
    /// the runs of the turns among these had learned from them, and from no other turn. They are written over
    /// in the file and in its log, in the log as soon as nobody reads what was before. The file is written anew
    /// for that, which takes as much free disk as it has bytes, and as much in the folder for temporary files.
    ///
    /// What a forgotten fact took the place of holds again, until that one would have ended. A fact that was told
    /// in another turn too holds from then on. An index forgets them, and is rid of their vectors, when
    /// [`Memory`](crate::Memory) opens it next; [`Memory::forget`](crate::Memory::forget) does it at once.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory). Then nothing is forgotten; or, where the message says so,
    /// all of it is, and the file still has traces of it, since it could not be written anew. That is made up
    /// for when there is room: when the archive is opened next, or something else is forgotten.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, all of it is forgotten or nothing, and the files are rid of it all the same.
    pub async fn forget(
        &self,
        namespace: NamespaceId,
        filter: &Filter,
        ids: Option<&[ItemId]>,
    ) -> Result<Forgotten> {
        let (filter, ids) = (filter.clone(), ids.map(<[ItemId]>::to_vec));
        self.0
            .writer
            .purge(move |db| {
                select(db, namespace, &filter, ids.as_deref())
                    .and_then(|items| forget(db, items))
                    .map_err(|error| failed(&error))
            })
            .await
    }
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
/// with the last of the others: which were told when, the earliest first.
fn forget_sources(db: &Connection, chosen: &[ItemId]) -> rusqlite::Result<Vec<(Moment, ItemId)>> {
    let sql = format!(
        "{TURNS} DELETE FROM sources WHERE (namespace, turn, run) IN (SELECT namespace, turn, run FROM turns)
            AND item IN (SELECT id FROM items WHERE kind = ?3)
            AND item NOT IN (SELECT value FROM json_each(?1))
        RETURNING at, item"
    );
    let kinds = (rows::kind_to_sql(Kind::Turn), rows::kind_to_sql(Kind::Fact));
    let mut lost: Vec<(Moment, ItemId)> = db
        .prepare_cached(&sql)?
        .query_map(params![rows::array(chosen), kinds.0, kinds.1], |row| {
            Ok((Moment(rows::number(row, 0)?), ItemId(rows::number(row, 1)?)))
        })?
        .collect::<rusqlite::Result<_>>()?;
    lost.sort_unstable();
    Ok(lost)
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
    let runs = runs(db, &items)?;
    let lost = forget_sources(db, &items)?;
    for id in &items {
        timeline::give_place_back(db, *id)?;
        remove(db, *id)?;
    }
    for (at, id) in &lost {
        timeline::begin_later(db, *id, *at)?;
    }
    // The latest first: what an item holds from there on is another's then.
    for (at, id) in lost.iter().rev() {
        timeline::hold_again(db, *id, *at)?;
    }
    if !items.is_empty() {
        purges::note_due(db)?;
        traces::note(db)?;
    }
    Ok(Forgotten {
        items,
        runs: runs.into_iter().collect(),
    })
}

/// The runs that wrote items.
fn runs(db: &Connection, items: &[ItemId]) -> rusqlite::Result<BTreeSet<String>> {
    let sql = "SELECT DISTINCT run FROM sources WHERE run IS NOT NULL
        AND item IN (SELECT value FROM json_each(?1))";
    db.prepare_cached(sql)?
        .query_map([rows::array(items)], |row| {
            let run: String = row.get(0)?;
            let whole = run.split_once('/').map(|(whole, _)| whole.to_owned());
            Ok(whole.unwrap_or(run))
        })?
        .collect()
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
    words::remove(db, id)?;
    db.prepare_cached("DELETE FROM items WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}
