//! A private folder to run things in.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
    process::{Command as Process, Stdio},
};

use catena_core::{Error, Result};

use super::{command::beneath, tree};

/// A private temporary folder, removed when it is dropped: what a [`Sandbox`](crate::Sandbox) runs
/// programs in.
///
/// Reading and writing follow no symbolic link, whatever a program has left in the folder.
/// Everything here blocks.
///
/// # Example
///
/// ```
/// use catena_tools::Workspace;
///
/// let workspace = Workspace::new()?.with("src/lib.rs", "pub fn one() -> u8 { 1 }\n")?;
/// assert_eq!(workspace.read("src/lib.rs")?, "pub fn one() -> u8 { 1 }\n");
/// assert!(workspace.read("../secret").is_err_and(|error| error.is_invalid()));
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
}

/// Folders that are made from others and are not copied where git does not say so.
const MADE: &[&str] = &["target", "node_modules", "__pycache__", ".venv"];

impl Workspace {
    /// The most bytes of a file that [`read`](Workspace::read) reads: 16 MiB.
    pub const MAX_READ: u64 = 16 << 20;
    /// The most bytes that [`copy_of`](Workspace::copy_of) copies: 256 MiB.
    pub const MAX_COPY: u64 = 256 << 20;

    /// An empty folder, in the system's folder for temporary files.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("catena-")
            .tempdir()
            .map_err(|error| Error::other("no temporary folder can be made").with_source(error))?;
        Ok(Self {
            path: folder.keep(),
        })
    }

    /// A copy of a repository, as it is now: in a git work tree the files that git tracks and those
    /// that it does not ignore, elsewhere all but what is hidden, such as keys, and what is made (`target`,
    /// `node_modules`, virtual environments of Python, …). Of repositories within it, such as submodules, the same. Permissions stay. Links are copied as links where they stay within it, and left out where they do not.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when it is not a folder or holds more than
    /// [`MAX_COPY`](Workspace::MAX_COPY) bytes; otherwise when a file cannot be copied.
    pub fn copy_of(repository: &Path) -> Result<Self> {
        let failed = |path: &Path, error: io::Error| {
            Error::other(format!("'{}' cannot be copied", path.display())).with_source(error)
        };
        if !repository.is_dir() {
            return Err(Error::invalid(format!(
                "'{}' is not a folder",
                repository.display()
            )));
        }
        let files = match tracked(repository, None) {
            Some(files) => files,
            None => {
                let mut files = found(repository).map_err(|error| failed(repository, error))?;
                files.retain(|file| !is_hidden(file));
                files
            }
        };
        let workspace = Self::new()?;
        let mut bytes = 0_u64;
        for file in files {
            let from = repository.join(&file);
            let Ok(data) = fs::symlink_metadata(&from) else {
                // Tracked and removed.
                continue;
            };
            let to = workspace.path.join(&file);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(|error| failed(&file, error))?;
            }
            if data.is_symlink() {
                copy_link(&from, &to, &file).map_err(|error| failed(&file, error))?;
            } else if data.is_file() {
                bytes = bytes.saturating_add(data.len());
                if bytes > Self::MAX_COPY {
                    return Err(Error::invalid(format!(
                        "'{}' holds more than {} bytes",
                        repository.display(),
                        Self::MAX_COPY
                    ))
                    .with_help("have git ignore what is not source"));
                }
                fs::copy(&from, &to).map_err(|error| failed(&file, error))?;
            }
        }
        Ok(workspace)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// [`write`](Workspace::write), to chain.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Workspace::write).
    pub fn with(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<Self> {
        self.write(path, content)?;
        Ok(self)
    }

    /// Writes a file, and the folders above it. What had the name before is removed, not written to; a
    /// plain file leaves its permissions.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when `path` does not stay within the folder; otherwise when
    /// it cannot be written, also because a link leads to it.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        tree::write(&self.path, &within(path)?, content.as_ref()).map_err(|error| {
            Error::other(format!("'{}' cannot be written", path.display())).with_source(error)
        })
    }

    /// Reads a text file.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) when `path` does not stay within the folder; otherwise when
    /// there is no such file, a link leads to it, it is longer than
    /// [`MAX_READ`](Workspace::MAX_READ) or not UTF-8.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        let failed = |error: io::Error| {
            Error::other(format!("'{}' cannot be read", path.display())).with_source(error)
        };
        let content = tree::read(&self.path, &within(path)?, Self::MAX_READ).map_err(failed)?;
        String::from_utf8(content).map_err(|error| failed(io::Error::other(error)))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // A destructor has no one to tell; the folder is in a place for temporary files.
        let _ = tree::remove(&self.path);
    }
}

fn within(path: &Path) -> Result<PathBuf> {
    beneath(path).ok_or_else(|| {
        Error::invalid(format!(
            "'{}' is not a path within the folder",
            path.display()
        ))
    })
}

/// What git tracks and does not ignore, if this is a work tree and there is a git; `above` is no part of it.
fn tracked(repository: &Path, above: Option<&Path>) -> Option<Vec<PathBuf>> {
    let mut git = Process::new("git");
    if let Some(above) = above {
        git.env("GIT_CEILING_DIRECTORIES", above.canonicalize().ok()?);
    }
    let output = git
        .arg("-C")
        .arg(repository)
        .args([
            // What a repository has git run is its own affair.
            "-c",
            "core.fsmonitor=false",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8_lossy(&output.stdout);
    let mut files = Vec::new();
    for name in names
        .split('\0')
        .filter_map(|name| beneath(Path::new(name)))
    {
        let path = repository.join(&name);
        // To git a repository in another one is one entry.
        if !is_repository(&path) {
            files.push(name);
            continue;
        }
        let inner = tracked(&path, path.parent()).or_else(|| found(&path).ok());
        files.extend(inner.unwrap_or_default().iter().map(|file| name.join(file)));
    }
    Some(files)
}

/// Whether this is a folder, and no link to one, that is a work tree of its own.
fn is_repository(path: &Path) -> bool {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|data| data.is_dir());
    is_folder && path.join(".git").exists()
}

/// Whether it, or a folder that it is in, has a name with a dot in front.
fn is_hidden(path: &Path) -> bool {
    path.iter()
        .any(|part| part.as_encoded_bytes().starts_with(b"."))
}

fn found(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut left = vec![PathBuf::new()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(repository.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            // Of a submodule it is a file.
            if entry.file_name() == ".git" {
                continue;
            }
            if !entry.file_type()?.is_dir() {
                files.push(path);
            } else {
                let is_named = MADE
                    .iter()
                    .any(|made| entry.file_name() == OsStr::new(made));
                let is_environment = entry.path().join("pyvenv.cfg").is_file();
                if !is_named && !is_environment {
                    left.push(path);
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies a link that leads to somewhere within the folder that it is copied from.
fn copy_link(from: &Path, to: &Path, place: &Path) -> io::Result<()> {
    let target = fs::read_link(from)?;
    let mut depth = place.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Ok(()),
        }
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, to)?;
    #[cfg(not(unix))]
    let _ = to;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn git(root: &Path, args: &[&str]) {
        let output = Process::new("git").arg("-C").arg(root).args(args).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// All files and links beneath a folder, but for git's own.
    fn all(workspace: &Workspace) -> Vec<String> {
        let files = found(workspace.path()).unwrap();
        files
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn of_a_work_tree_that_is_copied_which_git_does_not_ignore() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        write(root, ".gitignore", "/data\n*.log\n");
        for name in [
            "a.rs",
            "gone.rs",
            "src/b.rs",
            "new.rs",
            "data/big.bin",
            "src/c.log",
        ] {
            write(root, name, name);
        }
        git(root, &["add", "a.rs", "gone.rs", "src", ".gitignore"]);
        fs::remove_file(root.join("gone.rs")).unwrap();
        write(root, "a.rs", "changed since");

        let copy = Workspace::copy_of(root).unwrap();
        assert_eq!(all(&copy), [".gitignore", "a.rs", "new.rs", "src/b.rs"]);
        assert_eq!(copy.read("a.rs").unwrap(), "changed since");
        // It is a copy: what happens to it happens to it alone, and it goes with its owner.
        copy.write("a.rs", "x").unwrap();
        assert_eq!(
            fs::read_to_string(root.join("a.rs")).unwrap(),
            "changed since"
        );
        let path = copy.path().to_owned();
        drop(copy);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn repositories_within_it_are_copied_and_links_to_others_are_not() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, sub) = (folder.path(), elsewhere.path());
        git(sub, &["init", "-q"]);
        write(sub, ".gitignore", "*.log\n");
        write(sub, "b.py", "tracked");
        git(sub, &["add", "."]);
        let author = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
        git(sub, &[&author[..], &["commit", "-qm", "a"]].concat());

        git(root, &["init", "-q"]);
        write(root, "a.py", "x");
        let url = sub.display().to_string();
        let allow = ["-c", "protocol.file.allow=always"];
        for place in ["lib/one", "two"] {
            let add = ["submodule", "--quiet", "add", &url, place];
            git(root, &[&allow[..], &add].concat());
        }
        git(root, &["submodule", "--quiet", "deinit", "--force", "two"]);
        write(root, "lib/one/new.py", "not tracked yet");
        write(root, "lib/one/c.log", "ignored");
        fs::create_dir(root.join("three")).unwrap();
        git(&root.join("three"), &["init", "-q"]);
        write(
            root,
            "three/d.py",
            "in a repository that git knows nothing of",
        );
        std::os::unix::fs::symlink(sub, root.join("link")).unwrap();
        // No repository, though it looks like one.
        write(root, "two/.git", "gitdir: nowhere\n");

        let copy = Workspace::copy_of(root).unwrap();
        let expected = [
            ".gitmodules",
            "a.py",
            "lib/one/.gitignore",
            "lib/one/b.py",
            "lib/one/new.py",
            "three/d.py",
        ];
        assert_eq!(all(&copy), expected);
    }

    #[test]
    fn elsewhere_what_is_hidden_or_made_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in [
            "a.rs",
            "src/b.rs",
            "target/debug/a",
            "src/__pycache__/c.pyc",
            ".venv/x",
            "env/pyvenv.cfg",
            "env/bin/python",
            "build/c.rs",
            ".ssh/id_rsa",
            ".env",
        ] {
            write(root, name, name);
        }
        let copy = Workspace::copy_of(root).unwrap();
        assert_eq!(all(&copy), ["a.rs", "build/c.rs", "src/b.rs"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "run.sh", "#!/bin/sh\n");
        let mode = fs::Permissions::from_mode(0o4755);
        fs::set_permissions(folder.path().join("run.sh"), mode).unwrap();
        let copy = Workspace::copy_of(folder.path()).unwrap();
        copy.write("run.sh", "#!/bin/sh\ntrue\n").unwrap();
        copy.write("new.sh", "x").unwrap();
        let mode = |name: &str| {
            let about = fs::metadata(copy.path().join(name)).unwrap();
            about.permissions().mode() & 0o7777
        };
        assert_eq!((mode("run.sh"), mode("new.sh")), (0o755, 0o644));
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_folder_are_left_out() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "src/a.rs", "text");
        symlink("../src/a.rs", root.join("src/within.rs")).unwrap();
        symlink("../../a.rs", root.join("src/above.rs")).unwrap();
        symlink("/etc/passwd", root.join("absolute")).unwrap();
        symlink("/etc", root.join("folder")).unwrap();
        let copy = Workspace::copy_of(root).unwrap();
        assert_eq!(all(&copy), ["src/a.rs", "src/within.rs"]);
        let link = fs::read_link(copy.path().join("src/within.rs")).unwrap();
        assert_eq!(link, Path::new("../src/a.rs"));
    }

    #[test]
    fn what_is_no_folder_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large.bin");
        let large = fs::File::create(&file).unwrap();
        large.set_len(Workspace::MAX_COPY + 1).unwrap();
        for wrong in [folder.path(), &file, &folder.path().join("none")] {
            assert!(Workspace::copy_of(wrong).unwrap_err().is_invalid());
        }
    }
}
