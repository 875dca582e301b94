//! The files of a project.

use std::{collections::BTreeSet, fs, io, path::Path};

use catena_agents::{RepairTask, SourceFile};
use ignore::{DirEntry, WalkBuilder};

use crate::failure::Failure;

/// The most bytes of a file, and of all; larger files are no text that is shown, more are refused.
pub(super) const LARGEST: u64 = 1 << 20;
const ALL: u64 = 32 << 20;

/// The most files.
const MOST: usize = 4_000;

/// Folders that are made from others.
const SKIPPED: [&str; 4] = ["target", "node_modules", "__pycache__", "site-packages"];

/// The first file of a recorded task that its folder does not hold as it was then, or that it holds now and
/// did not, but for those that may be changed: whoever writes them looks at them again.
pub(super) fn changed(root: &Path, task: &RepairTask) -> Result<Option<String>, Failure> {
    if task.fixed.is_empty() {
        return Ok(None);
    }
    let now = tree(root)?;
    let is_open = |path: &str| task.files.iter().any(|file| file.path == path);
    let differs = |a: &[SourceFile], b: &[SourceFile]| {
        let mut files = a
            .iter()
            .filter(|file| !is_open(&file.path) && !b.contains(file));
        files.next().map(|file| file.path.clone())
    };
    Ok(differs(&task.fixed, &now).or_else(|| differs(&now, &task.fixed)))
}

/// The folders of these files that are repositories of their own, such as submodules of git.
pub(super) fn repositories(root: &Path, files: &[SourceFile]) -> BTreeSet<String> {
    let above = |file: &'_ SourceFile| -> Vec<String> {
        let ends = file.path.match_indices('/');
        let folders = ends.filter_map(|(end, _)| file.path.get(..end));
        folders.map(str::to_owned).collect()
    };
    let mut folders: BTreeSet<String> = files.iter().flat_map(above).collect();
    folders.retain(|folder| root.join(folder).join(".git").exists());
    folders
}

/// A path from the root, with slashes.
pub(super) fn relative(path: &Path, root: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// The text files of a project, by path. Links are not followed, and nothing hidden is read, nor what a
/// `.gitignore` names in a git work tree (a file that git tracks all the same is left out too).
pub(super) fn tree(root: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut files = Files::default();
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .git_global(true)
        .git_ignore(true)
        .git_exclude(true)
        .parents(true)
        .filter_entry(is_looked_at)
        .build();
    for entry in walk {
        let entry = entry
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", root.display())))?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            files.add(entry.path(), root)?;
        }
    }
    // Libraries have git ignore it, and without it cargo asks the network which versions there are.
    let lock = root.join(LOCK);
    if !files.found.iter().any(|file| file.path == LOCK) && is_file(&lock) {
        files.add(&lock, root)?;
    }
    files.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files.found)
}

const LOCK: &str = "Cargo.lock";

/// Whether this is a file itself and no link to one.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn is_looked_at(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    // cargo's settings are hidden and belong to the program.
    let is_hidden = name.starts_with('.') && name != ".cargo";
    let is_made = || SKIPPED.contains(&&*name) || is_environment(entry.path());
    entry.depth() == 0 || !(is_hidden || is_folder && is_made())
}

/// Whether a folder is a virtual environment of Python.
pub(super) fn is_environment(folder: &Path) -> bool {
    folder.join("pyvenv.cfg").is_file()
}

#[derive(Default)]
struct Files {
    found: Vec<SourceFile>,
    size: u64,
}

impl Files {
    /// Adds a file, unless it is large or no text: a test that needs it fails, and says so.
    fn add(&mut self, path: &Path, root: &Path) -> Result<(), Failure> {
        let unreadable =
            |error: io::Error| Failure::new(format!("{} cannot be read: {error}", path.display()));
        if fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
            return Ok(());
        }
        let (Ok(text), Some(path)) = (fs::read_to_string(path), relative(path, root)) else {
            return Ok(());
        };
        self.size += text.len() as u64;
        self.found.push(SourceFile { path, text });
        if self.found.len() > MOST || self.size > ALL {
            return Err(Failure::usage(format!(
                "{} holds more than {MOST} files or {} MiB of text",
                root.display(),
                ALL >> 20
            ))
            .help("name the folder of one project; a file and its tests can be put into a folder of their own"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::{project::Project, testing::write};

    fn paths(files: &[SourceFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn what_changed_since_a_task_was_recorded_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a.py", "x");
        write(root, "test_a.py", "x");
        let task = Project::read(root, None, None, None).unwrap().task;
        write(root, "a.py", "y");
        assert_eq!(changed(root, &task).unwrap(), None);
        write(root, "test_b.py", "x");
        assert_eq!(changed(root, &task).unwrap().as_deref(), Some("test_b.py"));
        write(root, "test_a.py", "y");
        assert_eq!(changed(root, &task).unwrap().as_deref(), Some("test_a.py"));
    }

    #[test]
    fn what_git_ignores_is_no_part_of_a_project() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            ".gitignore",
            "/secret.py\n*.log\nmade/\nCargo.lock\n",
        );
        let root = &folder.path().join("inner");
        let others = ["secret.py", "Cargo.lock", "Cargo.toml", "src/.gitignore"];
        for name in ["a.py", "src/b.py", "src/out.log", "made/c.py"]
            .into_iter()
            .chain(others)
        {
            write(root, name, "x");
        }
        write(root, "src/.gitignore", "left.py\n");
        write(root, "src/left.py", "x");
        let read = || {
            let project =
                Project::read(root, Some(catena_agents::Language::Python), None, None).unwrap();
            let all = [project.task.files, project.task.fixed].concat();
            all.into_iter().map(|file| file.path).collect::<Vec<_>>()
        };
        // Without git its files are files.
        assert!(read().contains(&"src/left.py".to_owned()));
        fs::create_dir(folder.path().join(".git")).unwrap();
        // The folder of the file has a say in where `/secret.py` is.
        let kept = ["a.py", "secret.py", "src/b.py", "Cargo.lock", "Cargo.toml"];
        assert_eq!(read(), kept);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.py", "x");
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("b.py")).unwrap();
        let project = Project::read(folder.path(), None, None, None).unwrap();
        assert_eq!(project.task.files.len(), 1);
        assert!(project.task.fixed.is_empty());
    }

    #[test]
    fn what_another_repository_tracks_is_changed_when_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a.py", "x");
        write(root, "vendor/ops/b.py", "x");
        write(root, "vendor/ops/.git", "gitdir: ../../.git/modules/ops\n");
        fs::create_dir(root.join(".git")).unwrap();
        let read = |path: &str| Project::read(&root.join(path), None, None, None).unwrap();
        let whole = read("");
        assert_eq!(paths(&whole.task.files), ["a.py"]);
        assert_eq!(paths(&whole.task.fixed), ["vendor/ops/b.py"]);
        for path in ["vendor/ops", "vendor/ops/b.py"] {
            assert_eq!(paths(&read(path).task.files), ["b.py"]);
        }
        // A member of a workspace is built in it, and is what was named all the same.
        write(
            root,
            "Cargo.toml",
            "[workspace]\nmembers = [\"vendor/ops\"]\n",
        );
        write(root, "vendor/ops/Cargo.toml", "[package]\n");
        write(root, "vendor/ops/src/lib.rs", "x");
        let member = read("vendor/ops");
        assert_eq!(paths(&member.task.files), ["vendor/ops/src/lib.rs"]);
    }
}
