//! What a failure policy does: retry, fallback, gap. Part of rule 6, and of rule 10 for its price.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;

use catena::{
    Agent, Budget, Context, Error, EventKind, Graph, Recovery, Retry, Run, RunOptions, agent,
    models::ScriptedModel, on_failure,
};

use crate::support::{alone, asker, echo, events, mapped, memory, say, texts};

fn down() -> ScriptedModel {
    ScriptedModel::from_fn(|_| Err(Error::unavailable("down")))
}

/// Fails so many times, and then gives how often it was run.
fn shaky(failures: u32) -> impl Agent<Input = String, Output = String> {
    let runs = Arc::new(AtomicU32::new(0));
    agent(move |_: String, _cx: Context| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            match run <= failures {
                true => Err(Error::unavailable(format!("failure {run}"))),
                false => Ok(format!("run {run}")),
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_twice_as_long_each_time_and_tells() {
    let retry = Retry::times(3).backoff(Duration::from_secs(2));
    let graph = alone("work", on_failure(shaky(3)).retry(retry));
    let started = tokio::time::Instant::now();
    let run = Run::start(graph, String::new(), RunOptions::new("run"));
    let (events, outcome) = events(run).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.output, "run 4");
    assert!(outcome.gaps.is_empty());
    assert_eq!(started.elapsed(), Duration::from_secs(2 + 4 + 8));
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Recovered { by, error } => Some((*by, error.to_string())),
            _ => None,
        })
        .collect();
    let retry = |attempt, seconds| Recovery::Retry {
        attempt,
        delay: Duration::from_secs(seconds),
    };
    assert_eq!(
        told,
        [
            (retry(2, 2), "run/work: failure 1".to_owned()),
            (retry(3, 4), "run/work~2: failure 2".to_owned()),
            (retry(4, 8), "run/work~3: failure 3".to_owned()),
        ]
    );
    let failed = events
        .iter()
        .any(|event| matches!(event.kind, EventKind::NodeFailed { .. }));
    assert!(!failed, "a node that recovers has not failed");
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_long_as_the_provider_asks() {
    let model = ScriptedModel::new()
        .replies([catena::models::Reply::from(Error::rate_limited(
            Some(Duration::from_secs(90)),
            "slow down",
        ))])
        .otherwise("yes");
    let retry = Retry::times(1).backoff(Duration::from_secs(1));
    let graph = alone("ask", on_failure(asker(&model)).retry(retry));
    let started = tokio::time::Instant::now();
    let run = Run::start(graph, "?".to_owned(), RunOptions::new("run"));
    assert_eq!(run.outcome().await.unwrap().output, "yes");
    assert_eq!(started.elapsed(), Duration::from_secs(90));
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let model = ScriptedModel::from_fn(|_| Err(Error::refused("no")));
    let graph = alone("ask", on_failure(asker(&model)).retry(Retry::times(5)));
    let run = Run::start(graph, "?".to_owned(), RunOptions::new("run"));
    assert!(run.outcome().await.unwrap_err().is_refused());
    assert_eq!(model.calls(), 1);
}

#[tokio::test]
async fn gaps_are_recorded_in_the_order_of_their_paths() {
    let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
        "1" | "3" => Err(Error::refused("no")),
        text => Ok(text.to_owned()),
    });
    let ask = on_failure(asker(&model)).skip(|gap| format!("({})", gap.path));
    let run = Run::start(mapped("ask", 4, ask), texts(5), RunOptions::new("run"));
    let outcome = run.outcome().await.unwrap();
    assert_eq!(
        outcome.output,
        ["0", "(run/ask[1])", "2", "(run/ask[3])", "4"]
    );
    let gaps: Vec<_> = outcome.gaps.iter().map(|gap| gap.path.as_str()).collect();
    assert_eq!(gaps, ["run/ask[1]", "run/ask[3]"]);
    assert!(outcome.gaps[0].error.is_refused());
}

#[tokio::test]
async fn the_fallback_is_asked_before_a_gap_is_filled() {
    for (other, expected, gaps) in [(echo(), "re: x", 0), (down(), "nothing", 1)] {
        let policy = on_failure(asker(&down()))
            .fallback(asker(&other))
            .skip(|_| "nothing".to_owned());
        let run = Run::start(alone("ask", policy), "x".to_owned(), RunOptions::new("run"));
        let outcome = run.outcome().await.unwrap();
        assert_eq!(outcome.output, expected);
        assert_eq!(outcome.gaps.len(), gaps);
        assert_eq!(other.calls(), 1);
    }
}

#[tokio::test]
async fn policies_nest_and_every_attempt_is_its_own_in_the_journal() {
    let now = || Retry::times(1).backoff(Duration::ZERO);
    let model = down();
    let other = echo();
    let inner = on_failure(asker(&model)).retry(now());
    let outer = on_failure(inner).retry(now()).fallback(asker(&other));
    let options = RunOptions::new("run").journal(memory());
    let run = Run::start(alone("ask", outer), "x".to_owned(), options);
    assert_eq!(run.outcome().await.unwrap().output, "re: x");
    assert_eq!((model.calls(), other.calls()), (4, 1));
}

#[tokio::test]
async fn a_gap_of_an_attempt_that_was_thrown_away_is_none() {
    // The first time a gap is filled and then the attempt fails; the second time all is well.
    let model = ScriptedModel::new()
        .replies([
            catena::models::Reply::from(Error::refused("not now")),
            catena::models::Reply::from(Error::unavailable("down")),
        ])
        .otherwise("yes");
    let mut graph = Graph::builder("g");
    let first = graph.node(
        "first",
        on_failure(asker(&model)).skip(|_| "nothing".to_owned()),
    );
    let second = graph.node("second", asker(&model));
    graph.edge(first, second);
    let graph = graph.build(first, second).unwrap();
    let again = on_failure(graph).retry(Retry::times(1).backoff(Duration::ZERO));
    let run = Run::start(alone("both", again), "x".to_owned(), RunOptions::new("run"));
    let outcome = run.outcome().await.unwrap();
    assert_eq!(outcome.output, "yes");
    assert!(outcome.gaps.is_empty(), "{:?}", outcome.gaps);
}

#[tokio::test(start_paused = true)]
async fn no_policy_goes_on_after_what_ends_the_run() {
    let patient = |model: &ScriptedModel, other: &ScriptedModel| {
        let policy = on_failure(asker(model))
            .retry(Retry::times(9).backoff(Duration::ZERO).when(|_| true))
            .fallback(asker(other))
            .skip(|_| "nothing".to_owned());
        alone("ask", policy)
    };
    let other = echo();
    // A budget that is spent by the retries themselves.
    let model = down();
    let options = RunOptions::new("run").budget(Budget::new().calls(3));
    let run = Run::start(patient(&model, &other), "x".to_owned(), options);
    assert!(run.outcome().await.unwrap_err().is_budget_exceeded());
    assert_eq!((model.calls(), other.calls()), (3, 0));
    // Time.
    let model = echo().latency(Duration::from_secs(60));
    let options = RunOptions::new("run").budget(Budget::new().time(Duration::from_secs(1)));
    let run = Run::start(patient(&model, &other), "x".to_owned(), options);
    assert!(run.outcome().await.unwrap_err().is_budget_exceeded());
    assert_eq!((model.calls(), other.calls()), (1, 0));
    // A cancellation, in the middle of a wait between two attempts too.
    let model = down();
    let policy = on_failure(asker(&model)).retry(Retry::times(9).backoff(Duration::from_secs(60)));
    let run = Run::start(alone("ask", policy), "x".to_owned(), RunOptions::new("run"));
    tokio::time::sleep(Duration::from_secs(90)).await;
    run.cancel();
    assert!(run.outcome().await.unwrap_err().is_cancelled());
    assert_eq!(model.calls(), 2);
    // A question to a person.
    let asks = agent(|(): (), cx: Context| async move { cx.interrupt::<bool>("sure", &()).await });
    let policy = on_failure(asks)
        .retry(Retry::times(9).when(|_| true))
        .skip(|_| true);
    let options = RunOptions::new("run").journal(memory());
    let run = Run::start(alone("ask", policy), (), options);
    assert!(run.outcome().await.unwrap_err().is_interrupted());
}

#[tokio::test]
async fn an_answer_of_the_wrong_type_is_not_skipped() {
    let graph = || {
        let asks =
            agent(|(): (), cx: Context| async move { cx.interrupt::<bool>("sure", &()).await });
        alone("ask", on_failure(asks).skip(|_| true))
    };
    let journal = memory();
    let options = || RunOptions::new("run").journal(journal.clone());
    let run = Run::start(graph(), (), options());
    let id = run.id().clone();
    run.outcome().await.unwrap_err();
    let options = options().resume(id.clone()).answer("sure", "perhaps");
    let run = Run::start(graph(), (), options);
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_invalid(), "{error:?}");
    let open = catena::open_interrupts(&*journal, &id).await.unwrap();
    assert_eq!(open.len(), 1);
}

#[tokio::test]
async fn a_policy_around_a_whole_graph_is_heeded_by_a_resumed_run() {
    // Attempt 1 asks twice and fails, attempt 2 asks twice; then what follows fails once.
    let model = ScriptedModel::new()
        .replies([
            catena::models::Reply::from("a"),
            Error::unavailable("down").into(),
            "b".into(),
            "c".into(),
            Error::unavailable("down again").into(),
        ])
        .otherwise("d");
    let graph = || {
        let mut inner = Graph::builder("inner");
        let first = inner.node("first", asker(&model));
        let second = inner.node("second", asker(&model));
        inner.edge(first, second);
        let inner = inner.build(first, second).unwrap();
        let mut graph = Graph::builder("outer");
        let retry = Retry::times(1).backoff(Duration::ZERO);
        let inner = graph.node("inner", on_failure(inner).retry(retry));
        let last = graph.node("last", asker(&model));
        graph.edge(inner, last);
        graph.build(inner, last).unwrap()
    };
    let journal = memory();
    let options = || RunOptions::new("run").journal(journal.clone());
    let run = Run::start(graph(), "x".to_owned(), options());
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_retryable());
    assert_eq!(model.calls(), 5);
    let run = Run::start(graph(), "x".to_owned(), options().resume(id));
    let outcome = run.outcome().await.unwrap();
    assert_eq!(outcome.output, "d");
    assert_eq!(model.calls(), 6, "only the last call is made again");
    let asked = model.requests().pop().unwrap();
    assert_eq!(asked, say("c"));
}

/// A node of a graph in a map is at work on a thread of its own when its sibling fails: what it
/// says then is said before the policy goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_of_what_was_given_up() {
    let (busy, begun) = std::sync::mpsc::channel();
    let begun = Arc::new(std::sync::Mutex::new(begun));
    let mut inner = Graph::builder("inner");
    let work = inner.node(
        "work",
        agent(move |first: bool, _cx| {
            let (busy, begun) = (busy.clone(), Arc::clone(&begun));
            async move {
                if first {
                    begun.lock().unwrap().recv().unwrap();
                } else {
                    busy.send(()).unwrap();
                    std::thread::sleep(Duration::from_millis(300));
                }
                Err::<(), _>(Error::refused("no"))
            }
        }),
    );
    let inner = inner.build(work, work).unwrap();
    let mut outer = Graph::builder("outer");
    let each = outer.map("each", 2, inner);
    let outer = outer.build(each, each).unwrap();
    let policy = on_failure(outer).skip(|_| Vec::new());

    let mut run = Run::start(policy, vec![true, false], RunOptions::new("r"));
    let mut told = Vec::new();
    while let Some(event) = run.next().await {
        told.push((event.path.to_string(), event.kind));
    }
    let recovered = told
        .iter()
        .position(|(_, kind)| matches!(kind, EventKind::Recovered { .. }))
        .unwrap();
    let failed = |(_, kind): &&(String, EventKind)| matches!(kind, EventKind::NodeFailed { .. });
    let late: Vec<_> = told.iter().skip(recovered).filter(failed).collect();
    assert!(late.is_empty(), "{late:?}");
    let of_the_busy_one = |(path, _): &(String, EventKind)| path == "r/each[1]/work";
    assert!(told.iter().filter(failed).any(of_the_busy_one));
}
