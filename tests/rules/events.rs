//! Rule 13: events are numbered, and a journal gives them back exactly.

use std::{sync::Arc, time::Duration};

use catena::{
    Budget, Context, Error, Event, EventKind, Journal, Retry, Run, RunOptions, agent,
    models::ScriptedModel, on_failure,
};

use crate::support::{
    alone, ask, asker, asking, echo, events, everything, journaled, mapped, on_every_journal,
    oracle, texts,
};

/// The journal's events are those that a consumer saw, to the last field.
async fn kept_as_told(journal: &dyn Journal, told: &[Event]) {
    let EventKind::RunStarted { run, .. } = &told[0].kind else {
        panic!("a run begins with its start: {:?}", told[0]);
    };
    let kept = journal.events(run).await.unwrap();
    for (kept, told) in kept.iter().zip(told) {
        assert_eq!(kept, told);
    }
    assert_eq!(kept.len(), told.len());
    assert!(told.iter().zip(0..).all(|(event, seq)| event.seq == seq));
    assert!(told.is_sorted_by_key(|event| event.at_us));
}

#[tokio::test]
async fn events_are_numbered_and_tell_the_whole_story() {
    let run = Run::start(asking(&echo(), 1), texts(2), RunOptions::new("run"));
    let (events, outcome) = events(run).await;
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    assert!(matches!(events[0].kind, EventKind::RunStarted { .. }));
    let usage = outcome.unwrap().usage;
    let unspent = Budget::new();
    assert_eq!(
        events.last().unwrap().kind,
        EventKind::RunFinished { usage, unspent }
    );
    assert_eq!(usage.calls, 2);
    // The pieces of an answer add up to it.
    let streamed: String = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Text { text, .. } if event.path.as_str() == "run/ask[1]" => Some(&**text),
            _ => None,
        })
        .collect();
    assert_eq!(streamed, "re: 1");
}

#[tokio::test]
async fn a_journal_gives_back_what_was_told_while_answers_came_beside_each_other() {
    on_every_journal(async |journal| {
        // Words of several bytes, and pieces of all answers mixed.
        let model = ScriptedModel::from_fn(|request| {
            let text = &request.messages[0].content;
            Ok(format!("größer als {text} \u{1f40b}\u{1f40b} ist\nnichts"))
        })
        .latency(Duration::from_micros(100))
        .token_latency(Duration::from_micros(100));
        let run = Run::start(asking(&model, 8), texts(24), journaled(&journal));
        let (told, outcome) = events(run).await;
        outcome.unwrap();
        let pieces: Vec<_> = told
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Text { .. }))
            .collect();
        let mixed = pieces.windows(2).filter(|two| two[0].path != two[1].path);
        assert!(mixed.count() > 48, "pieces of several answers took turns");
        kept_as_told(&*journal, &told).await;
    })
    .await;
}

#[tokio::test]
async fn a_journal_gives_back_a_run_with_every_way_to_join_and_its_resumption() {
    on_every_journal(async |journal| {
        let graph = everything(&ask(Arc::new(oracle())));
        let run = Run::start(graph.clone(), texts(5), journaled(&journal));
        let id = run.id().clone();
        let (told, outcome) = events(run).await;
        let output = outcome.unwrap().output;
        kept_as_told(&*journal, &told).await;

        let run = Run::start(
            graph.clone(),
            texts(5),
            journaled(&journal).resume(id.clone()),
        );
        let (told, outcome) = events(run).await;
        assert_eq!(outcome.unwrap().output, output);
        assert!(matches!(
            &told[0].kind,
            EventKind::RunStarted { resumed: true, run } if *run == id
        ));
        kept_as_told(&*journal, &told).await;

        let run = Run::start(graph, texts(5), journaled(&journal).fork(id, 6));
        let (told, outcome) = events(run).await;
        assert_eq!(outcome.unwrap().output, output);
        kept_as_told(&*journal, &told).await;
    })
    .await;
}

#[tokio::test]
async fn a_journal_gives_back_failures_recoveries_notes_and_questions() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::new()
            .replies([catena::models::Reply::from(
                Error::rate_limited(Some(Duration::from_millis(1)), "slow down")
                    .with_help("wait")
                    .with_source(std::io::Error::other("429")),
            )])
            .otherwise("yes");
        let asks = asker(&model);
        let asks = on_failure(asks).retry(Retry::times(1).backoff(Duration::ZERO));
        let mut graph = catena::Graph::builder("g");
        let first = graph.node("first", asks);
        let last = graph.node(
            "last",
            agent(|text: String, cx: Context| async move {
                cx.note("progress", &serde_json::json!({ "of": [1, null, "\u{0}"] }));
                let sure: bool = cx.interrupt("sure", &text).await?;
                cx.now().await?;
                match sure {
                    true => Ok(text),
                    false => Err(Error::refused("not sure")),
                }
            }),
        );
        graph.edge(first, last);
        let graph = graph.build(first, last).unwrap();
        let run = Run::start(graph.clone(), "x".to_owned(), journaled(&journal));
        let id = run.id().clone();
        let (first, outcome) = events(run).await;
        assert!(outcome.unwrap_err().is_interrupted());
        kept_as_told(&*journal, &first).await;

        let options = journaled(&journal).resume(id).answer("sure", false);
        let (told, outcome) = events(Run::start(graph, "x".to_owned(), options)).await;
        assert!(outcome.unwrap_err().is_refused());
        kept_as_told(&*journal, &told).await;
        for kind in [
            "note",
            "interrupted",
            "recovered",
            "call_failed",
            "node_failed",
        ] {
            let told = first.iter().chain(&told);
            let told = told.map(|event| serde_json::to_value(event).unwrap());
            let mut kinds = told.map(|event| event["event"].clone());
            assert!(kinds.any(|told| told == kind), "{kind} was told");
        }
    })
    .await;
}

#[tokio::test]
async fn a_journal_gives_back_a_run_that_was_cancelled_in_the_middle_of_its_answers() {
    on_every_journal(async |journal| {
        use futures::StreamExt;
        let model = ScriptedModel::new()
            .otherwise("one two three four five six seven eight nine ten")
            .token_latency(Duration::from_millis(2));
        let mut run = Run::start(asking(&model, 3), texts(6), journaled(&journal));
        let mut told = Vec::new();
        while told.len() < 20 {
            told.push(run.next().await.unwrap());
        }
        run.cancel();
        while let Some(event) = run.next().await {
            told.push(event);
        }
        assert!(run.outcome().await.unwrap_err().is_cancelled());
        assert!(matches!(
            told.last().unwrap().kind,
            EventKind::RunFailed { .. }
        ));
        kept_as_told(&*journal, &told).await;
    })
    .await;
}

#[tokio::test]
async fn a_failing_map_tells_the_end_of_every_call_that_it_began() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::from_fn(|request| match &*request.messages[0].content {
            "2" => Err(Error::refused("no")),
            text => Ok(text.to_owned()),
        });
        let (slow, quick) = (model.clone().latency(Duration::from_secs(60)), model);
        let ask = agent(move |text: String, cx: Context| {
            let model = if text == "2" {
                quick.clone()
            } else {
                slow.clone()
            };
            async move { Ok(cx.chat(&model, crate::support::say(text)).await?.text) }
        });
        let graph = alone("outer", mapped("ask", 4, ask));
        let (told, outcome) = events(Run::start(graph, texts(4), journaled(&journal))).await;
        assert!(outcome.unwrap_err().is_refused());
        let count = |wanted: fn(&EventKind) -> bool| {
            told.iter().filter(|event| wanted(&event.kind)).count()
        };
        let began = count(|kind| matches!(kind, EventKind::CallStarted { .. }));
        let ended = count(|kind| {
            matches!(
                kind,
                EventKind::CallFinished { .. } | EventKind::CallFailed { .. }
            )
        });
        assert_eq!((began, ended), (4, 4));
        kept_as_told(&*journal, &told).await;
    })
    .await;
}
