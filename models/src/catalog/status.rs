//! What is installed, and taking it away again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};

use super::{
    Catalog, Entry, HubFile, Store,
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
        unfinished(slot)
    }

    /// Looks for a file of the hub, without reading it or asking the network.
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if `file` cannot be one of the hub.
    pub fn hub_status(&self, file: &HubFile, store: &Store) -> Result<Status> {
        file.check()?;
        let slot = store.hub_slot(file);
        let path = slot.file.clone();
        let Some(bytes) = file_size(&path) else {
            return Ok(unfinished(slot));
        };
        Ok(match Stamp::read(&slot.stamp) {
            Some(stamp) if stamp.holds_for(&path) => Status::Installed { path, bytes },
            _ => Status::Unverified { path, bytes },
        })
    }

    /// The files of the hub of which `store` holds anything, in the order of their names. In the path of
    /// one that lies in a folder of its repository, `--` stands for each `/`; that names the same file.
    pub fn hub_list(&self, store: &Store) -> Vec<(HubFile, Status)> {
        let mut files: Vec<HubFile> = names(&store.hub())
            .into_iter()
            .flat_map(|folder| {
                let names = names(&store.hub().join(&folder)).into_iter();
                names.filter_map(move |name| of_hub(&folder, &name))
            })
            .collect();
        files.sort_by_key(ToString::to_string);
        files.dedup();
        let known = |file: HubFile| {
            let status = self.hub_status(&file, store).ok()?;
            (status != Status::Missing).then_some((file, status))
        };
        files.into_iter().filter_map(known).collect()
    }

    /// Removes what `store` holds of a file of the hub, finished or not; gives the bytes freed.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn remove_hub(&self, file: &HubFile, store: &Store) -> Result<u64> {
        file.check()?;
        clear(store.hub_slot(file), &format!("hf:{file}"))
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
        clear(store.slot(self.entry(name)?), name)
    }
}

/// Removes what is in `slot`; gives the bytes freed.
fn clear(slot: Slot, name: &str) -> Result<u64> {
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

/// What a pull left that did not end.
fn unfinished(slot: Slot) -> Status {
    match file_size(&slot.partial) {
        Some(bytes) if bytes > 0 => Status::Partial {
            path: slot.partial,
            bytes,
        },
        _ => Status::Missing,
    }
}

/// The file of the hub that a stamp, or the beginning of a file, in one of the store's folders belongs to.
/// Whatever else lies there was made from it.
fn of_hub(folder: &str, name: &str) -> Option<HubFile> {
    let name = [".sha256", ".partial"]
        .iter()
        .find_map(|end| name.strip_suffix(end))?;
    // Neither an owner nor a repository of the hub has two hyphens in a row.
    let (owner, rest) = folder.split_once("--")?;
    HubFile::parse(&format!("{owner}/{rest}/{name}")).ok()
}

/// The names in a folder; none where there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().into_string());
    names.filter_map(std::result::Result::ok).collect()
}

fn file_size(path: &Path) -> Option<u64> {
    fs::metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
}
