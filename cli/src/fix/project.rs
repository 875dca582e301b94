//! What is to be repaired, read from a file or the folder of a project.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use catena_agents::{Check, CheckStep, Language, RepairTask, SourceFile, Stage};
use ignore::{DirEntry, WalkBuilder};

use super::named;
use crate::failure::Failure;

/// A task, and the folder that it was read from; a snippet has none.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) root: Option<PathBuf>,
    pub(super) task: RepairTask,
}

/// The most bytes of a file, and of all; larger files are left out, more are refused.
pub(super) const LARGEST: u64 = 1 << 20;
const ALL: u64 = 32 << 20;

/// The most files.
const MOST: usize = 4_000;

/// Folders that are no part of a program.
const SKIPPED: [&str; 7] = [
    "target",
    "node_modules",
    "__pycache__",
    "venv",
    "build",
    "dist",
    "site-packages",
];

/// A project's tests may take longer than a file's.
const PROJECT_TIME: Duration = Duration::from_secs(120);

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
        if path.is_dir() {
            return Self::folder(path, language, command, timeout);
        }
        let language = language.unwrap_or_else(|| Language::of(&path));
        if is_test(&path.file_name().unwrap_or_default().to_string_lossy()) {
            return Err(Failure::usage(format!("{} is a test", path.display()))
                .help("tests are never changed: name the file that they test"));
        }
        let Some(command) = command else {
            return Self::alone(&path, language, timeout);
        };
        let root = root_of(&path);
        let name = relative(&path, &root)
            .ok_or_else(|| Failure::usage(format!("{} has an odd name", path.display())))?;
        let (mut files, fixed): (Vec<_>, Vec<_>) =
            tree(&root)?.into_iter().partition(|file| file.path == name);
        if files.is_empty() {
            // In a folder that is skipped otherwise.
            let text = fs::read_to_string(&path).map_err(unreadable)?;
            files.push(SourceFile::new(&name, text));
        }
        Ok(Self::tested(
            root,
            language,
            (files, fixed),
            command,
            timeout,
        ))
    }

    /// Files that may change and files that may not, under a command that tests them.
    fn tested(
        root: PathBuf,
        language: Language,
        (files, fixed): (Vec<SourceFile>, Vec<SourceFile>),
        command: Vec<String>,
        timeout: Option<Duration>,
    ) -> Self {
        let limit = timeout.unwrap_or(PROJECT_TIME);
        Self {
            root: Some(root),
            task: RepairTask {
                language,
                files,
                fixed,
                visible: Check::project(command, limit),
                ..RepairTask::default()
            },
        }
    }

    /// A file without a test: whether it compiles or runs.
    fn alone(path: &Path, language: Language, timeout: Option<Duration>) -> Result<Self, Failure> {
        if language == Language::Other {
            return Err(Failure::usage(format!(
                "nothing says whether {} is right",
                path.display()
            ))
            .help("name a command that fails as long as it is wrong: --test 'COMMAND'"));
        }
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!(
                "{} cannot be read as text: {error}",
                path.display()
            ))
        })?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = relative(path, &folder)
            .ok_or_else(|| Failure::usage(format!("{} has an odd name", path.display())))?;
        let check = check_of_file(&name, language, None, timeout);
        let task = RepairTask {
            language,
            ..RepairTask::new(name, text, check)
        };
        Ok(Self {
            root: Some(folder),
            task,
        })
    }

    fn folder(
        root: PathBuf,
        language: Option<Language>,
        command: Option<Vec<String>>,
        timeout: Option<Duration>,
    ) -> Result<Self, Failure> {
        let all = tree(&root)?;
        let is_cargo = root.join("Cargo.toml").is_file();
        let scripts = build_scripts(&all);
        let builds = |path: &str| scripts.iter().any(|script| script == path);
        let language = language.unwrap_or(match is_cargo {
            true => Language::Rust,
            false if all.iter().any(|file| file.path.ends_with(".py")) => Language::Python,
            false => Language::Other,
        });
        let command = match (command, language) {
            (Some(command), _) => command,
            (None, Language::Rust) if is_cargo => {
                words(&["cargo", "test", "--offline", "--message-format=json"])
            }
            (None, Language::Python) => python_tests(&all),
            _ => {
                return Err(Failure::usage(format!(
                    "{} is no Cargo and no Python project",
                    root.display()
                ))
                .help("name a command that fails as long as it is wrong: --test 'COMMAND'"));
            }
        };
        let may_change = |file: &SourceFile| {
            let path = Path::new(&file.path);
            let known = match language {
                Language::Other => Language::of(path) != Language::Other,
                language => Language::of(path) == language,
            };
            known && !is_test(&file.path) && !builds(&file.path)
        };
        let named = named::files(&command, &all, may_change);
        let (files, fixed): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|file| may_change(file) && !named.contains(&file.path));
        if files.is_empty() {
            let failure = Failure::usage(format!(
                "{} holds no source file that could be changed",
                root.display()
            ));
            return Err(match named.is_empty() {
                true => failure,
                false => failure.help(
                    "what the command names is its test and stays as it is: name the FILE that is broken",
                ),
            });
        }
        Ok(Self::tested(
            root,
            language,
            (files, fixed),
            command,
            timeout,
        ))
    }
}

/// The name that a snippet has where it is run.
pub(super) fn snippet_name(language: Language) -> &'static str {
    match language {
        Language::Rust => "snippet.rs",
        _ => "snippet.py",
    }
}

/// The check of a single file: the command, or whether it compiles or runs.
pub(super) fn check_of_file(
    name: &str,
    language: Language,
    command: Option<Vec<String>>,
    timeout: Option<Duration>,
) -> Check {
    let mut check = match (command, language) {
        (Some(command), _) => Check::new([CheckStep::new(Stage::Test, command)]),
        (None, Language::Rust) => Check::rust_alone(name),
        (None, _) => Check::python_alone(name),
    };
    if let Some(limit) = timeout {
        for step in &mut check.steps {
            step.limit = limit;
        }
    }
    check
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// How a Python project is tested: by pytest if something of it speaks of pytest or is a test that
/// unittest does not find.
fn python_tests(files: &[SourceFile]) -> Vec<String> {
    let speaks = |file: &SourceFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let is_bare =
            |line: &str| line.starts_with("def test") || line.starts_with("async def test");
        match name {
            "conftest.py" | "pytest.ini" => true,
            "pyproject.toml" | "setup.cfg" | "tox.ini" => file.text.contains("pytest"),
            _ => {
                is_test(&file.path)
                    && (file.text.contains("pytest") || file.text.lines().any(is_bare))
            }
        }
    };
    if files.iter().any(speaks) {
        return words(&["python3", "-m", "pytest", "-q"]);
    }
    match files.iter().any(|file| file.path.starts_with("tests/")) {
        true => words(&[
            "python3", "-m", "unittest", "discover", "-s", "tests", "-t", ".",
        ]),
        false => words(&["python3", "-m", "unittest", "discover"]),
    }
}

/// Programs that cargo runs while it builds: `build.rs`, and those that a manifest names.
fn build_scripts(files: &[SourceFile]) -> Vec<String> {
    let name = |file: &SourceFile| file.path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut scripts = Vec::new();
    for file in files {
        let name = name(file);
        if name == "build.rs" {
            scripts.push(file.path.clone());
        }
        if name == "Cargo.toml" {
            let folder = file.path.strip_suffix("Cargo.toml").unwrap_or_default();
            let named = file.text.lines().filter_map(|line| {
                let (key, value) = line.split_once('=')?;
                let script = value.trim().split(['"', '\'']).nth(1)?;
                (key.trim() == "build").then(|| format!("{folder}{script}"))
            });
            scripts.extend(named);
        }
    }
    scripts
}

/// Whether a file is a test, by its path in the project.
fn is_test(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    parts
        .iter()
        .any(|part| matches!(*part, "tests" | "test" | "benches"))
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || matches!(stem, "tests" | "test" | "conftest")
}

/// The project that a file belongs to: the nearest folder above it that is one, or its own.
fn root_of(file: &Path) -> PathBuf {
    let marks = ["Cargo.toml", "pyproject.toml", "setup.py", ".git"];
    let own = file.parent().unwrap_or(Path::new("/"));
    let is_root = |folder: &&Path| marks.iter().any(|mark| folder.join(mark).exists());
    own.ancestors().find(is_root).unwrap_or(own).to_owned()
}

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

/// A path from the root, with slashes.
fn relative(path: &Path, root: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// The text files of a project, by path. Links are not followed, and nothing hidden is read, nor what a
/// `.gitignore` names in a git work tree (a file that git tracks all the same is left out too).
fn tree(root: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut files = Files::default();
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
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
    entry.depth() == 0 || !(is_hidden || is_folder && SKIPPED.contains(&&*name))
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
            .help("name the folder of one project, or a file"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

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
        assert_eq!(paths(&read("a.py", None).unwrap().task.fixed), [""; 0]);
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
    fn build_scripts_stay_as_they_are() {
        let files = [
            SourceFile::new("Cargo.toml", "build = \"make.rs\"\n"),
            SourceFile::new("crates/a/build.rs", ""),
            SourceFile::new("crates/b/Cargo.toml", "[package]\nbuild=\"src/gen.rs\"\n"),
        ];
        assert_eq!(
            build_scripts(&files),
            ["make.rs", "crates/a/build.rs", "crates/b/src/gen.rs"]
        );
    }

    #[test]
    fn bare_tests_are_those_of_pytest() {
        let of = |text: &str| python_tests(&[SourceFile::new("test_a.py", text)]).join(" ");
        assert!(of("def test_a():\n    assert True\n").contains("pytest"));
        assert!(of("class T(TestCase):\n    def test_a(self): pass\n").contains("unittest"));
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
            let project = Project::read(root, Some(Language::Python), None, None).unwrap();
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
        assert_eq!(paths(&project.task.files), ["a.py"]);
        assert!(project.task.fixed.is_empty());
    }
}
