//! Running attempts.

use std::{
    path::Path,
    process::{Command as Process, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use catena_tools::{Command, Limits, Output, Sandbox, Workspace};

/// What attempts begin with.
pub(crate) const PRELUDE: &str = r#"
import ctypes, errno, mmap, os, signal, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def attempt(what):
    try:
        print("DONE", what(), flush=True)
    except OSError as error:
        print("REFUSED", errno.errorcode.get(error.errno, error.errno), flush=True)
    except MemoryError:
        print("REFUSED ENOMEM", flush=True)

def call(number, *args):
    args = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *args)
    if result == -1:
        raise OSError(ctypes.get_errno(), "syscall")
    return result

def read(path):
    with open(path, "rb") as file:
        return file.read(100)

def write(path):
    with open(path, "ab") as file:
        file.write(b"changed")
"#;

/// Limits under which a busy machine does not make a test fail.
pub(crate) fn limits() -> Limits {
    Limits {
        wall: Duration::from_secs(30),
        cpu: Duration::from_secs(20),
        ..Limits::default()
    }
}

pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        Sandbox::builder()
            .limits(limits())
            .build()
            .expect("every layer on this machine")
    })
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// A variable in the environment of everything that a run starts.
pub(crate) struct Marker(String);

impl Marker {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{}-{next}", std::process::id()))
    }

    pub(crate) fn named(name: String) -> Self {
        Self(name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn mark(&self, command: Command) -> Command {
        command.env("CATENA_TEST_RUN", self.0.clone())
    }

    /// Processes of the run that are there now.
    pub(crate) fn left(&self) -> Vec<String> {
        let wanted = format!("CATENA_TEST_RUN={}\0", self.0);
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|process| {
                std::fs::read(process.path().join("environ")).is_ok_and(|environ| {
                    environ
                        .windows(wanted.len())
                        .any(|part| part == wanted.as_bytes())
                })
            })
            .map(|process| process.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

pub(crate) fn run_in(sandbox: &Sandbox, command: Command, folder: &Path) -> Output {
    let marker = Marker::new();
    let output = block_on(sandbox.run(&marker.mark(command), folder)).unwrap();
    assert_eq!(marker.left(), Vec::<String>::new(), "left: {output:?}");
    output
}

/// Runs a program in Python after the [`PRELUDE`].
pub(crate) fn python_in(sandbox: &Sandbox, program: &str, workspace: &Workspace) -> Output {
    workspace
        .write("main.py", format!("{PRELUDE}{program}"))
        .unwrap();
    run_in(
        sandbox,
        Command::new("python3").arg("main.py"),
        workspace.path(),
    )
}

pub(crate) fn python(program: &str) -> Output {
    python_in(sandbox(), program, &Workspace::new().unwrap())
}

/// The same outside.
pub(crate) fn outside(program: &str) -> String {
    let folder = Workspace::new().unwrap();
    folder
        .write("main.py", format!("{PRELUDE}{program}"))
        .unwrap();
    let output = Process::new("python3")
        .arg("main.py")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Every attempt in `program` is refused with one of `errors`.
#[track_caller]
pub(crate) fn refused(program: &str, errors: &[&str]) {
    all_refused(&python(program), errors);
}

#[track_caller]
pub(crate) fn all_refused(output: &Output, errors: &[&str]) {
    assert!(output.is_success(), "{output:?}");
    let lines: Vec<_> = output.stdout.text.lines().collect();
    assert!(!lines.is_empty(), "{output:?}");
    for line in lines {
        let error = line.strip_prefix("REFUSED ");
        assert!(
            error.is_some_and(|error| errors.contains(&error)),
            "'{line}' in {output:?}"
        );
    }
}

/// Every attempt is refused within, and succeeds without a sandbox.
#[track_caller]
pub(crate) fn refused_only_within(program: &str, errors: &[&str]) {
    let text = outside(program);
    assert!(
        !text.is_empty() && text.lines().all(|line| line.starts_with("DONE")),
        "outside: {text}"
    );
    refused(program, errors);
}

/// A program that goes on when it is not ended.
pub(crate) struct Bystander(std::process::Child);

impl Bystander {
    pub(crate) fn new() -> Self {
        Self(
            Process::new("sleep")
                .arg("120")
                .stdin(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
