//! Interrupts that other engines could not pass, or whose payload they lost.

use std::sync::Arc;

use catena::{
    Context, Result, RunOptions, SqliteJournal, agent, models::ScriptedModel, open_interrupts,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{alone, entries, finish, on_every_journal, oracle, say};

/// Asks a model, then a person, then the model again, three times over.
async fn interview(model: ScriptedModel, cx: Context) -> Result<String> {
    let mut text = "begin".to_owned();
    for round in 1..=3 {
        text = cx.chat(&model, say(text)).await?.text;
        let opinion: String = cx.interrupt(&format!("round {round}"), &text).await?;
        text = format!("{text} {opinion}");
    }
    Ok(cx.chat(&model, say(text)).await?.text)
}

#[tokio::test]
async fn an_interrupt_can_be_passed_and_the_next_one_too() {
    on_every_journal(async |journal| {
        let model = oracle();
        let asked = model.clone();
        let graph = alone(
            "interview",
            agent(move |(): (), cx: Context| interview(asked.clone(), cx)),
        );
        let options = || RunOptions::new("run").journal(Arc::clone(&journal));
        let (id, first) = finish(graph.clone(), (), options()).await;
        let mut waits = first.unwrap_err();
        for round in 1..=3 {
            assert_eq!(waits.interrupts()[0].name(), format!("round {round}"));
            assert_eq!(model.calls(), round, "each call is made once");
            // Without an answer it waits at the same place, as often as it is tried.
            let (_, again) = finish(graph.clone(), (), options().resume(id.clone())).await;
            assert_eq!(again.unwrap_err().interrupts(), waits.interrupts());
            let answer = options()
                .resume(id.clone())
                .answer(format!("round {round}"), "fine");
            let (_, next) = finish(graph.clone(), (), answer).await;
            match next {
                Err(error) => waits = error,
                Ok(_) => assert_eq!(round, 3),
            }
        }
        assert_eq!(model.calls(), 4);
        let kinds = entries(&*journal, &id).await;
        let kinds: Vec<_> = kinds.iter().map(|entry| entry.effect.kind()).collect();
        let round = ["chat", "question", "answer"];
        assert_eq!(kinds, [&round[..], &round, &round, &["chat"]].concat());
    })
    .await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    number: u32,
    text: String,
    weight: f64,
    refers_to: Option<Box<Claim>>,
}

fn claim() -> Claim {
    Claim {
        number: u32::MAX,
        text: "größer \u{1f40b} \"quoted\"\n\u{0}".to_owned() + &"long ".repeat(10_000),
        weight: 0.1,
        refers_to: Some(Box::new(Claim {
            number: 1,
            text: String::new(),
            weight: -1e300,
            refers_to: None,
        })),
    }
}

#[tokio::test]
async fn no_payload_of_a_question_or_an_answer_is_lost() {
    let amend = || {
        agent(|claim: Claim, cx: Context| async move {
            let amended: Vec<Claim> = cx.interrupt("amend", &claim).await?;
            let nothing: Option<u8> = cx.interrupt("nothing", &()).await?;
            Ok((amended, nothing))
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    // Each time another process, as far as the journal can tell.
    let options = || {
        let journal = Arc::new(SqliteJournal::open(&path).unwrap());
        RunOptions::new("run").journal(journal)
    };
    let (id, first) = finish(alone("amend", amend()), claim(), options()).await;
    let told = first.unwrap_err().interrupts()[0].clone();
    let journal = SqliteJournal::open(&path).unwrap();
    let open = open_interrupts(&journal, &id).await.unwrap();
    assert_eq!(open.as_slice(), std::slice::from_ref(&told));
    assert_eq!(told.question, serde_json::to_value(claim()).unwrap());
    assert_eq!(told.answer, "Vec<Claim>");
    drop(journal);

    let answer = json!([claim(), claim()]);
    let resume = || options().resume(id.clone());
    let (_, second) = finish(
        alone("amend", amend()),
        claim(),
        resume().answer("amend", answer),
    )
    .await;
    assert_eq!(second.unwrap_err().interrupts()[0].question, json!(null));
    // An answer of nothing is an answer.
    let (_, output) = finish(
        alone("amend", amend()),
        claim(),
        resume().answer("nothing", json!(null)),
    )
    .await;
    assert_eq!(output.unwrap(), (vec![claim(), claim()], None));
    // And it is still there afterwards.
    let (_, output) = finish(alone("amend", amend()), claim(), resume()).await;
    assert_eq!(output.unwrap(), (vec![claim(), claim()], None));
}
