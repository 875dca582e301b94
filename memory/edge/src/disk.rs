//! Room on the disk. The library's files are mapped into memory and are mostly holes: where the disk has
//! no room for a page of one that is written, the system ends the process (SIGBUS), without an error.

use std::{fs, io, path::Path};

use catena_core::{Error, Result};

use crate::failure::failed;

/// What is wanted beside the holes, for files that grow, in bytes.
const SPARE: u64 = 4 * 1024 * 1024;

const HELP: &str = "make room on the disk, or use an exact index meanwhile, which takes none: what is \
                    remembered is kept in the archive, and told to this index later";

/// Checks that everything that may be written into the files of `folder` has room, and `more` bytes.
pub(crate) fn check_room(folder: &Path, more: u64) -> Result<()> {
    let measured = holes(folder).and_then(|holes| Ok((holes, fs4::available_space(folder)?)));
    let (holes, free) = measured.map_err(|error| failed(folder, "be measured", error))?;
    let needed = holes + SPARE + more;
    match free >= needed {
        true => Ok(()),
        false => Err(Error::unavailable(format!(
            "the vector index in {} needs {} MiB of the disk, and {} are free",
            folder.display(),
            needed.div_ceil(1 << 20),
            free >> 20
        ))
        .with_help(HELP)),
    }
}

/// Bytes of files that have no place on the disk yet.
fn holes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A file that is gone meanwhile has no holes.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        sum += match metadata.is_dir() {
            true => holes(&entry.path()).or_else(if_gone)?,
            false => metadata.len().saturating_sub(placed(&metadata)),
        };
    }
    Ok(sum)
}

pub(crate) fn if_gone(error: io::Error) -> io::Result<u64> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(0),
        _ => Err(error),
    }
}

#[cfg(unix)]
fn placed(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn placed(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    #[test]
    fn holes_have_to_have_room() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_room(folder.path(), 0).is_ok());
        let error = check_room(folder.path(), 1 << 60).unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("MiB of the disk"), "{error}");

        let mut file = fs::File::create(folder.path().join("mapped")).unwrap();
        file.set_len(1 << 40).unwrap();
        file.seek(SeekFrom::Start(1 << 20)).unwrap();
        file.write_all(&[1; 4096]).unwrap();
        let open = holes(folder.path()).unwrap();
        assert!(open > (1 << 40) - (1 << 20) && open < 1 << 40, "{open}");
        assert!(check_room(folder.path(), 0).is_err());
    }
}
