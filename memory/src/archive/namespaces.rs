//! The namespaces of an archive.

use catena_core::Result;
use rusqlite::{Connection, OptionalExtension};

use super::{
    forget::{forget, select},
    rows,
    schema::failed,
    traces,
};
use crate::{Archive, Filter, Forgotten, Moment, Namespace, NamespaceId};

/// A namespace, and how much is in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NamespaceSummary {
    /// Its number.
    pub id: NamespaceId,
    /// Its names.
    pub namespace: Namespace,
    /// How many items it has.
    pub items: u64,
    /// The number of its last turn; 0 before the first.
    pub turns: u64,
    /// When something was last said in it.
    pub last: Option<Moment>,
}

impl NamespaceSummary {
    /// Whether anything was ever said in it. Whoever asks for the number of a namespace creates it, and it
    /// comes to be for people with what is said first.
    pub fn is_used(&self) -> bool {
        self.turns > 0 || self.items > 0
    }
}

impl Archive {
    /// The number of a namespace, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, it is created or not; who asks again gets the same number.
    pub async fn namespace(&self, namespace: &Namespace) -> Result<NamespaceId> {
        if let Some(id) = self.find_namespace(namespace).await? {
            return Ok(id);
        }
        let namespace = namespace.clone();
        self.0
            .writer
            .write(move |db| find_or_create(db, &namespace).map_err(|error| failed(&error)))
            .await
    }

    /// The number of a namespace, if it is there.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn find_namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceId>> {
        let namespace = namespace.clone();
        self.read(move |db| find(db, &namespace)).await
    }

    /// All namespaces, in the order in which they were created.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceSummary>> {
        self.read(|db| {
            let sql = "SELECT id, user, bot, conversation, next_turn - 1,
                (SELECT count(*) FROM items WHERE namespace = namespaces.id),
                (SELECT max(at) FROM sources WHERE namespace = namespaces.id)
                FROM namespaces ORDER BY id";
            db.prepare_cached(sql)?
                .query_map([], |row| {
                    let names: (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
                    Ok(NamespaceSummary {
                        id: NamespaceId(rows::number(row, 0)?),
                        namespace: Namespace::new(names.0, names.1, names.2),
                        turns: rows::number(row, 4)?,
                        items: rows::number(row, 5)?,
                        last: rows::optional_number(row, 6)?.map(Moment),
                    })
                })?
                .collect()
        })
        .await
    }

    /// How many items a namespace has; none where it is not there.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// It only reads: the future may be dropped at any time.
    pub async fn count(&self, namespace: NamespaceId) -> Result<u64> {
        self.read(move |db| {
            db.prepare_cached("SELECT count(*) FROM items WHERE namespace = ?1")?
                .query_row([rows::sql(namespace.0)], |row| rows::number(row, 0))
        })
        .await
    }

    /// Forgets a namespace: everything in it, as [`forget`](Self::forget) does, and its names. Its number is
    /// not given out again, and nothing is remembered under it any more.
    ///
    /// # Errors
    ///
    /// Those of [`forget`](Self::forget).
    ///
    /// # Cancel safety
    ///
    /// As [`forget`](Self::forget).
    pub async fn forget_namespace(&self, namespace: NamespaceId) -> Result<Forgotten> {
        self.0
            .writer
            .purge(move |db| forget_namespace(db, namespace).map_err(|error| failed(&error)))
            .await
    }

    /// Forgets a namespace if nothing was ever said in it: whoever asks for its number creates it, and may
    /// then have nothing to say. Whether it was forgotten.
    ///
    /// # Errors
    ///
    /// [`is_memory`](catena_core::Error::is_memory).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, it is forgotten or not.
    pub async fn forget_unused(&self, namespace: NamespaceId) -> Result<bool> {
        self.0
            .writer
            .write(move |db| forget_unused(db, namespace).map_err(|error| failed(&error)))
            .await
    }
}

fn find(db: &Connection, namespace: &Namespace) -> rusqlite::Result<Option<NamespaceId>> {
    let Namespace {
        user,
        bot,
        conversation,
    } = namespace;
    let sql = "SELECT id FROM namespaces WHERE user = ?1 AND bot = ?2 AND conversation = ?3";
    db.prepare_cached(sql)?
        .query_row([user, bot, conversation], |row| {
            rows::number(row, 0).map(NamespaceId)
        })
        .optional()
}

pub(super) fn find_or_create(
    db: &Connection,
    namespace: &Namespace,
) -> rusqlite::Result<NamespaceId> {
    let Namespace {
        user,
        bot,
        conversation,
    } = namespace;
    let sql = "INSERT OR IGNORE INTO namespaces (user, bot, conversation) VALUES (?1, ?2, ?3)";
    db.execute(sql, [user, bot, conversation])?;
    find(db, namespace)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Deletes a namespace with everything in it, and its names.
fn forget_namespace(db: &Connection, namespace: NamespaceId) -> rusqlite::Result<Forgotten> {
    let forgotten = forget(db, select(db, namespace, &Filter::default(), None)?)?;
    let name = "DELETE FROM namespaces WHERE id = ?1";
    if db.execute(name, [rows::sql(namespace.0)])? > 0 {
        traces::note(db)?;
    }
    Ok(forgotten)
}

/// Deletes a namespace in which nothing was ever said; whether it was one.
fn forget_unused(db: &Connection, namespace: NamespaceId) -> rusqlite::Result<bool> {
    let unused = "DELETE FROM namespaces WHERE id = ?1 AND next_turn = 1
        AND NOT EXISTS (SELECT 1 FROM items WHERE namespace = ?1)";
    Ok(db.execute(unused, [rows::sql(namespace.0)])? > 0)
}
