//! What is read from the tables and written to them. Synchronous: the writer's thread calls it.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    batch::{decode, encode},
    claims::{Claims, Held},
    schema::failed,
};
use crate::{
    Effect, Entry, Error, Event, NodePath, Result, RunEnd, RunId, RunRecord, RunStatus, RunSummary,
    Usage,
    journal::{memory, now_ms},
};

/// Begins a run or takes it up. Inside of a transaction that may write, so that of two processes
/// only one finds the run free.
pub(super) fn begin(db: &Connection, claims: &Arc<Claims>, run: &RunRecord) -> Result<Held> {
    let known = db
        .prepare_cached("SELECT n FROM runs WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row([run.id.as_str()], |row| row.get(0))
                .optional()
        })
        .map_err(|error| failed(&error))?;
    match known {
        Some(_) if is_live(db, claims, &run.id)? => return Err(memory::live(&run.id)),
        Some(n) => take_up(db, n, &claims.owner),
        None => insert(db, run, &claims.owner),
    }
    .map_err(|error| failed(&error))?;
    Ok(claims.hold(run.id.clone()))
}

fn take_up(db: &Connection, n: i64, owner: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM records WHERE run = ?1 AND path IS NULL", [n])?;
    db.execute(
        "UPDATE runs SET status = 'running', output = NULL, error = NULL, owner = ?2,
            updated_ms = ?3,
            told = (SELECT coalesce(max(n), 0) FROM records WHERE run = ?1) WHERE n = ?1",
        params![n, owner, now_ms() as i64],
    )?;
    Ok(())
}

fn insert(db: &Connection, run: &RunRecord, owner: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO runs (id, name, shape, input, meta, forked, status, created_ms, updated_ms,
            owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7, ?7, ?8)",
    )?
    .execute(params![
        run.id.as_str(),
        run.name,
        run.shape.as_ref().map(json),
        json(&run.input),
        json(&run.meta),
        run.forked.as_ref().map(json),
        run.created_ms as i64,
        owner,
    ])?;
    Ok(())
}

/// Adds entries, the effects of which are there as JSON too, and events.
pub(super) fn append(
    db: &Connection,
    run: &RunId,
    entries: &[Entry],
    effects: &[String],
    events: &[Event],
) -> Result<()> {
    let n = number(db, run)?;
    if entries.is_empty() {
        return insert_events(db, n, events);
    }
    let mut batch = batch(db, n, entries, events);
    for (entry, effect) in entries.iter().zip(effects) {
        insert_entry(db, n, entry, effect, batch.take())?;
    }
    Ok(())
}

fn insert_entry(
    db: &Connection,
    n: i64,
    entry: &Entry,
    effect: &str,
    events: Option<Vec<u8>>,
) -> Result<()> {
    let usage = (entry.usage != effect_usage(&entry.effect)).then(|| json(&entry.usage));
    let insert = || {
        db.prepare_cached(
            "INSERT INTO records (run, path, call, request, effect, usage, elapsed_us, events)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            n,
            entry.path.as_str(),
            entry.call,
            json(&entry.request),
            effect,
            usage,
            entry.elapsed.as_micros() as i64,
            events,
        ])
    };
    let taken = |error: &rusqlite::Error| {
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
    };
    match insert() {
        Err(error) if taken(&error) && make_way(db, n, entry)? => insert(),
        inserted => inserted,
    }
    .map(|_| ())
    .map_err(|error| match taken(&error) {
        true => memory::twice(entry),
        false => failed(&error),
    })
}

/// Takes the place of a failed call away from it, if it is one that has the place of `entry`. What
/// was told with it stays.
fn make_way(db: &Connection, n: i64, entry: &Entry) -> Result<bool> {
    db.prepare_cached(
        "UPDATE records SET path = NULL, call = NULL, request = NULL, effect = NULL, usage = NULL
            WHERE run = ?1 AND path = ?2 AND call = ?3 AND effect LIKE '{\"failed\"%'",
    )
    .and_then(|mut update| update.execute(params![n, entry.path.as_str(), entry.call]))
    .map(|changed| changed > 0)
    .map_err(|error| failed(&error))
}

/// What an effect itself says of its usage, which is nearly always what was booked for it.
fn effect_usage(effect: &Effect) -> Usage {
    match effect {
        Effect::Chat(answer) => answer.usage,
        Effect::Score(score) => score.usage,
        _ => Usage::default(),
    }
}

fn insert_events(db: &Connection, n: i64, events: &[Event]) -> Result<()> {
    let Some(batch) = batch(db, n, &[], events) else {
        return Ok(());
    };
    db.prepare_cached("INSERT INTO records (run, events) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute(params![n, batch]))
        .map_err(|error| failed(&error))?;
    Ok(())
}

/// Events as they are kept, told with `entries`.
fn batch(db: &Connection, n: i64, entries: &[Entry], events: &[Event]) -> Option<Vec<u8>> {
    let answered = |path: &NodePath, call: u32| {
        let is_it = |entry: &Entry| {
            entry.call == call && entry.path == *path && matches!(entry.effect, Effect::Chat(_))
        };
        entries.iter().any(is_it) || has_answer(db, n, path, call)
    };
    (!events.is_empty()).then(|| encode(events, answered))
}

fn has_answer(db: &Connection, n: i64, path: &NodePath, call: u32) -> bool {
    let found = db
        .prepare_cached("SELECT effect FROM records WHERE run = ?1 AND path = ?2 AND call = ?3")
        .and_then(|mut select| {
            select.query_row(params![n, path.as_str(), call], |row| {
                row.get::<_, String>(0)
            })
        });
    // Whatever cannot be told apart is kept with its text.
    found.is_ok_and(|effect| effect.starts_with("{\"chat\""))
}

/// Sets how a run ended.
pub(super) fn finish(db: &Connection, run: &RunId, end: &RunEnd, events: &[Event]) -> Result<()> {
    let n = number(db, run)?;
    insert_events(db, n, events)?;
    db.prepare_cached(
        "UPDATE runs SET status = ?2, output = ?3, error = ?4, lost = ?5, updated_ms = ?6
            WHERE n = ?1",
    )
    .and_then(|mut update| {
        update.execute(params![
            n,
            end.status.to_string(),
            end.output.as_ref().map(json),
            end.error.as_ref().map(json),
            json(&end.lost),
            now_ms() as i64,
        ])
    })
    .map_err(|error| failed(&error))?;
    Ok(())
}

pub(super) fn load(db: &Connection, run: &RunId) -> Result<Option<(RunRecord, Vec<Entry>)>> {
    match head(db, run)? {
        Some((record, n)) => Ok(Some((record, entries(db, n)?))),
        None => Ok(None),
    }
}

/// A run's record, and its number.
pub(super) fn head(db: &Connection, run: &RunId) -> Result<Option<(RunRecord, i64)>> {
    let record = db
        .prepare_cached(
            "SELECT id, name, shape, input, meta, forked, status, output, error, created_ms,
                updated_ms, lost, n FROM runs WHERE id = ?1",
        )
        .and_then(|mut select| {
            select
                .query_row([run.as_str()], |row| {
                    Ok((record(row), row.get::<_, i64>(12)?))
                })
                .optional()
        })
        .map_err(|error| failed(&error))?;
    let Some((record, n)) = record else {
        return Ok(None);
    };
    Ok(Some((record?, n)))
}

fn record(row: &Row<'_>) -> Result<RunRecord> {
    let id: String = column(row, 0)?;
    let mut record = RunRecord::new(
        RunId::parse(&id)?,
        column::<String>(row, 1)?,
        parsed(row, 3)?,
    );
    record.shape = optional(row, 2)?;
    record.meta = parsed(row, 4)?;
    record.forked = optional(row, 5)?;
    record.status = status(&column::<String>(row, 6)?)?;
    record.output = optional(row, 7)?;
    record.error = optional(row, 8)?;
    record.created_ms = column::<i64>(row, 9)? as u64;
    record.updated_ms = column::<i64>(row, 10)? as u64;
    record.lost = optional(row, 11)?.unwrap_or_default();
    Ok(record)
}

fn entries(db: &Connection, n: i64) -> Result<Vec<Entry>> {
    let mut select = db
        .prepare_cached(
            "SELECT path, call, request, effect, usage, elapsed_us FROM records
                WHERE run = ?1 AND path IS NOT NULL ORDER BY n",
        )
        .map_err(|error| failed(&error))?;
    let mut rows = select.query([n]).map_err(|error| failed(&error))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        let effect = parsed(row, 3)?;
        entries.push(Entry {
            path: NodePath::from(column::<String>(row, 0)?),
            call: column(row, 1)?,
            request: parsed(row, 2)?,
            usage: optional(row, 4)?.unwrap_or_else(|| effect_usage(&effect)),
            effect,
            elapsed: Duration::from_micros(column::<i64>(row, 5)? as u64),
        });
    }
    Ok(entries)
}

pub(super) fn events(db: &Connection, run: &RunId) -> Result<Vec<Event>> {
    let Some((_, entries)) = load(db, run)? else {
        return Ok(Vec::new());
    };
    let batches = db
        .prepare_cached(
            "SELECT events FROM runs JOIN records ON run = runs.n
                WHERE id = ?1 AND records.n > told AND events IS NOT NULL ORDER BY records.n",
        )
        .and_then(|mut select| {
            select
                .query_map([run.as_str()], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|error| failed(&error))?;
    decode(&batches, &entries)
}

pub(super) fn list(db: &Connection, claims: &Claims) -> Result<Vec<RunSummary>> {
    let mut select = db
        .prepare_cached(
            "SELECT id, name, status, owner, created_ms, updated_ms,
                (SELECT count(path) FROM records WHERE run = runs.n) FROM runs ORDER BY id",
        )
        .map_err(|error| failed(&error))?;
    let mut rows = select.query([]).map_err(|error| failed(&error))?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        let id = RunId::parse(&column::<String>(row, 0)?)?;
        let status = status(&column::<String>(row, 2)?)?;
        runs.push(RunSummary {
            name: column(row, 1)?,
            status,
            live: status == RunStatus::Running && claims.is_live(&id, &column::<String>(row, 3)?),
            created_ms: column::<i64>(row, 4)? as u64,
            updated_ms: column::<i64>(row, 5)? as u64,
            entries: column::<i64>(row, 6)? as usize,
            id,
        });
    }
    Ok(runs)
}

/// Forgets a run.
pub(super) fn remove(db: &Connection, claims: &Claims, run: &RunId) -> Result<bool> {
    if is_live(db, claims, run)? {
        return Err(memory::live(run));
    }
    db.execute("DELETE FROM runs WHERE id = ?1", [run.as_str()])
        .map(|deleted| deleted > 0)
        .map_err(|error| failed(&error))
}

/// Whether somebody executes a run: this journal, or another one that has not ended it.
fn is_live(db: &Connection, claims: &Claims, run: &RunId) -> Result<bool> {
    let known: Option<(String, String)> = db
        .prepare_cached("SELECT owner, status FROM runs WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(|error| failed(&error))?;
    let Some((owner, text)) = known else {
        return Ok(false);
    };
    let running = status(&text)? == RunStatus::Running;
    Ok((running || owner == claims.owner) && claims.is_live(run, &owner))
}

fn number(db: &Connection, run: &RunId) -> Result<i64> {
    db.prepare_cached("SELECT n FROM runs WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row([run.as_str()], |row| row.get(0))
                .optional()
        })
        .map_err(|error| failed(&error))?
        .ok_or_else(|| memory::unknown(run))
}

fn status(text: &str) -> Result<RunStatus> {
    serde_json::from_value(text.into()).map_err(|error| damaged().with_source(error))
}

pub(super) fn json(value: &impl Serialize) -> String {
    // Strings, numbers and JSON: serialising cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn column<T: rusqlite::types::FromSql>(row: &Row<'_>, index: usize) -> Result<T> {
    row.get(index).map_err(|error| failed(&error))
}

fn parsed<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<T> {
    let text: String = column(row, index)?;
    serde_json::from_str(&text).map_err(|error| damaged().with_source(error))
}

fn optional<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<Option<T>> {
    let text: Option<String> = column(row, index)?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| damaged().with_source(error))
}

fn damaged() -> Error {
    Error::journal("the journal holds something that this program cannot read")
        .with_help("it is damaged, or was written by another version of the program")
}
