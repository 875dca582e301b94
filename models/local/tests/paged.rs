//! Paged attention against the plain one, on an NVIDIA GPU:
//! `CATENA_DEVICE=cuda cargo test -p catena-local --features cuda`.

#![cfg(feature = "cuda")]

mod support;

use std::time::{Duration, Instant};

use catena_core::{ChatMessage, ChatModel, ChatRequest};
use catena_local::LocalModel;
use futures::StreamExt;
use support::{ABLE, options, paged, weights};

const QUESTIONS: [&str; 6] = [
    "What is the capital of France?",
    "Count from one to ten.",
    "Write a function in Python that adds two numbers.",
    "Name three colours.",
    "Is a cat a kind of vegetable? Why?",
    "Translate into German: the house is old.",
];

fn ask(question: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(question)])
}

async fn model(paged: bool) -> LocalModel {
    let options = options().paged_attention(paged).window(8192);
    LocalModel::load(weights(ABLE), options).await.unwrap()
}

/// Both compute with 16 bits, in another order: what is nearly as likely may change places. Differences of
/// 0.12 were seen on an H200.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_write_the_same() {
    assert!(paged(), "this test is for a GPU: set CATENA_DEVICE=cuda");
    let (pages, plain) = (model(true).await, model(false).await);
    let mut same = 0;
    for question in QUESTIONS {
        let request = ask(question).max_tokens(24).logprobs(2);
        let one = pages.chat(request.clone()).await.unwrap();
        let other = plain.chat(request).await.unwrap();
        same += usize::from(one.text == other.text);
        println!("{:?}\n{:?}", one.text, other.text);
        for (one, other) in one.logprobs.iter().zip(&other.logprobs) {
            let close = one.top[0].1 - one.top[1].1 < 0.3;
            assert!(one.token == other.token || close, "{one:?} {other:?}");
            if one.token != other.token {
                break;
            }
            assert!(
                (one.logprob - other.logprob).abs() < 0.3,
                "{one:?} {other:?}"
            );
        }
    }
    println!("{same} of {} answers are the same", QUESTIONS.len());
    assert!(same >= 4);
}

/// The time until the first piece of an answer.
async fn first(model: &LocalModel, request: ChatRequest) -> Duration {
    let begun = Instant::now();
    let mut stream = model.stream(request).await.unwrap();
    stream.next().await.unwrap().unwrap();
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_question_about_a_document_takes_a_quarter() {
    let model = model(true).await;
    let about = |number: usize, question: &str| {
        let ships = format!("On day {number} the keeper counted {number} ships. ");
        ask(&format!("{}\n\n{question}", ships.repeat(300))).max_tokens(4)
    };
    // Kernels are compiled when they are first used.
    first(&model, about(1, "How many?")).await;
    let cold = first(&model, about(2, "How many ships?")).await;
    let warm = first(&model, about(2, "Who counted them?")).await;
    println!("first {cold:?}, second {warm:?}");
    assert!(warm <= cold / 4, "{cold:?} {warm:?}");
}
