//! Readers: QuixBugs and HumanEvalFix.

use std::path::Path;

use catena_agents::{Check, Language, RepairTask};
use catena_core::{Error, Result};
use serde::Deserialize;

use super::split::first_assertions;
use crate::jsonl::{lines, parse};

/// A broken program of a benchmark.
#[derive(Clone, Debug)]
pub struct RepairItem {
    /// Its name in the benchmark.
    pub id: String,
    /// What the benchmark says is wrong with it; empty where it says nothing.
    pub kind: String,
    /// The task, with visible and hidden tests.
    pub task: RepairTask,
}

/// Broken programs, and the tests that tell whether they are repaired.
///
/// The hidden tests are the benchmark's own, all of them. What a model is told the outcome of is
///
/// - the example test, where the benchmark has one (HumanEvalFix, Python), which often is part of the
///   whole test, as the examples are part of the docstring that the model sees anyway;
/// - elsewhere the first half of the assertions, at least one. A program that satisfies these and no more
///   fails the hidden ones; where a benchmark has one assertion, both are the same and a program might be
///   fitted to it.
#[derive(Clone, Debug)]
pub struct RepairSuite {
    /// The name of its file, with that of the folder where the file's says too little.
    pub name: String,
    /// The items, in the order of the file.
    pub items: Vec<RepairItem>,
}

impl RepairSuite {
    /// Whether a path is that of such a benchmark: it or its folder is named so.
    pub fn knows(path: &Path) -> bool {
        Benchmark::of(path).is_some()
    }

    /// Reads a benchmark's file.
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid) for an unknown name, a file that cannot be read, and a line that
    /// is none of it.
    pub fn load(path: &Path) -> Result<Self> {
        let Some((benchmark, name)) = Benchmark::of(path) else {
            return Err(Error::invalid(format!(
                "{} is no benchmark of repair that is known here",
                path.display()
            ))
            .with_help("its name or its folder's has to hold quixbugs or humanevalfix"));
        };
        let items = match benchmark {
            Benchmark::QuixBugs => lines(path, "QuixBugs", |line, _| quixbugs(line))?,
            Benchmark::HumanEvalFix => lines(path, "HumanEvalFix", |line, _| human_eval_fix(line))?,
        };
        Ok(Self { name, items })
    }

    /// Keeps the first `count` items.
    #[must_use]
    pub fn limit(mut self, count: usize) -> Self {
        self.items.truncate(count);
        self
    }
}

#[derive(Clone, Copy)]
enum Benchmark {
    QuixBugs,
    HumanEvalFix,
}

impl Benchmark {
    fn of(path: &Path) -> Option<(Self, String)> {
        let name = path.file_stem()?.to_string_lossy().into_owned();
        let folder = path.parent().and_then(Path::file_name);
        let folder = folder.unwrap_or_default().to_string_lossy().into_owned();
        let known = [
            ("quixbugs", Self::QuixBugs),
            ("humanevalfix", Self::HumanEvalFix),
        ];
        known.into_iter().find_map(|(word, benchmark)| {
            if name.to_lowercase().contains(word) {
                return Some((benchmark, name.clone()));
            }
            let in_folder = folder.to_lowercase() == word;
            in_folder.then(|| (benchmark, format!("{folder}-{name}")))
        })
    }
}

/// How many of the assertions are visible.
fn visible(all: usize) -> usize {
    all.div_ceil(2).max(1)
}

fn limit_of(all: usize) -> u32 {
    u32::try_from(visible(all)).unwrap_or(u32::MAX)
}

const PYTHON: &str = "solution.py";
const RUST: &str = "solution.rs";

#[derive(Deserialize)]
struct QuixBugs {
    name: String,
    buggy: String,
    check: String,
    #[serde(default)]
    json_testcases: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    needs_node: bool,
}

/// The class of nodes that tests of graphs and lists use.
const NODE: &str = "\
class Node:
    def __init__(self, value=None, successor=None, successors=None, predecessors=None,
                 incoming_nodes=None, outgoing_nodes=None):
        self.value = value
        self.successor = successor
        self.successors = [] if successors is None else successors
        self.predecessors = [] if predecessors is None else predecessors
        self.incoming_nodes = [] if incoming_nodes is None else incoming_nodes
        self.outgoing_nodes = [] if outgoing_nodes is None else outgoing_nodes

";

fn quixbugs(line: &str) -> Result<RepairItem, String> {
    let item: QuixBugs = parse(line)?;
    let (program, instruction) = described(&item.buggy);
    let tests = match item.needs_node {
        true => format!("{NODE}{}", item.check),
        false => item.check,
    };
    let all = match &item.json_testcases {
        Some(cases) => cases.len(),
        None => tests.matches("assert ").count(),
    };
    let task = RepairTask::new(
        PYTHON,
        program,
        Check::python(PYTHON, &tests, Some(limit_of(all))),
    )
    .instruction(instruction)
    .hidden(Check::python(PYTHON, tests, None));
    Ok(RepairItem {
        id: item.name,
        kind: String::new(),
        task,
    })
}

/// A program of QuixBugs without the text at its end, and that text: it describes the program.
fn described(buggy: &str) -> (String, String) {
    let trimmed = buggy.trim_end();
    let inner = trimmed
        .strip_suffix("\"\"\"")
        .and_then(|text| text.rsplit_once("\"\"\""));
    match inner {
        // A program whose text is all in quotes would be left with nothing.
        Some((program, text)) if !program.trim().is_empty() => {
            (format!("{}\n", program.trim_end()), text.trim().to_owned())
        }
        _ => (buggy.to_owned(), String::new()),
    }
}

#[derive(Deserialize)]
struct HumanEvalFix {
    task_id: String,
    declaration: String,
    buggy_solution: String,
    canonical_solution: String,
    test: String,
    #[serde(default)]
    example_test: Option<String>,
    #[serde(default)]
    bug_type: String,
    entry_point: String,
    docstring: String,
}

fn human_eval_fix(line: &str) -> Result<RepairItem, String> {
    let item: HumanEvalFix = parse(line)?;
    let (language, _) = item
        .task_id
        .split_once('/')
        .ok_or("task_id has no language")?;
    let instruction = format!("{}: {}", item.entry_point, item.docstring.trim());
    let task = match language {
        "Python" => {
            let program = format!("{}{}", item.declaration, item.buggy_solution);
            let example = item.example_test.filter(|test| test.contains("assert"));
            let visible = match example {
                Some(example) => Check::python(PYTHON, example, None),
                None => {
                    let all = item.test.matches("assert ").count();
                    Check::python(PYTHON, &item.test, Some(limit_of(all)))
                }
            };
            RepairTask::new(PYTHON, program, visible).hidden(Check::python(PYTHON, item.test, None))
        }
        "Rust" => {
            let whole = [&item.buggy_solution, &item.canonical_solution, &item.test];
            let declaration = without_crates(&item.declaration, &whole.map(|text| &**text));
            let program = format!("{}{}", declaration.trim_start(), item.buggy_solution);
            let (tests, _) = first_assertions(&item.test, visible)
                .ok_or("its test has no assertion that can be told apart")?;
            RepairTask::new(RUST, program, Check::rust(RUST, tests))
                .hidden(Check::rust(RUST, item.test))
        }
        other => return Err(format!("{other} is no language that is run here")),
    };
    debug_assert_ne!(task.language, Language::Other);
    Ok(RepairItem {
        id: item.task_id,
        kind: item.bug_type,
        task: task.instruction(instruction),
    })
}

/// A declaration without the imports of crates that nothing in the item uses: all programs of the
/// benchmark begin with the same imports, and rustc alone knows of no crates. An item that does use one
/// keeps it, and does not compile here.
fn without_crates(declaration: &str, uses: &[&str]) -> String {
    let foreign = [("rand", "rng"), ("regex", "Regex"), ("md5", "md5")];
    declaration
        .lines()
        .filter(|line| {
            let import = line.trim().strip_prefix("use ").unwrap_or_default();
            let name = import.split([':', ';']).next().unwrap_or_default().trim();
            let Some((_, used)) = foreign.iter().find(|(krate, _)| *krate == name) else {
                return true;
            };
            uses.iter()
                .any(|text| text.contains(used) || text.contains(&format!("{name}::")))
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_known_by_file_or_folder() {
        let name = |path: &str| Benchmark::of(Path::new(path)).map(|(_, name)| name);
        assert_eq!(
            name("data/quixbugs/quixbugs_python.jsonl").unwrap(),
            "quixbugs_python"
        );
        assert_eq!(
            name("humanevalfix/rust.jsonl").unwrap(),
            "humanevalfix-rust"
        );
        assert_eq!(name("musique.jsonl"), None);
    }

    #[test]
    fn the_text_at_the_end_describes_the_program() {
        let (program, text) = described("def f():\n    pass\n\n\"\"\"\nAdds.\n\"\"\"\n");
        assert_eq!(
            (program.as_str(), text.as_str()),
            ("def f():\n    pass\n", "Adds.")
        );
        assert_eq!(described("x = 1").1, "");
    }

    #[test]
    fn crates_that_nothing_uses_are_left_out() {
        let declaration =
            "use rand::Rng;\nuse regex::Regex;\nuse md5;\nuse std::any::Any;\nfn f() {\n";
        let kept = without_crates(declaration, &["let x = md5::compute(y);"]);
        assert_eq!(kept, "use md5;\nuse std::any::Any;\nfn f() {\n");
    }
}
