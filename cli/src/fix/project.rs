//! What is to be repaired, read from a file or the folder of a project.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use catena_agents::{Check, Language, RepairTask, SourceFile};

use super::{
    check::{file_check, module_beside, own_of, own_tests},
    named,
    place::{environment, project_of, with_manifest, workspace_of},
    save::read_only,
    tested::{beside, build_scripts, is_test, python_tests, words},
    tree::{LARGEST, relative, repositories, tree},
};
use crate::failure::Failure;

/// A task, and where it was read.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// The folder; a snippet has none.
    pub(super) root: Option<PathBuf>,
    /// Whether it runs in a copy of the folder, rather than with the files of the task alone.
    pub(super) is_copied: bool,
    /// What else its programs read: a virtual environment.
    pub(super) readable: Vec<PathBuf>,
    /// The tests beside a file of no project, by which it is tested.
    pub(super) beside: Vec<String>,
    /// The commands that run those which it holds itself.
    pub(super) own: Vec<String>,
    pub(super) task: RepairTask,
}

/// A project's tests may take longer than a file's.
const PROJECT_TIME: Duration = Duration::from_secs(120);

/// How it is to be tested, as far as a person says.
#[derive(Clone, Debug)]
struct Wanted {
    language: Option<Language>,
    command: Option<Vec<String>>,
    /// The tests beside a file, where nothing else says how it is tested.
    beside: Vec<String>,
    timeout: Option<Duration>,
}

impl Project {
    /// Reads a file, or a folder.
    pub(super) fn read(
        path: &Path,
        language: Option<Language>,
        command: Option<Vec<String>>,
        timeout: Option<Duration>,
    ) -> Result<Self, Failure> {
        let unreadable = |error: io::Error| {
            Failure::usage(format!("{} cannot be read: {error}", path.display()))
                .help("name a source file, or the folder of a project")
        };
        let path = path.canonicalize().map_err(unreadable)?;
        let mut wanted = Wanted {
            language,
            command,
            beside: Vec::new(),
            timeout,
        };
        if path.is_dir() {
            return Self::folder(path, None, wanted);
        }
        wanted.language = Some(language.unwrap_or_else(|| Language::of(&path)));
        if is_test(&path.file_name().unwrap_or_default().to_string_lossy()) {
            return Err(Failure::usage(format!("{} is a test", path.display()))
                .help("tests are never changed: name the file that they test"));
        }
        let own = path.parent().unwrap_or(Path::new("/")).to_owned();
        match (project_of(&path), &wanted.command) {
            (Some(root), _) => Self::folder(root, Some(&path), wanted),
            (None, Some(_)) => Self::folder(own, Some(&path), wanted),
            (None, None) => {
                if wanted.language == Some(Language::Python) {
                    wanted.beside = beside(&path);
                }
                match wanted.beside.is_empty() {
                    true => Self::alone(&path, own, wanted),
                    false => Self::folder(own, Some(&path), wanted),
                }
            }
        }
    }

    /// A file that belongs to no project and has no test: whether it compiles or runs.
    fn alone(path: &Path, folder: PathBuf, wanted: Wanted) -> Result<Self, Failure> {
        let language = wanted.language.unwrap_or_default();
        let text = text_of(path)?;
        let name = relative(path, &folder).ok_or_else(|| odd_name(path))?;
        if let Some(module) = module_beside(path, &text, language) {
            return Err(Failure::usage(format!(
                "{name} needs {module}, and a file that belongs to no project is run without what is beside it"
            ))
            .help("say how it is tested, and it is run in its folder: --test 'COMMAND'"));
        }
        let mut check = file_check(&name, &text, language, wanted.timeout)?;
        let own = own_of(&check, &name, &text);
        let mut readable = Vec::new();
        for step in &mut check.steps {
            environment(&folder, &mut step.command, &mut readable);
        }
        let task = RepairTask {
            language,
            ..RepairTask::new(name, text, check)
        };
        Ok(Self {
            root: Some(folder),
            readable,
            own,
            task,
            ..Self::default()
        })
    }

    /// The project in a folder; with `only`, of which only that file may change.
    fn folder(folder: PathBuf, only: Option<&Path>, wanted: Wanted) -> Result<Self, Failure> {
        let is_cargo = folder.join("Cargo.toml").is_file();
        let by_cargo = is_cargo
            && match &wanted.command {
                Some(command) => command.first().is_some_and(|program| program == "cargo"),
                None => matches!(wanted.language, None | Some(Language::Rust)),
            };
        // A member of a workspace cannot be built without it.
        let root = match by_cargo {
            true => workspace_of(&folder),
            false => folder.clone(),
        };
        if is_home(&root) {
            return Err(Failure::usage(format!(
                "{} is a home folder or holds one, and no project",
                root.display()
            ))
            .help("all of it would be read and copied: put the file and its tests into a folder of their own"));
        }
        let within = relative(&folder, &root).ok_or_else(|| odd_name(&folder))?;
        let all = tree(&root)?;
        let only = match only {
            Some(path) => Some(listed(path, &root, &all)?),
            None => None,
        };
        let language = wanted.language.unwrap_or(match is_cargo {
            true => Language::Rust,
            false if all.iter().any(|file| file.path.ends_with(".py")) => Language::Python,
            false => Language::Other,
        });
        let has_tests = || {
            all.iter()
                .any(|file| is_test(&file.path) && file.path.ends_with(".py"))
        };
        let is_told = wanted.command.is_some();
        let command = match (wanted.command, language, &only) {
            (Some(command), ..) => Some(command),
            (None, Language::Rust, _) if is_cargo => Some(words(&[
                "cargo",
                "test",
                "--offline",
                "--message-format=json",
            ])),
            (None, Language::Python, None) => Some(python_tests(&all, &[])),
            (None, Language::Python, Some(_)) if has_tests() => {
                Some(python_tests(&all, &wanted.beside))
            }
            (None, _, Some(_)) => None,
            (None, _, None) => {
                return Err(Failure::usage(format!(
                    "{} is no Cargo and no Python project",
                    root.display()
                ))
                .help("name a command that fails as long as it is wrong: --test 'COMMAND'"));
            }
        };
        let mut readable = Vec::new();
        let text = |name: &str| {
            let file = all.iter().find(|file| file.path == name);
            file.map_or("", |file| &*file.text)
        };
        let mut visible = match (&only, command) {
            (Some(name), None) => file_check(name, text(name), language, wanted.timeout)?,
            (_, command) => {
                let mut command = command.unwrap_or_default();
                if !within.is_empty() {
                    command = with_manifest(command, &format!("{within}/Cargo.toml"));
                }
                let limit = wanted.timeout.unwrap_or(PROJECT_TIME);
                let mut check = Check::project(command, limit);
                // Those beside it are not all that it is tested by.
                let own = match &only {
                    Some(name) if !is_told && !by_cargo => own_tests(name, text(name), language)?,
                    _ => None,
                };
                if let Some(own) = own {
                    check.files.extend(own.files);
                    let steps = own.steps.into_iter();
                    check.steps.extend(steps.map(|step| step.limit(limit)));
                }
                check
            }
        };
        let own = match &only {
            Some(name) if !is_told => own_of(&visible, name, text(name)),
            _ => Vec::new(),
        };
        for step in &mut visible.steps {
            environment(&root, &mut step.command, &mut readable);
        }
        // What another repository tracks is there for the tests; whoever wants it changed names it.
        let mut others = repositories(&root, &all);
        others.retain(|other| within != *other && !is_beneath(&within, other));
        let is_only = only.is_some();
        let (files, fixed) = divided(all, &visible, &root, is_only, |path, file| match &only {
            Some(only) => path == only,
            None => {
                let is_other = others.iter().any(|other| is_beneath(path, other));
                is_beneath(path, &within) && is_source(language, file) && !is_other
            }
        })?;
        let task = RepairTask {
            language,
            files,
            fixed,
            visible,
            ..RepairTask::default()
        };
        Ok(Self {
            root: Some(root),
            is_copied: true,
            readable,
            beside: wanted.beside,
            own,
            task,
        })
    }
}

/// Whether a folder is the home of whoever runs this, or above it.
fn is_home(folder: &Path) -> bool {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.map(|home| Path::new(&home).canonicalize().unwrap_or(home.into()));
    folder.parent().is_none() || home.is_some_and(|home| home.starts_with(folder))
}

/// The files of a project that may change, and those that may not: tests, what builds, and what the command
/// names, unless one was named to be repaired, which `is_only`.
fn divided(
    all: Vec<SourceFile>,
    check: &Check,
    root: &Path,
    is_only: bool,
    may_change: impl Fn(&str, &SourceFile) -> bool,
) -> Result<(Vec<SourceFile>, Vec<SourceFile>), Failure> {
    let scripts = build_scripts(&all);
    // What is read-only could not be written; who names it is told.
    let is_open =
        |file: &SourceFile| is_only || read_only(root, std::slice::from_ref(file)).is_none();
    let may_change = |file: &SourceFile| {
        may_change(&file.path, file)
            && !is_test(&file.path)
            && !scripts.contains(&file.path)
            && is_open(file)
    };
    let command = check
        .steps
        .last()
        .map(|step| &*step.command)
        .unwrap_or_default();
    let named = match is_only {
        true => Vec::new(),
        false => named::files(command, &all, may_change),
    };
    let (files, fixed): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|file| may_change(file) && !named.contains(&file.path));
    if !files.is_empty() {
        return Ok((files, fixed));
    }
    let failure = Failure::usage(format!(
        "{} holds no source file that could be changed",
        root.display()
    ));
    Err(match named.is_empty() {
        true => failure,
        false => failure.help(
            "what the command names is its test and stays as it is: name the FILE that is broken",
        ),
    })
}

fn is_source(language: Language, file: &SourceFile) -> bool {
    let own = Language::of(Path::new(&file.path));
    match language {
        Language::Other => own != Language::Other,
        language => own == language,
    }
}

fn is_beneath(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// The path of a file among those of its project.
fn listed(path: &Path, root: &Path, all: &[SourceFile]) -> Result<String, Failure> {
    let name = relative(path, root).ok_or_else(|| odd_name(path))?;
    if all.iter().any(|file| file.path == name) {
        return Ok(name);
    }
    text_of(path)?;
    Err(Failure::usage(format!(
        "{} is ignored by git, hidden, or in a folder that is made from others",
        path.display()
    ))
    .help("such files are neither read nor written"))
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::usage(format!("{} {why}", path.display()));
    // Before it is opened: a pipe would be waited for, and a device has no end.
    if let Ok(about) = fs::metadata(path) {
        if !about.is_file() {
            return Err(failed("is no file".to_owned()));
        }
        if about.len() > LARGEST {
            return Err(failed(format!("is larger than {} MiB", LARGEST >> 20)));
        }
    }
    fs::read_to_string(path).map_err(|error| failed(format!("cannot be read as text: {error}")))
}

fn odd_name(path: &Path) -> Failure {
    Failure::usage(format!("{} has an odd name", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::testing::write;

    fn paths(files: &[SourceFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn a_cargo_project_may_change_its_sources_and_not_its_tests() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in [
            "Cargo.toml",
            "build.rs",
            "src/lib.rs",
            "src/a_test.rs",
            "tests/it.rs",
            ".git/config",
            "target/x.rs",
            "notes.md",
        ] {
            write(root, name, "x");
        }
        let project = Project::read(root, None, None, None).unwrap();
        assert_eq!(paths(&project.task.files), ["src/lib.rs"]);
        let fixed = [
            "Cargo.toml",
            "build.rs",
            "notes.md",
            "src/a_test.rs",
            "tests/it.rs",
        ];
        assert_eq!(paths(&project.task.fixed), fixed);
        assert_eq!(
            project.task.visible.steps[0].command[..2],
            ["cargo", "test"]
        );
    }

    #[test]
    fn a_file_with_a_test_is_all_that_may_change() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a.py", "x");
        write(root, "b.py", "x");
        write(root, "test_a.py", "x");
        let read = |name: &str, command: Option<Vec<String>>| {
            Project::read(&root.join(name), None, command, None)
        };
        let project = read("a.py", Some(words(&["python3", "test_a.py"]))).unwrap();
        assert_eq!(paths(&project.task.files), ["a.py"]);
        assert_eq!(paths(&project.task.fixed), ["b.py", "test_a.py"]);
        // Nothing says that it is one of a project, and no test lies beside it.
        let alone = read("b.py", None).unwrap();
        assert!(alone.task.fixed.is_empty() && !alone.is_copied);
        assert!(read("test_a.py", None).unwrap_err().is_usage());
        assert!(read("none.py", None).unwrap_err().is_usage());
    }

    #[test]
    fn what_the_command_names_is_a_test() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a.py", "verify.py", "checks/b.py", "checks/data.txt"] {
            write(root, name, "x");
        }
        let changed = |command: &[&str]| {
            let project = Project::read(root, None, Some(words(command)), None).unwrap();
            paths(&project.task.files).join(" ")
        };
        assert_eq!(changed(&["true"]), "a.py checks/b.py verify.py");
        assert_eq!(changed(&["python3", "./verify.py"]), "a.py checks/b.py");
        assert_eq!(
            changed(&["sh", "-c", "cd . && python3 verify.py"]),
            "a.py checks/b.py"
        );
        assert_eq!(changed(&["pytest", "checks"]), "a.py verify.py");
        assert_eq!(
            changed(&["python3", "-m", "unittest", "checks.b.T"]),
            "a.py verify.py"
        );
        let only = words(&["python3", "a.py", "verify.py", "checks/b.py"]);
        let refused = Project::read(root, None, Some(only), None).unwrap_err();
        assert!(refused.is_usage());
        // Also where it is the only source.
        write(root, "one/verify.py", "x");
        let one = Some(words(&["python3", "verify.py"]));
        let refused = Project::read(&root.join("one"), None, one, None).unwrap_err();
        assert!(refused.is_usage() && refused.help_text().unwrap().contains("name the FILE"));
        // The file to be repaired is none of its tests.
        let own = Project::read(
            &root.join("a.py"),
            None,
            Some(words(&["python3", "a.py"])),
            None,
        );
        assert_eq!(paths(&own.unwrap().task.files), ["a.py"]);
    }

    #[test]
    fn a_file_of_a_project_runs_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in [
            "py/pyproject.toml",
            "py/pkg/a.py",
            "py/pkg/b.py",
            "rs/Cargo.toml",
            "rs/src/lib.rs",
        ] {
            write(root, name, "x");
        }
        let read = |name: &str| Project::read(&root.join(name), None, None, None).unwrap();
        let command = |project: &Project| project.task.visible.steps[0].command.join(" ");
        let python = read("py/pkg/a.py");
        assert_eq!(command(&python), "python3 pkg/a.py");
        assert_eq!(paths(&python.task.files), ["pkg/a.py"]);
        assert_eq!(paths(&python.task.fixed), ["pkg/b.py", "pyproject.toml"]);
        write(root, "py/test_a.py", "def test_a(): pass");
        let tested = read("py/pkg/a.py");
        assert_eq!(command(&tested), "python3 -m pytest -q");
        assert!(tested.is_copied && paths(&tested.task.files) == ["pkg/a.py"]);
        let rust = read("rs/src/lib.rs");
        assert!(command(&rust).starts_with("cargo test --no-run"));
    }

    #[test]
    fn what_git_ignores_is_not_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join(".git")).unwrap();
        write(root, ".gitignore", "secret.py\n");
        write(root, "secret.py", "x");
        for command in [None, Some(words(&["true"]))] {
            let refused = Project::read(&root.join("secret.py"), None, command, None).unwrap_err();
            assert!(
                refused.is_usage() && refused.to_string().contains("ignored"),
                "{refused}"
            );
        }
    }
}
