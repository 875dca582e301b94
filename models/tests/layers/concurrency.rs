use std::{sync::Arc, time::Duration};

use catena_core::{ChatModel, Delta};
use catena_models::{ScriptedModel, layer::ConcurrencyLimit};
use futures::{StreamExt, future::join_all};
use tokio::time::Instant;

use crate::support::{Player, ask, down, end, text};

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_are_answered_at_a_time() {
    let scripted = ScriptedModel::new()
        .otherwise("one two")
        .latency(Duration::from_secs(1))
        .token_latency(Duration::from_secs(1));
    let model = ConcurrencyLimit::new(Arc::new(scripted.clone()), 3);
    let start = Instant::now();
    for answer in join_all((0..9).map(|_| model.chat(ask("?")))).await {
        answer.unwrap();
    }
    assert_eq!(scripted.max_in_flight(), 3);
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_free_at_the_end_of_the_answer_or_when_it_is_dropped() {
    let scripted = ScriptedModel::new().otherwise("one two");
    let model = ConcurrencyLimit::new(Arc::new(scripted), 1);
    let is_free = async || {
        let next = model.stream(ask("?"));
        tokio::time::timeout(Duration::from_secs(60), next)
            .await
            .is_ok()
    };

    let mut held = model.stream(ask("?")).await.unwrap();
    held.next().await.unwrap().unwrap();
    assert!(!is_free().await);
    drop(held);
    assert!(is_free().await);

    // The end frees it, even while the stream is held.
    let mut ended = model.stream(ask("?")).await.unwrap();
    while !matches!(ended.next().await, Some(Ok(Delta::End { .. }))) {}
    assert!(is_free().await);
    assert!(ended.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_frees_the_place() {
    let player = Player::of([vec![text("a"), Err(down())], vec![text("b"), end()]]);
    let model = ConcurrencyLimit::new(player, 1);
    let mut failed = model.stream(ask("?")).await.unwrap();
    while !matches!(failed.next().await, Some(Err(_))) {}
    assert_eq!(model.chat(ask("?")).await.unwrap().text, "b");

    let scripted = ScriptedModel::from_fn(|_| Err(down()));
    let model = ConcurrencyLimit::new(Arc::new(scripted), 1);
    for _ in 0..3 {
        assert!(model.chat(ask("?")).await.unwrap_err().is_retryable());
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_gives_up_waiting_takes_no_place() {
    let scripted = ScriptedModel::new()
        .otherwise("yes")
        .latency(Duration::from_secs(10));
    let model = ConcurrencyLimit::new(Arc::new(scripted.clone()), 1);
    let impatient = tokio::time::timeout(Duration::from_secs(1), model.chat(ask("b")));
    let (patient, impatient) = futures::future::join(model.chat(ask("a")), impatient).await;
    patient.unwrap();
    assert!(impatient.is_err());
    model.chat(ask("c")).await.unwrap();
    assert_eq!(scripted.calls(), 2);
}

#[test]
fn the_profile_says_how_many_are_worth_while() {
    let scripted = |parallel| ScriptedModel::new().configure(|profile| profile.parallel = parallel);
    let parallel = |parallel, limit| {
        let model = ConcurrencyLimit::new(Arc::new(scripted(parallel)), limit);
        model.profile().parallel
    };
    assert_eq!((parallel(8, 2), parallel(2, 8), parallel(4, 0)), (2, 2, 1));
}
