//! What a project is tested by.

use std::{ffi::OsStr, fs, path::Path};

use catena_agents::SourceFile;

/// The tests that lie right beside a file of Python, by their paths from its folder.
pub(super) fn beside(file: &Path) -> Vec<String> {
    let (Some(folder), Some(stem)) = (file.parent(), file.file_stem().and_then(OsStr::to_str))
    else {
        return Vec::new();
    };
    let names = [
        format!("test_{stem}.py"),
        format!("{stem}_test.py"),
        format!("tests/test_{stem}.py"),
    ];
    let is_file = |name: &String| {
        fs::symlink_metadata(folder.join(name)).is_ok_and(|metadata| metadata.is_file())
    };
    names.into_iter().filter(is_file).collect()
}

/// How a Python project is tested, or those of its tests that are named: by pytest if something of it speaks
/// of pytest or is a test that unittest does not find.
pub(super) fn python_tests(files: &[SourceFile], named: &[String]) -> Vec<String> {
    let speaks = |file: &SourceFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let is_bare =
            |line: &str| line.starts_with("def test") || line.starts_with("async def test");
        match name {
            "conftest.py" | "pytest.ini" => true,
            "pyproject.toml" | "setup.cfg" | "tox.ini" => file.text.contains("pytest"),
            _ => {
                is_test(&file.path)
                    && (named.is_empty() || named.contains(&file.path))
                    && (file.text.contains("pytest") || file.text.lines().any(is_bare))
            }
        }
    };
    let in_folder = || files.iter().any(|file| file.path.starts_with("tests/"));
    let is_package = || files.iter().any(|file| file.path == "tests/__init__.py");
    let runner: &[&str] = match files.iter().any(speaks) {
        true => &["pytest", "-q"],
        false if !named.is_empty() => &["unittest"],
        false if in_folder() && is_package() => &["unittest", "discover", "-s", "tests", "-t", "."],
        // With `-t .` it would be no module that can be imported.
        false if in_folder() => &["unittest", "discover", "-s", "tests"],
        false => &["unittest", "discover"],
    };
    let mut command = words(&["python3", "-m"]);
    command.extend(words(runner));
    command.extend(named.iter().cloned());
    command
}

/// Programs that cargo runs while it builds: `build.rs`, and those that a manifest names.
pub(super) fn build_scripts(files: &[SourceFile]) -> Vec<String> {
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
pub(super) fn is_test(path: &str) -> bool {
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

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::{project::Project, testing::write};

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
        let of = |text: &str| python_tests(&[SourceFile::new("test_a.py", text)], &[]).join(" ");
        assert!(of("def test_a():\n    assert True\n").contains("pytest"));
        assert!(of("class T(TestCase):\n    def test_a(self): pass\n").contains("unittest"));
    }

    #[test]
    fn a_folder_of_tests_that_is_no_package_is_looked_through_by_itself() {
        let of = |names: &[&str]| {
            let text = "class T(TestCase):\n    def test_a(self): pass\n";
            let files = names.iter().map(|name| SourceFile::new(*name, text));
            python_tests(&files.collect::<Vec<_>>(), &[]).join(" ")
        };
        let plain = "python3 -m unittest discover -s tests";
        assert_eq!(of(&["tests/test_a.py"]), plain);
        let package = of(&["tests/test_a.py", "tests/__init__.py"]);
        assert_eq!(package, format!("{plain} -t ."));
    }

    #[test]
    fn tests_beside_a_file_of_no_project_are_its_tests() {
        let bare = "def test_a(): pass\n";
        let of_class = "class T(TestCase):\n    def test_a(self): pass\n";
        for (names, text, expected) in [
            (&["test_a.py"][..], bare, "python3 -m pytest -q test_a.py"),
            (&["a_test.py"], of_class, "python3 -m unittest a_test.py"),
            (
                &["tests/test_a.py", "test_a.py"],
                of_class,
                "python3 -m unittest test_a.py tests/test_a.py",
            ),
            (&["test_b.py"], bare, "python3 a.py"),
            // A project says how all of it is tested.
            (
                &["test_a.py", "pyproject.toml"],
                of_class,
                "python3 -m unittest discover",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), "a.py", "x");
            for name in names {
                write(folder.path(), name, text);
            }
            let read = |command: Option<Vec<String>>| {
                let path = folder.path().join("a.py");
                Project::read(&path, None, command, None).unwrap()
            };
            let project = read(None);
            assert_eq!(project.task.visible.steps[0].command.join(" "), expected);
            let [file] = &*project.task.files else {
                panic!("one")
            };
            assert_eq!(file.path, "a.py");
            let is_said = expected.contains(names[0]);
            assert_eq!(!project.beside.is_empty(), is_said, "{expected}");
            let own = read(Some(words(&["true"])));
            assert_eq!(own.task.visible.steps[0].command, ["true"]);
            assert!(own.beside.is_empty());
        }
    }
}
