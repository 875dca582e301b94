//! Rule 7: cancelling, or dropping the handle, stops everything and leaves a journal that resumes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{
    ChatModel, Context, Effect, Journal, Run, RunOptions, RunStatus, agent, models::ScriptedModel,
};
use futures::StreamExt;

use crate::support::{
    alone, ask, asking, calls_of_everything, echo, entries, everything, mapped, on_every_journal,
    oracle, record, say, texts,
};

/// Counts itself as long as it lives.
struct Living(Arc<AtomicUsize>);

impl Living {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn until(condition: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(5), async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn cancelling_and_dropping_stop_the_calls() {
    let model = echo().latency(Duration::from_secs(3600));
    let start = || Run::start(asking(&model, 4), texts(8), RunOptions::new("run"));
    let mut run = start();
    while model.in_flight() < 4 {
        run.next().await.unwrap();
    }
    run.cancel();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    assert_eq!(model.in_flight(), 0);

    let mut run = start();
    while model.in_flight() < 4 {
        run.next().await.unwrap();
    }
    drop(run);
    until(|| model.in_flight() == 0).await;

    let mut run = start();
    while model.in_flight() < 4 {
        run.next().await.unwrap();
    }
    let waits = tokio::time::timeout(Duration::from_secs(1), run.outcome());
    assert!(waits.await.is_err(), "it goes on for an hour");
    until(|| model.in_flight() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_listen_is_stopped_all_the_same() {
    let living = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&living);
    let deaf = agent(move |(): (), _cx: Context| {
        let living = Living::new(&count);
        async move {
            let _living = living;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(())
        }
    });
    let graph = alone("outer", mapped("deaf", 3, deaf));
    let run = Run::start(graph, vec![(); 5], RunOptions::new("run"));
    until(|| living.load(Ordering::SeqCst) == 3).await;
    run.cancel();
    let cancelled = tokio::time::Instant::now();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    assert!(cancelled.elapsed() < Duration::from_secs(1));
    until(|| living.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_listens_has_a_moment_to_put_things_away() {
    let tidied = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tidied);
    let tidy = agent(move |(): (), cx: Context| {
        let count = Arc::clone(&count);
        async move {
            let slept = cx.sleep(Duration::from_secs(3600)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            count.fetch_add(1, Ordering::SeqCst);
            slept
        }
    });
    let run = Run::start(alone("tidy", tidy), (), RunOptions::new("run"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.cancel();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    assert_eq!(tidied.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_run_that_is_done_cannot_be_cancelled() {
    let mut run = Run::start(asking(&echo(), 1), texts(1), RunOptions::new("run"));
    while run.next().await.is_some() {}
    run.cancel();
    assert_eq!(run.outcome().await.unwrap().output, ["re: 0"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_streamed_when_a_run_is_cancelled_is_booked() {
    let model = ScriptedModel::new()
        .otherwise("one two three four five six")
        .token_latency(Duration::from_secs(1));
    let mut run = Run::start(asking(&model, 1), texts(1), RunOptions::new("run"));
    for piece in ["one", " two", " three"] {
        loop {
            if let catena::EventKind::Text { text, .. } = run.next().await.unwrap().kind {
                assert_eq!(text, piece);
                break;
            }
        }
    }
    run.cancel();
    let spent = *run.outcome().await.unwrap_err().spent().unwrap();
    assert_eq!(
        (spent.calls, spent.input_tokens, spent.output_tokens),
        (1, 1, 3)
    );
}

#[tokio::test]
async fn a_run_cancelled_after_any_number_of_calls_resumes_to_the_same_result() {
    let undisturbed = Run::start(
        everything(&ask(Arc::new(oracle()))),
        texts(5),
        RunOptions::new("run"),
    );
    let expected = undisturbed.outcome().await.unwrap().output;
    on_every_journal(async |journal| {
        for stop_at in 1..=calls_of_everything(5) {
            let model = oracle();
            let graph = everything(&ask(Arc::new(model.clone())));
            let options = || RunOptions::new("run").journal(Arc::clone(&journal));
            let mut run = Run::start(graph.clone(), texts(5), options());
            let id = run.id().clone();
            let mut finished = 0;
            while finished < stop_at {
                let event = run.next().await.unwrap();
                finished +=
                    usize::from(matches!(event.kind, catena::EventKind::CallFinished { .. }));
            }
            run.cancel();
            match run.outcome().await {
                Err(error) => assert!(error.is_cancelled(), "{error:?}"),
                Ok(outcome) => assert_eq!(outcome.output, expected),
            }
            let kept = entries(&*journal, &id).await;
            assert!(kept.len() >= stop_at);
            let poisoned = kept
                .iter()
                .any(|entry| matches!(entry.effect, Effect::Failed(_)));
            assert!(!poisoned, "a cancelled call is no effect");
            let before = model.calls();
            let run = Run::start(graph, texts(5), options().resume(id.clone()));
            assert_eq!(run.outcome().await.unwrap().output, expected);
            assert_eq!(model.calls() - before, calls_of_everything(5) - kept.len());
            let status = record(&*journal, &id).await.status;
            assert_eq!(status, RunStatus::Finished);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_shrugs_off_the_cancellation_poisons_nothing() {
    let journal = crate::support::memory();
    let model = echo().latency(Duration::from_secs(60));
    let graph = {
        let model = model.clone();
        move || {
            let model = model.clone();
            let shrug = agent(move |text: String, cx: Context| {
                let model = model.clone();
                async move {
                    Ok(match cx.chat(&model, say(text)).await {
                        Ok(answer) => answer.text,
                        Err(_) => "whatever".to_owned(),
                    })
                }
            });
            alone("outer", mapped("shrug", 2, shrug))
        }
    };
    let options = || RunOptions::new("run").journal(journal.clone());
    let run = Run::start(graph(), texts(4), options());
    let id = run.id().clone();
    until(|| model.in_flight() == 2).await;
    run.cancel();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    let head = record(&*journal, &id).await;
    assert_eq!(head.status, RunStatus::Cancelled);
    assert!(entries(&*journal, &id).await.is_empty());
    let run = Run::start(graph(), texts(4), options().resume(id));
    let expected = ["re: 0", "re: 1", "re: 2", "re: 3"];
    assert_eq!(run.outcome().await.unwrap().output, expected);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_can_be_resumed_by_the_same_process() {
    let journal = crate::support::memory();
    let model: Arc<dyn ChatModel> = Arc::new(oracle().latency(Duration::from_secs(1)));
    let graph = everything(&ask(model));
    let options = || RunOptions::new("run").journal(journal.clone());
    let run = Run::start(graph.clone(), texts(4), options());
    let id = run.id().clone();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    drop(run);
    until_free(&*journal).await;
    let run = Run::start(graph, texts(4), options().resume(id.clone()));
    run.outcome().await.unwrap();
    let kept = entries(&*journal, &id).await;
    assert_eq!(kept.len(), calls_of_everything(4));
}

async fn until_free(journal: &dyn Journal) {
    while journal.list().await.unwrap()[0].live {
        tokio::task::yield_now().await;
    }
}
