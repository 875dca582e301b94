//! One run: starting it, reading from it, ending it when it takes too much.

use std::{
    fs::{self, File},
    io::Write,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

use catena_core::{Error, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, Mode, OFlags, SealFlags},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal},
};

use super::{
    Cancel, Machine,
    failure::{Places, failure, host},
    launch::{self, Plan},
    measure, missing,
    plan::{INSIDE, NOBODY},
    report::Report,
    sys,
};
use crate::sandbox::{Command, Layer, Limits, Output, Status, output::Capture, tree};

/// How often processes are measured, and at least how long passes between two walks of the folder.
const WATCH: Duration = Duration::from_millis(20);
const WALK: Duration = Duration::from_millis(100);

/// The child's ends.
pub(super) struct Streams {
    pub(super) stdin: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) go: OwnedFd,
    pub(super) report: OwnedFd,
    pub(super) started: OwnedFd,
}

/// Runs `command` in `folder`; returns when nothing of it is left.
pub(super) fn supervise(
    machine: &Machine,
    command: &Command,
    folder: &Path,
    cancel: &Cancel,
) -> Result<Output> {
    let folder = folder
        .canonicalize()
        .ok()
        .filter(|folder| folder.is_dir() && folder.parent().is_some())
        .ok_or_else(|| {
            Error::invalid(format!(
                "'{}', in which a program is to run, is not a folder",
                folder.display()
            ))
        })?;
    let opened = rustix::fs::open(
        &folder,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(|errno| host("open the working folder", errno))?;
    if machine.root {
        tree::give(&opened, NOBODY)?;
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| host("make a pipe", errno));
    let (stdout, child_stdout) = pipe()?;
    let (stderr, child_stderr) = pipe()?;
    let (report, child_report) = pipe()?;
    let (started, child_started) = pipe()?;
    let (child_go, go) = pipe()?;
    for end in [&stdout, &stderr, &report] {
        rustix::io::ioctl_fionbio(end, true).map_err(|errno| host("read a pipe", errno))?;
    }
    let streams = Streams {
        stdin: stdin(&command.stdin)?,
        stdout: child_stdout,
        stderr: child_stderr,
        go: child_go,
        report: child_report,
        started: child_started,
    };
    let plan = machine.plan(command, &folder, streams)?;
    let begun = Instant::now();
    let (pid, pidfd) = start(machine, &plan)?;
    let mut run = Running {
        machine,
        pid,
        pidfd,
        begun,
        stdout: Stream::new(stdout, &machine.limits),
        stderr: Stream::new(stderr, &machine.limits),
        started: Some(started),
        report,
        folder: opened,
        cpu: Duration::ZERO,
        unnamed: 0,
        stopped: None,
        is_reaped: false,
    };
    let places = Places::of(&plan);
    drop(plan);
    if machine.namespaces {
        map_users(pid, machine.root).map_err(|error| {
            missing(
                Layer::Namespaces,
                format_args!("its users cannot be mapped: {error}"),
            )
        })?;
    }
    rustix::io::write(&go, &[1]).map_err(|errno| host("start the program", errno))?;
    drop(go);
    let report = run.watch(cancel)?;
    run.finish(report, command, &places)
}

/// What the program reads: a file that has no name, cannot be written to and is read to its end.
fn stdin(bytes: &[u8]) -> Result<OwnedFd> {
    let failed = |errno| host("keep what the program reads", errno);
    if bytes.is_empty() {
        return rustix::fs::open(
            c"/dev/null",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(failed);
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = rustix::fs::memfd_create(c"stdin", flags).map_err(failed)?;
    let mut file = File::from(memory);
    file.write_all(bytes)
        .map_err(|error| Error::other("the sandbox cannot keep its input").with_source(error))?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals).map_err(failed)?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).map_err(failed)?;
    Ok(file.into())
}

fn start(machine: &Machine, plan: &Plan) -> Result<(i32, OwnedFd)> {
    let namespaces = if machine.namespaces {
        (libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWCGROUP) as u64
    } else {
        0
    };
    sys::spawn(namespaces, launch::init, plan).map_err(|errno| {
        if machine.namespaces {
            missing(
                Layer::Namespaces,
                format_args!("the kernel does not make them ({errno})"),
            )
        } else {
            host("start a process", errno)
        }
    })
}

/// Says who the users within are without. Root stays root until the view is made, and the program
/// is nobody; for anyone else there is one user, oneself.
fn map_users(pid: i32, root: bool) -> std::io::Result<()> {
    let proc = Path::new("/proc").join(pid.to_string());
    let (users, groups) = if root {
        let both = format!("0 0 1\n{INSIDE} {NOBODY} 1\n");
        (both.clone(), both)
    } else {
        fs::write(proc.join("setgroups"), "deny")?;
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        (
            format!("{INSIDE} {} 1\n", user.as_raw()),
            format!("{INSIDE} {} 1\n", group.as_raw()),
        )
    };
    fs::write(proc.join("uid_map"), users)?;
    fs::write(proc.join("gid_map"), groups)
}

/// One stream of the program.
struct Stream {
    /// Gone at its end.
    end: Option<OwnedFd>,
    capture: Capture,
    limit: u64,
}

impl Stream {
    fn new(end: OwnedFd, limits: &Limits) -> Self {
        Self {
            end: Some(end),
            capture: Capture::new(limits.output),
            limit: (limits.output as u64).saturating_mul(Limits::OUTPUT_FACTOR),
        }
    }

    /// Reads what is there, some at a time, so that other things get their turn.
    fn read(&mut self) {
        let mut buffer = [0; 16 << 10];
        for _ in 0..16 {
            let Some(end) = &self.end else {
                return;
            };
            match rustix::io::read(end, &mut buffer) {
                Ok(0) => self.end = None,
                Ok(count) => self.capture.push(buffer.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.end = None,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.capture.total > self.limit
    }
}

struct Running<'a> {
    machine: &'a Machine,
    pid: i32,
    pidfd: OwnedFd,
    begun: Instant,
    stdout: Stream,
    stderr: Stream,
    /// Until the program is executed, what runs shares our memory, and is not measured.
    started: Option<OwnedFd>,
    report: OwnedFd,
    folder: OwnedFd,
    cpu: Duration,
    unnamed: u64,
    stopped: Option<Status>,
    is_reaped: bool,
}

impl Running<'_> {
    /// Until the first process has ended, and with it, in its namespace, all others.
    fn watch(&mut self, cancel: &Cancel) -> Result<Option<Report>> {
        let limits = &self.machine.limits;
        let mut report = None;
        let mut is_cancelled = false;
        let mut next_watch = self.begun + WATCH;
        let mut next_walk = self.begun + WALK;
        loop {
            let now = Instant::now();
            let deadline = self.begun + limits.wall;
            let until = deadline.min(next_watch).saturating_duration_since(now);
            let ready = self.wait(cancel, until, is_cancelled)?;
            self.stdout.read();
            self.stderr.read();
            // The first one: that the program could not be executed comes before how it ended.
            report = report.or_else(|| self.read_report());
            if ready.is_started {
                self.started = None;
            }
            if ready.is_ended {
                return if is_cancelled {
                    Err(Error::cancelled())
                } else {
                    Ok(report)
                };
            }
            if ready.is_cancelled && !is_cancelled {
                is_cancelled = true;
                self.kill();
            }
            if self.stopped.is_some() || is_cancelled {
                // Ended already; the kernel takes its time.
                next_watch = Instant::now() + WATCH;
                continue;
            }
            let now = Instant::now();
            if self.stdout.is_over() || self.stderr.is_over() {
                self.stop(Status::TooMuchOutput);
            } else if now >= deadline {
                self.stop(Status::TimedOut);
            } else if now >= next_watch {
                self.measure();
                if now >= next_walk {
                    self.measure_folder();
                    // A large folder is not walked all the time, but never left alone for long.
                    let pause = (now.elapsed() * 4).clamp(WALK, WALK * 10);
                    next_walk = Instant::now() + pause;
                }
                next_watch = Instant::now() + (now.elapsed() * 4).clamp(WATCH, WATCH * 10);
            }
        }
    }

    fn wait(&self, cancel: &Cancel, until: Duration, is_cancelled: bool) -> Result<Ready> {
        let timeout =
            Timespec::try_from(until).map_err(|_| Error::invalid("a limit of time is too long"))?;
        let input = PollFlags::IN;
        // Descriptors that are done with are replaced by one that is always there.
        let pidfd = self.pidfd.as_fd();
        let ends = [&self.started, &self.stdout.end, &self.stderr.end];
        let [started, stdout, stderr] = ends.map(|end| {
            let end = end.as_ref().map_or(pidfd, AsFd::as_fd);
            PollFd::from_borrowed_fd(end, input)
        });
        let event = if is_cancelled {
            pidfd
        } else {
            cancel.event.as_fd()
        };
        let mut ends = [
            PollFd::from_borrowed_fd(pidfd, input),
            PollFd::from_borrowed_fd(event, input),
            started,
            stdout,
            stderr,
        ];
        match poll(&mut ends, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(host("wait for the program", errno)),
        }
        let [ended, cancelled, started, ..] = &ends;
        let is = |end: &PollFd<'_>| !end.revents().is_empty();
        Ok(Ready {
            is_ended: is(ended),
            is_cancelled: !is_cancelled && is(cancelled),
            is_started: self.started.is_some() && is(started),
        })
    }

    fn read_report(&self) -> Option<Report> {
        let mut bytes = [0; Report::SIZE];
        match rustix::io::read(&self.report, &mut bytes) {
            Ok(count) => Report::of(bytes.get(..count)?),
            Err(_) => None,
        }
    }

    fn measure(&mut self) {
        if !self.machine.watch || self.started.is_some() {
            return;
        }
        let limits = &self.machine.limits;
        let taken = measure::processes(self.pid, limits.file_size);
        self.cpu = self.cpu.max(taken.cpu);
        self.unnamed = taken.unnamed;
        if taken.memory > limits.memory {
            self.stop(Status::OutOfMemory);
        } else if taken.cpu > limits.cpu {
            self.stop(Status::OutOfCpu);
        } else if taken.unnamed > limits.disk {
            self.stop(Status::OutOfDisk);
        }
    }

    fn measure_folder(&mut self) {
        if self.is_disk_full() {
            self.stop(Status::OutOfDisk);
        }
    }

    fn is_disk_full(&self) -> bool {
        let limit = self.machine.limits.disk;
        measure::folder(&self.folder, limit).saturating_add(self.unnamed) > limit
    }

    fn stop(&mut self, status: Status) {
        self.stopped = Some(status);
        self.kill();
    }

    /// Ends everything that runs.
    fn kill(&self) {
        // It can only fail when there is nothing left to end.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
        self.kill_group();
    }

    /// Without a namespace of processes: nothing can leave the group, since the filter allows
    /// neither `setsid` nor `setpgid`.
    fn kill_group(&self) {
        if !self.machine.namespaces
            && let Some(group) = Pid::from_raw(self.pid)
        {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    /// Sees to it that nothing is left. Before the first process is reaped, since the group could
    /// be another's afterwards.
    fn reap(&mut self) {
        if self.is_reaped {
            return;
        }
        self.is_reaped = true;
        self.kill();
        let _ = sys::reap(self.pidfd.as_fd());
        if let (false, Some(group)) = (self.machine.namespaces, Pid::from_raw(self.pid)) {
            // They end on their own now; it is a matter of milliseconds.
            let until = Instant::now() + Duration::from_secs(2);
            while rustix::process::test_kill_process_group(group).is_ok() && Instant::now() < until
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn finish(
        mut self,
        report: Option<Report>,
        command: &Command,
        places: &Places,
    ) -> Result<Output> {
        let wall = self.begun.elapsed();
        self.reap();
        // All writers are gone: to the end.
        while self.stdout.end.is_some() || self.stderr.end.is_some() {
            let before = self.stdout.capture.total + self.stderr.capture.total;
            self.stdout.read();
            self.stderr.read();
            let after = self.stdout.capture.total + self.stderr.capture.total;
            if before == after {
                break;
            }
        }
        let mut status = match (self.stopped, report) {
            (Some(status), _) => status,
            (None, Some(Report::Ended { status, .. })) => decode(status),
            (None, Some(Report::Failed { step, index, errno })) => {
                let errno = Errno::from_raw_os_error(errno);
                return Err(failure(step, index, errno, command, places));
            }
            // Its first process was ended from outside.
            (None, None) => Status::Killed(libc::SIGKILL),
        };
        if let Some(Report::Ended { cpu, .. }) = report {
            self.cpu = self.cpu.max(Duration::from_micros(cpu));
        }
        let limits = &self.machine.limits;
        if status == Status::Killed(libc::SIGKILL) && self.cpu >= limits.cpu {
            status = Status::OutOfCpu;
        }
        self.unnamed = 0;
        if matches!(status, Status::Exited(_) | Status::Killed(_))
            && self.machine.watch
            && self.is_disk_full()
        {
            status = Status::OutOfDisk;
        }
        let (stdout, stderr) = (
            std::mem::replace(&mut self.stdout.capture, Capture::new(0)),
            std::mem::replace(&mut self.stderr.capture, Capture::new(0)),
        );
        Ok(Output {
            status,
            stdout: stdout.finish(),
            stderr: stderr.finish(),
            wall,
            cpu: self.cpu,
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.reap();
    }
}

struct Ready {
    is_ended: bool,
    is_cancelled: bool,
    is_started: bool,
}

/// What `wait` says.
fn decode(status: i32) -> Status {
    if libc::WIFEXITED(status) {
        return Status::Exited(libc::WEXITSTATUS(status));
    }
    match libc::WTERMSIG(status) {
        libc::SIGXCPU => Status::OutOfCpu,
        libc::SIGXFSZ => Status::OutOfDisk,
        signal => Status::Killed(signal),
    }
}
