//! A run that was stopped goes on, and no finished section is written twice.

use std::{collections::BTreeMap, sync::Arc};

use catena::{
    Journal, MemoryJournal, Run, RunOptions,
    agents::{PatentTask, PatentWork},
    models::ScriptedModel,
};

use crate::support::{Purpose, draft, failing, heading, model, purpose, writer, written};

/// How often each subsection was written.
fn writings(model: &ScriptedModel) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for request in model.requests() {
        if purpose(&request) == Purpose::Write {
            *found.entry(heading(&request)).or_default() += 1;
        }
    }
    found
}

#[tokio::test]
async fn no_finished_piece_is_written_twice_wherever_it_stops() {
    let undisturbed = model(|_, _| None);
    let expected = written(writer(&undisturbed)).await;
    for (wanted, at) in [
        (Purpose::Title, 1),
        (Purpose::Details, 1),
        (Purpose::Plan, 1),
        (Purpose::Write, 1),
        (Purpose::Write, 3),
        (Purpose::Examine, 2),
        (Purpose::Examine, 4),
    ] {
        let asked = failing(wanted, at);
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let options = || RunOptions::new("patent").journal(journal.clone());
        let start = |options| {
            let graph = writer(&asked).build().unwrap();
            Run::start(graph, PatentTask::new(draft()), options)
        };
        let run = start(options());
        let id = run.id().clone();
        assert!(run.outcome().await.unwrap_err().is_retryable());
        let finished = PatentWork::from_events(&journal.events(&id).await.unwrap());
        let before = writings(&asked);

        let output = start(options().resume(id)).outcome().await.unwrap().output;
        assert_eq!(output.patent, expected.patent, "{wanted:?} {at}");
        assert_eq!(
            asked.calls(),
            undisturbed.calls() + 1,
            "{wanted:?} {at}: the failed call alone"
        );
        for (id, _, child) in finished.plan.subsections() {
            if finished.subsections.contains_key(&id) {
                assert_eq!(writings(&asked)[&child.heading], before[&child.heading]);
            }
        }
    }
}
