//! What only shows from inside: the engine as a witness, and its death.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use candle_core::Tensor;
use catena_core::{ChatMessage, ChatModel, ChatRequest, Role};
use futures::StreamExt;
use mistralrs::{
    Constraint, CustomLogitsProcessor, NormalRequest, Request, RequestLike, RequestMessage,
    Response, SamplingParams, TextMessageRole, TextMessages,
};
use tokio::sync::mpsc;

use crate::{
    LocalModel, LocalOptions,
    reply::{Order, Reply},
    sampling::{Sampler, Sampling},
    support::{SMALL, weights},
};

async fn model() -> LocalModel {
    let options = LocalOptions::new().prefix_cache(0);
    LocalModel::load(weights(SMALL), options).await.unwrap()
}

/// Sends a request of one token that never saw this crate's templates, tokens or sampler.
async fn send(
    model: &LocalModel,
    messages: RequestMessage,
    processor: impl CustomLogitsProcessor + 'static,
) -> mpsc::Receiver<Response> {
    let (sender, receiver) = mpsc::channel(1);
    let request = NormalRequest {
        sampling_params: SamplingParams {
            max_len: Some(1),
            ..SamplingParams::neutral()
        },
        logits_processors: Some(vec![Arc::new(processor)]),
        constraint: Constraint::None,
        ..NormalRequest::new_simple(messages, SamplingParams::neutral(), sender, 0, None, None)
    };
    let permit = model.engine().admit().await;
    let sender = permit.sender().unwrap();
    sender
        .send(Request::Normal(Box::new(request)))
        .await
        .unwrap();
    receiver
}

#[tokio::test]
async fn prompts_are_those_that_the_engine_makes() {
    let model = model().await;
    let turns = [
        ChatMessage::system("Be brief."),
        ChatMessage::user("Grüße aus 東京 🗼, naïve café\n\n\tfin <b>bold</b> [INST]"),
        ChatMessage::assistant("👍🏽 yes"),
        ChatMessage::user("  and then?  "),
    ];
    for messages in [&turns[..2], &turns[1..2], &turns[..], &turns[1..]] {
        let mut theirs = TextMessages::new();
        for message in messages {
            let role = match message.role {
                Role::System => TextMessageRole::System,
                Role::User => TextMessageRole::User,
                Role::Assistant => TextMessageRole::Assistant,
                Role::Tool => unreachable!("no turn here is a tool's"),
            };
            theirs = theirs.add_message(role, &message.content);
        }
        let read = Arc::new(Mutex::new(Vec::new()));
        let witness = {
            let read = Arc::clone(&read);
            move |logits: &Tensor, context: &[u32]| {
                // The engine takes a second step after an answer that ends with its first token.
                let mut read = read.lock().unwrap();
                if read.is_empty() {
                    *read = context.to_vec();
                }
                Ok(logits.clone())
            }
        };
        let mut responses = send(&model, theirs.take_messages(), witness).await;
        while responses.recv().await.is_some() {}

        let request = ChatRequest::new(messages.to_vec()).max_tokens(1);
        let ours = model.prepare(&request).unwrap().prompt;
        assert_eq!(ours, *read.lock().unwrap());
    }
}

#[tokio::test]
async fn an_engine_that_dies_is_an_error_and_then_replaced() {
    let model = model().await;
    let request = || ChatRequest::new([ChatMessage::user("Hi")]).max_tokens(1);
    let tokens = model.prepare(&request()).unwrap().prompt;
    let deadly = |_: &Tensor, _: &[u32]| -> candle_core::Result<Tensor> {
        panic!("this panic is part of the test")
    };
    let mut lost = send(&model, RequestMessage::CompletionTokens(tokens), deadly).await;
    assert!(lost.recv().await.is_none(), "nobody is left to answer");

    // Until the dead thread is noticed, every answer is an error that may pass.
    let recovered = async {
        loop {
            match model.chat(request()).await {
                Ok(answer) => break answer,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), recovered).await;
    assert_eq!(answer.unwrap().usage.output_tokens, 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_that_may_pass() {
    let model = model().await;
    let (sender, responses) = mpsc::channel(1);
    let order = Order {
        sampler: Arc::new(Sampler::new(Sampling::default())),
        prompt_tokens: 1,
        max_tokens: 8,
        stop: Vec::new(),
        json: false,
        ends: Arc::new([0]),
    };
    let permit = model.engine().admit().await;
    let reply = Reply::new(order, model.shared_tokens(), responses, permit);
    drop(sender);
    let error = reply.into_stream().next().await.unwrap().unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
}
