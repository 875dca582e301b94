//! A folder of entries that stays below a size.

use std::{
    fs::{self, File, FileTimes},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use catena_core::ChatResponse;

use super::entry;

const GIB: u64 = 1 << 30;

/// What an entry's name ends in.
const ENTRY: &str = "json";

/// What the name of a file that is being written ends in.
const UNFINISHED: &str = "new";

/// A file that is being written for longer than this was left by a crash.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Tells files apart that this process writes at the same time.
static WRITES: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    max_bytes: u64,
    /// The bytes in the folder as far as this process knows; `None` before it has looked. Held
    /// while entries are removed.
    bytes: Mutex<Option<u64>>,
}

/// A file in the folder.
struct Found {
    path: PathBuf,
    bytes: u64,
    /// When it was last asked for, or written.
    used: SystemTime,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            max_bytes: GIB,
            bytes: Mutex::new(None),
        }
    }

    pub(super) fn with_max_bytes(&self, max_bytes: u64) -> Self {
        Self {
            max_bytes,
            ..Self::new(self.folder.clone())
        }
    }

    /// The entry under `key`, which now is the last to go.
    pub(super) async fn read(self: &Arc<Self>, key: &str) -> Option<ChatResponse> {
        let (store, key) = (self.clone(), key.to_owned());
        let read = tokio::task::spawn_blocking(move || store.read_now(&key));
        read.await.ok().flatten()
    }

    fn read_now(&self, key: &str) -> Option<ChatResponse> {
        let path = self.path(key);
        let file = fs::read(&path).ok()?;
        let answer = entry::decode(key, &file);
        // Neither has to succeed: the entry goes a little early, or is found damaged once more.
        let _ = match answer {
            Some(_) => touch(&path),
            None => fs::remove_file(&path),
        };
        answer
    }

    /// Puts `answer` under `key`, and removes others until the folder is below its size.
    pub(super) async fn write(self: &Arc<Self>, key: &str, answer: ChatResponse) -> io::Result<()> {
        let (store, key) = (self.clone(), key.to_owned());
        let written = tokio::task::spawn_blocking(move || store.write_now(&key, &answer));
        written.await.map_err(io::Error::other)?
    }

    fn write_now(&self, key: &str, answer: &ChatResponse) -> io::Result<()> {
        let file = entry::encode(key, answer)?;
        let size = file.len() as u64;
        if size > self.max_bytes {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the answer is larger than the cache",
            ));
        }
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let number = WRITES.fetch_add(1, Ordering::Relaxed);
        let new = path.with_extension(format!("{}-{number}.{UNFINISHED}", std::process::id()));
        let placed = write_all(&new, &file).and_then(|()| self.place(&new, &path, size));
        if placed.is_err() {
            let _ = fs::remove_file(&new);
        }
        placed
    }

    /// Moves a finished file to its place, where room is made for it first.
    fn place(&self, new: &Path, path: &Path, size: u64) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match *bytes {
            Some(known) => known,
            None => self.found()?.iter().map(|found| found.bytes).sum(),
        };
        let before = fs::metadata(path).map_or(0, |old| old.len());
        let after = known.saturating_sub(before) + size;
        let after = if after > self.max_bytes {
            self.make_room(path, size)? + size
        } else {
            after
        };
        fs::rename(new, path)?;
        *bytes = Some(after);
        Ok(())
    }

    /// Removes the entries that were not asked for the longest, until `size` more bytes leave a
    /// tenth free: looking through the folder must not be needed for each write. Gives the bytes
    /// that are left, without the entry at `except`, which is about to be replaced.
    fn make_room(&self, except: &Path, size: u64) -> io::Result<u64> {
        let mut found = self.found()?;
        found.retain(|found| found.path != except);
        found.sort_by_key(|found| found.used);
        let mut left: u64 = found.iter().map(|found| found.bytes).sum();
        let room = (self.max_bytes / 10 * 9).max(size) - size;
        for oldest in found {
            if left <= room {
                break;
            }
            match fs::remove_file(&oldest.path) {
                // Another process was faster.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => left -= oldest.bytes,
            }
        }
        Ok(left)
    }

    /// The entries in the folder. What a crash left is removed on the way.
    fn found(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for part in entries(&self.folder)? {
            for file in entries(&part)? {
                // One that is gone by now is not in the folder.
                let Ok(metadata) = fs::metadata(&file) else {
                    continue;
                };
                let used = metadata.modified()?;
                let is = |end: &str| file.extension().is_some_and(|extension| extension == end);
                if is(ENTRY) {
                    found.push(Found {
                        path: file,
                        bytes: metadata.len(),
                        used,
                    });
                } else if is(UNFINISHED) && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                    fs::remove_file(&file)?;
                }
            }
        }
        Ok(found)
    }

    /// Two levels: a folder with a million files is slow on some systems.
    fn path(&self, key: &str) -> PathBuf {
        let part = key.get(..2).unwrap_or(key);
        self.folder.join(part).join(format!("{key}.{ENTRY}"))
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        // A file among the folders is none of ours.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn write_all(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    // Not synced: what a power cut leaves in part is found damaged by its checksum.
    file.set_times(now())
}

fn touch(path: &Path) -> io::Result<()> {
    File::options().append(true).open(path)?.set_times(now())
}

/// The system's own times of modification have steps of several milliseconds.
fn now() -> FileTimes {
    FileTimes::new().set_modified(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use catena_core::Usage;

    use super::*;

    fn answer(size: usize) -> ChatResponse {
        ChatResponse::new("x".repeat(size), Usage::call(1, 1))
    }

    fn store(folder: &Path, max_bytes: u64) -> Arc<Store> {
        Arc::new(Store::new(folder.to_owned()).with_max_bytes(max_bytes))
    }

    fn key(number: u32) -> String {
        format!("{number:064x}").chars().rev().collect()
    }

    fn on_disk(store: &Store) -> u64 {
        store.found().unwrap().iter().map(|found| found.bytes).sum()
    }

    #[tokio::test]
    async fn the_folder_stays_below_its_size_and_the_least_used_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 20_000);
        for number in 0..100 {
            store.write(&key(number), answer(900)).await.unwrap();
            assert!(on_disk(&store) <= 20_000, "after {number}");
            // The first is asked for again and again.
            assert!(store.read(&key(0)).await.is_some(), "after {number}");
        }
        assert!(store.read(&key(99)).await.is_some());
        assert!(store.read(&key(50)).await.is_none());
        let kept = store.found().unwrap().len();
        assert!(kept >= 10, "{kept}");
    }

    #[tokio::test]
    async fn another_process_finds_what_is_there_and_keeps_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path(), 100_000);
        for number in 0..20 {
            first.write(&key(number), answer(900)).await.unwrap();
        }
        let second = store(folder.path(), 10_000);
        assert!(second.read(&key(7)).await.is_some());
        second.write(&key(20), answer(900)).await.unwrap();
        assert!(on_disk(&second) <= 10_000);
        assert!(second.read(&key(7)).await.is_some());
        assert!(second.read(&key(20)).await.is_some());
    }

    #[tokio::test]
    async fn an_entry_is_replaced_and_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 5_000);
        for size in [900, 4_000, 900, 4_000] {
            store.write(&key(1), answer(size)).await.unwrap();
            assert_eq!(store.read(&key(1)).await, Some(answer(size)));
            assert_eq!(*store.bytes.lock().unwrap(), Some(on_disk(&store)));
        }
        let error = store.write(&key(2), answer(6_000)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(store.read(&key(1)).await.is_some());
    }

    #[tokio::test]
    async fn what_a_crash_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("00");
        fs::create_dir(&part).unwrap();
        for (name, hours) in [("old.new", 2), ("fresh.new", 0), ("other.txt", 2)] {
            let file = File::create(part.join(name)).unwrap();
            let time = SystemTime::now() - Duration::from_secs(3600 * hours);
            file.set_modified(time).unwrap();
        }
        fs::write(folder.path().join("notes"), "not ours").unwrap();
        let store = store(folder.path(), 5_000);
        store.write(&key(1), answer(9)).await.unwrap();
        let left = |name: &str| part.join(name).exists();
        assert!(!left("old.new") && left("fresh.new") && left("other.txt"));
    }

    #[tokio::test]
    async fn a_damaged_file_is_absent_and_then_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 5_000);
        store.write(&key(1), answer(9)).await.unwrap();
        let path = store.path(&key(1));
        fs::write(&path, "{}").unwrap();
        assert_eq!(store.read(&key(1)).await, None);
        assert!(!path.exists());
    }
}
