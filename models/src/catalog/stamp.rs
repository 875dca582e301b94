//! The note beside a verified file that spares hashing it again at every start.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use super::Checksum;

/// A checksum, and the state of the file for which it was computed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) sha256: Checksum,
    size: u64,
    /// Nanoseconds since 1970; TOML integers end in the year 2262.
    modified: i64,
    path: PathBuf,
}

impl Stamp {
    /// The stamp of `file` as it is now; `None` if it cannot be examined.
    pub(super) fn of(file: &Path, sha256: Checksum) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        let since_1970 = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            sha256,
            size: metadata.len(),
            modified: i64::try_from(since_1970.as_nanos()).ok()?,
            path: file.to_owned(),
        })
    }

    /// Reads the stamp kept at `at`; an unreadable one is as good as none.
    pub(super) fn read(at: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(at).ok()?).ok()
    }

    /// Whether `file` is still what it was.
    pub(super) fn holds_for(&self, file: &Path) -> bool {
        Self::of(file, self.sha256).as_ref() == Some(self)
    }

    /// Keeps the stamp at `at`. Failing to is no failure of the pull: the file is hashed again next time.
    pub(super) fn write(&self, at: &Path) {
        let Ok(text) = toml::to_string(self) else {
            return;
        };
        let temporary = at.with_extension("sha256.new");
        if fs::write(&temporary, text).is_ok() {
            let _ = fs::rename(&temporary, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn it_holds_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (file, at) = (
            folder.path().join("m.gguf"),
            folder.path().join("m.gguf.sha256"),
        );
        fs::write(&file, b"weights").unwrap();
        Stamp::of(&file, Checksum::of(b"weights"))
            .unwrap()
            .write(&at);
        let stamp = Stamp::read(&at).unwrap();
        assert!(stamp.holds_for(&file));

        let open = fs::File::options().write(true).open(&file).unwrap();
        open.set_modified(SystemTime::now() + Duration::from_secs(5))
            .unwrap();
        assert!(!stamp.holds_for(&file), "the time changed");
        let other = folder.path().join("other.gguf");
        fs::write(&other, b"weights").unwrap();
        assert!(!stamp.holds_for(&other), "it is another file");
        fs::remove_file(&file).unwrap();
        assert!(!stamp.holds_for(&file), "the file is gone");
    }

    #[test]
    fn rubbish_is_no_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("m.gguf.sha256");
        assert_eq!(Stamp::read(&at), None);
        fs::write(&at, b"\xff\xfe").unwrap();
        assert_eq!(Stamp::read(&at), None);
        fs::write(&at, "sha256 = 'short'").unwrap();
        assert_eq!(Stamp::read(&at), None);
    }
}
