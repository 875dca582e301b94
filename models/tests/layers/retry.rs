use std::{sync::Arc, time::Duration};

use catena_core::{ChatModel, Delta, Error, Usage};
use catena_models::{Reply, ScriptedModel, layer::Retry};
use futures::StreamExt;
use tokio::time::Instant;

use crate::support::{Player, ask, down, end, text};

fn failing(error: Error) -> ScriptedModel {
    ScriptedModel::from_fn(move |_| Err(error.clone()))
}

#[tokio::test(start_paused = true)]
async fn attempts_are_bounded_and_counted() {
    let scripted = failing(down().with_help("start it"));
    let model = Retry::new(Arc::new(scripted.clone())).max_attempts(5);
    let error = model.chat(ask("?")).await.unwrap_err();
    assert_eq!(scripted.calls(), 5);
    assert!(error.is_retryable());
    assert_eq!(error.help(), Some("start it; 5 attempts were made"));

    let once = Retry::new(Arc::new(scripted.clone())).max_attempts(0);
    assert_eq!(
        once.chat(ask("?")).await.unwrap_err().help(),
        Some("start it")
    );
    assert_eq!(scripted.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_tried_again() {
    for error in [
        Error::refused("no"),
        Error::invalid("never"),
        Error::context_overflow(1, "long"),
        Error::malformed_output("what?"),
        Error::budget_exceeded("spent"),
        Error::cancelled(),
    ] {
        let scripted = failing(error);
        let model = Retry::new(Arc::new(scripted.clone()));
        assert_eq!(model.chat(ask("?")).await.unwrap_err().help(), None);
        assert_eq!(scripted.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_that_a_provider_asks_for_is_kept() {
    let slow = |seconds| Error::rate_limited(Some(Duration::from_secs(seconds)), "slow down");
    let scripted = ScriptedModel::new().replies([
        Reply::from(slow(7)),
        Reply::from(slow(20)),
        Reply::from("at last"),
    ]);
    let model = Retry::new(Arc::new(scripted))
        .backoff(Duration::from_millis(100), Duration::from_millis(100));
    let start = Instant::now();
    let answer = model.chat(ask("?")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.calls), ("at last", 3));
    let waited = start.elapsed();
    assert!(
        (Duration::from_secs(27)..=Duration::from_millis(27_300)).contains(&waited),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_too_long_is_not_waited_for() {
    let scripted = failing(Error::rate_limited(
        Some(Duration::from_secs(3600)),
        "tomorrow",
    ));
    let model = Retry::new(Arc::new(scripted.clone()));
    let start = Instant::now();
    let error = model.chat(ask("?")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!((scripted.calls(), start.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn waits_are_random_and_bounded() {
    let mut waits = Vec::new();
    for seed in 0..20 {
        let model = Retry::new(Arc::new(failing(down())))
            .max_attempts(3)
            .backoff(Duration::from_secs(1), Duration::from_secs(60))
            .jitter_seed(seed);
        let start = Instant::now();
        model.chat(ask("?")).await.unwrap_err();
        waits.push(start.elapsed().as_millis());
    }
    // One second and two at most, rounded up by the timer.
    assert!(waits.iter().all(|wait| *wait <= 3_002), "{waits:?}");
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 15, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_before_its_first_token_is_asked_for_again() {
    let player = Player::of([vec![Err(down())], vec![text("yes"), end()]]);
    let model = Retry::new(player.clone());
    let answer = model.chat(ask("?")).await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.usage),
        (
            "yes",
            Usage {
                calls: 2,
                ..Usage::call(5, 2)
            }
        )
    );
    assert_eq!(player.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_is_not_sent_again() {
    let player = Player::of([vec![text("ye"), Err(down())], vec![text("yes"), end()]]);
    let model = Retry::new(player.clone());
    let mut stream = model.stream(ask("?")).await.unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        Delta::Text("ye".into())
    );
    assert!(stream.next().await.unwrap().unwrap_err().is_retryable());
    assert!(stream.next().await.is_none());
    assert_eq!(player.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_is_sent_again_where_that_is_wanted() {
    let player = Player::of([
        vec![text("one two three"), Err(down())],
        vec![text("fo")],
        vec![text("four"), end()],
    ]);
    let model = Retry::new(player.clone()).resend_started(true);
    let answer = model.chat(ask("?")).await.unwrap();
    assert_eq!(answer.text, "four");
    // Two broken answers of 77 + 3 and 77 + 1 tokens, and one of 5 + 2.
    let expected = Usage {
        calls: 3,
        ..Usage::call(77 + 77 + 5, 3 + 1 + 2)
    };
    assert_eq!(answer.usage, expected);
    assert_eq!(player.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_passed_on_as_they_come() {
    let scripted = ScriptedModel::new()
        .otherwise("one two")
        .token_latency(Duration::from_secs(1));
    let model = Retry::new(Arc::new(scripted));
    let start = Instant::now();
    let mut stream = model.stream(ask("?")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 1);
    stream.next().await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_ends_the_attempts() {
    let scripted = failing(down()).latency(Duration::from_secs(1));
    let model = Retry::new(Arc::new(scripted.clone()));
    let timeout = tokio::time::timeout(Duration::from_millis(500), model.chat(ask("?")));
    assert!(timeout.await.is_err());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((scripted.calls(), scripted.in_flight()), (1, 0));
}

/// Ten seconds until each failure: the second begins in time, the third would not.
#[tokio::test(start_paused = true)]
async fn no_attempt_begins_too_late() {
    let scripted = failing(down()).latency(Duration::from_secs(10));
    let model = Retry::new(Arc::new(scripted.clone())).within(Duration::from_secs(15));
    let error = model.chat(ask("?")).await.unwrap_err();
    assert_eq!(scripted.calls(), 2);
    assert!(error.help().unwrap().contains("2 attempts"));
}
