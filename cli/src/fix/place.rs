//! Where a project is, and what of its surroundings a command needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::tree::is_environment;

/// The project that a file belongs to: the nearest folder above it that is one.
pub(super) fn project_of(file: &Path) -> Option<PathBuf> {
    let marks = ["Cargo.toml", "pyproject.toml", "setup.py", ".git"];
    let is_root = |folder: &&Path| marks.iter().any(|mark| folder.join(mark).exists());
    file.parent()?.ancestors().find(is_root).map(Path::to_owned)
}

/// The workspace of a Cargo package, or the package.
pub(super) fn workspace_of(package: &Path) -> PathBuf {
    let is_workspace = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest
            .lines()
            .any(|line| line.trim().starts_with("[workspace"))
    };
    let found = package.ancestors().find(is_workspace);
    found.unwrap_or(package).to_owned()
}

/// A cargo command that is of one package of a workspace.
pub(super) fn with_manifest(mut command: Vec<String>, manifest: &str) -> Vec<String> {
    if !command
        .iter()
        .any(|word| word.starts_with("--manifest-path"))
    {
        let verb = command
            .iter()
            .position(|word| word == "test" || word == "t");
        let at = verb.map_or(command.len(), |verb| verb + 1);
        command.splice(at..at, ["--manifest-path".to_owned(), manifest.to_owned()]);
    }
    command
}

/// Has a command of Python use the project's virtual environment, which stays where it is, for reading.
pub(super) fn environment(root: &Path, command: &mut [String], readable: &mut Vec<PathBuf>) {
    let names = [".venv", "venv"];
    let Some(folder) = names
        .iter()
        .map(|name| root.join(name))
        .find(|path| is_environment(path))
    else {
        return;
    };
    let Some(program) = command.first_mut() else {
        return;
    };
    let of_folder = names
        .iter()
        .find_map(|name| program.strip_prefix(&format!("{name}/bin/")));
    let bare = (!program.contains('/')).then_some(&**program);
    let Some(own) = of_folder.or(bare).map(|name| folder.join("bin").join(name)) else {
        return;
    };
    // A link leads to the interpreter, which may be anywhere.
    if fs::symlink_metadata(&own).is_err() {
        return;
    }
    *program = own.display().to_string();
    if readable.contains(&folder) {
        return;
    }
    let settings = fs::read_to_string(folder.join("pyvenv.cfg")).unwrap_or_default();
    readable.push(folder);
    let home = settings.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "home").then(|| PathBuf::from(value.trim()))
    });
    // `home` is the folder of the interpreter; the system's own is seen anyway.
    let base = home
        .as_deref()
        .and_then(Path::parent)
        .filter(|base| *base != Path::new("/usr") && base.is_dir());
    readable.extend(base.map(Path::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::{project::Project, tested::words, testing::write};

    #[test]
    fn a_member_is_tested_in_its_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(
            root,
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\"]\n",
        );
        for name in [
            "crates/a/Cargo.toml",
            "crates/a/src/lib.rs",
            "crates/b/src/lib.rs",
        ] {
            write(root, name, "x");
        }
        let check = |path: &str, command: Option<Vec<String>>| {
            let project = Project::read(&root.join(path), None, command, None).unwrap();
            let command = project.task.visible.steps.last().unwrap().command.join(" ");
            (
                project
                    .task
                    .files
                    .iter()
                    .map(|file| &*file.path)
                    .collect::<Vec<_>>()
                    .join(" "),
                command,
            )
        };
        let member = "cargo test --manifest-path crates/a/Cargo.toml";
        for path in ["crates/a", "crates/a/src/lib.rs"] {
            let (files, command) = check(path, None);
            assert_eq!(files, "crates/a/src/lib.rs");
            assert!(command.starts_with(member), "{command}");
        }
        let (_, own) = check("crates/a", Some(words(&["cargo", "test", "--lib"])));
        assert_eq!(own, format!("{member} --lib"));
        assert_eq!(check("", None).0, "crates/a/src/lib.rs crates/b/src/lib.rs");
    }

    #[cfg(unix)]
    #[test]
    fn a_virtual_environment_is_used_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let base = root.join("base/bin");
        fs::create_dir_all(&base).unwrap();
        write(
            &root,
            "p/.venv/pyvenv.cfg",
            &format!("home = {}\n", base.display()),
        );
        write(&root, "p/.venv/bin/python3", "");
        write(&root, "p/a.py", "x");
        let read = |command: &[&str]| {
            Project::read(&root.join("p"), None, Some(words(command)), None).unwrap()
        };
        let own = root.join("p/.venv/bin/python3").display().to_string();
        for program in ["python3", ".venv/bin/python3"] {
            let project = read(&[program, "x"]);
            assert_eq!(
                project.task.visible.steps[0].command,
                [own.clone(), "x".to_owned()]
            );
            assert_eq!(project.readable, [root.join("p/.venv"), root.join("base")]);
        }
        assert_eq!(read(&["make"]).task.visible.steps[0].command, ["make"]);
        // Of no project, and with no test beside it.
        let alone = Project::read(&root.join("p/a.py"), None, None, None).unwrap();
        assert_eq!(
            alone.task.visible.steps[0].command,
            [own, "a.py".to_owned()]
        );
        assert_eq!(alone.readable, [root.join("p/.venv"), root.join("base")]);
    }
}
