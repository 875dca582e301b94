use std::{fs, path::Path, sync::Arc, time::Duration};

use catena_core::{ChatModel, ChatResponse, Delta, FinishReason, Result, ToolCall, Usage};
use catena_models::{ScriptedModel, layer::Cache};
use futures::StreamExt;
use tempfile::tempdir;

use crate::support::{Player, ask, down, end, text};

fn counting() -> ScriptedModel {
    ScriptedModel::from_fn(|request| Ok(format!("you said {}", request.messages[0].content)))
}

async fn said(model: &Cache, content: &str) -> String {
    model.chat(ask(content)).await.unwrap().text
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let parts = fs::read_dir(folder)
        .unwrap()
        .map(|part| part.unwrap().path());
    let files = parts.flat_map(|part| fs::read_dir(part).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn an_answer_is_asked_for_once_by_all_processes() {
    let folder = tempdir().unwrap();
    let scripted = counting();
    let first = Cache::new(Arc::new(scripted.clone()), folder.path());
    assert_eq!(said(&first, "a").await, "you said a");
    assert_eq!(said(&first, "a").await, "you said a");
    assert_eq!(said(&first, "b").await, "you said b");
    let second = Cache::new(Arc::new(scripted.clone()), folder.path());
    assert_eq!(said(&second, "b").await, "you said b");
    assert_eq!(scripted.calls(), 2);
    let stats = (first.stats(), second.stats());
    assert_eq!(
        (stats.0.hits, stats.0.misses, stats.1.hits, stats.1.misses),
        (1, 2, 1, 0)
    );
}

#[tokio::test]
async fn everything_in_the_request_and_the_model_counts() {
    let folder = tempdir().unwrap();
    let scripted = counting();
    let model = Cache::new(Arc::new(scripted.clone()), folder.path());
    let requests = [
        ask("a"),
        ask("a").max_tokens(9),
        ask("a").stop(["x"]),
        ask("a").seed(1),
    ];
    for request in &requests {
        model.chat(request.clone()).await.unwrap();
    }
    assert_eq!(scripted.calls(), 4);
    let other = scripted
        .clone()
        .configure(|profile| profile.name = "other".into());
    Cache::new(Arc::new(other), folder.path())
        .chat(ask("a"))
        .await
        .unwrap();
    assert_eq!(scripted.calls(), 5);
}

#[tokio::test]
async fn an_answer_comes_back_as_it_was_and_for_nothing() {
    let folder = tempdir().unwrap();
    let call = ToolCall::new("1", "weather", "{}");
    let last = Delta::End {
        finish: FinishReason::ToolCalls,
        usage: Usage::call(5, 2),
    };
    let deltas = vec![
        text("a "),
        text("b"),
        Ok(Delta::ToolCall(call.clone())),
        Ok(last),
    ];
    let model = Cache::new(Player::of([deltas]), folder.path());
    let first = model.chat(ask("?")).await.unwrap();
    let again = model.chat(ask("?")).await.unwrap();
    assert_eq!(again.usage, Usage::default());
    let mut expected = first.clone();
    expected.usage = Usage::default();
    assert_eq!(again, expected);
    assert_eq!((first.text.as_str(), first.tool_calls), ("a b", vec![call]));
}

#[tokio::test]
async fn what_is_random_is_passed_by() {
    let folder = tempdir().unwrap();
    let scripted = counting();
    let model = Cache::new(Arc::new(scripted.clone()), folder.path());
    let warm = || ask("a").temperature(0.7);
    for request in [warm(), warm(), warm().seed(1), warm().seed(1)] {
        model.chat(request).await.unwrap();
    }
    assert_eq!(scripted.calls(), 3);
    let model = model.sampled(true);
    for request in [warm(), warm()] {
        model.chat(request).await.unwrap();
    }
    assert_eq!(scripted.calls(), 4);
}

#[tokio::test]
async fn only_whole_answers_are_kept() {
    let folder = tempdir().unwrap();
    let filtered = Delta::End {
        finish: FinishReason::ContentFilter,
        usage: Usage::call(1, 1),
    };
    let player = Player::of([
        vec![text("a"), Err(down())],
        vec![text("b"), end()],
        vec![text("c")],
        vec![text("d"), Ok(filtered)],
        vec![text("e"), end()],
    ]);
    let model = Cache::new(player, folder.path());
    assert!(model.chat(ask("?")).await.is_err());
    // Dropped before its end.
    model
        .stream(ask("?"))
        .await
        .unwrap()
        .next()
        .await
        .unwrap()
        .unwrap();
    // Without an end.
    let ends: Vec<Result<Delta>> = model.stream(ask("?")).await.unwrap().collect().await;
    assert_eq!(ends.len(), 1);
    for expected in ["d", "e", "e"] {
        assert_eq!(model.chat(ask("?")).await.unwrap().text, expected);
    }
}

#[tokio::test]
async fn a_damaged_file_is_a_miss_and_is_written_again() {
    let folder = tempdir().unwrap();
    let scripted = counting();
    let model = Cache::new(Arc::new(scripted.clone()), folder.path());
    said(&model, "a").await;
    let file = files(folder.path()).pop().unwrap();
    let whole = fs::read(&file).unwrap();
    let flipped = String::from_utf8(whole.clone())
        .unwrap()
        .replace("you said", "You said");
    for damaged in [
        &b""[..],
        b"{}",
        &whole[..whole.len() / 2],
        flipped.as_bytes(),
    ] {
        fs::write(&file, damaged).unwrap();
        assert_eq!(said(&model, "a").await, "you said a");
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
    assert_eq!(scripted.calls(), 5);
}

#[tokio::test]
async fn the_folder_stays_below_its_size() {
    let folder = tempdir().unwrap();
    let model = Cache::new(Arc::new(counting()), folder.path()).max_bytes(10_000);
    for number in 0..60 {
        said(&model, &format!("{number} {}", "x".repeat(600))).await;
        let sizes = files(folder.path())
            .into_iter()
            .map(|file| fs::metadata(file).unwrap().len());
        assert!(sizes.sum::<u64>() <= 10_000);
    }
    assert!(files(folder.path()).len() > 5);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_costs_no_answer() {
    let folder = tempdir().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, "in the way").unwrap();
    let model = Cache::new(Arc::new(counting()), &blocked);
    assert_eq!(said(&model, "a").await, "you said a");
    assert_eq!(model.stats().failed_writes, 1);
    let small = Cache::new(Arc::new(counting()), folder.path().join("new")).max_bytes(10);
    assert_eq!(said(&small, "a").await, "you said a");
    assert_eq!(small.stats().failed_writes, 1);
}

#[tokio::test]
async fn many_at_once_leave_whole_files() {
    let folder = tempdir().unwrap();
    let model = Cache::new(Arc::new(counting()), folder.path()).max_bytes(6_000);
    let calls = (0..200).map(|number| {
        let content = format!("{} {}", number % 40, "x".repeat(200));
        let model = &model;
        async move { assert_eq!(said(model, &content).await, format!("you said {content}")) }
    });
    futures::future::join_all(calls).await;
    assert_eq!(model.stats().failed_writes, 0);
    for file in files(folder.path()) {
        assert_eq!(file.extension().unwrap(), "json");
        let text = fs::read_to_string(file).unwrap();
        let json = text.split_once('\n').unwrap().1;
        serde_json::from_str::<ChatResponse>(json).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_is_streamed_as_it_comes() {
    let folder = tempdir().unwrap();
    let scripted = ScriptedModel::new()
        .otherwise("a b")
        .token_latency(Duration::from_secs(1));
    let model = Cache::new(Arc::new(scripted), folder.path());
    let start = tokio::time::Instant::now();
    let mut stream = model.stream(ask("?")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 1);
}
