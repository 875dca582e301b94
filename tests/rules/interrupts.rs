//! Rule 11: questions to a person.

use std::sync::Arc;

use catena::{
    Context, Error, EventKind, Graph, Journal, Result, Run, RunId, RunOptions, RunStatus, agent,
    branch, open_interrupts,
};
use futures::future::join;

use crate::support::{
    alone, echo, entries, events, finish, journaled, mapped, memory, on_every_journal, record, say,
    texts,
};

async fn open(journal: &dyn Journal, run: &RunId) -> Vec<String> {
    let open = open_interrupts(journal, run).await.unwrap();
    open.into_iter().map(|interrupt| interrupt.id).collect()
}

/// Asks a model about a text and a person about the answer.
fn reviewed(
    model: &catena::models::ScriptedModel,
    width: usize,
) -> Graph<Vec<String>, Vec<String>> {
    let model = model.clone();
    let review = agent(move |text: String, cx: Context| {
        let model = model.clone();
        async move {
            let answer = cx.chat(&model, say(text)).await?.text;
            let verdict: String = cx.interrupt("verdict", &answer).await?;
            Ok(format!("{answer}: {verdict}"))
        }
    });
    mapped("review", width, review)
}

#[tokio::test]
async fn several_at_once_are_answered_one_by_one() {
    on_every_journal(async |journal| {
        let model = echo();
        // Narrower than the list: an open question keeps no other item from its turn.
        let graph = reviewed(&model, 2);
        let (id, first) = finish(graph.clone(), texts(4), journaled(&journal)).await;
        let error = first.unwrap_err();
        assert!(error.is_interrupted());
        let asked: Vec<_> = error
            .interrupts()
            .iter()
            .map(|interrupt| (&*interrupt.id, interrupt.question.as_str().unwrap()))
            .collect();
        assert_eq!(
            asked,
            [
                ("run/review[0]:verdict", "re: 0"),
                ("run/review[1]:verdict", "re: 1"),
                ("run/review[2]:verdict", "re: 2"),
                ("run/review[3]:verdict", "re: 3"),
            ]
        );
        assert_eq!(record(&*journal, &id).await.status, RunStatus::Interrupted);
        for (answered, left) in [(2, 3), (0, 2), (3, 1)] {
            let answer = format!("run/review[{answered}]:verdict");
            let options = journaled(&journal)
                .resume(id.clone())
                .answer(&answer, format!("fine {answered}"));
            let (_, next) = finish(graph.clone(), texts(4), options).await;
            assert_eq!(next.unwrap_err().interrupts().len(), left);
            let open = open(&*journal, &id).await;
            assert!(open.len() == left && !open.contains(&answer));
        }
        // The last one needs no path.
        let options = journaled(&journal).resume(id).answer("verdict", "fine 1");
        let (_, last) = finish(graph, texts(4), options).await;
        let expected: Vec<_> = (0..4).map(|n| format!("re: {n}: fine {n}")).collect();
        assert_eq!(last.unwrap(), expected);
        assert_eq!(model.calls(), 4, "no call was made again");
    })
    .await;
}

#[tokio::test]
async fn several_can_be_answered_together() {
    on_every_journal(async |journal| {
        let graph = reviewed(&echo(), 3);
        let (id, _) = finish(graph.clone(), texts(3), journaled(&journal)).await;
        let mut options = journaled(&journal).resume(id.clone());
        for id in open(&*journal, &id).await {
            options = options.answer(id, "good");
        }
        let (_, output) = finish(graph, texts(3), options).await;
        assert_eq!(
            output.unwrap(),
            ["re: 0: good", "re: 1: good", "re: 2: good"]
        );
    })
    .await;
}

#[tokio::test]
async fn an_unknown_or_ambiguous_id_is_refused_and_changes_nothing() {
    on_every_journal(async |journal| {
        let model = echo();
        let graph = reviewed(&model, 2);
        let (id, _) = finish(graph.clone(), texts(2), journaled(&journal)).await;
        for wrong in ["nonsense", "verdict", "run/review[7]:verdict", ""] {
            let options = journaled(&journal).resume(id.clone()).answer(wrong, "good");
            let (_, refused) = finish(graph.clone(), texts(2), options).await;
            let error = refused.unwrap_err();
            assert!(error.is_invalid(), "{error:?}");
            let message = format!("the run has no open question '{wrong}'");
            assert_eq!(error.to_string(), message);
            let help = error.help().unwrap();
            assert!(help.starts_with("open are: "), "{help}");
            for open in open(&*journal, &id).await {
                assert!(help.contains(&format!("'{open}'")), "{help}");
            }
            assert_eq!(open(&*journal, &id).await.len(), 2);
        }
        // A right one beside a wrong one is not taken either.
        let options = journaled(&journal)
            .resume(id.clone())
            .answer("run/review[0]:verdict", "good")
            .answer("nonsense", "good");
        let (_, refused) = finish(graph, texts(2), options).await;
        assert!(refused.unwrap_err().is_invalid());
        assert_eq!(open(&*journal, &id).await.len(), 2);
        assert_eq!(model.calls(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_refused_answer_leaves_the_runs_record_as_it_was() {
    on_every_journal(async |journal| {
        let graph = reviewed(&echo(), 2);
        let (id, _) = finish(graph.clone(), texts(1), journaled(&journal)).await;
        let told = journal.events(&id).await.unwrap();
        let options = journaled(&journal).resume(id.clone()).answer("nonsense", 1);
        let (_, refused) = finish(graph, texts(1), options).await;
        refused.unwrap_err();
        let head = record(&*journal, &id).await;
        assert_eq!(head.status, RunStatus::Interrupted);
        assert_eq!(journal.events(&id).await.unwrap(), told);
    })
    .await;
}

#[tokio::test]
async fn what_was_not_asked_cannot_be_answered() {
    on_every_journal(async |journal| {
        let graph = reviewed(&echo(), 1);
        // Not in advance.
        let early = journaled(&journal).answer("verdict", "good");
        let (_, refused) = finish(graph.clone(), texts(1), early).await;
        let error = refused.unwrap_err();
        assert!(error.is_invalid() && error.help() == Some("it has none"));
        assert!(
            journal.list().await.unwrap().is_empty(),
            "nothing was begun"
        );
        // Not twice.
        let (id, _) = finish(graph.clone(), texts(1), journaled(&journal)).await;
        let answer = || {
            journaled(&journal)
                .resume(id.clone())
                .answer("verdict", "good")
        };
        let (_, output) = finish(graph.clone(), texts(1), answer()).await;
        assert_eq!(output.unwrap(), ["re: 0: good"]);
        let (_, refused) = finish(graph, texts(1), answer()).await;
        assert!(refused.unwrap_err().is_invalid());
    })
    .await;
}

async fn approve(text: String, cx: Context) -> Result<String> {
    let (good, grade): (bool, u8) = cx.interrupt("good", &text).await?;
    Ok(format!("{text} {good} {grade}"))
}

#[tokio::test]
async fn an_answer_of_the_wrong_type_leaves_the_question_open() {
    on_every_journal(async |journal| {
        let start = |options| finish(alone("approve", agent(approve)), "x".to_owned(), options);
        let (id, first) = start(journaled(&journal)).await;
        assert_eq!(first.unwrap_err().interrupts()[0].answer, "(bool, u8)");
        let wrong = [
            serde_json::json!(true),
            serde_json::json!(null),
            serde_json::json!([true, 256]),
            serde_json::json!([true, 1, 2]),
        ];
        for wrong in wrong {
            let options = journaled(&journal).resume(id.clone()).answer("good", wrong);
            let error = start(options).await.1.unwrap_err();
            assert!(error.is_invalid(), "{error:?}");
            let message = error.to_string();
            let expected = "run/approve: the answer to 'run/approve:good' is no (bool, u8): ";
            assert!(message.starts_with(expected), "{message}");
            assert!(error.help().unwrap().contains("still open"));
            assert_eq!(open(&*journal, &id).await, ["run/approve:good"]);
        }
        let right = journaled(&journal)
            .resume(id)
            .answer("run/approve:good", serde_json::json!([true, 1]));
        assert_eq!(start(right).await.1.unwrap(), "x true 1");
    })
    .await;
}

#[tokio::test]
async fn without_a_journal_a_question_says_that_it_needs_one() {
    let run = Run::start(
        alone("approve", agent(approve)),
        "x".to_owned(),
        RunOptions::new("run"),
    );
    let error = run.outcome().await.unwrap_err();
    assert!(error.is_interrupted());
    assert!(error.help().unwrap().contains("needs a journal"));
    let options = RunOptions::new("run").answer("good", true);
    let run = Run::start(alone("approve", agent(approve)), "x".to_owned(), options);
    assert!(run.outcome().await.unwrap_err().is_invalid());
}

#[tokio::test]
async fn a_question_in_a_nested_graph_has_the_whole_path() {
    on_every_journal(async |journal| {
        let graph = || alone("outer", mapped("list", 1, alone("approve", agent(approve))));
        let input = || vec!["x".to_owned()];
        let (id, first) = finish(graph(), input(), journaled(&journal)).await;
        let question = first.unwrap_err().interrupts()[0].clone();
        assert_eq!(question.id, "run/outer/list[0]/approve:good");
        assert_eq!(question.path.as_str(), "run/outer/list[0]/approve");
        let answer = serde_json::json!([false, 3]);
        let options = journaled(&journal).resume(id).answer(question.id, answer);
        let (_, output) = finish(graph(), input(), options).await;
        assert_eq!(output.unwrap(), ["x false 3"]);
    })
    .await;
}

#[tokio::test]
async fn each_visit_of_a_cycle_asks_a_question_of_its_own() {
    on_every_journal(async |journal| {
        let graph = || {
            let mut graph = Graph::builder("g");
            let ask = graph.node(
                "ask",
                agent(|text: String, cx: Context| async move {
                    let more: Option<String> = cx.interrupt("more", &text).await?;
                    Ok((text, more))
                }),
            );
            let add = graph.node(
                "add",
                agent(|text: String, _cx| async move { Ok(text + "+") }),
            );
            let end = graph.node("end", agent(|text: String, _cx| async move { Ok(text) }));
            let choose = branch!(
                graph,
                "choose",
                |answer: (String, Option<String>)| match answer {
                    (text, Some(more)) => add(text + &more),
                    (text, None) => end(text),
                }
            );
            graph.edge(ask, choose).edge(add, ask).step_limit(9);
            graph.build(ask, end).unwrap()
        };
        let start = |options| finish(graph(), "x".to_owned(), options);
        let (id, first) = start(journaled(&journal)).await;
        assert_eq!(first.unwrap_err().interrupts()[0].id, "run/ask:more");
        let resume = || journaled(&journal).resume(id.clone());
        let second = start(resume().answer("more", "a")).await.1.unwrap_err();
        assert_eq!(second.interrupts()[0].id, "run/ask#2:more");
        assert_eq!(second.interrupts()[0].question, "xa+");
        let third = start(resume().answer("run/ask#2:more", "b"))
            .await
            .1
            .unwrap_err();
        assert_eq!(third.interrupts()[0].id, "run/ask#3:more");
        let (_, output) = start(resume().answer("more", serde_json::Value::Null)).await;
        assert_eq!(output.unwrap(), "xa+b+");
    })
    .await;
}

#[tokio::test]
async fn a_node_cannot_ask_two_questions_by_one_name() {
    let twice = agent(|(): (), cx: Context| async move {
        let first = cx.interrupt::<bool>("sure", &1).await;
        assert!(first.unwrap_err().is_interrupted());
        cx.interrupt::<bool>("sure", &2).await
    });
    let nameless = agent(|(): (), cx: Context| async move { cx.interrupt::<bool>("", &1).await });
    let options = || RunOptions::new("run").journal(memory());
    for run in [
        Run::start(alone("ask", twice), (), options()),
        Run::start(alone("ask", nameless), (), options()),
    ] {
        let error = run.outcome().await.unwrap_err();
        assert!(error.is_invalid(), "{error:?}");
        assert!(
            error.to_string().contains("needs a name of its own"),
            "{error}"
        );
        assert!(error.help().is_some());
    }
}

#[tokio::test]
async fn a_failure_beside_a_question_is_the_failure_and_the_question_stays() {
    on_every_journal(async |journal| {
        let failing = std::sync::atomic::AtomicBool::new(true);
        let failing = Arc::new(failing);
        let work = agent(move |x: u8, cx: Context| {
            let failing = Arc::clone(&failing);
            async move {
                match x {
                    0 => cx.interrupt::<u8>("which", &x).await,
                    // After the other one has asked.
                    _ => {
                        cx.sleep(std::time::Duration::from_millis(20)).await?;
                        match failing.swap(false, std::sync::atomic::Ordering::SeqCst) {
                            true => Err(Error::unavailable("down")),
                            false => Ok(x),
                        }
                    }
                }
            }
        });
        let graph = mapped("work", 2, work);
        let (id, first) = finish(graph.clone(), vec![0, 1], journaled(&journal)).await;
        assert!(first.unwrap_err().is_retryable());
        assert_eq!(open(&*journal, &id).await, ["run/work[0]:which"]);
        let options = journaled(&journal).resume(id).answer("which", 9);
        assert_eq!(finish(graph, vec![0, 1], options).await.1.unwrap(), [9, 1]);
    })
    .await;
}

#[tokio::test]
async fn questions_asked_at_once_by_one_node_can_all_be_passed() {
    on_every_journal(async |journal| {
        let both = agent(|(): (), cx: Context| async move {
            let (a, b) = join(
                cx.interrupt::<String>("a", &"first?"),
                cx.interrupt::<String>("b", &"second?"),
            )
            .await;
            Ok(a? + &b?)
        });
        let graph = alone("both", both);
        let (id, first) = finish(graph.clone(), (), journaled(&journal)).await;
        assert!(first.unwrap_err().is_interrupted());
        assert_eq!(open(&*journal, &id).await, ["run/both:a", "run/both:b"]);
        let resume = || journaled(&journal).resume(id.clone());
        let (_, second) = finish(graph.clone(), (), resume().answer("b", "y")).await;
        let error = second.unwrap_err();
        assert!(error.is_interrupted(), "{error:?}");
        assert_eq!(open(&*journal, &id).await, ["run/both:a"]);
        let (_, output) = finish(graph, (), resume().answer("a", "x")).await;
        assert_eq!(output.unwrap(), "xy");
        assert_eq!(entries(&*journal, &id).await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_question_is_told_with_all_that_a_person_needs() {
    let options = RunOptions::new("run").journal(memory());
    let run = Run::start(alone("approve", agent(approve)), "x".to_owned(), options);
    let (events, outcome) = events(run).await;
    let waits = outcome.unwrap_err();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Interrupted { interrupt } => Some(interrupt),
            _ => None,
        })
        .collect();
    assert_eq!(told, [&waits.interrupts()[0]]);
    assert_eq!(told[0].question, "x");
    assert_eq!(told[0].name(), "good");
    let ended = events.iter().any(|event| {
        matches!(
            event.kind,
            EventKind::NodeFinished | EventKind::NodeFailed { .. }
        )
    });
    assert!(!ended, "a node that waits has neither finished nor failed");
    assert!(matches!(
        &events.last().unwrap().kind,
        EventKind::RunFailed { error, .. } if error.is_interrupted()
    ));
}
