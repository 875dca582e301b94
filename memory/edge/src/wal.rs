//! Keeps the log of the library short.
//!
//! `qdrant-edge` 0.7.2 writes each change to a log first, 5 bytes a number, and neither replays the
//! log nor shortens it: it would soon be larger than all the points. Once the points themselves are
//! flushed the log is of no use, except that its numbering must go on, since a change with a number
//! below that of the point's last change is left out without a word.

use std::{
    fs,
    io::Result,
    path::{Path, PathBuf},
};

/// The size of the log files in `folder`, in bytes, but for those that get another name meanwhile.
pub(crate) fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        sum += entry?.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(sum)
}

/// Removes all finished files of the log in `folder` but the last, which holds the numbering. Nobody
/// may have the log open.
pub(crate) fn shorten(folder: &Path) -> Result<()> {
    let mut finished: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let first = name.and_then(|name| name.strip_prefix("closed-"));
        if let Some(first) = first.and_then(|number| number.parse().ok()) {
            finished.push((first, path));
        }
    }
    finished.sort();
    finished.pop();
    // The oldest first: whatever is left after a crash follows on without a gap.
    finished
        .iter()
        .try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_finished_file_and_the_open_one_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "closed-0",
            "closed-90",
            "closed-100",
            "open-7",
            "first-index",
        ] {
            fs::write(folder.path().join(name), "12345").unwrap();
        }
        assert_eq!(size(folder.path()).unwrap(), 25);
        shorten(folder.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["closed-100", "first-index", "open-7"]);
    }
}
