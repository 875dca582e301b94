//! The facts about one key, one after the other: each holds from when it was told until another is.
//!
//! At most one holds at any moment, and what was told at a moment holds then, unless another was told
//! at the same moment later on. Facts may come in any order. A telling that is forgotten leaves no gap: what
//! is left holds as if that had not been told. Of what was told more than once at one moment, it is not
//! known which telling came last, so that it may hold as long as one of them is left.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    record::{insert, next_change},
    rows, words,
};
use crate::{ItemId, Moment, NamespaceId, NewItem, Validity};

/// A fact, as far as its place among the others goes.
struct Place {
    id: ItemId,
    digest: Vec<u8>,
    from: Moment,
    until: Option<Moment>,
}

impl Place {
    fn holds_at(&self, moment: Moment) -> bool {
        let (from, until) = (self.from, self.until);
        Validity { from, until }.holds_at(moment)
    }
}

/// A fact that is told.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) namespace: NamespaceId,
    pub(super) key: &'a str,
    pub(super) item: &'a NewItem,
    pub(super) digest: &'a [u8],
    /// The number of its item, if it makes one; `None`: the next.
    pub(super) number: Option<ItemId>,
}

/// What became of it.
pub(super) struct Told {
    /// The item that holds it.
    pub(super) id: ItemId,
    /// It was there already.
    pub(super) merged: bool,
    /// What it took the place of.
    pub(super) supersedes: Option<ItemId>,
}

impl Telling<'_> {
    /// Puts it in its place: what held at `at` ends there, and it ends where the next one begins.
    pub(super) fn tell(&self, db: &Connection, at: Moment) -> rusqlite::Result<Told> {
        let holder = before(db, self.namespace, self.key, at)?;
        let holder = holder.filter(|before| before.holds_at(at));
        let Some(holder) = holder else {
            let (id, merged) = self.tell_before_next(db, at)?;
            return Ok(Told {
                id,
                merged,
                supersedes: None,
            });
        };
        if holder.digest == self.digest {
            return Ok(Told {
                id: holder.id,
                merged: true,
                supersedes: None,
            });
        }
        let (id, merged) = match told_again(db, holder.id, at)? {
            // What held was said again later on: from then on it holds again.
            Some(again) => {
                let rest = split(db, holder.id, at, again)?;
                self.write(db, at, Some((again, rest)))?
            }
            None => self.tell_before_next(db, at)?,
        };
        replace(db, holder.id, id, at)?;
        Ok(Told {
            id,
            merged,
            supersedes: Some(holder.id),
        })
    }

    /// Between `at` and the next fact nothing else is told.
    fn tell_before_next(&self, db: &Connection, at: Moment) -> rusqlite::Result<(ItemId, bool)> {
        let after = after(db, self.namespace, self.key, at)?;
        match after {
            // It held earlier than was known.
            Some(after) if after.digest == self.digest && self.never_held(db, at)?.is_none() => {
                db.prepare_cached("UPDATE items SET valid_from = ?2 WHERE id = ?1")?
                    .execute([rows::sql(after.id.0), rows::sql(at.0)])?;
                Ok((after.id, true))
            }
            after => self.write(db, at, after.map(|after| (after.from, after.id))),
        }
    }

    /// Has it hold from `at` until the next one: which item does, and whether it was there.
    fn write(
        &self,
        db: &Connection,
        at: Moment,
        next: Option<(Moment, ItemId)>,
    ) -> rusqlite::Result<(ItemId, bool)> {
        let (until, by) = next.unzip();
        if let Some(id) = self.never_held(db, at)? {
            let set = "UPDATE items SET valid_until = ?2, replaced_by = ?3 WHERE id = ?1";
            let until = until.map(|until| rows::sql(until.0));
            let by = by.map(|by: ItemId| rows::sql(by.0));
            db.prepare_cached(set)?
                .execute(params![rows::sql(id.0), until, by])?;
            return Ok((id, true));
        }
        // A number may be used once; a fact that is cut in pieces has several.
        let number = match self.number {
            Some(number) if !is_there(db, number)? => Some(number),
            _ => None,
        };
        let validity = Validity { from: at, until };
        let id = insert(db, self.namespace, self.item, self.digest, validity, number)?;
        if let Some((from, next)) = next {
            replace(db, id, next, from)?;
        }
        Ok((id, false))
    }

    /// The same that was told at that very moment, and did not hold because another was told after it.
    fn never_held(&self, db: &Connection, at: Moment) -> rusqlite::Result<Option<ItemId>> {
        let sql = "SELECT id FROM items WHERE namespace = ?1 AND key = ?2 AND valid_from = ?3
            AND valid_until = ?3 AND digest = ?4 LIMIT 1";
        let (namespace, at) = (rows::sql(self.namespace.0), rows::sql(at.0));
        db.prepare_cached(sql)?
            .query_row(params![namespace, self.key, at, self.digest], |row| {
                rows::number(row, 0).map(ItemId)
            })
            .optional()
    }
}

pub(super) fn holds_at(db: &Connection, id: ItemId, moment: Moment) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1 AND valid_from <= ?2
        AND (valid_until IS NULL OR valid_until > ?2))";
    db.prepare_cached(sql)?
        .query_row([rows::sql(id.0), rows::sql(moment.0)], |row| row.get(0))
}

pub(super) fn is_there(db: &Connection, id: ItemId) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1)")?
        .query_row([rows::sql(id.0)], |row| row.get(0))
}

/// Whether a fact that holds so long would hold beside another about the same key.
pub(super) fn crosses(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
    validity: Validity,
) -> rusqlite::Result<bool> {
    let until = validity.until.map_or(i64::MAX, |until| rows::sql(until.0));
    let sql = "SELECT EXISTS (SELECT 1 FROM items WHERE namespace = ?1 AND key = ?2
        AND valid_from < ?4 AND (valid_until IS NULL OR valid_until > max(?3, valid_from)))";
    let from = rows::sql(validity.from.0);
    if from >= until {
        return Ok(false);
    }
    db.prepare_cached(sql)?
        .query_row(params![rows::sql(namespace.0), key, from, until], |row| {
            row.get(0)
        })
}

/// Says that a fact holds no longer from `until` on, unless it was told then or later.
pub(super) fn end_unless_told_later(
    db: &Connection,
    id: ItemId,
    until: Moment,
) -> rusqlite::Result<()> {
    let sql = "UPDATE items SET valid_until = ?2, replaced_by = NULL
        WHERE id = ?1 AND valid_from <= ?2 AND (valid_until IS NULL OR valid_until > ?2)
        AND NOT EXISTS (SELECT 1 FROM sources WHERE item = ?1 AND at >= ?2)";
    db.prepare_cached(sql)?
        .execute([rows::sql(id.0), rows::sql(until.0)])?;
    Ok(())
}

/// Has a fact that began when it was told at `was`, which is forgotten, begin when it was told next; what it
/// took the place of holds until then. If it held no longer by then, it never did, and took nobody's place.
pub(super) fn begin_later(db: &Connection, id: ItemId, was: Moment) -> rusqlite::Result<()> {
    let sql = "SELECT valid_until,
            (SELECT min(at) FROM sources WHERE item = items.id),
            (SELECT min(at) FROM sources WHERE item = items.id AND at >= valid_from)
        FROM items WHERE id = ?1 AND valid_from = ?2";
    let (item, was) = (rows::sql(id.0), rows::sql(was.0));
    let told: Option<[Option<i64>; 3]> = db
        .prepare_cached(sql)?
        .query_row([item, was], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        })
        .optional()?;
    let Some([until, Some(first), next]) = told else {
        return Ok(());
    };
    let Some(next) = next.filter(|next| until.is_none_or(|until| *next <= until)) else {
        give_place_back(db, id)?;
        let never = "UPDATE items SET valid_from = ?2, valid_until = ?2, replaced_by = NULL
            WHERE id = ?1";
        db.prepare_cached(never)?.execute([item, first])?;
        return Ok(());
    };
    // What never held, because this was told at the same moment, now does, behind what held before.
    let next = Moment(next.unsigned_abs());
    let mut chain = replaced(db, id)?;
    chain.retain(|(from, _)| *from < next);
    chain.push((next, id));
    db.prepare_cached("UPDATE items SET valid_from = ?2 WHERE id = ?1")?
        .execute([item, rows::sql(next.0)])?;
    link(db, &chain)
}

/// Has what was told at `at`, and did not hold because a fact that held before was told again at that moment,
/// hold from then on, if that telling is forgotten.
pub(super) fn hold_again(db: &Connection, id: ItemId, at: Moment) -> rusqlite::Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1 AND valid_from < ?2)
        AND NOT EXISTS (SELECT 1 FROM sources WHERE item = ?1 AND at = ?2)";
    let is_forgotten: bool = db
        .prepare_cached(sql)?
        .query_row([rows::sql(id.0), rows::sql(at.0)], |row| row.get(0))?;
    if !is_forgotten {
        return Ok(());
    }
    let mut chain = replaced(db, id)?;
    chain.retain(|(from, _)| *from == at);
    let Some((_, last)) = chain.last().copied() else {
        return Ok(());
    };
    link(db, &chain)?;
    match told_again(db, id, at)? {
        Some(again) => {
            let rest = split(db, id, at, again)?;
            replace(db, last, rest, again)?;
        }
        None => take_end(db, last, id)?,
    }
    replace(db, id, last, at)
}

/// Has what a fact took the place of, which is forgotten, hold until that one would have ended.
pub(super) fn give_place_back(db: &Connection, id: ItemId) -> rusqlite::Result<()> {
    let chain = replaced(db, id)?;
    link(db, &chain)?;
    if let Some((_, last)) = chain.last() {
        take_end(db, *last, id)?;
    }
    // Of an imported one it may be said that it was replaced by what has nothing to do with it.
    db.prepare_cached("UPDATE items SET replaced_by = NULL WHERE replaced_by = ?1")?
        .execute([rows::sql(id.0)])?;
    Ok(())
}

/// Has a fact hold until `of` does, and be replaced by the same.
pub(super) fn take_end(db: &Connection, id: ItemId, of: ItemId) -> rusqlite::Result<()> {
    let sql = "UPDATE items SET (valid_until, replaced_by) =
        (SELECT valid_until, replaced_by FROM items WHERE id = ?2) WHERE id = ?1";
    db.prepare_cached(sql)?
        .execute([rows::sql(id.0), rows::sql(of.0)])?;
    Ok(())
}

/// The last fact that held at all and began at `at` or before. Of facts told at the same moment all
/// but one never held.
fn before(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
    at: Moment,
) -> rusqlite::Result<Option<Place>> {
    let sql = "SELECT id, digest, valid_from, valid_until FROM items
        WHERE namespace = ?1 AND key = ?2 AND valid_from <= ?3
        AND (valid_until IS NULL OR valid_until > valid_from)
        ORDER BY valid_from DESC LIMIT 1";
    place(db, sql, namespace, key, at)
}

/// The next fact that begins after `at`. One that never held, because it was retired at once, ends
/// what was before it all the same.
fn after(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
    at: Moment,
) -> rusqlite::Result<Option<Place>> {
    let sql = "SELECT id, digest, valid_from, valid_until FROM items
        WHERE namespace = ?1 AND key = ?2 AND valid_from > ?3
        ORDER BY valid_from, (valid_until IS NULL OR valid_until > valid_from) DESC, id DESC LIMIT 1";
    place(db, sql, namespace, key, at)
}

fn place(
    db: &Connection,
    sql: &str,
    namespace: NamespaceId,
    key: &str,
    at: Moment,
) -> rusqlite::Result<Option<Place>> {
    db.prepare_cached(sql)?
        .query_row(
            params![rows::sql(namespace.0), key, rows::sql(at.0)],
            |row| {
                Ok(Place {
                    id: ItemId(rows::number(row, 0)?),
                    digest: row.get(1)?,
                    from: Moment(rows::number(row, 2)?),
                    until: rows::optional_number(row, 3)?.map(Moment),
                })
            },
        )
        .optional()
}

/// What a fact took the place of, the earliest first: what held until it began, and what never held, because it
/// was told at that moment, or later on at one at which this was told too.
fn replaced(db: &Connection, id: ItemId) -> rusqlite::Result<Vec<(Moment, ItemId)>> {
    let sql = "SELECT one.valid_from, one.id FROM items AS one JOIN items AS fact ON fact.id = ?1
        WHERE one.replaced_by = ?1 AND one.id <> ?1
        AND one.namespace = fact.namespace AND one.key = fact.key
        AND (one.valid_until = fact.valid_from
            OR (one.valid_until = one.valid_from AND one.valid_from > fact.valid_from
                AND (fact.valid_until IS NULL OR one.valid_from <= fact.valid_until)))
        ORDER BY one.valid_from, one.id";
    db.prepare_cached(sql)?
        .query_map([rows::sql(id.0)], |row| {
            Ok((Moment(rows::number(row, 0)?), ItemId(rows::number(row, 1)?)))
        })?
        .collect()
}

/// Each holds until the next one begins.
fn link(db: &Connection, chain: &[(Moment, ItemId)]) -> rusqlite::Result<()> {
    for ((_, one), (at, other)) in chain.iter().zip(chain.iter().skip(1)) {
        replace(db, *one, *other, *at)?;
    }
    Ok(())
}

/// When a fact was next told after `at`, within the time for which it holds; or when another was told, at the
/// end of that, at the same moment and after it.
fn told_again(db: &Connection, id: ItemId, at: Moment) -> rusqlite::Result<Option<Moment>> {
    let sql = "SELECT min(at) FROM sources JOIN items ON items.id = item
        WHERE item = ?1 AND at > ?2 AND (valid_until IS NULL OR at < valid_until
            OR (at = valid_until AND replaced_by IS NOT NULL))";
    db.prepare_cached(sql)?
        .query_row([rows::sql(id.0), rows::sql(at.0)], |row| {
            Ok(rows::optional_number(row, 0)?.map(Moment))
        })
}

/// Makes an item of its own of what was said of a fact after `at`; it holds from `again` on.
fn split(db: &Connection, id: ItemId, at: Moment, again: Moment) -> rusqlite::Result<ItemId> {
    let copy = "INSERT INTO items (namespace, kind, key, observation, response, summary, digest,
            valid_from, valid_until, replaced_by, change)
        SELECT namespace, kind, key, observation, response, summary, digest,
            ?2, valid_until, replaced_by, ?3 FROM items WHERE id = ?1";
    let id = rows::sql(id.0);
    db.prepare_cached(copy)?
        .execute([id, rows::sql(again.0), next_change(db)?])?;
    let rest = db.last_insert_rowid();
    words::add(db, rest)?;
    for moved in [
        "UPDATE sources SET item = ?2 WHERE item = ?1 AND at > ?3",
        // What never held, since it was told again at that moment.
        "UPDATE items SET replaced_by = ?2 WHERE replaced_by = ?1 AND valid_until > ?3",
    ] {
        db.prepare_cached(moved)?
            .execute([id, rest, rows::sql(at.0)])?;
    }
    Ok(ItemId(rest.unsigned_abs()))
}

/// `by` takes the place of `id` from `at` on.
fn replace(db: &Connection, id: ItemId, by: ItemId, at: Moment) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE items SET valid_until = ?3, replaced_by = ?2 WHERE id = ?1")?
        .execute([rows::sql(id.0), rows::sql(by.0), rows::sql(at.0)])?;
    Ok(())
}
