//! Rounds: how many there are, which version is kept, what is told.

use catena::agents::{
    Check, ClassifiedBy, Diagnostic, Fault, RepairTask, Report, ScriptedRunner, Stage, Stopped,
};
use catena::agents::{Method, Repairer};
use std::sync::Arc;

use crate::support::{
    BROKEN, FIXED, Purpose::*, block, failing, model, notes, purposes, repair, repairer, task,
};

#[tokio::test]
async fn a_program_is_run_classified_criticised_corrected_and_run_again() {
    let model = model(|_, _| block(FIXED));
    let repaired = repair(repairer(&model), task()).await.unwrap();
    assert!(repaired.passes);
    assert_eq!(repaired.stopped, Stopped::Passed);
    assert_eq!(repaired.files[0].text, FIXED);
    assert_eq!(purposes(&model), [Classify, Critique, Correct]);
    let [first, second] = &*repaired.rounds else {
        panic!("two versions")
    };
    assert_eq!((first.number, second.number, repaired.best), (0, 1, 1));
    let critique = second.critique.as_ref().unwrap();
    assert_eq!(critique.bug_type.unwrap().code(), "C.1");
    assert_eq!(critique.by, Some(ClassifiedBy::Model));
    assert!(
        second
            .diff
            .contains("-    return a - b\n+    return a + b\n"),
        "{}",
        second.diff
    );
    assert_eq!(repaired.usage.calls, 3);
}

#[tokio::test]
async fn what_passes_is_left_alone() {
    let model = model(|_, _| panic!("nothing is asked"));
    let task = RepairTask::new("add.py", FIXED, crate::support::check());
    let repaired = repair(repairer(&model), task).await.unwrap();
    assert_eq!(repaired.stopped, Stopped::NothingWrong);
    assert_eq!((repaired.diff.as_str(), repaired.usage.calls), ("", 0));
}

#[tokio::test]
async fn without_anything_to_run_nothing_is_begun() {
    let model = model(|_, _| block(FIXED));
    let task = RepairTask::new("add.py", BROKEN, Check::default());
    let refused = repair(repairer(&model), task).await.unwrap_err();
    assert!(refused.is_invalid());
    assert!(
        refused.to_string().contains("no test and no compiler"),
        "{refused}"
    );
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn rounds_end_and_the_best_version_is_kept() {
    // The first correction passes three tests, the second and third fewer.
    let model = model(|_, before| {
        let passed = [3, 2, 0][before];
        block(&format!(
            "def add(a, b):\n    return 3, '# {passed} passed'\n"
        ))
    });
    let repaired = repair(repairer(&model).rounds(3), task()).await.unwrap();
    assert!(!repaired.passes);
    assert_eq!(repaired.stopped, Stopped::Rounds);
    assert_eq!((repaired.rounds.len(), repaired.best), (4, 1));
    assert!(repaired.files[0].text.contains("# 3 passed"));
    // The second and the third are corrections of the best one, and the third knows what was tried.
    let corrections: Vec<_> = model
        .requests()
        .into_iter()
        .filter(|request| crate::support::purpose(request) == Correct)
        .collect();
    for request in &corrections[1..] {
        assert!(crate::support::shown(request).contains("return 3, '# 3 passed'\n```"));
    }
    let third = crate::support::shown(&corrections[2]);
    assert!(
        third.contains("did not help:") && third.contains("+    return 3, '# 2 passed"),
        "{third}"
    );
    assert!(corrections[2].temperature > 0.0 && corrections[0].temperature == 0.0);
}

#[tokio::test]
async fn a_rule_decides_where_there_is_one_and_saves_a_call() {
    let mut index = Report::reported("x");
    index.stage = Some(Stage::Run);
    index.diagnostics = vec![Diagnostic::new(
        Fault::Exception("IndexError".to_owned()),
        "IndexError: list index out of range",
    )];
    let runner = ScriptedRunner::new([index, Report::passing(1)]);
    let model = model(|_, _| block(FIXED));
    let repairer =
        Repairer::new(Arc::new(model.clone()), Arc::new(runner)).method(Method::Critique);
    let repaired = repair(repairer, task()).await.unwrap();
    assert_eq!(purposes(&model), [Critique, Correct]);
    let critique = repaired.rounds[1].critique.as_ref().unwrap();
    assert_eq!(critique.bug_type.unwrap().code(), "B.3");
    assert_eq!(
        critique.by,
        Some(ClassifiedBy::Rule("IndexError".to_owned()))
    );
    assert!(
        crate::support::shown(&model.requests()[0]).contains("incorrect boundary condition check")
    );
}

#[tokio::test]
async fn what_cannot_be_applied_is_reported_back_and_asked_for_again() {
    let model = model(|_, before| match before {
        0 => "I would add them.".to_owned(),
        1 => block("def sum(a, b):\n    return a + b\n"),
        _ => block(FIXED),
    });
    let repaired = repair(repairer(&model), task()).await.unwrap();
    assert!(repaired.passes);
    assert_eq!(
        purposes(&model),
        [Classify, Critique, Correct, Again, Again]
    );
    let reasons = &repaired.rounds[1].unapplied;
    assert!(
        reasons[0].contains("no code block") && reasons[1].contains("leaves out `add`"),
        "{reasons:?}"
    );
    let again = model.requests().pop().unwrap();
    assert!(
        again
            .messages
            .last()
            .unwrap()
            .content
            .contains("leaves out `add`")
    );
}

#[tokio::test]
async fn a_round_without_a_correction_ends_the_repair_and_says_why() {
    let model = model(|_, _| "I cannot.".to_owned());
    let told = notes(repairer(&model).retries(1), task()).await;
    let unapplied: Vec<_> = told
        .iter()
        .filter(|(name, _)| name == "repair.unapplied")
        .collect();
    assert_eq!(unapplied.len(), 2);
    let repaired = repair(repairer(&model).retries(1), task()).await.unwrap();
    assert_eq!(repaired.stopped, Stopped::Unapplied);
    assert_eq!(repaired.unapplied.len(), 2);
    assert_eq!(repaired.files[0].text, BROKEN);
}

#[tokio::test]
async fn every_version_is_told_with_all_that_led_to_it() {
    let model = model(|_, _| block(FIXED));
    let told = notes(repairer(&model), task()).await;
    let names: Vec<_> = told.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "repair.round",
            "repair.bug_type",
            "repair.critique",
            "repair.round"
        ]
    );
    let round = &told[3].1;
    assert_eq!(round["critique"]["bug_type"], "C.1");
    assert_eq!(round["report"]["passes"], true);
    assert!(round["diff"].as_str().unwrap().contains("a + b"));
}

#[tokio::test]
async fn fewer_tests_than_at_first_are_no_success() {
    let mut fewer = Report::passing(2);
    for (ran, passes) in [
        (Some(2), false),
        (None, false),
        (Some(4), true),
        (Some(5), true),
    ] {
        fewer.ran = ran;
        let runner = ScriptedRunner::new([failing(1, 3), fewer.clone()]);
        let model = model(|_, _| block(FIXED));
        let repairer = Repairer::new(Arc::new(model), Arc::new(runner)).rounds(1);
        let repaired = repair(repairer, task()).await.unwrap();
        assert_eq!(repaired.passes, passes, "{ran:?}");
    }
}

#[tokio::test]
async fn where_no_test_could_be_loaded_at_first_the_first_that_ran_count() {
    let mut unloaded = failing(0, 1);
    unloaded.ran = Some(0);
    for (tests, passes) in [(3, false), (4, true)] {
        let reports = [unloaded.clone(), failing(1, 3), Report::passing(tests)];
        let runner = ScriptedRunner::new(reports);
        let model = model(|_, before| block(&format!("{FIXED}x = {before}\n")));
        let repairer = Repairer::new(Arc::new(model), Arc::new(runner)).rounds(2);
        let repaired = repair(repairer, task()).await.unwrap();
        assert_eq!(repaired.passes, passes, "{tests}");
    }
}

#[tokio::test]
async fn a_version_that_changes_what_tests_it_has_not_passed() {
    let run = |changed: &[&str], report: Report| Report {
        changed: changed.iter().map(ToString::to_string).collect(),
        ..report
    };
    for (first, then, passes) in [
        (&[][..], &["cases.py"][..], false),
        // What the tests change themselves, they may.
        (&["cases.py"], &["cases.py"], true),
        (&["cases.py"], &["cases.py", "test_add.py"], false),
    ] {
        let reports = [run(first, failing(1, 3)), run(then, Report::passing(4))];
        let runner = ScriptedRunner::new(reports);
        let model = model(|_, _| block(FIXED));
        let repairer = Repairer::new(Arc::new(model), Arc::new(runner)).rounds(1);
        let repaired = repair(repairer, task()).await.unwrap();
        assert_eq!(repaired.passes, passes, "{first:?} {then:?}");
    }
}

#[tokio::test]
async fn without_a_test_that_runs_nothing_is_asked() {
    let mut none = Report::passing(0);
    none.passes = false;
    none.diagnostics = vec![Diagnostic::new(Fault::Untested, "no test ran")];
    let runner = ScriptedRunner::new([none]);
    let model = model(|_, _| block(FIXED));
    let repairer = Repairer::new(Arc::new(model.clone()), Arc::new(runner));
    let refused = repair(repairer, task()).await.unwrap_err();
    assert!(
        refused.is_invalid() && refused.to_string().contains("no test runs"),
        "{refused}"
    );
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn hidden_tests_score_and_are_never_shown() {
    let secret = "assert add(20, 22) == 42 # secret";
    let hidden = Check::default().file("catena_hidden.py", secret);
    let hidden = Check {
        steps: crate::support::check().steps,
        ..hidden
    };
    // The visible check is satisfied by what the hidden one is not.
    let runner = ScriptedRunner::from_fn(move |files, check| {
        let text = &files[0].text;
        let is_hidden = check.files.iter().any(|file| file.text.contains("secret"));
        match text.contains("a + b") || (text.contains("return 3") && !is_hidden) {
            true => Report::passing(1),
            false => failing(0, 1),
        }
    });
    let model = model(|_, _| block("def add(a, b):\n    return 3\n"));
    let repairer =
        Repairer::new(Arc::new(model.clone()), Arc::new(runner)).method(Method::Critique);
    let repaired = repair(repairer, task().hidden(hidden)).await.unwrap();
    assert!(repaired.passes);
    assert_eq!(repaired.hidden, Some(false));
    let hidden: Vec<_> = repaired.rounds.iter().map(|round| round.hidden).collect();
    assert_eq!(hidden, [Some(false), Some(false)]);
    for request in model.requests() {
        assert!(!crate::support::shown(&request).contains("secret"));
    }
}

#[tokio::test]
async fn no_round_begins_once_the_tokens_are_spent() {
    let model = model(|_, before| block(&format!("def add(a, b):\n    return {before}\n")));
    let repaired = repair(repairer(&model).rounds(9).tokens(1), task())
        .await
        .unwrap();
    assert_eq!(repaired.stopped, Stopped::Tokens);
    assert_eq!(repaired.rounds.len(), 2);
}

#[tokio::test]
async fn what_does_not_fit_the_window_is_not_asked() {
    let model = model(|_, _| block(FIXED));
    let long = format!("def add(a, b):\n    return {}\n", "a - ".repeat(4_000));
    let task = RepairTask::new("add.py", long, crate::support::check());
    let repaired = repair(repairer(&model).window(600), task).await.unwrap();
    assert_eq!(repaired.stopped, Stopped::TooLong);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn equal_cost_writes_no_more_than_rounds_do() {
    for (rounds, candidates, expected) in [(2, 50, 2), (3, 2, 3), (4, 2, 4), (2, 1, 2)] {
        let model = model(|_, before| block(&format!("def add(a, b):\n    return {before}\n")));
        let repairer = repairer(&model)
            .rounds(rounds)
            .candidates(candidates)
            .equal_cost(true);
        let repaired = repair(repairer, task()).await.unwrap();
        assert_eq!(repaired.rounds.len(), 1 + expected, "{rounds} {candidates}");
        let written = purposes(&model).into_iter().filter(|one| *one == Correct);
        assert_eq!(written.count(), expected, "{rounds} {candidates}");
    }
}

#[tokio::test]
async fn what_a_candidate_could_not_apply_is_told() {
    // The first candidate is asked at temperature 0, and again.
    let model = model(|request, _| match request.temperature > 0.6 {
        true => block(FIXED),
        false => "I would add them.".to_owned(),
    });
    let repairer = repairer(&model).candidates(2);
    let repaired = repair(repairer, task()).await.unwrap();
    assert!(repaired.passes);
    let told = &repaired.rounds[1].unapplied;
    assert!(
        told.len() == 3 && told[0].contains("no code block"),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_import_that_failed_is_not_put_back() {
    let import = "from sums import plus";
    let answer = "def add(a, b):\n    return [plus for plus in [a + b]][0]\n";
    let model = model(move |_, _| block(answer));
    let mut report = Report::reported("x");
    report.diagnostics = vec![Diagnostic::new(
        Fault::Exception("ModuleNotFoundError".to_owned()),
        "ModuleNotFoundError: No module named 'sums'",
    )];
    report.diagnostics[0].source = Some(import.to_owned());
    let runner = ScriptedRunner::new([report, Report::passing(1)]);
    let program = format!("{import}\n\ndef add(a, b):\n    return plus(a, b)\n");
    let task = RepairTask::new("add.py", program, crate::support::check());
    let repaired = repair(Repairer::new(Arc::new(model), Arc::new(runner)), task);
    assert_eq!(repaired.await.unwrap().files[0].text, answer);
}

#[tokio::test]
async fn a_round_that_failed_lets_more_files_be_changed() {
    let model = model(|_, before| format!("b.py\n```python\ndef b():\n    return {before}\n```"));
    let runner = ScriptedRunner::from_fn(|_, _| {
        let mut report = failing(0, 1);
        report.diagnostics[0].file = Some("b.py".to_owned());
        report.diagnostics[0].line = Some(1);
        report.diagnostics[0].others = vec![("a.py".to_owned(), 1)];
        report
    });
    let mut task = RepairTask::new(
        "b.py",
        "def b():\n    return None\n",
        crate::support::check(),
    );
    let caller = catena::agents::SourceFile::new("a.py", "def caller():\n    b()\n");
    task.files.push(caller);
    let repairer = Repairer::new(Arc::new(model.clone()), Arc::new(runner));
    repair(repairer, task).await.unwrap();
    let requests = model.requests();
    let corrections = requests
        .iter()
        .filter(|one| crate::support::purpose(one) == Correct);
    let shown: Vec<bool> = corrections
        .map(|request| crate::support::shown(request).contains("def caller"))
        .collect();
    assert_eq!(shown, [false, true]);
}
