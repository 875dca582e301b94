//! Reading items: by number, by turn, by filter.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};

use super::rows;
use crate::{ItemId, Kind, MemoryItem, Moment, NamespaceId};

/// Which items: those that satisfy everything that is set.
///
/// # Example
///
/// ```
/// use catena_memory::{Filter, Kind};
///
/// let filter = Filter { kind: Some(Kind::Fact), current: true, ..Filter::default() };
/// assert!(!filter.is_everything());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// About this key.
    pub key: Option<String>,
    /// Holding these letters, in either case, in key, observation, response or summary.
    pub containing: Option<String>,
    /// Last said at this moment or later.
    pub since: Option<Moment>,
    /// Last said before this moment.
    pub before: Option<Moment>,
    /// Holding still: not superseded.
    pub current: bool,
    /// Holding at this moment.
    pub held_at: Option<Moment>,
}

impl Filter {
    /// Whether nothing is set: every item satisfies it.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// All of it but [`containing`](Self::containing), as a condition in SQL on a row of `items`, and
    /// its values, of which the first is `?2`.
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let mut sql = String::from("1");
        let mut values = Vec::new();
        let mut and = |condition: &str, value: Option<Value>| {
            sql += " AND ";
            match value {
                Some(value) => {
                    values.push(value);
                    sql += &condition.replace('?', &format!("?{}", values.len() + 1));
                }
                None => sql += condition,
            }
        };
        let last = "(SELECT max(at) FROM sources WHERE item = items.id)";
        if let Some(kind) = self.kind {
            and("kind = ?", Some(rows::kind_to_sql(kind).into()));
        }
        if let Some(key) = &self.key {
            and("key = ?", Some(key.clone().into()));
        }
        if let Some(since) = self.since {
            and(&format!("{last} >= ?"), Some(rows::sql(since.0).into()));
        }
        if let Some(before) = self.before {
            and(&format!("{last} < ?"), Some(rows::sql(before.0).into()));
        }
        if self.current {
            and("valid_until IS NULL", None);
        }
        if let Some(at) = self.held_at {
            let at = || Some(rows::sql(at.0).into());
            and("valid_from <= ?", at());
            and("(valid_until IS NULL OR valid_until > ?)", at());
        }
        (sql, values)
    }

    /// Whether a row of [`rows::COLUMNS`] holds the letters asked for. Not in SQL, which knows of
    /// upper and lower case in English only.
    pub(super) fn contained(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let Some(text) = &self.containing else {
            return Ok(true);
        };
        let text = text.to_lowercase();
        for column in ["key", "observation", "response", "summary"] {
            let words = row.get_ref(column)?.as_str_or_null()?.unwrap_or_default();
            if words.to_lowercase().contains(&text) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Items of a namespace by number, in the order asked for and as often; those that are not there are
/// left out.
pub(super) fn items(
    db: &Connection,
    namespace: NamespaceId,
    ids: &[ItemId],
) -> rusqlite::Result<Vec<MemoryItem>> {
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND id IN (SELECT value FROM json_each(?2))",
        rows::COLUMNS
    );
    let found: HashMap<ItemId, MemoryItem> = db
        .prepare_cached(&sql)?
        .query_map(params![rows::sql(namespace.0), rows::array(ids)], |row| {
            rows::item(db, row).map(|item| (item.id, item))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

/// The items of the last `count` turns, the oldest first.
pub(super) fn last_turns(
    db: &Connection,
    namespace: NamespaceId,
    count: usize,
) -> rusqlite::Result<Vec<MemoryItem>> {
    // In the order of the turns, which the table has: no more is read than is wanted.
    let sql = "SELECT item, turn FROM sources CROSS JOIN items ON items.id = item
        WHERE sources.namespace = ?1 AND kind = ?2 ORDER BY turn DESC, item DESC";
    let kind = rows::kind_to_sql(Kind::Turn);
    let (mut turns, mut last) = (0, None);
    let mut ids: Vec<ItemId> = Vec::new();
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query([rows::sql(namespace.0), kind])?;
    while let Some(row) = found.next()? {
        let turn = Some(rows::number(row, 1)?);
        if turn != last {
            turns += 1;
            last = turn;
        }
        if turns > count {
            break;
        }
        ids.push(ItemId(rows::number(row, 0)?));
    }
    ids.reverse();
    items(db, namespace, &ids)
}

/// Items that satisfy `filter`, by ascending number, those after `after`.
pub(super) fn browse(
    db: &Connection,
    namespace: NamespaceId,
    filter: &Filter,
    after: Option<ItemId>,
    count: usize,
) -> rusqlite::Result<Vec<MemoryItem>> {
    let (condition, values) = filter.sql();
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND {condition} AND id > ?{} ORDER BY id",
        rows::COLUMNS,
        values.len() + 2
    );
    let mut all = vec![Value::from(rows::sql(namespace.0))];
    all.extend(values);
    all.push(after.map_or(0, |id| rows::sql(id.0)).into());
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = statement.query(params_from_iter(all))?;
    let mut items = Vec::new();
    while items.len() < count
        && let Some(row) = found.next()?
    {
        if filter.contained(row)? {
            items.push(rows::item(db, row)?);
        }
    }
    Ok(items)
}

/// The facts of a namespace about a key, the latest first.
pub(super) fn history(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
    count: usize,
) -> rusqlite::Result<Vec<MemoryItem>> {
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND kind = ?2 AND key = ?3
        ORDER BY valid_from DESC, id DESC LIMIT ?4",
        rows::COLUMNS
    );
    let kind = rows::kind_to_sql(Kind::Fact);
    db.prepare_cached(&sql)?
        .query_map(
            params![rows::sql(namespace.0), kind, key, limit(count)],
            |row| rows::item(db, row),
        )?
        .collect()
}

/// The first fact of a namespace about a key that held for any time.
pub(super) fn first(
    db: &Connection,
    namespace: NamespaceId,
    key: &str,
) -> rusqlite::Result<Option<MemoryItem>> {
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND kind = ?2 AND key = ?3
        AND valid_until IS NOT valid_from ORDER BY valid_from, id LIMIT 1",
        rows::COLUMNS
    );
    let kind = rows::kind_to_sql(Kind::Fact);
    db.prepare_cached(&sql)?
        .query_row(params![rows::sql(namespace.0), kind, key], |row| {
            rows::item(db, row)
        })
        .optional()
}

pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
