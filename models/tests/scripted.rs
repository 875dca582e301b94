//! The scripted model as a user sees it.

use std::{sync::Arc, time::Duration};

use catena_core::{
    ApproximateCounter, ChatMessage, ChatModel, ChatRequest, Delta, Error, FinishReason, Scorer,
    Usage,
};
use catena_models::ScriptedModel;
use futures::{StreamExt, TryStreamExt, executor::block_on, future::join_all};
use tokio::time::Instant;

fn ask(content: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(content)])
}

#[test]
fn an_answer_is_streamed_word_by_word_without_a_timer() {
    let model = ScriptedModel::new().otherwise(" It is\n blue. ");
    // No tokio runtime here: a timer would panic.
    let deltas: Vec<Delta> = block_on(async {
        let stream = model.stream(ask("Which colour is the sky?")).await.unwrap();
        stream.try_collect().await.unwrap()
    });
    let text = |text: &str| Delta::Text(text.into());
    let end = Delta::End {
        finish: FinishReason::Stop,
        usage: Usage::call(5, 3),
    };
    assert_eq!(deltas, [text(" It"), text(" is"), text("\n blue. "), end]);
}

#[test]
fn an_answer_ends_at_its_limit_or_before_a_stop_sequence() {
    let model = ScriptedModel::new().otherwise("one two three. END four");
    let chat = |request| block_on(model.chat(request)).unwrap();

    let cut = chat(ask("?").max_tokens(2));
    assert_eq!(
        (cut.text.as_str(), cut.finish),
        ("one two", FinishReason::Length)
    );
    assert_eq!(cut.usage, Usage::call(1, 2));

    let stopped = chat(ask("?").stop([" END", "four"]));
    assert_eq!(
        (stopped.text.as_str(), stopped.finish),
        ("one two three.", FinishReason::Stop)
    );
    assert_eq!(stopped.usage.output_tokens, 3);

    // What would stop it lies beyond the limit.
    let both = chat(ask("?").stop([" END"]).max_tokens(2));
    assert_eq!(
        (both.text.as_str(), both.finish),
        ("one two", FinishReason::Length)
    );
}

#[test]
fn the_window_holds_prompt_and_answer() {
    let model = ScriptedModel::new()
        .configure(|profile| profile.context_window = 5)
        .otherwise("a b c d");
    let fits = block_on(model.chat(ask("1 2 3"))).unwrap();
    assert_eq!(
        (fits.text.as_str(), fits.finish),
        ("a b", FinishReason::Length)
    );

    let error = block_on(model.chat(ask("1 2 3 4 5 6 7"))).unwrap_err();
    assert_eq!(error.missing_tokens(), Some(2));
    assert_eq!(model.calls(), 2);
}

#[test]
fn the_counter_is_used_for_everything() {
    let model = ScriptedModel::new()
        .with_counter(ApproximateCounter)
        .otherwise("abcdef ghijkl");
    let answer = block_on(model.chat(ask("abcdefghi").max_tokens(3))).unwrap();
    assert_eq!(answer.text, "abcdef ghi");
    assert_eq!(answer.usage, Usage::call(3, 3));
}

#[test]
fn a_closure_answers_or_fails() {
    let model = ScriptedModel::from_fn(|request| match request.messages.len() {
        1 => Ok(format!("you said {}", request.messages[0].content)),
        _ => Err(Error::rate_limited(None, "slow down")),
    })
    .reply_to("secret", "no");
    let chat = |request| block_on(model.chat(request));
    assert_eq!(chat(ask("hi")).unwrap().text, "you said hi");
    assert_eq!(chat(ask("the secret")).unwrap().text, "no");
    let two = ChatRequest::new([ChatMessage::system("s"), ChatMessage::user("u")]);
    assert!(chat(two).unwrap_err().is_rate_limited());
}

#[test]
fn clones_share_the_record_and_the_queue() {
    let model = ScriptedModel::new().replies(["first", "second"]);
    let clone = model.clone();
    assert_eq!(block_on(clone.chat(ask("a"))).unwrap().text, "first");
    assert_eq!(block_on(model.chat(ask("b"))).unwrap().text, "second");
    assert!(block_on(clone.chat(ask("c"))).unwrap_err().is_invalid());
    assert_eq!(model.requests(), [ask("a"), ask("b"), ask("c")]);
    assert_eq!(clone.calls(), 3);

    let silent = clone.recording(false).otherwise("d");
    block_on(silent.chat(ask("d"))).unwrap();
    assert_eq!((model.calls(), model.requests().len()), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn latency_passes_before_the_answer_and_between_its_tokens() {
    let model = ScriptedModel::new()
        .latency(Duration::from_secs(10))
        .token_latency(Duration::from_secs(1))
        .otherwise("one two three");
    let start = Instant::now();
    let mut stream = model.stream(ask("?")).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
    let mut arrivals = Vec::new();
    while stream.next().await.is_some() {
        arrivals.push(start.elapsed().as_secs());
    }
    assert_eq!(arrivals, [11, 12, 13, 13]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_takes_the_latency_too() {
    let model = ScriptedModel::from_fn(|_| Err(Error::unavailable("down")));
    let model = model.latency(Duration::from_secs(3));
    let start = Instant::now();
    assert!(model.chat(ask("?")).await.is_err());
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(model.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_most_calls_at_a_time_are_counted() {
    let model = ScriptedModel::new()
        .otherwise("yes")
        .latency(Duration::from_secs(1));
    for width in [1, 4, 2] {
        let calls = (0..width).map(|_| model.chat(ask("?")));
        for answer in join_all(calls).await {
            answer.unwrap();
        }
    }
    assert_eq!(
        (model.calls(), model.max_in_flight(), model.in_flight()),
        (7, 4, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_a_stream_or_its_future_ends_the_call() {
    let model = ScriptedModel::new()
        .otherwise("one two")
        .latency(Duration::from_secs(1));
    let mut future = model.stream(ask("?"));
    assert!(futures::poll!(future.as_mut()).is_pending());
    assert_eq!(model.in_flight(), 1);
    drop(future);
    assert_eq!(model.in_flight(), 0);

    let mut stream = model.stream(ask("?")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(model.in_flight(), 1);
    drop(stream);
    assert_eq!(model.in_flight(), 0);

    // The end of the stream is the end of the call, even while the stream is still held.
    let mut stream = model.stream(ask("?")).await.unwrap();
    while !matches!(stream.next().await, Some(Ok(Delta::End { .. }))) {}
    assert_eq!(model.in_flight(), 0);
    assert!(stream.next().await.is_none());
}

#[test]
fn the_scripted_choice_is_the_likeliest() {
    let model = ScriptedModel::new()
        .reply_to("sky", "yes, it is")
        .otherwise("perhaps");
    let choices = ["no".to_owned(), "yes".to_owned(), "unknown".to_owned()];
    let score = |content: &str| block_on(model.score(ask(content), &choices)).unwrap();
    let sum = |logprobs: &[f32]| logprobs.iter().map(|logprob| logprob.exp()).sum::<f32>();

    let sky = score("Is the sky blue?");
    assert_eq!((sky.best(), sky.usage), (1, Usage::call(4, 1)));
    assert!((sum(&sky.logprobs) - 1.0).abs() < 1e-5);
    let undecided = score("Is it?").logprobs;
    assert!(undecided.iter().all(|logprob| *logprob == undecided[0]));
    assert!((sum(&undecided) - 1.0).abs() < 1e-5);
    assert_eq!(model.calls(), 2);
}

#[test]
fn choices_that_cannot_be_told_apart_are_refused() {
    let model = ScriptedModel::new().otherwise("yes");
    for choices in [vec!["yes"], vec!["yes sir", "no", "yes madam"]] {
        let choices: Vec<String> = choices.into_iter().map(String::from).collect();
        let error = block_on(model.score(ask("?"), &choices)).unwrap_err();
        assert!(error.is_invalid());
    }
    assert_eq!(model.calls(), 0);
}

#[test]
fn it_is_debug_and_object_safe() {
    let model: Arc<dyn ChatModel> = Arc::new(ScriptedModel::new());
    assert!(format!("{model:?}").contains("scripted"));
}
