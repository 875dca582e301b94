//! What the random graphs found, each as small as it can be.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use catena::{
    Agent, Budget, ChatMessage, ChatRequest, Context, Error, Event, EventKind, Graph, Journal,
    MemoryJournal, Outcome, Result, Retry, Run, RunId, RunOptions, agent, models::ScriptedModel,
    on_failure,
};
use futures::StreamExt;

type Books = Arc<dyn Journal>;

fn books() -> Books {
    Arc::new(MemoryJournal::new())
}

fn model() -> ScriptedModel {
    ScriptedModel::new().otherwise("yes")
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("well?")]).max_tokens(1)
}

async fn wait(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Counts, and says the how-manieth time it is.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn more(&self) -> usize {
        self.0.fetch_add(1, SeqCst) + 1
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

async fn events<O: Send + 'static>(mut run: Run<O>) -> (Vec<Event>, Result<Outcome<O>>) {
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    (events, run.outcome().await)
}

/// Runs an agent on a journal, from the start or from where it stopped.
async fn attempt<A: Agent>(
    agent: A,
    input: A::Input,
    books: &Books,
    resumed: Option<&RunId>,
) -> (RunId, Result<Outcome<A::Output>>) {
    let options = RunOptions::new("run").journal(books.clone());
    let options = match resumed {
        Some(id) => options.resume(id.clone()),
        None => options,
    };
    let run = Run::start(agent, input, options);
    (run.id().clone(), run.outcome().await)
}

#[tokio::test(start_paused = true)]
async fn a_call_behind_the_cancellation_is_neither_told_nor_paid() {
    let model = model();
    let asked = model.clone();
    let late = agent(move |_: (), cx: Context| {
        let model = asked.clone();
        async move {
            wait(10).await;
            Ok(cx.chat(&model, ask()).await?.text)
        }
    });
    let run = Run::start(late, (), RunOptions::new("run"));
    wait(5).await;
    run.cancel();
    let (events, outcome) = events(run).await;
    let error = outcome.unwrap_err();
    assert!(error.is_cancelled() && model.calls() == 0);
    assert_eq!(error.spent().unwrap().calls, 0);
    let told = |event: &Event| matches!(event.kind, EventKind::CallStarted { .. });
    assert!(!events.iter().any(told));
}

#[tokio::test(start_paused = true)]
async fn what_a_run_paid_before_it_was_resumed_counts_before_it_pays_more() {
    let (model, attempts, books) = (model(), Count::default(), books());
    // The first item asks at once, and the second fails; the second time the first is late.
    let graph = || {
        let (model, attempts) = (model.clone(), attempts.clone());
        let ask = agent(move |item: usize, cx: Context| {
            let (model, attempts) = (model.clone(), attempts.clone());
            async move {
                match (item, attempts.get()) {
                    (0, 2) | (1, 1) => wait(10).await,
                    _ => {}
                }
                if (item, attempts.get()) == (1, 1) {
                    return Err(Error::unavailable("down"));
                }
                Ok(cx.chat(&model, self::ask()).await?.text)
            }
        });
        let mut graph = Graph::builder("g");
        let map = graph.map("ask", 2, ask);
        graph.build(map, map).unwrap()
    };
    let options = || {
        let budget = Budget::new().calls(1);
        RunOptions::new("run").journal(books.clone()).budget(budget)
    };
    attempts.more();
    let run = Run::start(graph(), vec![0, 1], options());
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_retryable());
    attempts.more();
    let error = Run::start(graph(), vec![0, 1], options().resume(id))
        .outcome()
        .await
        .unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    assert_eq!(model.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_an_attempt_that_failed_is_none_of_the_output() {
    let fails_once = || {
        let count = Count::default();
        agent(move |x: u8, _cx| {
            let first = count.more() == 1;
            async move {
                match first {
                    true => Err(Error::unavailable("down")),
                    false => Ok(x),
                }
            }
        })
    };
    let mut graph = Graph::builder("g");
    let first = graph.node("first", on_failure(fails_once()).skip(|_| 0));
    let second = graph.node("second", fails_once());
    graph.edge(first, second);
    let graph = graph.build(first, second).unwrap();
    let patient = on_failure(graph).retry(Retry::times(1));
    let run = Run::start(patient, 7, RunOptions::new("run"));
    let outcome = run.outcome().await.unwrap();
    assert_eq!((outcome.output, outcome.gaps), (7, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_agent_dropped_gets_no_answer_when_it_is_replayed() {
    let books = books();
    let impatient = || {
        agent(|_: (), cx: Context| async move {
            let slow = cx.tool("slow", &(), async {
                wait(1000).await;
                Ok(1)
            });
            let quick = cx.tool("quick", &(), async {
                wait(1).await;
                Err::<u8, _>(Error::refused("no"))
            });
            let failed = futures::future::try_join(slow, quick).await.unwrap_err();
            let last = cx.tool("last", &(), async { Ok(2) }).await?;
            Ok((failed.is_refused(), last))
        })
    };
    let (id, outcome) = attempt(impatient(), (), &books, None).await;
    assert_eq!(outcome.unwrap().output, (true, 2));
    let (_, outcome) = attempt(impatient(), (), &books, Some(&id)).await;
    assert_eq!(outcome.unwrap().output, (true, 2));
}

#[tokio::test]
async fn a_failure_that_an_agent_went_on_from_is_kept_when_a_graph_in_it_goes_on() {
    let (asked, tried, books) = (Count::default(), Count::default(), books());
    let work = || {
        let (asked, tried) = (asked.clone(), tried.clone());
        let mut graph = Graph::builder("inner");
        let pay = graph.node(
            "pay",
            agent(move |x: u8, cx: Context| {
                let tried = tried.clone();
                async move {
                    let paid = cx.tool("pay", &x, async { Ok(x) }).await?;
                    match tried.more() {
                        1 => Err(Error::unavailable("down")),
                        _ => Ok(paid),
                    }
                }
            }),
        );
        let graph = graph.build(pay, pay).unwrap();
        agent(move |_: (), cx: Context| {
            let (asked, graph) = (asked.clone(), graph.clone());
            async move {
                // It is down the first time.
                let look = cx.tool("look", &(), async {
                    match asked.more() {
                        1 => Err(Error::unavailable("down")),
                        _ => Ok(1),
                    }
                });
                let found = look.await.unwrap_or(0);
                graph.run(found, &cx).await
            }
        })
    };
    let (id, outcome) = attempt(work(), (), &books, None).await;
    assert!(outcome.unwrap_err().is_retryable());
    let (_, outcome) = attempt(work(), (), &books, Some(&id)).await;
    // Not a divergence: what was paid for 0 is not paid again for 1.
    assert_eq!(outcome.unwrap().output, 0);
    assert_eq!(asked.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_that_is_resumed_makes_no_call_in_an_attempt_that_failed() {
    let (late, books) = (Count::default(), books());
    let careful = || {
        let late = late.clone();
        let item = agent(move |item: usize, cx: Context| {
            let late = late.clone();
            async move {
                if item == 0 {
                    wait(10).await;
                    let fails = async { Err::<usize, _>(Error::refused("no")) };
                    return cx.tool("fails", &(), fails).await;
                }
                let slow = async {
                    wait(6).await;
                    Ok(1)
                };
                cx.tool("slow", &(), slow).await?;
                // The other item fails meanwhile; not so when the first call is replayed.
                wait(6).await;
                cx.tool("late", &(), async { Ok(late.more()) }).await
            }
        });
        let mut graph = Graph::builder("g");
        let map = graph.map("map", 2, item);
        on_failure(graph.build(map, map).unwrap()).skip(|_| Vec::new())
    };
    let (id, outcome) = attempt(careful(), vec![0, 1], &books, None).await;
    assert_eq!(outcome.unwrap().gaps.len(), 1);
    assert_eq!(late.get(), 0);
    let (_, outcome) = attempt(careful(), vec![0, 1], &books, Some(&id)).await;
    assert_eq!(outcome.unwrap().gaps.len(), 1);
    assert_eq!(late.get(), 0);
}

/// A graph whose second item is busy on its thread, with no way to stop it, when the first fails
/// for the first time. Then it makes two calls at a time.
fn busy(tried: &Count, ended: &Count, made: &Count) -> Graph<Vec<usize>, Vec<usize>> {
    let (tried, ended, made) = (tried.clone(), ended.clone(), made.clone());
    let begun = Arc::new(tokio::sync::Notify::new());
    let mut inner = Graph::builder("inner");
    let node = inner.node(
        "node",
        agent(move |item: usize, cx: Context| {
            let (tried, ended, made) = (tried.clone(), ended.clone(), made.clone());
            let begun = begun.clone();
            async move {
                if item == 0 {
                    begun.notified().await;
                    return match tried.more() {
                        1 => Err(Error::unavailable("down")),
                        _ => Ok(item),
                    };
                }
                begun.notify_one();
                // The thread itself is busy, so no paused clock helps.
                std::thread::sleep(Duration::from_millis(50));
                let call = |name| {
                    let made = made.clone();
                    cx.tool(name, &(), async move { Ok(made.more()) })
                };
                let both = futures::future::join(call("one"), call("other")).await;
                ended.more();
                both.0?;
                both.1?;
                Ok(item)
            }
        }),
    );
    let inner = inner.build(node, node).unwrap();
    let mut graph = Graph::builder("g");
    let map = graph.map("map", 2, inner);
    graph.build(map, map).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_goes_on_behind_the_outcome() {
    let (tried, ended, made) = Default::default();
    let run = Run::start(
        busy(&tried, &ended, &made),
        vec![0, 1],
        RunOptions::new("run"),
    );
    assert!(run.outcome().await.unwrap_err().is_retryable());
    assert_eq!(ended.get(), 1, "the second item is still at work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_was_stopped_with_its_node_can_be_made_when_the_run_is_resumed() {
    let (tried, ended, made) = Default::default();
    let books = books();
    let graph = || busy(&tried, &ended, &made);
    let (id, outcome) = attempt(graph(), vec![0, 1], &books, None).await;
    assert!(outcome.unwrap_err().is_retryable());
    while ended.get() == 0 {
        tokio::task::yield_now().await;
    }
    let resumed = attempt(graph(), vec![0, 1], &books, Some(&id));
    let (_, outcome) = tokio::time::timeout(Duration::from_secs(20), resumed)
        .await
        .unwrap();
    assert_eq!(outcome.unwrap().output, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_context_that_somebody_keeps_does_not_keep_the_stream_open() {
    let kept = Arc::new(Mutex::new(None));
    let keeper = kept.clone();
    let keeps = agent(move |_: (), cx: Context| {
        *keeper.lock().unwrap() = Some(cx);
        async { Ok(()) }
    });
    let run = Run::start(keeps, (), RunOptions::new("run"));
    let all = tokio::time::timeout(Duration::from_secs(1), events(run)).await;
    let (events, _) = all.unwrap();
    assert!(matches!(
        events.last().unwrap().kind,
        EventKind::RunFinished { .. }
    ));
}
