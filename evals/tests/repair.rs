//! Broken programs of benchmarks, in the sandbox.

#![allow(missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use catena_agents::{Prompts, Runner, SandboxRunner, SourceFile};
use catena_core::ModelProfile;
use catena_evals::{
    Kind, RepairEvaluation, RepairSuite, Repairing, Table, equal_tokens, repair_strategies,
};
use catena_models::ScriptedModel;
use serde_json::{Value, json};

const MIDDLE: &str = "def middle(x):\n    return sorted(x)[len(x) // 2]\n";

/// Two items in QuixBugs' form, one of which the model never repairs.
fn written(folder: &Path) -> PathBuf {
    let item = |name: &str, buggy: &str, cases: Value| {
        let check = format!(
            "_T = {cases}\ndef _t(input_data, expected):\n    assert {name}(*input_data) == expected\n\nfor _i,_e in _T: _t(_i,_e)\n"
        );
        json!({ "name": name, "buggy": buggy, "correct": "", "json_testcases": cases, "check": check, "needs_node": false })
    };
    let lines = [
        item(
            "middle",
            "def middle(x):\n    return x[len(x) // 2]\n\n\"\"\"\nThe middle of the sorted values.\n\"\"\"\n",
            json!([[[[3, 1, 2]], 2], [[[1, 2, 3]], 2], [[[9, 8, 1]], 8]]),
        ),
        item(
            "never",
            "def never(x):\n    return x\n",
            json!([[[1], 2], [[2], 3]]),
        ),
    ];
    let path = folder.join("quixbugs_tiny.jsonl");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, text).unwrap();
    path
}

/// Repairs `middle` once it is told what went wrong.
fn model() -> ScriptedModel {
    ScriptedModel::from_fn(|request| {
        let asked = &request.messages[1].content;
        Ok(if asked.contains("Which type of bug") {
            "{\"bug_type\": \"C.1\"}".to_owned()
        } else if asked.contains("Which line is wrong") || asked.contains("Name the type") {
            "C.1: it does not sort.".to_owned()
        } else if asked.contains("def middle") && asked.contains("When it is run") {
            format!("```python\n{MIDDLE}```")
        } else if asked.contains("def middle") {
            "```python\ndef middle(x):\n    return x[len(x) // 2] + 0\n```".to_owned()
        } else {
            let n = asked.len();
            format!("```python\ndef never(x):\n    return {n}\n```")
        })
    })
    .with_profile(ModelProfile::new("scripted", 4096))
}

fn repairing(model: ScriptedModel) -> Repairing {
    Repairing {
        model: Arc::new(model),
        scorer: None,
        runner: Arc::new(SandboxRunner::new().unwrap()),
        window: 4096,
        rounds: 2,
        prompts: Prompts::builtin(),
    }
}

#[tokio::test]
async fn strategies_are_measured_kept_and_not_run_twice() {
    let folder = tempfile::tempdir().unwrap();
    let suite = RepairSuite::load(&written(folder.path())).unwrap();
    assert_eq!(
        suite.items[0].task.instruction,
        "The middle of the sorted values."
    );
    let names = ["critique", "paper", "feedback", "resample"].map(str::to_owned);
    let model = model();
    let out = folder.path().join("out");
    let mut calls = 0;
    for pass in 0..2 {
        let mut measured = Vec::new();
        for strategy in repair_strategies(&names, &repairing(model.clone())).unwrap() {
            let evaluation = suite.evaluate(&*strategy, &out, |_, _| {}).await.unwrap();
            assert_eq!(evaluation.failures(), 0, "{:?}", evaluation.items);
            measured.push(evaluation);
        }
        let [critique, paper, feedback, resample] = &*measured else {
            panic!("four")
        };
        for rounds in [critique, paper, feedback] {
            assert_eq!(rounds.passes(0), [0.0, 0.0]);
            assert_eq!(rounds.passes(1), [1.0, 0.0]);
            assert_eq!(rounds.repaired(None), [1.0, 0.0]);
        }
        assert_eq!(resample.passes_within(None), [0.0, 0.0]);
        assert_eq!(resample.items[1].rounds.len(), 7);
        let cap = equal_tokens(resample, critique.cost(None).1);
        assert!(resample.cost(Some(cap)).1 <= critique.cost(None).1);
        for evaluation in [critique, paper, feedback, resample] {
            let kinds = evaluation.repaired_by(None, |item| {
                item.bug
                    .as_ref()
                    .and_then(|bug| bug.bug_type)
                    .unwrap()
                    .code()
            });
            let kind = Kind {
                failing: 2,
                repaired: usize::from(!evaluation.is_resampling),
            };
            assert_eq!(kinds, [("C.1", kind)].into());
        }
        // The question for the type is no part of what a repair took.
        assert_eq!(resample.items[0].answered.usage.calls, 7);
        assert!(!critique.items[0].answered.transcript.is_empty());
        let strategies = repair_strategies(&names, &repairing(model.clone())).unwrap();
        let kept = suite.kept(&*strategies[0], &out).unwrap();
        assert_eq!(kept.passes(1), critique.passes(1));
        assert_eq!(
            suite
                .kept(&*strategies[0], &folder.path().join("none"))
                .unwrap()
                .items
                .len(),
            0
        );
        let both = RepairEvaluation::joined([critique, paper]);
        assert_eq!((both.items.len(), &*both.strategy), (4, "critique"));
        let table = Table::from_iter([
            critique.row(2, None).unwrap(),
            resample.row(2, Some(cap)).unwrap(),
        ]);
        let markdown = table.markdown();
        assert!(
            markdown.contains("| critique | 2 | 0.0 [0.0, 0.0] | 50.0"),
            "{markdown}"
        );
        assert!(markdown.contains("resample (equal tokens)"), "{markdown}");
        if pass == 1 {
            assert_eq!(
                model.requests().len(),
                calls,
                "what is kept is not asked again"
            );
        }
        calls = model.requests().len();
    }
}

#[test]
fn unknown_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = repair_strategies(&["oracle".to_owned()], &repairing(model()))
        .err()
        .unwrap();
    assert!(error.is_invalid());
    let path = folder.path().join("x.jsonl");
    fs::write(&path, "{}\n").unwrap();
    assert!(RepairSuite::load(&path).unwrap_err().is_invalid());
}

/// The benchmarks, where they are.
fn data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// The corrected program of each item, which has to pass all tests that the broken one fails.
async fn canonical(name: &str, correct: impl Fn(&Value) -> String) {
    let Some(path) = data(name) else { return };
    let suite = RepairSuite::load(&path).unwrap();
    let runner = SandboxRunner::new().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut blind = Vec::new();
    for (item, record) in suite.items.iter().zip(records) {
        let file = &item.task.files[0];
        let right = [SourceFile::new(&file.path, correct(&record))];
        let hidden = item.task.hidden.as_ref().unwrap();
        for check in [&item.task.visible, hidden] {
            let report = runner.run(&right, &[], check).await.unwrap();
            assert!(report.passes, "{}: {report:?}", item.id);
        }
        let broken = runner.run(&item.task.files, &[], hidden).await.unwrap();
        assert!(!broken.passes, "{}: {broken:?}", item.id);
        assert_ne!(
            broken.stage,
            Some(catena_agents::Stage::Compile),
            "{}",
            item.id
        );
        if runner
            .run(&item.task.files, &[], &item.task.visible)
            .await
            .unwrap()
            .passes
        {
            blind.push(item.id.clone());
        }
    }
    eprintln!("{name}: the visible tests do not see what is wrong with {blind:?}");
    assert!(blind.len() * 3 <= suite.items.len(), "{blind:?}");
}

fn declared(record: &Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap().to_owned();
    let without = |line: &&str| {
        !["use rand", "use regex", "use md5"]
            .iter()
            .any(|krate| line.starts_with(krate))
    };
    let declaration: String = text("declaration")
        .lines()
        .filter(without)
        .map(|line| format!("{line}\n"))
        .collect();
    format!("{declaration}{}", text("canonical_solution"))
}

#[tokio::test]
async fn right_programs_of_quixbugs_pass_and_broken_ones_do_not() {
    canonical("quixbugs/quixbugs_python.jsonl", |record| {
        record["correct"].as_str().unwrap().to_owned()
    })
    .await;
}

#[tokio::test]
async fn right_programs_of_humanevalfix_python_pass_and_broken_ones_do_not() {
    canonical("humanevalfix/python.jsonl", declared).await;
}

#[tokio::test]
async fn right_programs_of_humanevalfix_rust_pass_and_broken_ones_do_not() {
    canonical("humanevalfix/rust.jsonl", declared).await;
}
