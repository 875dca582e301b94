//! The facts about one key, one after the other: each holds from when it was told until another is.
//!
//! At most one holds at any moment, and what was told at a moment holds then, unless another was told
//! at the same moment later on. Facts may come in any order.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    record::{add_words, insert, next_change},
    rows,
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
        let (id, merged) = match told_again(db, &holder, at)? {
            // What held was said again later on: from then on it holds again.
            Some(again) => {
                let rest = split(db, &holder, at, again)?;
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

/// When a fact was next told after `at`, within the time for which it holds.
fn told_again(db: &Connection, place: &Place, at: Moment) -> rusqlite::Result<Option<Moment>> {
    let until = place.until.map_or(i64::MAX, |until| rows::sql(until.0));
    db.prepare_cached("SELECT min(at) FROM sources WHERE item = ?1 AND at > ?2 AND at < ?3")?
        .query_row([rows::sql(place.id.0), rows::sql(at.0), until], |row| {
            Ok(rows::optional_number(row, 0)?.map(Moment))
        })
}

/// Makes an item of its own of what was said of a fact after `at`; it holds from `again` on.
fn split(db: &Connection, place: &Place, at: Moment, again: Moment) -> rusqlite::Result<ItemId> {
    let copy = "INSERT INTO items (namespace, kind, key, observation, response, summary, digest,
            valid_from, valid_until, replaced_by, change)
        SELECT namespace, kind, key, observation, response, summary, digest,
            ?2, valid_until, replaced_by, ?3 FROM items WHERE id = ?1";
    db.prepare_cached(copy)?.execute([
        rows::sql(place.id.0),
        rows::sql(again.0),
        next_change(db)?,
    ])?;
    let id = db.last_insert_rowid();
    add_words(db, id)?;
    db.prepare_cached("UPDATE sources SET item = ?2 WHERE item = ?1 AND at > ?3")?
        .execute([rows::sql(place.id.0), id, rows::sql(at.0)])?;
    Ok(ItemId(id.unsigned_abs()))
}

/// `by` takes the place of `id` from `at` on.
fn replace(db: &Connection, id: ItemId, by: ItemId, at: Moment) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE items SET valid_until = ?3, replaced_by = ?2 WHERE id = ?1")?
        .execute([rows::sql(id.0), rows::sql(by.0), rows::sql(at.0)])?;
    Ok(())
}
