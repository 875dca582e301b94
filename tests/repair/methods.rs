//! The switches: the paper's loop, plain feedback, samples, candidates.

use catena::agents::{ClassifiedBy, Form, Method, RepairTask, SourceFile, Stopped};

use crate::support::{
    BROKEN, FIXED, Purpose::*, block, check, model, purpose, purposes, repair, repairer, shown,
    task,
};

fn wrong(n: usize) -> String {
    block(&format!("def add(a, b):\n    return {n}\n"))
}

#[tokio::test]
async fn in_the_papers_loop_the_model_guesses_the_type() {
    let model = model(|_, _| block(FIXED));
    let repaired = repair(repairer(&model).method(Method::Paper), task())
        .await
        .unwrap();
    assert_eq!(purposes(&model), [Critique, Correct]);
    let asked = shown(&model.requests()[0]);
    assert!(
        asked.contains("A.1: incomplete") && asked.contains("C.4: small flaw"),
        "{asked}"
    );
    let critique = repaired.rounds[1].critique.as_ref().unwrap();
    assert_eq!(critique.bug_type.unwrap().code(), "C.4");
    assert_eq!(critique.by, Some(ClassifiedBy::Model));
}

#[tokio::test]
async fn plain_feedback_has_neither_types_nor_a_critique() {
    let model = model(|_, _| block(FIXED));
    let repaired = repair(repairer(&model).method(Method::Feedback), task())
        .await
        .unwrap();
    assert_eq!(purposes(&model), [Correct]);
    let asked = shown(&model.requests()[0]);
    assert!(
        asked.contains("got -1, expected 3") && !asked.contains("What is wrong"),
        "{asked}"
    );
    assert_eq!(repaired.rounds[1].critique, None);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_correction() {
    let model = model(|_, before| match before {
        0 => format!("`return a - b` is wrong.\n{}", wrong(1)),
        _ => format!("It has to add.\n\n{}", block(FIXED)),
    });
    let repairer = repairer(&model).method(Method::Explain);
    let repaired = repair(repairer, task()).await.unwrap();
    // The type is for the reader, and no prompt tells it.
    assert_eq!(purposes(&model), [Classify, Correct, Classify, Correct]);
    let bug = |round: usize| repaired.rounds[round].critique.as_ref().unwrap().bug_type;
    assert_eq!(bug(1).unwrap().code(), "C.1");
    let said = |round: usize| &repaired.rounds[round].critique.as_ref().unwrap().text;
    assert_eq!(said(1), "`return a - b` is wrong.");
    assert_eq!(said(2), "It has to add.");
    let asked = shown(&model.requests()[3]);
    assert!(!asked.contains("logic error"), "{asked}");
    // The latest version is corrected, whatever was said of the one before.
    assert!(
        asked.contains("return 1") && !asked.contains("is wrong.\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn nobody_is_asked_for_a_type_that_nobody_wants() {
    let model = model(|_, _| block(FIXED));
    let repairer = repairer(&model).method(Method::Explain).names_bugs(false);
    repair(repairer, task()).await.unwrap();
    assert_eq!(purposes(&model), [Correct]);
}

#[tokio::test]
async fn the_type_of_a_version_is_named_without_a_repair() {
    let model = model(|_, _| block(FIXED));
    let first = repair(repairer(&model).rounds(0), task()).await.unwrap();
    let graph = repairer(&model).classifier().unwrap();
    let asked = (task(), first.rounds[0].clone());
    let run = catena::Run::start(graph, asked, catena::RunOptions::new("classifier"));
    let named = run.outcome().await.unwrap().output.unwrap();
    assert_eq!(named.bug_type.unwrap().code(), "C.1");
    assert_eq!(named.by, Some(ClassifiedBy::Model));
    assert_eq!(purposes(&model), [Classify]);
}

#[tokio::test]
async fn what_is_known_to_fail_is_asked_for_otherwise() {
    let model = model(|_, before| match before {
        0 => wrong(1),
        1 => block(BROKEN),
        2 => block("def add(a, b):\n\n    # one\n    return 1\n"),
        _ => block(FIXED),
    });
    let repairer = repairer(&model).method(Method::Feedback);
    let repaired = repair(repairer, task()).await.unwrap();
    assert!(repaired.passes);
    let reasons = [
        "it was tried before",
        "it changes nothing but blanks and comments",
    ];
    assert_eq!(repaired.rounds[2].unapplied, reasons);
    let requests = model.requests();
    assert_eq!(requests.len(), 4);
    for (again, before) in [(&requests[2], &requests[1]), (&requests[3], &requests[2])] {
        // Behind the first question, without the answer, and as a sample farther from it.
        assert_eq!(again.messages.len(), 2);
        assert!(
            again.messages[1]
                .content
                .starts_with(&requests[1].messages[1].content)
        );
        assert!(again.temperature > before.temperature);
        assert_ne!(again.seed, before.seed);
    }
}

#[tokio::test]
async fn samples_know_of_no_failure_and_of_no_other_sample() {
    let model = model(|_, before| wrong(before));
    let repairer = repairer(&model)
        .method(Method::Resample)
        .attempt(true)
        .rounds(3);
    let repaired = repair(repairer, task()).await.unwrap();
    assert_eq!(repaired.rounds.len(), 4);
    let requests = model.requests();
    for request in &requests {
        let asked = shown(request);
        assert!(
            asked.contains("return a - b") && !asked.contains("expected 3"),
            "{asked}"
        );
    }
    let seeds: Vec<_> = requests.iter().map(|request| request.seed).collect();
    assert_eq!(requests[0].temperature, 0.0);
    assert!(
        requests[1..]
            .iter()
            .all(|request| request.temperature > 0.0)
    );
    assert!(seeds[1] != seeds[2] && seeds[2] != seeds[3]);
}

#[tokio::test]
async fn a_first_attempt_is_round_0() {
    let model = model(|_, before| match before {
        0 => wrong(7),
        _ => block(FIXED),
    });
    let repaired = repair(repairer(&model).attempt(true), task())
        .await
        .unwrap();
    assert_eq!(purposes(&model), [Correct, Classify, Critique, Correct]);
    assert!(shown(&model.requests()[0]).contains("There is a bug in this program."));
    assert!(repaired.rounds[0].files[0].text.contains("return 7"));
    assert!(repaired.passes);
    // What was given is what the changes are told against.
    assert!(
        repaired.diff.contains("-    return a - b"),
        "{}",
        repaired.diff
    );
}

#[tokio::test]
async fn candidates_are_written_side_by_side_and_the_best_goes_on() {
    let model = model(
        |request, before| match request.temperature > 0.0 && before < 3 {
            true => block(&format!(
                "def add(a, b):\n    return 1, '# {before} passed'\n"
            )),
            false => block(&format!(
                "def add(a, b):\n    return 1, '# 0 passed {before}'\n"
            )),
        },
    );
    let repaired = repair(repairer(&model).candidates(3).rounds(1), task())
        .await
        .unwrap();
    assert_eq!(
        purposes(&model),
        [Classify, Critique, Correct, Correct, Correct]
    );
    let numbers: Vec<_> = repaired
        .rounds
        .iter()
        .map(|round| (round.number, round.candidate))
        .collect();
    assert_eq!(numbers, [(0, 0), (1, 0), (1, 1), (1, 2)]);
    assert!(
        repaired.files[0].text.contains("# 2 passed"),
        "{:?}",
        repaired.files
    );
}

#[tokio::test]
async fn at_equal_cost_candidates_take_the_place_of_rounds() {
    let model = model(|_, before| wrong(before));
    let repairer = repairer(&model).rounds(2).candidates(2).equal_cost(true);
    let repaired = repair(repairer, task()).await.unwrap();
    assert_eq!(repaired.stopped, Stopped::Rounds);
    let corrections = purposes(&model)
        .into_iter()
        .filter(|purpose| *purpose == Correct);
    assert_eq!(corrections.count(), 2);
    assert_eq!(repaired.rounds.last().unwrap().number, 1);
}

#[tokio::test]
async fn long_files_and_several_are_changed_by_blocks() {
    let change = "<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE";
    let model = model(move |_, _| change.to_owned());
    let repaired = repair(repairer(&model).form(Form::Blocks), task())
        .await
        .unwrap();
    assert_eq!(repaired.files[0].text, FIXED);
    assert!(shown(model.requests().last().unwrap()).contains("<<<<<<< SEARCH"));

    let mut several = RepairTask::new("add.py", BROKEN, check());
    several.files.push(SourceFile::new("other.py", "x = 1\n"));
    let repaired = repair(repairer(&model), several).await.unwrap();
    assert_eq!(repaired.files[0].text, FIXED);
    assert_eq!(repaired.files[1].text, "x = 1\n");
}

#[tokio::test]
async fn a_unified_diff_is_taken_too() {
    let model = model(|_, _| {
        "```diff\n--- a/add.py\n+++ b/add.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n```".to_owned()
    });
    let repaired = repair(repairer(&model), task()).await.unwrap();
    assert_eq!(repaired.files[0].text, FIXED);
    assert_eq!(purpose(model.requests().last().unwrap()), Correct);
}
