//! Who executes what: a lock on a file of its own for each process that has a journal open, which
//! the operating system gives up when the process ends, however it ends.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Error, Result, RunId};

/// The runs that this journal executes, under the lock that says that it lives.
#[derive(Debug)]
pub(super) struct Claims {
    /// The name of this journal among those that have the file open.
    pub(super) owner: String,
    folder: PathBuf,
    /// Locked as long as this lives.
    _lock: File,
    held: Mutex<HashSet<RunId>>,
}

impl Claims {
    /// Takes a name and its lock, in a folder beside the journal at `path`.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>> {
        let mut folder = path.as_os_str().to_owned();
        folder.push(".live");
        let folder = PathBuf::from(folder);
        let owner = RunId::generate().to_string();
        let lock = create(&folder, &owner)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| {
                Error::journal(format!(
                    "the journal cannot be locked in {}: {error}",
                    folder.display()
                ))
                .with_help("name a journal on a disk that can lock files")
                .with_source(error)
            })?;
        Ok(Arc::new(Self {
            owner,
            folder,
            _lock: lock,
            held: Mutex::default(),
        }))
    }

    /// Whether `owner`, last to execute `run`, still does.
    pub(super) fn is_live(&self, run: &RunId, owner: &str) -> bool {
        if owner == self.owner {
            return self.held().contains(run);
        }
        let path = self.folder.join(owner);
        match File::open(&path) {
            Ok(file) if file.try_lock().is_ok() => {
                // Its process is gone, and names are never used again.
                let _ = fs::remove_file(path);
                false
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            // Locked; or not to be told, and then it is safer to think that it lives.
            _ => true,
        }
    }

    /// Notes that `run` is executed until the guard is dropped.
    pub(super) fn hold(self: &Arc<Self>, run: RunId) -> Held {
        self.held().insert(run.clone());
        Held {
            claims: Arc::clone(self),
            run,
        }
    }

    fn held(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates a file in a folder, which another journal that closes may take away meanwhile.
fn create(folder: &Path, owner: &str) -> io::Result<File> {
    let mut tries = 0;
    loop {
        let created = fs::create_dir_all(folder).and_then(|()| File::create(folder.join(owner)));
        match created {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists)
                    && tries < 100 =>
            {
                tries += 1;
            }
            created => return created,
        }
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(&self.owner));
        // Only the last one finds it empty.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A claim to a run.
pub(super) struct Held {
    claims: Arc<Claims>,
    run: RunId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.claims.held().remove(&self.run);
    }
}
