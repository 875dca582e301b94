//! The figures in the documentation of `catena_models::layer`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use catena_core::{ChatModel, Error};
use catena_models::{
    ScriptedModel,
    layer::{Cache, ConcurrencyLimit, Fallback, RateLimit, Retry, StructuredOutput},
};
use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{ask, down};

/// Two attempts of three fail.
fn flaky() -> ScriptedModel {
    let calls = AtomicU64::new(0);
    ScriptedModel::from_fn(move |_| match calls.fetch_add(1, Ordering::Relaxed) % 3 {
        2 => Ok("yes".into()),
        _ => Err(down()),
    })
}

fn retry(model: Arc<dyn ChatModel>) -> Retry {
    Retry::new(model)
        .max_attempts(3)
        .backoff(Duration::from_millis(1), Duration::from_millis(1))
        .jitter_seed(1)
}

fn limit(model: Arc<dyn ChatModel>) -> RateLimit {
    RateLimit::new(model).requests_per_minute(60)
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_inside_of_the_retries_counts_attempts() {
    // Requests that reach the provider in the minute after the first 60.
    let sent = async |model: Arc<dyn ChatModel>, scripted: ScriptedModel| {
        let minute = async {
            loop {
                model.chat(ask("?")).await.unwrap();
            }
        };
        let _: Result<(), _> = tokio::time::timeout(Duration::from_secs(60), minute).await;
        scripted.calls() as u64
    };
    let scripted = flaky();
    let inside = Arc::new(retry(Arc::new(limit(Arc::new(scripted.clone())))));
    let inside = sent(inside, scripted).await;
    let scripted = flaky();
    let outside = Arc::new(limit(Arc::new(retry(Arc::new(scripted.clone())))));
    let outside = sent(outside, scripted).await;
    // A full bucket and a minute's refill: 120 requests, or 120 answers of three attempts each.
    assert!((119..=121).contains(&inside), "{inside}");
    assert!((357..=363).contains(&outside), "{outside}");
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_inside_of_the_retries_does_not_wait_with_them() {
    let took = async |stack: &dyn Fn(ScriptedModel) -> Arc<dyn ChatModel>| {
        let failed = AtomicU64::new(0);
        let scripted =
            ScriptedModel::from_fn(move |_| match failed.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::rate_limited(Some(Duration::from_secs(30)), "slow")),
                _ => Ok("yes".into()),
            });
        let model = stack(scripted.latency(Duration::from_secs(1)));
        let start = Instant::now();
        join_all((0..10).map(|_| model.chat(ask("?")))).await;
        start.elapsed().as_secs()
    };
    let inside =
        took(&|model| Arc::new(retry(Arc::new(ConcurrencyLimit::new(Arc::new(model), 1)))));
    let outside =
        took(&|model| Arc::new(ConcurrencyLimit::new(Arc::new(retry(Arc::new(model))), 1)));
    assert_eq!((inside.await, outside.await), (32, 41));
}

#[tokio::test(start_paused = true)]
async fn a_cache_outside_of_a_rate_limit_spares_it() {
    let took = async |cache_outside: bool| {
        let folder = tempfile::tempdir().unwrap();
        let scripted: Arc<dyn ChatModel> = Arc::new(ScriptedModel::new().otherwise("yes"));
        let model: Arc<dyn ChatModel> = match cache_outside {
            true => Arc::new(Cache::new(Arc::new(limit(scripted)), folder.path())),
            false => Arc::new(limit(Arc::new(Cache::new(scripted, folder.path())))),
        };
        let start = Instant::now();
        for number in 0..600 {
            model.chat(ask(&(number % 60).to_string())).await.unwrap();
        }
        start.elapsed().as_secs()
    };
    assert_eq!((took(true).await, took(false).await), (0, 540));
}

#[tokio::test(start_paused = true)]
async fn retries_inside_of_the_repairs_keep_what_was_repaired() {
    // An answer without JSON, and a repair that fails the first time.
    let calls = async |retry_outside: bool| {
        let repairs = AtomicU64::new(0);
        let scripted = ScriptedModel::from_fn(move |request| {
            if request.messages.len() < 3 {
                return Ok("no JSON".into());
            }
            match repairs.fetch_add(1, Ordering::Relaxed) {
                0 => Err(down()),
                _ => Ok("{}".into()),
            }
        });
        let inner: Arc<dyn ChatModel> = Arc::new(scripted.clone());
        let model: Arc<dyn ChatModel> = match retry_outside {
            true => Arc::new(retry(Arc::new(StructuredOutput::new(inner)))),
            false => Arc::new(StructuredOutput::new(Arc::new(retry(inner)))),
        };
        let request = ask("?").json_schema(json!({"type": "object"}));
        model.chat(request).await.unwrap();
        scripted.calls()
    };
    assert_eq!((calls(false).await, calls(true).await), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_outside_of_the_retries_leaves_the_spare_alone() {
    let asked = async |retry_outside: bool| {
        let calls = AtomicU64::new(0);
        let first =
            ScriptedModel::from_fn(move |_| match calls.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => Err(down()),
                _ => Ok("yes".into()),
            });
        let spare = ScriptedModel::new().otherwise("yes");
        let (first, other) = (Arc::new(first), Arc::new(spare.clone()));
        let model: Arc<dyn ChatModel> = match retry_outside {
            true => Arc::new(retry(Arc::new(Fallback::new(first).or(other)))),
            false => Arc::new(Fallback::new(Arc::new(retry(first))).or(Arc::new(retry(other)))),
        };
        for _ in 0..10 {
            model.chat(ask("?")).await.unwrap();
        }
        spare.calls()
    };
    assert_eq!((asked(false).await, asked(true).await), (0, 5));
}
