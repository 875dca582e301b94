//! What fails for no fault of the program.

use super::{Fault, Report};
use crate::repair::{RepairTask, word::words};

/// What is missing around a program, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Missing {
    pub(in super::super) what: String,
    pub(in super::super) help: &'static str,
    /// Whether no version of the program could be at fault for it.
    pub(in super::super) always: bool,
}

const MODULE: &str = "install it for the Python that the command names, or name the folder of a virtual \
    environment that has it with --readable; the sandbox has no network";
const CARGO: &str =
    "fetch what the project depends on first (cargo fetch); the sandbox has no network";
const OWN_LINKER: &str = "the self-contained linker was requested";
const COMMAND: &str = "install it where the sandbox sees it, or name its folder with --readable";

/// What keeps the program as it was given from being tested, if it is nothing that a correction could change:
/// a module of Python that is installed or not, crates that cargo would have to fetch, a program that is not
/// there.
pub(in super::super) fn missing(task: &RepairTask, report: &Report) -> Option<Missing> {
    let module = || {
        let name = module(task, report)?;
        Some(Missing {
            what: format!("Python has no module '{name}' here"),
            help: MODULE,
            always: false,
        })
    };
    let crates = || {
        let line = report.text.lines().find(|line| is_of_crates(line))?;
        Some(Missing {
            what: format!(
                "cargo has not all that the project depends on: {}",
                line.trim()
            ),
            help: CARGO,
            always: true,
        })
    };
    let command = || {
        let lines = report.text.lines().map(str::trim);
        let is_shell = |line: &&str| {
            let said = line.ends_with(": not found") || line.ends_with(": command not found");
            said && line.starts_with(|c: char| c.is_alphabetic() || c == '/')
        };
        let line = lines
            .filter(|_| report.diagnostics.is_empty())
            .find(is_shell)?;
        Some(Missing {
            what: format!("a program of the command is not there: {line}"),
            help: COMMAND,
            always: false,
        })
    };
    // `rustdoc` is come to when all tests before it pass.
    let tool = || {
        let said = [
            "could not execute process `",
            "error: could not execute process `",
            "error: linker `",
            "error: the self-contained linker",
        ];
        let line = report
            .text
            .lines()
            .map(str::trim)
            .find(|line| said.iter().any(|said| line.starts_with(said)));
        let told = report
            .diagnostics
            .iter()
            .map(|told| &*told.message)
            .find(|said| said.starts_with("linker `") || said.starts_with(OWN_LINKER));
        // rustc's own linker, of which a part of a toolchain may have none.
        let missing = ["never executed", "not found", "wasn't found"];
        let line = line
            .or(told)
            .filter(|line| missing.iter().any(|missing| line.contains(missing)))?;
        Some(Missing {
            what: format!("a tool is not there: {line}"),
            help: COMMAND,
            always: true,
        })
    };
    match report.passes {
        true => None,
        false => module().or_else(crates).or_else(tool).or_else(command),
    }
}

/// The module that is missing: the runner of the tests, or one that a file imports which may not be changed
/// and that no file of the task is.
fn module(task: &RepairTask, report: &Report) -> Option<String> {
    // `/usr/bin/python3: No module named pytest`
    let of_runner = report.text.lines().find_map(|line| {
        let (program, name) = line.split_once(": No module named ")?;
        let program = program.rsplit('/').next()?;
        program
            .starts_with("python")
            .then(|| name.trim_matches('\'').to_owned())
    });
    let named = || {
        report.diagnostics.iter().find_map(|told| {
            let is_module =
                matches!(&told.fault, Fault::Exception(name) if name == "ModuleNotFoundError");
            let (_, name) = told.message.split_once("No module named ")?;
            let name = name.trim().trim_matches('\'');
            let top = name.split('.').next().unwrap_or_default();
            (is_module && !is_own(task, top) && is_wanted(task, top)).then(|| name.to_owned())
        })
    };
    of_runner.or_else(named)
}

/// Whether a file of the task is that module, or in it.
fn is_own(task: &RepairTask, module: &str) -> bool {
    let all = task
        .files
        .iter()
        .chain(&task.fixed)
        .chain(&task.visible.files);
    let mut parts = all.flat_map(|file| file.path.split('/'));
    parts.any(|part| part == module || part.strip_suffix(".py") == Some(module))
}

/// Whether a file that may not be changed speaks of the module: a test that imports it, or a list of what the
/// project needs.
fn is_wanted(task: &RepairTask, module: &str) -> bool {
    let fixed = task.fixed.iter().chain(&task.visible.files);
    let wants = |text: &str| words(text).any(|word| word.eq_ignore_ascii_case(module));
    fixed
        .filter(|file| {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            file.path.ends_with(".py")
                || name.starts_with("requirements")
                || matches!(
                    name,
                    "pyproject.toml" | "setup.cfg" | "Pipfile" | "environment.yml"
                )
        })
        .any(|file| wants(&file.text))
}

fn is_of_crates(line: &str) -> bool {
    [
        "but --offline was specified",
        "no matching package named",
        "error: failed to download",
        "error: no matching package found",
        "Unable to update registry",
        "error: failed to get `",
        "error: failed to load source for dependency",
    ]
    .iter()
    .any(|said| line.contains(said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repair::{Check, Raw, SourceFile, Stage};

    fn what(task: &RepairTask, stderr: &str) -> Option<String> {
        let report = Report::read(&Raw {
            stage: Stage::Test,
            succeeded: false,
            timed_out: false,
            stdout: "",
            stderr,
        });
        missing(task, &report).map(|missing| missing.what)
    }

    fn no_module(file: &str, name: &str) -> String {
        format!(
            "Traceback (most recent call last):\n  File \"{file}\", line 1, in <module>\n    import {name}\nModuleNotFoundError: No module named '{name}'\n"
        )
    }

    #[test]
    fn what_no_correction_changes_is_found() {
        let mut task = RepairTask::new("a.py", "import numpy\nimport maths\n", Check::default());
        task.fixed
            .push(SourceFile::new("test_a.py", "import a, requests\n"));
        task.fixed
            .push(SourceFile::new("requirements.txt", "NumPy>=1.0\n"));
        let module = |name: &str| Some(format!("Python has no module '{name}' here"));
        let pytest = "/usr/bin/python3: No module named pytest\n";
        assert_eq!(what(&task, pytest), module("pytest"));
        assert_eq!(what(&task, &no_module("a.py", "numpy")), module("numpy"));
        assert_eq!(
            what(&task, &no_module("test_a.py", "requests")),
            module("requests")
        );
        // A slip of the program itself, which can be mended.
        assert_eq!(what(&task, &no_module("a.py", "maths")), None);
        assert_eq!(what(&task, &no_module("test_a.py", "a.b")), None);
        let cargo =
            "error: no matching package named `serde` found\nlocation searched: crates.io index\n";
        assert!(what(&task, cargo).unwrap().contains("`serde`"));
        assert!(
            what(&task, "sh: 1: pyhton3: not found\n")
                .unwrap()
                .contains("pyhton3")
        );
        let rustdoc = "error: doctest failed, to rerun pass `--doc`\n\nCaused by:\n  could not execute process `rustdoc --edition=2021 --test src/lib.rs` (never executed)\n";
        assert!(what(&task, rustdoc).unwrap().contains("rustdoc"));
        assert!(
            what(&task, "error: linker `cc` not found\n")
                .unwrap()
                .contains("`cc`")
        );
        let own = "error: the self-contained linker was requested, but it wasn't found in the target's sysroot\n";
        assert!(what(&task, own).unwrap().contains("self-contained"));
        assert_eq!(what(&task, "FAIL: the key was not found\n"), None);
    }
}
