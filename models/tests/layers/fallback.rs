use std::sync::Arc;

use catena_core::{ApproximateCounter, ChatModel, Cost, Error, Price};
use catena_models::{ScriptedModel, layer::Fallback};
use futures::StreamExt;

use crate::support::{Player, ask, down, end, text};

fn failing(error: Error) -> ScriptedModel {
    ScriptedModel::from_fn(move |_| Err(error.clone()))
}

#[tokio::test]
async fn the_next_is_asked_where_another_may_do_better() {
    for (error, asked) in [
        (down(), true),
        (Error::rate_limited(None, "slow"), true),
        (Error::refused("no"), true),
        (Error::context_overflow(9, "long"), true),
        (Error::malformed_output("what?"), true),
        (Error::invalid("never"), false),
        (Error::cancelled(), false),
        (Error::budget_exceeded("spent"), false),
    ] {
        let (first, spare) = (failing(error), ScriptedModel::new().otherwise("yes"));
        let model = Fallback::new(Arc::new(first.clone())).or(Arc::new(spare.clone()));
        let answer = model.chat(ask("?")).await;
        assert_eq!((first.calls(), spare.calls()), (1, usize::from(asked)));
        match answer {
            Ok(answer) => assert!(asked && answer.usage.calls == 2),
            Err(_) => assert!(!asked),
        }
    }
}

#[tokio::test]
async fn the_last_error_is_passed_on() {
    let (one, two) = (failing(down()), failing(Error::refused("no key")));
    let model = Fallback::new(Arc::new(one)).or(Arc::new(two));
    let error = model.chat(ask("?")).await.unwrap_err();
    assert_eq!(error.to_string(), "no key");
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_begun_again() {
    let first = Player::of([vec![text("ye"), Err(down())], vec![Err(down())]]);
    let spare = Player::of([vec![text("spare"), end()]]);
    let model = Fallback::new(first).or(spare.clone());
    let mut stream = model.stream(ask("?")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert!(stream.next().await.unwrap().is_err());
    assert_eq!(spare.left(), 1);
    // Before the first token it is.
    assert_eq!(model.chat(ask("?")).await.unwrap().text, "spare");
}

#[tokio::test]
async fn the_errors_can_be_chosen() {
    let spare = ScriptedModel::new().otherwise("yes");
    let model = Fallback::new(Arc::new(failing(down())))
        .or(Arc::new(spare.clone()))
        .when(Error::is_context_overflow);
    assert!(model.chat(ask("?")).await.unwrap_err().is_retryable());
    assert_eq!(spare.calls(), 0);
}

#[tokio::test]
async fn the_profile_promises_what_all_of_them_keep() {
    let small = ScriptedModel::new()
        .with_counter(ApproximateCounter)
        .configure(|profile| {
            profile.name = "small".into();
            profile.context_window = 512;
            profile.max_output_tokens = 3;
            profile.json_schema = true;
            profile.price = Price::per_million(0.0, 9.0);
        });
    let large = ScriptedModel::new()
        .otherwise("one two three four")
        .configure(|profile| {
            profile.name = "large".into();
            profile.parallel = 4;
            profile.price = Price::per_million(3.0, 6.0);
        });
    let model = Fallback::new(Arc::new(large)).or(Arc::new(small));
    let profile = model.profile();
    assert_eq!(
        (profile.name.as_str(), profile.context_window),
        ("large|small", 512)
    );
    assert_eq!((profile.max_output_tokens, profile.parallel), (3, 1));
    assert!(!profile.json_schema);
    let price = Price {
        input: Cost(3000),
        cached: Cost(3000),
        output: Cost(9000),
    };
    assert_eq!(profile.price, price);
    // One word, but five tokens for the other.
    assert_eq!(model.prompt_tokens(&ask("incomprehensible")), 6);
    // Its own limit would be 1024.
    assert_eq!(model.chat(ask("?")).await.unwrap().text, "one two three");
}
