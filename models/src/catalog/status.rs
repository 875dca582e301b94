//! What is installed, and taking it away again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};

use super::{
    Catalog, Entry, Store,
    lock::Lock,
    stamp::Stamp,
    store::{Slot, remove},
};

/// Whether a model is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It was pulled, and the file is as it was when it was verified.
    Installed {
        /// Where the file is.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// A file of the right name and size is there and was not verified as it is now; the next use
    /// will.
    Unverified {
        /// Where the file is: in the store or in a folder of the search path.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// A pull was interrupted, or is under way.
    Partial {
        /// Where the beginning of the file is.
        path: PathBuf,
        /// How many bytes there are.
        bytes: u64,
    },
    /// It is not here.
    Missing,
}

impl Catalog {
    /// Looks for the model called `name`, without reading the file or asking the network.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if the name is unknown.
    pub fn status(&self, name: &str, store: &Store) -> Result<Status> {
        self.entry(name).map(|entry| self.examine(entry, store))
    }

    /// All models with their status, in the order of the catalogue.
    pub fn list(&self, store: &Store) -> Vec<(&Entry, Status)> {
        let examine = |entry| (entry, self.examine(entry, store));
        self.entries.iter().map(examine).collect()
    }

    fn examine(&self, entry: &Entry, store: &Store) -> Status {
        let slot = store.slot(entry);
        let in_search_path = self.settings.search_path.iter().map(|folder| {
            let path = folder.join(&entry.file);
            std::path::absolute(&path).unwrap_or(path)
        });
        let candidates = std::iter::once((slot.file.clone(), &slot.stamp))
            .chain(in_search_path.map(|path| (path, &slot.local_stamp)));
        for (path, stamp_at) in candidates {
            if file_size(&path) != Some(entry.size) {
                continue;
            }
            let bytes = entry.size;
            let stamp = Stamp::read(stamp_at);
            let verified =
                stamp.is_some_and(|stamp| stamp.sha256 == entry.sha256 && stamp.holds_for(&path));
            return if verified {
                Status::Installed { path, bytes }
            } else {
                Status::Unverified { path, bytes }
            };
        }
        match file_size(&slot.partial) {
            Some(bytes) if bytes > 0 => Status::Partial {
                path: slot.partial,
                bytes,
            },
            _ => Status::Missing,
        }
    }

    /// Removes what `store` holds of the model called `name`, finished or not; gives the bytes freed.
    ///
    /// A file in the user's own folders is not touched.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if the name is unknown or the model is being pulled at this
    /// moment; any other kind if something cannot be deleted.
    pub fn remove(&self, name: &str, store: &Store) -> Result<u64> {
        let slot = store.slot(self.entry(name)?);
        if !slot.folder.exists() {
            return Ok(0);
        }
        let Some(_lock) = Lock::try_acquire(&slot.lock)? else {
            return Err(Error::invalid(format!(
                "`{name}` is being pulled and cannot be removed now"
            ))
            .with_help("wait for the pull to end, or stop it"));
        };
        let Slot {
            folder,
            file,
            stamp,
            local_stamp,
            partial,
            work,
            lock: _,
        } = slot;
        let freed = [&file, &partial]
            .into_iter()
            .filter_map(|path| file_size(path))
            .sum();
        for path in [stamp, local_stamp, file, partial, work] {
            remove(&path)?;
        }
        // Anything else in the folder is not ours.
        let _ = fs::remove_dir(folder);
        Ok(freed)
    }
}

fn file_size(path: &Path) -> Option<u64> {
    fs::metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
}
