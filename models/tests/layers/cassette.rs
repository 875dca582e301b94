use std::{fs, sync::Arc, time::Duration};

use catena_core::{ChatMessage, ChatModel, ChatRequest, Error, WordCounter};
use catena_models::{
    Reply, ScriptedModel,
    layer::{Record, Replay},
};
use futures::StreamExt;
use serde_json::Value;
use tempfile::tempdir;

use crate::support::ask;

#[tokio::test]
async fn what_was_recorded_is_replayed_failures_too() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("new folder/tape.json");
    let slow = Error::rate_limited(Some(Duration::from_secs(3)), "slow down");
    let scripted = ScriptedModel::new()
        .configure(|profile| profile.context_window = 99)
        .replies([Reply::from("one"), Reply::from(slow), Reply::from("two")])
        .otherwise("other");
    let record = Record::new(Arc::new(scripted), &file);
    let one = record.chat(ask("a")).await.unwrap();
    record.chat(ask("a")).await.unwrap_err();
    let two = record.chat(ask("a")).await.unwrap();
    record.chat(ask("b").seed(1)).await.unwrap();

    let replay = Replay::open(&file).unwrap().counter(Arc::new(WordCounter));
    assert_eq!(replay.profile(), record.profile());
    assert_eq!(replay.unused(), 4);
    assert_eq!(replay.chat(ask("a")).await.unwrap(), one);
    let error = replay.chat(ask("a")).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(replay.chat(ask("a")).await.unwrap(), two);
    // The last answer again.
    assert_eq!(replay.chat(ask("a")).await.unwrap(), two);
    assert_eq!(replay.unused(), 1);
    assert_eq!(replay.chat(ask("b").seed(1)).await.unwrap().text, "other");
    assert_eq!(replay.unused(), 0);
    // Nothing is left behind but the file.
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_miss_shows_the_nearest_request_and_the_difference() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tape.json");
    let record = Record::new(Arc::new(ScriptedModel::new().otherwise("yes")), &file);
    let request = |chunk: &str, question: &str| {
        ChatRequest::new([
            ChatMessage::system("Read."),
            ChatMessage::user(format!("{chunk}\n{question}")),
        ])
    };
    let whale = "It was a whale of a chunk, long and white, that swam in the sea.";
    record
        .chat(request("A short chunk about nothing at all.", "Who?"))
        .await
        .unwrap();
    record.chat(request(whale, "Who swam?")).await.unwrap();
    record
        .chat(request("Something else.", "Where?"))
        .await
        .unwrap();

    let replay = Replay::open(&file).unwrap();
    let error = replay
        .chat(request(whale, "Who drowned?").max_tokens(7))
        .await
        .unwrap_err();
    assert!(error.is_invalid());
    let message = error.to_string();
    for said in [
        "the nearest is number 2 of 3",
        "request.max_tokens: null was recorded, 7 is asked",
        "request.messages[1].content, from character 69",
        "Who swam?\" was recorded",
        "Who drowned?\" is asked",
    ] {
        assert!(message.contains(said), "{message}");
    }
    assert!(error.help().unwrap().contains("record"));
}

#[tokio::test]
async fn the_file_is_for_people_too_and_whole_at_every_moment() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tape.json");
    let record = Record::new(Arc::new(ScriptedModel::new().otherwise("größer")), &file);
    for number in 1..4 {
        record
            .chat(ask(&format!("question {number}")))
            .await
            .unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["exchanges"].as_array().unwrap().len(), number);
        assert!(
            text.contains("          \"content\": \"question 1\"\n"),
            "{text}"
        );
        assert!(text.contains("\"text\": \"größer\""), "{text}");
    }
    // An edit of a person's is replayed.
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("größer", "kleiner");
    fs::write(&file, text).unwrap();
    let answer = Replay::open(&file)
        .unwrap()
        .chat(ask("question 2"))
        .await
        .unwrap();
    assert_eq!(answer.text, "kleiner");
}

#[tokio::test]
async fn a_dropped_answer_is_not_recorded() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tape.json");
    let record = Record::new(Arc::new(ScriptedModel::new().otherwise("one two")), &file);
    let mut stream = record.stream(ask("dropped")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    record.chat(ask("kept")).await.unwrap();
    let replay = Replay::open(&file).unwrap();
    assert_eq!(replay.unused(), 1);
    assert!(replay.chat(ask("dropped")).await.unwrap_err().is_invalid());
}

#[tokio::test]
async fn what_is_no_cassette_is_refused() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tape.json");
    assert!(Replay::open(&file).unwrap_err().is_invalid());
    let record = Record::new(Arc::new(ScriptedModel::new().otherwise("yes")), &file);
    record.chat(ask("?")).await.unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let version = text.replace("\"version\": 1", "\"version\": 2");
    assert_ne!(version, text);
    for broken in ["", "[]", &text[..text.len() / 2], &version] {
        fs::write(&file, broken).unwrap();
        let error = Replay::open(&file).unwrap_err();
        assert!(
            error.is_invalid() && error.to_string().contains("tape.json"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_recording_that_cannot_be_written_fails() {
    let folder = tempdir().unwrap();
    let record = Record::new(
        Arc::new(ScriptedModel::new().otherwise("yes")),
        folder.path(),
    );
    let error = record.chat(ask("?")).await.unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}
