//! The system calls that neither `std` nor `rustix` wraps: the only unsafe code of the crate.
//!
//! Everything here but [`spawn`] may be called between clone and exec, and is called there: it
//! allocates nothing, takes no lock and touches no state of the C library but `errno`.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_char},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use rustix::io::{Errno, Result};

/// `CLONE_CLEAR_SIGHAND`, which does not fit the type that `libc` has for it.
const CLEAR_SIGHAND: u64 = 1 << 32;

/// What a process did until it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) pid: i32,
    /// As `wait4` gives it.
    pub(super) status: i32,
}

fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result == -1 {
        Err(errno())
    } else {
        Ok(result)
    }
}

fn errno() -> Errno {
    // SAFETY: the pointer is to this thread's `errno`.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// Starts a process that runs `child` of `plan` in new namespaces, with no signal handlers; gives its id and
/// a descriptor of it. It sends no signal to its parent when it ends.
///
/// `child` runs in a copy of a process that may have had other threads: it must not allocate, lock
/// or panic.
pub(super) fn spawn<P>(namespaces: u64, child: fn(&P) -> !, plan: &P) -> Result<(i32, OwnedFd)> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all zeros is a valid value of this struct of integers.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = namespaces | libc::CLONE_PIDFD as u64 | CLEAR_SIGHAND;
    args.pidfd = ptr::from_mut(&mut pidfd) as u64;
    // SAFETY: without CLONE_VM the child has a copy of this memory and returns here on its own
    // stack; the kernel writes one descriptor to `pidfd`, which outlives the call.
    let pid = check(unsafe {
        libc::syscall(
            libc::SYS_clone3,
            ptr::from_mut(&mut args),
            size_of::<libc::clone_args>(),
        )
    })?;
    if pid == 0 {
        child(plan)
    }
    // SAFETY: the kernel has just opened this descriptor for us, and no one else knows of it.
    Ok((pid as i32, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// `fork`, without the handlers that the C library would run. 0 in the child.
pub(super) fn fork() -> Result<i32> {
    // SAFETY: no shared memory and no new stack: the same as fork. The order of the arguments
    // differs between architectures; all but the first are zero.
    check(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) })
        .map(|pid| pid as i32)
}

/// Ends this process at once.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: runs no handlers and does not return.
    unsafe { libc::_exit(code) }
}

/// Replaces this process; returns only if it cannot.
///
/// `argv` and `envp` are ended by null pointers.
pub(super) fn exec(path: &CStr, argv: &Pointers, envp: &Pointers) -> Errno {
    // SAFETY: `Pointers` are null-terminated arrays of C strings that live as long as they do.
    unsafe {
        libc::execve(
            path.as_ptr(),
            argv.pointers.as_ptr(),
            envp.pointers.as_ptr(),
        )
    };
    errno()
}

/// A null-terminated array of C strings, as `execve` takes it.
#[derive(Debug)]
pub(super) struct Pointers {
    pointers: Vec<*const c_char>,
    _strings: Vec<std::ffi::CString>,
}

impl Pointers {
    pub(super) fn new(strings: Vec<std::ffi::CString>) -> Self {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        Self {
            pointers,
            _strings: strings,
        }
    }
}

// What is about mounts `rustix` wraps too, behind a feature that nothing else in the workspace asks for:
// with it, everything that uses `rustix` would be built a second time, the engine included.

/// Mounts, or changes a mount, as `flags` (`MS_…`) say.
pub(super) fn mount(
    source: &CStr,
    target: &CStr,
    kind: &CStr,
    flags: libc::c_ulong,
    data: &CStr,
) -> Result<()> {
    // SAFETY: the strings outlive the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount,
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.as_ptr(),
        )
    })
    .map(drop)
}

/// Unmounts once nobody uses it any more.
pub(super) fn unmount(target: &CStr) -> Result<()> {
    // SAFETY: the string outlives the call.
    check(unsafe { libc::syscall(libc::SYS_umount2, target.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// A copy of the mount at `path`, or of that which `from` is of if it is empty; with those beneath it if
/// `recursive` is `AT_RECURSIVE`.
pub(super) fn open_tree(
    from: BorrowedFd<'_>,
    path: &CStr,
    recursive: libc::c_int,
) -> Result<OwnedFd> {
    /// `OPEN_TREE_CLONE` and `OPEN_TREE_CLOEXEC`.
    const COPY: libc::c_int = 1 | libc::O_CLOEXEC;
    // SAFETY: the string outlives the call.
    let tree = check(unsafe {
        libc::syscall(
            libc::SYS_open_tree,
            from.as_raw_fd(),
            path.as_ptr(),
            COPY | recursive | empty(path),
        )
    })?;
    // SAFETY: the kernel has just opened this descriptor for us, and no one else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(tree as RawFd) })
}

/// Mounts `tree` at `path`, or over `folder` itself if it is empty.
pub(super) fn move_mount(tree: BorrowedFd<'_>, folder: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    /// `MOVE_MOUNT_F_EMPTY_PATH` and `MOVE_MOUNT_T_EMPTY_PATH`.
    const FROM_EMPTY: libc::c_int = 0x4;
    const TO_EMPTY: libc::c_int = 0x40;
    let to = if path.is_empty() { TO_EMPTY } else { 0 };
    // SAFETY: both strings outlive the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            folder.as_raw_fd(),
            path.as_ptr(),
            FROM_EMPTY | to,
        )
    })
    .map(drop)
}

fn empty(path: &CStr) -> libc::c_int {
    if path.is_empty() {
        libc::AT_EMPTY_PATH
    } else {
        0
    }
}

/// Adds `attributes` (`MOUNT_ATTR_…`) to the mount of `tree`, and to those beneath it if `recursive`.
pub(super) fn restrict_mount(tree: BorrowedFd<'_>, attributes: u64, recursive: bool) -> Result<()> {
    // SAFETY: all zeros is a valid value of this struct of integers.
    let mut change: libc::mount_attr = unsafe { std::mem::zeroed() };
    change.attr_set = attributes;
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the struct and the empty path outlive the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(&change),
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// The version of landlock that the kernel has.
pub(super) fn landlock_version() -> Result<i32> {
    // SAFETY: with this flag the kernel reads nothing and answers with a number.
    check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0, 1) })
        .map(|version| version as i32)
}

/// Allows `access` to what is beneath `parent`.
pub(super) fn landlock_allow(
    ruleset: BorrowedFd<'_>,
    parent: BorrowedFd<'_>,
    access: u64,
) -> Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        access: u64,
        parent: i32,
    }
    let rule = PathBeneath {
        access,
        parent: parent.as_raw_fd(),
    };
    // SAFETY: the kernel reads the struct, which is laid out as it documents, during the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            1,
            ptr::from_ref(&rule),
            0,
        )
    })
    .map(drop)
}

/// Binds this process to `ruleset`, for good.
pub(super) fn landlock_restrict(ruleset: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })
        .map(drop)
}

/// Binds this process to a filter of system calls, for good.
pub(super) fn filter(program: &[libc::sock_filter]) -> Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, of the length that is given, during the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            ptr::from_ref(&program),
        )
    })
    .map(drop)
}

/// Makes `number` a copy of the descriptor `from`; closed on exec if `private`.
pub(super) fn place(from: RawFd, number: RawFd, private: bool) -> Result<()> {
    let flags = if private { libc::O_CLOEXEC } else { 0 };
    // SAFETY: numbers are all that is passed. The caller is a process that will exec or exit and
    // keeps no owner of `number`.
    check(unsafe { libc::syscall(libc::SYS_dup3, from, number, flags) }).map(drop)
}

/// A copy of the descriptor `from`, at 16 or above.
pub(super) fn lift(from: RawFd) -> Result<RawFd> {
    // SAFETY: numbers are all that is passed.
    check(unsafe { libc::syscall(libc::SYS_fcntl, from, libc::F_DUPFD, 16) }).map(|fd| fd as RawFd)
}

/// Closes the descriptors from `first` to `last`.
pub(super) fn close_range(first: u32, last: u32) -> Result<()> {
    // SAFETY: the caller is a process that will exec or exit and uses none of them again.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}

/// A descriptor by its number, which [`place`] has put there.
pub(super) fn borrowed(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: only numbers that `place` filled are passed, and they stay open.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Gives every signal its default effect and unblocks all.
pub(super) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: the default disposition runs no code of ours. Signals that cannot be set are
        // refused, which is what we want of them.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: an empty set, which outlives the calls.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
    }
}

/// Waits for any child to end.
pub(super) fn wait_any() -> Result<Ended> {
    let mut status = 0;
    // SAFETY: the kernel writes one integer, which outlives the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_wait4,
            -1,
            ptr::from_mut(&mut status),
            0,
            ptr::null_mut::<u8>(),
        )
    })
    .map(|pid| Ended {
        pid: pid as i32,
        status,
    })
}

/// Waits for the process of `pidfd` and forgets it.
pub(super) fn reap(pidfd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: all zeros is a valid value; the kernel writes to it during the call.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above. __WALL, since the process sends no signal when it ends.
    check(unsafe {
        libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            pidfd.as_raw_fd(),
            ptr::from_mut(&mut info),
            libc::WEXITED | libc::__WALL,
            ptr::null_mut::<u8>(),
        )
    })
    .map(drop)
}

/// Processor time of the children that were waited for, in microseconds.
pub(super) fn children_cpu() -> u64 {
    // SAFETY: all zeros is a valid value; the kernel writes to it during the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let micros =
        |time: libc::timeval| (time.tv_sec as u64).saturating_mul(1_000_000) + time.tv_usec as u64;
    micros(usage.ru_utime).saturating_add(micros(usage.ru_stime))
}
