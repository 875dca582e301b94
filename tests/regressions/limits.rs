//! Limits that are exact, and retries that stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use catena::{
    Budget, ChatMessage, ChatRequest, Context, Error, Graph, Node, Retry, Run, RunOptions, agent,
    branch, models::ScriptedModel, on_failure,
};

use crate::support::{alone, asker, finish, memory, say};

/// Visits `turn` so many times.
fn turns(count: u32, limit: usize, visits: &Arc<AtomicUsize>) -> Graph<u32, u32> {
    let visits = Arc::clone(visits);
    let mut graph = Graph::builder("turns");
    let turn: Node<u32, u32> = graph.node(
        "turn",
        agent(move |done: u32, _cx: Context| {
            visits.fetch_add(1, Ordering::SeqCst);
            async move { Ok(done + 1) }
        }),
    );
    let end = graph.node(
        "end",
        agent(|done: u32, _cx: Context| async move { Ok(done) }),
    );
    let more = branch!(graph, "more", |done: u32| match done {
        done if done == count => end(done),
        _ => turn(done),
    });
    graph.edge(turn, more).step_limit(limit);
    graph.build(turn, end).unwrap()
}

#[tokio::test]
async fn a_turn_limit_is_not_off_by_one() {
    for limit in [1, 2, 3, 17] {
        let visits = Arc::new(AtomicUsize::new(0));
        let exact = turns(u32::try_from(limit).unwrap(), limit, &visits);
        let run = Run::start(exact, 0, RunOptions::new("run"));
        assert_eq!(run.outcome().await.unwrap().output as usize, limit);
        assert_eq!(visits.swap(0, Ordering::SeqCst), limit);

        let one_more = turns(u32::try_from(limit).unwrap() + 1, limit, &visits);
        let run = Run::start(one_more, 0, RunOptions::new("run"));
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_step_limit(), "{error:?}");
        assert_eq!(
            visits.load(Ordering::SeqCst),
            limit,
            "the one too many is not made"
        );
    }
}

#[tokio::test]
async fn a_turn_limit_is_not_off_by_one_after_a_resume() {
    // A cycle of three turns that ask; the process stops in the second.
    let limited = |turns: usize, model: &ScriptedModel| {
        let mut graph = Graph::builder("turns");
        let turn = graph.node("turn", asker(model));
        let end = graph.node(
            "end",
            agent(|text: String, _cx: Context| async move { Ok(text) }),
        );
        let more = branch!(graph, "more", |text: String| match text {
            text if text.len() >= turns => end(text),
            text => turn(text),
        });
        graph.edge(turn, more).step_limit(3);
        graph.build(turn, end).unwrap()
    };
    let model = || ScriptedModel::from_fn(|request| Ok(request.messages[0].content.clone() + "i"));
    for (turns, enough) in [(3, true), (4, false)] {
        let journal = memory();
        let full: Arc<dyn catena::Journal> =
            Arc::new(crate::support::Disk::full_after(1, &journal));
        let options = RunOptions::new("run").journal(full);
        let (id, stopped) = finish(limited(turns, &model()), String::new(), options).await;
        assert!(stopped.unwrap_err().is_journal());
        let (model, options) = (model(), RunOptions::new("run").journal(journal).resume(id));
        let (_, output) = finish(limited(turns, &model), String::new(), options).await;
        match output {
            Ok(text) => assert!(enough && text == "iii"),
            Err(error) => assert!(!enough && error.is_step_limit(), "{error:?}"),
        }
        assert_eq!(model.calls(), 2);
    }
}

#[tokio::test]
async fn retries_are_not_off_by_one() {
    for times in [0, 1, 4] {
        let model = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
        let retry = Retry::times(times).backoff(Duration::ZERO);
        let ask = alone("ask", on_failure(asker(&model)).retry(retry));
        let run = Run::start(ask, "x".to_owned(), RunOptions::new("run"));
        assert!(run.outcome().await.unwrap_err().is_retryable());
        assert_eq!(
            model.calls(),
            times as usize + 1,
            "the first try, and {times} more"
        );
    }
}

fn count(model: &ScriptedModel, repairs: u32) -> Graph<String, u32> {
    let model = model.clone();
    let count = agent(move |text: String, cx: Context| {
        let model = model.clone();
        async move {
            let request = ChatRequest::new([ChatMessage::user(text)]).max_tokens(10);
            cx.chat_as::<u32>(&model, request, repairs).await
        }
    });
    alone("count", count)
}

#[tokio::test]
async fn repairs_are_not_off_by_one() {
    // Right at the last repair that there is, and one too late.
    for (repairs, right_at, good) in [(0, 1, true), (0, 2, false), (3, 4, true), (3, 5, false)] {
        let asked = AtomicUsize::new(0);
        let model = ScriptedModel::from_fn(move |_| {
            let nth = asked.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(if nth == right_at { "7" } else { "seven" }.to_owned())
        });
        let run = Run::start(
            count(&model, repairs),
            "?".to_owned(),
            RunOptions::new("run"),
        );
        let result = run.outcome().await;
        assert_eq!(
            result.is_ok(),
            good,
            "{repairs} repairs, right at {right_at}"
        );
        assert_eq!(model.calls(), repairs as usize + 1);
    }
}

#[tokio::test]
async fn a_structured_output_retry_stops() {
    let model = ScriptedModel::new()
        .otherwise("certainly: seven")
        .configure(|profile| profile.context_window = u32::MAX);
    let run = Run::start(
        count(&model, 2),
        "how many?".to_owned(),
        RunOptions::new("run"),
    );
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_malformed_output());
    let message = error.to_string();
    assert!(
        message
            .starts_with("run/count: 'scripted' did not answer in the form asked for, in 3 tries"),
        "{message}"
    );
    // Each repair shows the model what it said, and what is wrong with it.
    let last = model.requests().pop().unwrap();
    assert_eq!(last.messages.len(), 1 + 2 * 2);
    assert_eq!(last.messages[3], ChatMessage::assistant("certainly: seven"));
    assert!(
        last.messages[4].content.contains("expected value"),
        "{last:?}"
    );

    // As many repairs as there are numbers: then the budget stops it.
    let before = model.calls();
    let options = RunOptions::new("run").budget(Budget::new().calls(25));
    let run = Run::start(count(&model, u32::MAX), "how many?".to_owned(), options);
    assert!(run.outcome().await.unwrap_err().is_budget_exceeded());
    assert_eq!(model.calls() - before, 25);
}

#[tokio::test]
async fn a_structured_output_retry_stops_when_the_model_fails_otherwise() {
    let model = ScriptedModel::new().replies([
        catena::models::Reply::from("seven"),
        Error::refused("enough").into(),
    ]);
    let run = Run::start(count(&model, 9), "?".to_owned(), RunOptions::new("run"));
    assert!(run.outcome().await.unwrap_err().is_refused());
    assert_eq!(model.calls(), 2);
    assert_eq!(model.requests()[0], say("?"));
}
