//! Where pulled models are kept.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};

use super::{HubFile, entry::Entry};

/// The folder that holds pulled models.
///
/// ```text
/// ROOT/models/NAME/FILE          a verified model
/// ROOT/models/NAME/FILE.sha256   its checksum, with the size and time for which it holds
/// ROOT/models/NAME/FILE.partial  the beginning of a file whose pull was interrupted
/// ROOT/hub/OWNER--REPO/…         the same, for files named by their place on the hub
/// ROOT/locks/…                   one empty file for each model, locked while it is pulled
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// A store in `root`, which is created by the first pull.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The user's store: `CATENA_CACHE_DIR`, or else `catena` in the user's cache folder
    /// (`XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` on macOS, `LOCALAPPDATA` on Windows).
    ///
    /// # Errors
    ///
    /// [Invalid](Error::is_invalid) if there is neither the variable nor a home folder.
    pub fn default_location() -> Result<Self> {
        Self::from_variables(|name| env::var_os(name), env::home_dir())
    }

    fn from_variables(
        variable: impl Fn(&str) -> Option<OsString>,
        home: Option<PathBuf>,
    ) -> Result<Self> {
        let folder = |name| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        if let Some(root) = folder("CATENA_CACHE_DIR") {
            return Ok(Self::new(root));
        }
        let cache = if cfg!(windows) {
            folder("LOCALAPPDATA")
        } else {
            // The XDG specification has relative paths ignored.
            folder("XDG_CACHE_HOME").filter(|path| path.is_absolute())
        };
        let below_home = if cfg!(target_os = "macos") {
            "Library/Caches"
        } else {
            ".cache"
        };
        cache
            .or_else(|| {
                home.filter(|home| !home.as_os_str().is_empty())
                    .map(|home| home.join(below_home))
            })
            .map(|cache| Self::new(cache.join("catena")))
            .ok_or_else(|| {
                Error::invalid("there is no home folder to keep models in")
                    .with_help("set CATENA_CACHE_DIR to a folder with a few GB of room")
            })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn slot(&self, entry: &Entry) -> Slot {
        Slot::new(&self.root, "models", &entry.name, &entry.file)
    }

    /// The folder of the files of the hub.
    pub(super) fn hub(&self) -> PathBuf {
        self.root.join("hub")
    }

    pub(super) fn hub_slot(&self, hub: &HubFile) -> Slot {
        let repo = hub.repo.replace('/', "--");
        let folder = if hub.revision == "main" {
            repo
        } else {
            format!("{repo}@{}", hub.revision)
        };
        Slot::new(&self.root, "hub", &folder, &hub.file.replace('/', "--"))
    }
}

/// The paths that belong to one file of a store.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The folder of all the others but `lock`.
    pub(super) folder: PathBuf,
    /// The verified file.
    pub(super) file: PathBuf,
    /// Says for which size and time of `file` the checksum holds.
    pub(super) stamp: PathBuf,
    /// The same for a file found in the search path, whose own folder may be read-only.
    pub(super) local_stamp: PathBuf,
    /// The beginning of `file`, while it is not complete.
    pub(super) partial: PathBuf,
    /// What pip downloads; emptied after each part.
    pub(super) work: PathBuf,
    /// Locked by whoever writes here. Not in `folder`, so that removing a model removes its folder:
    /// a lock file that may be deleted locks nothing.
    pub(super) lock: PathBuf,
}

impl Slot {
    fn new(root: &Path, group: &str, name: &str, file: &str) -> Self {
        let folder = root.join(group).join(name);
        let beside = |extension: &str| folder.join(format!("{file}.{extension}"));
        Self {
            stamp: beside("sha256"),
            local_stamp: beside("local.sha256"),
            partial: beside("partial"),
            work: beside("pip"),
            file: folder.join(file),
            lock: root
                .join("locks")
                .join(format!("{group}-{name}-{file}.lock")),
            folder,
        }
    }
}

/// Turns a failed file operation into something a person can act on.
pub(super) fn file_error(action: &str, path: &Path, error: io::Error) -> Error {
    use io::ErrorKind as Kind;
    let (what, help) = match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => (
            "there is no room left".to_owned(),
            "free some space, or choose another folder with CATENA_CACHE_DIR; what was fetched is kept",
        ),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => (
            "that is not permitted".to_owned(),
            "change the folder's permissions, or choose another one with CATENA_CACHE_DIR",
        ),
        _ => (
            error.to_string(),
            "check the folder, or choose another one with CATENA_CACHE_DIR",
        ),
    };
    Error::other(format!("could not {action} {}: {what}", path.display()))
        .with_help(help)
        .with_source(error)
}

/// Creates `folder` and those above it.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| file_error("create", folder, error))
}

/// Removes a file or folder; that there is none is fine.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(pairs: &[(&str, &str)], home: Option<&str>) -> Result<PathBuf> {
        let variable = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Store::from_variables(variable, home.map(PathBuf::from)).map(|store| store.root)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_nearest_variable_wins() {
        let all = [("CATENA_CACHE_DIR", "/mine"), ("XDG_CACHE_HOME", "/xdg")];
        assert_eq!(
            root(&all, Some("/users/u")).unwrap(),
            PathBuf::from("/mine")
        );
        assert_eq!(
            root(&all[1..], Some("/users/u")).unwrap(),
            PathBuf::from("/xdg/catena")
        );
        let relative = [("XDG_CACHE_HOME", "xdg"), ("CATENA_CACHE_DIR", "")];
        assert_eq!(
            root(&relative, Some("/users/u")).unwrap(),
            PathBuf::from("/users/u/.cache/catena")
        );
    }

    #[test]
    fn without_a_home_the_error_names_the_variable() {
        let error = root(&[], None).unwrap_err();
        assert!(error.help().unwrap().contains("CATENA_CACHE_DIR"));
    }

    #[test]
    fn a_full_disk_and_a_forbidden_folder_say_what_to_do() {
        let error = |kind| file_error("write", Path::new("/x"), io::Error::from(kind));
        let full = error(io::ErrorKind::StorageFull);
        assert_eq!(
            full.to_string(),
            "could not write /x: there is no room left"
        );
        assert!(full.help().unwrap().contains("free some space"));
        let denied = error(io::ErrorKind::PermissionDenied);
        assert_eq!(
            denied.to_string(),
            "could not write /x: that is not permitted"
        );
        assert!(denied.help().unwrap().contains("CATENA_CACHE_DIR"));
    }
}
