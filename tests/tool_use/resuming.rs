//! A run that broke off goes on, and does nothing twice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use catena::{
    Context, Error, Run,
    models::{Reply, ScriptedModel},
    tools::{ToolOutcome, Toolbox, tool},
};

use crate::support::{
    Done, Gate, Text, agent, call, calls, finish, memory, native, noting, options, told,
};

#[tokio::test]
async fn finished_calls_are_not_made_again() {
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let model = ScriptedModel::from_fn(move |_| match is_down.load(Ordering::SeqCst) {
        true => Err(Error::unavailable("down")),
        false => Ok("Done.".to_owned()),
    });
    let model = model.configure(|profile| profile.tools = true).replies([
        calls([call("1", "say", "one"), call("2", "say", "two")]),
        calls([call("3", "say", "three")]),
    ]);
    let journal = memory();
    let graph = || agent(&model, &tools).build().unwrap();
    let (id, result) = finish(graph(), options(&journal)).await;
    assert!(result.unwrap_err().is_retryable());
    assert_eq!((model.calls(), done.all().len()), (3, 3));
    down.store(false, Ordering::SeqCst);
    let (_, result) = finish(graph(), options(&journal).resume(id.clone())).await;
    let answer = result.unwrap();
    assert_eq!(answer.text, "Done.");
    assert_eq!((model.calls(), done.all().len()), (4, 3));
    let (_, again) = finish(graph(), options(&journal).resume(id)).await;
    assert_eq!(again.unwrap(), answer);
    assert_eq!((model.calls(), done.all().len()), (4, 3));
}

/// Runs until a call has begun, stops, and resumes.
async fn stopped_in_the_middle(repeatable: bool) -> (Gate, ScriptedModel, ToolOutcome) {
    let gate = Gate::new();
    let pass = {
        let gate = gate.clone();
        tool("pass", "Passes.", move |_: Text, _: Context| {
            let gate = gate.clone();
            async move { gate.pass().await }
        })
    };
    let pass = if repeatable { pass.repeatable() } else { pass };
    let tools = Toolbox::new().with(pass).unwrap();
    let model = native([calls([call("1", "pass", "x")]), Reply::from("Done.")]);
    let journal = memory();
    let graph = || agent(&model, &tools).build().unwrap();
    let run = Run::start(graph(), "the task".to_owned(), options(&journal));
    let id = run.id().clone();
    gate.until_begun(1).await;
    run.cancel();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    gate.open();
    let (_, result) = finish(graph(), options(&journal).resume(id)).await;
    let outcome = result.unwrap().used[0].outcome;
    (gate, model, outcome)
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_made_again_if_that_does_no_harm() {
    let (gate, model, outcome) = stopped_in_the_middle(true).await;
    assert_eq!((gate.begun(), outcome), (2, ToolOutcome::Done));
    assert_eq!(model.calls(), 2);
}

#[tokio::test]
async fn and_otherwise_the_model_is_told_that_nobody_knows() {
    let (gate, model, outcome) = stopped_in_the_middle(false).await;
    assert_eq!((gate.begun(), outcome), (1, ToolOutcome::Uncertain));
    let told = told(&model.requests()[1]);
    assert!(told[0].contains("It may have been done or not"), "{told:?}");
}

/// A run that was killed is what its journal has of it; so one is taken up after each of its entries.
#[tokio::test]
async fn wherever_a_run_breaks_off_no_call_is_begun_twice() {
    let replies = || {
        [
            calls([call("1", "say", "one")]),
            calls([call("2", "say", "two")]),
            Reply::from("Done."),
        ]
    };
    let done = Done::default();
    let tools = Toolbox::new().with(noting("say", &done)).unwrap();
    let journal = memory();
    let graph = |model: &ScriptedModel| agent(model, &tools).build().unwrap();
    let (whole, result) = finish(graph(&native(replies())), options(&journal)).await;
    assert_eq!(result.unwrap().used.len(), 2);
    let (_, entries) = journal.load(&whole).await.unwrap().unwrap();
    // Of the model and of the tool, twice, the latter with its beginning; and the answer.
    assert_eq!(entries.len(), 7);
    for cut in 0..=entries.len() {
        let kept = |kind: &str| {
            let kept = entries.iter().take(cut);
            kept.filter(|entry| entry.effect.kind() == kind).count()
        };
        let model = native(replies().into_iter().skip(kept("chat")));
        let before = done.all().len();
        let fork = options(&journal).fork(whole.clone(), cut);
        let (_, result) = finish(graph(&model), fork).await;
        let used = result.unwrap().used;
        let (begun, finished) = (kept("tool").div_ceil(2), kept("tool") / 2);
        assert_eq!(done.all().len() - before, 2 - begun, "after {cut} entries");
        let uncertain = used
            .iter()
            .filter(|used| used.outcome == ToolOutcome::Uncertain);
        assert_eq!(uncertain.count(), begun - finished, "after {cut} entries");
        assert_eq!(model.calls(), 3 - kept("chat"), "after {cut} entries");
    }
}
