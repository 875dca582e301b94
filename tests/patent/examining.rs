//! Examination and revision: edits instead of rewrites, the best version kept, at most so many rounds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use catena::{
    Context, agent,
    agents::{Criterion, Examination, Retrieval, Verdict},
};

use crate::support::{FAIL, PASS, Purpose, count, heading, model, purpose, shown, writer, written};

#[tokio::test]
async fn a_text_that_fails_is_edited() {
    let model = model(|purpose, request| {
        match purpose {
        Purpose::Examine if heading(request) == "Foot" => Some(
            match shown(request).contains("The foot is made of cork.") {
                true => PASS,
                false => FAIL,
            }
            .into(),
        ),
        Purpose::Revise => Some(
            r#"{"edits": [{"find": "The foot is wide.", "replace": "The foot is made of cork. It is wide."}]}"#
                .into(),
        ),
        _ => None,
    }
    });
    let written = written(writer(&model)).await;
    let own = &written.work.subsections[&"1.1".parse().unwrap()];
    assert!(
        own.text
            .starts_with("The foot 106 is made of cork. It is wide."),
        "{}",
        own.text
    );
    assert_eq!(own.rounds, 1);
    assert!(own.verdict.as_ref().unwrap().passes());
    assert_eq!(
        (
            count(&model, Purpose::Revise),
            count(&model, Purpose::Examine)
        ),
        (1, 5)
    );
}

#[tokio::test]
async fn revisions_see_what_the_text_was_written_from() {
    let model = model(|purpose, _| match purpose {
        Purpose::Examine => Some(FAIL.into()),
        _ => None,
    });
    written(writer(&model)).await;
    let revisions: Vec<_> = model
        .requests()
        .into_iter()
        .filter(|request| purpose(request) == Purpose::Revise)
        .collect();
    assert!(!revisions.is_empty());
    for request in revisions
        .iter()
        .filter(|request| heading(request) == "Foot")
    {
        let text = shown(request);
        assert!(
            text.contains("A weight of iron lies in the foot."),
            "{text}"
        );
        assert!(text.contains("Say what the foot is made of."), "{text}");
    }
}

#[tokio::test]
async fn the_best_version_is_kept() {
    let model = model(|purpose, request| match purpose {
        Purpose::Examine => Some(match shown(request).contains("The rim slides.") {
            // More criteria fail than before.
            true => FAIL.replace("[\"comp", "[\"logic\", \"comp"),
            false => FAIL.into(),
        }),
        Purpose::Revise => Some(
            r#"{"edits": [{"find": "The foot is wide.", "replace": "The rim slides."}]}"#.into(),
        ),
        _ => None,
    });
    let written = written(writer(&model).rounds(3)).await;
    let own = &written.work.subsections[&"1.1".parse().unwrap()];
    assert!(
        own.text.starts_with("The foot 106 is wide."),
        "{}",
        own.text
    );
    assert_eq!(own.rounds, 3);
    assert_eq!(
        own.verdict.as_ref().unwrap().fails,
        [Criterion::Comprehensiveness]
    );
}

#[tokio::test]
async fn edits_that_do_not_apply_change_nothing_and_cost_no_verdict() {
    let model = model(|purpose, _| match purpose {
        Purpose::Examine => Some(FAIL.into()),
        Purpose::Revise => Some(r#"{"edits": [{"find": "Not there.", "replace": "x"}]}"#.into()),
        _ => None,
    });
    let written = written(writer(&model)).await;
    assert_eq!(
        (
            count(&model, Purpose::Revise),
            count(&model, Purpose::Examine)
        ),
        (4, 4)
    );
    assert!(written.patent.to_text().contains("The foot 106 is wide."));
}

#[tokio::test]
async fn a_malformed_verdict_is_repaired_or_is_none() {
    // Repaired.
    let repaired = model(|purpose, _| match purpose {
        Purpose::Examine => Some("Pass!".into()),
        Purpose::Repair => Some(PASS.into()),
        _ => None,
    });
    let written_one = written(writer(&repaired)).await;
    let own = &written_one.work.subsections[&"1.1".parse().unwrap()];
    assert!(own.verdict.as_ref().unwrap().passes());
    assert_eq!(count(&repaired, Purpose::Revise), 0);

    // None: the text stays as it is, and nothing is written anew.
    let silent = model(|purpose, _| match purpose {
        Purpose::Examine | Purpose::Repair => Some("Pass!".into()),
        _ => None,
    });
    let written_two = written(writer(&silent)).await;
    let own = &written_two.work.subsections[&"1.1".parse().unwrap()];
    assert_eq!((own.verdict.as_ref(), own.rounds), (None, 0));
    assert!(own.text.starts_with("The foot 106 is wide."));
    assert_eq!(
        (
            count(&silent, Purpose::Revise),
            count(&silent, Purpose::Write)
        ),
        (0, 4)
    );
}

#[tokio::test]
async fn without_rounds_nothing_is_examined() {
    let model = model(|_, _| None);
    written(writer(&model).rounds(0)).await;
    assert_eq!(count(&model, Purpose::Examine), 0);
}

#[tokio::test]
async fn passages_are_chosen_by_numbers_that_exist() {
    let model = model(|purpose, request| match purpose {
        Purpose::Choose => Some(
            match heading(request).as_str() {
                "Foot" => r#"{"passages": [1, 1, 99, 0]}"#,
                _ => r#"{"passages": []}"#,
            }
            .into(),
        ),
        _ => None,
    });
    let written = written(writer(&model).retrieval(Retrieval::Chosen)).await;
    assert!(count(&model, Purpose::Choose) > 0);
    let passages = |id: &str| {
        let own = &written.work.subsections[&id.parse().unwrap()];
        own.rests_on
            .iter()
            .filter(|source| !matches!(source, catena::agents::Source::Claim(_)))
            .count()
    };
    assert_eq!(passages("1.1"), 1);
    assert!(passages("1.2") >= 1, "a choice of nothing is none");
}

#[tokio::test]
async fn another_examiner_takes_the_place_of_the_model() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = seen.clone();
    let examiner = agent(move |examination: Examination, _: Context| {
        counted.fetch_add(1, SeqCst);
        async move {
            assert!(!examination.references.is_empty());
            Ok(Some(Verdict::default()))
        }
    });
    let model = model(|_, _| None);
    let written = written(writer(&model).examiner(examiner)).await;
    assert_eq!(seen.load(SeqCst), 4);
    assert_eq!(count(&model, Purpose::Examine), 0);
    assert!(
        written
            .work
            .subsections
            .values()
            .all(|own| own.verdict.is_some())
    );
}

#[tokio::test]
async fn the_last_pass_never_makes_it_worse() {
    // What the last pass is told to write is worse than what it is told to correct.
    let model = model(|purpose, request| {
        match purpose {
        Purpose::Write if heading(request) == "Foot" => {
            Some("The foot is wide. Absolutely necessary is the spirit of cork.".into())
        }
        Purpose::Write if heading(request) == "Rim" => {
            Some("The lid 55 closes. The lock 55 opens. The rim is thin.".into())
        }
        Purpose::Revise => Some(
            r#"{"edits": [{"find": "The lock 55 opens.", "replace": "The lock 55, the foot 55 and the rim 55 open."}]}"#
                .into(),
        ),
        _ => None,
    }
    });
    let written = written(writer(&model)).await;
    let patent = written.patent.to_text();
    assert!(
        patent.contains("The lock 55 opens.") && !patent.contains("rim 55"),
        "{patent}"
    );
    assert_eq!(
        count(&model, Purpose::Revise),
        2,
        "each was tried, once: {:?}",
        written.findings
    );
}
