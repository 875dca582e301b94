//! Removing an archive in which nothing is.

use std::sync::Arc;

use catena_core::{Error, Result};

use super::{
    Inner,
    schema::{self, failed},
};
use crate::Archive;

impl Archive {
    /// Removes the archive with its files if nothing is in it, not even a namespace; whether it was removed.
    /// It is closed in any case, and kept where a clone of it is open.
    ///
    /// Its lock is held all the while, so that nothing is lost that another process writes.
    ///
    /// # Errors
    ///
    /// [`is_memory`](Error::is_memory) when it cannot be read, or a file of it not be removed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, it is removed or kept as it was.
    pub async fn remove_if_empty(self) -> Result<bool> {
        let Some(last) = Arc::into_inner(self.0) else {
            return Ok(false);
        };
        tokio::task::spawn_blocking(move || remove_if_empty(last))
            .await
            .unwrap_or_else(|error| {
                Err(Error::memory("removing the archive broke off").with_source(error))
            })
    }
}

fn remove_if_empty(archive: Inner) -> Result<bool> {
    let Inner {
        path,
        writer,
        readers,
        lock,
        ..
    } = archive;
    drop(readers);
    // It writes what was begun; only the lock is left then.
    drop(writer);
    let namespaces = "SELECT EXISTS (SELECT 1 FROM namespaces)";
    let is_used: bool = schema::reader(&path)
        .and_then(|db| db.query_row(namespaces, [], |row| row.get(0)))
        .map_err(|error| failed(&error))?;
    if is_used {
        return Ok(false);
    }
    schema::remove(&path, lock)?;
    Ok(true)
}
