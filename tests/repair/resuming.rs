//! A repair that was stopped goes on, and nothing is run or asked twice.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use catena::{
    Error, Journal, MemoryJournal, Run, RunOptions,
    agents::{Method, Repairer, ScriptedRunner},
    models::ScriptedModel,
};

use crate::support::{FIXED, Purpose, block, judge, purpose, task};

#[tokio::test]
async fn nothing_is_run_or_asked_twice() {
    let (runs, calls) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let graph = || {
        let (runs, calls) = (runs.clone(), calls.clone());
        let runner = ScriptedRunner::from_fn(move |files, check| {
            runs.fetch_add(1, SeqCst);
            judge(files, check)
        });
        let model = ScriptedModel::from_fn(move |request| {
            let purpose = purpose(request);
            let mut calls = calls.lock().unwrap();
            calls.push(purpose);
            let failed = calls
                .iter()
                .filter(|call| **call == Purpose::Correct)
                .count()
                == 1;
            match purpose {
                Purpose::Classify => Ok("C.1".to_owned()),
                Purpose::Critique => Ok("It subtracts.".to_owned()),
                // The first time the model is down.
                _ if failed => Err(Error::unavailable("down")),
                _ => Ok(block(FIXED)),
            }
        });
        Repairer::new(Arc::new(model), Arc::new(runner))
            .method(Method::Critique)
            .build()
            .unwrap()
    };
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let options = || RunOptions::new("fix").journal(journal.clone());
    let run = Run::start(graph(), task(), options());
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_retryable());
    assert_eq!(runs.load(SeqCst), 1);

    let resumed = Run::start(graph(), task(), options().resume(id));
    let outcome = resumed.outcome().await.unwrap();
    assert!(outcome.output.passes);
    assert_eq!(runs.load(SeqCst), 2, "the first version is not run again");
    let calls = calls.lock().unwrap();
    use Purpose::{Classify, Correct, Critique};
    assert_eq!(*calls, [Classify, Critique, Correct, Correct]);
    // What the record gives is counted like what was made.
    assert_eq!(outcome.output.usage.calls, 3);
}
