//! From a command to what the child will do.

use std::{
    collections::BTreeSet,
    ffi::CString,
    path::{Path, PathBuf},
};

use catena_core::{Error, Result};
use rustix::process::Resource;

use super::{
    Machine,
    host::{DEVICES, WORK, c_string},
    launch::Plan,
    supervise::Streams,
    sys,
    view::View,
};
use crate::sandbox::{Command, Limits, command::beneath};

/// Whom a program runs as, seen from within its namespaces.
pub(super) const INSIDE: u32 = 1000;
/// Whom it runs as on the host, when we are root: nobody.
pub(super) const NOBODY: u32 = 65534;

impl Machine {
    pub(super) fn plan(&self, command: &Command, folder: &Path, streams: Streams) -> Result<Plan> {
        let directory = if self.namespaces {
            Path::new(WORK)
        } else {
            folder
        };
        let env = self.env(command, directory)?;
        let view = if self.namespaces {
            Some(self.view(command, folder)?)
        } else if command.protected.is_empty() {
            None
        } else {
            return Err(Error::other(
                "files can be protected from the program only with namespaces",
            )
            .with_help("leave Layer::Namespaces in the sandbox"));
        };
        let user = match (self.root, self.namespaces) {
            (false, _) => None,
            (true, true) => Some(INSIDE),
            (true, false) => Some(NOBODY),
        };
        let mut argv = vec![c_string(&command.program)?];
        for arg in &command.args {
            argv.push(c_string(arg)?);
        }
        Ok(Plan {
            view,
            user,
            limits: self.kernel_limits()?,
            ruleset: self
                .landlock
                .map(|landlock| landlock.ruleset())
                .transpose()?,
            rules: self.rules(folder)?,
            filters: self.filters.clone(),
            candidates: self.candidates(command)?,
            argv: sys::Pointers::new(argv),
            envp: sys::Pointers::new(env),
            directory: c_string(directory)?,
            stdin: streams.stdin,
            stdout: streams.stdout,
            stderr: streams.stderr,
            go: streams.go,
            report: streams.report,
            started: streams.started,
        })
    }

    fn view(&self, command: &Command, folder: &Path) -> Result<View> {
        let mut pieces = self.host.pieces()?;
        let mut pinned = BTreeSet::new();
        let mut protected = BTreeSet::new();
        for path in &command.protected {
            let clean = beneath(path).ok_or_else(|| {
                Error::invalid(format!(
                    "'{}', which is to be protected, is not a path within the working folder",
                    path.display()
                ))
            })?;
            let above = clean
                .ancestors()
                .skip(1)
                .filter(|path| *path != Path::new(""));
            pinned.extend(above.map(Path::to_owned));
            protected.insert(clean);
        }
        // In order, so that what is above comes first.
        let strings =
            |paths: BTreeSet<PathBuf>| paths.into_iter().map(c_string).collect::<Result<Vec<_>>>();
        let Limits { memory, disk, .. } = self.limits;
        let in_memory = |share: u64| {
            let size = (memory / share).min(disk).max(4096);
            c_string(format!("mode=1777,size={size},nr_inodes=16k"))
        };
        let devices = [
            ("/proc/self/fd", "dev/fd"),
            ("/proc/self/fd/0", "dev/stdin"),
            ("/proc/self/fd/1", "dev/stdout"),
            ("/proc/self/fd/2", "dev/stderr"),
        ];
        for (to, at) in devices {
            pieces.links.push((c_string(to)?, c_string(at)?));
        }
        let user = format!("sandbox:x:{INSIDE}:{INSIDE}::/tmp:/bin/sh\n");
        let group = format!("sandbox:x:{INSIDE}:\n");
        Ok(View {
            trees: pieces.trees,
            folders: pieces.folders,
            links: pieces.links,
            files: vec![
                (c"etc/passwd".to_owned(), user.into_bytes()),
                (c"etc/group".to_owned(), group.into_bytes()),
                (c"etc/hosts".to_owned(), b"127.0.0.1 localhost\n".to_vec()),
            ],
            folder: c_string(Path::new(".old").join(folder.strip_prefix("/").unwrap_or(folder)))?,
            place: c"work".to_owned(),
            pinned: strings(pinned)?,
            protected: strings(protected)?,
            tmp: in_memory(4)?,
            shm: in_memory(8)?,
        })
    }

    fn rules(&self, folder: &Path) -> Result<Vec<(CString, u64)>> {
        let Some(landlock) = self.landlock else {
            return Ok(Vec::new());
        };
        let mut rules = Vec::new();
        if self.namespaces {
            // The root of the view: no file of the host's own root is beneath it.
            rules.push((c"/".to_owned(), landlock.read()));
            for path in [WORK, "/tmp", "/dev/shm"] {
                rules.push((c_string(path)?, landlock.all()));
            }
        } else {
            for path in self.host.readable() {
                rules.push((c_string(path)?, landlock.read()));
            }
            rules.push((c_string(folder)?, landlock.all()));
        }
        for device in DEVICES {
            rules.push((c_string(device)?, landlock.use_file()));
        }
        Ok(rules)
    }

    /// The limits that the kernel keeps, each for one process but that of processes.
    fn kernel_limits(&self) -> Result<Vec<(Resource, u64, u64)>> {
        let limits = &self.limits;
        let cpu = limits.cpu.as_secs() + u64::from(limits.cpu.subsec_nanos() > 0);
        // `init` counts too, unless it is root's.
        let mut processes = u64::from(limits.processes) + u64::from(!self.root);
        if !self.namespaces {
            // Without a user namespace so does everything else that the user runs.
            processes += tasks_of(if self.root {
                NOBODY
            } else {
                rustix::process::geteuid().as_raw()
            });
        }
        let all = [
            // The signal at the first says why; a second later there is no refusing.
            (Resource::Cpu, cpu.max(1), cpu.max(1) + 1),
            (Resource::Fsize, limits.file_size, limits.file_size),
            // Not the address space, of which many programs reserve more than they use.
            (Resource::Data, limits.memory, limits.memory),
            (Resource::Nproc, processes, processes),
            (Resource::Nofile, 512, 512),
            (Resource::Core, 0, 0),
            (Resource::Msgqueue, 0, 0),
            (Resource::Memlock, 64 << 10, 64 << 10),
            (Resource::Sigpending, 256, 256),
            (Resource::Stack, 8 << 20, 64 << 20),
            (Resource::Nice, 0, 0),
            (Resource::Rtprio, 0, 0),
        ];
        all.into_iter()
            .map(|(resource, current, maximum)| {
                // Where we are bound ourselves, to less.
                let ours = rustix::process::getrlimit(resource).maximum;
                let bound = |limit: u64| ours.map_or(limit, |ours| limit.min(ours));
                Ok((resource, bound(current), bound(maximum)))
            })
            .collect()
    }

    fn env(&self, command: &Command, directory: &Path) -> Result<Vec<CString>> {
        let search = std::env::join_paths(&self.host.path)
            .map_err(|error| Error::invalid("a folder of PATH").with_source(error))?;
        let home = if self.namespaces {
            "/tmp".into()
        } else {
            directory.to_string_lossy()
        };
        let mut env: Vec<(String, String)> = [
            ("PATH", search.to_string_lossy()),
            ("HOME", home.clone()),
            ("TMPDIR", home),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "dumb".into()),
            ("USER", "sandbox".into()),
            ("CARGO_NET_OFFLINE", "true".into()),
        ]
        .map(|(key, value)| (key.to_owned(), value.into_owned()))
        .into();
        if let Some(home) = &self.host.cargo_home {
            env.push(("CARGO_HOME".to_owned(), home.to_string_lossy().into_owned()));
        }
        for (key, value) in &command.env {
            if key.is_empty() || key.contains('=') {
                return Err(Error::invalid(format!(
                    "'{key}' cannot be the name of an environment variable"
                )));
            }
            env.retain(|(known, _)| known != key);
            env.push((key.clone(), value.clone()));
        }
        env.iter()
            .map(|(key, value)| c_string(format!("{key}={value}")))
            .collect()
    }

    fn candidates(&self, command: &Command) -> Result<Vec<CString>> {
        if command.program.contains('/') {
            return Ok(vec![c_string(&command.program)?]);
        }
        let given = command.env.iter().rev().find(|(key, _)| key == "PATH");
        let search: Vec<PathBuf> = match given {
            Some((_, path)) => std::env::split_paths(path).collect(),
            None => self.host.path.clone(),
        };
        search
            .iter()
            .map(|folder| c_string(folder.join(&command.program)))
            .collect()
    }
}

/// How many threads a user has.
fn tasks_of(user: u32) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return 0;
    };
    processes
        .flatten()
        .filter(|process| process.metadata().is_ok_and(|data| data.uid() == user))
        .filter_map(|process| std::fs::read_dir(process.path().join("task")).ok())
        .map(|tasks| tasks.count() as u64)
        .sum()
}
