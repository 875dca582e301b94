//! Out to JSON Lines and back.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use catena_core::{Error, Result};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{namespaces::find_or_create, record, rows, schema::failed};
use crate::{Archive, ItemId, Kind, MemoryItem, Namespace, NamespaceId, NewItem, Validity};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Items that were not there.
    pub added: u64,
    /// Items that were there already, and got the sources that they lacked.
    pub merged: u64,
    /// It was stopped before the end of the file. Importing again goes on: what is there is merged.
    pub stopped: bool,
}

impl Archive {
    /// Writes a namespace, or all of them, as JSON Lines: an item a line, with the names of its
    /// namespace. How many items it were.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory), also when `out` cannot be written.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the export goes on to its end, and `out` is dropped behind it.
    pub async fn export<W: Write + Send + 'static>(
        &self,
        namespace: Option<NamespaceId>,
        out: W,
    ) -> Result<(u64, W)> {
        let export = move |db: &Connection| Ok(export(db, namespace, out));
        self.read(export).await?
    }

    /// Takes over the items of a file that [`export`](Self::export) wrote, all or none of them; into
    /// the namespaces of their names, or all into `namespace`. Items that are there already get the
    /// sources that they lack.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) with the number of the first line that is no item;
    /// [`is_memory`](Error::is_memory) when the file cannot be read or the items not be written.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the import goes on to its end: all items are taken over or none. Importing
    /// again merges what is there. [`import_until`](Self::import_until) can be stopped.
    pub async fn import(&self, path: &Path, namespace: Option<NamespaceId>) -> Result<Imported> {
        self.import_until(path, namespace, Arc::default()).await
    }

    /// As [`import`](Self::import), until somebody sets `stop`: the items before that line are then taken
    /// over, and [`stopped`](Imported::stopped) says so.
    ///
    /// # Errors
    ///
    /// Those of [`import`](Self::import).
    ///
    /// # Cancel safety
    ///
    /// As [`import`](Self::import): whoever drops the future and wants it to end sets `stop`.
    pub async fn import_until(
        &self,
        path: &Path,
        namespace: Option<NamespaceId>,
        stop: Arc<AtomicBool>,
    ) -> Result<Imported> {
        let path = path.to_owned();
        self.0
            .writer
            .write(move |db| import(db, &path, namespace, &stop))
            .await
    }
}

/// A line.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    namespace: Namespace,
    #[serde(flatten)]
    item: MemoryItem,
}

fn export<W: Write>(
    db: &Connection,
    namespace: Option<NamespaceId>,
    mut out: W,
) -> Result<(u64, W)> {
    let all = format!(
        "SELECT {}, namespace FROM items WHERE ?1 IS NULL OR namespace = ?1 ORDER BY id",
        rows::COLUMNS
    );
    let failed = |error: rusqlite::Error| failed(&error);
    let unwritable = |error: std::io::Error| {
        Error::memory(format!("the export cannot be written: {error}"))
            .with_help("make room, or name another file")
            .with_source(error)
    };
    let mut names = HashMap::new();
    let mut statement = db.prepare(&all).map_err(failed)?;
    let mut found = statement
        .query(params![namespace.map(|namespace| rows::sql(namespace.0))])
        .map_err(failed)?;
    let mut count = 0;
    while let Some(row) = found.next().map_err(failed)? {
        let item = rows::item(db, row).map_err(failed)?;
        let of = rows::number(row, 9).map_err(failed)?;
        let namespace = match names.get(&of) {
            Some(namespace) => namespace,
            None => &*names.entry(of).or_insert(name(db, of).map_err(failed)?),
        };
        let line = Line {
            namespace: namespace.clone(),
            item,
        };
        serde_json::to_writer(&mut out, &line).map_err(|error| unwritable(error.into()))?;
        out.write_all(b"\n").map_err(unwritable)?;
        count += 1;
    }
    out.flush().map_err(unwritable)?;
    Ok((count, out))
}

fn name(db: &Connection, id: u64) -> rusqlite::Result<Namespace> {
    let sql = "SELECT user, bot, conversation FROM namespaces WHERE id = ?1";
    db.prepare_cached(sql)?.query_row([rows::sql(id)], |row| {
        let (user, bot, conversation): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Namespace::new(user, bot, conversation))
    })
}

/// Within a transaction: a line that is no item takes everything back, and `stop` keeps what came before.
fn import(
    db: &Connection,
    path: &Path,
    namespace: Option<NamespaceId>,
    stop: &AtomicBool,
) -> Result<Imported> {
    let mut imported = Imported::default();
    // What a fact was called there, and is called here.
    let mut numbers: HashMap<(NamespaceId, ItemId), ItemId> = HashMap::new();
    let mut replaced = Vec::new();
    for line in lines(path, namespace.is_none())? {
        if stop.load(Ordering::Relaxed) {
            imported.stopped = true;
            break;
        }
        let Line {
            namespace: name,
            item,
        } = line?;
        let into = match namespace {
            Some(namespace) => namespace,
            None => find_or_create(db, &name).map_err(|error| failed(&error))?,
        };
        let restored = record::restore(db, into, &item).map_err(|error| failed(&error))?;
        if item.kind == Kind::Fact {
            numbers.insert((into, item.id), restored.id);
            if let (true, Some(by)) = (restored.verbatim, item.replaced_by) {
                let until = item.validity.until.map(|until| rows::sql(until.0));
                replaced.push((restored.id, until, (into, by)));
            }
        }
        match restored.added {
            true => imported.added += 1,
            false => imported.merged += 1,
        }
    }
    // Also of one that an import before left without, since it was stopped between the two.
    let set = "UPDATE items SET replaced_by = ?3
        WHERE id = ?1 AND valid_until IS ?2 AND ?2 IS NOT NULL AND replaced_by IS NULL";
    for (id, until, by) in replaced {
        let by = numbers.get(&by).map(|by| rows::sql(by.0));
        db.prepare_cached(set)
            .and_then(|mut set| set.execute(params![rows::sql(id.0), until, by]))
            .map_err(|error| failed(&error))?;
    }
    Ok(imported)
}

/// Reads a file that [`Archive::export`] wrote, takes nothing over, and says how
/// many items are in it: `named` if they are to go into the namespaces of their names.
///
/// # Errors
///
/// Those that [`Archive::import`] has before it writes.
pub fn check_export(path: &Path, named: bool) -> Result<u64> {
    lines(path, named)?.try_fold(0, |count, line| line.map(|_| count + 1))
}

/// The most bytes of a line: more than any item has, and no more than fits into memory. What has no ends of
/// lines is no export.
const LONGEST: u64 = 64 << 20;

/// The lines of a file, without their ends: what is longer than `longest` bytes is an error.
struct Bounded<R> {
    file: R,
    longest: u64,
}

impl<R: BufRead> Iterator for Bounded<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        // Room for the end of the line, and for nothing else.
        let room = self.longest.saturating_add(1);
        match self.file.by_ref().take(room).read_until(b'\n', &mut line) {
            Err(error) => return Some(Err(error)),
            Ok(0) => return None,
            Ok(_) => {}
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 > self.longest {
            let why = format!("it has more than {} MiB", self.longest >> 20);
            return Some(Err(io::Error::new(io::ErrorKind::FileTooLarge, why)));
        }
        Some(Ok(line))
    }
}

/// The items in a file, each checked: with its names, if it is to go there.
fn lines(path: &Path, named: bool) -> Result<impl Iterator<Item = Result<Line>>> {
    let unreadable = move |error: std::io::Error| {
        Error::memory(format!("{} cannot be read: {error}", path.display()))
            .with_help("name a file that `export` wrote")
            .with_source(error)
    };
    let file = File::open(path).map_err(unreadable)?;
    let file = Bounded {
        file: BufReader::new(file),
        longest: LONGEST,
    };
    Ok((1..).zip(file).filter_map(move |(number, line)| {
        let wrong = |why: &dyn fmt::Display| {
            Error::invalid(format!(
                "{}, line {number}, is no item of an archive: {why}",
                path.display()
            ))
            .with_help("name a file that `export` wrote; nothing was taken over")
        };
        let line = match line {
            Ok(line) if line.trim_ascii().is_empty() => return None,
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Some(Err(wrong(&error)));
            }
            Err(error) => return Some(Err(unreadable(error))),
        };
        let line = serde_json::from_slice::<Line>(&line).map_err(|error| wrong(&error));
        Some(line.and_then(|line| {
            check(&line.item).map_err(|error| wrong(&error))?;
            if named {
                line.namespace.check().map_err(|error| wrong(&error))?;
            }
            Ok(line)
        }))
    }))
}

/// Refuses what no archive writes.
fn check(item: &MemoryItem) -> Result<()> {
    if item.sources.is_empty() {
        return Err(Error::invalid("it was never said: `sources` is empty"));
    }
    let Validity { from, until } = item.validity;
    if until.is_some_and(|until| until < from) {
        return Err(Error::invalid("it ends before it begins"));
    }
    let mut new = NewItem {
        kind: item.kind,
        key: item.key.clone(),
        observation: item.observation.clone(),
        response: item.response.clone(),
        ..NewItem::default()
    };
    let said = item.sources.iter().map(|source| (source.turn, source.at));
    for (turn, at) in said.chain([(1, from), (1, until.unwrap_or_default())]) {
        (new.turn, new.at) = (Some(turn), Some(at));
        super::check(&new)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_an_end_or_is_too_long() {
        let lines = |text: &str| {
            let lines = Bounded {
                file: text.as_bytes(),
                longest: 4,
            };
            let text =
                |line: io::Result<Vec<u8>>| line.map(|line| String::from_utf8(line).unwrap());
            lines
                .map(|line| text(line).ok())
                .take(4)
                .collect::<Vec<_>>()
        };
        let some = |line: &str| Some(line.to_owned());
        assert_eq!(lines("1234\n\n12"), [some("1234"), some(""), some("12")]);
        assert_eq!(lines("1234"), [some("1234")]);
        assert_eq!(lines("1\n12345\n")[..2], [some("1"), None]);
        assert_eq!(lines(""), []);
    }
}
