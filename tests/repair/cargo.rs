//! A repository of several files whose Cargo test fails, repaired in the sandbox.

use std::{sync::Arc, time::Duration};

use catena::agents::{
    Check, Language, Method, RepairTask, Repairer, Runner, SandboxRunner, SourceFile, Stage,
};

use crate::support::{model, repair, shown};

const LIB: &str =
    "pub mod median;\npub mod words;\n\npub fn version() -> &'static str {\n    \"1\"\n}\n";
const WORDS: &str = "pub fn longest(text: &str) -> Option<&str> {\n    text.split_whitespace().max_by_key(|word| word.len())\n}\n";
const MEDIAN: &str = "\
/// The middle of the values; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => Some((sorted[middle] + sorted[middle + 1]) / 2.0),
        _ => Some(sorted[middle]),
    }
}
";
const TEST: &str = "\
use sums::median::median;

#[test]
fn an_odd_number_has_a_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
}

#[test]
fn an_even_number_has_two() {
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
}

#[test]
fn nothing_has_none() {
    assert_eq!(median(&[]), None);
}
";

fn repository() -> RepairTask {
    let command = ["cargo", "test", "--offline", "--message-format=json"];
    RepairTask {
        language: Language::Rust,
        files: vec![
            SourceFile::new("src/lib.rs", LIB),
            SourceFile::new("src/median.rs", MEDIAN),
            SourceFile::new("src/words.rs", WORDS),
        ],
        fixed: vec![
            SourceFile::new(
                "Cargo.toml",
                "[package]\nname = \"sums\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
            ),
            SourceFile::new("tests/median.rs", TEST),
        ],
        visible: Check::project(command, Duration::from_secs(120)),
        ..RepairTask::default()
    }
}

#[tokio::test]
async fn a_repository_is_repaired_end_to_end() {
    // The first correction does not compile, the second leaves the empty list, the third is right.
    let model = model(|_, before| {
        let search = "    match sorted.len() % 2 {\n        0 => Some((sorted[middle] + sorted[middle + 1]) / 2.0),";
        let replace = match before {
            0 => "    match sorted.len() % 2 {\n        0 => Some((sorted[middle - 1] + sorted[middl]) / 2.0),",
            1 => "    match sorted.len() % 2 {\n        0 => Some((sorted[middle - 1] + sorted[middle]) / 2.0),",
            _ => return "src/median.rs\n<<<<<<< SEARCH\n    let middle = sorted.len() / 2;\n=======\n    if sorted.is_empty() {\n        return None;\n    }\n    let middle = sorted.len() / 2;\n>>>>>>> REPLACE\n".to_owned(),
        };
        format!("src/median.rs\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
    });
    let runner = SandboxRunner::new().unwrap().keeping_build_files(true);
    let repairer = Repairer::new(Arc::new(model.clone()), Arc::new(runner))
        .method(Method::Critique)
        .rounds(4)
        .form(catena::agents::Form::Blocks);
    let repaired = repair(repairer, repository()).await.unwrap();
    let told: Vec<_> = repaired
        .rounds
        .iter()
        .map(|round| round.report.headline())
        .collect();
    assert!(repaired.passes, "{told:#?}");
    assert_eq!(repaired.rounds.len(), 4, "{told:#?}");
    let stages: Vec<_> = repaired
        .rounds
        .iter()
        .map(|round| round.report.stage)
        .collect();
    assert_eq!(
        stages,
        [
            Some(Stage::Run),
            Some(Stage::Compile),
            Some(Stage::Run),
            None
        ],
        "{told:#?}"
    );
    let types: Vec<_> = repaired
        .rounds
        .iter()
        .filter_map(|round| Some(round.critique.as_ref()?.bug_type?.code()))
        .collect();
    // Out of bounds, by the panic, each time: what did not compile was no step forward.
    assert_eq!(types, ["B.3", "B.3", "B.3"]);
    // Only the file that the diagnostics name was shown as a whole, and only it was changed.
    let first = shown(&model.requests()[0]);
    assert!(
        first.contains("src/median.rs") && !first.contains("longest"),
        "{first}"
    );
    let changed: Vec<_> = repository()
        .files
        .into_iter()
        .zip(&repaired.files)
        .filter(|(before, after)| before != *after)
        .map(|(before, _)| before.path)
        .collect();
    assert_eq!(changed, ["src/median.rs"]);
}

/// Leaves a runner of tests that runs none, and programs in the place of those that were built.
const LEAVES: &str = r##"
use std::fs;

pub fn one() -> u8 {
    let forged = "#!/bin/sh\necho 'running 1 test'\necho 'test result: ok. 1 passed; 0 failed;'\n";
    for entry in fs::read_dir("target/debug/deps").unwrap().flatten() {
        fs::remove_file(entry.path()).unwrap();
        fs::write(entry.path(), forged).unwrap();
    }
    fs::create_dir_all(".cargo").unwrap();
    fs::write(".cargo/config.toml", "[target.'cfg(all())']\nrunner = '/bin/true'\n").unwrap();
    fs::write("tests/one.rs", "").unwrap();
    2
}
"##;

#[tokio::test]
async fn what_a_run_leaves_decides_no_other() {
    let runner = SandboxRunner::new().unwrap().keeping_build_files(true);
    let check = Check::project(["cargo", "test", "--offline"], Duration::from_secs(120));
    let fixed = [
        SourceFile::new(
            "Cargo.toml",
            "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        ),
        SourceFile::new(
            "tests/one.rs",
            "#[test]\nfn one() {\n    assert_eq!(one::one(), 1);\n}\n",
        ),
    ];
    let run = async |text: &str| {
        let files = [SourceFile::new("src/lib.rs", text)];
        runner.run(&files, &fixed, &check).await.unwrap()
    };
    let first = run(LEAVES).await;
    assert_eq!((first.passes, first.failed), (false, 1), "{first:?}");
    assert_eq!(first.changed, ["tests/one.rs"]);
    let wrong = run("pub fn one() -> u8 { 3 }\n").await;
    assert_eq!((wrong.passes, wrong.ran), (false, Some(1)), "{wrong:?}");
    let values = wrong.diagnostics[0].values.clone();
    assert_eq!(values, Some(("3".to_owned(), "1".to_owned())));
    let right = run("pub fn one() -> u8 { 1 }\n").await;
    assert!(right.passes && right.ran == Some(1), "{right:?}");
    let exits = run("pub fn one() -> u8 { std::process::exit(0) }\n").await;
    assert!(!exits.passes, "{exits:?}");
    let none = run("pub fn one() -> u8 { 1 }\n\n/// ```\n/// assert!(one::none());\n/// ```\npub fn none() -> bool { false }\n").await;
    assert!(!none.passes, "{none:?}");
}
