use std::{sync::Arc, time::Duration};

use catena_core::ChatModel;
use catena_models::{ScriptedModel, layer::RateLimit};
use futures::future::join_all;
use tokio::time::Instant;

use crate::support::ask;

fn scripted() -> ScriptedModel {
    ScriptedModel::new().otherwise("yes")
}

/// When each of `count` requests that come at once is answered, in seconds.
async fn answered(model: &RateLimit, count: usize) -> Vec<u64> {
    let start = Instant::now();
    let calls = (0..count).map(|_| async {
        model.chat(ask("?")).await.unwrap();
        start.elapsed().as_millis() as u64
    });
    let times = join_all(calls).await.into_iter();
    times.map(|time| time.div_ceil(100) / 10).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_pass_at_the_limit_after_a_minutes_worth() {
    let model = RateLimit::new(Arc::new(scripted())).requests_per_minute(4);
    assert_eq!(answered(&model, 7).await, [0, 0, 0, 0, 15, 30, 45]);
    // A pause fills the bucket again, and no more than that.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(answered(&model, 6).await, [0, 0, 0, 0, 15, 30]);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_prompt_and_answer_are_counted() {
    let model = RateLimit::new(Arc::new(scripted())).tokens_per_minute(600);
    let start = Instant::now();
    // 1 + 299 tokens each: two at once, and then ten tokens a second.
    for expected in [0, 0, 30, 60] {
        model.chat(ask("?").max_tokens(299)).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_expected_to_be_short() {
    let model = RateLimit::new(Arc::new(scripted()))
        .tokens_per_minute(60)
        .expected_output(9);
    let start = Instant::now();
    for _ in 0..6 {
        model.chat(ask("?")).await.unwrap();
    }
    assert_eq!(start.elapsed().as_secs(), 0);
    model.chat(ask("?").max_tokens(4)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_fits_is_refused() {
    let scripted = scripted();
    let model = RateLimit::new(Arc::new(scripted.clone())).tokens_per_minute(100);
    let error = model.chat(ask("?").max_tokens(100)).await.unwrap_err();
    assert!(error.is_invalid());
    assert!(
        error.to_string().contains("101 tokens never fits the 100"),
        "{error}"
    );
    assert_eq!(scripted.calls(), 0);
    // Nothing was taken.
    model.chat(ask("?").max_tokens(99)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_small_request_does_not_overtake_a_large_one() {
    let scripted = scripted();
    let model = RateLimit::new(Arc::new(scripted.clone())).tokens_per_minute(60);
    model.chat(ask("first").max_tokens(59)).await.unwrap();
    let large = model.chat(ask("large").max_tokens(59));
    let small = model.chat(ask("small").max_tokens(1));
    let (large, small) = futures::future::join(large, small).await;
    large.unwrap();
    small.unwrap();
    let order: Vec<String> = scripted
        .requests()
        .iter()
        .map(|request| request.messages[0].content.clone())
        .collect();
    assert_eq!(order, ["first", "large", "small"]);
}

#[tokio::test(start_paused = true)]
async fn one_who_gives_up_does_not_hold_up_the_others() {
    let model = RateLimit::new(Arc::new(scripted())).requests_per_minute(60);
    answered(&model, 60).await;
    let mut first = Box::pin(model.chat(ask("?")));
    assert!(futures::poll!(first.as_mut()).is_pending());
    drop(first);
    assert_eq!(answered(&model, 2).await, [1, 2]);
}
