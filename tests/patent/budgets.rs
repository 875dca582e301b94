//! A budget that is too small leaves a document that says what is missing, and a larger one completes it.

use std::sync::Arc;

use catena::{
    Budget, Journal, MemoryJournal, Run, RunId, RunOptions,
    agents::{
        Jurisdiction, PatentPiece, PatentTask, PatentWork, Rule, WrittenPatent, check_patent,
    },
    models::ScriptedModel,
};

use crate::support::{draft, model, writer};

/// A run whose budget was too small.
struct Stopped {
    journal: Arc<dyn Journal>,
    id: RunId,
}

impl Stopped {
    async fn after(calls: usize, model: &ScriptedModel) -> Self {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let run = start(model, limited(calls).journal(journal.clone()));
        let id = run.id().clone();
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_budget_exceeded(), "{error}");
        Self { journal, id }
    }

    /// What there is of the patent.
    async fn work(&self) -> PatentWork {
        PatentWork::from_events(&self.journal.events(&self.id).await.unwrap())
    }

    /// What comes of it with a larger budget.
    async fn completed(self, calls: usize, model: &ScriptedModel) -> WrittenPatent {
        let options = limited(calls).journal(self.journal).resume(self.id);
        start(model, options).outcome().await.unwrap().output
    }
}

fn limited(calls: usize) -> RunOptions {
    RunOptions::new("patent").budget(Budget::new().calls(calls as u64))
}

fn start(model: &ScriptedModel, options: RunOptions) -> Run<WrittenPatent> {
    let graph = writer(model).build().unwrap();
    Run::start(graph, PatentTask::new(draft()), options)
}

#[tokio::test]
async fn what_is_missing_is_marked_and_then_written() {
    let guide = Jurisdiction::Us.guide();
    let whole = model(|_, _| None);
    let all = crate::support::written(writer(&whole)).await;
    let mut unexamined = 0;
    for calls in 1..whole.calls() {
        let asked = model(|_, _| None);
        let stopped = Stopped::after(calls, &asked).await;
        let work = stopped.work().await;
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
        unexamined += usize::from(text.contains("[To be examined: "));
        for piece in &missing {
            let name = match piece {
                PatentPiece::Plan => "plan and detailed description".to_owned(),
                other => other.to_string(),
            };
            let marks = ["written", "examined"].map(|what| format!("[To be {what}: {name}"));
            assert!(
                marks.iter().any(|mark| text.contains(mark)),
                "{name}: {text}"
            );
        }

        let completed = stopped.completed(whole.calls(), &asked).await;
        assert_eq!(completed.patent, all.patent);
        assert_eq!(asked.calls(), whole.calls(), "nothing is paid twice");
    }
    assert!(
        unexamined > 0,
        "what was written can be read before it is examined"
    );
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
        let stopped = Stopped::after(calls, &asked).await;
        assert_eq!(asked.calls(), calls, "all that is allowed is used");
        if calls >= 4 {
            let partial = stopped.work().await.patent(&draft(), &guide);
            let text = partial.to_markdown();
            assert!(text.contains("Cups tip over easily."), "{calls}: {text}");
        }

        let completed = stopped.completed(whole.calls(), &asked).await;
        assert_eq!(completed.patent, all.patent);
        assert_eq!(asked.calls(), whole.calls(), "nothing is paid twice");
    }
}

#[tokio::test]
async fn tokens_are_bounded_across_sections_that_are_written_side_by_side() {
    let asked = model(|_, _| None).configure(|profile| profile.parallel = 4);
    let options = RunOptions::new("patent").budget(Budget::new().tokens(3_000));
    let stopped = start(&asked, options).outcome().await.unwrap_err();
    assert!(stopped.is_budget_exceeded());
    assert!(stopped.spent().unwrap().tokens() <= 3_000);
}
