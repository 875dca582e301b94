//! The sandbox on Linux.

mod failure;
mod filter;
mod host;
mod launch;
mod measure;
mod plan;
mod report;
mod rules;
mod supervise;
mod sys;
mod view;

use std::{
    collections::BTreeSet,
    fmt,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use catena_core::{Error, Result};
use tokio::sync::oneshot;

use self::{host::Host, rules::Landlock};
use super::{Command, Layer, Limits, Output};

/// What a sandbox found out when it was made.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    host: Host,
    landlock: Option<Landlock>,
    filters: Vec<Vec<libc::sock_filter>>,
    namespaces: bool,
    watch: bool,
    /// Whether this process is root, and gives that up for the program.
    root: bool,
    limits: Limits,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespaces => "namespaces",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Watch => "the watch over processes",
        })
    }
}

/// A layer that is wanted and cannot be had.
fn missing(layer: Layer, why: impl fmt::Display) -> Error {
    let variant = format!("{layer:?}");
    Error::other(format!("the sandbox cannot have {layer}: {why}")).with_help(format!(
        "{}; or do without, at your risk: Sandbox::builder().without(Layer::{variant}), or --without {}",
        match layer {
            Layer::Namespaces =>
                "allow user namespaces (sysctl user.max_user_namespaces, \
                 kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; \
                 a container has to allow clone3, mount and pivot_root)",
            Layer::Landlock => "use a kernel with landlock, enabled at boot (lsm=landlock,…)",
            Layer::Seccomp => "use a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64",
            Layer::Watch => "use a kernel with CONFIG_PROC_CHILDREN, and mount /proc",
        },
        variant.to_lowercase()
    ))
}

impl Machine {
    pub(super) fn new(
        without: &BTreeSet<Layer>,
        limits: Limits,
        readable: &[PathBuf],
        path: &[PathBuf],
    ) -> Result<Self> {
        let has = |layer| !without.contains(&layer);
        if !has(Layer::Namespaces) && !has(Layer::Seccomp) {
            return Err(Error::invalid(
                "a sandbox without namespaces and without seccomp could not end what it started",
            )
            .with_help("leave one of the two"));
        }
        if has(Layer::Watch) && !measure::lists_children() {
            return Err(missing(
                Layer::Watch,
                "/proc/thread-self/children is not there",
            ));
        }
        let landlock = has(Layer::Landlock)
            .then(|| Landlock::find(!has(Layer::Namespaces)))
            .transpose()
            .map_err(|why| missing(Layer::Landlock, why))?;
        let filters = if has(Layer::Seccomp) {
            filter::filters(has(Layer::Namespaces)).map_err(|why| missing(Layer::Seccomp, why))?
        } else {
            Vec::new()
        };
        let machine = Self {
            host: Host::find(readable, path)?,
            landlock,
            filters,
            namespaces: has(Layer::Namespaces),
            watch: has(Layer::Watch),
            root: rustix::process::geteuid().is_root(),
            limits,
        };
        machine.try_out()?;
        Ok(machine)
    }

    pub(super) fn with_limits(&self, limits: Limits) -> Self {
        Self {
            limits,
            ..self.clone()
        }
    }

    /// Runs a program that does nothing: what works once is not found missing later.
    fn try_out(&self) -> Result<()> {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::other("no temporary folder").with_source(error))?;
        let output =
            supervise::supervise(self, &Command::new("true"), folder.path(), &Cancel::new()?)?;
        if output.is_success() {
            return Ok(());
        }
        Err(Error::other(format!(
            "the sandbox does not work: in it, the program 'true' {}: {}",
            output.status, output.stderr.text
        )))
    }

    pub(super) async fn run(self: Arc<Self>, command: &Command, folder: &Path) -> Result<Output> {
        let cancel = Arc::new(Cancel::new()?);
        let guard = Guard(Arc::clone(&cancel));
        let (send, receive) = oneshot::channel();
        let (command, folder) = (command.clone(), folder.to_owned());
        // A thread of its own, that lives as long as the run: the kernel ends the run with the
        // thread that started it, and a runtime may be shut down at any time.
        std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                // No one waits any more: there is no one to tell.
                let _ = send.send(supervise::supervise(&self, &command, &folder, &cancel));
            })
            .map_err(|error| {
                Error::other("the sandbox cannot start a thread").with_source(error)
            })?;
        let output = receive
            .await
            .map_err(|_| Error::other("the thread of a sandbox ended early"))?;
        drop(guard);
        output
    }
}

/// How a future that is dropped tells its thread.
#[derive(Debug)]
struct Cancel {
    is_set: AtomicBool,
    event: OwnedFd,
}

impl Cancel {
    fn new() -> Result<Self> {
        let flags = rustix::event::EventfdFlags::CLOEXEC | rustix::event::EventfdFlags::NONBLOCK;
        let event = rustix::event::eventfd(0, flags)
            .map_err(|errno| Error::other("the sandbox has no descriptors").with_source(errno))?;
        Ok(Self {
            is_set: AtomicBool::new(false),
            event,
        })
    }

    fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        // It can only fail when it is set already.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }
}

struct Guard(Arc<Cancel>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set();
    }
}
