//! What is measured, and how it is told.

use std::{fs, io, path::Path, time::Duration};

use catena_core::Error;

/// The median of times and the time that one in a hundred is longer than.
pub(crate) fn tell(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| {
        let time = times.get(times.len() * share / 100).copied();
        time.unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!("{what:<10} p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

/// MiB of the process that are in memory, of a kind as Linux names it; 0 where the system does not say.
pub(crate) fn in_memory(kind: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(kind));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

/// The bytes on disk of a file, or of all files in a folder: of a sparse file those that it has.
pub(crate) fn size(path: &Path) -> u64 {
    let Ok(found) = fs::metadata(path) else {
        return 0;
    };
    if !found.is_dir() {
        return placed(&found);
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

#[cfg(unix)]
fn placed(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}

#[cfg(not(unix))]
fn placed(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

pub(crate) fn failed(what: &str, error: io::Error) -> Error {
    Error::other(format!("{what}: {error}")).with_source(error)
}
