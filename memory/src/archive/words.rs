//! What an item is found by: its words, as they are indexed and as they are asked for.
//!
//! Some scripts put no spaces between words, and the tokenizer takes a whole run of their letters for one word.
//! So these stand apart in the index, each as a word, and what is asked for are two neighbours at a time.

use std::{collections::HashSet, ops::RangeInclusive};

use rusqlite::{Connection, Row, params};
use unicode_segmentation::UnicodeSegmentation;

use super::{browse::limit, rows};
use crate::{Hit, ItemId, Kind, NamespaceId};

/// Has an item found by its words.
pub(super) fn add(db: &Connection, id: i64) -> rusqlite::Result<()> {
    let item = db.prepare_cached(ONE)?.query_row([id], indexed)?;
    db.prepare_cached(ADD)?.execute(item)?;
    Ok(())
}

/// Has an item that is still there found no longer. The index has to be given what it was given before.
pub(super) fn remove(db: &Connection, id: i64) -> rusqlite::Result<()> {
    let item = db.prepare_cached(ONE)?.query_row([id], indexed)?;
    let sql = "INSERT INTO words (words, rowid, said, place) VALUES ('delete', ?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute(item)?;
    Ok(())
}

/// Has all items found, none of which is yet.
pub(super) fn fill(db: &Connection) -> rusqlite::Result<()> {
    let mut all = db.prepare("SELECT id, said, place FROM items ORDER BY id")?;
    let mut found = all.query([])?;
    while let Some(row) = found.next()? {
        db.prepare_cached(ADD)?.execute(indexed(row)?)?;
    }
    Ok(())
}

const ONE: &str = "SELECT id, said, place FROM items WHERE id = ?1";

const ADD: &str = "INSERT INTO words (rowid, said, place) VALUES (?1, ?2, ?3)";

/// What of an item is indexed: its number, what was said, and where it is.
fn indexed(row: &Row<'_>) -> rusqlite::Result<(i64, String, String)> {
    Ok((row.get(0)?, apart(row.get(1)?), row.get(2)?))
}

/// The items of a namespace, of one kind or of all, that share the rarest words with `query` (BM25),
/// the best first.
pub(super) fn search(
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

/// The words of a text in lower case, and the neighbours in its runs of letters that stand apart, each once.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut seen = HashSet::new();
    runs(text)
        .flat_map(|(apart, run)| {
            // An empty text has neither.
            let (letters, words) = match apart {
                true => (run, ""),
                false => ("", run),
            };
            let words = words
                .unicode_words()
                .filter(|word| word.len() <= LONGEST_WORD)
                .map(bare);
            neighbours(letters).chain(words)
        })
        .filter(move |word| seen.insert(word.clone()))
}

/// Whether a word in lower case says something of what a text is about.
fn tells(word: &str) -> bool {
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

/// A text in which letters that stand apart have spaces around them; any other as it is.
fn apart(text: String) -> String {
    if !text.contains(stands_apart) {
        return text;
    }
    let mut apart = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        match stands_apart(letter) {
            true => apart.extend([' ', letter, ' ']),
            false => apart.push(letter),
        }
    }
    apart
}

/// A text in pieces, of letters that stand apart and of all others in turn: which of them it is, and the piece.
fn runs(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let apart = stands_apart(rest.chars().next()?);
        let end = rest.find(|letter: char| stands_apart(letter) != apart);
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some((apart, run))
    })
}

/// The letters of a run, two by two, since one alone says little; a single one for itself.
fn neighbours(run: &str) -> impl Iterator<Item = String> {
    let letters = run.chars().filter(|letter| !is_mark(*letter));
    let next = letters.clone().skip(1);
    let single = match next.clone().next() {
        Some(_) => None,
        None => letters.clone().next(),
    };
    letters
        .zip(next)
        .map(|(one, other)| format!("{one} {other}"))
        .chain(single.map(String::from))
}

/// Whether a letter, or a mark at one, is of a script that puts no spaces between words: Han, Hiragana and
/// Katakana, Thai, Lao, Khmer, Myanmar. In a search by words each of them is a word.
pub fn stands_apart(letter: char) -> bool {
    letter >= '\u{e01}' && APART.iter().any(|letters| letters.contains(&letter))
}

/// Whether one of these is no letter for the tokenizer, but something between two.
fn is_mark(letter: char) -> bool {
    MARKS.iter().any(|marks| marks.contains(&letter))
}

const APART: &[RangeInclusive<char>] = &[
    // Thai.
    '\u{e01}'..='\u{e3a}',
    '\u{e40}'..='\u{e4e}',
    // Lao.
    '\u{e81}'..='\u{ebd}',
    '\u{ec0}'..='\u{ece}',
    '\u{edc}'..='\u{edf}',
    // Myanmar.
    '\u{1000}'..='\u{103f}',
    '\u{1050}'..='\u{108f}',
    '\u{109a}'..='\u{109d}',
    '\u{a9e0}'..='\u{a9ef}',
    '\u{a9fa}'..='\u{a9fe}',
    '\u{aa60}'..='\u{aa76}',
    '\u{aa7a}'..='\u{aa7f}',
    // Khmer.
    '\u{1780}'..='\u{17d3}',
    '\u{17d7}'..='\u{17d7}',
    '\u{17dc}'..='\u{17dd}',
    // Han.
    '\u{3005}'..='\u{3007}',
    '\u{3021}'..='\u{3029}',
    '\u{3038}'..='\u{303c}',
    '\u{3400}'..='\u{4dbf}',
    '\u{4e00}'..='\u{9fff}',
    '\u{f900}'..='\u{faff}',
    '\u{20000}'..='\u{323af}',
    // Hiragana and Katakana.
    '\u{3031}'..='\u{3035}',
    '\u{3041}'..='\u{309a}',
    '\u{309d}'..='\u{309f}',
    '\u{30a1}'..='\u{30fa}',
    '\u{30fc}'..='\u{30ff}',
    '\u{31f0}'..='\u{31ff}',
    '\u{ff66}'..='\u{ff9f}',
    '\u{1aff0}'..='\u{1b16f}',
];

const MARKS: &[RangeInclusive<char>] = &[
    '\u{e31}'..='\u{e31}',
    '\u{e34}'..='\u{e3a}',
    '\u{e47}'..='\u{e4e}',
    '\u{eb1}'..='\u{eb1}',
    '\u{eb4}'..='\u{eb9}',
    '\u{ebb}'..='\u{ebc}',
    '\u{ec8}'..='\u{ecd}',
    '\u{102b}'..='\u{103e}',
    '\u{1056}'..='\u{1059}',
    '\u{105e}'..='\u{1060}',
    '\u{1062}'..='\u{1064}',
    '\u{1067}'..='\u{106d}',
    '\u{1071}'..='\u{1074}',
    '\u{1082}'..='\u{108d}',
    '\u{108f}'..='\u{108f}',
    '\u{109a}'..='\u{109d}',
    '\u{aa7b}'..='\u{aa7b}',
    '\u{17b4}'..='\u{17d3}',
    '\u{17dd}'..='\u{17dd}',
    '\u{3099}'..='\u{309a}',
];

/// Words that are in every text and say nothing of what it is about.
const COMMON: &[&str] = &[
    "a", "about", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "him", "his",
    "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "or", "our", "she", "so",
    "that", "the", "their", "them", "there", "they", "this", "to", "was", "we", "were", "what",
    "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];

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

    #[test]
    fn letters_that_stand_apart_are_asked_for_two_by_two() {
        let asked = |query: &str| match_any(query).unwrap();
        assert_eq!(asked("北京"), "\"北 京\"");
        assert_eq!(asked("京"), "\"京\"");
        assert_eq!(asked("我住在。"), "\"我 住\" OR \"住 在\"");
        assert_eq!(asked("Where is 北京?"), "\"北 京\"");
        assert_eq!(asked("my iPhone手机"), "\"iphone\" OR \"手 机\"");
        // The mark above is none of the letters.
        assert_eq!(
            asked("\u{e02}\u{e49}\u{e32}\u{e27}"),
            "\"\u{e02} \u{e32}\" OR \"\u{e32} \u{e27}\""
        );
    }

    #[test]
    fn a_text_without_them_is_indexed_as_it_is() {
        for text in ["", "The dog's \"bed\"?", "Ωμέγα, 2 ½", "서울에 산다"] {
            assert_eq!(apart(text.to_owned()), text);
        }
        assert_eq!(apart("a北京。".to_owned()), "a 北  京 。");
    }

    /// A mark that the tokenizer took for a letter, or the other way about, would part neighbours.
    #[test]
    fn marks_are_what_the_tokenizer_leaves_out() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE VIRTUAL TABLE texts USING fts5 (said, tokenize = 'porter unicode61');
            CREATE VIRTUAL TABLE found USING fts5vocab (texts, instance);
            BEGIN;",
        )
        .unwrap();
        let letters: Vec<char> = ('\0'..'\u{3500}')
            .chain('\u{9f00}'..'\u{b000}')
            .chain('\u{f900}'..'\u{20100}')
            .filter(|letter| stands_apart(*letter))
            .collect();
        for letter in &letters {
            let text = (i64::from(u32::from(*letter)), letter.to_string());
            db.execute("INSERT INTO texts (rowid, said) VALUES (?1, ?2)", text)
                .unwrap();
        }
        let found: HashSet<i64> = db
            .prepare("SELECT DISTINCT doc FROM found")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        for letter in letters {
            let is_letter = found.contains(&i64::from(u32::from(letter)));
            assert_eq!(is_mark(letter), !is_letter, "{letter:?}");
        }
    }
}
