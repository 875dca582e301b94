//! Rule 10: what is settled and what is set aside never exceed the limit together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use catena::{
    Budget, ChatMessage, ChatRequest, Context, Cost, Embedder, EmbedderProfile, Embedding, Error,
    EventKind, Graph, Price, Result, Retry, Run, RunOptions, agent, models::ScriptedModel,
    on_failure,
};
use futures::StreamExt;

use crate::support::{
    alone, asker, asking, echo, finish, mapped, memory, on_every_journal, record, say, texts,
};

fn limited(budget: Budget) -> RunOptions {
    RunOptions::new("run").budget(budget)
}

#[tokio::test]
async fn no_width_exceeds_the_budget() {
    for width in [1, 4, 16] {
        let model = echo();
        let run = Run::start(
            asking(&model, width),
            texts(16),
            limited(Budget::new().calls(5)),
        );
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_budget_exceeded(), "{error}");
        assert!(model.calls() <= 5 && error.spent().unwrap().calls <= 5);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_when_the_budget_is_spent_are_not_thrown_away() {
    let journal = memory();
    let graph = |model: &ScriptedModel| asking(model, 4);
    let limited = |calls: u64| {
        RunOptions::new("run")
            .journal(journal.clone())
            .budget(Budget::new().calls(calls))
    };
    // The fourth call is refused at once, while three are under way.
    let model = echo().latency(Duration::from_millis(50));
    let run = Run::start(graph(&model), texts(8), limited(3));
    let id = run.id().clone();
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    assert_eq!(error.spent().unwrap().calls, 3);
    assert_eq!(error.partial().len(), 3, "they are handed over: {error:?}");

    let run = Run::start(graph(&model), texts(8), limited(8).resume(id));
    assert_eq!(run.outcome().await.unwrap().output.len(), 8);
    assert_eq!(model.calls(), 8, "nothing is paid twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_no_instant_is_more_committed_than_allowed() {
    // Answers are much shorter than allowed, so that reservations and settlements take turns.
    let model = echo().latency(Duration::from_micros(50));
    let most = Arc::new(AtomicUsize::new(0));
    let (asked, seen) = (model.clone(), Arc::clone(&most));
    let ask = agent(move |text: String, cx: Context| {
        let (model, most) = (asked.clone(), Arc::clone(&seen));
        async move {
            let answer = cx.chat(&model, say(text)).await;
            let committed = cx.committed();
            most.fetch_max(committed.tokens() as usize, Ordering::SeqCst);
            if committed.calls > 200 || committed.tokens() > 400 {
                return Err(Error::other(format!("{committed:?} is committed")));
            }
            Ok(answer?.text)
        }
    });
    let budget = Budget::new().calls(200).tokens(400);
    let run = Run::start(mapped("ask", 16, ask), texts(500), limited(budget));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    let spent = error.spent().unwrap();
    assert!(spent.calls >= 20 && spent.tokens() <= 400, "{spent:?}");
    assert!(most.load(Ordering::SeqCst) > 300, "the limit was come near");
}

#[tokio::test]
async fn a_retry_pays_like_a_first_try() {
    let model = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
    let policy = on_failure(asker(&model)).retry(Retry::times(99).backoff(Duration::ZERO));
    let options = limited(Budget::new().calls(4));
    let run = Run::start(alone("ask", policy), "x".to_owned(), options);
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    assert_eq!((model.calls(), error.spent().unwrap().calls), (4, 4));
}

#[tokio::test]
async fn a_repair_pays_like_a_first_answer() {
    let model = ScriptedModel::new().otherwise("seven");
    let asked = model.clone();
    let count = agent(move |text: String, cx: Context| {
        let model = asked.clone();
        async move { cx.chat_as::<u32>(&model, say(text), 99).await }
    });
    let options = limited(Budget::new().calls(4));
    let run = Run::start(alone("count", count), "x".to_owned(), options);
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    assert_eq!(model.calls(), 4);
}

#[tokio::test]
async fn nested_graphs_draw_from_the_same_budget() {
    let model = echo();
    let mut graph = Graph::builder("outer");
    let first = graph.node("first", alone("inner", asking(&model, 2)));
    let second = graph.node("second", alone("inner", asking(&model, 2)));
    graph.edge(first, second);
    let graph = graph.build(first, second).unwrap();
    for (calls, enough) in [(6, true), (5, false)] {
        let run = Run::start(graph.clone(), texts(3), limited(Budget::new().calls(calls)));
        let before = model.calls();
        match run.outcome().await {
            Ok(outcome) => assert!(enough && outcome.unspent.calls == Some(0)),
            Err(error) => {
                assert!(!enough && error.is_budget_exceeded());
                assert_eq!(error.unspent().unwrap().calls, Some(0));
                assert!(
                    error
                        .path()
                        .unwrap()
                        .as_str()
                        .starts_with("run/second/inner/ask[")
                );
            }
        }
        assert_eq!((model.calls() - before) as u64, calls);
    }
}

#[derive(Debug)]
struct Zeros(EmbedderProfile, AtomicUsize);

#[async_trait]
impl Embedder for Zeros {
    fn profile(&self) -> &EmbedderProfile {
        &self.0
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(vec![vec![0.0]; texts.len()])
    }
}

#[tokio::test]
async fn scoring_and_embedding_pay_too() {
    let profile = EmbedderProfile {
        name: "zeros".to_owned(),
        dimensions: 1,
        max_tokens: 100,
    };
    let embedder = Arc::new(Zeros(profile, AtomicUsize::new(0)));
    let model = echo();
    let (asked, embeds) = (model.clone(), Arc::clone(&embedder));
    let alternate = agent(move |(): (), cx: Context| {
        let (model, embedder) = (asked.clone(), Arc::clone(&embeds));
        async move {
            let choices = ["yes".to_owned(), "no".to_owned()];
            loop {
                cx.score(&model, say("one two three"), &choices).await?;
                cx.embed(&*embedder, &choices).await?;
            }
            #[expect(unreachable_code, reason = "it says what the loop is of")]
            Ok(())
        }
    });
    let graph = alone("alternate", alternate);
    let run = Run::start(graph.clone(), (), limited(Budget::new().calls(5)));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded());
    assert_eq!((model.calls(), embedder.1.load(Ordering::SeqCst)), (3, 2));
    // A score takes its prompt and a token for each choice, so the second of these does not fit.
    let run = Run::start(graph, (), limited(Budget::new().tokens(8)));
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded());
    assert_eq!(error.spent().unwrap().tokens(), 4);
    assert_eq!(model.calls(), 3 + 1);
}

#[tokio::test]
async fn money_is_reserved_at_the_models_price() {
    let model = echo().configure(|profile| {
        profile.price = Price {
            input: Cost(1_000),
            cached: Cost(100),
            output: Cost(5_000),
        };
    });
    // A call sets aside 1 * 1,000 + 10 * 5,000 and uses 1 * 1,000 + 2 * 5,000.
    for (cost, calls) in [(50_999, 0), (51_000, 1), (62_000, 2), (72_999, 2)] {
        let before = model.calls();
        let run = Run::start(
            asking(&model, 1),
            texts(9),
            limited(Budget::new().cost(Cost(cost))),
        );
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_budget_exceeded(), "{error}");
        assert_eq!(model.calls() - before, calls, "for {cost}");
        assert_eq!(error.spent().unwrap().cost, Cost(11_000 * calls as u64));
        let left = error.unspent().unwrap().cost;
        assert_eq!(left, Some(Cost(cost - 11_000 * calls as u64)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_ends_a_call_under_way() {
    let model = echo().latency(Duration::from_secs(1 << 20));
    let options = limited(Budget::new().time(Duration::from_secs(20)));
    let started = tokio::time::Instant::now();
    let run = Run::start(asking(&model, 1), texts(1), options);
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_budget_exceeded(), "{error}");
    assert_eq!(started.elapsed(), Duration::from_secs(20));
    assert_eq!(error.unspent().unwrap().time, Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_ends_a_tool_and_a_wait() {
    let tool = agent(|(): (), cx: Context| async move {
        cx.tool("wait", &(), std::future::pending::<Result<()>>())
            .await
    });
    let wait = agent(|(): (), cx: Context| async move { cx.sleep(Duration::MAX).await });
    let options = || limited(Budget::new().time(Duration::from_secs(20)));
    for run in [
        Run::start(alone("tool", tool), (), options()),
        Run::start(alone("wait", wait), (), options()),
    ] {
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_budget_exceeded(), "{error}");
        assert_eq!(
            error.to_string().split(": ").nth(1),
            Some("the time limit of 20s has passed")
        );
    }
}

#[tokio::test]
async fn a_failed_call_is_charged_as_a_call() {
    let model = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
    let policy = on_failure(asker(&model)).skip(|_| "none".to_owned());
    let options = limited(Budget::new().calls(9).tokens(1000));
    let run = Run::start(mapped("ask", 1, policy), texts(3), options);
    let outcome = run.outcome().await.unwrap();
    assert_eq!((outcome.usage.calls, outcome.usage.tokens()), (3, 0));
    assert_eq!(outcome.unspent.calls, Some(6));
    assert_eq!(outcome.unspent.tokens, Some(1000));
}

#[tokio::test]
async fn what_a_resumed_run_takes_over_counts_and_a_larger_budget_lets_it_go_on() {
    let journal = memory();
    let model = echo();
    let options = |calls| limited(Budget::new().calls(calls)).journal(journal.clone());
    let (id, first) = finish(asking(&model, 1), texts(6), options(3)).await;
    assert!(first.unwrap_err().is_budget_exceeded());
    let (_, same) = finish(asking(&model, 1), texts(6), options(3).resume(id.clone())).await;
    let error = same.unwrap_err();
    assert!(error.is_budget_exceeded() && error.spent().unwrap().calls == 3);
    assert_eq!(model.calls(), 3, "a resumed run has no budget of its own");
    let run = Run::start(asking(&model, 1), texts(6), options(6).resume(id));
    let outcome = run.outcome().await.unwrap();
    assert_eq!(outcome.usage.calls, 6);
    assert_eq!(outcome.unspent.calls, Some(0));
    assert_eq!(model.calls(), 6);
}

/// Also those that no entry tells: the failure that ended an attempt, and what was cut off.
#[tokio::test(start_paused = true)]
async fn what_was_lost_counts_when_a_run_is_resumed() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
        let options = || limited(Budget::new().calls(3)).journal(journal.clone());
        let graph = || alone("ask", asker(&model));
        let (id, first) = finish(graph(), "x".to_owned(), options()).await;
        let mut error = first.unwrap_err();
        for calls in 1..=3 {
            assert!(error.is_retryable(), "{error}");
            assert_eq!(error.spent().unwrap().calls, calls);
            let options = options().resume(id.clone());
            error = finish(graph(), "x".to_owned(), options)
                .await
                .1
                .unwrap_err();
        }
        assert!(error.is_budget_exceeded(), "{error}");
        assert_eq!(model.calls(), 3);
        assert_eq!(record(&*journal, &id).await.lost.calls, 3);

        let slow = echo().latency(Duration::from_secs(60));
        let mut run = Run::start(alone("ask", asker(&slow)), "x".to_owned(), options());
        let id = run.id().clone();
        while let Some(event) = run.next().await {
            if matches!(event.kind, EventKind::CallStarted { .. }) {
                break;
            }
        }
        run.cancel();
        assert!(run.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(record(&*journal, &id).await.lost.calls, 1);
    })
    .await;
}

/// A failure that something went on behind is an entry; asked again, it is lost, and counts once.
#[tokio::test]
async fn an_entry_that_makes_way_is_paid_once() {
    let failing = Arc::new(AtomicUsize::new(2));
    let left = Arc::clone(&failing);
    let model = ScriptedModel::from_fn(move |request| match &*request.messages[0].content {
        "fails" if left.load(Ordering::SeqCst) > 0 => {
            left.fetch_sub(1, Ordering::SeqCst);
            Err(Error::unavailable("down"))
        }
        text => Ok(text.to_owned()),
    });
    let work = || {
        let model = model.clone();
        agent(move |(): (), cx: Context| {
            let model = model.clone();
            async move {
                let failed = cx.chat(&model, say("fails")).await;
                cx.chat(&model, say("behind")).await?;
                Ok(failed?.text)
            }
        })
    };
    let journal = memory();
    let options = || RunOptions::new("run").journal(journal.clone());
    let (id, first) = finish(work(), (), options()).await;
    assert_eq!(first.unwrap_err().spent().unwrap().calls, 2);
    for calls in [3, 4] {
        let run = Run::start(work(), (), options().resume(id.clone()));
        let spent = match run.outcome().await {
            Ok(outcome) => outcome.usage.calls,
            Err(error) => error.spent().unwrap().calls,
        };
        assert_eq!(spent, calls);
        assert_eq!(model.calls() as u64, calls);
    }
}

#[tokio::test]
async fn an_agent_may_look_at_its_budget() {
    let model = echo();
    let frugal = agent(move |text: String, cx: Context| {
        let model = model.clone();
        async move {
            let limit = cx.budget().calls.unwrap();
            while cx.spent().calls < limit {
                let request = ChatRequest::new([ChatMessage::user(text.clone())]).max_tokens(3);
                cx.chat(&model, request).await?;
            }
            Ok(cx.spent().calls)
        }
    });
    let run = Run::start(
        alone("frugal", frugal),
        "x".to_owned(),
        limited(Budget::new().calls(7)),
    );
    assert_eq!(run.outcome().await.unwrap().output, 7);
}
