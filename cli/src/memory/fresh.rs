//! Archives that are made on the way, and have to go again where nothing comes of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use catena_memory::Archive;

use super::{
    Place,
    open::{INDEX, beside},
};

/// An archive that was not there before the command; `None` if it was.
#[derive(Debug)]
pub(crate) struct Fresh(Option<PathBuf>);

impl Fresh {
    /// Looks whether the archive is there: before it is opened, which makes it.
    pub(crate) fn of(place: &Place) -> Self {
        Self((!place.archive.exists()).then(|| place.archive.clone()))
    }

    /// Removes it if it was made for nothing: nothing was said in it, and no conversation waits in it for a
    /// turn to go on. Nobody may have it open.
    pub(crate) async fn discard_if_empty(self) {
        let Some(path) = self.0 else { return };
        let empty = match Archive::open(&path) {
            Ok(archive) => archive.namespaces().await.is_ok_and(|all| all.is_empty()),
            Err(_) => false,
        };
        if empty {
            discard(&path);
        }
    }
}

fn discard(path: &Path) {
    // Whatever of it stays, nothing hangs on it.
    for end in ["", "-wal", "-shm", ".lock"] {
        let _ = fs::remove_file(beside(path, end));
    }
    let _ = fs::remove_dir_all(beside(path, INDEX));
}
