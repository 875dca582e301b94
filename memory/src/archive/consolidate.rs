//! What consolidation reads and writes: items of the same words, keys of the same name.

use std::collections::{HashMap, HashSet};

use catena_core::Result;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::{
    browse, forget,
    record::{anew, digest, lend_summary, retell_once, said_at},
    rows,
    schema::failed,
    timeline::{self, Telling},
};
use crate::{Archive, ItemId, Kind, MemoryItem, Moment, NamespaceId, Source, Validity};

impl Archive {
    pub(crate) async fn alike(
        &self,
        namespace: NamespaceId,
        most: usize,
    ) -> Result<Vec<Vec<ItemId>>> {
        self.read(move |db| alike(db, namespace, most)).await
    }

    /// Pairs of keys that are the same, by the first item that has each: the younger and the oldest.
    pub(crate) async fn same_keys(
        &self,
        namespace: NamespaceId,
        most: usize,
    ) -> Result<Vec<(ItemId, ItemId)>> {
        self.read(move |db| same_keys(db, namespace, most)).await
    }

    /// The keys of facts.
    pub(crate) async fn keys_of(
        &self,
        namespace: NamespaceId,
        ids: Vec<ItemId>,
    ) -> Result<HashMap<ItemId, String>> {
        self.read(move |db| keys_of(db, namespace, &ids)).await
    }

    pub(crate) async fn about(&self, namespace: NamespaceId, key: String) -> Result<Vec<ItemId>> {
        self.read(move |db| about(db, namespace, &key)).await
    }

    /// Makes items one, the first: how many became a part of it. None where they may not be merged.
    pub(crate) async fn merge(&self, namespace: NamespaceId, items: Vec<ItemId>) -> Result<u64> {
        self.0
            .writer
            .write(move |db| merge(db, namespace, &items).map_err(|error| failed(&error)))
            .await
    }

    /// Gives the facts about `from` the key `to`, of which there are some: how many got it. None where
    /// none of `items` is among them any longer.
    pub(crate) async fn rename(
        &self,
        namespace: NamespaceId,
        from: String,
        to: String,
        items: Vec<ItemId>,
    ) -> Result<u64> {
        self.0
            .writer
            .write(move |db| {
                rename(db, namespace, &from, &to, &items).map_err(|error| failed(&error))
            })
            .await
    }
}

/// What an item says, but for case, white space and its last full stop.
fn same_words(item: &MemoryItem) -> String {
    let parts = [
        item.key.as_deref().unwrap_or_default(),
        &item.observation,
        &item.response,
    ];
    parts.map(plain).join("\n")
}

/// Lower case, one space between words, no full stop or exclamation mark at the end. All other signs stay:
/// `a[i]` is not `a(i)`, and a question is not its answer. A text of nothing else is left as it is.
fn plain(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    match words.join(" ").trim_end_matches(['.', '!']).trim_end() {
        "" => text.to_owned(),
        plain => plain.to_owned(),
    }
}

/// A key without what does not tell it from another: as [`plain`], and without articles before a word.
fn bare(key: &str) -> String {
    let plain = plain(key);
    let mut words = plain.split(' ').peekable();
    let mut bare: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        if !(["a", "an", "the"].contains(&word) && words.peek().is_some()) {
            bare.push(word);
        }
    }
    bare.join(" ")
}

/// Groups of items whose words are the same, each the oldest first. The table is a temporary one:
/// what is kept in memory does not grow with the namespace.
pub(super) fn alike(
    db: &Connection,
    namespace: NamespaceId,
    most: usize,
) -> rusqlite::Result<Vec<Vec<ItemId>>> {
    db.execute_batch(
        "DROP TABLE IF EXISTS temp.alike;
         CREATE TEMP TABLE alike (words BLOB, item INTEGER, PRIMARY KEY (words, item))
             STRICT, WITHOUT ROWID;",
    )?;
    let all = format!("SELECT {} FROM items WHERE namespace = ?1", rows::COLUMNS);
    let mut statement = db.prepare(&all)?;
    let mut found = statement.query([rows::sql(namespace.0)])?;
    let mut add = db.prepare("INSERT INTO temp.alike VALUES (?1, ?2)")?;
    while let Some(row) = found.next()? {
        let item = rows::item_without_sources(row)?;
        let words = Sha256::digest(same_words(&item));
        add.execute(params![words.as_slice(), rows::sql(item.id.0)])?;
    }
    let sql = "SELECT words FROM temp.alike GROUP BY words HAVING count(*) > 1
        ORDER BY min(item) LIMIT ?1";
    let members = "SELECT item FROM temp.alike WHERE words = ?1 ORDER BY item";
    let mut members = db.prepare(members)?;
    let groups = db
        .prepare(sql)?
        .query_map([browse::limit(most)], |row| row.get(0))?
        .map(|words: rusqlite::Result<Vec<u8>>| {
            members
                .query_map([words?], |row| rows::number(row, 0).map(ItemId))?
                .collect()
        })
        .collect::<rusqlite::Result<_>>()?;
    drop((found, add, members));
    drop(statement);
    db.execute_batch("DROP TABLE temp.alike")?;
    Ok(groups)
}

/// Keys that are the same but for what [`bare`] leaves out, each by the first item that has it: the younger,
/// and the oldest of them. In a temporary table too.
fn same_keys(
    db: &Connection,
    namespace: NamespaceId,
    most: usize,
) -> rusqlite::Result<Vec<(ItemId, ItemId)>> {
    db.execute_batch(
        "DROP TABLE IF EXISTS temp.shared;
         CREATE TEMP TABLE shared (bare TEXT, first INTEGER, PRIMARY KEY (bare, first))
             STRICT, WITHOUT ROWID;",
    )?;
    let keys =
        "SELECT key, min(id) FROM items WHERE namespace = ?1 AND key IS NOT NULL GROUP BY key";
    let mut keys = db.prepare(keys)?;
    let mut found = keys.query([rows::sql(namespace.0)])?;
    let mut add = db.prepare("INSERT INTO temp.shared VALUES (?1, ?2)")?;
    while let Some(row) = found.next()? {
        let (key, first): (String, i64) = (row.get(0)?, row.get(1)?);
        add.execute(params![bare(&key), first])?;
    }
    let sql = "SELECT first, oldest FROM (
            SELECT first, min(first) OVER (PARTITION BY bare) AS oldest FROM temp.shared
        ) WHERE first <> oldest ORDER BY first LIMIT ?1";
    let pairs = db
        .prepare(sql)?
        .query_map([browse::limit(most)], |row| {
            Ok((ItemId(rows::number(row, 0)?), ItemId(rows::number(row, 1)?)))
        })?
        .collect::<rusqlite::Result<_>>()?;
    drop((found, add));
    drop(keys);
    db.execute_batch("DROP TABLE temp.shared")?;
    Ok(pairs)
}

fn keys_of(
    db: &Connection,
    namespace: NamespaceId,
    ids: &[ItemId],
) -> rusqlite::Result<HashMap<ItemId, String>> {
    let sql = "SELECT id, key FROM items WHERE namespace = ?1 AND key IS NOT NULL
        AND id IN (SELECT value FROM json_each(?2))";
    db.prepare_cached(sql)?
        .query_map(params![rows::sql(namespace.0), rows::array(ids)], |row| {
            Ok((ItemId(rows::number(row, 0)?), row.get(1)?))
        })?
        .collect()
}

/// The facts about a key.
pub(super) fn about(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
) -> rusqlite::Result<Vec<ItemId>> {
    let sql = "SELECT id FROM items WHERE namespace = ?1 AND key = ?2 ORDER BY id";
    db.prepare_cached(sql)?
        .query_map(params![rows::sql(namespace.0), key], |row| {
            rows::number(row, 0).map(ItemId)
        })?
        .collect()
}

/// Whether two items say the same and may be one: turns, or facts about one key of which the second
/// took the place of the first.
pub(crate) fn mergeable(first: &MemoryItem, second: &MemoryItem) -> bool {
    let joined = match first.kind {
        Kind::Turn => second.kind == Kind::Turn,
        Kind::Fact => {
            first.key == second.key
                && first.replaced_by == Some(second.id)
                && first.validity.until == Some(second.validity.from)
        }
    };
    joined && same_words(first) == same_words(second)
}

fn merge(db: &Connection, namespace: NamespaceId, ids: &[ItemId]) -> rusqlite::Result<u64> {
    let mut items = browse::items(db, namespace, ids)?;
    let chain = items.windows(2).all(|pair| match pair {
        [one, other] => one.id != other.id && mergeable(one, other),
        _ => false,
    });
    let distinct: HashSet<_> = ids.iter().collect();
    if items.len() != ids.len() || distinct.len() != ids.len() || !chain {
        return Ok(0);
    }
    // From the end: each is still what the one before it was replaced by.
    let mut count = 0;
    while let Some(last) = items.pop()
        && let Some(before) = items.last()
    {
        unite(db, before, &last)?;
        count += 1;
    }
    Ok(count)
}

fn unite(db: &Connection, one: &MemoryItem, other: &MemoryItem) -> rusqlite::Result<()> {
    let (first, second) = (rows::sql(one.id.0), rows::sql(other.id.0));
    // What was said twice at the same moment of the same turn goes with the item.
    db.execute(
        "UPDATE OR IGNORE sources SET item = ?1 WHERE item = ?2",
        [first, second],
    )?;
    lend_summary(db, one.id, &other.summary)?;
    said_at(db, one.id, other.validity.from)?;
    if one.kind == Kind::Fact {
        timeline::take_end(db, one.id, other.id)?;
    }
    db.execute(
        "UPDATE items SET replaced_by = ?1 WHERE replaced_by = ?2 AND id <> ?1",
        [first, second],
    )?;
    forget::remove(db, other.id)
}

/// Each fact is told again about the other key, for each time that it was told.
fn rename(
    db: &Connection,
    namespace: NamespaceId,
    from: &str,
    to: &str,
    planned: &[ItemId],
) -> rusqlite::Result<u64> {
    let there = about(db, namespace, to)?;
    let ids = about(db, namespace, from)?;
    if from == to || there.is_empty() || !planned.iter().any(|id| ids.contains(id)) {
        return Ok(0);
    }
    let items = browse::items(db, namespace, &ids)?;
    for item in &items {
        forget::delete(db, item.id)?;
    }
    // Which item has what each of them was told as.
    let mut places: HashMap<ItemId, ItemId> = HashMap::new();
    for Step { item, source, .. } in steps(&items) {
        let mut new = anew(item);
        new.key = Some(to.to_owned());
        let telling = Telling {
            namespace,
            key: to,
            item: &new,
            digest: &digest(&new),
            number: Some(item.id),
        };
        let last = places.get(&item.id).copied();
        match (source, last, item.validity.until) {
            (Some(source), ..) => {
                let (id, _) = retell_once(db, &telling, item, source, last, true)?;
                lend_summary(db, id, &item.summary)?;
                places.insert(item.id, id);
            }
            (None, Some(id), Some(until)) => timeline::end_unless_told_later(db, id, until)?,
            (None, ..) => {}
        }
    }
    for item in &items {
        note_if_gone(db, item.id)?;
    }
    Ok(items.len() as u64)
}

/// One time that an item was told, or its end where nothing took its place.
struct Step<'a> {
    at: Moment,
    rank: Rank,
    item: &'a MemoryItem,
    source: Option<&'a Source>,
}

/// What comes first of what happens at one moment: what is told last holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Ends,
    NeverHeld,
    NeverHeldEnds,
    Holds,
}

/// All that happened to some facts about one key, in the order of time. An item at a time would not do: one
/// that was told again later on holds the place of what was told in between.
fn steps(items: &[MemoryItem]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for item in items {
        let Validity { from, until } = item.validity;
        steps.extend(item.sources.iter().map(|source| Step {
            at: source.at.max(from),
            rank: match item.validity.holds_at(source.at) {
                true => Rank::Holds,
                false => Rank::NeverHeld,
            },
            item,
            source: Some(source),
        }));
        if let (Some(until), None) = (until, item.replaced_by) {
            steps.push(Step {
                at: until,
                rank: match from == until {
                    true => Rank::NeverHeldEnds,
                    false => Rank::Ends,
                },
                item,
                source: None,
            });
        }
    }
    steps.sort_by_key(|step| (step.at, step.rank, step.item.id));
    steps
}

/// The value of an item that is no longer there was told of the other key too, and is there once.
fn note_if_gone(db: &Connection, id: ItemId) -> rusqlite::Result<()> {
    match timeline::is_there(db, id)? {
        true => Ok(()),
        false => forget::note_removed(db, id),
    }
}
