//! Rule 12: what cannot fit is an error that says how much is missing, never a silent cut.

use catena::{
    ChatMessage, ChatRequest, Context, Run, RunOptions, TokenCounter, agent, models::ScriptedModel,
};

use crate::support::{alone, asking, echo, say};

#[tokio::test]
async fn a_prompt_too_long_is_refused_before_it_is_sent() {
    let model = echo().configure(|profile| profile.context_window = 20);
    for (words, missing) in [(10, None), (11, Some(1)), (15, Some(5))] {
        let before = model.calls();
        let input = vec!["word ".repeat(words)];
        let run = Run::start(asking(&model, 1), input, RunOptions::new("run"));
        match run.outcome().await {
            Ok(_) => assert_eq!(missing, None),
            Err(error) => {
                assert!(error.is_context_overflow());
                assert_eq!(error.missing_tokens(), missing);
                assert_eq!(error.path().unwrap().as_str(), "run/ask[0]");
                assert_eq!(error.spent().unwrap().calls, 0);
                assert!(error.help().is_some());
            }
        }
        assert_eq!(model.calls() - before, usize::from(missing.is_none()));
    }
}

#[derive(Debug)]
struct Letters;

impl TokenCounter for Letters {
    fn count(&self, text: &str) -> usize {
        text.chars().count()
    }
}

#[tokio::test]
async fn a_prompt_is_counted_with_the_models_own_counter_and_overhead() {
    let model = echo().with_counter(Letters).configure(|profile| {
        profile.context_window = 30;
        profile.message_overhead = 4;
    });
    let input = vec!["seventeen letters".to_owned()];
    let run = Run::start(asking(&model, 1), input, RunOptions::new("run"));
    let error = run.outcome().await.unwrap_err();
    assert_eq!(error.missing_tokens(), Some(17 + 4 + 10 - 30));
}

#[tokio::test]
async fn a_score_and_a_repair_have_to_fit_too() {
    let model = ScriptedModel::new()
        .otherwise("certainly not JSON")
        .configure(|profile| profile.context_window = 24);
    let scorer = model.clone();
    let score = agent(move |text: String, cx: Context| {
        let model = scorer.clone();
        async move {
            let choices = ["yes".to_owned(), "no".to_owned()];
            Ok(cx.score(&model, say(text), &choices).await?.best())
        }
    });
    let run = Run::start(
        alone("score", score),
        "word ".repeat(24),
        RunOptions::new("run"),
    );
    assert_eq!(run.outcome().await.unwrap_err().missing_tokens(), Some(1));
    assert_eq!(model.calls(), 0);

    // The question fits; with its answer and the complaint it does not.
    let asked = model.clone();
    let count = agent(move |text: String, cx: Context| {
        let model = asked.clone();
        async move {
            let request = ChatRequest::new([ChatMessage::user(text)]).max_tokens(10);
            cx.chat_as::<u32>(&model, request, 5).await
        }
    });
    let run = Run::start(
        alone("count", count),
        "how many?".to_owned(),
        RunOptions::new("run"),
    );
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_context_overflow(), "{error:?}");
    assert_eq!(model.calls(), 1);
}
