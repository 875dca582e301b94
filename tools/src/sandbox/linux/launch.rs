//! From a copy of this process to the program in its sandbox.
//!
//! Two processes: `init`, the first of the new process namespace, sees the folders put together,
//! starts the program, reaps what the program leaves behind and reports how it ended. When `init`
//! ends, the kernel ends everything else in the namespace, daemons included.
//!
//! All of this runs between clone and exec: nothing here allocates, locks or panics. What it needs
//! is prepared in a [`Plan`].

use std::{
    convert::Infallible,
    ffi::{CStr, CString},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{self, CWD, Mode, OFlags, ResolveFlags},
    io::{self, Errno},
    process::{self, DumpableBehavior, Resource, Rlimit, Signal},
    thread::{self, CapabilitySet, CapabilitySets, Gid, Uid},
};

use super::sys;

/// Where the old root is seen while the new one is filled.
const OLD: &CStr = c".old";

/// Where `init` finds what it talks over: 0 to 2 are the program's own.
const REPORT: i32 = 3;
const RULESET: i32 = 4;
/// Held by the program until it is executed: its closing says that it was.
const STARTED: i32 = 5;

/// Everything that the child does, decided before there is one.
#[derive(Debug)]
pub(super) struct Plan {
    /// The view of the file system, if there are namespaces.
    pub(super) view: Option<View>,
    /// Whom the program runs as, where that is someone else.
    pub(super) user: Option<u32>,
    pub(super) limits: Vec<(Resource, u64, u64)>,
    pub(super) ruleset: Option<OwnedFd>,
    /// What the program may do beneath which path.
    pub(super) rules: Vec<(CString, u64)>,
    pub(super) filters: Vec<Vec<libc::sock_filter>>,
    /// Paths at which the program may be, in order.
    pub(super) candidates: Vec<CString>,
    pub(super) argv: sys::Pointers,
    pub(super) envp: sys::Pointers,
    pub(super) directory: CString,
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    /// One byte comes when the child may begin.
    pub(super) go: OwnedFd,
    pub(super) report: OwnedFd,
    /// Closed when the program is executed.
    pub(super) started: OwnedFd,
}

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

/// What failed in the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Step {
    Begin = 1,
    Groups,
    Propagation,
    Tree,
    Root,
    Attach,
    Proc,
    Folder,
    Protect,
    Pivot,
    Host,
    Fork,
    User,
    Directory,
    Limit,
    Privileges,
    Landlock,
    Rule,
    Seccomp,
    Exec,
}

impl Step {
    pub(super) fn of(number: u32) -> Option<Self> {
        const ALL: [Step; 20] = [
            Step::Begin,
            Step::Groups,
            Step::Propagation,
            Step::Tree,
            Step::Root,
            Step::Attach,
            Step::Proc,
            Step::Folder,
            Step::Protect,
            Step::Pivot,
            Step::Host,
            Step::Fork,
            Step::User,
            Step::Directory,
            Step::Limit,
            Step::Privileges,
            Step::Landlock,
            Step::Rule,
            Step::Seccomp,
            Step::Exec,
        ];
        ALL.into_iter().find(|step| *step as u32 == number)
    }
}

/// What the child reports; as bytes, 24 of them in one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// A step failed; `index` says at which of several things.
    Failed { step: u32, index: u32, errno: i32 },
    /// The program ended with this status of `wait`; processor time in microseconds.
    Ended { status: i32, cpu: u64 },
}

impl Report {
    pub(super) const SIZE: usize = 24;

    fn to_bytes(self) -> [u8; Self::SIZE] {
        let (kind, a, b, c) = match self {
            Self::Failed { step, index, errno } => (1_u32, step, index, errno as u64),
            Self::Ended { status, cpu } => (2, status as u32, 0, cpu),
        };
        let mut bytes = [0; Self::SIZE];
        let words = kind
            .to_ne_bytes()
            .into_iter()
            .chain(a.to_ne_bytes())
            .chain(b.to_ne_bytes())
            .chain(0_u32.to_ne_bytes())
            .chain(c.to_ne_bytes());
        for (to, from) in bytes.iter_mut().zip(words) {
            *to = from;
        }
        bytes
    }

    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let long = u64::from_ne_bytes(bytes.get(16..24)?.try_into().ok()?);
        match word(0)? {
            1 => Some(Self::Failed {
                step: word(4)?,
                index: word(8)?,
                errno: long as i32,
            }),
            2 => Some(Self::Ended {
                status: word(4)? as i32,
                cpu: long,
            }),
            _ => None,
        }
    }
}

type Done = Result<(), (Step, u32, Errno)>;

trait At<T> {
    fn at(self, step: Step, index: usize) -> Result<T, (Step, u32, Errno)>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: Step, index: usize) -> Result<T, (Step, u32, Errno)> {
        self.map_err(|errno| (step, index as u32, errno))
    }
}

fn report(report: Report) {
    // A report that no one reads any more needs no answer.
    let _ = io::write(sys::borrowed(REPORT), &report.to_bytes());
}

fn failed((step, index, errno): (Step, u32, Errno)) -> ! {
    report(Report::Failed {
        step: step as u32,
        index,
        errno: errno.raw_os_error(),
    });
    sys::exit(126)
}

/// The first process. Does not return.
pub(super) fn init(plan: &Plan) -> ! {
    // Without a place for its report there is none to make.
    if begin(plan).is_err() {
        sys::exit(126);
    }
    if let Err(failure) = prepare(plan) {
        failed(failure);
    }
    match sys::fork() {
        Ok(0) => match program(plan) {
            Ok(never) => match never {},
            Err(failure) => failed(failure),
        },
        Ok(pid) => watch(pid),
        Err(errno) => failed((Step::Fork, 0, errno)),
    }
}

/// Leaves nothing of the parent behind but the descriptors that are needed, and waits for its word.
fn begin(plan: &Plan) -> io::Result<()> {
    process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut byte = [0_u8];
    let go = io::retry_on_intr(|| io::read(&plan.go, &mut byte))?;
    if go == 0 {
        // The parent is gone.
        return Err(Errno::PIPE);
    }
    let ruleset = plan.ruleset.as_ref().unwrap_or(&plan.report);
    let wanted = [
        (plan.stdin.as_raw_fd(), 0, false),
        (plan.stdout.as_raw_fd(), 1, false),
        (plan.stderr.as_raw_fd(), 2, false),
        (plan.report.as_raw_fd(), REPORT, true),
        (ruleset.as_raw_fd(), RULESET, true),
        (plan.started.as_raw_fd(), STARTED, true),
    ];
    // Lifted first, since one may stand where another goes.
    let mut lifted = [0; 6];
    for (to, (from, _, _)) in lifted.iter_mut().zip(wanted) {
        *to = sys::lift(from)?;
    }
    for (from, (_, number, private)) in lifted.into_iter().zip(wanted) {
        sys::place(from, number, private)?;
    }
    sys::close_range(6, u32::MAX)?;
    sys::reset_signals();
    process::setsid()?;
    // When memory runs out on the host, this goes first.
    if let Ok(file) = fs::open(
        c"/proc/self/oom_score_adj",
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        let _ = io::write(&file, b"1000");
    }
    // This process holds a copy of the parent's memory: no one may look into it.
    process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

fn prepare(plan: &Plan) -> Done {
    if plan.user.is_some() {
        thread::set_thread_groups(&[]).at(Step::Groups, 0)?;
    }
    match &plan.view {
        Some(view) => {
            build(view)?;
            rustix::system::sethostname(b"sandbox").at(Step::Host, 0)
        }
        // What loses its parent then becomes a child of this process, and is counted with it.
        None => process::set_child_subreaper(Some(process::getpid())).at(Step::Begin, 0),
    }
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
fn build(view: &View) -> Done {
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

fn open_path(folder: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
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

/// Becomes the program, bound by everything in turn. Returns only if it cannot.
fn program(plan: &Plan) -> Result<Infallible, (Step, u32, Errno)> {
    if plan.view.is_none() {
        // No namespace ends it with `init`.
        process::set_parent_process_death_signal(Some(Signal::KILL)).at(Step::Fork, 1)?;
    }
    for (index, (resource, current, maximum)) in plan.limits.iter().enumerate() {
        let limit = Rlimit {
            current: Some(*current),
            maximum: Some(*maximum),
        };
        process::setrlimit(*resource, limit).at(Step::Limit, index)?;
    }
    process::umask(Mode::from_raw_mode(0o022));
    for bit in 0..64 {
        // Numbers that the kernel does not know are refused; none is left out.
        if let Some(capability) = CapabilitySet::from_bits(1 << bit)
            && thread::remove_capability_from_bounding_set(capability).is_err()
            && thread::capability_is_in_bounding_set(capability) == Ok(true)
            && plan.view.is_some()
        {
            return Err((Step::Privileges, bit, Errno::PERM));
        }
    }
    if let Some(user) = plan.user {
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        thread::set_thread_res_gid(gid, gid, gid).at(Step::User, 0)?;
        thread::set_thread_res_uid(uid, uid, uid).at(Step::User, 1)?;
    }
    // As the user that the program is: what that one may not enter, it does not start in.
    process::chdir(&plan.directory).at(Step::Directory, 0)?;
    thread::set_no_new_privs(true).at(Step::Privileges, 64)?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    thread::set_capabilities(None, none).at(Step::Privileges, 65)?;
    if plan.ruleset.is_some() {
        confine(plan)?;
    }
    for (index, filter) in plan.filters.iter().enumerate() {
        sys::filter(filter).at(Step::Seccomp, index)?;
    }
    let mut error = Errno::NOENT;
    for path in &plan.candidates {
        error = match sys::exec(path, &plan.argv, &plan.envp) {
            // As a shell looks: the next folder may have it.
            Errno::NOENT | Errno::NOTDIR if error == Errno::ACCESS => error,
            tried @ (Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => tried,
            other => return Err((Step::Exec, 0, other)),
        };
    }
    Err((Step::Exec, 0, error))
}

/// Landlock, by the paths as they are now.
fn confine(plan: &Plan) -> Done {
    let ruleset = sys::borrowed(RULESET);
    for (index, (path, access)) in plan.rules.iter().enumerate() {
        let place = match open_path(CWD, path) {
            Ok(place) => place,
            // The host's paths: what the program's user cannot enter needs no leave.
            Err(Errno::ACCESS | Errno::NOENT) if plan.view.is_none() => continue,
            Err(errno) => return Err((Step::Rule, index as u32, errno)),
        };
        let kind = fs::fstat(&place).at(Step::Rule, index)?.st_mode;
        let access = if fs::FileType::from_raw_mode(kind) == fs::FileType::Directory {
            *access
        } else {
            access & super::rules::OF_FILES
        };
        sys::landlock_allow(ruleset, place.as_fd(), access).at(Step::Rule, index)?;
    }
    sys::landlock_restrict(ruleset).at(Step::Landlock, 0)
}

/// Reaps until the program ends, and reports how it did.
fn watch(program: i32) -> ! {
    // The program's own streams end with it.
    let others = RULESET as u32..=STARTED as u32;
    if sys::close_range(0, 2).is_err() || sys::close_range(*others.start(), *others.end()).is_err()
    {
        sys::exit(126);
    }
    loop {
        match sys::wait_any() {
            Ok(ended) if ended.pid == program => {
                report(Report::Ended {
                    status: ended.status,
                    cpu: sys::children_cpu(),
                });
                sys::exit(0);
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => sys::exit(126),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_they_were_written() {
        for report in [
            Report::Failed {
                step: Step::Exec as u32,
                index: 7,
                errno: 13,
            },
            Report::Ended {
                status: 0x0b00,
                cpu: u64::MAX,
            },
        ] {
            assert_eq!(Report::of(&report.to_bytes()), Some(report));
        }
        assert_eq!(Report::of(&[0; Report::SIZE]), None);
        assert_eq!(Report::of(&[1]), None);
        assert_eq!(Step::of(Step::Exec as u32), Some(Step::Exec));
    }
}
