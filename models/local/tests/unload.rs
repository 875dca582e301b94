//! Many models in one process, and the memory of each.
//!
//! This file has one test: it measures what the process holds, and the models of another test would count.

mod support;

use std::{fs, time::Duration};

use catena_core::{ChatMessage, ChatModel, ChatRequest};
use catena_local::{Device, LocalModel};
use support::{ABLE, SMALL, device, options, weights};
use tokio::time::{sleep, timeout};

/// Far more than the slowest machine needs for what is waited for here.
const STALLED: Duration = Duration::from_secs(240);

async fn load(name: &str) -> LocalModel {
    let options = options().prefix_cache(0);
    LocalModel::load(weights(name), options).await.unwrap()
}

/// Bytes of memory that this process holds; of a GPU, those that all do, but for a constant.
fn held() -> u64 {
    if device() != Device::Cpu {
        let need = LocalModel::need(weights(SMALL), &options()).unwrap();
        return (1 << 40) - need.available.unwrap();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kibibytes.parse::<u64>().unwrap() * 1024
}

/// A manager that understands and a worker that is fast, and the memory of each given back alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_models_work_side_by_side_and_are_unloaded_one_by_one() {
    let empty = held();
    let worker = load(SMALL).await;
    let with_worker = held();
    let manager = load(ABLE).await;
    let with_both = held();

    let question = ChatMessage::user("What is the capital of France? One word.");
    let question = ChatRequest::new([question]).max_tokens(8);
    let (one, other) = tokio::join!(
        worker.chat(question.clone()),
        manager.chat(question.clone())
    );
    assert!(one.unwrap().usage.output_tokens > 0);
    assert!(other.unwrap().text.contains("Paris"));

    let clone = manager.clone();
    drop(manager);
    assert!(
        clone.chat(question.clone()).await.is_ok(),
        "a clone keeps it"
    );
    drop(clone);
    // The allocator keeps what was in small pieces, and the next model moves in there.
    let piece = (with_both - with_worker) * 2 / 5;
    let freed = async {
        while held() > with_both - piece {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let freed = timeout(STALLED, freed).await;
    freed.expect("its memory comes back");
    let without = held();
    let again = load(ABLE).await;
    assert!(again.chat(question.clone()).await.is_ok());
    let megabytes = |bytes: u64| bytes / 1_000_000;
    println!(
        "empty {} MB, worker {}, and manager {}, without the manager {}, and with it again {}",
        megabytes(empty),
        megabytes(with_worker),
        megabytes(with_both),
        megabytes(without),
        megabytes(held())
    );
    assert!(held() < with_both + with_both / 8);
    worker.chat(question).await.unwrap();
}
