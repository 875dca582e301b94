//! What a tree of processes and a folder take.

use std::{
    collections::HashSet,
    fs,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// A folder deeper than this is not looked into: it is over any limit.
const DEPTH: usize = 64;

/// What the processes take together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Bytes of memory that no file backs.
    pub(super) memory: u64,
    /// Processor time, with that of processes that have ended.
    pub(super) cpu: Duration,
    /// Bytes of files that have no name any more and are open or mapped.
    pub(super) unnamed: u64,
}

/// Whether this system lists the children of a process.
pub(super) fn lists_children() -> bool {
    Path::new("/proc/thread-self/children").exists()
}

/// Measures the tree beneath `root`; the memory of `root` itself, which is shared with us, is not
/// counted. A mapped file without a name counts `file_size` bytes, since how much of it there is
/// cannot be seen.
pub(super) fn processes(root: i32, file_size: u64) -> Taken {
    let mut taken = Taken::default();
    let mut ticks = 0;
    let mut files = HashSet::new();
    let mut left = vec![root];
    while let Some(pid) = left.pop() {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        ticks += cpu_ticks(&proc).unwrap_or(0);
        if pid != root {
            taken.memory = taken.memory.saturating_add(memory(&proc));
            taken.unnamed = taken
                .unnamed
                .saturating_add(unnamed(&proc, &mut files, file_size));
        }
        let Ok(tasks) = fs::read_dir(proc.join("task")) else {
            continue;
        };
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            left.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<i32>().ok()),
            );
        }
    }
    // The unit of these counts is 10 ms on every architecture that we know.
    taken.cpu = Duration::from_millis(ticks * 10);
    taken
}

/// utime, stime, cutime and cstime.
fn cpu_ticks(proc: &Path) -> Option<u64> {
    let stat = fs::read_to_string(proc.join("stat")).ok()?;
    // The name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let counts = fields.split_whitespace().skip(11).take(4);
    Some(counts.filter_map(|count| count.parse::<u64>().ok()).sum())
}

fn memory(proc: &Path) -> u64 {
    let status = fs::read_to_string(proc.join("status")).unwrap_or_default();
    let kib = |key: &str| {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(key)?
                    .split_whitespace()
                    .next()?
                    .parse::<u64>()
                    .ok()
            })
            .unwrap_or(0)
    };
    (kib("RssAnon:") + kib("RssShmem:") + kib("VmPTE:")).saturating_mul(1024)
}

fn unnamed(proc: &Path, files: &mut HashSet<(u64, u64)>, file_size: u64) -> u64 {
    let mut bytes = 0_u64;
    if let Ok(descriptors) = fs::read_dir(proc.join("fd")) {
        for descriptor in descriptors.flatten() {
            let Ok(file) = fs::metadata(descriptor.path()) else {
                continue;
            };
            if file.is_file() && file.nlink() == 0 && files.insert((file.dev(), file.ino())) {
                bytes = bytes.saturating_add(file.blocks() * 512);
            }
        }
    }
    let maps = fs::read_to_string(proc.join("maps")).unwrap_or_default();
    for line in maps.lines().filter(|line| line.ends_with(" (deleted)")) {
        let mut fields = line.split_whitespace().skip(3);
        let (Some(device), Some(inode)) = (fields.next(), fields.next()) else {
            continue;
        };
        // Memory shared between processes looks like such a file, and counts as memory.
        let in_memory = fields.next().is_some_and(|name| {
            ["/dev/zero", "/dev/shm/", "/memfd:", "/SYSV", "/tmp/"]
                .iter()
                .any(|start| name.starts_with(start))
        });
        let key = device
            .split_once(':')
            .and_then(|(major, minor)| {
                let major = u32::from_str_radix(major, 16).ok()?;
                let minor = u32::from_str_radix(minor, 16).ok()?;
                Some(rustix::fs::makedev(major, minor))
            })
            .zip(inode.parse::<u64>().ok());
        if let Some(key) = key
            && !in_memory
            && files.insert(key)
        {
            bytes = bytes.saturating_add(file_size);
        }
    }
    bytes
}

/// Bytes that a folder takes on its disk, of each file at least 4 KiB; no link is followed, and the
/// walk ends when `limit` is passed.
pub(super) fn folder(folder: &OwnedFd, limit: u64) -> u64 {
    let mut total = 0;
    let mut seen = HashSet::new();
    walk(folder, limit, 0, &mut total, &mut seen);
    total
}

fn walk(
    folder: &OwnedFd,
    limit: u64,
    depth: usize,
    total: &mut u64,
    seen: &mut HashSet<(u64, u64)>,
) {
    use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
    if depth > DEPTH {
        *total = u64::MAX;
        return;
    }
    let Ok(entries) = Dir::read_from(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        if stat.st_nlink < 2 || seen.insert((stat.st_dev, stat.st_ino)) {
            *total = total.saturating_add((stat.st_blocks as u64 * 512).max(4096));
        }
        if *total > limit {
            return;
        }
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(inner) = openat(folder, name, flags, Mode::empty()) {
                walk(&inner, limit, depth + 1, total, seen);
            }
        }
    }
}
