//! A file that is not complete yet, and the checksum of what there is of it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::Arc,
};

use catena_core::{Error, Result};
use sha2::{Digest, Sha256};

use super::{
    Checksum, GgufInfo, PipPart,
    background::Meter,
    checksum::BLOCK,
    lock::Lock,
    stamp::Stamp,
    store::{Slot, create_folder, file_error},
};

/// The beginning of a model's file, on disk and hashed.
///
/// It owns the lock: while anything can still write to the file, nobody else can.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    len: u64,
    _lock: Arc<Lock>,
}

/// What makes a finished file the right one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Its size in bytes, if known.
    pub(super) size: Option<u64>,
    /// Its SHA-256, if known; a file without one is checked by its size and its GGUF header.
    pub(super) sha256: Option<Checksum>,
}

/// How a complete file can be wrong.
pub(super) enum Unfinished {
    /// It is not the file that was promised; it has been deleted.
    Wrong(String),
    /// It could not be put in its place.
    Failed(Error),
}

impl Partial {
    /// Opens what an earlier pull left, and hashes it. Blocks.
    pub(super) fn open(slot: &Slot, lock: Arc<Lock>, meter: &Meter) -> Result<Self> {
        let mut partial = Self::open_unread(slot, lock)?;
        let on_disk = partial.file.metadata().map_or(0, |metadata| metadata.len());
        partial
            .absorb(on_disk, meter)
            .map_err(|error| file_error("read", &partial.path, error))?;
        Ok(partial)
    }

    /// Opens what an earlier pull left, cut after the last whole and right one of `parts`, and says
    /// how many those are. Blocks.
    pub(super) fn open_parts(
        slot: &Slot,
        lock: Arc<Lock>,
        parts: &[PipPart],
        meter: &Meter,
    ) -> Result<(Self, usize)> {
        let mut partial = Self::open_unread(slot, lock)?;
        let mut whole = 0;
        for part in parts {
            let before = partial.mark();
            let sha256 = partial
                .absorb(part.size, meter)
                .map_err(|error| file_error("read", &partial.path, error))?;
            if partial.len != before.len + part.size || sha256 != part.sha256 {
                partial.reset(before)?;
                return Ok((partial, whole));
            }
            whole += 1;
        }
        let end = partial.mark();
        partial.reset(end)?;
        Ok((partial, whole))
    }

    fn open_unread(slot: &Slot, lock: Arc<Lock>) -> Result<Self> {
        create_folder(&slot.folder)?;
        let path = slot.partial.clone();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| file_error("open", &path, error))?;
        Ok(Self {
            path,
            file,
            hasher: Sha256::new(),
            len: 0,
            _lock: lock,
        })
    }

    /// Reads at most `limit` further bytes that are on disk already; gives their own checksum.
    fn absorb(&mut self, limit: u64, meter: &Meter) -> io::Result<Checksum> {
        let mut own = Sha256::new();
        let mut block = vec![0; BLOCK];
        let mut rest = (&mut self.file).take(limit);
        loop {
            let read = rest.read(&mut block)?;
            let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Ok(Checksum::finish(own));
            };
            own.update(bytes);
            self.hasher.update(bytes);
            self.len += read as u64;
            meter.advance(read as u64)?;
        }
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| file_error("write", &self.path, error))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// A point to which [`reset`](Self::reset) can return.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            hasher: self.hasher.clone(),
            len: self.len,
        }
    }

    /// Forgets what came after `mark`.
    pub(super) fn reset(&mut self, mark: Mark) -> Result<()> {
        let cut = |mut file: &File| {
            if file.metadata()?.len() > mark.len {
                file.set_len(mark.len)?;
            }
            file.seek(SeekFrom::Start(mark.len))
        };
        cut(&self.file).map_err(|error| file_error("shorten", &self.path, error))?;
        self.hasher = mark.hasher;
        self.len = mark.len;
        Ok(())
    }

    /// Forgets everything.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.reset(Mark {
            hasher: Sha256::new(),
            len: 0,
        })
    }

    /// Makes what there is survive a power cut.
    pub(super) fn sync(&self) -> Result<()> {
        self.file
            .sync_all()
            .map_err(|error| file_error("write", &self.path, error))
    }

    /// Checks the complete file and moves it to its place. Blocks.
    pub(super) fn finish(self, slot: &Slot, expected: Expected) -> Result<(), Unfinished> {
        let Self {
            path,
            file,
            hasher,
            len,
            _lock,
        } = self;
        let actual = Checksum::finish(hasher);
        let wrong = if expected.size.is_some_and(|size| size != len) {
            let size = expected.size.unwrap_or_default();
            Some(format!("the file has {len} bytes; {size} were expected"))
        } else if let Some(sha256) = expected.sha256 {
            (sha256 != actual)
                .then(|| format!("the SHA-256 of the file is {actual}; {sha256} was expected"))
        } else {
            GgufInfo::read(&path).err().map(|error| error.to_string())
        };
        if let Some(wrong) = wrong {
            drop(file);
            return Err(match fs::remove_file(&path) {
                Ok(()) => Unfinished::Wrong(wrong),
                Err(error) => Unfinished::Failed(file_error("remove", &path, error)),
            });
        }
        file.sync_all()
            .map_err(|error| Unfinished::Failed(file_error("write", &path, error)))?;
        drop(file);
        fs::rename(&path, &slot.file)
            .map_err(|error| Unfinished::Failed(file_error("create", &slot.file, error)))?;
        // The rename itself must reach the disk too; where folders cannot be synced this does nothing.
        if let Ok(folder) = File::open(&slot.folder) {
            let _ = folder.sync_all();
        }
        if let Some(stamp) = Stamp::of(&slot.file, actual) {
            stamp.write(&slot.stamp);
        }
        Ok(())
    }
}

/// See [`Partial::mark`].
pub(super) struct Mark {
    hasher: Sha256,
    len: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Store;

    fn part(bytes: &[u8]) -> PipPart {
        toml::from_str(&format!(
            "package = 'p'\nversion = '1'\nmember = 'm'\nsize = {}\nsha256 = '{}'",
            bytes.len(),
            Checksum::of(bytes)
        ))
        .unwrap()
    }

    /// How many of the parts `abc`, `def`, `g` are kept of a file that holds `bytes`.
    fn kept(bytes: &[u8]) -> (usize, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let hub = crate::catalog::HubFile::parse("o/r/f.gguf").unwrap();
        let slot = Store::new(folder.path()).hub_slot(&hub);
        create_folder(&slot.folder).unwrap();
        fs::write(&slot.partial, bytes).unwrap();
        let lock = Arc::new(Lock::try_acquire(&slot.lock).unwrap().unwrap());
        let parts = [part(b"abc"), part(b"def"), part(b"g")];
        let (mut partial, whole) =
            Partial::open_parts(&slot, lock, &parts, &Meter::default()).unwrap();
        partial.append(b"!").unwrap();
        assert_eq!(
            Checksum::finish(partial.hasher.clone()),
            Checksum::of(&fs::read(&slot.partial).unwrap())
        );
        (whole, fs::read(&slot.partial).unwrap())
    }

    #[test]
    fn only_whole_and_right_parts_are_kept() {
        assert_eq!(kept(b""), (0, b"!".to_vec()));
        assert_eq!(kept(b"ab"), (0, b"!".to_vec()));
        assert_eq!(kept(b"abcde"), (1, b"abc!".to_vec()));
        assert_eq!(kept(b"abcXef"), (1, b"abc!".to_vec()));
        assert_eq!(kept(b"abcdef"), (2, b"abcdef!".to_vec()));
        assert_eq!(kept(b"abcdefg and more"), (3, b"abcdefg!".to_vec()));
    }
}
