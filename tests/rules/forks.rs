//! Rule 9: `fork` at an entry starts a new run from there, and leaves the old one as it is.

use std::sync::Arc;

use catena::{
    ChatMessage, ChatRequest, Context, Error, Graph, Journal, Result, RunId, RunOptions, agent,
    models::{Reply, ScriptedModel},
    open_interrupts,
};
use serde_json::json;

use crate::support::{
    alone, ask, calls_of_everything, entries, everything, finish, journaled, on_every_journal,
    oracle, record, say, texts, timeless,
};

async fn snapshot(journal: &dyn Journal, run: &RunId) -> String {
    let (record, entries) = journal.load(run).await.unwrap().unwrap();
    let events = journal.events(run).await.unwrap();
    json!([record, entries, events]).to_string()
}

#[tokio::test]
async fn a_fork_at_any_entry_makes_the_calls_behind_it_and_touches_nothing() {
    on_every_journal(async |journal| {
        let model = oracle();
        let graph = everything(&ask(Arc::new(model.clone())));
        let (id, output) = finish(graph.clone(), texts(4), journaled(&journal)).await;
        let (output, total) = (output.unwrap(), calls_of_everything(4));
        let before = snapshot(&*journal, &id).await;
        for count in [0, 1, 3, total / 2, total - 1, total] {
            let calls = model.calls();
            let fork = journaled(&journal).fork(id.clone(), count);
            let (forked, same) = finish(graph.clone(), texts(4), fork).await;
            assert_eq!(same.unwrap(), output);
            assert_eq!(model.calls() - calls, total - count, "forked at {count}");
            assert_ne!(forked, id);
            let head = record(&*journal, &forked).await;
            assert_eq!(head.forked, Some((id.clone(), count)));
            // What was taken over comes first, as it was.
            let (old, new) = (
                entries(&*journal, &id).await,
                entries(&*journal, &forked).await,
            );
            assert_eq!(new.len(), total);
            assert_eq!(new[..count], old[..count]);
        }
        assert_eq!(snapshot(&*journal, &id).await, before);
    })
    .await;
}

/// Two calls at once: one fails, and the other goes on behind it, so that the failure is an entry.
#[tokio::test]
async fn a_fork_makes_the_call_again_whose_failure_ended_the_run() {
    on_every_journal(async |journal| {
        let model = ScriptedModel::new()
            .replies([Error::unavailable("down").into(), Reply::from("behind")])
            .otherwise("up");
        let work = || {
            let model = model.clone();
            agent(move |(): (), cx: Context| {
                let model = model.clone();
                async move {
                    let failed = cx.chat(&model, say("fails")).await;
                    let behind = cx.chat(&model, say("behind")).await?;
                    Ok(failed?.text + &behind.text)
                }
            })
        };
        let (id, first) = finish(work(), (), journaled(&journal)).await;
        assert!(first.unwrap_err().is_retryable());
        assert_eq!(entries(&*journal, &id).await.len(), 2);
        let fork = journaled(&journal).fork(id, 2);
        let (_, output) = finish(work(), (), fork).await;
        assert_eq!(output.unwrap(), "upbehind");
        assert_eq!(model.calls(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_fork_beyond_the_end_is_refused() {
    on_every_journal(async |journal| {
        let graph = everything(&ask(Arc::new(oracle())));
        let (id, output) = finish(graph.clone(), texts(1), journaled(&journal)).await;
        output.unwrap();
        let total = calls_of_everything(1);
        let fork = journaled(&journal).fork(id.clone(), total + 1);
        let (_, refused) = finish(graph, texts(1), fork).await;
        let error = refused.unwrap_err();
        assert!(error.is_invalid());
        let expected = format!(
            "has {total} entries, and cannot be forked behind entry {}",
            total + 1
        );
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(journal.list().await.unwrap().len(), 1, "nothing was begun");
    })
    .await;
}

#[tokio::test]
async fn a_fork_of_a_fork_has_what_both_had() {
    on_every_journal(async |journal| {
        let model = oracle();
        let graph = everything(&ask(Arc::new(model.clone())));
        let (id, output) = finish(graph.clone(), texts(2), journaled(&journal)).await;
        let first = journaled(&journal).fork(id, 3);
        let (first, _) = finish(graph.clone(), texts(2), first).await;
        let calls = model.calls();
        let total = calls_of_everything(2);
        let second = journaled(&journal).fork(first, total - 2);
        let (_, last) = finish(graph, texts(2), second).await;
        assert_eq!(last.unwrap(), output.unwrap());
        assert_eq!(model.calls() - calls, 2);
    })
    .await;
}

/// Two nodes that ask, each with a prompt of its own.
fn two_prompts(
    model: &ScriptedModel,
    first: &'static str,
    second: &'static str,
) -> Graph<String, String> {
    let node = |prompt: &'static str| {
        let model = model.clone();
        agent(move |text: String, cx: Context| {
            let model = model.clone();
            async move {
                let messages = [ChatMessage::system(prompt), ChatMessage::user(text)];
                let request = ChatRequest::new(messages).max_tokens(10);
                Ok(cx.chat(&model, request).await?.text)
            }
        })
    };
    let mut graph = Graph::builder("two prompts");
    let (first, second) = (
        graph.node("first", node(first)),
        graph.node("second", node(second)),
    );
    graph.edge(first, second);
    graph.build(first, second).unwrap()
}

#[tokio::test]
async fn a_prompt_may_change_behind_the_fork_and_not_before() {
    on_every_journal(async |journal| {
        let model = oracle();
        let input = || "x".to_owned();
        let (id, old) = finish(two_prompts(&model, "a", "b"), input(), journaled(&journal)).await;
        let fork = |count| journaled(&journal).fork(id.clone(), count);

        let (_, new) = finish(two_prompts(&model, "a", "c"), input(), fork(1)).await;
        assert_ne!(new.unwrap(), old.unwrap());

        let (_, new) = finish(two_prompts(&model, "a", "c"), input(), fork(2)).await;
        let error = new.unwrap_err();
        assert!(error.is_divergence());
        assert_eq!(error.path().unwrap().as_str(), "run/second");
        assert!(error.to_string().contains("the instructions"), "{error}");

        let (_, new) = finish(two_prompts(&model, "c", "b"), input(), fork(1)).await;
        let error = new.unwrap_err();
        assert!(error.is_divergence());
        assert_eq!(error.path().unwrap().as_str(), "run/first");
        // Before the first entry everything may change.
        let (_, new) = finish(two_prompts(&model, "c", "d"), input(), fork(0)).await;
        new.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_fork_needs_the_input_and_the_name_of_its_run() {
    on_every_journal(async |journal| {
        let graph = two_prompts(&oracle(), "a", "b");
        let (id, _) = finish(graph.clone(), "x".to_owned(), journaled(&journal)).await;
        let fork = journaled(&journal).fork(id.clone(), 1);
        let (_, refused) = finish(graph.clone(), "y".to_owned(), fork).await;
        let error = refused.unwrap_err();
        assert!(error.is_divergence() && error.to_string().contains("another input"));
        let fork = RunOptions::new("other").journal(Arc::clone(&journal));
        let (_, refused) = finish(graph, "x".to_owned(), fork.fork(id, 1)).await;
        let error = refused.unwrap_err();
        assert!(error.is_divergence() && error.to_string().contains("of 'run', not of 'other'"));
    })
    .await;
}

async fn approve(text: String, cx: Context) -> Result<String> {
    let good: bool = cx.interrupt("good", &text).await?;
    let sure: bool = cx.interrupt("sure", &text).await?;
    Ok(format!("{text}: {good} {sure}"))
}

#[tokio::test]
async fn a_fork_between_question_and_answer_takes_another_answer() {
    on_every_journal(async |journal| {
        let start = |options| finish(alone("approve", agent(approve)), "x".to_owned(), options);
        let (id, _) = start(journaled(&journal)).await;
        let resume = || journaled(&journal).resume(id.clone());
        start(resume().answer("good", true)).await.1.unwrap_err();
        let (_, old) = start(resume().answer("sure", true)).await;
        assert_eq!(old.unwrap(), "x: true true");

        // Entries: good?, true, sure?, true.
        let fork = |count| journaled(&journal).fork(id.clone(), count);
        let (_, new) = start(fork(3).answer("sure", false)).await;
        assert_eq!(new.unwrap(), "x: true false");
        let (forked, new) = start(fork(1).answer("good", false)).await;
        assert!(new.unwrap_err().is_interrupted());
        let open = open_interrupts(&*journal, &forked).await.unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].name(), "sure");
        // What was answered in what is taken over cannot be answered again.
        let (_, new) = start(fork(2).answer("good", false)).await;
        assert!(new.unwrap_err().is_invalid());
        let old = timeless(&entries(&*journal, &id).await);
        assert_eq!(old.len(), 4);
    })
    .await;
}
