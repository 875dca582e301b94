//! Many requests for one model.

mod support;

use std::{
    fs,
    time::{Duration, Instant},
};

use catena_core::{ChatMessage, ChatModel, ChatRequest};
use catena_local::{Device, LocalModel};
use futures::{StreamExt, future::join_all};
use support::{SMALL, device, options, weights};
use tokio::time::{sleep, timeout};

/// Far more than the slowest machine needs for what is waited for here.
const STALLED: Duration = Duration::from_secs(240);

fn ask(question: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(question)])
}

async fn small() -> LocalModel {
    let options = options().prefix_cache(0);
    LocalModel::load(weights(SMALL), options).await.unwrap()
}

/// Thirty-two requests, of 1 to 128 words, for 1 to 11 tokens.
fn crowd() -> Vec<ChatRequest> {
    let request = |number: u32| {
        let words = 1 << (number * 5 % 8);
        ask(&"tree ".repeat(words)).max_tokens(1 + number * 7 % 11)
    };
    (0..32).map(request).collect()
}

/// Seconds since `begun`; on a CPU those that this process has computed, on all cores: on a machine that
/// does other work too, they tell more than the clock.
fn busy(begun: Instant) -> f64 {
    if device() != Device::Cpu {
        return begun.elapsed().as_secs_f64();
    }
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2);
    ticks.map(|ticks| ticks.parse().unwrap_or(0.0)).sum::<f64>() / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_at_once_take_no_longer_than_one_after_the_other() {
    let model = small().await;
    let begun = Instant::now();
    let idle = busy(begun);
    let mut apart = Vec::new();
    for request in crowd() {
        apart.push(model.chat(request).await.unwrap());
    }
    let (one_by_one, middle) = (begun.elapsed(), busy(begun));
    let crowd = crowd().into_iter().map(|request| model.chat(request));
    let together = timeout(STALLED, join_all(crowd)).await.unwrap();
    let (all, end) = (begun.elapsed() - one_by_one, busy(begun));

    for (apart, together) in apart.iter().zip(together) {
        let together = together.unwrap();
        assert_eq!(apart.text, together.text);
        assert_eq!(apart.usage, together.usage);
    }
    println!(
        "one by one {:.1} s ({:.1} s counted), at once {:.1} s ({:.1} s)",
        one_by_one.as_secs_f64(),
        middle - idle,
        all.as_secs_f64(),
        end - middle
    );
    assert!(end - middle <= 1.15 * (middle - idle) + 0.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_holds_nobody_up() {
    let model = small().await;
    let long = ask("Tell a very long story.").max_tokens(1500);
    let mut generating = model.stream(long.clone()).await.unwrap();
    generating.next().await.unwrap().unwrap();

    let spawn = |request: ChatRequest| {
        let model = model.clone();
        tokio::spawn(async move { model.chat(request).await })
    };
    let mut waiting = Vec::new();
    for number in 0..12 {
        waiting.push(spawn(ask(&"word ".repeat(number * 3)).max_tokens(2)));
        // Their order in the queue is that in which they were made.
        sleep(Duration::from_millis(2)).await;
    }
    let reading = spawn(ask(&"word ".repeat(300)).max_tokens(2));
    // Every second one gives up while it waits, then the one that holds the engine.
    let mut kept = Vec::new();
    for (number, task) in waiting.into_iter().enumerate() {
        match number % 2 {
            0 => task.abort(),
            _ => kept.push(task),
        }
    }
    drop(generating);
    for answer in timeout(STALLED, join_all(kept)).await.unwrap() {
        assert!(answer.unwrap().unwrap().usage.output_tokens > 0);
    }
    // And one whose prompt is being read.
    sleep(Duration::from_millis(100)).await;
    reading.abort();
    let last = timeout(STALLED, model.chat(ask("Hi").max_tokens(2))).await;
    last.unwrap().unwrap();
}
