//! What of the host a program may see: an allow-list.

use std::{
    ffi::{CString, OsStr},
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use catena_core::{Error, Result};

use super::view::Tree;

/// Where the working folder is seen.
pub(super) const WORK: &str = "/work";

/// Folders that every program needs.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
];

/// What the dynamic linker, compilers and interpreters read of `/etc`.
const ETC: &[&str] = &[
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
];

/// Devices without memory of their own.
pub(super) const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// What of the host is seen, found once.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// Paths as they are seen, ancestors first, and what is there.
    pub(super) places: Vec<Place>,
    pub(super) path: Vec<PathBuf>,
    pub(super) cargo_home: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub(super) struct Place {
    seen: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Link(PathBuf),
    Folder(PathBuf),
    File(PathBuf),
    Device(PathBuf),
}

/// What a view is made of: mounts, folders to make for them, parents first, and links, by where they
/// point and where they are.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) trees: Vec<Tree>,
    pub(super) folders: Vec<CString>,
    pub(super) links: Vec<(CString, CString)>,
}

impl Host {
    /// Looks at the host; runs `rustc` and `python3` to ask where they live.
    pub(super) fn find(readable: &[PathBuf], path: &[PathBuf]) -> Result<Self> {
        let mut wanted: Vec<PathBuf> = SYSTEM.iter().chain(ETC).map(PathBuf::from).collect();
        let mut search: Vec<PathBuf> = path.to_vec();
        for given in readable {
            let path =
                std::path::absolute(given).map_err(|error| unreadable(given).with_source(error))?;
            if !path.exists() {
                return Err(unreadable(given));
            }
            if ["/", "/proc", "/sys", "/dev", "/tmp"].contains(&&*path.to_string_lossy()) {
                return Err(Error::invalid(format!(
                    "'{}' cannot be made readable in a sandbox as a whole",
                    path.display()
                ))
                .with_help("name the folders in it that programs need"));
            }
            wanted.push(path);
        }
        if let Some(sysroot) = ask("rustc", &["--print", "sysroot"]).pop() {
            search.push(sysroot.join("bin"));
            wanted.push(sysroot);
        }
        let program = "import sys\nprint(sys.prefix)\nprint(sys.base_prefix)";
        for prefix in ask("python3", &["-c", program]) {
            search.push(prefix.join("bin"));
            wanted.push(prefix);
        }
        let cargo_home = cargo_home();
        if let Some(home) = &cargo_home {
            // The others hold a person's credentials and settings.
            wanted.extend(["bin", "registry", "git"].map(|name| home.join(name)));
            search.push(home.join("bin"));
        }
        search.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
        search.dedup();
        wanted.sort_by_key(|path| path.components().count());
        let mut places: Vec<Place> = Vec::new();
        for path in wanted {
            add(&mut places, path);
        }
        for device in DEVICES {
            places.push(Place {
                seen: device.into(),
                kind: Kind::Device(device.into()),
            });
        }
        Ok(Self {
            places,
            path: search,
            cargo_home,
        })
    }

    /// What a view is made of.
    pub(super) fn pieces(&self) -> Result<Pieces> {
        let (mut trees, mut links) = (Vec::new(), Vec::new());
        let mut folders: Vec<PathBuf> = vec![PathBuf::from(WORK)];
        for place in &self.places {
            let ancestors = place.seen.ancestors().skip(1);
            folders.extend(ancestors.map(Path::to_owned));
            let (source, is_folder, is_device) = match &place.kind {
                Kind::Link(to) => {
                    links.push((c_string(to)?, relative(&place.seen)?));
                    continue;
                }
                Kind::Folder(source) => (source, true, false),
                Kind::File(source) => (source, false, false),
                Kind::Device(source) => (source, false, true),
            };
            trees.push(Tree {
                source: c_string(Path::new(".old").join(strip(source)))?,
                target: relative(&place.seen)?,
                is_folder,
                is_device,
            });
        }
        folders.sort_by_key(|path| path.components().count());
        folders.dedup();
        folders.retain(|path| path != Path::new("/"));
        let folders = folders
            .iter()
            .map(|path| relative(path))
            .collect::<Result<_>>()?;
        Ok(Pieces {
            trees,
            folders,
            links,
        })
    }

    /// The host's paths that can be read.
    pub(super) fn readable(&self) -> impl Iterator<Item = &Path> {
        self.places.iter().filter_map(|place| match &place.kind {
            Kind::Folder(path) | Kind::File(path) => Some(path.as_path()),
            Kind::Link(_) | Kind::Device(_) => None,
        })
    }
}

fn unreadable(path: &Path) -> Error {
    Error::invalid(format!(
        "'{}', which a sandbox is to show, is not there",
        path.display()
    ))
}

/// Adds what is at `path`, unless it is seen already.
fn add(places: &mut Vec<Place>, path: PathBuf) {
    let Ok(real) = path.canonicalize() else {
        return;
    };
    let seen = |places: &[Place], path: &Path| {
        places
            .iter()
            .any(|place| matches!(place.kind, Kind::Folder(_)) && path.starts_with(&place.seen))
    };
    // `/bin` of most systems: a link to a place that is seen.
    if let Ok(to) = path.read_link()
        && path.parent() == Some(Path::new("/"))
    {
        places.push(Place {
            seen: path,
            kind: Kind::Link(to),
        });
        return;
    }
    let kind = |real: &Path| {
        if real.is_dir() {
            Kind::Folder(real.to_owned())
        } else {
            Kind::File(real.to_owned())
        }
    };
    for at in [&real, &path] {
        if !seen(places, at) && !places.iter().any(|place| place.seen == *at) {
            places.push(Place {
                seen: at.clone(),
                kind: kind(&real),
            });
        }
    }
}

/// The paths that a program of the host prints, one a line. None if there is no such program, and
/// none that would show a person's home folder.
fn ask(program: &str, args: &[&str]) -> Vec<PathBuf> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Vec::new();
    };
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let mut paths: Vec<PathBuf> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .map(|line| PathBuf::from(OsStr::from_bytes(line)))
        .filter(|path| path.is_absolute() && path.is_dir())
        .filter(|path| path.components().count() > 1)
        .filter(|path| home.as_ref().is_none_or(|home| !home.starts_with(path)))
        .collect();
    paths.dedup();
    paths
}

fn cargo_home() -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cargo"),
    };
    home.canonicalize().ok().filter(|home| home.is_dir())
}

fn strip(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_)))
        .collect()
}

fn relative(path: &Path) -> Result<CString> {
    c_string(strip(path))
}

/// As the kernel takes it.
pub(super) fn c_string(text: impl AsRef<OsStr>) -> Result<CString> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| {
        Error::invalid(format!(
            "{:?} holds a zero byte, which nothing that is run can be given",
            text.as_ref()
        ))
    })
}
