//! The file system that a program sees, put together from pieces of the host's.
//!
//! This too runs between clone and exec; see [`launch`](super::launch).

use std::{
    ffi::{CStr, CString},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{self, CWD, Mode, OFlags, ResolveFlags},
    io::{self, Errno},
    process,
};

use super::{
    report::{At, Done, Step},
    sys,
};

/// Where the old root is seen while the new one is filled.
const OLD: &CStr = c".old";

/// A file system put together from pieces of the host's.
#[derive(Debug)]
pub(super) struct View {
    pub(super) trees: Vec<Tree>,
    /// Folders of the new root, parents first.
    pub(super) folders: Vec<CString>,
    /// Symbolic links: where they point, and where they are.
    pub(super) links: Vec<(CString, CString)>,
    pub(super) files: Vec<(CString, Vec<u8>)>,
    /// The host's path of the working folder, and its place.
    pub(super) folder: CString,
    pub(super) place: CString,
    /// Folders within the working folder that may not be renamed, parents first.
    pub(super) pinned: Vec<CString>,
    /// Files and folders within the working folder that may not be written to.
    pub(super) protected: Vec<CString>,
    /// Options of the file systems in memory at `tmp` and `dev/shm`.
    pub(super) tmp: CString,
    pub(super) shm: CString,
}

/// A file or folder of the host that can be read at the same path.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) source: CString,
    /// `source` without the leading slash.
    pub(super) target: CString,
    pub(super) is_folder: bool,
    /// A node of a device: it stays one.
    pub(super) is_device: bool,
}

fn tree(from: BorrowedFd<'_>, path: &CStr, recursive: bool) -> io::Result<OwnedFd> {
    let recursive = if recursive { libc::AT_RECURSIVE } else { 0 };
    sys::open_tree(from, path, recursive)
}

fn attach(tree: &OwnedFd, folder: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    sys::move_mount(tree.as_fd(), folder, path)
}

const RESTRICTED: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
const FROZEN: u64 = RESTRICTED | libc::MOUNT_ATTR_RDONLY;

/// Puts the new root together and goes to live in it.
pub(super) fn build(view: &View) -> Done {
    let private = libc::MS_PRIVATE | libc::MS_REC;
    sys::mount(c"", c"/", c"", private, c"").at(Step::Propagation, 0)?;
    // Over some folder that exists: it is uncovered again when the new root becomes the root.
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount(
        c"tmpfs",
        c"/usr",
        c"tmpfs",
        flags,
        c"mode=755,size=1m,nr_inodes=4k",
    )
    .at(Step::Root, 0)?;
    process::chdir(c"/usr").at(Step::Root, 1)?;
    fs::mkdirat(CWD, OLD, Mode::RWXU).at(Step::Root, 2)?;
    process::pivot_root(c".", OLD).at(Step::Pivot, 0)?;
    process::chdir(c"/").at(Step::Pivot, 1)?;
    fill(view)?;
    sys::unmount(OLD).at(Step::Pivot, 2)?;
    fs::unlinkat(CWD, OLD, fs::AtFlags::REMOVEDIR).at(Step::Pivot, 3)?;
    let root = open_path(CWD, c"/").at(Step::Root, 3)?;
    sys::restrict_mount(root.as_fd(), FROZEN, false).at(Step::Root, 4)
}

/// Fills the new root, from which the old one is seen at [`OLD`].
fn fill(view: &View) -> Done {
    let writable = Mode::from_raw_mode(0o1777);
    let readable = Mode::from_raw_mode(0o755);
    for (path, mode) in [
        (c"tmp", writable),
        (c"proc", readable),
        (c"dev", readable),
        (c"dev/shm", writable),
        (c"etc", readable),
    ] {
        fs::mkdirat(CWD, path, mode).at(Step::Root, 5)?;
    }
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount(c"tmpfs", c"tmp", c"tmpfs", flags, view.tmp.as_c_str()).at(Step::Root, 6)?;
    sys::mount(c"tmpfs", c"dev/shm", c"tmpfs", flags, view.shm.as_c_str()).at(Step::Root, 7)?;
    // Only what is about processes: no /proc/sys, no /proc/sysrq-trigger, no /proc/kcore.
    let flags = flags | libc::MS_NOEXEC;
    sys::mount(c"proc", c"proc", c"proc", flags, c"subset=pid").at(Step::Proc, 0)?;

    for (index, path) in view.folders.iter().enumerate() {
        match fs::mkdirat(CWD, path, readable) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err((Step::Attach, index as u32, errno)),
        }
    }
    for (index, (to, at)) in view.links.iter().enumerate() {
        fs::symlinkat(to, CWD, at).at(Step::Attach, index)?;
    }
    for (index, (path, content)) in view.files.iter().enumerate() {
        let file = create(path).at(Step::Attach, index)?;
        io::write(&file, content).at(Step::Attach, index)?;
    }
    for (index, piece) in view.trees.iter().enumerate() {
        let tree = tree(CWD, &piece.source, true).at(Step::Tree, index)?;
        let attributes = if piece.is_device {
            libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC
        } else {
            FROZEN
        };
        sys::restrict_mount(tree.as_fd(), attributes, true).at(Step::Tree, index)?;
        if piece.is_folder {
            match fs::mkdirat(CWD, &piece.target, readable) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err((Step::Attach, index as u32, errno)),
            }
        } else {
            match create(&piece.target) {
                Ok(_) | Err(Errno::EXIST) => {}
                Err(errno) => return Err((Step::Attach, index as u32, errno)),
            }
        }
        attach(&tree, CWD, &piece.target).at(Step::Attach, index)?;
    }
    work(view)
}

fn create(path: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::from_raw_mode(0o644))
}

pub(super) fn open_path(folder: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
    fs::openat(folder, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

/// The working folder, and what may not be changed in it.
fn work(view: &View) -> Done {
    let folder = tree(CWD, &view.folder, true).at(Step::Folder, 0)?;
    sys::restrict_mount(folder.as_fd(), RESTRICTED, true).at(Step::Folder, 1)?;
    attach(&folder, CWD, &view.place).at(Step::Folder, 2)?;
    // What is mounted on cannot be renamed, removed or replaced. Each path is looked up from the
    // top again, through what was mounted before.
    for (index, path) in view.pinned.iter().enumerate() {
        let place = within(view, path).at(Step::Protect, index)?;
        let copy = tree(place.as_fd(), c"", true).at(Step::Protect, index)?;
        attach(&copy, place.as_fd(), c"").at(Step::Protect, index)?;
    }
    for (index, path) in view.protected.iter().enumerate() {
        let index = view.pinned.len() + index;
        let place = within(view, path).at(Step::Protect, index)?;
        let copy = tree(place.as_fd(), c"", true).at(Step::Protect, index)?;
        sys::restrict_mount(copy.as_fd(), FROZEN, true).at(Step::Protect, index)?;
        attach(&copy, place.as_fd(), c"").at(Step::Protect, index)?;
    }
    Ok(())
}

/// Something in the working folder, over no symbolic link: an earlier run may have left one there.
fn within(view: &View, path: &CStr) -> io::Result<OwnedFd> {
    let folder = open_path(CWD, &view.place)?;
    fs::openat2(
        &folder,
        path,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
    )
}
