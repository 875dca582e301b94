//! A budget that is too small leaves a document that says what is missing, and a larger one completes it.

use std::sync::Arc;

use catena::{
    Budget, Journal, MemoryJournal, Run, RunOptions,
    agents::{Jurisdiction, PatentPiece, PatentTask, PatentWork, Rule, check_patent},
};

use crate::support::{draft, model, writer};

#[tokio::test]
async fn what_is_missing_is_marked_and_then_written() {
    let guide = Jurisdiction::Us.guide();
    let whole = model(|_, _| None);
    let all = crate::support::written(writer(&whole)).await;
    for calls in 1..whole.calls() {
        let asked = model(|_, _| None);
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let options = |calls: usize| {
            RunOptions::new("patent")
                .journal(journal.clone())
                .budget(Budget::new().calls(calls as u64))
        };
        let task = || PatentTask::new(draft());
        let run = Run::start(writer(&asked).build().unwrap(), task(), options(calls));
        let id = run.id().clone();
        let stopped = run.outcome().await.unwrap_err();
        assert!(stopped.is_budget_exceeded(), "{stopped}");

        let events = journal.events(&id).await.unwrap();
        let work = PatentWork::from_events(&events);
        let missing = work.missing();
        // The last calls are examinations: their text is there, and not handed over yet.
        assert!(!missing.is_empty(), "{calls} of {} calls", whole.calls());
        let partial = work.patent(&draft(), &guide);
        let marks = check_patent(&partial, &guide)
            .into_iter()
            .filter(|finding| finding.rule == Rule::Placeholders)
            .count();
        assert_eq!(marks, missing.len(), "{missing:?}");
        let text = partial.to_markdown();
        for piece in &missing {
            let name = match piece {
                PatentPiece::Plan => "plan and detailed description".to_owned(),
                other => other.to_string(),
            };
            assert!(
                text.contains(&format!("[To be written: {name}")),
                "{name}: {text}"
            );
        }

        let graph = writer(&asked).build().unwrap();
        let run = Run::start(graph, task(), options(whole.calls()).resume(id));
        let completed = run.outcome().await.unwrap().output;
        assert_eq!(completed.patent, all.patent);
        assert_eq!(asked.calls(), whole.calls(), "nothing is paid twice");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_side_by_side_is_kept_when_the_budget_ends() {
    let guide = Jurisdiction::Us.guide();
    let slow = || {
        model(|_, _| None)
            .latency(std::time::Duration::from_millis(50))
            .configure(|profile| profile.parallel = 4)
    };
    let whole = slow();
    let all = crate::support::written(writer(&whole)).await;
    for calls in 1..whole.calls() {
        let asked = slow();
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let options = |calls: usize| {
            RunOptions::new("patent")
                .journal(journal.clone())
                .budget(Budget::new().calls(calls as u64))
        };
        let task = || PatentTask::new(draft());
        let run = Run::start(writer(&asked).build().unwrap(), task(), options(calls));
        let id = run.id().clone();
        let stopped = run.outcome().await.unwrap_err();
        assert!(stopped.is_budget_exceeded(), "{stopped}");
        assert_eq!(asked.calls(), calls, "all that is allowed is used");
        if calls >= 4 {
            let events = journal.events(&id).await.unwrap();
            let partial = PatentWork::from_events(&events).patent(&draft(), &guide);
            let text = partial.to_markdown();
            assert!(text.contains("Cups tip over easily."), "{calls}: {text}");
        }

        let graph = writer(&asked).build().unwrap();
        let run = Run::start(graph, task(), options(whole.calls()).resume(id));
        assert_eq!(run.outcome().await.unwrap().output.patent, all.patent);
        assert_eq!(asked.calls(), whole.calls(), "nothing is paid twice");
    }
}

#[tokio::test]
async fn tokens_are_bounded_across_sections_that_are_written_side_by_side() {
    let asked = model(|_, _| None).configure(|profile| profile.parallel = 4);
    let options = RunOptions::new("patent").budget(Budget::new().tokens(3_000));
    let graph = writer(&asked).build().unwrap();
    let run = Run::start(graph, PatentTask::new(draft()), options);
    let stopped = run.outcome().await.unwrap_err();
    assert!(stopped.is_budget_exceeded());
    assert!(stopped.spent().unwrap().tokens() <= 3_000);
}
