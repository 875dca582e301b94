//! How an item gets into the archive: written, or merged with what is there. How facts take each
//! other's place is in `timeline`.

use catena_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{
    rows,
    schema::failed,
    timeline::{self, Telling},
    words,
};
use crate::{ItemId, Kind, MemoryItem, Moment, NamespaceId, NewItem, Source, Validity, Written};

/// Remembers `item`; `now` is when it is said if it does not say.
pub(super) fn remember(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    now: Moment,
) -> Result<Written> {
    let failed = |error: rusqlite::Error| failed(&error);
    let next = next_turn(db, namespace).map_err(failed)?.ok_or_else(|| {
        Error::invalid(format!("the archive has no namespace {}", namespace.0))
            .with_help("ask it for the number: `Archive::namespace`")
    })?;
    match known(db, namespace, item).map_err(failed)? {
        Some(written) => Ok(written),
        None => record(db, namespace, item, next, now).map_err(failed),
    }
}

/// The number of the next turn that says none.
fn next_turn(db: &Connection, namespace: NamespaceId) -> rusqlite::Result<Option<u64>> {
    db.prepare_cached("SELECT next_turn FROM namespaces WHERE id = ?1")?
        .query_row([rows::sql(namespace.0)], |row| rows::number(row, 0))
        .optional()
}

/// A turn that the same run wrote before, word for word: it was interrupted after that, and does it
/// again. A run may write several turns, and one that says its number is told from another of the
/// same words.
fn known(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
) -> rusqlite::Result<Option<Written>> {
    let Some(run) = item.run.as_ref().filter(|_| item.kind == Kind::Turn) else {
        return Ok(None);
    };
    // Words first: a run may have written thousands of turns.
    let sql = "SELECT item, turn FROM items CROSS JOIN sources ON item = items.id
        WHERE items.namespace = ?1 AND substr(digest, 1, 8) = substr(?2, 1, 8) AND digest = ?2
        AND run = ?3 AND (?4 IS NULL OR turn = ?4) LIMIT 1";
    let turn = item.turn.map(rows::sql);
    db.prepare_cached(sql)?
        .query_row(
            params![rows::sql(namespace.0), digest(item), run, turn],
            |row| {
                Ok(Written {
                    id: ItemId(rows::number(row, 0)?),
                    turn: rows::number(row, 1)?,
                    merged: false,
                    supersedes: None,
                })
            },
        )
        .optional()
}

fn record(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    next: u64,
    now: Moment,
) -> rusqlite::Result<Written> {
    let at = item.at.unwrap_or(now);
    let turn = item.turn.unwrap_or(match item.kind {
        Kind::Turn => next,
        Kind::Fact => next.saturating_sub(1).max(1),
    });
    if item.kind == Kind::Turn {
        count_turn(db, namespace, turn)?;
    }
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
        Some(key) => {
            let telling = Telling {
                namespace,
                key,
                item,
                digest: &digest,
                number: None,
            };
            let told = telling.tell(db, at)?;
            (told.id, told.merged, told.supersedes)
        }
        None => match same(db, namespace, &digest)? {
            Some(id) => (said_at(db, id, at)?, true, None),
            None => {
                let validity = Validity {
                    from: at,
                    until: None,
                };
                let id = insert(db, namespace, item, &digest, validity, None)?;
                (id, false, None)
            }
        },
    };
    if merged {
        lend_summary(db, id, &item.summary)?;
    }
    add_source(db, namespace, id, &source)?;
    Ok(written(id, merged, supersedes))
}

/// Gives an item a summary if it has none.
pub(super) fn lend_summary(db: &Connection, id: ItemId, summary: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE items SET summary = ?2 WHERE id = ?1 AND summary = ''")?
        .execute(params![rows::sql(id.0), summary])?;
    Ok(())
}

/// A turn may come late, and then it was said earlier than was known.
pub(super) fn said_at(db: &Connection, id: ItemId, at: Moment) -> rusqlite::Result<ItemId> {
    db.prepare_cached("UPDATE items SET valid_from = ?2 WHERE id = ?1 AND valid_from > ?2")?
        .execute([rows::sql(id.0), rows::sql(at.0)])?;
    Ok(id)
}

/// The next turn that says no number comes after `turn`.
fn count_turn(db: &Connection, namespace: NamespaceId, turn: u64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE namespaces SET next_turn = max(next_turn, ?2) WHERE id = ?1")?
        .execute([rows::sql(namespace.0), rows::sql(turn.saturating_add(1))])?;
    Ok(())
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

/// Writes an item, under a number that is free or the next one.
pub(super) fn insert(
    db: &Connection,
    namespace: NamespaceId,
    item: &NewItem,
    digest: &[u8],
    validity: Validity,
    number: Option<ItemId>,
) -> rusqlite::Result<ItemId> {
    let sql = "INSERT INTO items (id, namespace, kind, key, observation, response, summary, digest,
        valid_from, valid_until, change) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    db.prepare_cached(sql)?.execute(params![
        number.map(|number| rows::sql(number.0)),
        rows::sql(namespace.0),
        rows::kind_to_sql(item.kind),
        item.key,
        item.observation,
        item.response,
        item.summary,
        digest,
        rows::sql(validity.from.0),
        validity.until.map(|until| rows::sql(until.0)),
        next_change(db)?,
    ])?;
    let id = db.last_insert_rowid();
    words::add(db, id)?;
    Ok(ItemId(id.unsigned_abs()))
}

/// What became of an item of another archive.
pub(super) struct Restored {
    /// The item that holds it now.
    pub(super) id: ItemId,
    /// It was not there.
    pub(super) added: bool,
    /// It is here as it was there, and what took its place there does so here.
    pub(super) verbatim: bool,
}

/// Writes an item as another archive had it: with its validity and its sources. One that is there
/// already gets the sources that it lacks, and a fact that would hold beside another about the same
/// key is told again, each time that it was told.
pub(super) fn restore(
    db: &Connection,
    namespace: NamespaceId,
    item: &MemoryItem,
) -> rusqlite::Result<Restored> {
    let new = anew(item);
    let digest = digest(&new);
    if item.kind == Kind::Turn {
        for source in &item.sources {
            count_turn(db, namespace, source.turn)?;
        }
    }
    let there = match &new.key {
        Some(_) => as_long(db, namespace, &digest, item.validity)?,
        None => same(db, namespace, &digest)?,
    };
    let (id, added) = match (there, &new.key) {
        (Some(id), Some(_)) => (id, false),
        (Some(id), None) => (said_at(db, id, item.validity.from)?, false),
        (None, Some(key)) if timeline::crosses(db, namespace, key, item.validity)? => {
            let telling = Telling {
                namespace,
                key,
                item: &new,
                digest: &digest,
                number: None,
            };
            return retell(db, &telling, item, false);
        }
        (None, _) => {
            let id = insert(db, namespace, &new, &digest, item.validity, None)?;
            (id, true)
        }
    };
    if !added {
        lend_summary(db, id, &item.summary)?;
    }
    for source in &item.sources {
        add_source(db, namespace, id, source)?;
    }
    Ok(Restored {
        id,
        added,
        verbatim: true,
    })
}

/// An item as it was when it was new.
pub(super) fn anew(item: &MemoryItem) -> NewItem {
    NewItem {
        kind: item.kind,
        key: item.key.clone(),
        observation: item.observation.clone(),
        response: item.response.clone(),
        summary: item.summary.clone(),
        ..NewItem::default()
    }
}

/// Tells a fact each time that `item` was told, except where it is known already: `anew` also where it is
/// known and, unlike the item, does not hold, since another was told at that moment.
pub(super) fn retell(
    db: &Connection,
    telling: &Telling<'_>,
    item: &MemoryItem,
    anew: bool,
) -> rusqlite::Result<Restored> {
    let mut added = false;
    let mut last = None;
    for source in &item.sources {
        let (id, is_new) = retell_once(db, telling, item, source, last, anew)?;
        added |= is_new;
        last = Some(id);
    }
    let id = last.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    lend_summary(db, id, &item.summary)?;
    if let (Some(until), None) = (item.validity.until, item.replaced_by) {
        timeline::end_unless_told_later(db, id, until)?;
    }
    Ok(Restored {
        id,
        added,
        verbatim: false,
    })
}

/// Tells a fact for one of the times that `item` was told, of which `last` holds the one before: which item
/// holds it, and whether that is new.
pub(super) fn retell_once(
    db: &Connection,
    telling: &Telling<'_>,
    item: &MemoryItem,
    source: &Source,
    last: Option<ItemId>,
    anew: bool,
) -> rusqlite::Result<(ItemId, bool)> {
    let namespace = telling.namespace;
    let held = item.validity.holds_at(source.at);
    let known = match told(db, namespace, telling.digest, source)? {
        Some(id) if anew && held && !timeline::holds_at(db, id, source.at)? => None,
        known => known,
    };
    let (id, is_new) = match (known, last) {
        (Some(id), _) => (id, false),
        // It did not hold any longer: another one was told at that moment.
        (None, Some(id)) if !held => (id, false),
        (None, _) => {
            let told = telling.tell(db, source.at.max(item.validity.from))?;
            (told.id, !told.merged)
        }
    };
    add_source(db, namespace, id, source)?;
    Ok((id, is_new))
}

/// An item of these words that holds as long as that, or at all from then on if that never held.
fn as_long(
    db: &Connection,
    namespace: NamespaceId,
    digest: &[u8],
    validity: Validity,
) -> rusqlite::Result<Option<ItemId>> {
    let sql =
        "SELECT id FROM items WHERE namespace = ?1 AND substr(digest, 1, 8) = substr(?2, 1, 8)
        AND digest = ?2 AND valid_from = ?3 AND (valid_until IS ?4 OR ?4 = ?3) LIMIT 1";
    let (from, until) = (rows::sql(validity.from.0), validity.until);
    let until = until.map(|until| rows::sql(until.0));
    db.prepare_cached(sql)?
        .query_row(
            params![rows::sql(namespace.0), digest, from, until],
            |row| rows::number(row, 0).map(ItemId),
        )
        .optional()
}

/// The item of these words that has this source.
fn told(
    db: &Connection,
    namespace: NamespaceId,
    digest: &[u8],
    source: &Source,
) -> rusqlite::Result<Option<ItemId>> {
    let sql = "SELECT item FROM items CROSS JOIN sources ON item = items.id
        WHERE items.namespace = ?1 AND substr(digest, 1, 8) = substr(?2, 1, 8) AND digest = ?2
        AND turn = ?3 AND at = ?4 LIMIT 1";
    let (turn, at) = (rows::sql(source.turn), rows::sql(source.at.0));
    db.prepare_cached(sql)?
        .query_row(params![rows::sql(namespace.0), digest, turn, at], |row| {
            rows::number(row, 0).map(ItemId)
        })
        .optional()
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
pub(super) fn digest(item: &NewItem) -> Vec<u8> {
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
