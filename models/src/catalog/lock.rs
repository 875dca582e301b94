//! One puller at a time, over all processes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use catena_core::Result;

use super::store::{create_folder, file_error};

/// How long a waiting puller sleeps before it looks again.
const PAUSE: Duration = Duration::from_millis(100);

/// Holds a lock file; dropping it lets the next one in, as does the death of the process.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock if it is free; `None` if another holds it.
    pub(super) fn try_acquire(path: &Path) -> Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| file_error("open", path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(file_error("lock", path, error)),
        }
    }

    /// Takes the lock, calling `waiting` once if another holds it.
    ///
    /// It polls: a thread blocked in the system's lock call could not be cancelled and would keep
    /// the runtime from shutting down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes no lock.
    pub(super) async fn acquire(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let mut waiting = Some(waiting);
        loop {
            if let Some(lock) = Self::try_acquire(path)? {
                return Ok(lock);
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/a.lock");
        let first = Lock::acquire(&path, || panic!("it was free"))
            .await
            .unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        let mut first = Some(first);
        let second = Lock::acquire(&path, || drop(first.take())).await.unwrap();
        drop(second);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
