//! What only shows from inside: the engine as a witness, and its [death].

mod death;

use std::sync::{Arc, Mutex};

use candle_core::Tensor;
use catena_core::{ChatMessage, ChatRequest, Role};
use mistralrs::{
    Constraint, CustomLogitsProcessor, NormalRequest, Request, RequestLike, RequestMessage,
    Response, SamplingParams, TextMessageRole, TextMessages,
};
use tokio::sync::mpsc;

use crate::{
    LocalModel,
    support::{SMALL, options, weights},
};

async fn model() -> LocalModel {
    let options = options().prefix_cache(0);
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
    let mut permit = model.engine().admit(0).await.unwrap();
    let request = Request::Normal(Box::new(request));
    permit.send(request).await.unwrap();
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
