//! Archives that are made on the way, and have to go again where nothing comes of it.

use std::{fs, path::PathBuf};

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
    /// turn to go on. Where somebody has it open it stays.
    pub(crate) async fn discard_if_empty(self) {
        let Some(path) = self.0 else { return };
        let Ok(archive) = Archive::open(&path) else {
            return;
        };
        if archive.namespaces().await.is_ok_and(|all| all.is_empty()) {
            // While the archive is locked: another one that takes its place has an index too. Whatever of the
            // two stays, nothing hangs on it.
            let _ = fs::remove_dir_all(beside(&path, INDEX));
            let _ = archive.remove_if_empty().await;
        }
    }
}
