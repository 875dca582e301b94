//! Reading items: by number, by turn, by filter, by word.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params, params_from_iter, types::Value};
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

    /// The condition in SQL on a row of `items`, and its values, of which the first is `?2`.
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
        if let Some(text) = &self.containing {
            let all = "coalesce(key, '') || char(10) || observation || char(10) || response \
                       || char(10) || summary";
            let condition = format!("instr(lower({all}), ?) > 0");
            and(&condition, Some(text.to_lowercase().into()));
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
}

/// Items of a namespace by number, in the order asked for; those that are not there are left out.
pub(super) fn items(
    db: &Connection,
    namespace: NamespaceId,
    ids: &[ItemId],
) -> rusqlite::Result<Vec<MemoryItem>> {
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND id IN (SELECT value FROM json_each(?2))",
        rows::COLUMNS
    );
    let mut found: HashMap<ItemId, MemoryItem> = db
        .prepare_cached(&sql)?
        .query_map(params![rows::sql(namespace.0), rows::array(ids)], |row| {
            rows::item(db, row).map(|item| (item.id, item))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The items of the last `count` turns, the oldest first.
pub(super) fn last_turns(
    db: &Connection,
    namespace: NamespaceId,
    count: usize,
) -> rusqlite::Result<Vec<MemoryItem>> {
    let sql = "SELECT item FROM sources JOIN items ON items.id = item
        WHERE sources.namespace = ?1 AND kind = ?2 ORDER BY turn DESC LIMIT ?3";
    let kind = rows::kind_to_sql(Kind::Turn);
    let mut ids: Vec<ItemId> = db
        .prepare_cached(sql)?
        .query_map(params![rows::sql(namespace.0), kind, limit(count)], |row| {
            rows::number(row, 0).map(ItemId)
        })?
        .collect::<rusqlite::Result<_>>()?;
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
    let n = values.len() + 2;
    let sql = format!(
        "SELECT {} FROM items WHERE namespace = ?1 AND {condition} AND id > ?{n} \
         ORDER BY id LIMIT ?{}",
        rows::COLUMNS,
        n + 1
    );
    let mut all = vec![Value::from(rows::sql(namespace.0))];
    all.extend(values);
    all.push(after.map_or(0, |id| rows::sql(id.0)).into());
    all.push(limit(count).into());
    db.prepare_cached(&sql)?
        .query_map(params_from_iter(all), |row| rows::item(db, row))?
        .collect()
}

/// The items of a namespace that share the rarest words with `query` (BM25), the best first.
pub(super) fn by_words(
    db: &Connection,
    namespace: NamespaceId,
    query: &str,
    count: usize,
) -> rusqlite::Result<Vec<Hit>> {
    let Some(words) = match_any(query) else {
        return Ok(Vec::new());
    };
    // The namespace is a word of the index too, so that others' items are not even looked at.
    let expression = format!(
        "namespace : \"{}\" AND {{key observation response}} : ({words})",
        namespace.0
    );
    let sql = "SELECT rowid, bm25(words, 0.0, 1.0, 1.0, 1.0) AS score FROM words
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

/// An expression for whatever shares a word with `query`, other than words that say nothing.
fn match_any(query: &str) -> Option<String> {
    let mut seen = HashSet::new();
    let words: Vec<_> = query
        .unicode_words()
        .map(str::to_lowercase)
        .filter(|word| seen.insert(word.clone()))
        .collect();
    let telling: Vec<_> = words
        .iter()
        .filter(|word| !COMMON.contains(&word.as_str()))
        .collect();
    let chosen = match telling.is_empty() {
        true => words.iter().collect(),
        false => telling,
    };
    let quoted: Vec<_> = chosen
        .into_iter()
        .take(MOST_WORDS)
        .map(|word| format!("\"{}\"", word.replace('"', "")))
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" OR "))
}

/// Words that are in every text and say nothing of what it is about.
const COMMON: &[&str] = &[
    "a", "about", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "him", "his",
    "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "or", "our", "she", "so",
    "that", "the", "their", "them", "there", "they", "this", "to", "was", "we", "were", "what",
    "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_its_telling_words_and_never_an_expression() {
        let expression = match_any("What is the NAME of \"my\" dog? OR NEAR(x)").unwrap();
        assert_eq!(expression, "\"name\" OR \"dog\" OR \"near\" OR \"x\"");
        assert_eq!(
            match_any("who is it").unwrap(),
            "\"who\" OR \"is\" OR \"it\""
        );
        assert_eq!(match_any(" ?! "), None);
    }
}
