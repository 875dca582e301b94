//! How a single file is tested.

use std::{path::Path, time::Duration};

use catena_agents::{Check, CheckStep, Language, Stage};

use crate::failure::Failure;

/// The check of a file that no test is beside of.
pub(super) fn file_check(
    name: &str,
    text: &str,
    language: Language,
    timeout: Option<Duration>,
) -> Result<Check, Failure> {
    match language {
        Language::Other => Err(
            Failure::usage(format!("nothing says whether {name} is right"))
                .help("name a command that fails as long as it is wrong: --test 'COMMAND'"),
        ),
        language => check_of_file(name, text, language, None, timeout),
    }
}

/// The check by the tests that a file holds itself, if it holds any.
pub(super) fn own_tests(
    name: &str,
    text: &str,
    language: Language,
) -> Result<Option<Check>, Failure> {
    let usual = snippet_name(language);
    if Language::of(Path::new(name)) == language || Check::own(usual, text).is_none() {
        return Ok(Check::own(name, text));
    }
    Err(Failure::usage(format!(
        "the tests in {name} are not run: it has another ending than {usual}"
    ))
    .help("say how they are run: --test 'COMMAND'"))
}

/// A file beside this one that it takes in as a module: without it, it does not run.
pub(super) fn module_beside(path: &Path, text: &str, language: Language) -> Option<String> {
    let folder = path.parent()?;
    let names = text.lines().filter_map(|line| match language {
        Language::Python => {
            let rest = line.trim_start();
            let rest = rest
                .strip_prefix("import ")
                .or_else(|| rest.strip_prefix("from "))?;
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        }
        Language::Rust => {
            let (visible, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
            let declares = visible.trim().is_empty() || visible.trim_start().starts_with("pub");
            declares.then_some(name.trim())
        }
        _ => None,
    });
    let files = |name: &str| match language {
        Language::Python => [format!("{name}.py"), format!("{name}/__init__.py")],
        _ => [format!("{name}.rs"), format!("{name}/mod.rs")],
    };
    let own = path.file_stem()?;
    names
        .filter(|name| !name.is_empty() && *name != own)
        .flat_map(files)
        .find(|file| folder.join(file).is_file())
}

/// The commands of a check that run the tests which a file holds itself, as a person would write them.
pub(super) fn own_of(check: &Check, name: &str, text: &str) -> Vec<String> {
    let own = Check::own(name, text).unwrap_or_default();
    let of_own = |step: &&CheckStep| own.steps.iter().any(|own| own.command == step.command);
    let tests = check.steps.iter().filter(of_own);
    let command = |step: &CheckStep| match &*step.command {
        // Flags are the file's own.
        [python, runner, kind, file, ..] if runner == "catena_own.py" => {
            format!("{python} -m {kind} {file}")
        }
        command => command.join(" "),
    };
    tests
        .filter(|step| step.stage == Stage::Test)
        .map(command)
        .collect()
}

/// The name that a snippet has where it is run.
pub(super) fn snippet_name(language: Language) -> &'static str {
    match language {
        Language::Rust => "snippet.rs",
        _ => "snippet.py",
    }
}

/// The check of a single file: the command, the tests that it holds, or whether it compiles or runs.
pub(super) fn check_of_file(
    name: &str,
    text: &str,
    language: Language,
    command: Option<Vec<String>>,
    timeout: Option<Duration>,
) -> Result<Check, Failure> {
    let own = match &command {
        Some(_) => None,
        None => own_tests(name, text, language)?,
    };
    let mut check = match (command, own, language) {
        (Some(command), ..) => Check::new([CheckStep::new(Stage::Test, command)]),
        (None, Some(own), _) => own,
        (None, None, Language::Rust) => Check::rust_alone(name),
        (None, None, _) => Check::python_alone(name),
    };
    if let Some(limit) = timeout {
        for step in &mut check.steps {
            step.limit = limit;
        }
    }
    Ok(check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::{project::Project, tested::words, testing::write};

    #[test]
    fn modules_beside_a_file_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["other.py", "a.py", "other.rs"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for (name, text, language, found) in [
            (
                "a.py",
                "from other import one\n",
                Language::Python,
                Some("other.py"),
            ),
            (
                "a.py",
                "def f():\n    import other\n",
                Language::Python,
                Some("other.py"),
            ),
            (
                "a.py",
                "import a, os\nfrom math import pi\nfrom . import x\n",
                Language::Python,
                None,
            ),
            (
                "a.rs",
                "pub(crate) mod other;\n",
                Language::Rust,
                Some("other.rs"),
            ),
            ("a.rs", "mod other { }\nmod none;\n", Language::Rust, None),
        ] {
            let path = folder.path().join(name);
            assert_eq!(
                module_beside(&path, text, language).as_deref(),
                found,
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_is_tested_by_what_it_holds_itself() {
        let case = "class T(unittest.TestCase):\n    def test_a(self): pass\n";
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a.py", case);
        write(root, "a.rs", "#[test]\nfn t() {}\n");
        write(root, "tool", case);
        write(root, "py/setup.py", "");
        write(root, "py/a.py", case);
        let read = |name: &str, language, command: Option<Vec<String>>| {
            Project::read(&root.join(name), language, command, None)
        };
        let commands = |project: &Project| -> Vec<String> {
            let steps = project.task.visible.steps.iter();
            steps.map(|step| step.command.join(" ")).collect()
        };
        for name in ["a.py", "py/a.py"] {
            let project = read(name, None, None).unwrap();
            assert_eq!(commands(&project), ["python3 catena_own.py unittest a.py"]);
            assert_eq!(project.own, ["python3 -m unittest a.py"]);
            let files = &project.task.visible.files;
            assert_eq!(files[0].path, "catena_own.py");
        }
        let rust = read("a.rs", None, None).unwrap();
        assert_eq!(rust.own, ["./catena_check --test-threads=1"]);
        // Together with those beside it, and not where a person says what is run.
        write(
            root,
            "test_a.py",
            "class T(TestCase):\n    def test_a(self): pass\n",
        );
        write(
            root,
            "py/test_b.py",
            "class T(TestCase):\n    def test_a(self): pass\n",
        );
        let beside = read("a.py", None, None).unwrap();
        let own = "python3 catena_own.py unittest a.py";
        assert_eq!(commands(&beside), ["python3 -m unittest test_a.py", own]);
        let project = read("py/a.py", None, None).unwrap();
        assert_eq!(commands(&project), ["python3 -m unittest discover", own]);
        let told = read("a.py", None, Some(words(&["true"]))).unwrap();
        assert_eq!(
            (commands(&told), told.own.len()),
            (vec!["true".to_owned()], 0)
        );
        // Nothing would run them.
        let python = Some(Language::Python);
        let refused = read("tool", python, None).unwrap_err();
        assert!(
            refused.is_usage() && refused.to_string().contains("are not run"),
            "{refused}"
        );
        assert!(read("tool", python, Some(words(&["true"]))).is_ok());
    }
}
