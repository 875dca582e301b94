//! Running code that a model wrote.
// Elsewhere nothing is run.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod command;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod output;
mod tree;
mod workspace;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use catena_core::Result;

pub use self::{
    command::Command,
    limits::Limits,
    output::{Captured, Output, Status},
    workspace::Workspace,
};

/// Runs programs that no one has read, so that they harm nothing but the folder they are given.
///
/// A program sees the system's folders and the toolchains of Rust and Python, read-only, and its
/// working folder at `/work`, which is all that it can write to beside a `/tmp` of its own. It has
/// no network, none of the environment, no other processes and no privileges; what it may take is
/// [limited](Limits), and when it ends, everything that it started ends. `docs/sandbox.md` says
/// which layer enforces what, and what is not protected from. Cloning is cheap.
///
/// # It fails closed
///
/// Every layer is tried when the sandbox is made. One that the machine cannot give is an error that
/// says which and why; [`without`](SandboxBuilder::without) does without it. There is a sandbox on
/// Linux (5.14 and later) only.
///
/// # Example: run a Python program
///
/// ```
/// use catena_tools::{Command, Sandbox, Workspace};
///
/// # fn main() -> catena_core::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let sandbox = Sandbox::new()?;
/// let workspace = Workspace::new()?.with("main.py", "print(int(input()) + 1)")?;
/// let command = Command::new("python3").arg("main.py").stdin("41\n");
/// let output = sandbox.run(&command, workspace.path()).await?;
/// assert!(output.is_success());
/// assert_eq!(output.stdout.text, "42\n");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sandbox {
    #[cfg(target_os = "linux")]
    machine: Arc<linux::Machine>,
    #[cfg(not(target_os = "linux"))]
    machine: Arc<std::convert::Infallible>,
}

/// One of the things that a sandbox is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Its own users, mounts, processes, network, IPC, host name and control groups. Without:
    /// the host's processes can be seen and, where landlock is older than Linux 6.12, signalled by
    /// a program of the same user; `/work` and `/tmp` are the host's; no file can be
    /// [protected](Command::protect); limits on processes count all of the user's.
    Namespaces,
    /// Access to files by rules of the kernel's, whatever is mounted. Without: what can be read is
    /// decided by mounts alone.
    Landlock,
    /// A list of the system calls that may be made. Without: parts of the kernel that programs do
    /// not need are within reach.
    Seccomp,
    /// Measuring the tree of processes and the folder, every 20 and 100 ms. Without: limits of
    /// memory, processor time and disk hold for each process or file, not for all together.
    Watch,
}

impl Sandbox {
    /// A sandbox with all layers and the default [`Limits`]. Blocks for some 100 ms: it looks for
    /// toolchains and tries every layer.
    ///
    /// # Errors
    ///
    /// When a layer cannot be had, naming it; see [`build`](SandboxBuilder::build).
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A sandbox that differs from [`new`](Sandbox::new).
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// The same sandbox with other limits, which costs nothing.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        #[cfg(target_os = "linux")]
        let machine = Arc::new(self.machine.with_limits(limits));
        #[cfg(not(target_os = "linux"))]
        let machine = {
            let _ = limits;
            Arc::clone(&self.machine)
        };
        Self { machine }
    }

    /// Runs `command` in `folder`, the private working folder: the only place that the program can
    /// write to. When this returns nothing of the program is left.
    ///
    /// As root, the program runs as `nobody` (65534), and what is in `folder` is given to that user.
    /// Two programs at a time in one folder see each other's files.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](catena_core::Error::is_invalid) when `folder` is not a folder, the program is
    /// not there, or a protected path is not; otherwise when the run cannot be set up. How a program
    /// ended is no error: see [`Output::status`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the program and everything that it started, at once; another thread
    /// does it, which may take some milliseconds longer than the drop. When this process is killed
    /// the kernel ends them.
    pub async fn run(&self, command: &Command, folder: &Path) -> Result<Output> {
        #[cfg(target_os = "linux")]
        return Arc::clone(&self.machine).run(command, folder).await;
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (command, folder);
            match *self.machine {}
        }
    }
}

/// What a [`Sandbox`] is to be; see [`Sandbox::builder`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SandboxBuilder {
    limits: Limits,
    readable: Vec<PathBuf>,
    path: Vec<PathBuf>,
    without: BTreeSet<Layer>,
}

impl SandboxBuilder {
    /// What a run may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Shows a file or folder of the host, at the same path, to read and to run from: a toolchain, or
    /// data.
    pub fn readable(mut self, path: impl Into<PathBuf>) -> Self {
        self.readable.push(path.into());
        self
    }

    /// Looks for programs in this folder first. It has to be readable.
    pub fn path(mut self, folder: impl Into<PathBuf>) -> Self {
        self.path.push(folder.into());
        self
    }

    /// Does without a layer, where it cannot be had or is in the way: at the caller's risk.
    pub fn without(mut self, layer: Layer) -> Self {
        self.without.insert(layer);
        self
    }

    /// Finds toolchains and tries every layer with a program that does nothing; blocks.
    ///
    /// # Errors
    ///
    /// When a layer cannot be had, naming it, why, and what can be done about it;
    /// [`is_invalid`](catena_core::Error::is_invalid) when a path that is to be readable is not there,
    /// or both namespaces and seccomp are left out: nothing could then end a program that hides.
    pub fn build(self) -> Result<Sandbox> {
        #[cfg(target_os = "linux")]
        {
            let machine =
                linux::Machine::new(&self.without, self.limits, &self.readable, &self.path)?;
            Ok(Sandbox {
                machine: Arc::new(machine),
            })
        }
        #[cfg(not(target_os = "linux"))]
        Err(catena_core::Error::other(
            "there is no sandbox on this system: it needs Linux's namespaces, landlock and seccomp",
        )
        .with_help("run it on Linux, for instance in a virtual machine"))
    }
}
