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
    ffi::CString,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use rustix::{
    fs::{self, CWD, Mode, OFlags},
    io::{self, Errno},
    process::{self, DumpableBehavior, Resource, Rlimit, Signal},
    thread::{self, CapabilitySet, CapabilitySets, Gid, Uid},
};

use super::{
    report::{At, Done, Report, Step},
    sys,
    view::{self, View, open_path},
};

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
            view::build(view)?;
            rustix::system::sethostname(b"sandbox").at(Step::Host, 0)
        }
        // What loses its parent then becomes a child of this process, and is counted with it.
        None => process::set_child_subreaper(Some(process::getpid())).at(Step::Begin, 0),
    }
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
