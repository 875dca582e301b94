//! Reading items: by number, by turn, by filter, by word.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};
use unicode_segmentation::UnicodeSegmentation;

use super::rows;
use crate::{Hit, ItemId, Kind, MemoryItem, Moment, NamespaceId};

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

/// The items of a namespace, of one kind or of all, that share the rarest words with `query` (BM25),
/// the best first.
pub(super) fn by_words(
    db: &Connection,
    namespace: NamespaceId,
    kind: Option<Kind>,
    query: &str,
    count: usize,
) -> rusqlite::Result<Vec<Hit>> {
    let Some(words) = match_any(query) else {
        return Ok(Vec::new());
    };
    // Where an item is is a word of the index too, so that others are not even looked at.
    let place = match kind {
        Some(Kind::Turn) => format!("\"{}t\"", namespace.0),
        Some(Kind::Fact) => format!("\"{}f\"", namespace.0),
        None => format!("(\"{0}t\" OR \"{0}f\")", namespace.0),
    };
    let expression = format!("place : {place} AND said : ({words})");
    let sql = "SELECT rowid, bm25(words, 1.0, 0.0) AS score FROM words
        WHERE words MATCH ?1 ORDER BY score, rowid LIMIT ?2";
    db.prepare_cached(sql)?
        .query_map(params![expression, limit(count)], |row| {
            let score: f64 = row.get(1)?;
            Ok(Hit {
                id: ItemId(rows::number(row, 0)?),
                #[allow(clippy::cast_possible_truncation, reason = "a score needs no more")]
                score: -score as f32,
            })
        })?
        .collect()
}

/// The most words of a query that are looked for.
const MOST_WORDS: usize = 64;

/// No word is longer: what is, is data, and looked for it would be thousands of words.
const LONGEST_WORD: usize = 256;

/// An expression for whatever shares a word with `query`, other than words that say nothing; with
/// those, when it has no others.
fn match_any(query: &str) -> Option<String> {
    let telling = words(query).filter(|word| tells(word));
    any_of(telling).or_else(|| any_of(words(query)))
}

/// The words of a text in lower case, each once.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut seen = HashSet::new();
    text.unicode_words()
        .filter(|word| word.len() <= LONGEST_WORD)
        .map(bare)
        .filter(move |word| seen.insert(word.clone()))
}

/// Whether a word in lower case says something of what a text is about.
pub(super) fn tells(word: &str) -> bool {
    !COMMON.contains(&word)
}

fn any_of(words: impl Iterator<Item = String>) -> Option<String> {
    let quoted: Vec<_> = words
        .take(MOST_WORDS)
        .map(|word| format!("\"{}\"", word.replace('"', "")))
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" OR "))
}

/// A word as it is looked for: a dog's name is to find the dog.
fn bare(word: &str) -> String {
    let word = word.to_lowercase().replace('’', "'");
    word.strip_suffix("'s").map_or(word.clone(), str::to_owned)
}

/// Words that are in every text and say nothing of what it is about.
const COMMON: &[&str] = &[
    "a", "about", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "him", "his",
    "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "or", "our", "she", "so",
    "that", "the", "their", "them", "there", "they", "this", "to", "was", "we", "were", "what",
    "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];

pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_its_telling_words_and_never_an_expression() {
        let expression = match_any("What is the NAME of \"my\" dog? OR NEAR(x), dog’s").unwrap();
        assert_eq!(expression, "\"name\" OR \"dog\" OR \"near\" OR \"x\"");
        assert_eq!(
            match_any("who is it").unwrap(),
            "\"who\" OR \"is\" OR \"it\""
        );
        assert_eq!(match_any(" ?! "), None);
    }
}
