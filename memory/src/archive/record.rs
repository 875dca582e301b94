//! How an item gets into the archive: written, merged with what is there, or in the place of what
//! held before.

use catena_core::Result;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{rows, schema::failed};
use crate::{ItemId, Kind, MemoryItem, Moment, NamespaceId, NewItem, Source, Validity, Written};

/// Remembers `item`; `now` is when it is said if it does not say.
pub(super) fn remember(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    now: Moment,
) -> Result<Written> {
    let written = known(db, namespace, item).and_then(|known| match known {
        Some(written) => Ok(written),
        None => record(db, namespace, item, now),
    });
    written.map_err(|error| failed(&error))
}

/// A turn that the same run wrote before: it was interrupted after that, and does it again.
fn known(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
) -> rusqlite::Result<Option<Written>> {
    let Some(run) = item.run.as_ref().filter(|_| item.kind == Kind::Turn) else {
        return Ok(None);
    };
    let sql = "SELECT item, turn FROM sources JOIN items ON items.id = item
        WHERE run = ?1 AND sources.namespace = ?2 AND kind = ?3";
    let kind = rows::kind_to_sql(Kind::Turn);
    db.prepare_cached(sql)?
        .query_row(params![run, rows::sql(namespace.0), kind], |row| {
            Ok(Written {
                id: ItemId(rows::number(row, 0)?),
                turn: rows::number(row, 1)?,
                merged: false,
                supersedes: None,
            })
        })
        .optional()
}

fn record(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    now: Moment,
) -> rusqlite::Result<Written> {
    let at = item.at.unwrap_or(now);
    let next: u64 = db
        .prepare_cached("SELECT next_turn FROM namespaces WHERE id = ?1")?
        .query_row([rows::sql(namespace.0)], |row| rows::number(row, 0))?;
    let turn = item.turn.unwrap_or(match item.kind {
        Kind::Turn => next,
        Kind::Fact => next.saturating_sub(1).max(1),
    });
    db.prepare_cached("UPDATE namespaces SET next_turn = max(next_turn, ?2) WHERE id = ?1")?
        .execute([rows::sql(namespace.0), rows::sql(turn + 1)])?;
    let source = Source {
        turn,
        at,
        run: item.run.clone(),
    };
    let digest = digest(item);
    let written = |id, merged, supersedes| Written {
        id,
        turn,
        merged,
        supersedes,
    };
    let (id, merged, supersedes) = match &item.key {
        Some(key) if item.kind == Kind::Fact => fact(db, namespace, item, key, &digest, at)?,
        _ => match same(db, namespace, &digest)? {
            Some(id) => (id, true, None),
            None => (insert(db, namespace, item, &digest, at, None)?, false, None),
        },
    };
    if merged && !item.summary.is_empty() {
        db.prepare_cached("UPDATE items SET summary = ?2 WHERE id = ?1 AND summary = ''")?
            .execute(params![rows::sql(id.0), item.summary])?;
    }
    add_source(db, namespace, id, &source)?;
    Ok(written(id, merged, supersedes))
}

/// An item of these words that still holds.
fn same(
    db: &Connection,
    namespace: NamespaceId,
    digest: &[u8],
) -> rusqlite::Result<Option<ItemId>> {
    let sql =
        "SELECT id FROM items WHERE namespace = ?1 AND substr(digest, 1, 8) = substr(?2, 1, 8)
        AND digest = ?2 AND valid_until IS NULL LIMIT 1";
    db.prepare_cached(sql)?
        .query_row(params![rows::sql(namespace.0), digest], |row| {
            Ok(ItemId(rows::number(row, 0)?))
        })
        .optional()
}

/// A fact that held about a key, nearest before or after a moment.
struct Neighbour {
    id: ItemId,
    digest: Vec<u8>,
    from: Moment,
    until: Option<Moment>,
}

fn neighbour(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
    at: Moment,
    after: bool,
) -> rusqlite::Result<Option<Neighbour>> {
    let sql = match after {
        false => {
            "SELECT id, digest, valid_from, valid_until FROM items WHERE namespace = ?1
             AND key = ?2 AND valid_from <= ?3 ORDER BY valid_from DESC, id DESC LIMIT 1"
        }
        true => {
            "SELECT id, digest, valid_from, valid_until FROM items WHERE namespace = ?1
             AND key = ?2 AND valid_from > ?3 ORDER BY valid_from, id LIMIT 1"
        }
    };
    db.prepare_cached(sql)?
        .query_row(
            params![rows::sql(namespace.0), key, rows::sql(at.0)],
            |row| {
                Ok(Neighbour {
                    id: ItemId(rows::number(row, 0)?),
                    digest: row.get(1)?,
                    from: Moment(rows::number(row, 2)?),
                    until: rows::optional_number(row, 3)?.map(Moment),
                })
            },
        )
        .optional()
}

/// Puts a fact in its place among those about the same key, whether it comes in order or late: what
/// held before it ends where it begins, and it ends where the next one begins.
fn fact(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    key: &str,
    digest: &[u8],
    at: Moment,
) -> rusqlite::Result<(ItemId, bool, Option<ItemId>)> {
    let before = neighbour(db, namespace, key, at, false)?;
    let after = neighbour(db, namespace, key, at, true)?;
    if let Some(before) = &before
        && before.digest == digest
        && before.until.is_none_or(|until| at < until)
    {
        return Ok((before.id, true, None));
    }
    let (id, merged) = match &after {
        // It held earlier than was known.
        Some(after) if after.digest == digest => {
            db.prepare_cached("UPDATE items SET valid_from = ?2 WHERE id = ?1")?
                .execute([rows::sql(after.id.0), rows::sql(at.0)])?;
            (after.id, true)
        }
        after => {
            let until = after.as_ref().map(|after| after.from);
            let id = insert(db, namespace, item, digest, at, until)?;
            if let Some(after) = after {
                replace(db, id, after.id, after.from)?;
            }
            (id, false)
        }
    };
    let superseded = before.filter(|before| before.until.is_none_or(|until| at < until));
    if let Some(before) = &superseded {
        replace(db, before.id, id, at)?;
    }
    Ok((id, merged, superseded.map(|before| before.id)))
}

/// `by` takes the place of `id` from `at` on.
fn replace(db: &Connection, id: ItemId, by: ItemId, at: Moment) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE items SET valid_until = ?3, replaced_by = ?2 WHERE id = ?1")?
        .execute([rows::sql(id.0), rows::sql(by.0), rows::sql(at.0)])?;
    Ok(())
}

fn insert(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    digest: &[u8],
    from: Moment,
    until: Option<Moment>,
) -> rusqlite::Result<ItemId> {
    let sql = "INSERT INTO items (namespace, kind, key, observation, response, summary, digest,
        valid_from, valid_until, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    db.prepare_cached(sql)?.execute(params![
        rows::sql(namespace.0),
        rows::kind_to_sql(item.kind),
        item.key,
        item.observation,
        item.response,
        item.summary,
        digest,
        rows::sql(from.0),
        until.map(|until| rows::sql(until.0)),
        next_change(db)?,
    ])?;
    let id = db.last_insert_rowid();
    let sql = "INSERT INTO words (rowid, namespace, key, observation, response)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql)?.execute(params![
        id,
        rows::sql(namespace.0),
        item.key,
        item.observation,
        item.response
    ])?;
    Ok(ItemId(id.unsigned_abs()))
}

/// Writes an item as another archive had it: with its validity and its sources. One that is there
/// already gets the sources.
pub(super) fn restore(
    db: &Connection,
    namespace: NamespaceId,
    item: &MemoryItem,
) -> rusqlite::Result<(ItemId, bool)> {
    let new = NewItem {
        kind: item.kind,
        key: item.key.clone(),
        observation: item.observation.clone(),
        response: item.response.clone(),
        summary: item.summary.clone(),
        ..NewItem::default()
    };
    let digest = digest(&new);
    let sql =
        "SELECT id FROM items WHERE namespace = ?1 AND substr(digest, 1, 8) = substr(?2, 1, 8)
        AND digest = ?2 AND valid_from = ?3 AND valid_until IS ?4 LIMIT 1";
    let until = item.validity.until.map(|until| rows::sql(until.0));
    let there = db
        .prepare_cached(sql)?
        .query_row(
            params![
                rows::sql(namespace.0),
                digest,
                rows::sql(item.validity.from.0),
                until
            ],
            |row| Ok(ItemId(rows::number(row, 0)?)),
        )
        .optional()?;
    let id = match there {
        Some(id) => id,
        None => {
            let Validity { from, until } = item.validity;
            insert(db, namespace, &new, &digest, from, until)?
        }
    };
    for source in &item.sources {
        add_source(db, namespace, id, source)?;
    }
    let last = item.sources.iter().map(|source| source.turn).max();
    db.prepare_cached("UPDATE namespaces SET next_turn = max(next_turn, ?2) WHERE id = ?1")?
        .execute([rows::sql(namespace.0), rows::sql(last.unwrap_or(0) + 1)])?;
    Ok((id, there.is_some()))
}

fn add_source(
    db: &Connection,
    namespace: NamespaceId,
    id: ItemId,
    source: &Source,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO sources (namespace, turn, item, at, run)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql)?.execute(params![
        rows::sql(namespace.0),
        rows::sql(source.turn),
        rows::sql(id.0),
        rows::sql(source.at.0),
        source.run,
    ])?;
    Ok(())
}

/// The number of the next thing that an index has to be told.
pub(super) fn next_change(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("UPDATE meta SET value = value + 1 WHERE key = 'change' RETURNING value")?
        .query_row([], |row| row.get(0))
}

/// The same for items of the same kind, key and words.
fn digest(item: &NewItem) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update([rows::kind_to_sql(item.kind).unsigned_abs() as u8]);
    for part in [
        item.key.as_deref().unwrap_or_default(),
        &item.observation,
        &item.response,
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].to_vec()
}
