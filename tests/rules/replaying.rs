//! Rule 8: a resumed run comes to the same result and repeats nothing that was done.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{
    ChatMessage, ChatRequest, Context, Effect, Error, EventKind, Graph, Retry, Run, RunId,
    RunOptions, RunStatus, agent, models::ScriptedModel, on_failure,
};
use futures::future::{join, select};

use crate::support::{
    alone, asker, asking, echo, entries, events, finish, journaled, mapped, on_every_journal,
    record, resumed, say, texts, then_fails_once,
};

#[tokio::test]
async fn a_resumed_run_repeats_no_finished_call() {
    on_every_journal(async |journal| {
        let failures = Arc::new(AtomicUsize::new(1));
        let fragile = ScriptedModel::from_fn(move |request| {
            let text = &request.messages[0].content;
            if text == "3" && failures.swap(0, Ordering::SeqCst) > 0 {
                return Err(Error::unavailable("down"));
            }
            Ok(format!("re: {text}"))
        });
        let (id, first) = finish(asking(&fragile, 1), texts(6), journaled(&journal)).await;
        assert!(first.unwrap_err().is_retryable());
        assert_eq!(record(&*journal, &id).await.status, RunStatus::Failed);
        assert_eq!(fragile.calls(), 4);

        let options = journaled(&journal).resume(id.clone());
        let run = Run::start(asking(&fragile, 1), texts(6), options);
        let (events, outcome) = events(run).await;
        let outcome = outcome.unwrap();
        assert_eq!(outcome.output[5], "re: 5");
        assert_eq!(fragile.calls(), 4 + 3);
        // What the first attempt paid counts against the budget of the second, also what failed.
        assert_eq!(outcome.usage.calls, 7);
        let replayed = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::CallFinished { replayed: true, .. }))
            .count();
        assert_eq!(replayed, 3);
        assert_eq!(record(&*journal, &id).await.status, RunStatus::Finished);
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_ended_the_run_is_asked_again() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::new()
            .replies([catena::models::Reply::from(Error::refused("no"))])
            .otherwise("yes");
        let graph = || alone("ask", asker(&model));
        let (id, first) = finish(graph(), "x".to_owned(), journaled(&journal)).await;
        assert!(first.unwrap_err().is_refused());
        assert!(entries(&*journal, &id).await.is_empty());
        let (_, second) = finish(graph(), "x".to_owned(), journaled(&journal).resume(id)).await;
        assert_eq!(second.unwrap(), "yes");
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_ended_the_run_is_asked_again_though_its_node_made_other_calls_after_it() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::new()
            .replies([catena::models::Reply::from(Error::unavailable("down"))])
            .otherwise("yes");
        let graph = || {
            let model = model.clone();
            let both = agent(move |(): (), cx: Context| {
                let model = model.clone();
                async move {
                    let two = async {
                        cx.chat(&model, say("b")).await?;
                        cx.chat(&model, say("c")).await
                    };
                    let (one, two) = join(cx.chat(&model, say("a")), two).await;
                    Ok(one?.text + &two?.text)
                }
            });
            alone("both", both)
        };
        let (id, first) = finish(graph(), (), journaled(&journal)).await;
        assert!(first.unwrap_err().is_retryable());
        let (_, second) = finish(graph(), (), journaled(&journal).resume(id)).await;
        assert_eq!(second.unwrap(), "yesyes");
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_was_recovered_from_is_replayed() {
    on_every_journal(async |journal| {
        // Asked again, both would succeed; what happened must stand.
        let flaky = || {
            ScriptedModel::new()
                .replies([catena::models::Reply::from(Error::unavailable("down"))])
                .otherwise("up")
        };
        let (caught, skipped, retried) = (flaky(), flaky(), flaky());
        let model = caught.clone();
        let catches = agent(move |text: String, cx: Context| {
            let model = model.clone();
            async move {
                Ok(match cx.chat(&model, say(text)).await {
                    Ok(answer) => answer.text,
                    Err(error) => format!("caught {error}"),
                })
            }
        });
        let mut graph = Graph::builder("recovers");
        let one = graph.node("one", catches);
        let two = graph.node(
            "two",
            on_failure(asker(&skipped)).skip(|gap| format!("skipped {}", gap.error)),
        );
        let now = Retry::times(1).backoff(Duration::ZERO);
        let three = graph.node("three", on_failure(asker(&retried)).retry(now));
        graph.edge(one, two).edge(two, three);
        let graph = then_fails_once(graph.build(one, three).unwrap());
        let (id, output) = resumed(graph, "x".to_owned(), &journal).await;
        assert_eq!(output.unwrap(), "up");
        assert_eq!(
            (caught.calls(), skipped.calls(), retried.calls()),
            (1, 1, 2)
        );
        assert_eq!(
            retried.requests()[0],
            say("skipped run/first/two: down"),
            "the third was asked with what the second made of its failure"
        );
        let kinds = entries(&*journal, &id).await;
        let kinds: Vec<_> = kinds.iter().map(|entry| entry.effect.kind()).collect();
        assert_eq!(
            kinds,
            ["failed", "failed", "gave up", "failed", "gave up", "chat"]
        );
    })
    .await;
}

#[tokio::test]
async fn calls_made_at_once_behind_a_failure_keep_their_numbers() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
            "fails" => Err(Error::unavailable("down")),
            text => Ok(text.to_owned()),
        });
        let counted = model.clone();
        let both = agent(move |(): (), cx: Context| {
            let model = model.clone();
            async move {
                let failed = cx.chat(&model, say("fails")).await;
                assert!(failed.is_err());
                let (a, b) = join(cx.chat(&model, say("a")), cx.chat(&model, say("b"))).await;
                Ok(a?.text + &b?.text)
            }
        });
        let (_, output) = resumed(then_fails_once(both), (), &journal).await;
        assert_eq!(output.unwrap(), "ab");
        assert_eq!(counted.calls(), 3);
    })
    .await;
}

#[tokio::test]
async fn structured_answers_asked_for_at_once_are_repaired_again_in_the_same_way() {
    on_every_journal(async |journal| {
        // Whoever did not see the complaint yet answers in words.
        let model = ScriptedModel::from_fn(|request: &ChatRequest| {
            Ok(match request.messages.len() {
                1 => "about seven".to_owned(),
                _ => request.messages[0].content.clone(),
            })
        });
        let counted = model.clone();
        let both = agent(move |(): (), cx: Context| {
            let model = model.clone();
            async move {
                let ask = |text: &str| ChatRequest::new([ChatMessage::user(text)]).max_tokens(10);
                let (a, b) = join(
                    cx.chat_as::<u32>(&model, ask("7"), 2),
                    cx.chat_as::<u32>(&model, ask("8"), 2),
                )
                .await;
                Ok((a?, b?))
            }
        });
        let (_, output) = resumed(then_fails_once(both), (), &journal).await;
        assert_eq!(output.unwrap(), (7, 8));
        assert_eq!(counted.calls(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_its_agent_gave_up_is_given_up_again() {
    on_every_journal(async |journal| {
        let slow = echo().latency(Duration::from_secs(3600));
        let fast = echo();
        let (one, two) = (slow.clone(), fast.clone());
        let race = agent(move |(): (), cx: Context| {
            let (slow, fast) = (one.clone(), two.clone());
            async move {
                let late =
                    tokio::time::timeout(Duration::from_millis(5), cx.chat(&slow, say("in time?")));
                let late = late.await.is_err();
                let slow = Box::pin(cx.chat(&slow, say("slow")));
                let fast = Box::pin(cx.chat(&fast, say("fast")));
                let first = select(slow, fast).await.factor_first().0?.text;
                Ok((late, first))
            }
        });
        let (_, output) = resumed(then_fails_once(race), (), &journal).await;
        assert_eq!(output.unwrap(), (true, "re: fast".to_owned()));
        assert_eq!((slow.calls(), fast.calls()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_model_that_panicked_and_was_skipped_is_skipped_again() {
    on_every_journal(async |journal| {
        for late in [false, true] {
            let model = Arc::new(crate::panics::PanickingModel::new(late));
            let ask = agent(move |text: String, cx: Context| {
                let model = Arc::clone(&model);
                async move { Ok(cx.chat(&*model, say(text)).await?.text) }
            });
            let ask = on_failure(ask).skip(|gap| format!("({})", gap.error));
            let graph = then_fails_once(alone("ask", ask));
            let (_, output) = resumed(graph, "x".to_owned(), &journal).await;
            let why = if late { "half an answer" } else { "no answer" };
            let expected = format!("(run/first/ask: a node panicked: {why})");
            assert_eq!(output.unwrap(), expected);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn siblings_that_a_failure_cancelled_are_not_asked_when_it_is_replayed() {
    let journal = crate::support::memory();
    // Item 1 fails after its second try, item 0 is under way all the time, items 2 to 5 wait.
    let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
        "1" => Err(Error::unavailable("down")),
        text => Ok(text.to_owned()),
    });
    let slow = echo().latency(Duration::from_secs(3600));
    let (one, two) = (model.clone(), slow.clone());
    let ask = agent(move |text: String, cx: Context| {
        let model = if text == "0" {
            two.clone()
        } else {
            one.clone()
        };
        async move { Ok(cx.chat(&model, say(text)).await?.text) }
    });
    let ask = on_failure(ask).retry(Retry::times(1).backoff(Duration::from_secs(1)));
    let map = on_failure(mapped("ask", 2, ask)).skip(|_| vec!["none".to_owned()]);
    let graph = then_fails_once(alone("map", map));
    let (_, output) = resumed(graph, texts(6), &journal).await;
    assert_eq!(output.unwrap(), ["none"]);
    assert_eq!((model.calls(), slow.calls()), (2, 1));
    let asked: Vec<_> = model.requests();
    assert!(
        asked.iter().all(|request| *request == say("1")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_finished_run_that_is_resumed_asks_nothing_and_ends_as_it_did() {
    on_every_journal(async |journal| {
        let model = echo();
        let (id, first) = finish(asking(&model, 2), texts(3), journaled(&journal)).await;
        let options = journaled(&journal).resume(id.clone());
        let (_, second) = finish(asking(&model, 2), texts(3), options).await;
        assert_eq!(first.unwrap(), second.unwrap());
        assert_eq!(model.calls(), 3);
        let kept = entries(&*journal, &id).await;
        assert!(kept.len() == 3 && kept.iter().all(|e| matches!(e.effect, Effect::Chat(_))));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_resumed_says_so() {
    on_every_journal(async |journal| {
        let unknown = RunId::generate();
        let resume = journaled(&journal).resume(unknown.clone());
        let (_, output) = finish(asking(&echo(), 1), texts(1), resume).await;
        let error = output.unwrap_err();
        assert!(error.is_journal());
        assert!(error.to_string().contains(unknown.as_str()), "{error}");
    })
    .await;
    let resume = RunOptions::new("run").resume(RunId::generate());
    let (_, output) = finish(asking(&echo(), 1), texts(1), resume).await;
    let error = output.unwrap_err();
    assert!(error.to_string().contains("without a journal"), "{error}");
}
