//! What a failure policy gave up is not done again by a resumed run: which call of an attempt failed
//! first, and what the others had done by then, was a matter of time. Part of rules 6 and 8.

use std::{sync::Arc, time::Duration};

use catena::{
    Agent, Context, Effect, Error, EventKind, Retry, Run, agent, models::ScriptedModel, on_failure,
};

use crate::support::{
    asker, entries, events, finish, journaled, mapped, memory, on_every_journal, resumed,
    then_fails_once,
};

/// Asks at once what answers at once, what fails soon, and what would answer late.
fn uneven(model: &ScriptedModel) -> impl Agent<Input = Vec<String>, Output = Vec<String>> + use<> {
    let ask = Arc::new(asker(model));
    mapped(
        "each",
        3,
        agent(move |text: String, cx: Context| {
            let ask = ask.clone();
            async move {
                let wait = match &*text {
                    "fails" => 1,
                    "late" => 3600,
                    _ => 0,
                };
                cx.sleep(Duration::from_secs(wait)).await?;
                match wait {
                    1 => {
                        cx.tool("fail", &(), async { Err(Error::unavailable("down")) })
                            .await
                    }
                    _ => ask.run(text, &cx).await,
                }
            }
        }),
    )
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_given_up_is_not_made_again() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::from_fn(|_| Ok("x".into()));
        let patient = on_failure(uneven(&model))
            .retry(Retry::times(1).backoff(Duration::from_secs(600)))
            .skip(|gap| vec![gap.error.to_string()]);
        let graph = then_fails_once(patient);
        let input: Vec<String> = ["at once", "fails", "late"].map(Into::into).into();
        let (id, first) = finish(graph.clone(), input.clone(), journaled(&journal)).await;
        first.unwrap_err();
        assert_eq!(model.calls(), 2, "an answer in each attempt");

        let before = tokio::time::Instant::now();
        let run = Run::start(graph, input, journaled(&journal).resume(id));
        let (told, outcome) = events(run).await;
        let outcome = outcome.unwrap();
        assert_eq!(outcome.output, ["run/first~2/each[1]: down"]);
        assert_eq!(outcome.gaps.len(), 1);
        assert_eq!(model.calls(), 2, "nothing is asked again");
        assert_eq!(before.elapsed(), Duration::ZERO, "and nothing waited for");
        assert_eq!(outcome.usage.calls, 2, "what was paid is paid");
        let recovered = told
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Recovered { .. }));
        assert_eq!(recovered.count(), 2, "it is told all the same");
    })
    .await;
}

/// An agent that throws dice in its own name before, within and behind what it gives up.
#[tokio::test]
async fn what_an_agent_does_behind_it_keeps_its_number() {
    let throws = || {
        let fails = agent(|(): (), cx: Context| async move {
            cx.random().await?;
            Err::<u64, _>(Error::refused("no"))
        });
        let skips = Arc::new(on_failure(fails).skip(|_| 0));
        agent(move |(): (), cx: Context| {
            let skips = skips.clone();
            async move {
                let before = cx.random().await?;
                skips.run((), &cx).await?;
                Ok(vec![before, cx.random().await?])
            }
        })
    };
    let journal = memory();
    let (id, output) = resumed(then_fails_once(throws()), (), &journal).await;
    let kept: Vec<_> = entries(&*journal, &id)
        .await
        .into_iter()
        .filter_map(|entry| match entry.effect {
            Effect::Random(bits) => Some(bits),
            _ => None,
        })
        .collect();
    assert_eq!(kept.len(), 3, "nothing is thrown again");
    assert_eq!(output.unwrap(), [kept[0], kept[2]]);
}

#[tokio::test]
async fn a_question_that_was_given_up_waits_for_nobody() {
    let asks = |name: &'static str| {
        agent(move |(): (), cx: Context| async move { cx.interrupt::<bool>(name, &()).await })
    };
    let moot = agent(|(): (), cx: Context| async move {
        let fails = cx.tool("fail", &(), async { Err::<bool, _>(Error::refused("no")) });
        let (asked, failed) = futures::join!(cx.interrupt::<bool>("moot", &()), fails);
        assert!(asked.unwrap_err().is_interrupted());
        failed
    });
    let journal = memory();
    let policy = on_failure(moot).fallback(asks("real"));
    let run = Run::start(policy, (), journaled(&journal));
    let id = run.id().clone();
    assert!(run.outcome().await.unwrap_err().is_interrupted());
    let open = catena::open_interrupts(&*journal, &id).await.unwrap();
    let open: Vec<_> = open.iter().map(|question| question.name()).collect();
    assert_eq!(open, ["real"]);
}

/// Of two calls that failed with the same words, the one that ended the run is asked again.
#[tokio::test]
async fn a_failure_that_was_tolerated_stays_one() {
    let model = ScriptedModel::new()
        .replies([Error::unavailable("down"), Error::unavailable("down")])
        .otherwise("up");
    let ask = Arc::new(asker(&model));
    let asks_twice = move || {
        let ask = ask.clone();
        agent(move |text: String, cx: Context| {
            let ask = ask.clone();
            async move {
                let first = ask.run(text.clone(), &cx).await.ok();
                let second = ask.run(text, &cx).await?;
                Ok(format!("{first:?}, {second}"))
            }
        })
    };
    let journal = memory();
    let (id, first) = finish(asks_twice(), "x".to_owned(), journaled(&journal)).await;
    assert_eq!(first.unwrap_err().call(), Some(1));
    let options = journaled(&journal).resume(id);
    let (_, second) = finish(asks_twice(), "x".to_owned(), options).await;
    assert_eq!(second.unwrap(), "None, up");
    assert_eq!(model.calls(), 3);
}
